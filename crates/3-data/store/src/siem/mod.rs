//! Where a team's audit entries and security events are delivered to, how far delivery is, and what was refused.
//!
//! Whoever delivers holds a lease, and every step forward names the lease's epoch and the version of the settings: a
//! sender whose lease was taken over, or whose destination was changed or sent back meanwhile, moves nothing.

mod dead;
mod deliver;
mod installation;

pub use dead::{DeadLetter, NewDeadLetter};
pub use deliver::{Claim, Ends, Progress};
pub use installation::{INSTALLATION, chain_of, is_installation};

use authz::{Permit, action::ConfigureSiem};
use domain::{Json, Scope, SiemId, Timestamp};

use crate::{
    Effects, Error, Result, Store,
    kernel::{row::Row, sql::binds},
};

/// Most destinations of one team and environment.
pub const MOST_DESTINATIONS: i64 = 20;

/// What a destination is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wants {
    pub audit: bool,
    pub events: bool,
    pub checkpoints: bool,
}

/// The last number of each stream that the receiver has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursors {
    pub audit: i64,
    pub events: i64,
    /// The hash of the last security event that was sent, which the next one names; empty before the first.
    pub event_prev: String,
    pub checkpoints: i64,
}

/// How delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SiemState {
    /// Nothing is waiting for longer than it should.
    Ok,
    /// Tries fail, or much is waiting; NodeLoom goes on trying.
    Lagging,
    /// The receiver's settings do not fit; nothing is sent until they do.
    Held,
    /// The receiver does not know us (any more), or wants nothing more.
    Broken,
}

impl SiemState {
    pub const ALL: [Self; 4] = [Self::Ok, Self::Lagging, Self::Held, Self::Broken];
    /// The word on the wire and in storage.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Lagging => "lagging",
            Self::Held => "held",
            Self::Broken => "broken",
        }
    }
}

/// A destination.
#[derive(Debug, Clone, PartialEq)]
pub struct Destination {
    pub id: SiemId,
    pub scope: Scope,
    pub name: String,
    /// Whose protocol, such as `splunk_hec`.
    pub kind: String,
    /// Everything that is not secret.
    pub settings: Json,
    pub sealed: Vec<u8>,
    pub enabled: bool,
    pub wants: Wants,
    /// Counts changes of the settings and of the cursors by a person.
    pub version: i64,
    pub cursors: Cursors,
    pub state: SiemState,
    pub reason: Option<String>,
    pub state_since: Timestamp,
    /// Failures since the last success.
    pub attempts: u32,
    pub retry_at: Option<Timestamp>,
    pub last_error: Option<String>,
    pub last_error_at: Option<Timestamp>,
    pub last_delivered_at: Option<Timestamp>,
    pub delivered: u64,
    pub retries: u64,
    /// Dead letters ever.
    pub dead: u64,
    pub created_by: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What a person decides about a destination.
#[derive(Debug, Clone, PartialEq)]
pub struct DestinationSettings {
    pub name: String,
    pub kind: String,
    pub settings: Json,
    pub sealed: Vec<u8>,
    pub enabled: bool,
    pub wants: Wants,
}

/// A part of what is delivered, with an order of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SiemStream {
    Audit,
    Security,
    Checkpoints,
}

impl SiemStream {
    pub const ALL: [Self; 3] = [Self::Audit, Self::Security, Self::Checkpoints];
    /// The word on the wire and in storage.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Audit => "audit",
            Self::Security => "security",
            Self::Checkpoints => "checkpoints",
        }
    }
    /// Reads the word.
    pub fn read(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stream| stream.as_str() == word)
    }
}

macro_rules! columns {
    () => {
        "id, team, environment, name, kind, settings, sealed, enabled, wants_audit, wants_events, wants_checkpoints, \
         version, audit_seq, event_seq, event_prev, checkpoint_seq, state, reason, state_since, attempts, retry_at, \
         last_error, last_error_at, last_delivered_at, delivered, retries, dead, created_by, created_at, updated_at"
    };
}
pub(crate) use columns;

impl Store {
    /// The destinations of the permit's team and environment, by name.
    pub async fn siem_destinations(&self, permit: &Permit<ConfigureSiem>) -> Result<Vec<Destination>> {
        self.destinations_of(permit.scope()).await
    }

    async fn destinations_of(&self, scope: Scope) -> Result<Vec<Destination>> {
        let Scope { team, environment } = scope;
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM siem_destinations WHERE team = $1 AND environment = $2 ORDER BY name"
        );
        self.db().all(sql, binds![team, environment]).await?.iter().map(destination).collect()
    }

    /// One of them.
    pub async fn siem_destination(&self, permit: &Permit<ConfigureSiem>, id: SiemId) -> Result<Option<Destination>> {
        let Scope { team, environment } = permit.scope();
        let sql =
            concat!("SELECT ", columns!(), " FROM siem_destinations WHERE team = $1 AND environment = $2 AND id = $3");
        self.db().optional(sql, binds![team, environment, id]).await?.as_ref().map(destination).transpose()
    }

    /// Adds a destination, which is sent everything after `from`.
    ///
    /// # Errors
    /// [`Error::Taken`] for the name; [`Error::Refused`] when there are [`MOST_DESTINATIONS`].
    pub async fn add_siem_destination(
        &self,
        permit: &Permit<ConfigureSiem>,
        id: SiemId,
        new: DestinationSettings,
        from: Cursors,
        effects: Effects,
    ) -> Result<()> {
        self.add_destination(permit.scope(), permit.principal().to_string(), (id, new, from), effects).await
    }

    async fn add_destination(
        &self,
        scope: Scope,
        by: String,
        (id, new, from): (SiemId, DestinationSettings, Cursors),
        effects: Effects,
    ) -> Result<()> {
        let given = (scope, id, new, from, by, self.now());
        self.write(effects, given, |(scope, id, new, from, by, now), tx| {
            Box::pin(async move {
                let count = "SELECT COUNT(*) AS n FROM siem_destinations WHERE team = $1 AND environment = $2";
                let there: i64 = tx.one(count, binds![scope.team, scope.environment]).await?.get("n")?;
                if there >= MOST_DESTINATIONS {
                    return Err(Error::Refused { what: "there are 20 destinations here already, which is the most" });
                }
                tx.run(
                    "INSERT INTO siem_destinations (id, team, environment, chain, name, kind, settings, sealed, \
                     enabled, wants_audit, wants_events, wants_checkpoints, version, audit_seq, event_seq, event_prev, \
                     checkpoint_seq, state, state_since, attempts, delivered, retries, dead, lease_epoch, created_by, \
                     created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 1, $13, $14, \
                     $15, $16, 'ok', $17, 0, 0, 0, 0, 0, $18, $17, $17)",
                    binds![
                        *id,
                        scope.team,
                        scope.environment,
                        chain_of(*scope).to_string(),
                        &new.name,
                        &new.kind,
                        &new.settings,
                        &new.sealed,
                        new.enabled,
                        new.wants.audit,
                        new.wants.events,
                        new.wants.checkpoints,
                        from.audit,
                        from.events,
                        &from.event_prev,
                        from.checkpoints,
                        *now,
                        by
                    ],
                )
                .await?;
                Ok(())
            })
        })
        .await
    }

    /// Changes a destination; delivery begins anew with what the receiver does not have.
    ///
    /// # Errors
    /// [`Error::Missing`]; [`Error::Refused`] when somebody else changed it since `version`; [`Error::Taken`].
    pub async fn change_siem_destination(
        &self,
        permit: &Permit<ConfigureSiem>,
        id: SiemId,
        version: i64,
        new: DestinationSettings,
        effects: Effects,
    ) -> Result<()> {
        let given = (permit.scope(), id, version, new, self.now());
        self.write(effects, given, |(scope, id, version, new, now), tx| {
            Box::pin(async move {
                let there = "SELECT version FROM siem_destinations WHERE id = $1 AND team = $2 AND environment = $3";
                let found = tx.optional(there, binds![*id, scope.team, scope.environment]).await?;
                let found: i64 = found.ok_or(Error::Missing { what: "the destination" })?.get("version")?;
                if found != *version {
                    return Err(Error::Refused { what: "somebody else changed the destination: read it again" });
                }
                tx.run(
                    "UPDATE siem_destinations SET name = $2, kind = $3, settings = $4, sealed = $5, enabled = $6, \
                     wants_audit = $7, wants_events = $8, wants_checkpoints = $9, version = version + 1, \
                     state = 'ok', reason = NULL, state_since = $10, attempts = 0, retry_at = NULL, updated_at = $10 \
                     WHERE id = $1",
                    binds![
                        *id,
                        &new.name,
                        &new.kind,
                        &new.settings,
                        &new.sealed,
                        new.enabled,
                        new.wants.audit,
                        new.wants.events,
                        new.wants.checkpoints,
                        *now
                    ],
                )
                .await?;
                Ok(())
            })
        })
        .await
    }

    /// Forgets a destination and its dead letters.
    ///
    /// # Errors
    /// [`Error::Missing`].
    pub async fn delete_siem_destination(
        &self,
        permit: &Permit<ConfigureSiem>,
        id: SiemId,
        effects: Effects,
    ) -> Result<()> {
        self.drop_destination(permit.scope(), id, effects).await
    }

    async fn drop_destination(&self, scope: Scope, id: SiemId, effects: Effects) -> Result<()> {
        self.write(effects, (scope, id), |(scope, id), tx| {
            Box::pin(async move {
                let sql = "DELETE FROM siem_destinations WHERE id = $1 AND team = $2 AND environment = $3";
                let gone = tx.run(sql, binds![*id, scope.team, scope.environment]).await?;
                Error::unless_touched(gone, "the destination")?;
                tx.run("DELETE FROM siem_dead_letters WHERE destination = $1", binds![*id]).await?;
                Ok(())
            })
        })
        .await
    }

    /// Sends a stream back (or forward) to after number `after`; `event_prev` goes with the security stream. Delivery
    /// tries at once, whatever failed before.
    ///
    /// # Errors
    /// [`Error::Missing`].
    pub async fn move_siem_cursor(
        &self,
        permit: &Permit<ConfigureSiem>,
        id: SiemId,
        to: Option<(SiemStream, i64, String)>,
        effects: Effects,
    ) -> Result<()> {
        self.move_cursor(permit.scope(), id, to, effects).await
    }

    async fn move_cursor(
        &self,
        scope: Scope,
        id: SiemId,
        to: Option<(SiemStream, i64, String)>,
        effects: Effects,
    ) -> Result<()> {
        let given = (scope, id, to, self.now());
        self.write(effects, given, |(scope, id, to, now), tx| {
            Box::pin(async move {
                let wake = "UPDATE siem_destinations SET version = version + 1, attempts = 0, retry_at = NULL, \
                            state = 'ok', reason = NULL, state_since = $4, updated_at = $4 \
                            WHERE id = $1 AND team = $2 AND environment = $3";
                let there = tx.run(wake, binds![*id, scope.team, scope.environment, *now]).await?;
                Error::unless_touched(there, "the destination")?;
                let Some((stream, after, event_prev)) = to else { return Ok(()) };
                match stream {
                    SiemStream::Audit => {
                        let sql = "UPDATE siem_destinations SET audit_seq = $2 WHERE id = $1";
                        tx.run(sql, binds![*id, *after]).await?;
                    }
                    SiemStream::Security => {
                        let sql = "UPDATE siem_destinations SET event_seq = $2, event_prev = $3 WHERE id = $1";
                        tx.run(sql, binds![*id, *after, event_prev]).await?;
                    }
                    SiemStream::Checkpoints => {
                        let sql = "UPDATE siem_destinations SET checkpoint_seq = $2 WHERE id = $1";
                        tx.run(sql, binds![*id, *after]).await?;
                    }
                }
                Ok(())
            })
        })
        .await
    }
}

fn destination(row: &Row) -> Result<Destination> {
    let state: String = row.get("state")?;
    let state = SiemState::ALL.into_iter().find(|known| known.as_str() == state);
    Ok(Destination {
        id: row.get("id")?,
        scope: Scope { team: row.get("team")?, environment: row.get("environment")? },
        name: row.get("name")?,
        kind: row.get("kind")?,
        settings: row.get("settings")?,
        sealed: row.get("sealed")?,
        enabled: row.get("enabled")?,
        wants: Wants {
            audit: row.get("wants_audit")?,
            events: row.get("wants_events")?,
            checkpoints: row.get("wants_checkpoints")?,
        },
        version: row.get("version")?,
        cursors: Cursors {
            audit: row.get("audit_seq")?,
            events: row.get("event_seq")?,
            event_prev: row.get("event_prev")?,
            checkpoints: row.get("checkpoint_seq")?,
        },
        state: state.ok_or_else(|| Error::corrupt("state", "it names no state"))?,
        reason: row.get("reason")?,
        state_since: row.get("state_since")?,
        attempts: row.get("attempts")?,
        retry_at: row.get("retry_at")?,
        last_error: row.get("last_error")?,
        last_error_at: row.get("last_error_at")?,
        last_delivered_at: row.get("last_delivered_at")?,
        delivered: row.get("delivered")?,
        retries: row.get("retries")?,
        dead: row.get("dead")?,
        created_by: row.get("created_by")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}
