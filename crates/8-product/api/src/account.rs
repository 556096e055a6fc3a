//! A person's own account: the second step, links by mail, sessions, the second factor.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::SignedIn;

/// What signing in leads to: a session, or the second step.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum SignInAnswer {
    SignedIn(SignedIn),
    SecondStep(SecondStepNeeded),
}

/// The password was right; a code of the second factor is needed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SecondStepNeeded {
    /// To be sent back with the code.
    pub pending: String,
    pub expires_at: String,
}

/// The second step of a sign-in.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecondStep {
    pub pending: String,
    /// Six digits, or a recovery code.
    pub code: String,
}

/// Names an address that a mail should go to.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ToAddress {
    pub email: String,
}

/// Taken; what follows happens elsewhere, or not at all.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Taken {}

/// The token of a mailed link.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkToken {
    pub token: String,
}

/// Sets a new password with a mailed link.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetPassword {
    pub token: String,
    /// 12 to 72 bytes, not a common one.
    pub password: String,
}

/// Changes one's own password.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    pub current: String,
    /// 12 to 72 bytes, not a common one.
    pub password: String,
}

/// Proves anew who one is: with a code by whoever has a second factor, else with the password.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StepUp {
    #[serde(default)]
    pub password: Option<String>,
    #[serde(default)]
    pub code: Option<String>,
}

/// A signed-in browser.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Session {
    pub id: String,
    /// The address it was last seen from.
    pub client: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// `password`, `second_factor` or `organisation`.
    pub method: String,
    pub created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen_at: Option<String>,
    pub expires_at: String,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// One's sessions, newest first.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Sessions {
    pub items: Vec<Session>,
}

/// How one's second factor stands.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SecondFactor {
    pub enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmed_at: Option<String>,
    pub recovery_codes_left: u32,
}

/// A secret for an authenticator; shown once, and good after it is confirmed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Enrolment {
    /// In base 32, for typing.
    pub secret: String,
    /// `otpauth://…`, for scanning.
    pub uri: String,
}

/// A code of the second factor.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Code {
    pub code: String,
}

/// Shown once.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RecoveryCodes {
    pub recovery_codes: Vec<String>,
}

/// The second factor is confirmed; every other session has ended.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Confirmed {
    /// Shown once.
    pub recovery_codes: Vec<String>,
    pub signed_in: SignedIn,
}
