//! What identity asks of data about accounts: mailed links, invitations, the second factor, whose secret the vault seals.

use async_trait::async_trait;
use domain::{Secret, Timestamp, UserId};
use identity::{
    PasswordHash, TokenHash,
    ports::{
        AcceptedInvitation, Accepting, EmailConfirmed, Invitation, Invitations, MailPurpose, MailToken, MailTokens,
        SecondFactorRecord, SecondFactors,
    },
};
use store::{Effects, people};
use vault::{Bound, Purpose};

use super::identity_records::{Answer, StoredIdentities, away, stored_user, system};

const fn purpose(purpose: MailPurpose) -> people::MailPurpose {
    match purpose {
        MailPurpose::Verify => people::MailPurpose::Verify,
        MailPurpose::Reset => people::MailPurpose::Reset,
    }
}

#[async_trait]
impl MailTokens for StoredIdentities {
    async fn put_mail_token(&self, of: MailPurpose, token: &MailToken) -> Answer<()> {
        let stored = people::MailToken {
            hash: *token.hash.bytes(),
            user: token.user,
            email: token.email.to_string(),
            created_at: token.created_at,
            expires_at: token.expires_at,
        };
        self.store.put_mail_token(system(), purpose(of), stored).await.map_err(away)
    }
    async fn mail_token(&self, of: MailPurpose, hash: &TokenHash, at: Timestamp) -> Answer<Option<MailToken>> {
        let found = self.store.mail_token(system(), purpose(of), *hash.bytes(), at).await.map_err(away)?;
        let read = |token: people::MailToken| {
            Ok(MailToken {
                hash: TokenHash::from_bytes(token.hash),
                user: token.user,
                email: token.email.parse().map_err(away)?,
                created_at: token.created_at,
                expires_at: token.expires_at,
            })
        };
        found.map(read).transpose()
    }
    async fn confirm_email(&self, hash: &TokenHash, at: Timestamp) -> Answer<EmailConfirmed> {
        match self.store.confirm_email(system(), *hash.bytes(), at, Effects::none()).await {
            Ok(Some(user)) => Ok(EmailConfirmed::Done(user)),
            Ok(None) => Ok(EmailConfirmed::No),
            Err(store::Error::Taken { .. }) => Ok(EmailConfirmed::Taken),
            Err(error) => Err(away(error)),
        }
    }
    async fn reset_password(&self, hash: &TokenHash, new: &PasswordHash, at: Timestamp) -> Answer<Option<UserId>> {
        let new = new.as_stored().to_owned();
        self.store.reset_password(system(), *hash.bytes(), new, at, Effects::none()).await.map_err(away)
    }
}

#[async_trait]
impl Invitations for StoredIdentities {
    async fn invitation(&self, hash: &TokenHash, at: Timestamp) -> Answer<Option<Invitation>> {
        let found = self.store.invitation_by_hash(system(), *hash.bytes(), at).await.map_err(away)?;
        let read = |found: people::Invitation| {
            Ok(Invitation {
                team: found.team,
                team_name: found.team_name,
                email: found.email.parse().map_err(away)?,
                role: found.role,
                expires_at: found.expires_at,
            })
        };
        found.map(read).transpose()
    }
    async fn accept_invitation(
        &self,
        hash: &TokenHash,
        who: &Accepting,
        at: Timestamp,
    ) -> Answer<Option<AcceptedInvitation>> {
        let who = match who {
            Accepting::New(user) => people::Accepting::New(stored_user(user)),
            Accepting::Known(id) => people::Accepting::Known(*id),
        };
        match self.store.accept_invitation(system(), *hash.bytes(), who, at, Effects::none()).await {
            Ok(done) => Ok(done.map(|done| AcceptedInvitation { user: done.user, team: done.team, role: done.role })),
            // Its address got an account, or another address, between the look and the act: the link is not for it.
            Err(store::Error::Taken { .. } | store::Error::Refused { .. }) => Ok(None),
            Err(error) => Err(away(error)),
        }
    }
}

const fn bound(user: &[u8; 16]) -> Bound<'_> {
    Bound { table: "second_factors", field: "sealed", scope: None, row: user, version: 1 }
}

#[async_trait]
impl SecondFactors for StoredIdentities {
    async fn second_factor(&self, user: UserId) -> Answer<Option<SecondFactorRecord>> {
        let Some(found) = self.store.second_factor(system(), user).await.map_err(away)? else { return Ok(None) };
        let secret = self.vault.open(Purpose::Settings, &bound(user.uuid().as_bytes()), &found.sealed).map_err(away)?;
        Ok(Some(SecondFactorRecord { secret, confirmed_at: found.confirmed_at }))
    }
    async fn has_second_factor(&self, user: UserId) -> Answer<bool> {
        let found = self.store.second_factor(system(), user).await.map_err(away)?;
        Ok(found.is_some_and(|factor| factor.confirmed_at.is_some()))
    }
    async fn begin_second_factor(&self, user: UserId, secret: &Secret<Vec<u8>>, at: Timestamp) -> Answer<bool> {
        let sealed =
            self.vault.seal(Purpose::Settings, &bound(user.uuid().as_bytes()), secret.expose()).map_err(away)?;
        match self.store.begin_second_factor(system(), user, sealed, at).await {
            Ok(()) => Ok(true),
            Err(store::Error::Refused { .. }) => Ok(false),
            Err(error) => Err(away(error)),
        }
    }
    async fn confirm_second_factor(&self, user: UserId, step: i64, codes: &[TokenHash], at: Timestamp) -> Answer<bool> {
        self.store.confirm_second_factor(system(), user, step, bytes(codes), at).await.map_err(away)
    }
    async fn take_step(&self, user: UserId, step: i64) -> Answer<bool> {
        self.store.take_step(system(), user, step).await.map_err(away)
    }
    async fn replace_recovery_codes(&self, user: UserId, codes: &[TokenHash]) -> Answer<()> {
        self.store.replace_recovery_codes(system(), user, bytes(codes)).await.map_err(away)
    }
    async fn use_recovery_code(&self, user: UserId, hash: &TokenHash, at: Timestamp) -> Answer<bool> {
        self.store.use_recovery_code(system(), user, *hash.bytes(), at).await.map_err(away)
    }
    async fn recovery_codes_left(&self, user: UserId) -> Answer<u32> {
        self.store.recovery_codes_left(system(), user).await.map_err(away)
    }
    async fn remove_second_factor(&self, user: UserId) -> Answer<()> {
        self.store.remove_second_factor(system(), user, Effects::none()).await.map_err(away)
    }
    async fn open_pending(&self, hash: &TokenHash, user: UserId, at: Timestamp, expires_at: Timestamp) -> Answer<()> {
        self.store.open_pending(system(), *hash.bytes(), user, at, expires_at).await.map_err(away)
    }
    async fn try_pending(&self, hash: &TokenHash, at: Timestamp) -> Answer<Option<UserId>> {
        self.store.try_pending(system(), *hash.bytes(), at).await.map_err(away)
    }
    async fn use_pending(&self, hash: &TokenHash, at: Timestamp) -> Answer<bool> {
        self.store.use_pending(system(), *hash.bytes(), at).await.map_err(away)
    }
}

fn bytes(codes: &[TokenHash]) -> Vec<[u8; 32]> {
    codes.iter().map(|code| *code.bytes()).collect()
}
