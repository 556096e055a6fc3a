//! What a start costs that needs nothing of the world: webhook, transform, respond, on SQLite on disk, 32 at a time.
//!
//! `cargo run --release -p engine --example hot_path [folder] [starts] [words]` prints starts a second, processor time a
//! start (all of it, and by thread), and what the parts that can be measured alone take. With `words` every start has an
//! idempotency word: its row is then stored by a statement of its own.

#![allow(clippy::unwrap_used, reason = "an example that cannot go on stops")]
#![allow(clippy::disallowed_methods, reason = "an example is its own main: it reads the clock")]

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use async_trait::async_trait;
use authz::{Actor, Narrowing, Permit, action::ExecuteWorkflow};
use domain::{
    AuditDraft, AuditId, AuditResult, AuditSubject, Clock, Environment, Json, Principal, Role, RunId, Scope, Secret,
    Timestamp, Value, WorkflowId,
};
use engine::{
    Engine, EngineParts, Settings, Start, Started,
    effects::StandardMask,
    ports::{AuditSink, EffectContext, Effects, Entropy, Mask, Performed, Rights, Runnable, StartOutcome, Versions},
};
use serde_json::json;
use store::{AuditRowDraft, ChainKey, Location, Store, StoreConfig};
use vault::{RootKeys, Vault};
use workflow::{Call, Definition, Failure, Machine, Plan, RunInfo};

struct Plain;

#[async_trait]
impl AuditSink for Plain {
    async fn rows(&self, drafts: Vec<AuditDraft>) -> Result<Vec<AuditRowDraft>, store::Error> {
        Ok(drafts
            .into_iter()
            .map(|draft| AuditRowDraft {
                chain: draft.scope.map_or(ChainKey::System, ChainKey::Of),
                id: draft.id,
                at: draft.at,
                operation: draft.operation,
                target: draft.target,
                result: draft.result,
                request: None,
                intent: draft.intent,
                subject: None,
                body: draft.detail.to_string().into_bytes(),
            })
            .collect())
    }
}
#[async_trait]
impl Effects for Plain {
    fn at_once(&self, _: domain::Scope, _: &Call) -> Option<Result<Performed, Failure>> {
        None
    }
    async fn perform(&self, _: EffectContext, _: Call) -> Result<Performed, Failure> {
        unreachable!("nothing is wanted of the world")
    }
}
#[async_trait]
impl Versions for Plain {
    async fn plan(&self, _: Scope, _: WorkflowId, _: &str) -> Result<Option<Arc<Plan>>, store::Error> {
        Ok(None)
    }
    async fn published(&self, _: Scope, _: &str) -> Result<Option<Runnable>, store::Error> {
        Ok(None)
    }
}
#[async_trait]
impl Rights for Plain {
    async fn actor(&self, _: Principal, _: Scope) -> Result<Option<Actor>, store::Error> {
        Ok(None)
    }
}

fn clock() -> Clock {
    Clock::new(|| {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        Timestamp::from_micros(since.as_micros() as i64)
    })
}

fn scope() -> Scope {
    Scope { team: harness::team(1), environment: Environment::Production }
}

fn runnable() -> Runnable {
    let registry = nodes::registry();
    let document = json!({
        "format": "nodeloom/workflow/v1",
        "name": "hot-path",
        "nodes": [
            { "id": "in", "type": "WEBHOOK", "parameters": { "path": "hot" } },
            { "id": "make", "type": "TRANSFORM", "parameters": { "template": {
                "greeting": "hello {{ input.name }}", "total": "{{ input.price * input.quantity }}",
                "items": "{{ input.items | length }}" } } },
            { "id": "out", "type": "RESPOND", "parameters": { "body": "{{ nodes.make }}" } }
        ]
    });
    let definition = Arc::new(Definition::parse(&document, &registry).unwrap());
    let plan = Arc::new(Plan::new(definition, registry).unwrap());
    let version = plan.version().to_string();
    Runnable { workflow: WorkflowId::from_uuid(harness::uuid(7)), version, plan }
}

fn input() -> Json {
    json!({ "name": "Grace", "price": 12, "quantity": 3, "items": ["one", "two", "three"],
        "note": "please deliver between nine and noon", "nested": { "a": 1, "b": [true, false, null] } })
}

/// Intent and outcome, as a request makes them.
fn audit(clock: &Clock, entropy: &Entropy) -> engine::AuditOfStart {
    let (now, entropy) = (clock.now(), entropy.clone());
    Box::new(move |outcome: &StartOutcome| {
        let draft = |intent: Option<AuditId>, result, detail| AuditDraft {
            id: AuditId::new(now, entropy.bytes()),
            scope: Some(scope()),
            at: now,
            subject: AuditSubject {
                principal: Principal::User { id: harness::user(1) },
                address: None,
                session: None,
                user_agent: None,
            },
            request: None,
            operation: "run.start_webhook".to_owned(),
            target: Some("wf_00000000000000000000000000000007".to_owned()),
            result,
            intent,
            duration_micros: None,
            detail,
        };
        let intent = draft(None, AuditResult::Intent, json!({}));
        let detail = json!({ "run": outcome.run, "status": outcome.status });
        let outcome = draft(Some(intent.id), AuditResult::Succeeded, detail);
        vec![intent, outcome]
    })
}

/// Processor time of each thread by its name, in nanoseconds.
fn by_thread() -> BTreeMap<String, u64> {
    let mut times = BTreeMap::new();
    for task in std::fs::read_dir("/proc/self/task").unwrap().flatten() {
        let read = |file: &str| std::fs::read_to_string(task.path().join(file)).unwrap_or_default();
        let time = read("schedstat").split(' ').next().and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        *times.entry(read("comm").trim().to_owned()).or_default() += time;
    }
    times
}

fn alone(name: &str, mut work: impl FnMut()) {
    const TIMES: u32 = 20_000;
    let began = Instant::now();
    for _ in 0..TIMES {
        work();
    }
    println!("  {name:<34} {:>7.1} us", began.elapsed().as_secs_f64() * 1e6 / f64::from(TIMES));
}

fn parts(runnable: &Runnable) {
    println!("parts, each alone on one thread:");
    let info = |now| RunInfo {
        id: RunId::new(now, [1; 10]),
        started_at: now,
        environment: Environment::Production,
        workflow: "hot-path".to_owned(),
    };
    let now = clock().now();
    alone("machine", || {
        let value = Value::from_outside(input());
        let mut machine = Machine::new(Arc::clone(&runnable.plan), info(now), value, Some("in")).unwrap();
        assert!(machine.advance().is_empty());
        assert!(machine.outcome().is_some());
    });
    let value = input();
    alone("mask one value", || StandardMask.json(&mut value.clone()));
    alone("clone one value", || drop(std::hint::black_box(value.clone())));
    alone("write one value as JSON", || drop(std::hint::black_box(value.to_string())));
    alone("write a moment as text", || drop(std::hint::black_box(now.to_string())));
    let (clock, entropy) = (clock(), Entropy::of_the_system());
    let outcome = StartOutcome { run: RunId::new(now, [1; 10]), status: domain::RunStatus::Succeeded, failure: None };
    alone("audit drafts", || drop(std::hint::black_box(audit(&clock, &entropy)(&outcome))));
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let starts: usize = arguments.next().map_or(40_000, |text| text.parse().unwrap());
    let words = arguments.next().is_some();
    let runnable = runnable();
    parts(&runnable);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(hammer(folder, starts, runnable, words));
}

async fn hammer(folder: PathBuf, starts: usize, runnable: Runnable, words: bool) {
    let file = folder.join(format!("hot-path-{}.db", std::process::id()));
    let config = StoreConfig::at(Location::Sqlite(file.clone()));
    store::migrate(&config, &clock()).await.unwrap();
    let store = Store::open(&config, clock(), Arc::new(harness::PlainLinker)).await.unwrap();
    let root = Secret::new(vault::keys::generate().unwrap().expose().clone());
    let vault = Arc::new(Vault::start(&RootKeys::new(&root, &[]).unwrap(), store.clone()).await.unwrap());
    let entropy = Entropy::of_the_system();
    let engine = Engine::new(EngineParts {
        store: store.clone(),
        clock: clock(),
        entropy: entropy.clone(),
        vault,
        versions: Arc::new(Plain),
        rights: Arc::new(Plain),
        months: Arc::new(()),
        effects: Arc::new(Plain),
        mask: Arc::new(StandardMask),
        audit: Arc::new(Plain),
        settings: Settings::default(),
    });
    let permit: Arc<Permit<ExecuteWorkflow>> = Arc::new(
        Actor::new(Principal::User { id: harness::user(1) }, scope(), Role::Admin, Narrowing::default()).may().unwrap(),
    );
    let (before, began, left) = (by_thread(), Instant::now(), Arc::new(AtomicUsize::new(starts)));
    let callers = (0..32).map(|_| {
        let (engine, permit, runnable) = (engine.clone(), Arc::clone(&permit), runnable.clone());
        let (left, clock, entropy) = (Arc::clone(&left), clock(), entropy.clone());
        tokio::spawn(async move {
            let mut slowest = Duration::ZERO;
            while let Ok(n) = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)) {
                let asked = Instant::now();
                let start = Start {
                    runnable: runnable.clone(),
                    input: input(),
                    trigger: "webhook",
                    trigger_node: Some("in".to_owned()),
                    idempotency: words.then(|| format!("word {n}")),
                    wants_reply: true,
                };
                let started = engine.start(&permit, start, audit(&clock, &entropy)).await.unwrap();
                assert!(matches!(started, Started::Finished(finished) if finished.output.is_some()));
                slowest = slowest.max(asked.elapsed());
            }
            slowest
        })
    });
    let mut slowest = Duration::ZERO;
    for caller in callers.collect::<Vec<_>>() {
        slowest = slowest.max(caller.await.unwrap());
    }
    let (took, after) = (began.elapsed(), by_thread());
    println!("{starts} starts, 32 at a time, on {}:", file.display());
    println!(
        "  {:.0} starts/s, the slowest took {:.1} ms",
        starts as f64 / took.as_secs_f64(),
        slowest.as_secs_f64() * 1e3
    );
    let spent = |name: &str| after[name].saturating_sub(before.get(name).copied().unwrap_or(0)) as f64;
    let whole: f64 = after.keys().map(|name| spent(name)).sum();
    println!("  {:.3} ms of processor time a start:", whole / starts as f64 / 1e6);
    for name in after.keys().filter(|name| spent(name) > 0.0) {
        println!("    {name:<24} {:.3} ms", spent(name) / starts as f64 / 1e6);
    }
    store.close().await;
    for end in ["", "-wal", "-shm"] {
        _ = std::fs::remove_file(format!("{}{end}", file.display()));
    }
}
