//! The stream of events of each team: numbered without gaps in the order of commit, read by cursor.

use std::collections::BTreeMap;

use authz::{Permit, SystemPermit, action::ViewWorkflow};
use domain::{Event, EventKind, NewEvent, RunId, Scope, TeamId};

use crate::{
    Error, Result, Store, dialect,
    kernel::{
        conn::Conn,
        row::Row,
        sql::{Sql, binds},
    },
};

/// What was just committed, for whoever waits for news. It says where to read, not what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// This process stored events up to `last` for these teams.
    Here { last: Vec<(TeamId, i64)> },
    /// Another process stored something.
    Elsewhere,
}

/// Numbers and stores a transaction's events; says up to which number each team has them now.
pub(crate) async fn append(conn: &mut Conn, events: Vec<NewEvent>) -> Result<Vec<(TeamId, i64)>> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let mut counts: BTreeMap<TeamId, i64> = BTreeMap::new();
    for event in &events {
        *counts.entry(event.scope.team).or_default() += 1;
    }
    let rows = counts.iter().map(|(team, count)| binds![*team, *count]).collect();
    let mut next: BTreeMap<TeamId, i64> = BTreeMap::new();
    let mut news = Vec::with_capacity(counts.len());
    for row in conn.all_rows(dialect::COUNT_EVENTS, rows).await? {
        let (team, last): (TeamId, i64) = (row.get("team")?, row.get("last")?);
        next.insert(team, last - counts.get(&team).copied().unwrap_or_default() + 1);
        news.push((team, last));
    }
    let mut rows = Vec::with_capacity(events.len());
    for event in events {
        let NewEvent { scope, at, kind, workflow, run, payload } = event;
        let sequence = next.get_mut(&scope.team).ok_or(Error::Missing { what: "the team's counter" })?;
        rows.push(binds![scope.team, *sequence, scope.environment, at, kind, workflow, run, payload]);
        *sequence += 1;
    }
    conn.run_rows(dialect::INSERT_EVENTS, rows).await?;
    if conn.is_postgres() {
        conn.all("SELECT pg_notify('nodeloom_events', '')", binds![]).await?;
    }
    Ok(news)
}

const AFTER: &str = "SELECT team, sequence, environment, at, kind, workflow, run, payload FROM events \
                     WHERE team = $1 AND environment = $2 AND sequence > $3 ORDER BY sequence LIMIT $4";
const OF_RUN: &str = "SELECT team, sequence, environment, at, kind, workflow, run, payload FROM events \
                      WHERE team = $1 AND environment = $2 AND run = $3 AND sequence > $4 ORDER BY sequence LIMIT $5";
const ALL_AFTER: &str = "SELECT team, sequence, environment, at, kind, workflow, run, payload FROM events \
                         WHERE team = $1 AND sequence > $2 ORDER BY sequence LIMIT $3";

impl Store {
    /// Events of the permit's team and environment after number `after`, oldest first.
    pub async fn events_after(&self, permit: &Permit<ViewWorkflow>, after: i64, limit: u32) -> Result<Vec<Event>> {
        let Scope { team, environment } = permit.scope();
        self.read_events(AFTER, binds![team, environment, after, limit]).await
    }

    /// Events of one run after number `after`, oldest first.
    pub async fn events_of_run(
        &self,
        permit: &Permit<ViewWorkflow>,
        run: RunId,
        after: i64,
        limit: u32,
    ) -> Result<Vec<Event>> {
        let Scope { team, environment } = permit.scope();
        self.read_events(OF_RUN, binds![team, environment, run, after, limit]).await
    }

    /// Events of a team in all its environments, for NodeLoom's own readers (SIEM, notifications, monitoring).
    pub async fn events_of_team(
        &self,
        _system: SystemPermit,
        team: TeamId,
        after: i64,
        limit: u32,
    ) -> Result<Vec<Event>> {
        self.read_events(ALL_AFTER, binds![team, after, limit]).await
    }

    /// The number of the team's newest event; 0 before the first. A live view starts here.
    pub async fn last_event(&self, permit: &Permit<ViewWorkflow>) -> Result<i64> {
        let team = permit.scope().team;
        let row = self.db().optional("SELECT last FROM event_counters WHERE team = $1", binds![team]).await?;
        row.map_or(Ok(0), |row| row.get("last"))
    }

    async fn read_events(&self, sql: impl Into<Sql>, binds: Vec<crate::kernel::sql::Bind>) -> Result<Vec<Event>> {
        self.db().all(sql, binds).await?.iter().map(event).collect()
    }
}

pub(crate) fn event(row: &Row) -> Result<Event> {
    let kind: String = row.get("kind")?;
    let kind = EventKind::ALL.into_iter().find(|known| known.as_str() == kind);
    Ok(Event {
        sequence: row.get("sequence")?,
        scope: Scope { team: row.get("team")?, environment: row.get("environment")? },
        at: row.get("at")?,
        kind: kind.ok_or_else(|| Error::corrupt("kind", "it names no kind of event"))?,
        workflow: row.get("workflow")?,
        run: row.get("run")?,
        payload: row.get("payload")?,
    })
}
