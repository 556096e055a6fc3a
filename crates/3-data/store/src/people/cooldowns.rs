//! Pauses after failures, per action and subject (R041).

use authz::SystemPermit;
use domain::Timestamp;

use crate::{
    Effects, Result, Store,
    kernel::{
        row::Row,
        sql::{Sql, binds},
    },
};

/// How often something failed, and until when it rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cooldown {
    pub failures: u32,
    pub last_failure: Timestamp,
    pub until: Timestamp,
}

const READ: Sql = Sql {
    sqlite: "SELECT failures, last_failure, until FROM cooldowns WHERE action = $1 AND subject = $2",
    postgres: "SELECT failures, last_failure, until FROM cooldowns WHERE action = $1 AND subject = $2 FOR UPDATE",
};

impl Store {
    /// The pause that stands for this action and subject, past ones too.
    pub async fn cooldown(&self, _system: SystemPermit, action: &str, subject: [u8; 32]) -> Result<Option<Cooldown>> {
        let sql = "SELECT failures, last_failure, until FROM cooldowns WHERE action = $1 AND subject = $2";
        self.db().optional(sql, binds![action, subject]).await?.as_ref().map(cooldown).transpose()
    }

    /// Replaces the pause by what `next` makes of it, in one transaction.
    pub async fn record_failure<F>(
        &self,
        _system: SystemPermit,
        action: &'static str,
        subject: [u8; 32],
        next: F,
    ) -> Result<Cooldown>
    where
        F: Fn(Option<Cooldown>) -> Cooldown + Send + Sync + 'static,
    {
        self.write(Effects::none(), (action, subject, next), |(action, subject, next), tx| {
            Box::pin(async move {
                let before = tx.optional(READ, binds![*action, subject]).await?;
                let after = next(before.as_ref().map(cooldown).transpose()?);
                tx.run(
                    "INSERT INTO cooldowns (action, subject, failures, last_failure, until) \
                     VALUES ($1, $2, $3, $4, $5) ON CONFLICT (action, subject) DO UPDATE \
                     SET failures = excluded.failures, last_failure = excluded.last_failure, until = excluded.until",
                    binds![*action, subject, after.failures, after.last_failure, after.until],
                )
                .await?;
                Ok(after)
            })
        })
        .await
    }

    /// Forgets the failures.
    pub async fn clear_cooldown(&self, _system: SystemPermit, action: &'static str, subject: [u8; 32]) -> Result<()> {
        self.write(Effects::none(), (action, subject), |(action, subject), tx| {
            Box::pin(async move {
                tx.run("DELETE FROM cooldowns WHERE action = $1 AND subject = $2", binds![*action, subject]).await?;
                Ok(())
            })
        })
        .await
    }
}

fn cooldown(row: &Row) -> Result<Cooldown> {
    Ok(Cooldown { failures: row.get("failures")?, last_failure: row.get("last_failure")?, until: row.get("until")? })
}
