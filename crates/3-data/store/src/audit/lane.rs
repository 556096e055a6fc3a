//! The short way to disk for entries that belong to no other change, on SQLite: a connection of its own, used on the
//! thread of whoever asks. A single writer that waits spends more time on handing over to the other driver's thread, and
//! on the text that it wants many rows in, than on everything else but the flush.

use std::time::Duration;

use rusqlite::{
    Connection, OpenFlags,
    types::{Null, ToSqlOutput, ValueRef},
};

use super::append::Linked;
use crate::kernel::{
    conn::{CHECKPOINT_AFTER_PAGES, JOURNAL_SIZE_LIMIT, Target},
    sql::Bind,
};

// `?n`, because to SQLite itself `$n` is a name, numbered as it first occurs
const INSERT: &str = "INSERT INTO audit_entries \
     (chain, seq, id, at, operation, target, result, request, intent, subject, entry, hash) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
const MOVE_HEAD: &str = "UPDATE audit_heads SET seq = ?2, hash = ?3, tree = ?4 \
     WHERE chain = ?1 AND seq = ?5 AND hash = ?6";

pub(crate) struct Lane {
    conn: Connection,
}

impl Lane {
    /// A connection, as durable as the writer's. `None` when the database is not SQLite's or cannot be opened: then
    /// the other way is taken, which says what is wrong.
    pub fn open(target: &Target) -> Option<Self> {
        let Target::Sqlite(options) = target else { return None };
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(options.get_filename(), flags).ok()?;
        // whoever is in the way is waited for on the other way, where nobody's thread stands still
        conn.busy_timeout(Duration::ZERO).ok()?;
        for (name, value) in [
            ("synchronous", "FULL"),
            ("temp_store", "memory"),
            ("cache_size", "-4000"),
            ("journal_size_limit", JOURNAL_SIZE_LIMIT),
            ("wal_autocheckpoint", CHECKPOINT_AFTER_PAGES),
        ] {
            conn.pragma_update(None, name, value).ok()?;
        }
        let durable = conn.pragma_query_value(None, "synchronous", |row| row.get::<_, i64>(0)).ok()? == 2;
        let logged = conn.pragma_query_value(None, "journal_mode", |row| row.get::<_, String>(0)).ok()? == "wal";
        (durable && logged).then_some(Self { conn })
    }

    /// Stores entries and heads in a transaction of their own, flushed when this returns, if each head still is where
    /// `linked` expects it. Otherwise, and after any error, nothing was stored and the connection should be dropped.
    pub fn record(&self, linked: &Linked) -> rusqlite::Result<bool> {
        self.statement("BEGIN IMMEDIATE", &[])?;
        let stored = self.store(linked);
        if matches!(stored, Ok(true)) && self.statement("COMMIT", &[]).is_ok() {
            return Ok(true);
        }
        if !self.conn.is_autocommit() {
            self.statement("ROLLBACK", &[])?;
        }
        stored.map(|_| false)
    }

    fn store(&self, linked: &Linked) -> rusqlite::Result<bool> {
        let every = |text: &str, rows: &[Vec<Bind>]| -> rusqlite::Result<bool> {
            for row in rows {
                // a trigger that somebody put on the table can make a statement do nothing and say that all is well
                if self.statement(text, row)? != 1 {
                    return Ok(false);
                }
            }
            Ok(true)
        };
        Ok(every(INSERT, &linked.rows)? && every(MOVE_HEAD, &linked.ends)?)
    }

    fn statement(&self, text: &str, binds: &[Bind]) -> rusqlite::Result<usize> {
        self.conn.prepare_cached(text)?.execute(rusqlite::params_from_iter(binds))
    }
}

impl rusqlite::ToSql for Bind {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let value = match self {
            Self::Int(Some(v)) => ValueRef::Integer(*v),
            Self::Real(Some(v)) => ValueRef::Real(*v),
            Self::Bool(Some(v)) => ValueRef::Integer(i64::from(*v)),
            Self::Text(Some(v)) => ValueRef::Text(v.as_bytes()),
            Self::Bytes(Some(v)) => ValueRef::Blob(v),
            Self::Uuid(Some(v)) => ValueRef::Blob(v.as_bytes()),
            _ => return Ok(ToSqlOutput::from(Null)),
        };
        Ok(ToSqlOutput::Borrowed(value))
    }
}
