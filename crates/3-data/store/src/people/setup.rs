//! The first admin: made once, by whoever holds the set-up link.

use authz::SystemPermit;
use domain::{Role, Timestamp};

use super::{Member, Membership, Team, User, memberships, users};
use crate::{Effects, Result, Store, kernel::sql::binds};

/// What a set-up makes.
#[derive(Debug, Clone)]
pub struct FirstAdmin {
    pub user: User,
    pub team: Team,
}

const VALID: &str = "SELECT 1 AS ok FROM setup_tokens WHERE hash = $1 AND used_at IS NULL AND expires_at > $2 \
                     AND NOT EXISTS (SELECT 1 FROM users)";

impl Store {
    /// Whether there is a user: then nothing is left to set up.
    pub async fn any_user(&self, _system: SystemPermit) -> Result<bool> {
        Ok(self.db().optional("SELECT 1 AS ok FROM users LIMIT 1", binds![]).await?.is_some())
    }

    /// Replaces every earlier set-up token by this one.
    pub async fn put_setup_token(&self, _system: SystemPermit, hash: [u8; 32], expires_at: Timestamp) -> Result<()> {
        self.write(Effects::none(), (hash, expires_at), |(hash, expires_at), tx| {
            Box::pin(async move {
                tx.run("DELETE FROM setup_tokens WHERE used_at IS NULL", binds![]).await?;
                let sql = "INSERT INTO setup_tokens (hash, expires_at) VALUES ($1, $2)";
                tx.run(sql, binds![hash, *expires_at]).await?;
                Ok(())
            })
        })
        .await
    }

    /// Whether the token would be taken now.
    pub async fn setup_token_valid(&self, _system: SystemPermit, hash: [u8; 32], at: Timestamp) -> Result<bool> {
        Ok(self.db().optional(VALID, binds![hash, at]).await?.is_some())
    }

    /// Takes the token and makes the first user, the team and the membership, all or nothing. `false`: it was not
    /// valid, or there is a user already, and then `effects` say so but nothing else is stored.
    pub async fn set_up(
        &self,
        _system: SystemPermit,
        hash: [u8; 32],
        first: FirstAdmin,
        at: Timestamp,
        effects: Effects,
    ) -> Result<bool> {
        self.write(effects, (hash, first, at), |(hash, first, at), tx| {
            Box::pin(async move {
                // The update locks the token, so of two set-ups at once the second finds it used.
                let sql = "UPDATE setup_tokens SET used_at = $2 WHERE hash = $1 AND used_at IS NULL \
                           AND expires_at > $2 AND NOT EXISTS (SELECT 1 FROM users)";
                if tx.run(sql, binds![hash, *at]).await? == 0 {
                    return Ok(false);
                }
                users::insert(tx, &first.user).await?;
                let Team { id, slug, name, created_at } = &first.team;
                let sql = "INSERT INTO teams (id, slug, name, created_at) VALUES ($1, $2, $3, $4)";
                tx.run(sql, binds![*id, slug, name, *created_at]).await?;
                let membership = Membership {
                    team: *id,
                    member: Member::User(first.user.id),
                    role: Role::Admin,
                    source: "setup".to_owned(),
                    created_at: *at,
                };
                memberships::put(tx, &membership).await?;
                Ok(true)
            })
        })
        .await
    }
}
