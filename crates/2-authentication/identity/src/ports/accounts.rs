//! What accounts ask of storage: links that go out by mail, invitations, the second factor.

use async_trait::async_trait;
use domain::{Role, Secret, TeamId, Timestamp, UserId};

use super::{Answer, User};
use crate::{Email, PasswordHash, TokenHash};

/// What a mailed link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MailPurpose {
    /// Confirms that the address is the account's.
    Verify,
    /// Sets a new password.
    Reset,
}

/// A mailed link's token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailToken {
    pub hash: TokenHash,
    pub user: UserId,
    /// Where the mail goes.
    pub email: Email,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// What came of confirming an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmailConfirmed {
    Done(UserId),
    /// Another account has this address by now.
    Taken,
    /// Unknown, used or over.
    No,
}

#[async_trait]
pub trait MailTokens: Send + Sync {
    async fn put_mail_token(&self, purpose: MailPurpose, token: &MailToken) -> Answer<()>;
    /// One that would be taken at `at`.
    async fn mail_token(&self, purpose: MailPurpose, hash: &TokenHash, at: Timestamp) -> Answer<Option<MailToken>>;
    /// Takes a token: its address becomes the account's, and confirmed.
    async fn confirm_email(&self, hash: &TokenHash, at: Timestamp) -> Answer<EmailConfirmed>;
    /// Takes a token: the password is replaced and every session ends, in one transaction. `None`: it was not valid.
    async fn reset_password(&self, hash: &TokenHash, new: &PasswordHash, at: Timestamp) -> Answer<Option<UserId>>;
}

/// An invitation as its link shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    pub team: TeamId,
    pub team_name: String,
    pub email: Email,
    pub role: Role,
    pub expires_at: Timestamp,
}

/// Who accepts.
#[derive(Debug, Clone)]
pub enum Accepting {
    New(User),
    Known(UserId),
}

/// What came of accepting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AcceptedInvitation {
    pub user: UserId,
    pub team: TeamId,
    pub role: Role,
}

#[async_trait]
pub trait Invitations: Send + Sync {
    /// One that would be taken at `at`.
    async fn invitation(&self, hash: &TokenHash, at: Timestamp) -> Answer<Option<Invitation>>;
    /// Takes it: the account, if it is new, and the membership are made in one transaction. `None`: it was not valid.
    async fn accept_invitation(
        &self,
        hash: &TokenHash,
        who: &Accepting,
        at: Timestamp,
    ) -> Answer<Option<AcceptedInvitation>>;
}

/// A person's second factor, opened.
#[derive(Debug, Clone)]
pub struct SecondFactorRecord {
    pub secret: Secret<Vec<u8>>,
    /// Absent while it was never proven: then it is asked for nowhere.
    pub confirmed_at: Option<Timestamp>,
}

#[async_trait]
pub trait SecondFactors: Send + Sync {
    async fn second_factor(&self, user: UserId) -> Answer<Option<SecondFactorRecord>>;
    /// Whether there is a confirmed one; cheaper than opening it.
    async fn has_second_factor(&self, user: UserId) -> Answer<bool>;
    /// Keeps a secret that is not confirmed yet; `false` when there is a confirmed one.
    async fn begin_second_factor(&self, user: UserId, secret: &Secret<Vec<u8>>, at: Timestamp) -> Answer<bool>;
    /// Confirms it with the code of `step`; `false` when there is nothing to confirm or the code was taken before.
    async fn confirm_second_factor(&self, user: UserId, step: i64, codes: &[TokenHash], at: Timestamp) -> Answer<bool>;
    /// Takes the code of `step`: `false` when it or a later one was taken before. Of two at once one is taken.
    async fn take_step(&self, user: UserId, step: i64) -> Answer<bool>;
    async fn replace_recovery_codes(&self, user: UserId, codes: &[TokenHash]) -> Answer<()>;
    /// Uses one; `false` when there is none such or it was used.
    async fn use_recovery_code(&self, user: UserId, hash: &TokenHash, at: Timestamp) -> Answer<bool>;
    async fn recovery_codes_left(&self, user: UserId) -> Answer<u32>;
    /// Takes it away with its recovery codes.
    async fn remove_second_factor(&self, user: UserId) -> Answer<()>;
    /// Keeps what the second step of a sign-in is recognised by.
    async fn open_pending(&self, hash: &TokenHash, user: UserId, at: Timestamp, expires_at: Timestamp) -> Answer<()>;
    /// Whose second step this is, counting an attempt; `None` when it is over, tried too often or unknown.
    async fn try_pending(&self, hash: &TokenHash, at: Timestamp) -> Answer<Option<UserId>>;
    /// Ends it; `false` when another was first.
    async fn use_pending(&self, hash: &TokenHash, at: Timestamp) -> Answer<bool>;
}
