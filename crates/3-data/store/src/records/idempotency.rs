//! Answers that are kept for a while, so that a request which is sent twice is performed once.

use authz::{Actor, SystemPermit};
use domain::{Scope, Timestamp};

use crate::{Effects, Result, Store, kernel::sql::binds};

/// An answer as it went out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    pub status: u32,
    pub body: Vec<u8>,
}

/// What is known about a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// Nothing: perform the request, then keep the answer.
    New,
    /// The same request is being performed.
    InProgress,
    /// The same request was performed.
    Done(KeptAnswer),
    /// Another request had this key.
    OtherRequest,
}

impl Store {
    /// Begins a request under `key`; of two at once exactly one is [`Begun::New`]. A key that expired is new again.
    pub async fn begin_once(
        &self,
        actor: &Actor,
        key: String,
        request: [u8; 32],
        expires_at: Timestamp,
    ) -> Result<Begun> {
        let given = (actor.scope(), actor.principal().to_string(), key, request, expires_at, self.now());
        self.write(Effects::none(), given, |(Scope { team, environment }, who, key, request, expires_at, now), tx| {
            Box::pin(async move {
                let sql = "DELETE FROM idempotency_keys WHERE team = $1 AND environment = $2 AND principal = $3 \
                           AND name = $4 AND expires_at <= $5";
                tx.run(sql, binds![*team, *environment, who, key, *now]).await?;
                let sql = "INSERT INTO idempotency_keys (team, environment, principal, name, request, expires_at) \
                           VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
                if tx.run(sql, binds![*team, *environment, who, key, request, *expires_at]).await? == 1 {
                    return Ok(Begun::New);
                }
                let sql = "SELECT request, status, response FROM idempotency_keys \
                           WHERE team = $1 AND environment = $2 AND principal = $3 AND name = $4";
                let row = tx.one(sql, binds![*team, *environment, who, key]).await?;
                if row.get::<[u8; 32]>("request")? != *request {
                    return Ok(Begun::OtherRequest);
                }
                let Some(status) = row.get("status")? else { return Ok(Begun::InProgress) };
                let body = row.get::<Option<Vec<u8>>>("response")?.unwrap_or_default();
                Ok(Begun::Done(KeptAnswer { status, body }))
            })
        })
        .await
    }

    /// Keeps the answer.
    pub async fn keep_answer(&self, actor: &Actor, key: String, answer: KeptAnswer) -> Result<()> {
        let given = (actor.scope(), actor.principal().to_string(), key, answer);
        self.write(Effects::none(), given, |(Scope { team, environment }, who, key, answer), tx| {
            Box::pin(async move {
                let sql = "UPDATE idempotency_keys SET status = $5, response = $6 \
                           WHERE team = $1 AND environment = $2 AND principal = $3 AND name = $4";
                tx.run(sql, binds![*team, *environment, who, key, answer.status, &answer.body]).await?;
                Ok(())
            })
        })
        .await
    }

    /// Lets the key go: the request failed before it did anything.
    pub async fn let_go(&self, actor: &Actor, key: String) -> Result<()> {
        let given = (actor.scope(), actor.principal().to_string(), key);
        self.write(Effects::none(), given, |(Scope { team, environment }, who, key), tx| {
            Box::pin(async move {
                let sql = "DELETE FROM idempotency_keys WHERE team = $1 AND environment = $2 AND principal = $3 \
                           AND name = $4 AND status IS NULL";
                tx.run(sql, binds![*team, *environment, who, key]).await?;
                Ok(())
            })
        })
        .await
    }

    /// Removes keys that expired before `before`; says how many.
    pub async fn sweep_kept_answers(&self, _system: SystemPermit, before: Timestamp) -> Result<u64> {
        self.write(Effects::none(), before, |before, tx| {
            Box::pin(tx.run("DELETE FROM idempotency_keys WHERE expires_at < $1", binds![*before]))
        })
        .await
    }
}
