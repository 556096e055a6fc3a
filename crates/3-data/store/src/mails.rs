//! Mails that wait for their mail server, so that a restart loses none. Their text is sealed, and gone with them.

use authz::SystemPermit;
use domain::Timestamp;
use uuid::Uuid;

use crate::{Effects, Result, Store, kernel::sql::binds};

/// A mail whose turn has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingMail {
    pub id: Uuid,
    pub sealed: Vec<u8>,
    /// This one counted.
    pub attempts: u32,
}

/// What has become of a mail that is not delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailState {
    /// It is tried again.
    Waiting,
    /// It was given up.
    Dead,
}

impl Store {
    /// Keeps a mail that is tried now, and again from `next_at` on. Earlier mails about the same thing are forgotten.
    pub async fn keep_mail(
        &self,
        _system: SystemPermit,
        id: Uuid,
        about: String,
        sealed: Vec<u8>,
        next_at: Timestamp,
    ) -> Result<()> {
        self.write(
            Effects::none(),
            (id, about, sealed, next_at, self.now()),
            |(id, about, sealed, next_at, now), tx| {
                Box::pin(async move {
                    tx.run("DELETE FROM mails WHERE about = $1 AND about <> ''", binds![&*about]).await?;
                    let sql = "INSERT INTO mails (id, about, sealed, state, attempts, next_at, created_at) \
                           VALUES ($1, $2, $3, 'waiting', 1, $4, $5)";
                    tx.run(sql, binds![*id, &*about, &*sealed, *next_at, *now]).await?;
                    Ok(())
                })
            },
        )
        .await
    }

    /// The mail that has waited longest past its time; nobody else takes it before `until`.
    pub async fn take_mail(
        &self,
        _system: SystemPermit,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<WaitingMail>> {
        // nothing is written while nothing waits
        let due = "SELECT id FROM mails WHERE state = 'waiting' AND next_at <= $1 LIMIT 1";
        if self.db().optional(due, binds![now]).await?.is_none() {
            return Ok(None);
        }
        self.write(Effects::none(), (now, until), |(now, until), tx| {
            Box::pin(async move {
                let sql = "UPDATE mails SET next_at = $2, attempts = attempts + 1 WHERE next_at <= $1 AND id = \
                           (SELECT id FROM mails WHERE state = 'waiting' AND next_at <= $1 ORDER BY next_at LIMIT 1) \
                           RETURNING id, sealed, attempts";
                let row = tx.optional(sql, binds![*now, *until]).await?;
                row.map(|row| {
                    Ok(WaitingMail {
                        id: row.get("id")?,
                        sealed: row.get::<Option<Vec<u8>>>("sealed")?.unwrap_or_default(),
                        attempts: row.get("attempts")?,
                    })
                })
                .transpose()
            })
        })
        .await
    }

    /// It was not taken; it is tried again from `next_at` on.
    pub async fn mail_again(&self, _system: SystemPermit, id: Uuid, next_at: Timestamp) -> Result<()> {
        self.write(Effects::none(), (id, next_at), |(id, next_at), tx| {
            Box::pin(async move {
                tx.run("UPDATE mails SET next_at = $2 WHERE id = $1", binds![*id, *next_at]).await?;
                Ok(())
            })
        })
        .await
    }

    /// It was delivered: nothing of it is kept.
    pub async fn mail_sent(&self, _system: SystemPermit, id: Uuid) -> Result<()> {
        self.write(Effects::none(), id, |id, tx| {
            Box::pin(async move {
                tx.run("DELETE FROM mails WHERE id = $1", binds![*id]).await?;
                Ok(())
            })
        })
        .await
    }

    /// It was given up: its text is gone, and those that were given up before `before` are forgotten.
    pub async fn mail_dead(&self, _system: SystemPermit, id: Uuid, before: Timestamp) -> Result<()> {
        self.write(Effects::none(), (id, before), |(id, before), tx| {
            Box::pin(async move {
                tx.run("UPDATE mails SET state = 'dead', sealed = NULL WHERE id = $1", binds![*id]).await?;
                tx.run("DELETE FROM mails WHERE state = 'dead' AND created_at < $1", binds![*before]).await?;
                Ok(())
            })
        })
        .await
    }

    /// Whatever waits about something is not sent any more.
    pub async fn forget_mail_about(&self, _system: SystemPermit, about: String) -> Result<()> {
        self.write(Effects::none(), about, |about, tx| {
            Box::pin(async move {
                tx.run("DELETE FROM mails WHERE about = $1 AND about <> ''", binds![&*about]).await?;
                Ok(())
            })
        })
        .await
    }

    /// How the mail about something stands; nothing when there is none, or when it was delivered.
    pub async fn mail_about(&self, _system: SystemPermit, about: &str) -> Result<Option<MailState>> {
        let sql = "SELECT state FROM mails WHERE about = $1 AND about <> ''";
        let row = self.db().optional(sql, binds![about]).await?;
        let state = row.map(|row| row.get::<String>("state")).transpose()?;
        Ok(state.map(|state| if state == "dead" { MailState::Dead } else { MailState::Waiting }))
    }
}
