//! What can go wrong in storage, one variant per thing that a caller would handle differently.

use sqlx::error::ErrorKind;

/// The result of everything here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why storage did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database did not answer within the retry window, or its disk is full. Nothing was stored; retrying is safe.
    #[error("the database is not available: {why}")]
    Unavailable { why: String },
    /// The database went away during the commit and did not come back in time to be asked about it.
    #[error("the database went away during the commit; whether the change was stored is not known")]
    Uncertain,
    /// Something with this unique name, id or key is there already. Nothing was stored.
    #[error("{what} is taken")]
    Taken { what: String },
    /// What the change is about is not there (any more), or belongs to another team.
    #[error("{what} is not there")]
    Missing { what: &'static str },
    /// The change does not fit the state that the noun is in.
    #[error("{what}")]
    Refused { what: &'static str },
    /// A stored value is not what its column promises.
    #[error("column {column} holds a value that cannot be read")]
    Corrupt { column: String, source: Box<dyn std::error::Error + Send + Sync> },
    /// A cursor that this server did not make.
    #[error("the cursor is not one that was handed out")]
    BadCursor,
    /// The database was written by a later version of NodeLoom.
    #[error("the database has schema {found}, this program knows up to {known}: start a newer NodeLoom")]
    TooNew { found: i64, known: i64 },
    /// The schema lacks migrations.
    #[error("the database has schema {found} and needs {known}: run `nodeloom migrate`")]
    NotMigrated { found: i64, known: i64 },
    /// A migration that was applied has another text in this program.
    #[error("migration {version} was applied with another text than this program's")]
    ChangedMigration { version: i64 },
    /// The settings do not describe a database that may be opened.
    #[error("{0}")]
    Config(String),
    /// Backup and restore.
    #[error("backup: {0}")]
    Backup(String),
    /// A file could not be used.
    #[error("{path}: the file could not be used")]
    File { path: std::path::PathBuf, source: std::io::Error },
    /// The code that performed the change panicked; it was rolled back.
    #[error("the change panicked and was rolled back")]
    Panicked,
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// The database refused the statement for a reason that no caller handles.
    #[error("the database refused a statement")]
    Database(#[source] sqlx::Error),
}

impl Error {
    pub(crate) fn corrupt(column: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Corrupt { column: column.to_owned(), source: source.into() }
    }
    pub(crate) fn encoding(source: Box<dyn std::error::Error + Send + Sync>) -> Self {
        Self::Database(sqlx::Error::Encode(source))
    }
    pub(crate) fn file(path: impl Into<std::path::PathBuf>, source: std::io::Error) -> Self {
        Self::File { path: path.into(), source }
    }
    /// `Ok` when a change touched something, else [`Error::Missing`].
    pub(crate) const fn unless_touched(rows: u64, what: &'static str) -> Result<()> {
        if rows == 0 { Err(Self::Missing { what }) } else { Ok(()) }
    }
    pub(crate) fn away(why: impl Into<String>) -> Self {
        Self::Unavailable { why: why.into() }
    }
    /// Whether the database was away or in the way (locked, deadlocked), so that the same change may work later.
    pub const fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::WorkerCrashed => Self::away(error.to_string()),
            sqlx::Error::PoolClosed => Self::Closed,
            sqlx::Error::Database(cause) => {
                if cause.kind() == ErrorKind::UniqueViolation {
                    let named = cause.table().map(|table| format!("an entry of {table}"));
                    return Self::Taken { what: named.unwrap_or_else(|| unique_of(cause.message())) };
                }
                if cause.code().is_some_and(|code| passes(&code)) {
                    return Self::away(cause.message());
                }
                Self::Database(error)
            }
            _ => Self::Database(error),
        }
    }
}

/// SQLite names the columns in its message only: `UNIQUE constraint failed: teams.name`.
fn unique_of(message: &str) -> String {
    let columns = message.rsplit(": ").next().unwrap_or_default();
    let table = columns.split('.').next().unwrap_or_default();
    format!("an entry of {table}")
}

/// Error codes that say "not now": five characters are PostgreSQL's SQLSTATE, a number is SQLite's (extended) code.
fn passes(code: &str) -> bool {
    if code.len() == 5 {
        return code.starts_with("08") // connection
            || code.starts_with("53") // disk full, out of memory, too many connections
            || code.starts_with("57P") // shutting down, starting up
            || code.starts_with("58") // the system under it
            || matches!(code, "40001" | "40P01" | "55P03" | "25006" | "25P03" | "57014");
    }
    // busy, locked, out of memory, read-only, interrupted, I/O, full, cannot open
    code.parse::<i64>().is_ok_and(|code| matches!(code & 0xff, 5 | 6 | 7 | 8 | 9 | 10 | 13 | 14))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_passes_and_a_syntax_error_does_not() {
        assert!(passes("13") && passes("53100") && passes("522") && passes("57P01"));
        assert!(!passes("1") && !passes("42601") && !passes("2067"));
    }

    #[test]
    fn sqlite_names_the_table_that_holds_the_other() {
        assert_eq!(unique_of("UNIQUE constraint failed: teams.name"), "an entry of teams");
    }
}
