//! A world of doubles: effects that are counted by their key, a clock that can be turned, rights that can be taken away.

#![allow(dead_code, reason = "every test file uses its own part")]
#![allow(clippy::unwrap_used, reason = "a double that cannot do its work should stop the test")]

pub mod real;

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use authz::{Action, Actor, Narrowing, Permit};
use domain::{
    AuditDraft, Clock, Environment, Json, Principal, Role, RunId, RunStatus, Scope, Secret, Timestamp, Usage,
    WorkflowId,
};
use engine::{
    Engine, EngineParts, Finished, Settings, Start, Started,
    ports::{
        AuditSink, EffectContext, Effects, Entropy, Mask, ModelCall, Performed, Rights, Runnable, StartOutcome,
        Versions,
    },
};
use harness::Ground;
use serde_json::json;
use store::{AuditRowDraft, ChainKey, runs::RunRecord};
use tokio::sync::Notify;
use vault::{RootKeys, Vault};
use workflow::{Answer, Call, ChatAnswer, Definition, Failure, FailureKind, HttpAnswer, Plan, answer::Finish};

/// What the world was asked, in order: key, attempt, and what was called.
pub type Log = Vec<(String, u32, String)>;

pub struct World {
    log: Mutex<Log>,
    /// How often a call to this URL still fails (retryable).
    failing: Mutex<BTreeMap<String, u32>>,
    /// After so many more moments (a call begins, a call has been performed, an end is about to be written) the process
    /// "dies": nothing of it goes on until [`World::haunt`].
    fuse: AtomicI64,
    ghosts: Notify,
    haunting: AtomicBool,
    rights: AtomicBool,
    workflows: Mutex<BTreeMap<String, Runnable>>,
    shift: AtomicI64,
    began: Instant,
}

impl World {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            log: Mutex::default(),
            failing: Mutex::default(),
            fuse: AtomicI64::new(i64::MAX),
            ghosts: Notify::new(),
            haunting: AtomicBool::new(false),
            rights: AtomicBool::new(true),
            workflows: Mutex::default(),
            shift: AtomicI64::new(0),
            began: Instant::now(),
        })
    }
    pub fn clock(self: &Arc<Self>) -> Clock {
        let world = Arc::clone(self);
        Clock::new(move || {
            let passed = world.began.elapsed().as_micros() as i64 + world.shift.load(Ordering::SeqCst);
            Timestamp::from_micros(1_767_225_600_000_000 + passed)
        })
    }
    pub fn later(&self, by: Duration) {
        self.shift.fetch_add(by.as_micros() as i64, Ordering::SeqCst);
    }
    pub fn log(&self) -> Log {
        self.log.lock().unwrap().clone()
    }
    pub fn calls(&self) -> Vec<String> {
        self.log().into_iter().map(|(_, _, what)| what).collect()
    }
    pub fn fail(&self, url: &str, times: u32) {
        self.failing.lock().unwrap().insert(url.to_owned(), times);
    }
    /// Dies at this moment from now, the first being 1.
    pub fn die_at(&self, moment: i64) {
        self.fuse.store(moment, Ordering::SeqCst);
    }
    pub fn is_dead(&self) -> bool {
        self.fuse.load(Ordering::SeqCst) <= 0
    }
    /// A new process: what died stays dead, until [`World::haunt`].
    pub fn live(&self) {
        self.fuse.store(i64::MAX, Ordering::SeqCst);
    }
    /// The dead process comes back and goes on as if nothing had happened.
    pub fn haunt(&self) {
        self.haunting.store(true, Ordering::SeqCst);
        self.ghosts.notify_waiters();
    }
    pub fn take_rights(&self) {
        self.rights.store(false, Ordering::SeqCst);
    }
    async fn moment(&self) {
        let before = self.fuse.fetch_sub(1, Ordering::SeqCst);
        if before <= 1 {
            let ghost = self.ghosts.notified();
            if !self.haunting.load(Ordering::SeqCst) {
                ghost.await;
            }
        }
    }
    pub fn publish(&self, name: &str, document: Json) -> Runnable {
        let runnable = runnable(name, document);
        self.workflows.lock().unwrap().insert(name.to_owned(), runnable.clone());
        runnable
    }
}

pub fn runnable(name: &str, mut document: Json) -> Runnable {
    let registry = nodes::registry();
    document["format"] = json!("nodeloom/workflow/v1");
    document["name"] = json!(name);
    let definition = Arc::new(Definition::parse(&document, &registry).unwrap());
    let plan = Arc::new(Plan::new(definition, registry).unwrap());
    let id = name.bytes().fold(7_u128, |sum, byte| sum * 31 + u128::from(byte));
    Runnable { workflow: WorkflowId::from_uuid(harness::uuid(id)), version: format!("version-of-{name}"), plan }
}

#[async_trait]
impl Effects for World {
    fn at_once(&self, _: domain::Scope, _: &Call) -> Option<Result<Performed, Failure>> {
        None
    }
    async fn perform(&self, cx: EffectContext, call: Call) -> Result<Performed, Failure> {
        self.moment().await;
        let what = match &call {
            Call::Http(call) => call.url.clone(),
            Call::Chat(call) => format!("chat:{}", call.model.model),
            _ => "other".to_owned(),
        };
        self.log.lock().unwrap().push((cx.key, cx.attempt, what.clone()));
        let fails = self.failing.lock().unwrap().get_mut(&what).is_some_and(|left| {
            let fails = *left > 0;
            *left = left.saturating_sub(1);
            fails
        });
        if what.contains("hangs") {
            std::future::pending::<()>().await;
        }
        self.moment().await;
        if fails {
            return Err(Failure::new(FailureKind::Call, "the double failed as it was told").retryable());
        }
        match call {
            Call::Chat(call) => {
                let usage = Usage { input_tokens: 10, output_tokens: 5 };
                let (provider, model) = (call.model.provider, call.model.model);
                let answer = Answer::Chat(ChatAnswer {
                    text: "hello".to_owned(),
                    tool_calls: Vec::new(),
                    finish: Finish::Stop,
                    usage,
                    model: model.clone(),
                });
                Ok(Performed { answer, model_calls: vec![ModelCall { provider, model, usage, cost_micros: None }] })
            }
            _ => {
                let body = json!({ "url": what });
                Ok(Answer::Http(HttpAnswer { status: 200, headers: BTreeMap::new(), body }).into())
            }
        }
    }
}

#[async_trait]
impl Versions for World {
    async fn plan(&self, _: Scope, workflow: WorkflowId, _: &str) -> Result<Option<Arc<Plan>>, store::Error> {
        let known = self.workflows.lock().unwrap();
        Ok(known.values().find(|runnable| runnable.workflow == workflow).map(|runnable| Arc::clone(&runnable.plan)))
    }
    async fn published(&self, _: Scope, workflow: &str) -> Result<Option<Runnable>, store::Error> {
        Ok(self.workflows.lock().unwrap().get(workflow).cloned())
    }
}

#[async_trait]
impl Rights for World {
    async fn actor(&self, principal: Principal, scope: Scope) -> Result<Option<Actor>, store::Error> {
        let actor = Actor::new(principal, scope, Role::Builder, Narrowing::default());
        Ok(self.rights.load(Ordering::SeqCst).then_some(actor))
    }
}

#[async_trait]
impl AuditSink for World {
    async fn rows(&self, drafts: Vec<AuditDraft>) -> Result<Vec<AuditRowDraft>, store::Error> {
        if drafts.iter().any(|draft| draft.operation == "run.finish") {
            self.moment().await;
        }
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

impl Mask for World {
    fn json(&self, json: &mut Json) {
        match json {
            Json::String(text) => *text = text.replace("ada@example.com", "[EMAIL_ADDRESS]"),
            Json::Array(items) => items.iter_mut().for_each(|item| self.json(item)),
            Json::Object(map) => map.values_mut().for_each(|value| self.json(value)),
            _ => {}
        }
    }
    fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        Cow::Owned(text.replace("ada@example.com", "[EMAIL_ADDRESS]"))
    }
}

pub fn scope() -> Scope {
    Scope { team: harness::team(1), environment: Environment::Production }
}

pub fn permit<A: Action>() -> Permit<A> {
    let principal = Principal::User { id: harness::user(1) };
    Actor::new(principal, scope(), Role::Admin, Narrowing::default()).may().unwrap()
}

pub async fn vault(ground: &Ground) -> Arc<Vault> {
    let root = Secret::new(vault::keys::generate().unwrap().expose().clone());
    Arc::new(Vault::start(&RootKeys::new(&root, &[]).unwrap(), ground.store.clone()).await.unwrap())
}

/// A process: its own engine on a shared database.
pub fn process(ground: &Ground, world: &Arc<World>, vault: &Arc<Vault>, capacity: usize) -> Engine {
    process_with(ground, world, vault, Settings { capacity, ..Settings::default() })
}

pub fn process_with(ground: &Ground, world: &Arc<World>, vault: &Arc<Vault>, settings: Settings) -> Engine {
    Engine::new(EngineParts {
        store: ground.store.clone(),
        clock: world.clock(),
        entropy: Entropy::of_the_system(),
        vault: Arc::clone(vault),
        versions: Arc::clone(world) as _,
        rights: Arc::clone(world) as _,
        months: Arc::new(()),
        effects: Arc::clone(world) as _,
        mask: Arc::clone(world) as _,
        audit: Arc::clone(world) as _,
        settings,
    })
}

pub async fn start(engine: &Engine, runnable: &Runnable, input: Json) -> Started {
    let start = Start {
        runnable: runnable.clone(),
        input,
        trigger: "manual",
        trigger_node: None,
        idempotency: None,
        wants_reply: true,
    };
    engine.start(&permit(), start, Box::new(|_: &StartOutcome| Vec::new())).await.unwrap()
}

/// Starts it and waits for its end.
pub async fn run(engine: &Engine, runnable: &Runnable, input: Json) -> Finished {
    match start(engine, runnable, input).await {
        Started::Finished(finished) => finished,
        Started::Running(handle) | Started::Queued(handle) => {
            let ended = engine.wait(&permit(), handle, Duration::from_secs(20)).await.unwrap();
            ended.expect("the run ends within 20 s")
        }
        Started::Already(run) => panic!("{run} was there already"),
    }
}

pub async fn record(ground: &Ground, run: RunId) -> RunRecord {
    ground.store.run(&permit(), run).await.unwrap().unwrap()
}

/// Lets workers work until the run has this status.
pub async fn until(ground: &Ground, engines: &[&Engine], run: RunId, status: RunStatus) -> RunRecord {
    for _ in 0..400 {
        for engine in engines {
            engine.take_work().await;
        }
        let record = record(ground, run).await;
        if record.status == status {
            return record;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!(
        "the run is {:?}, expected {status:?}: {:?}",
        record(ground, run).await.status,
        record(ground, run).await.view
    );
}

pub fn http(id: &str) -> Json {
    json!({ "id": id, "type": "HTTP_REQUEST", "parameters": { "url": format!("https://example.com/{id}") } })
}
