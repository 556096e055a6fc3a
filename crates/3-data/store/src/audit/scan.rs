//! Reading very many entries, as verification does: each is shown where it lies in the database's own memory, and only
//! what the caller makes of it is kept.

use std::{path::Path, sync::PoisonError};

use authz::SystemPermit;
use rusqlite::{OpenFlags, types::ValueRef};
use sqlx::{Row as _, postgres::PgRow};

use super::{ChainKey, read::RESULTS};
use crate::{
    Error, Result, Store,
    kernel::{conn::Target, sql::binds},
};

/// A stored entry, nothing of it copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawEntry<'a> {
    pub seq: i64,
    pub id: [u8; 16],
    /// Microseconds since 1970.
    pub at: i64,
    pub operation: &'a str,
    pub target: Option<&'a str>,
    pub result: &'a str,
    pub request: Option<[u8; 16]>,
    pub intent: Option<[u8; 16]>,
    pub subject: Option<[u8; 32]>,
    pub entry: &'a [u8],
    pub hash: [u8; 32],
}

const SCAN: &str = "SELECT seq, id, at, operation, target, result, request, intent, subject, entry, hash \
     FROM audit_entries WHERE chain = $1 AND seq >= $2 AND seq < $3 ORDER BY seq";

impl Store {
    /// What `map` makes of the entries `from..to` of a chain, oldest first. Several of these may run at a time; each
    /// has a connection of its own.
    ///
    /// # Errors
    /// [`Error::Corrupt`]: a column holds what it cannot hold; [`Store::audit_range`] finds out which.
    pub async fn audit_scan<X: Send + 'static>(
        &self,
        _system: SystemPermit,
        chain: &ChainKey,
        from: i64,
        to: i64,
        map: impl Fn(&RawEntry<'_>) -> X + Send + Sync + 'static,
    ) -> Result<Vec<X>> {
        let chain = chain.to_string();
        let path = match &self.db().target {
            Target::Postgres(_) => {
                let map = move |row: &PgRow| of_postgres(row).map(|raw| map(&raw));
                return self.db().collect(SCAN, binds![chain, from, to], map).await;
            }
            Target::Sqlite(options) => options.get_filename().to_owned(),
        };
        let scanners = self.db().scanners.clone();
        let scanning = tokio::task::spawn_blocking(move || {
            let kept = scanners.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let conn = kept.map_or_else(|| open(&path), Ok)?;
            let made = scan(&conn, &chain, from, to, map)?;
            scanners.lock().unwrap_or_else(PoisonError::into_inner).push(conn);
            Ok(made)
        });
        scanning.await.map_err(|_| Error::Panicked)?
    }
}

/// By a driver that shows a row in place: the other one copies every column of it to another thread.
fn open(path: &Path) -> Result<rusqlite::Connection> {
    // not as read-only, which cannot join a write-ahead log that nobody else has open
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = rusqlite::Connection::open_with_flags(path, flags).map_err(met)?;
    conn.execute_batch("PRAGMA query_only = on; PRAGMA busy_timeout = 5000").map_err(met)?;
    Ok(conn)
}

fn scan<X>(
    conn: &rusqlite::Connection,
    chain: &str,
    from: i64,
    to: i64,
    map: impl Fn(&RawEntry<'_>) -> X,
) -> Result<Vec<X>> {
    let mut statement = conn.prepare(SCAN).map_err(met)?;
    let mut rows = statement.query((chain, from, to)).map_err(met)?;
    let mut made = Vec::new();
    while let Some(row) = rows.next().map_err(met)? {
        made.push(map(&of_sqlite(row)?));
    }
    Ok(made)
}

fn met(error: rusqlite::Error) -> Error {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
            Error::corrupt("audit_entries", error)
        }
        _ => Error::away(error.to_string()),
    }
}

fn of_sqlite<'a>(row: &'a rusqlite::Row<'_>) -> Result<RawEntry<'a>> {
    let value = |index: usize| row.get_ref(index).map_err(met);
    let number = |index: usize| match value(index)? {
        ValueRef::Integer(number) => Ok(number),
        _ => Err(unlike(index)),
    };
    let text = |index: usize| match value(index)? {
        ValueRef::Null => Ok(None),
        ValueRef::Text(bytes) => std::str::from_utf8(bytes).map(Some).map_err(|_| unlike(index)),
        _ => Err(unlike(index)),
    };
    let bytes = |index: usize| match value(index)? {
        ValueRef::Null => Ok(None),
        ValueRef::Blob(bytes) => Ok(Some(bytes)),
        _ => Err(unlike(index)),
    };
    raw(number, text, bytes)
}

fn of_postgres(row: &PgRow) -> Result<RawEntry<'_>> {
    raw(
        |index| row.try_get_unchecked(index).map_err(|error| Error::corrupt(COLUMNS[index], error)),
        |index| row.try_get_unchecked(index).map_err(|error| Error::corrupt(COLUMNS[index], error)),
        |index| row.try_get_unchecked(index).map_err(|error| Error::corrupt(COLUMNS[index], error)),
    )
}

const COLUMNS: [&str; 11] =
    ["seq", "id", "at", "operation", "target", "result", "request", "intent", "subject", "entry", "hash"];

fn unlike(index: usize) -> Error {
    Error::corrupt(COLUMNS[index], "it is not what this column holds")
}

fn raw<'a>(
    number: impl Fn(usize) -> Result<i64>,
    text: impl Fn(usize) -> Result<Option<&'a str>>,
    bytes: impl Fn(usize) -> Result<Option<&'a [u8]>>,
) -> Result<RawEntry<'a>> {
    let sixteen = |index| match bytes(index)? {
        Some(bytes) => bytes.try_into().map(Some).map_err(|_| unlike(index)),
        None => Ok(None),
    };
    let digest = |index| match bytes(index)? {
        Some(bytes) => bytes.try_into().map(Some).map_err(|_| unlike(index)),
        None => Ok(None),
    };
    Ok(RawEntry {
        seq: number(0)?,
        id: sixteen(1)?.ok_or_else(|| unlike(1))?,
        at: number(2)?,
        operation: text(3)?.ok_or_else(|| unlike(3))?,
        target: text(4)?,
        result: text(5)?.filter(|word| RESULTS.iter().any(|known| known.as_str() == *word)).ok_or_else(|| unlike(5))?,
        request: sixteen(6)?,
        intent: sixteen(7)?,
        subject: digest(8)?,
        entry: bytes(9)?.ok_or_else(|| unlike(9))?,
        hash: digest(10)?.ok_or_else(|| unlike(10))?,
    })
}
