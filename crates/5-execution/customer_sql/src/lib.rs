//! Customers' own databases, reached through a credential: PostgreSQL over the network and SQLite files in one
//! configured folder. The one exception to "SQL only in `store`".
//!
//! What it promises: one statement per call, values bound and never pasted, the workflow's SQL scope (R194–R196) held
//! twice (the statement is parsed and judged, and the database itself is put into read-only mode), rows, bytes and time
//! bounded, and errors that never show how the database was reached.
//! What it never does: touch NodeLoom's own database, keep a connection between calls, open a file outside the
//! folder, or connect to an address that `egress` refuses.
//!
//! Start reading in [`CustomerSql::query`].

mod collect;
mod error;
mod judge;
mod postgres;
mod query;
mod relay;
mod scan;
mod sqlite;
mod values;

pub use error::Error;
pub use query::{Column, CustomerSql, Database, Limits, Postgres, Query, Rows, Scope, Tls};
