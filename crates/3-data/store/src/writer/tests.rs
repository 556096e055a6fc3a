//! The writer under changes that fail, panic and come when the database is away.

use std::{sync::Arc, time::Duration};

use authz::act_as_system;
use domain::{AuditId, AuditResult, Clock, SessionId, Timestamp};
use uuid::Uuid;

use super::{Settings, Writer, told};
use crate::{
    AuditRow, AuditRowDraft, ChainHead, ChainKey, Effects, Error, Linker, Location, Result, Store, StoreConfig,
    kernel::{
        conn::{Conn, Target, Use},
        sql::binds,
    },
};

struct Plain;
impl Linker for Plain {
    fn link(&self, _: &ChainKey, head: &ChainHead, drafts: Vec<AuditRowDraft>) -> (Vec<AuditRow>, ChainHead) {
        let mut end = head.clone();
        let row = |draft: AuditRowDraft| {
            end.seq += 1;
            AuditRow { seq: end.seq, entry: draft.body.clone(), hash: end.hash, draft }
        };
        let rows = drafts.into_iter().map(row).collect();
        (rows, end)
    }
}

async fn open(folder: &tempfile::TempDir) -> (Store, StoreConfig) {
    let mut config = StoreConfig::at(Location::Sqlite(folder.path().join("x.db")));
    config.retry_window = Duration::from_millis(1500);
    let clock = Clock::new(|| Timestamp::from_micros(0));
    crate::migrate(&config, &clock).await.unwrap();
    (Store::open(&config, clock, Arc::new(Plain)).await.unwrap(), config)
}

fn entry(n: u128) -> Effects {
    Effects::audited(vec![AuditRowDraft {
        chain: ChainKey::System,
        id: AuditId::from_uuid(Uuid::from_u128(n)),
        at: Timestamp::from_micros(0),
        operation: n.to_string(),
        target: None,
        result: AuditResult::Succeeded,
        request: None,
        intent: None,
        subject: None,
        body: Vec::new(),
    }])
}

/// Adds a cooldown row; every tenth change fails in SQL after it wrote, every eleventh panics, every twelfth says no.
async fn change(store: &Store, n: u128) -> Result<u128> {
    store
        .write(entry(n), n, |n, tx| {
            Box::pin(async move {
                let sql = "INSERT INTO cooldowns (action, subject, failures, last_failure, until) \
                           VALUES ('x', $1, 0, 0, 0)";
                let key = |n: u128| n.to_be_bytes().to_vec();
                tx.run(sql, binds![key(*n)]).await?;
                if *n % 10 == 0 {
                    tx.run(sql, binds![key(*n)]).await?;
                }
                assert!(*n % 11 != 0, "a bug in a change");
                if *n % 12 == 0 { Err(Error::Refused { what: "no" }) } else { Ok(*n) }
            })
        })
        .await
}

/// A change that fails is rolled back whole, entry included, and leaves all others as if it had not been there.
#[tokio::test(flavor = "multi_thread")]
async fn a_failing_change_does_not_hurt_its_neighbours() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(&folder).await;
    let all = (1..=200).map(|n| {
        let store = store.clone();
        tokio::spawn(async move { (n, change(&store, n).await) })
    });
    let mut fine = 0;
    for task in all.collect::<Vec<_>>() {
        match task.await.unwrap() {
            (n, Err(Error::Taken { .. })) => assert_eq!(n % 10, 0),
            (n, Err(Error::Panicked)) => assert_eq!(n % 11, 0),
            (n, Err(Error::Refused { .. })) => assert_eq!(n % 12, 0),
            (n, Ok(same)) => {
                assert!(n == same && n % 10 != 0 && n % 11 != 0 && n % 12 != 0);
                fine += 1;
            }
            (n, Err(error)) => panic!("{n}: {error}"),
        }
    }
    let count = store.db().one("SELECT COUNT(*) AS n FROM cooldowns", binds![]).await.unwrap();
    assert_eq!(count.get::<i64>("n").unwrap(), fine);
    let head = store.audit_head(act_as_system("a test"), &ChainKey::System).await.unwrap().unwrap();
    assert_eq!(head.seq, fine);
}

/// First in, first out, also past a change that fails.
#[tokio::test]
async fn changes_happen_in_the_order_in_which_they_came() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(&folder).await;
    let all = (1..=100_u128).map(|n| change(&store, n));
    futures::future::join_all(all).await;
    let system = act_as_system("a test");
    let entries = store.audit_range(system, &ChainKey::System, 1, 1000).await.unwrap();
    let order: Vec<u128> = entries.iter().map(|e| e.operation.parse().unwrap()).collect();
    assert!(order.is_sorted() && order.len() > 50);
}

/// While another process holds the database, changes wait; past their window they are refused and never happen.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_waits_for_a_busy_database_and_then_gives_up() {
    let folder = tempfile::tempdir().unwrap();
    let (store, config) = open(&folder).await;
    change(&store, 1).await.unwrap();
    let mut other = Conn::open(&Target::new(&config).unwrap(), Use::Writing).await.unwrap();
    other.script("BEGIN IMMEDIATE").await.unwrap();
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { change(&store, 2).await }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    other.script("ROLLBACK").await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap(), 2);

    other.script("BEGIN IMMEDIATE").await.unwrap();
    assert!(change(&store, 3).await.is_err_and(|error| error.is_unavailable()));
    other.script("ROLLBACK").await.unwrap();
    assert_eq!(change(&store, 4).await.unwrap(), 4);
    let count = store.db().one("SELECT COUNT(*) AS n FROM cooldowns", binds![]).await.unwrap();
    assert_eq!(count.get::<i64>("n").unwrap(), 3);
}

/// What was queued before the store closed is stored; what comes after is refused.
#[tokio::test(flavor = "multi_thread")]
async fn closing_stores_what_was_queued() {
    let folder = tempfile::tempdir().unwrap();
    let (store, config) = open(&folder).await;
    let system = act_as_system("a test");
    let all = futures::future::join_all((1..=9).map(|n| change(&store, n)));
    let (done, ()) = tokio::join!(all, async {
        tokio::task::yield_now().await;
        store.close().await;
    });
    let stored = done.into_iter().filter(Result::is_ok).count();
    assert!(matches!(store.record(entry(99)).await, Err(Error::Closed)));
    assert!(matches!(store.session(system, SessionId::from_uuid(Uuid::nil())).await, Err(Error::Closed)));
    let again = Store::open(&config, Clock::new(|| Timestamp::from_micros(0)), Arc::new(Plain)).await.unwrap();
    let head = again.audit_head(system, &ChainKey::System).await.unwrap();
    assert_eq!(head.map_or(0, |head| head.seq), stored as i64);
}

/// A writer alone, of the database that `config` names.
fn writer(config: &StoreConfig) -> Writer {
    let (writer, _) = Writer::start(Settings {
        target: Target::new(config).unwrap(),
        linker: Arc::new(Plain),
        news: tokio::sync::broadcast::Sender::new(1),
        batch: 256,
        queue: 16,
        window: Duration::from_secs(30),
        timeout: Duration::from_secs(30),
    });
    writer
}

async fn queued(writer: &Writer, n: u128) {
    let (op, answer) = told(entry(n));
    writer.send(op).await.unwrap();
    answer.await.unwrap().unwrap();
    // it answers while it is still in its room
    drop(writer.attempt.lock().await);
}

/// An entry that stands alone, while nobody is at work, is stored on the caller's thread; whenever that cannot be,
/// nothing is stored, and the queue stores it: before the head is known, after another process moved it, and while
/// another one is in the way.
#[tokio::test(flavor = "multi_thread")]
async fn a_lone_entry_takes_the_short_way() {
    let folder = tempfile::tempdir().unwrap();
    let (store, config) = open(&folder).await;
    let ours = writer(&config);
    assert!(!ours.record_at_once(&entry(1)), "the head is not known yet");
    queued(&ours, 1).await;
    assert!(ours.record_at_once(&entry(2)) && ours.record_at_once(&entry(3)));
    let room = ours.attempt.lock().await;
    assert!(!ours.record_at_once(&entry(4)), "somebody is at work");
    drop(room);
    change(&store, 4).await.unwrap();
    assert!(!ours.record_at_once(&entry(5)), "another process moved the head");
    queued(&ours, 5).await;
    assert!(ours.record_at_once(&entry(6)));
    let mut other = Conn::open(&Target::new(&config).unwrap(), Use::Writing).await.unwrap();
    other.script("BEGIN IMMEDIATE").await.unwrap();
    assert!(!ours.record_at_once(&entry(7)), "another process is in the way, and nobody waits for it on this thread");
    other.script("ROLLBACK").await.unwrap();
    queued(&ours, 7).await;
    assert!(ours.record_at_once(&entry(8)));
    assert!(!ours.record_at_once(&Effects::none()));
    let entries = store.audit_range(act_as_system("a test"), &ChainKey::System, 1, 100).await.unwrap();
    let order: Vec<u128> = entries.iter().map(|e| e.operation.parse().unwrap()).collect();
    assert_eq!(order, (1..=8).collect::<Vec<_>>());
}

/// A trigger that somebody put on the table to make entries vanish makes acts be refused.
#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_a_trigger_keeps_away_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (store, config) = open(&folder).await;
    change(&store, 1).await.unwrap();
    let mut other = Conn::open(&Target::new(&config).unwrap(), Use::Writing).await.unwrap();
    other.script("CREATE TRIGGER gone BEFORE INSERT ON audit_entries BEGIN SELECT RAISE(IGNORE); END").await.unwrap();
    for n in 2..=4 {
        let refused = store.record(entry(n)).await;
        assert!(matches!(refused, Err(Error::Corrupt { .. })), "{refused:?}");
    }
    other.script("DROP TRIGGER gone").await.unwrap();
    store.record(entry(5)).await.unwrap();
    let head = store.audit_head(act_as_system("a test"), &ChainKey::System).await.unwrap().unwrap();
    assert_eq!(head.seq, 2);
}
