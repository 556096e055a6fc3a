//! People with an account. One account per email address, over all teams.

use authz::SystemPermit;
use domain::{Timestamp, UserId};

use super::mail_tokens;
use crate::{
    Effects, Error, Result, Store,
    kernel::{
        row::Row,
        sql::{Bind, binds},
        tx::Tx,
    },
};

/// A person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    /// Trimmed and in lower case.
    pub email: String,
    pub name: String,
    /// Absent for people who only sign in through their organisation.
    pub password_hash: Option<String>,
    pub email_verified_at: Option<Timestamp>,
    pub disabled_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

const BY_EMAIL: &str = "SELECT id, email_norm, name, password_hash, email_verified_at, disabled_at, created_at \
                        FROM users WHERE email_norm = $1";
const BY_ID: &str = "SELECT id, email_norm, name, password_hash, email_verified_at, disabled_at, created_at \
                     FROM users WHERE id = $1";

impl Store {
    /// The account with this (comparable) address.
    pub async fn user_by_email(&self, _system: SystemPermit, email: &str) -> Result<Option<User>> {
        self.db().optional(BY_EMAIL, binds![email]).await?.as_ref().map(user).transpose()
    }

    /// The account with this id.
    pub async fn user(&self, _system: SystemPermit, id: UserId) -> Result<Option<User>> {
        self.db().optional(BY_ID, binds![id]).await?.as_ref().map(user).transpose()
    }

    /// Makes an account. [`Error::Taken`] when the address has one.
    pub async fn add_user(&self, _system: SystemPermit, new: User, effects: Effects) -> Result<()> {
        self.write(effects, new, |new, tx| Box::pin(insert(tx, new))).await
    }

    /// Replaces the password's hash.
    pub async fn set_password(&self, _system: SystemPermit, id: UserId, hash: String, effects: Effects) -> Result<()> {
        let binds = binds![id, hash];
        self.change_user("UPDATE users SET password_hash = $2 WHERE id = $1", binds, effects).await
    }

    /// Notes that the address is the person's own. The first time counts.
    pub async fn verify_email(&self, _system: SystemPermit, id: UserId, at: Timestamp, effects: Effects) -> Result<()> {
        let sql = "UPDATE users SET email_verified_at = COALESCE(email_verified_at, $2) WHERE id = $1";
        self.change_user(sql, binds![id, at], effects).await
    }

    /// Disables an account: its sessions end, its keys are revoked, in the same moment (R048).
    pub async fn disable_user(&self, _system: SystemPermit, id: UserId, at: Timestamp, effects: Effects) -> Result<()> {
        self.write(effects, (id, at), |(id, at), tx| {
            Box::pin(async move {
                let rows = tx
                    .run("UPDATE users SET disabled_at = COALESCE(disabled_at, $2) WHERE id = $1", binds![*id, *at])
                    .await?;
                Error::unless_touched(rows, "the user")?;
                mail_tokens::end_all(tx, *id, *at).await?;
                tx.run(
                    "UPDATE api_keys SET revoked_at = $2 \
                     WHERE owner_kind = 'user' AND owner = $1 AND revoked_at IS NULL",
                    binds![*id, *at],
                )
                .await?;
                Ok(())
            })
        })
        .await
    }

    /// Lets a disabled person in again; sessions and keys stay dead.
    pub async fn enable_user(&self, _system: SystemPermit, id: UserId, effects: Effects) -> Result<()> {
        self.change_user("UPDATE users SET disabled_at = NULL WHERE id = $1", binds![id], effects).await
    }

    /// Replaces the password's hash and ends every session: whoever is signed in has to sign in again.
    pub async fn change_password(
        &self,
        _system: SystemPermit,
        id: UserId,
        hash: String,
        at: Timestamp,
        effects: Effects,
    ) -> Result<()> {
        self.write(effects, (id, hash, at), |(id, hash, at), tx| {
            Box::pin(async move {
                let rows = tx.run("UPDATE users SET password_hash = $2 WHERE id = $1", binds![*id, &*hash]).await?;
                Error::unless_touched(rows, "the user")?;
                mail_tokens::end_all(tx, *id, *at).await
            })
        })
        .await
    }

    async fn change_user(&self, sql: &'static str, binds: Vec<Bind>, effects: Effects) -> Result<()> {
        self.write(effects, (sql, binds), |(sql, binds), tx| {
            Box::pin(async move { Error::unless_touched(tx.run(*sql, binds.clone()).await?, "the user") })
        })
        .await
    }
}

pub(super) async fn insert(tx: &mut Tx, new: &User) -> Result<()> {
    tx.run(
        "INSERT INTO users (id, email_norm, name, password_hash, email_verified_at, disabled_at, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        binds![
            new.id,
            &new.email,
            &new.name,
            new.password_hash.as_deref(),
            new.email_verified_at,
            new.disabled_at,
            new.created_at
        ],
    )
    .await?;
    Ok(())
}

fn user(row: &Row) -> Result<User> {
    Ok(User {
        id: row.get("id")?,
        email: row.get("email_norm")?,
        name: row.get("name")?,
        password_hash: row.get("password_hash")?,
        email_verified_at: row.get("email_verified_at")?,
        disabled_at: row.get("disabled_at")?,
        created_at: row.get("created_at")?,
    })
}
