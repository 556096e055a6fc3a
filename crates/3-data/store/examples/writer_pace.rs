//! How fast is the writer? `cargo run --release -p store --example writer_pace -- [sqlite:<path> | postgres://…] [callers] [seconds]`
//!
//! One change = one inserted row, two audit entries and two events, from many callers at once.

#![allow(clippy::unwrap_used, reason = "a measurement, not the product")]
#![allow(clippy::disallowed_methods, reason = "a measurement needs the clock")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use authz::act_as_system;
use domain::{
    AuditId, AuditResult, Clock, Environment, EventKind, NewEvent, Scope, SessionId, TeamId, Timestamp, UserId,
};
use store::{
    AuditRow, AuditRowDraft, ChainHead, ChainKey, Effects, Linker, Store, StoreConfig,
    people::{RefreshToken, Session, User},
};
use uuid::Uuid;

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

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(measure());
}

async fn measure() {
    let mut args = std::env::args().skip(1);
    let url = args.next().unwrap_or_else(|| "sqlite:writer_pace.db".to_owned());
    let callers: u64 = args.next().map_or(32, |n| n.parse().unwrap());
    let seconds: u64 = args.next().map_or(5, |n| n.parse().unwrap());
    let clock = Clock::new(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Timestamp::from_micros(i64::try_from(now.as_micros()).unwrap())
    });
    let config = StoreConfig::from_url(&url).unwrap();
    store::migrate(&config, &clock).await.unwrap();
    let store = Store::open(&config, clock.clone(), Arc::new(Plain)).await.unwrap();
    let system = act_as_system("a measurement");
    let user = UserId::from_uuid(Uuid::now_v7());
    let person = User {
        id: user,
        email: user.to_string(),
        name: String::new(),
        password_hash: None,
        email_verified_at: None,
        disabled_at: None,
        created_at: clock.now(),
    };
    store.add_user(system, person, Effects::none()).await.unwrap();
    let session = SessionId::from_uuid(Uuid::now_v7());
    let at = clock.now();
    let whole = Session {
        id: session,
        user,
        authenticated_at: at,
        created_at: at,
        expires_at: at,
        ended_at: None,
        client: "::1".to_owned(),
        user_agent: None,
        method: store::people::Method::Password,
        last_seen_at: None,
        renew: false,
    };
    let token = move |at| {
        let id = Uuid::now_v7();
        let hash = [*id.as_bytes(), *id.as_bytes()].concat().try_into().unwrap();
        RefreshToken { hash, session, issued_at: at, expires_at: at, used_at: None }
    };
    store.open_session(system, whole, token(at), Effects::none()).await.unwrap();

    let scope = Scope { team: TeamId::from_uuid(Uuid::from_u128(1)), environment: Environment::Production };
    let (done, slowest) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (cpu_before, began) = (cpu_millis(), Instant::now());
    let until = began + Duration::from_secs(seconds);
    let tasks = (0..callers).map(|_| {
        let (store, done, slowest, clock) = (store.clone(), done.clone(), slowest.clone(), clock.clone());
        tokio::spawn(async move {
            while Instant::now() < until {
                let asked = Instant::now();
                let at = clock.now();
                let draft = || AuditRowDraft {
                    chain: ChainKey::Of(scope),
                    id: AuditId::from_uuid(Uuid::now_v7()),
                    at,
                    operation: "run.start".to_owned(),
                    target: Some("run_0190aaaabbbbccccddddeeeeffff0000".to_owned()),
                    result: AuditResult::Succeeded,
                    request: None,
                    intent: None,
                    subject: Some([7; 32]),
                    body: vec![42; 260],
                };
                let event = || NewEvent {
                    scope,
                    at,
                    kind: EventKind::RunFinished,
                    workflow: None,
                    run: None,
                    payload: serde_json::json!({ "status": "succeeded", "output": { "text": "hello" } }),
                };
                let effects =
                    Effects { audit: vec![draft(), draft()], events: vec![event(), event()], violations: Vec::new() };
                store.add_refresh_token(system, token(at), effects).await.unwrap();
                done.fetch_add(1, Ordering::Relaxed);
                slowest.fetch_max(u64::try_from(asked.elapsed().as_micros()).unwrap(), Ordering::Relaxed);
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let (count, took) = (done.load(Ordering::Relaxed), began.elapsed().as_secs_f64());
    let cpu = cpu_millis() - cpu_before;
    println!(
        "{callers} callers, {count} changes in {took:.1} s: {:.0} changes/s, {:.3} ms CPU each, slowest {:.1} ms",
        count as f64 / took,
        cpu as f64 / count as f64,
        slowest.load(Ordering::Relaxed) as f64 / 1000.0
    );
    store.close().await;
}

/// User and system time of this process, in milliseconds.
fn cpu_millis() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()) * 10
}
