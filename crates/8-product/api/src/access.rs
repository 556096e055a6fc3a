use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Who is asking, and where they belong.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Me {
    /// `user_…`, `key_…` or `sa_…`.
    pub principal: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether the person has a second factor.
    pub second_factor: bool,
    pub teams: Vec<Membership>,
}

/// A team that the caller belongs to.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Membership {
    pub team: String,
    /// The team's name in addresses.
    pub slug: String,
    pub name: String,
    pub role: String,
    /// The named permissions that the role gives.
    pub permissions: Vec<String>,
}

/// Makes the first admin, with the token of the set-up link.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetUp {
    pub token: String,
    /// The admin's e-mail address.
    pub email: String,
    /// 12 to 72 bytes, not a common one.
    pub password: String,
    /// Name of the first team; with the demo installed, the demo team is joined when this is absent.
    #[serde(default)]
    pub team: Option<String>,
}

/// Signs in with a password.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    pub email: String,
    pub password: String,
}

/// A session was made; its cookies are in the answer's headers.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SignedIn {
    pub user: String,
    /// To be sent as `X-CSRF-Token` with every change.
    pub csrf_token: String,
    pub expires_at: String,
}

/// Asks for a new API key.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateApiKey {
    pub name: String,
    /// Only these permissions; absent means all of the owner's role.
    #[serde(default)]
    pub permissions: Option<Vec<String>>,
    /// Only these environments; absent means all.
    #[serde(default)]
    pub environments: Option<Vec<String>>,
    /// Only from these address ranges, such as `10.0.0.0/8`; absent or empty means from anywhere.
    #[serde(default)]
    pub addresses: Option<Vec<String>>,
    /// Days until it expires, 1 to 365. Default 90.
    #[serde(default)]
    pub expires_in_days: Option<u32>,
}

/// A key as it is shown: never its value.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ApiKey {
    pub id: String,
    pub name: String,
    /// The first characters, to recognise it by.
    pub prefix: String,
    /// Whom it stands for: `user_…` or `sa_…`.
    pub owner: String,
    /// Only these permissions; absent means all of the owner's role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Vec<String>>,
    /// Only these environments; absent means all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environments: Option<Vec<String>>,
    /// Only from these address ranges; empty means from anywhere.
    pub addresses: Vec<String>,
    pub created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_from: Option<String>,
}

/// A key right after it was made; the value is not shown again.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NewApiKey {
    #[serde(flatten)]
    pub key: ApiKey,
    /// The value.
    pub value: String,
}
