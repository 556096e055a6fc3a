//! What identity asks of storage, in its own words. The server implements these over `store`; there is one set in memory
//! for tests. They are asked before there is a permit, so they answer narrow questions about one hash or one id.

mod accounts;

use std::net::IpAddr;

use async_trait::async_trait;
use domain::{ApiKeyId, Role, ServiceAccountId, SessionId, TeamId, Timestamp, UserId};

pub use accounts::{
    AcceptedInvitation, Accepting, EmailConfirmed, Invitation, Invitations, MailPurpose, MailToken, MailTokens,
    SecondFactorRecord, SecondFactors,
};

use crate::{
    ApiKeyRecord, Email, PasswordHash, TokenHash,
    cooldown::{Cooldown, CooldownKey, CooldownPolicy},
    session::{RefreshRecord, SessionRecord},
};

/// Storage did not answer. May be retried.
#[derive(Debug, thiserror::Error)]
#[error("identity records could not be read or written")]
pub struct Unavailable(#[source] pub Box<dyn std::error::Error + Send + Sync>);

type Answer<T> = Result<T, Unavailable>;

/// A person with an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    pub email: Email,
    pub name: String,
    /// Absent for people who only sign in through their organisation.
    pub password: Option<PasswordHash>,
    pub email_verified_at: Option<Timestamp>,
    pub disabled_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

/// Who can be in a team.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Member {
    User(UserId),
    ServiceAccount(ServiceAccountId),
}

#[async_trait]
pub trait Users: Send + Sync {
    async fn user_by_email(&self, email: &Email) -> Answer<Option<User>>;
    async fn user(&self, id: UserId) -> Answer<Option<User>>;
    async fn set_password(&self, id: UserId, hash: &PasswordHash, at: Timestamp) -> Answer<()>;
    /// The same, and in the same transaction every session, link and half-done sign-in of the person ends.
    async fn change_password(&self, id: UserId, hash: &PasswordHash, at: Timestamp) -> Answer<()>;
}

#[async_trait]
pub trait Memberships: Send + Sync {
    /// `None` for strangers, and for members whose account is disabled.
    async fn role(&self, member: Member, team: TeamId) -> Answer<Option<Role>>;
    async fn teams(&self, member: Member) -> Answer<Vec<(TeamId, Role)>>;
    /// Whether the team lets people without a second factor do nothing but enrol one.
    async fn demands_second_factor(&self, team: TeamId) -> Answer<bool>;
}

#[async_trait]
pub trait ApiKeys: Send + Sync {
    /// `None` also when the owner's account is disabled. Revoked and expired keys are returned as they are.
    async fn api_key(&self, hash: &TokenHash) -> Answer<Option<ApiKeyRecord>>;
    /// Called at most once a minute per key; may be lost.
    async fn api_key_used(&self, id: ApiKeyId, from: IpAddr, at: Timestamp) -> Answer<()>;
}

#[async_trait]
pub trait Sessions: Send + Sync {
    /// Both or neither.
    async fn open_session(&self, session: &SessionRecord, first: &RefreshRecord) -> Answer<()>;
    /// `None` also when the user's account is disabled.
    async fn session(&self, id: SessionId) -> Answer<Option<SessionRecord>>;
    async fn refresh_token(&self, hash: &TokenHash) -> Answer<Option<RefreshRecord>>;
    /// Marks `used` as used at `next.issued_at` and adds `next`, in one transaction; when `used` has been used
    /// already, does nothing and says when. Of two at the same moment exactly one gets `Rotated`.
    async fn rotate(&self, used: &TokenHash, next: &RefreshRecord) -> Answer<Rotation>;
    /// Adds a sibling within the grace.
    async fn add_refresh_token(&self, next: &RefreshRecord) -> Answer<()>;
    /// Sets `ended_at` (if not set); its refresh tokens die with it.
    async fn end_session(&self, id: SessionId, at: Timestamp) -> Answer<()>;
    /// Called at most once a minute per session; may be lost.
    async fn session_seen(&self, id: SessionId, from: IpAddr, at: Timestamp) -> Answer<()>;
    /// Those that have not ended, newest first.
    async fn sessions_of(&self, user: UserId) -> Answer<Vec<SessionRecord>>;
}

/// What became of a refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    Rotated,
    AlreadyUsed { at: Timestamp },
    Unknown,
}

#[async_trait]
pub trait SetupTokens: Send + Sync {
    /// Whether any user exists: then there is nothing left to set up.
    async fn any_user(&self) -> Answer<bool>;
    /// Replaces every earlier set-up token.
    async fn put_setup_token(&self, hash: &TokenHash, expires_at: Timestamp) -> Answer<()>;
    /// In one transaction: checks that the token exists, is unused and not expired and that there is no user yet,
    /// marks it used, and makes the user, the team and the admin's membership. `false`: it was not valid.
    async fn set_up(&self, hash: &TokenHash, first: &FirstAdmin, at: Timestamp) -> Answer<bool>;
    /// Whether `hash` would be taken now, without taking it (for the page behind the link).
    async fn setup_token_valid(&self, hash: &TokenHash, at: Timestamp) -> Answer<bool>;
}

/// What a set-up makes.
#[derive(Debug, Clone)]
pub struct FirstAdmin {
    pub user: User,
    pub team: TeamId,
    pub team_name: String,
}

#[async_trait]
pub trait Cooldowns: Send + Sync {
    async fn cooldown(&self, key: &CooldownKey) -> Answer<Option<Cooldown>>;
    /// Reads, applies [`Cooldown::after_failure`] and stores, in one transaction.
    async fn record_failure(&self, key: &CooldownKey, policy: CooldownPolicy, at: Timestamp) -> Answer<Cooldown>;
    async fn clear_cooldown(&self, key: &CooldownKey) -> Answer<()>;
    /// Begins a pause unless one holds, in one transaction: of two at the same moment one is let through. Answers until
    /// when to wait when one held.
    async fn take_turn(&self, key: &CooldownKey, policy: CooldownPolicy, at: Timestamp) -> Answer<Option<Timestamp>>;
}

/// All of it; implemented by whatever implements each.
pub trait Records:
    Users + Memberships + ApiKeys + Sessions + SetupTokens + Cooldowns + MailTokens + Invitations + SecondFactors
{
}
impl<T> Records for T where
    T: Users + Memberships + ApiKeys + Sessions + SetupTokens + Cooldowns + MailTokens + Invitations + SecondFactors
{
}
