//! One connection to either database, and the only place where statements meet the driver.

use std::{
    fs::{DirBuilder, OpenOptions},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
    time::Duration,
};

use futures::TryStreamExt;
use sqlx::{
    ConnectOptions, Connection, PgConnection, SqliteConnection,
    postgres::PgConnectOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use super::{
    row::Row,
    rows::{postgres_rows, postgres_two, sqlite_rows},
    sql::{Bind, Sql, postgres_arguments, sqlite_arguments},
};
use crate::{
    Error, Result,
    config::{Location, StoreConfig, postgres_options},
};

/// How to reach the database.
#[derive(Clone)]
pub(crate) enum Target {
    Sqlite(Box<SqliteConnectOptions>),
    Postgres(Box<PgConnectOptions>),
}

/// What a connection is for. On SQLite, readers cannot write.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    Reading,
    Writing,
}

/// SQLite's log keeps its length up to here, so that a commit writes over blocks that the file has already.
pub(crate) const JOURNAL_SIZE_LIMIT: &str = "67108864";
/// Pages of the log (4 KiB each) after which a commit copies them into the database, which takes two more flushes.
pub(crate) const CHECKPOINT_AFTER_PAGES: &str = "4000";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

impl Target {
    pub fn new(config: &StoreConfig) -> Result<Self> {
        match &config.location {
            Location::Sqlite(path) => {
                let options = SqliteConnectOptions::new()
                    .filename(path)
                    .create_if_missing(false)
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Full)
                    .foreign_keys(true)
                    .busy_timeout(Duration::from_secs(5))
                    .statement_cache_capacity(512)
                    .pragma("temp_store", "memory")
                    .pragma("cache_size", "-16000")
                    .pragma("journal_size_limit", JOURNAL_SIZE_LIMIT)
                    .pragma("wal_autocheckpoint", CHECKPOINT_AFTER_PAGES)
                    .disable_statement_logging();
                Ok(Self::Sqlite(Box::new(options)))
            }
            Location::Postgres(url) => {
                let timeout = config.statement_timeout.as_millis().to_string();
                let options = postgres_options(url.expose(), config.plain_tcp_allowed)?
                    .options([
                        ("statement_timeout", timeout.as_str()),
                        ("idle_in_transaction_session_timeout", "60000"),
                        ("lock_timeout", "10000"),
                        ("client_min_messages", "warning"),
                    ])
                    .disable_statement_logging();
                Ok(Self::Postgres(Box::new(options)))
            }
        }
    }
}

/// Makes the database file, readable by its owner alone, unless it is there.
pub(crate) fn create_file(path: &Path) -> Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|source| Error::file(folder, source))?;
    }
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(source) => Err(Error::file(path, source)),
    }
}

/// A connection.
pub(crate) enum Conn {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// The one dispatch: the same words for either connection.
macro_rules! on {
    ($self:ident, $sql:ident, $sqlite:expr, $postgres:expr, |$query:ident, $conn:ident, $row:ident| $body:expr) => {
        match $self {
            Conn::Sqlite($conn) => {
                #[allow(unused_imports)]
                use Row::Sqlite as $row;
                let $query = sqlx::query_with($sql.sqlite, $sqlite);
                $body
            }
            Conn::Postgres($conn) => {
                #[allow(unused_imports)]
                use Row::Postgres as $row;
                let $query = sqlx::query_with($sql.postgres, $postgres);
                $body
            }
        }
    };
}

impl Conn {
    pub async fn open(target: &Target, purpose: Use) -> Result<Self> {
        let opening = async {
            Ok(match target {
                Target::Sqlite(options) if purpose == Use::Reading => {
                    Self::Sqlite(options.clone().pragma("query_only", "on").connect().await?)
                }
                Target::Sqlite(options) => Self::Sqlite(options.connect().await?),
                Target::Postgres(options) => Self::Postgres(PgConnection::connect_with(options).await?),
            })
        };
        match tokio::time::timeout(CONNECT_TIMEOUT, opening).await {
            Ok(opened) => opened,
            Err(_) => Err(Error::away("connecting took too long")),
        }
    }

    pub const fn is_postgres(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// Performs a statement and counts the rows it touched.
    pub async fn run(&mut self, sql: impl Into<Sql>, binds: Vec<Bind>) -> Result<u64> {
        let sql = sql.into();
        Ok(on!(self, sql, sqlite_arguments(binds)?, postgres_arguments(binds)?, |query, conn, Kind| {
            query.execute(conn).await?.rows_affected()
        }))
    }

    /// All rows of an answer.
    pub async fn all(&mut self, sql: impl Into<Sql>, binds: Vec<Bind>) -> Result<Vec<Row>> {
        let sql = sql.into();
        Ok(on!(self, sql, sqlite_arguments(binds)?, postgres_arguments(binds)?, |query, conn, Kind| {
            query.fetch_all(conn).await?.into_iter().map(Kind).collect()
        }))
    }

    /// Performs a statement for many rows at once; see `rows`.
    pub async fn run_rows(&mut self, sql: impl Into<Sql>, rows: Vec<Vec<Bind>>) -> Result<u64> {
        if rows.is_empty() {
            return Ok(0);
        }
        let sql = sql.into();
        Ok(on!(self, sql, sqlite_rows(&rows)?, postgres_rows(rows)?, |query, conn, Kind| {
            query.execute(conn).await?.rows_affected()
        }))
    }

    /// Two lists of rows in one go, neither of them empty: PostgreSQL's alone.
    pub async fn run_two(&mut self, sql: Sql, one: Vec<Vec<Bind>>, two: Vec<Vec<Bind>>) -> Result<u64> {
        let Self::Postgres(conn) = self else {
            return Err(Error::Refused { what: "two lists of rows in one statement are PostgreSQL's" });
        };
        let done = sqlx::query_with(sql.postgres, postgres_two(one, two)?).execute(conn).await?;
        Ok(done.rows_affected())
    }

    /// The same, with an answer (`RETURNING`, or a read of many keys).
    pub async fn all_rows(&mut self, sql: impl Into<Sql>, rows: Vec<Vec<Bind>>) -> Result<Vec<Row>> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let sql = sql.into();
        Ok(on!(self, sql, sqlite_rows(&rows)?, postgres_rows(rows)?, |query, conn, Kind| {
            query.fetch_all(conn).await?.into_iter().map(Kind).collect()
        }))
    }

    /// What `map` makes of each row, as it comes: PostgreSQL's alone.
    pub async fn collect<X>(
        &mut self,
        sql: &'static str,
        binds: Vec<Bind>,
        map: &(impl Fn(&sqlx::postgres::PgRow) -> Result<X> + Send + Sync),
    ) -> Result<Vec<X>> {
        let Self::Postgres(conn) = self else {
            return Err(Error::Refused { what: "rows are shown in place by PostgreSQL's driver" });
        };
        let mut made = Vec::new();
        let mut rows = sqlx::query_with(sql, postgres_arguments(binds)?).fetch(conn);
        while let Some(row) = rows.try_next().await? {
            made.push(map(&row)?);
        }
        Ok(made)
    }

    /// Hands over an answer row by row, however long it is.
    pub async fn each(&mut self, sql: &'static str, mut take: impl FnMut(Row) -> Result<()> + Send) -> Result<()> {
        let sql = Sql::from(sql);
        on!(self, sql, sqlite_arguments(Vec::new())?, postgres_arguments(Vec::new())?, |query, conn, Kind| {
            let mut rows = query.fetch(conn);
            while let Some(row) = rows.try_next().await? {
                take(Kind(row))?;
            }
        });
        Ok(())
    }

    /// Performs a text of several statements, without binds and without preparing them.
    pub async fn script(&mut self, text: &'static str) -> Result<()> {
        match self {
            Self::Sqlite(conn) => _ = sqlx::raw_sql(text).execute(conn).await?,
            Self::Postgres(conn) => _ = sqlx::raw_sql(text).execute(conn).await?,
        }
        Ok(())
    }

    pub async fn close(self) -> Result<()> {
        match self {
            Self::Sqlite(conn) => conn.close().await?,
            Self::Postgres(conn) => conn.close().await?,
        }
        Ok(())
    }
}
