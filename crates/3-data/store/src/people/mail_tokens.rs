//! Links that went out by mail: to confirm an address, to set a new password. Each is good for one use.

use authz::SystemPermit;
use domain::{Timestamp, UserId};

use crate::{
    Effects, Result, Store,
    kernel::{row::Row, sql::binds, tx::Tx},
};

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailPurpose {
    /// Confirms that the address is the account's.
    Verify,
    /// Sets a new password.
    Reset,
}

impl MailPurpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Reset => "reset",
        }
    }
}

/// A link's token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailToken {
    pub hash: [u8; 32],
    pub user: UserId,
    /// The comparable address that the mail goes to.
    pub email: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

const READ: &str = "SELECT t.hash, t.user_id, t.email, t.created_at, t.expires_at FROM mail_tokens AS t \
     JOIN users AS u ON u.id = t.user_id WHERE t.hash = $1 AND t.purpose = $2 AND t.used_at IS NULL \
     AND t.expires_at > $3 AND u.disabled_at IS NULL";

impl Store {
    /// Keeps a link's token; earlier ones of the same person for the same purpose end, and so do old ones of anybody.
    pub async fn put_mail_token(&self, _system: SystemPermit, purpose: MailPurpose, token: MailToken) -> Result<()> {
        self.write(Effects::none(), (purpose.as_str(), token), |(purpose, token), tx| {
            Box::pin(async move {
                let sql = "DELETE FROM mail_tokens WHERE (user_id = $1 AND purpose = $2) OR expires_at < $3";
                tx.run(sql, binds![token.user, *purpose, token.created_at]).await?;
                tx.run(
                    "INSERT INTO mail_tokens (hash, purpose, user_id, email, created_at, expires_at) \
                     VALUES ($1, $2, $3, $4, $5, $6)",
                    binds![token.hash, *purpose, token.user, &token.email, token.created_at, token.expires_at],
                )
                .await?;
                Ok(())
            })
        })
        .await
    }

    /// A token that would be taken at `at`.
    pub async fn mail_token(
        &self,
        _system: SystemPermit,
        purpose: MailPurpose,
        hash: [u8; 32],
        at: Timestamp,
    ) -> Result<Option<MailToken>> {
        self.db().optional(READ, binds![hash, purpose.as_str(), at]).await?.as_ref().map(token).transpose()
    }

    /// Takes a token: its address becomes the account's, and confirmed. Nothing when the token is not valid.
    ///
    /// # Errors
    /// [`Error::Taken`](crate::Error::Taken) when the address has an account by now.
    pub async fn confirm_email(
        &self,
        _system: SystemPermit,
        hash: [u8; 32],
        at: Timestamp,
        effects: Effects,
    ) -> Result<Option<UserId>> {
        self.write(effects, (hash, at), |(hash, at), tx| {
            Box::pin(async move {
                let Some(token) = take(tx, MailPurpose::Verify, *hash, *at).await? else { return Ok(None) };
                let sql = "UPDATE users SET email_norm = $2, email_verified_at = \
                           CASE WHEN email_norm = $2 THEN COALESCE(email_verified_at, $3) ELSE $3 END WHERE id = $1";
                tx.run(sql, binds![token.user, &token.email, *at]).await?;
                // A link to the address that was is no proof of anything any more.
                tx.run("DELETE FROM mail_tokens WHERE user_id = $1 AND purpose = 'reset'", binds![token.user]).await?;
                Ok(Some(token.user))
            })
        })
        .await
    }

    /// Takes a token and replaces the password's hash; every session of the person ends with it. Nothing when the token
    /// is not valid.
    pub async fn reset_password(
        &self,
        _system: SystemPermit,
        token: [u8; 32],
        password_hash: String,
        at: Timestamp,
        effects: Effects,
    ) -> Result<Option<UserId>> {
        self.write(effects, (token, password_hash, at), |(hash, password, at), tx| {
            Box::pin(async move {
                let Some(token) = take(tx, MailPurpose::Reset, *hash, *at).await? else { return Ok(None) };
                let sql = "UPDATE users SET password_hash = $2, \
                           email_verified_at = COALESCE(email_verified_at, $3) WHERE id = $1";
                tx.run(sql, binds![token.user, &*password, *at]).await?;
                end_all(tx, token.user, *at).await?;
                Ok(Some(token.user))
            })
        })
        .await
    }
}

/// Ends everything that a person is signed in by, half signed in by or might sign in by: sessions, links, second steps.
pub(super) async fn end_all(tx: &mut Tx, user: UserId, at: Timestamp) -> Result<()> {
    let of_user = "DELETE FROM refresh_tokens WHERE session IN (SELECT id FROM sessions WHERE user_id = $1)";
    tx.run(of_user, binds![user]).await?;
    tx.run("UPDATE sessions SET ended_at = $2 WHERE user_id = $1 AND ended_at IS NULL", binds![user, at]).await?;
    tx.run("DELETE FROM mail_tokens WHERE user_id = $1", binds![user]).await?;
    tx.run("DELETE FROM pending_sign_ins WHERE user_id = $1", binds![user]).await?;
    Ok(())
}

async fn take(tx: &mut Tx, purpose: MailPurpose, hash: [u8; 32], at: Timestamp) -> Result<Option<MailToken>> {
    let Some(row) = tx.optional(READ, binds![hash, purpose.as_str(), at]).await? else { return Ok(None) };
    // The update locks the token, so of two uses at once the second finds it used.
    let sql = "UPDATE mail_tokens SET used_at = $2 WHERE hash = $1 AND used_at IS NULL";
    if tx.run(sql, binds![hash, at]).await? == 0 {
        return Ok(None);
    }
    token(&row).map(Some)
}

fn token(row: &Row) -> Result<MailToken> {
    Ok(MailToken {
        hash: row.get("hash")?,
        user: row.get("user_id")?,
        email: row.get("email")?,
        created_at: row.get("created_at")?,
        expires_at: row.get("expires_at")?,
    })
}
