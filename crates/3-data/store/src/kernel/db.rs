//! Reading: a few connections, handed out one caller at a time.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::Semaphore;

use super::{
    conn::{Conn, Target, Use},
    row::Row,
    sql::{Bind, Sql},
};
use crate::{Error, Result};

/// A boxed future, because one of an async closure is not known to be `Send` where a server needs it to be.
type Reading<'a, T> = std::pin::Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// Both databases behind one door. Reads outside a change go through here.
pub(crate) struct Db {
    pub target: Target,
    idle: Mutex<Vec<Conn>>,
    /// Connections of the driver that shows SQLite's rows in place; see `audit/scan.rs`.
    pub scanners: Arc<Mutex<Vec<rusqlite::Connection>>>,
    turns: Semaphore,
    timeout: Duration,
    closed: AtomicBool,
}

impl Db {
    pub fn new(target: Target, readers: usize, timeout: Duration) -> Self {
        let turns = Semaphore::new(readers.max(1));
        Self {
            target,
            idle: Mutex::new(Vec::new()),
            scanners: Arc::default(),
            turns,
            timeout,
            closed: AtomicBool::new(false),
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Conn>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lends a connection to `work`; it comes back only when the answer came whole, so a read that was dropped or
    /// that failed half-way never leaves its rest to the next one. A read that met a connection which died while it
    /// lay idle is tried once more on a new one.
    async fn with<T>(&self, work: impl for<'a> Fn(&'a mut Conn) -> Reading<'a, T> + Send + Sync) -> Result<T> {
        let waiting = tokio::time::timeout(self.timeout, self.turns.acquire());
        let _turn = waiting.await.map_err(|_| Error::away("no connection came free"))?.map_err(|_| Error::Closed)?;
        loop {
            let kept = self.idle().pop();
            let was_kept = kept.is_some();
            let mut conn = match kept {
                Some(conn) => conn,
                None => Conn::open(&self.target, Use::Reading).await?,
            };
            match tokio::time::timeout(self.timeout, work(&mut conn)).await {
                Err(_) => return Err(Error::away("the read took too long")),
                Ok(Err(error)) if error.is_unavailable() && was_kept => {}
                Ok(Err(error)) => {
                    return Err(error);
                }
                Ok(Ok(value)) => {
                    if !self.closed.load(Ordering::Relaxed) {
                        self.idle().push(conn);
                    }
                    return Ok(value);
                }
            }
        }
    }

    pub async fn all(&self, sql: impl Into<Sql>, binds: Vec<Bind>) -> Result<Vec<Row>> {
        let sql = sql.into();
        self.with(|conn| Box::pin(conn.all(sql, binds.clone()))).await
    }

    /// The same for many keys at once.
    pub async fn all_rows(&self, sql: impl Into<Sql>, rows: Vec<Vec<Bind>>) -> Result<Vec<Row>> {
        let sql = sql.into();
        self.with(|conn| Box::pin(conn.all_rows(sql, rows.clone()))).await
    }

    /// What `map` makes of the rows of a long answer of PostgreSQL's, as they come.
    pub async fn collect<X, F>(&self, sql: &'static str, binds: Vec<Bind>, map: F) -> Result<Vec<X>>
    where
        X: Send + 'static,
        F: Fn(&sqlx::postgres::PgRow) -> Result<X> + Send + Sync + 'static,
    {
        let map = Arc::new(map);
        self.with(|conn| {
            let (binds, map) = (binds.clone(), map.clone());
            Box::pin(async move { conn.collect(sql, binds, &*map).await })
        })
        .await
    }

    /// The first row, if there is one.
    pub async fn optional(&self, sql: impl Into<Sql>, binds: Vec<Bind>) -> Result<Option<Row>> {
        Ok(self.all(sql, binds).await?.into_iter().next())
    }

    /// The row that is always there, such as a count.
    pub async fn one(&self, sql: impl Into<Sql>, binds: Vec<Bind>) -> Result<Row> {
        self.optional(sql, binds).await?.ok_or(Error::Missing { what: "the row" })
    }

    pub async fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.turns.close();
        self.scanners.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let idle = std::mem::take(&mut *self.idle());
        for conn in idle {
            _ = conn.close().await;
        }
    }
}
