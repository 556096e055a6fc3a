//! The transaction that a change is performed in.

use domain::NewEvent;

use super::{
    conn::Conn,
    row::Row,
    sql::{Bind, Sql},
};
use crate::{Error, Result, audit::AuditRowDraft, dialect, records::Violation};

/// What is stored beside a change, in the same transaction: audit entries, events and what checks found.
#[derive(Debug, Clone, Default)]
pub struct Effects {
    pub audit: Vec<AuditRowDraft>,
    pub events: Vec<NewEvent>,
    pub violations: Vec<Violation>,
}

impl Effects {
    /// Nothing beside the change.
    pub const fn none() -> Self {
        Self { audit: Vec::new(), events: Vec::new(), violations: Vec::new() }
    }
    pub fn audited(audit: Vec<AuditRowDraft>) -> Self {
        Self { audit, events: Vec::new(), violations: Vec::new() }
    }
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.audit.extend(other.audit);
        self.events.extend(other.events);
        self.violations.extend(other.violations);
        self
    }
}

/// An open transaction. (Statements for many rows: `conn.run_rows`.) A change may be performed again from the start, so it touches nothing but this.
pub(crate) struct Tx {
    pub conn: Conn,
    pub effects: Effects,
    /// Rows for `INSERT_ENDED_RUNS`, stored in one statement before anything else is asked, or at the end.
    ended_runs: Vec<Vec<Bind>>,
}

impl Tx {
    pub const fn new(conn: Conn) -> Self {
        Self { conn, effects: Effects::none(), ended_runs: Vec::new() }
    }
    /// A new transaction begins: whatever was left of one that failed is forgotten.
    pub fn begin(&mut self) {
        self.effects = Effects::none();
        self.ended_runs.clear();
    }
    /// Stores a run that is over already, together with the others of this transaction: nobody reads it in between, for
    /// every statement of an op stores what waits first.
    pub fn ended_run(&mut self, row: Vec<Bind>) {
        self.ended_runs.push(row);
    }
    /// Stores what waits.
    pub async fn settle(&mut self) -> Result<()> {
        if self.ended_runs.is_empty() {
            return Ok(());
        }
        let rows = std::mem::take(&mut self.ended_runs);
        self.conn.run_rows(dialect::INSERT_ENDED_RUNS, rows).await.map(|_| ())
    }
    /// Performs a statement and counts the rows it touched.
    pub async fn run(&mut self, sql: impl Into<Sql>, binds: Vec<Bind>) -> Result<u64> {
        self.settle().await?;
        self.conn.run(sql, binds).await
    }
    /// All rows of an answer.
    pub async fn all(&mut self, sql: impl Into<Sql>, binds: Vec<Bind>) -> Result<Vec<Row>> {
        self.settle().await?;
        self.conn.all(sql, binds).await
    }
    /// The first row, if there is one.
    pub async fn optional(&mut self, sql: impl Into<Sql>, binds: Vec<Bind>) -> Result<Option<Row>> {
        Ok(self.all(sql, binds).await?.into_iter().next())
    }
    /// The row that is always there, such as a count.
    pub async fn one(&mut self, sql: impl Into<Sql>, binds: Vec<Bind>) -> Result<Row> {
        self.optional(sql, binds).await?.ok_or(Error::Missing { what: "the row" })
    }
    /// Adds all of these, for when only the transaction knows that there is something to tell.
    pub fn tell(&mut self, told: &Effects) {
        self.effects.audit.extend_from_slice(&told.audit);
        self.effects.events.extend_from_slice(&told.events);
        self.effects.violations.extend_from_slice(&told.violations);
    }
    /// Adds an event, likewise.
    pub fn event(&mut self, event: NewEvent) {
        self.effects.events.push(event);
    }
}
