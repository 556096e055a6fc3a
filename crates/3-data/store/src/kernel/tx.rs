//! The transaction that a change is performed in.

use domain::NewEvent;

use super::{
    conn::Conn,
    row::Row,
    sql::{Bind, Sql},
};
use crate::{Error, Result, audit::AuditRowDraft, records::Violation};

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
}

impl Tx {
    /// Performs a statement and counts the rows it touched.
    pub async fn run(&mut self, sql: impl Into<Sql>, binds: Vec<Bind>) -> Result<u64> {
        self.conn.run(sql, binds).await
    }
    /// All rows of an answer.
    pub async fn all(&mut self, sql: impl Into<Sql>, binds: Vec<Bind>) -> Result<Vec<Row>> {
        self.conn.all(sql, binds).await
    }
    /// The first row, if there is one.
    pub async fn optional(&mut self, sql: impl Into<Sql>, binds: Vec<Bind>) -> Result<Option<Row>> {
        Ok(self.conn.all(sql, binds).await?.into_iter().next())
    }
    /// The row that is always there, such as a count.
    pub async fn one(&mut self, sql: impl Into<Sql>, binds: Vec<Bind>) -> Result<Row> {
        self.optional(sql, binds).await?.ok_or(Error::Missing { what: "the row" })
    }
    /// Adds an audit entry, for when only the transaction knows that there is something to tell.
    pub fn audit(&mut self, draft: AuditRowDraft) {
        self.effects.audit.push(draft);
    }
    /// Adds an event, likewise.
    pub fn event(&mut self, event: NewEvent) {
        self.effects.events.push(event);
    }
}
