//! The handle.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use domain::Clock;
use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::{
    sync::{broadcast, watch},
    task::JoinHandle,
};

use crate::{
    Error, Result,
    audit::Linker,
    config::{Location, StoreConfig},
    events::News,
    kernel::{
        conn::{Conn, Target, Use},
        db::Db,
        tx::{Effects, Tx},
    },
    migrate::require_current,
    writer::{Settings, Work, Writer, told, typed},
};

/// Our own database. Cheap to clone; all clones share one writer.
#[derive(Clone)]
pub struct Store {
    rooms: Arc<Rooms>,
}

struct Rooms {
    db: Db,
    clock: Clock,
    writer: Mutex<Option<Writer>>,
    task: Mutex<Option<JoinHandle<()>>>,
    news: broadcast::Sender<News>,
    closing: watch::Sender<bool>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store")
    }
}

impl Store {
    /// Opens a database whose schema is current ([`migrate`](crate::migrate()) comes first) and starts the writer.
    ///
    /// # Errors
    /// [`Error::NotMigrated`], [`Error::TooNew`], [`Error::Config`], and [`Error::Unavailable`] (retry is safe).
    pub async fn open(config: &StoreConfig, clock: Clock, linker: Arc<dyn Linker>) -> Result<Self> {
        if let Location::Sqlite(path) = &config.location
            && !path.exists()
        {
            return Err(Error::NotMigrated { found: 0, known: crate::newest_schema() });
        }
        let target = Target::new(config)?;
        let mut conn = Conn::open(&target, Use::Writing).await?;
        require_current(&mut conn).await?;
        conn.close().await?;

        let news = broadcast::Sender::new(1024);
        let closing = watch::Sender::new(false);
        if let Target::Postgres(options) = &target {
            let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with((**options).clone());
            tokio::spawn(listen(pool, news.clone(), closing.subscribe()));
        }
        let (writer, task) = Writer::start(Settings {
            target: target.clone(),
            linker,
            news: news.clone(),
            batch: config.batch,
            queue: config.queue,
            window: config.retry_window,
            timeout: config.statement_timeout,
        });
        let db = Db::new(target, config.readers, config.statement_timeout);
        let (writer, task) = (Mutex::new(Some(writer)), Mutex::new(Some(task)));
        Ok(Self { rooms: Arc::new(Rooms { db, clock, writer, task, news, closing }) })
    }

    pub(crate) fn db(&self) -> &Db {
        &self.rooms.db
    }

    pub(crate) fn now(&self) -> domain::Timestamp {
        self.rooms.clock.now()
    }

    /// Performs a change: `work` runs in the writer's transaction, perhaps more than once, on what it is `given`.
    /// Answers after the commit, `effects` included. The change happens even if the caller stops waiting.
    pub(crate) async fn write<A, T, F>(&self, effects: Effects, given: A, work: F) -> Result<T>
    where
        A: Send + Sync + 'static,
        T: Send + Sync + 'static,
        F: for<'a> Fn(&'a A, &'a mut Tx) -> Work<'a, T> + Send + Sync + 'static,
    {
        let writer = self.rooms.writer.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or(Error::Closed)?;
        let (op, answer) = typed(effects, given, work);
        writer.send(op).await?;
        drop(writer);
        answer.await.map_err(|_| Error::Closed)?
    }

    /// Stores audit entries and events that belong to no other change.
    pub async fn record(&self, effects: Effects) -> Result<()> {
        let writer = self.rooms.writer.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or(Error::Closed)?;
        if writer.record_at_once(&effects) {
            return Ok(());
        }
        let (op, answer) = told(effects);
        writer.send(op).await?;
        drop(writer);
        answer.await.map_err(|_| Error::Closed)?
    }

    /// Tells of every commit that brought events. A receiver that lags misses news, not events: it reads by cursor.
    pub fn news(&self) -> broadcast::Receiver<News> {
        self.rooms.news.subscribe()
    }

    /// Performs what is queued and closes the connections. Later calls get [`Error::Closed`].
    pub async fn close(&self) {
        drop(self.rooms.writer.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.rooms.closing.send_replace(true);
        let task = self.rooms.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            _ = task.await;
        }
        self.rooms.db.close().await;
    }
}

/// Passes on what other processes notify of. Only wakes, so a lost connection costs time, never data.
async fn listen(pool: sqlx::PgPool, news: broadcast::Sender<News>, mut closing: watch::Receiver<bool>) {
    let pause = std::time::Duration::from_secs(1);
    loop {
        let listening = async {
            let mut listener = PgListener::connect_with(&pool).await?;
            listener.listen("nodeloom_events").await?;
            // After a reconnect something may have been missed.
            _ = news.send(News::Elsewhere);
            while listener.try_recv().await?.is_some() {
                _ = news.send(News::Elsewhere);
            }
            Ok::<_, sqlx::Error>(())
        };
        tokio::select! {
            ended = listening => if let Err(error) = ended { tracing::debug!(%error, "not listening to other servers") },
            _ = closing.wait_for(|closed| *closed) => return,
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = closing.wait_for(|closed| *closed) => return,
        }
    }
}
