//! A team with a trail, a SIEM room over it, and a receiver that plays whatever answer it is told to.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]
#![allow(clippy::disallowed_methods, reason = "leases and waits are measured against the real clock")]
#![allow(dead_code, unused_imports, reason = "each test file uses its part")]

pub mod double;
pub mod killed;

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use authz::action::ConfigureSiem;
use domain::{
    AuditDraft, AuditId, AuditResult, AuditSubject, Clock, EventKind, Json, NewEvent, Principal, RequestId, Scope,
    Secret, SiemId, Timestamp,
};
use egress::{Egress, Policy};
use harness::{Ground, permit, scope};
use recorder::{ChainLinker, Checkpoints, CheckpointsConfig, Recorder, SigningKey};
use serde_json::json;
use siem::{Batch, Parts, Secrets, Settings, Setup, Siem, Start, Status, Streams, To};
use store::{Effects, Store, StoreConfig, siem::SiemState};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use vault::{RootKeys, Vault};

pub use double::{Double, Reply};

/// Long enough for two busy cores.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub fn real_clock() -> Clock {
    Clock::new(|| {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap())
    })
}

/// Quick where the product is patient.
pub fn quick() -> Settings {
    Settings {
        poll: Duration::from_millis(10),
        lease: Duration::from_secs(60),
        timeout: Duration::from_secs(30),
        first_wait: Duration::from_millis(5),
        longest_wait: Duration::from_millis(20),
        recheck: Duration::from_secs(3600),
        ask_every: Duration::from_millis(5),
        ask_for: Duration::from_secs(30),
        ..Settings::default()
    }
}

/// Everything over one database.
pub struct Room {
    pub store: Store,
    pub vault: Vault,
    pub recorder: Recorder,
    pub checkpoints: Checkpoints,
    pub clock: Clock,
    pub scope: Scope,
    pub siem: Siem,
}

impl Room {
    pub async fn open(config: &StoreConfig, folder: &std::path::Path, settings: Settings) -> Self {
        Self::open_at(real_clock(), config, folder, settings).await
    }

    pub async fn open_at(clock: Clock, config: &StoreConfig, folder: &std::path::Path, settings: Settings) -> Self {
        let store = Store::open(config, clock.clone(), Arc::new(ChainLinker)).await.unwrap();
        // assembled, so that nobody mistakes it for a key that is in use
        let text =
            ["9c1f7a34e2", "b85d06f3a1", "4e77c9d80b", "62f5e31ca9", "5b08d46e93", "f27a1c8e50", "d3b9"].concat();
        let roots = RootKeys::new(&Secret::new(text), &[]).unwrap();
        let vault = Vault::start(&roots, store.clone()).await.unwrap();
        let recorder = Recorder::new(store.clone(), vault.clone(), clock.clone());
        let key = SigningKey::from_seed("nodeloom.test/audit", &Secret::new(vec![7; 32])).unwrap();
        let file = folder.join("checkpoints.jsonl");
        let every = Duration::from_secs(600);
        let checkpoints = Checkpoints::new(store.clone(), clock.clone(), CheckpointsConfig { key, file, every });
        let egress = Egress::new(Policy::allowing(["127.0.0.1"]).unwrap()).unwrap();
        let siem = Siem::new(Parts {
            store: store.clone(),
            vault: vault.clone(),
            recorder: recorder.clone(),
            checkpoints: checkpoints.clone(),
            egress,
            clock: clock.clone(),
            settings,
        });
        Self { store, vault, recorder, checkpoints, clock, scope: scope(1), siem }
    }

    pub async fn on(ground: &Ground, settings: Settings) -> Self {
        ground.store.close().await;
        Self::open(&ground.config, ground.folder.path(), settings).await
    }

    /// Records `count` entries, in the order of their numbers.
    pub async fn record(&self, from: u64, count: u64) {
        let drafts: Vec<_> = (from..from + count).map(|n| self.draft(n)).collect();
        for part in drafts.chunks(500) {
            self.recorder.record(part.to_vec()).await.unwrap();
        }
    }

    fn draft(&self, n: u64) -> AuditDraft {
        let mut entropy = [0; 10];
        entropy[..8].copy_from_slice(&n.to_be_bytes());
        let now = self.clock.now();
        AuditDraft {
            id: AuditId::new(now, entropy),
            scope: Some(self.scope),
            at: now,
            subject: AuditSubject {
                principal: Principal::User { id: harness::user(u128::from(n % 5)) },
                address: Some("192.0.2.7".parse().unwrap()),
                session: None,
                user_agent: Some("canary-agent/1.0".to_owned()),
            },
            request: Some(RequestId::new(now, entropy)),
            operation: "workflow.publish".to_owned(),
            target: Some(format!("wf_{n}")),
            result: AuditResult::Succeeded,
            intent: None,
            duration_micros: Some(n),
            detail: json!({ "n": n, "before": null, "after": "something \"quoted\" ü" }),
        }
    }

    /// Events of a kind, `count` of them, each after one of a run's ordinary life.
    pub async fn happen(&self, kind: EventKind, count: u64) {
        let event = |kind, n: u64| NewEvent {
            scope: self.scope,
            at: self.clock.now(),
            kind,
            workflow: None,
            run: None,
            payload: json!({ "n": n, "blocked": true, "findings": [{ "severity": "high" }] }),
        };
        let events = (0..count).flat_map(|n| [event(EventKind::NodeStarted, n), event(kind, n)]).collect();
        self.store.record(Effects { events, ..Effects::none() }).await.unwrap();
    }

    /// A destination that begins with the beginning.
    pub async fn send_to(&self, to: Json, secrets: &[(&str, &str)], batch: u32) -> SiemId {
        let streams = Streams { audit: true, security: true, checkpoints: false };
        self.send_all_to(to, secrets, batch, streams).await
    }

    pub async fn send_all_to(&self, to: Json, secrets: &[(&str, &str)], batch: u32, streams: Streams) -> SiemId {
        let id = SiemId::from_uuid(harness::uuid(u128::from(rand())));
        let batch = Batch { events: batch, ..Batch::default() };
        let setup = setup("soc", to, streams, batch);
        let start = Start::Beginning;
        self.siem.create(&self.permit(), id, setup, given(secrets), start, Effects::none()).await.unwrap();
        id
    }

    pub fn permit(&self) -> authz::Permit<ConfigureSiem> {
        permit(1)
    }

    pub async fn status(&self, id: SiemId) -> Status {
        self.siem.status(&self.permit(), id).await.unwrap()
    }

    /// Delivers in the background.
    pub fn start(&self) -> Running {
        let stop = CancellationToken::new();
        let task = tokio::spawn(self.siem.clone().run(stop.clone()));
        Running { stop, task }
    }

    /// Waits until nothing waits.
    pub async fn delivered(&self, id: SiemId) -> Status {
        self.until(id, |status| status.behind.audit + status.behind.events + status.behind.checkpoints == 0).await
    }

    pub async fn reached(&self, id: SiemId, state: SiemState) -> Status {
        self.until(id, |status| status.destination.state == state).await
    }

    pub async fn until(&self, id: SiemId, done: impl Fn(&Status) -> bool) -> Status {
        let end = Instant::now() + PATIENCE;
        loop {
            let status = self.status(id).await;
            if done(&status) {
                return status;
            }
            assert!(Instant::now() < end, "not within {PATIENCE:?}: {status:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// A delivery under way.
pub struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    pub async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

pub fn setup(name: &str, to: Json, streams: Streams, batch: Batch) -> Setup {
    let to: To = serde_json::from_value(to).unwrap();
    Setup { name: name.to_owned(), enabled: true, to, streams, batch }
}

pub fn given(secrets: &[(&str, &str)]) -> Secrets {
    Secrets::new(secrets.iter().map(|(name, value)| ((*name).to_owned(), Secret::new((*value).to_owned()))))
}

fn rand() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}
