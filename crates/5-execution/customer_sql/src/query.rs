//! What is asked and what comes back.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use domain::{Json, Secret};
use egress::Egress;
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    judge::{Flavour, judge},
    postgres, sqlite,
};

/// What a workflow may do to databases (R194–R196).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    #[default]
    ReadOnly,
    /// Reads and changes rows; no definitions.
    ReadWrite,
    /// Everything that the database account may do, except what would leave the database.
    Full,
}
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReadOnly => "read_only",
            Self::ReadWrite => "read_write",
            Self::Full => "full",
        })
    }
}

/// Which database.
#[derive(Debug, Clone)]
pub enum Database {
    Postgres(Postgres),
    /// A file under the configured folder, named relative to it.
    Sqlite {
        file: PathBuf,
    },
}

/// How to reach a PostgreSQL database.
#[derive(Debug, Clone)]
pub struct Postgres {
    pub host: String,
    pub port: u16,
    pub database: String,
    pub user: String,
    pub password: Secret<String>,
    pub tls: Tls,
}

/// Whether the connection is encrypted.
#[derive(Debug, Clone)]
pub enum Tls {
    /// Encrypted, and the server's certificate is checked against its name. `authority_pem` is trusted beside the
    /// public authorities.
    Verified { authority_pem: Option<Arc<[u8]>> },
    /// Not encrypted: only for a database on the operator's own network.
    Off,
}
impl Default for Tls {
    fn default() -> Self {
        Self::Verified { authority_pem: None }
    }
}

/// A statement with its values.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// One statement; PostgreSQL's parameters are `$1`, SQLite's `?1` or `$1`.
    pub sql: String,
    pub parameters: Vec<Json>,
    pub scope: Scope,
    pub limits: Limits,
}

/// Bounds of one query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Default 1,000.
    pub max_rows: usize,
    /// Of the rows as JSON. Default 4 MiB.
    pub max_bytes: usize,
    /// From connecting to the last row. Default 30 s.
    pub timeout: Duration,
}
impl Default for Limits {
    fn default() -> Self {
        Self { max_rows: 1000, max_bytes: 4 << 20, timeout: Duration::from_secs(30) }
    }
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rows {
    pub columns: Vec<Column>,
    /// One object per row, keys in the order of the columns. Whole numbers beyond 2^53 and decimals are strings,
    /// times are ISO 8601, bytes are base64.
    pub rows: Vec<Json>,
    /// Rows that the statement inserted, changed or removed.
    pub rows_affected: u64,
    /// There was more than the limits let through.
    pub truncated: bool,
}

/// A column of the result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    pub name: String,
    /// As the database names it.
    pub kind: String,
}

/// The way to customers' databases. Cheap to clone.
#[derive(Debug, Clone)]
pub struct CustomerSql {
    pub(crate) egress: Egress,
    pub(crate) sqlite_folder: Option<Arc<PathBuf>>,
}

impl CustomerSql {
    /// `sqlite_folder` is where SQLite files may lie; `None` turns SQLite off.
    pub fn new(egress: Egress, sqlite_folder: Option<PathBuf>) -> Self {
        Self { egress, sqlite_folder: sqlite_folder.map(Arc::new) }
    }

    /// Runs one statement.
    ///
    /// # Errors
    /// Any [`Error`]; [`Error::may_retry`] says whether the same statement may succeed later. After
    /// [`TimedOut`](Error::TimedOut) of a statement that writes, the write has been rolled back, unless the answer to
    /// the commit itself was lost.
    pub async fn query(&self, database: &Database, query: &Query) -> Result<Rows, Error> {
        match database {
            Database::Postgres(at) => {
                judge(&query.sql, Flavour::Postgres, query.scope)?;
                postgres::run(&self.egress, at, query).await
            }
            Database::Sqlite { file } => {
                let folder = self.sqlite_folder.as_ref().ok_or(Error::SqliteNotConfigured)?;
                judge(&query.sql, Flavour::Sqlite, query.scope)?;
                sqlite::run(folder, file, query).await
            }
        }
    }
}
