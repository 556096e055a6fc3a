//! One transaction over a group of changes.

use std::{panic::AssertUnwindSafe, time::Duration};

use domain::AuditId;
use futures::FutureExt;
use tokio::{
    runtime::{Handle, RuntimeFlavor},
    time::Instant,
};

use super::{Group, Settings};
use crate::{
    Error, Result,
    audit::{self, ChainKey, lane::Lane},
    events,
    events::News,
    kernel::{
        conn::{Conn, Use},
        sql::binds,
        tx::{Effects, Tx},
    },
    records,
};

/// Why a group was not stored.
pub(super) enum Fault {
    /// The database is away or in the way; nothing was stored. `at` is the op that met it, if one did.
    Away { why: String, at: Option<usize> },
    /// This one op failed.
    Of(usize, Error),
    /// Appending for the whole group failed.
    Whole(Error),
    /// The connection died during the commit; this tells afterwards what became of it.
    Uncertain(Trace),
}

/// By what a PostgreSQL transaction whose commit was not answered is found again.
pub(super) enum Trace {
    /// Its id.
    Transaction(String),
    /// An entry that it would have stored.
    Entry { chain: ChainKey, seq: i64, id: AuditId },
}

impl Fault {
    fn whole(error: Error) -> Self {
        match error {
            Error::Unavailable { why } => Self::Away { why, at: None },
            error => Self::Whole(error),
        }
    }
    fn of(op: usize, error: Error) -> Self {
        match error {
            Error::Unavailable { why } => Self::Away { why, at: Some(op) },
            error => Self::Of(op, error),
        }
    }
}

/// The writer's connection, and what it needs to finish a transaction.
pub(super) struct Attempt {
    settings: Settings,
    open: Option<Tx>,
    /// Where chains ended when this connection committed last: what the next entries are linked to, unless somebody
    /// else wrote the chain meanwhile.
    heads: audit::append::Heads,
    /// SQLite's short way for entries that stand alone.
    lane: Option<Lane>,
}

/// Chains whose ends are remembered; beyond that, all are forgotten and read anew.
const MOST_HEADS: usize = 10_000;

impl Attempt {
    pub const fn new(settings: Settings) -> Self {
        Self { settings, open: None, heads: audit::append::Heads::new(), lane: None }
    }

    /// Performs `group` in one transaction and commits it. After an error nothing of it is stored.
    pub async fn perform(&mut self, group: &mut Group) -> Result<(), Fault> {
        // Taken, so that a connection in an unknown state is dropped (and rolled back) rather than used again.
        let mut tx = match self.open.take() {
            Some(tx) => tx,
            None => {
                let conn = Conn::open(&self.settings.target, Use::Writing).await.map_err(Fault::whole)?;
                Tx::new(conn)
            }
        };
        let done = match self.record(&mut tx, audit_alone(group)).await {
            Ok(true) => Ok(Vec::new()),
            Ok(false) => self.transact(&mut tx, group).await,
            Err(fault) => Err(fault),
        };
        if done.is_err() || self.heads.len() > MOST_HEADS {
            self.heads.clear();
        }
        match done {
            Ok(news) => {
                self.open = Some(tx);
                if !news.is_empty() {
                    // An error says that nobody listens.
                    _ = self.settings.news.send(News::Here { last: news });
                }
                Ok(())
            }
            // PostgreSQL keeps a statement that a rule made to do nothing so, even when the rule is gone.
            Err(fault @ Fault::Whole(Error::Corrupt { .. })) => Err(fault),
            Err(fault @ (Fault::Of(..) | Fault::Whole(_))) => {
                let rollback = tx.conn.script("ROLLBACK");
                if let Ok(Ok(())) = tokio::time::timeout(self.settings.timeout, rollback).await {
                    self.open = Some(tx);
                }
                Err(fault)
            }
            Err(fault) => Err(fault),
        }
    }

    /// A group that holds audit entries and nothing else is stored in one go, if this process remembers where its
    /// chains end. Says whether it was. PostgreSQL's commit, if it is not answered, is looked up by its first entry.
    async fn record(&mut self, tx: &mut Tx, alone: Option<Vec<audit::AuditRowDraft>>) -> Result<bool, Fault> {
        let Some(drafts) = alone else { return Ok(false) };
        if !tx.conn.is_postgres() {
            return Ok(self.record_at_once(drafts));
        }
        let trace = drafts.first().and_then(|first| {
            let head = self.heads.get(&first.chain)?;
            Some(Trace::Entry { chain: first.chain, seq: head.seq + 1, id: first.id })
        });
        let Settings { linker, timeout, .. } = &self.settings;
        let recording = audit::append::record(&mut tx.conn, &**linker, &self.heads, drafts);
        let recorded =
            tokio::time::timeout(*timeout, recording).await.unwrap_or_else(|_| Err(Error::away("no answer")));
        let recorded = match (recorded, trace) {
            (Err(Error::Unavailable { .. }), Some(trace)) => return Err(Fault::Uncertain(trace)),
            (recorded, _) => recorded.map_err(Fault::whole)?,
        };
        let stored = recorded.is_some();
        match recorded {
            Some(moved) => self.heads.extend(moved),
            None => self.heads.clear(),
        }
        Ok(stored)
    }

    /// Stores entries on this thread, which stands still until they are flushed: SQLite's alone. Says whether they are
    /// stored; if not, nothing is, and a transaction finds out why.
    pub fn record_at_once(&mut self, drafts: Vec<audit::AuditRowDraft>) -> bool {
        standing_still(|| self.take_lane(drafts))
    }

    fn take_lane(&mut self, drafts: Vec<audit::AuditRowDraft>) -> bool {
        // the longer way reads the heads that are not remembered, and forgets some when there are too many
        if self.heads.len() > MOST_HEADS || drafts.iter().any(|draft| !self.heads.contains_key(&draft.chain)) {
            return false;
        }
        let Settings { target, linker, .. } = &self.settings;
        let Some(lane) = self.lane.take().or_else(|| Lane::open(target)) else { return false };
        match audit::append::record_at_once(&lane, &**linker, &self.heads, drafts) {
            Ok(Some(moved)) => {
                self.heads.extend(moved);
                self.lane = Some(lane);
                true
            }
            // Somebody else wrote the chain, or a trigger kept an entry away.
            Ok(None) => {
                self.heads.clear();
                self.lane = Some(lane);
                false
            }
            Err(error) => {
                tracing::debug!(%error, "the short way to disk was not open");
                false
            }
        }
    }

    async fn transact(&mut self, tx: &mut Tx, group: &mut Group) -> Result<Vec<(domain::TeamId, i64)>, Fault> {
        let Settings { timeout, linker, .. } = &self.settings;
        let work = async {
            perform_all(tx, group).await?;
            tx.settle().await.map_err(Fault::whole)?;
            let Effects { audit: drafts, events: happened, violations } = std::mem::take(&mut tx.effects);
            records::append_violations(&mut tx.conn, violations).await.map_err(Fault::whole)?;
            let heads = audit::append::append(&mut tx.conn, &**linker, drafts).await.map_err(Fault::whole)?;
            Ok((events::append(&mut tx.conn, happened).await.map_err(Fault::whole)?, heads))
        };
        let late = || Fault::Away { why: "the transaction took too long".to_owned(), at: None };
        let (news, heads) = tokio::time::timeout(*timeout, work).await.map_err(|_| late())??;
        commit(&mut tx.conn, *timeout).await?;
        self.heads.extend(heads);
        Ok(news)
    }

    /// Asks PostgreSQL what became of a transaction whose commit was not answered: `None` when it cannot be asked
    /// before `deadline` or does not know.
    pub async fn look_up(&mut self, trace: Trace, deadline: Instant) -> Option<bool> {
        while Instant::now() < deadline {
            match &trace {
                Trace::Transaction(id) => {
                    if let Ok(status) = self.ask(id).await {
                        match status.as_deref() {
                            Some("committed") => return Some(true),
                            Some("aborted") => return Some(false),
                            Some(_) => {}
                            None => return None,
                        }
                    }
                }
                Trace::Entry { chain, seq, id } => {
                    if let Ok(there) = self.is_there(*chain, *seq, *id).await {
                        return Some(there);
                    }
                }
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        None
    }

    async fn ask(&mut self, id: &str) -> Result<Option<String>> {
        let mut conn = Conn::open(&self.settings.target, Use::Writing).await?;
        let rows = conn.all("SELECT pg_xact_status($1::text::xid8) AS status", binds![id]).await?;
        rows.first().map_or(Ok(None), |row| row.get("status"))
    }

    /// Whether the entry is stored. The head is locked first, which waits for a statement that is still under way; one
    /// that comes later finds the head elsewhere as soon as anything was appended.
    async fn is_there(&mut self, chain: ChainKey, seq: i64, id: AuditId) -> Result<bool> {
        let mut conn = Conn::open(&self.settings.target, Use::Writing).await?;
        let name = chain.to_string();
        let lock = "SELECT seq FROM audit_heads WHERE chain = $1 FOR UPDATE";
        conn.all(lock, binds![name.as_str()]).await?;
        let look = "SELECT seq FROM audit_entries WHERE chain = $1 AND seq = $2 AND id = $3";
        Ok(!conn.all(look, binds![name, seq, id]).await?.is_empty())
    }

    pub async fn close(&mut self) {
        self.lane = None;
        if let Some(tx) = self.open.take() {
            _ = tx.conn.close().await;
        }
    }
}

/// Lets this thread's other tasks go on elsewhere meanwhile, if there is an elsewhere.
fn standing_still<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current() {
        Ok(runtime) if runtime.runtime_flavor() == RuntimeFlavor::MultiThread => tokio::task::block_in_place(work),
        _ => work(),
    }
}

/// The audit entries of a group that holds nothing else.
fn audit_alone(group: &Group) -> Option<Vec<audit::AuditRowDraft>> {
    let alone = |effects: &Effects| effects.events.is_empty() && effects.violations.is_empty();
    let all = group.iter().all(|op| op.only_effects() && alone(op.effects()));
    let drafts: Vec<_> = group.iter().flat_map(|op| op.effects().audit.iter().cloned()).collect();
    (all && !drafts.is_empty()).then_some(drafts)
}

async fn perform_all(tx: &mut Tx, group: &mut Group) -> Result<(), Fault> {
    tx.begin();
    let begin = if tx.conn.is_postgres() { "BEGIN" } else { "BEGIN IMMEDIATE" };
    tx.conn.run(begin, binds![]).await.map_err(Fault::whole)?;
    for (n, op) in group.iter_mut().enumerate() {
        tx.effects.audit.extend_from_slice(&op.effects().audit);
        tx.effects.events.extend_from_slice(&op.effects().events);
        tx.effects.violations.extend_from_slice(&op.effects().violations);
        match AssertUnwindSafe(op.perform(tx)).catch_unwind().await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(Fault::of(n, error)),
            Err(_) => return Err(Fault::Of(n, Error::Panicked)),
        }
    }
    Ok(())
}

/// Commits. SQLite's commit is awaited to its end, for it cannot be called back; PostgreSQL's has a transaction id by
/// which a new connection can ask what became of it. (Asking for the id also fails in a transaction that an op broke
/// and said nothing about, which a bare COMMIT would quietly roll back.)
async fn commit(conn: &mut Conn, timeout: Duration) -> Result<(), Fault> {
    if !conn.is_postgres() {
        return conn.run("COMMIT", binds![]).await.map(|_| ()).map_err(Fault::whole);
    }
    let asking = conn.all("SELECT CAST(pg_current_xact_id_if_assigned() AS TEXT) AS id", binds![]);
    let rows = tokio::time::timeout(timeout, asking).await.unwrap_or_else(|_| Err(Error::away("no answer")));
    let id: Option<String> =
        rows.and_then(|rows| rows.first().map_or(Ok(None), |row| row.get("id"))).map_err(Fault::whole)?;
    let committing = conn.run("COMMIT", binds![]);
    match (tokio::time::timeout(timeout, committing).await.unwrap_or_else(|_| Err(Error::away("no answer"))), id) {
        (Ok(_), _) => Ok(()),
        (Err(Error::Unavailable { .. }), Some(id)) => Err(Fault::Uncertain(Trace::Transaction(id))),
        // Nothing was written, so there is nothing to lose.
        (Err(error), _) => Err(Fault::whole(error)),
    }
}
