//! Teams, their members, invitations and accounts for machines.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::SignedIn;

/// A team.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Team {
    pub id: String,
    /// The team's name in addresses.
    pub slug: String,
    pub name: String,
    /// Whether people without a second factor may do nothing here but enrol one.
    pub require_second_factor: bool,
    pub created_at: String,
}

/// Makes a team.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateTeam {
    /// 1 to 100 characters.
    pub name: String,
}

/// Changes a team; what is absent stays.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeTeam {
    /// 1 to 100 characters.
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub require_second_factor: Option<bool>,
}

/// A member of a team.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Member {
    /// `user_…` or `sa_…`.
    pub id: String,
    /// `user` or `service_account`.
    pub kind: String,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    pub role: String,
    /// Who says so: `manual`, `setup`, `invitation`, `scim`, `claim`, …
    pub source: String,
    /// Whether the person has a second factor.
    pub second_factor: bool,
    pub disabled: bool,
    pub since: String,
}

/// Gives a member another role.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeRole {
    /// `admin`, `builder`, `operator`, `viewer` or `compliance_officer`.
    pub role: String,
}

/// A pause that is recorded against a member, or failures that lead to one.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct MemberCooldown {
    pub member: String,
    /// `sign_in_anywhere`, `sso`, `resend`, `reset`, `step_up` or `second_factor`.
    pub action: String,
    pub failures: u32,
    pub last_failure: String,
    /// Nothing is tried before this.
    pub until: String,
}

/// Everything that is recorded against the members.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct MemberCooldowns {
    pub items: Vec<MemberCooldown>,
}

/// Invites somebody.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Invite {
    pub email: String,
    /// `admin`, `builder`, `operator`, `viewer` or `compliance_officer`.
    pub role: String,
}

/// An invitation that waits.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Invitation {
    pub id: String,
    pub email: String,
    pub role: String,
    pub created_at: String,
    pub sent_at: String,
    pub expires_at: String,
    /// What became of the mail: `sent`, `retrying`, `failed`, or `link` where no mail server is configured. Only in the
    /// answer that made the link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery: Option<String>,
    /// To be handed over; only where no mail server is configured, and only now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// The invitations that wait, oldest first.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Invitations {
    pub items: Vec<Invitation>,
}

/// What an invitation's link says.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct InvitedTo {
    /// The team's name.
    pub team: String,
    pub email: String,
    pub role: String,
    pub expires_at: String,
    /// Whether the address has an account: then its password is asked for, and none is chosen.
    pub has_account: bool,
}

/// Accepts an invitation.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptInvitation {
    pub token: String,
    /// Of a new account.
    #[serde(default)]
    pub name: Option<String>,
    /// A new account's password, or the password of the account that the address has.
    pub password: String,
}

/// A new member.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Joined {
    pub team: String,
    pub role: String,
    pub email: String,
    /// For a new account; whoever had one signs in as always.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed_in: Option<SignedIn>,
}

/// An account for machines.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ServiceAccount {
    pub id: String,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    pub created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled_at: Option<String>,
}

/// The accounts for machines, by name.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ServiceAccounts {
    pub items: Vec<ServiceAccount>,
}

/// Makes an account for machines.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateServiceAccount {
    /// 1 to 100 characters; unique in the team.
    pub name: String,
    /// `admin`, `builder`, `operator`, `viewer` or `compliance_officer`.
    pub role: String,
}

/// Which role may what, as enforced.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PermissionTable {
    pub roles: Vec<String>,
    pub permissions: Vec<PermissionRow>,
}

/// One line of it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PermissionRow {
    pub name: String,
    /// The roles that have it.
    pub roles: Vec<String>,
}
