//! What the sender asks: which destinations have something waiting, may it have one, and how far it came.

use authz::SystemPermit;
use domain::{Event, LeaseId, Scope, SiemId, Timestamp};

use super::{Cursors, Destination, NewDeadLetter, SiemState, chain_of, columns, dead, destination};
use crate::{Effects, Error, Result, Store, dialect, events, kernel::sql::binds};

/// A destination that one sender alone may deliver to, until its lease ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    pub destination: Destination,
    pub epoch: i64,
}

/// The newest number of each stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ends {
    pub audit: i64,
    pub events: i64,
    pub checkpoints: i64,
}

/// A step of a delivery, forward or not.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    pub cursors: Cursors,
    pub enabled: bool,
    pub state: SiemState,
    pub reason: Option<String>,
    pub state_since: Timestamp,
    pub attempts: u32,
    pub retry_at: Option<Timestamp>,
    /// The newest failure; the one before stays when there is none.
    pub error: Option<(String, Timestamp)>,
    pub delivered_at: Option<Timestamp>,
    /// How many more than before.
    pub delivered: u64,
    pub retries: u64,
    /// The lease is kept until then, or given up.
    pub lease_until: Option<Timestamp>,
}

impl Store {
    /// Destinations for which something waits and that nobody holds. A team that ended has none.
    pub async fn siem_due(&self, _system: SystemPermit, now: Timestamp, limit: u32) -> Result<Vec<SiemId>> {
        let sql = "SELECT d.id FROM siem_destinations AS d \
                   LEFT JOIN audit_heads AS h ON h.chain = d.chain LEFT JOIN event_counters AS e ON e.team = d.team \
                   WHERE d.enabled AND (d.retry_at IS NULL OR d.retry_at <= $1) \
                   AND (d.lease_until IS NULL OR d.lease_until <= $1) \
                   AND ((d.wants_audit AND h.seq > d.audit_seq) OR (d.wants_events AND e.last > d.event_seq) \
                   OR (d.wants_checkpoints AND d.checkpoint_seq < \
                   (SELECT COALESCE(MAX(seq), 0) FROM audit_checkpoints WHERE chain = 'system'))) \
                   AND NOT EXISTS (SELECT 1 FROM teams AS t WHERE t.id = d.team AND t.deleted_at IS NOT NULL) \
                   ORDER BY COALESCE(d.last_delivered_at, 0), d.id LIMIT $2";
        self.db().all(sql, binds![now, limit]).await?.iter().map(|row| row.get("id")).collect()
    }

    /// Takes a destination until `until`, unless somebody holds it.
    pub async fn siem_claim(
        &self,
        _system: SystemPermit,
        id: SiemId,
        owner: LeaseId,
        until: Timestamp,
    ) -> Result<Option<Claim>> {
        self.write(Effects::none(), (id, owner, until, self.now()), |(id, owner, until, now), tx| {
            Box::pin(async move {
                let sql = concat!(
                    "UPDATE siem_destinations SET lease_owner = $2, lease_until = $3, lease_epoch = lease_epoch + 1 ",
                    "WHERE id = $1 AND enabled AND (lease_until IS NULL OR lease_until <= $4) ",
                    "RETURNING lease_epoch, ",
                    columns!()
                );
                let claimed = tx.optional(sql, binds![*id, *owner, *until, *now]).await?;
                claimed
                    .map(|row| Ok(Claim { destination: destination(&row)?, epoch: row.get("lease_epoch")? }))
                    .transpose()
            })
        })
        .await
    }

    /// Keeps a lease until `until`; `false` when it is somebody else's, or the destination was changed meanwhile.
    pub async fn siem_renew(&self, _system: SystemPermit, claim: &Claim, until: Timestamp) -> Result<bool> {
        let given = (claim.destination.id, claim.epoch, claim.destination.version, until);
        self.write(Effects::none(), given, |(id, epoch, version, until), tx| {
            Box::pin(async move {
                let sql = "UPDATE siem_destinations SET lease_until = $4 \
                           WHERE id = $1 AND lease_epoch = $2 AND version = $3 AND enabled";
                Ok(tx.run(sql, binds![*id, *epoch, *version, *until]).await? > 0)
            })
        })
        .await
    }

    /// Gives a lease up. Nothing happens when it is somebody else's by now.
    pub async fn siem_release(&self, _system: SystemPermit, claim: &Claim) -> Result<()> {
        self.write(Effects::none(), (claim.destination.id, claim.epoch), |(id, epoch), tx| {
            Box::pin(async move {
                let sql = "UPDATE siem_destinations SET lease_until = NULL WHERE id = $1 AND lease_epoch = $2";
                tx.run(sql, binds![*id, *epoch]).await.map(|_| ())
            })
        })
        .await
    }

    /// Stores a step of the delivery, with what was refused for good and `effects`; `false`, and nothing of it, when the
    /// lease is somebody else's or the destination was changed meanwhile.
    pub async fn siem_progress(
        &self,
        _system: SystemPermit,
        claim: &Claim,
        progress: Progress,
        refused: Vec<NewDeadLetter>,
        effects: Effects,
    ) -> Result<bool> {
        let scope = claim.destination.scope;
        let given = (claim.destination.id, claim.epoch, claim.destination.version, scope, progress, refused, effects);
        self.write(Effects::none(), given, |(id, epoch, version, scope, p, refused, effects), tx| {
            Box::pin(async move {
                let sql = "UPDATE siem_destinations SET audit_seq = $4, event_seq = $5, event_prev = $6, \
                           checkpoint_seq = $7, enabled = $8, state = $9, reason = $10, state_since = $11, \
                           attempts = $12, retry_at = $13, last_error = COALESCE($14, last_error), \
                           last_error_at = COALESCE($15, last_error_at), \
                           last_delivered_at = COALESCE($16, last_delivered_at), delivered = delivered + $17, \
                           retries = retries + $18, dead = dead + $19, lease_until = $20 \
                           WHERE id = $1 AND lease_epoch = $2 AND version = $3";
                let moved = tx
                    .run(
                        sql,
                        binds![
                            *id,
                            *epoch,
                            *version,
                            p.cursors.audit,
                            p.cursors.events,
                            &p.cursors.event_prev,
                            p.cursors.checkpoints,
                            p.enabled,
                            p.state.as_str(),
                            p.reason.as_ref(),
                            p.state_since,
                            p.attempts,
                            p.retry_at,
                            p.error.as_ref().map(|(text, _)| text),
                            p.error.as_ref().map(|(_, at)| *at),
                            p.delivered_at,
                            p.delivered,
                            p.retries,
                            refused.len(),
                            p.lease_until
                        ],
                    )
                    .await?;
                if moved == 0 {
                    return Ok(false);
                }
                for letter in refused {
                    dead::keep(tx, *id, *scope, letter).await?;
                }
                tx.tell(effects);
                Ok(true)
            })
        })
        .await
    }

    /// How far the streams of a team and environment have come.
    pub async fn siem_ends(&self, _system: SystemPermit, scope: Scope) -> Result<Ends> {
        let sql = "SELECT COALESCE((SELECT seq FROM audit_heads WHERE chain = $1), 0) AS audit, \
                   COALESCE((SELECT last FROM event_counters WHERE team = $2), 0) AS events, \
                   (SELECT COALESCE(MAX(seq), 0) FROM audit_checkpoints WHERE chain = 'system') AS checkpoints";
        let row = self.db().one(sql, binds![chain_of(scope).to_string(), scope.team]).await?;
        Ok(Ends { audit: row.get("audit")?, events: row.get("events")?, checkpoints: row.get("checkpoints")? })
    }

    /// The newest event of one of these kinds before number `before`.
    pub async fn siem_event_before(
        &self,
        _system: SystemPermit,
        scope: Scope,
        before: i64,
        kinds: &[&str],
    ) -> Result<Option<Event>> {
        let rows = kinds.iter().map(|kind| binds![scope.team, scope.environment, before, *kind]).collect();
        let found = self.db().all_rows(dialect::SIEM_EVENT_BEFORE, rows).await?;
        found.first().map(events::event).transpose()
    }

    /// When the oldest thing that waits in a stream happened.
    pub async fn siem_waiting_since(
        &self,
        _system: SystemPermit,
        scope: Scope,
        stream: super::SiemStream,
        after: i64,
    ) -> Result<Option<Timestamp>> {
        let row = match stream {
            super::SiemStream::Audit => {
                let sql = "SELECT at FROM audit_entries WHERE chain = $1 AND seq > $2 ORDER BY seq LIMIT 1";
                self.db().optional(sql, binds![chain_of(scope).to_string(), after]).await?
            }
            super::SiemStream::Security => {
                let sql = "SELECT at FROM events WHERE team = $1 AND sequence > $2 ORDER BY sequence LIMIT 1";
                self.db().optional(sql, binds![scope.team, after]).await?
            }
            super::SiemStream::Checkpoints => {
                let sql = "SELECT at FROM audit_checkpoints WHERE chain = 'system' AND seq > $1 ORDER BY seq LIMIT 1";
                self.db().optional(sql, binds![after]).await?
            }
        };
        row.map(|row| row.get("at")).transpose()
    }
}

impl Claim {
    /// What a step begins with: everything as it stands.
    pub fn unchanged(&self, lease_until: Option<Timestamp>) -> Progress {
        let d = &self.destination;
        Progress {
            cursors: d.cursors.clone(),
            enabled: d.enabled,
            state: d.state,
            reason: d.reason.clone(),
            state_since: d.state_since,
            attempts: d.attempts,
            retry_at: d.retry_at,
            error: None,
            delivered_at: None,
            delivered: 0,
            retries: 0,
            lease_until,
        }
    }
    /// Takes over what was stored.
    ///
    /// # Errors
    /// [`Error::Refused`] when it was not.
    pub fn moved(&mut self, progress: &Progress, stored: bool) -> Result<()> {
        if !stored {
            return Err(Error::Refused { what: "the destination is somebody else's, or was changed" });
        }
        let d = &mut self.destination;
        d.cursors = progress.cursors.clone();
        d.enabled = progress.enabled;
        d.state = progress.state;
        d.reason.clone_from(&progress.reason);
        d.state_since = progress.state_since;
        d.attempts = progress.attempts;
        d.retry_at = progress.retry_at;
        Ok(())
    }
}
