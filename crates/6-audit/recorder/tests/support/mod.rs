//! A trail to tamper with: three chains, two checkpoints, and the means of somebody who owns the database.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]
#![allow(dead_code, reason = "each test file uses its part")]

pub mod outside;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use authz::act_as_system;
use chain::verify::{Entry, decode, unpack};
use chain::{EntryFields, entry, tree::CompactRange};
use domain::{
    AuditDraft, AuditId, AuditResult, AuditSubject, Environment, Principal, RequestId, Scope, Secret, SessionId,
};
use harness::TestClock;
use recorder::{ChainLinker, Checkpoints, CheckpointsConfig, Recorder, Report, SigningKey, VerifierKey, verify_online};
use serde_json::json;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, sqlite::SqliteConnectOptions};
use store::{ChainKey, Store, StoreConfig};
use vault::{RootKeys, Vault};

pub const CHAIN: &str = "team_00000000000000000000000000000001/production";
pub const OTHER: &str = "team_00000000000000000000000000000001/development";

pub fn root_keys() -> RootKeys {
    // assembled, so that nobody mistakes it for a key that is in use
    let text = ["9c1f7a34e2", "b85d06f3a1", "4e77c9d80b", "62f5e31ca9", "5b08d46e93", "f27a1c8e50", "d3b9"].concat();
    RootKeys::new(&Secret::new(text), &[]).unwrap()
}
pub fn signing_key(seed: u8) -> SigningKey {
    SigningKey::from_seed("nodeloom.test/audit", &Secret::new(vec![seed; 32])).unwrap()
}
pub fn verifier_key() -> VerifierKey {
    VerifierKey::parse(&signing_key(7).verifier_key()).unwrap()
}
pub fn somebody(n: u128) -> AuditSubject {
    AuditSubject {
        principal: Principal::User { id: harness::user(n) },
        address: Some("192.0.2.7".parse().unwrap()),
        session: Some(SessionId::from_uuid(harness::uuid(900 + n))),
        user_agent: Some("canary-agent/1.0".to_owned()),
    }
}
pub fn scope(environment: Environment) -> Scope {
    Scope { team: harness::team(1), environment }
}

/// Everything that records, over one database.
pub struct Rooms {
    pub store: Store,
    pub vault: Vault,
    pub recorder: Recorder,
    pub checkpoints: Checkpoints,
    pub clock: TestClock,
}

impl Rooms {
    pub async fn open(config: &StoreConfig, clock: &TestClock, file: &Path) -> Self {
        let store = Store::open(config, clock.clock(), Arc::new(ChainLinker)).await.unwrap();
        let vault = Vault::start(&root_keys(), store.clone()).await.unwrap();
        let recorder = Recorder::new(store.clone(), vault.clone(), clock.clock());
        let config = CheckpointsConfig { key: signing_key(7), file: file.to_owned(), every: Duration::from_secs(600) };
        let checkpoints = Checkpoints::new(store.clone(), clock.clock(), config);
        Self { store, vault, recorder, checkpoints, clock: clock.clone() }
    }
    pub fn draft(&self, scope: Option<Scope>, n: u64) -> AuditDraft {
        self.clock.advance(Duration::from_millis(1));
        let mut entropy = [0; 10];
        entropy[..8].copy_from_slice(&n.to_be_bytes());
        AuditDraft {
            id: AuditId::new(self.clock.now(), entropy),
            scope,
            at: self.clock.now(),
            subject: somebody(u128::from(n % 3)),
            request: Some(RequestId::new(self.clock.now(), entropy)),
            operation: "workflow.publish".to_owned(),
            target: Some(format!("wf_{n}")),
            result: AuditResult::Succeeded,
            intent: None,
            duration_micros: Some(n),
            detail: json!({"n": n, "before": null, "after": "something"}),
        }
    }
    pub async fn record(&self, scope: Option<Scope>, from: u64, count: u64) {
        let drafts = (from..from + count).map(|n| self.draft(scope, n)).collect();
        self.recorder.record(drafts).await.unwrap();
    }
    pub async fn verify(&self) -> Report {
        verify_online(&self.store, verifier_key(), None).await.unwrap()
    }
}

/// A closed database in a folder: production 30 entries with checkpoints after 10 and 20, development 4, system 3.
pub struct Trail {
    pub folder: tempfile::TempDir,
    clock: TestClock,
}

impl Trail {
    pub async fn new() -> Self {
        let ground = harness::sqlite_database().await;
        ground.store.close().await;
        let trail = Self { folder: ground.folder, clock: ground.clock };
        let rooms = trail.open().await;
        let (production, development) = (Some(scope(Environment::Production)), Some(scope(Environment::Development)));
        rooms.record(None, 100, 3).await;
        rooms.record(development, 200, 4).await;
        rooms.record(production, 1, 10).await;
        rooms.checkpoints.issue().await.unwrap();
        rooms.record(production, 11, 10).await;
        rooms.checkpoints.issue().await.unwrap();
        rooms.record(production, 21, 10).await;
        rooms.store.close().await;
        trail
    }
    pub fn database(&self) -> PathBuf {
        self.folder.path().join("test.db")
    }
    pub fn checkpoint_file(&self) -> PathBuf {
        self.folder.path().join("checkpoints.jsonl")
    }
    pub async fn open(&self) -> Rooms {
        let config = StoreConfig::at(store::Location::Sqlite(self.database()));
        Rooms::open(&config, &self.clock, &self.checkpoint_file()).await
    }
    /// A copy of its own to tamper with.
    pub fn copy(&self) -> Self {
        let folder = tempfile::TempDir::new().unwrap();
        for file in std::fs::read_dir(self.folder.path()).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
        }
        Self { folder, clock: self.clock.clone() }
    }
    pub async fn sql(&self, text: &str) {
        sql(&self.database(), text).await;
    }
    pub async fn verify(&self) -> Report {
        let rooms = self.open().await;
        let report = rooms.verify().await;
        rooms.store.close().await;
        report
    }
    pub async fn verify_with_file(&self) -> Report {
        let rooms = self.open().await;
        let file = std::fs::read(self.checkpoint_file()).unwrap();
        let report = verify_online(&rooms.store, verifier_key(), Some(&mut file.as_slice())).await.unwrap();
        rooms.store.close().await;
        report
    }
    /// The entries of a chain, taken apart.
    pub async fn forge(&self, chain: &str) -> Forge {
        let rooms = self.open().await;
        let key = ChainKey::read(chain).unwrap();
        let stored = rooms.store.audit_range(act_as_system("a test"), &key, 1, 1000).await.unwrap();
        rooms.store.close().await;
        let entries = stored.iter().map(|stored| {
            let (bytes, salt, detail) = unpack(&stored.entry).unwrap();
            (decode(bytes).unwrap(), <[u8; 16]>::try_from(salt).unwrap(), detail.to_vec())
        });
        Forge { chain: chain.to_owned(), entries: entries.collect() }
    }
}

pub async fn sql(database: &Path, text: &str) {
    let mut connection = SqliteConnectOptions::new().filename(database).connect().await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(text.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// A chain in the hands of somebody who knows the format.
pub struct Forge {
    pub chain: String,
    pub entries: Vec<(Entry, [u8; 16], Vec<u8>)>,
}

impl Forge {
    pub fn edit(&mut self, sequence: usize, change: impl Fn(&mut Entry)) {
        change(&mut self.entries[sequence - 1].0);
    }
    /// Counts the sequences anew.
    pub fn renumber(&mut self) {
        for (index, (entry, ..)) in self.entries.iter_mut().enumerate() {
            entry.sequence = index as u64 + 1;
        }
    }
    /// Links every entry to the one before.
    pub fn relink(&mut self) {
        let mut previous = entry::GENESIS;
        for (entry, ..) in &mut self.entries {
            entry.previous = previous;
            previous = entry::hash(&encode(entry));
        }
    }
    /// Writes the chain back with hashes and columns that fit; the head too, if wanted.
    pub async fn write(&self, trail: &Trail, head: bool) {
        let chain = &self.chain;
        let mut text = format!("DELETE FROM audit_entries WHERE chain = '{chain}';");
        let mut tree = CompactRange::default();
        for (entry, salt, detail) in &self.entries {
            let bytes = encode(entry);
            let hash = entry::hash(&bytes);
            tree.push(hash);
            let blob = |bytes: &[u8]| format!("X'{}'", hex::encode(bytes));
            let optional = |id: Option<[u8; 16]>| id.map_or("NULL".to_owned(), |id| blob(&id));
            text += &format!(
                "INSERT INTO audit_entries VALUES ('{chain}', {}, {}, {}, '{}', {}, '{}', {}, {}, {}, {}, {});",
                entry.sequence,
                blob(&entry.id),
                entry.at_micros,
                entry.operation,
                entry.target.as_ref().map_or("NULL".to_owned(), |target| format!("'{target}'")),
                entry.result,
                optional(entry.request),
                optional(entry.intent),
                blob(&entry.pseudonym),
                blob(&entry::pack(&bytes, salt, detail)),
                blob(&hash),
            );
            if head {
                text += &format!(
                    "UPDATE audit_heads SET seq = {}, hash = {}, tree = {} WHERE chain = '{chain}';",
                    entry.sequence,
                    blob(&hash),
                    blob(&tree.state())
                );
            }
        }
        trail.sql(&text).await;
    }
}

pub fn encode(entry: &Entry) -> Vec<u8> {
    entry::encode(&EntryFields {
        chain: &entry.chain,
        sequence: entry.sequence,
        previous: &entry.previous,
        id: entry.id,
        at_micros: entry.at_micros,
        operation: &entry.operation,
        target: entry.target.as_deref(),
        result: &entry.result,
        request: entry.request,
        intent: entry.intent,
        duration_micros: entry.duration_micros,
        pseudonym: &entry.pseudonym,
        subject: &entry.subject,
        detail: &entry.detail,
    })
}

/// The finding about a chain, in few words: `edited 5`, `recomputed 11..20`, `intact`.
pub fn finding(report: &Report, chain: &str) -> String {
    let Some(found) = report.chains.iter().find(|found| found.chain == chain) else { return "absent".to_owned() };
    match &found.bad {
        None => "intact".to_owned(),
        Some(bad) => {
            let kind = serde_json::to_value(bad.kind).unwrap().as_str().unwrap().to_owned();
            if bad.first == bad.last {
                format!("{kind} {}", bad.first)
            } else {
                format!("{kind} {}..{}", bad.first, bad.last)
            }
        }
    }
}
/// The same about the checkpoints: `missing 2`, `intact`.
pub fn checkpoint_finding(report: &Report) -> String {
    report.bad_checkpoint.as_ref().map_or("intact".to_owned(), |bad| {
        format!("{} {}", serde_json::to_value(bad.fault).unwrap().as_str().unwrap(), bad.number)
    })
}
