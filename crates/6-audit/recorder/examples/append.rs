//! How fast entries become durable: `cargo run --release -p recorder --example append [-|sqlite:file|postgres://… [batch]]`.
//! One writer that waits, against a bare flush of the same disk; 32 writers with 32 entries outstanding each, one chain;
//! then verification of a million entries. A flush is measured as the database does it: a block written over in a file
//! that has its full length, then fdatasync (PostgreSQL's `wal_sync_method` is printed; its file lies beside its data).
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a measurement, not the product: it reads the clock and stops at errors"
)]

use std::{
    io::Write,
    os::unix::fs::FileExt,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use authz::{SystemPermit, act_as_system};
use domain::{AuditResult, AuditSubject, Clock, Environment, Principal, Scope, Secret, TeamId, Timestamp, UserId};
use recorder::{Act, ChainLinker, Checkpoints, CheckpointsConfig, Recorder, SigningKey, VerifierKey, verify_online};
use serde_json::json;
use sqlx::{Connection, Row};
use store::{Effects, Location, Store, StoreConfig};
use tokio::task::JoinSet;
use vault::{RootKeys, Vault, keys};

const SYSTEM: SystemPermit = act_as_system("a measurement");

#[tokio::main]
async fn main() {
    let folder = tempfile::TempDir::new().unwrap();
    let url = std::env::args().nth(1).filter(|url| url != "-");
    let disk = Disk::of(url.as_deref(), folder.path()).await;
    let mut config = match url {
        Some(url) => StoreConfig::from_url(&url).unwrap(),
        None => StoreConfig::at(Location::Sqlite(folder.path().join("bench.db"))),
    };
    if let Some(batch) = std::env::args().nth(2) {
        config.batch = batch.parse().unwrap();
    }
    let clock = Clock::new(|| {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap())
    });
    store::migrate(&config, &clock).await.unwrap();
    let store = Store::open(&config, clock.clone(), Arc::new(ChainLinker)).await.unwrap();
    let roots = RootKeys::new(&keys::generate().unwrap(), &[]).unwrap();
    let vault = Vault::start(&roots, store.clone()).await.unwrap();
    let recorder = Recorder::new(store.clone(), vault, clock.clone());
    // the disk's pace swings with whoever else uses it, so it is measured before and after each round
    for own_task in [false, true] {
        let mut rounds = Vec::new();
        let mut before = disk.flushes();
        for _ in 0..9 {
            let used = cpu();
            let second = Duration::from_secs(1);
            let count = match own_task {
                false => storm(&recorder, &store, &clock, 1, 1, second).await,
                true => one_after_the_other(&recorder, &store, &clock, second).await,
            };
            let used = (cpu() - used) * 1e6 / count as f64;
            let after = disk.flushes();
            let flushes = f64::midpoint(before, after);
            rounds.push((count as f64 / flushes, flushes, count, used));
            before = after;
        }
        rounds.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (ratio, flushes, count, used) = rounds[4];
        println!(
            "1 writer that waits{}: {count} entries/s, durable; {} {flushes:.0} flushes a second ({:.0} µs); \
             {ratio:.2} of it (median of 9 rounds; {:.2} to {:.2}); {used:.0} µs of processor an entry",
            if own_task { ", each entry from a new task" } else { "" },
            disk.how,
            1e6 / flushes,
            rounds[0].0,
            rounds[8].0,
        );
    }
    println!("  fsync instead of fdatasync: {:.0} µs; of a file that grows: {:.0} µs", disk.fsync(), disk.growing());
    let seconds = 5;
    let mut storms = Vec::new();
    for _ in 0..3 {
        let used = cpu();
        let count = storm(&recorder, &store, &clock, 32, 32, Duration::from_secs(seconds)).await;
        storms.push(count / seconds);
        println!("  {:.1} µs of processor an entry", (cpu() - used) * 1e6 / count as f64);
    }
    storms.sort_unstable();
    println!("32 writers x 32 entries: {} entries/s, durable (median of 3; {} to {})", storms[1], storms[0], storms[2]);

    // up to a million, many at a time
    let mut there = store.audit_heads(SYSTEM).await.unwrap().iter().map(|(_, head)| head.seq).sum::<i64>();
    while there < 1_000_000 {
        let more = (1_000_000 - there).min(1_000);
        let drafts = (0..more).map(|n| recorder.open(act(n.cast_unsigned().into())).0).collect();
        recorder.record(drafts).await.unwrap();
        there += more;
    }
    let key = SigningKey::from_seed("bench/audit", &Secret::new(vec![7; 32])).unwrap();
    let verifier = VerifierKey::parse(&key.verifier_key()).unwrap();
    let config =
        CheckpointsConfig { key, file: folder.path().join("checkpoints.jsonl"), every: Duration::from_secs(600) };
    Checkpoints::new(store.clone(), clock, config).issue().await.unwrap();
    for _ in 0..3 {
        let (begun, used, memory) = (Instant::now(), cpu(), resident());
        let report = verify_online(&store, verifier.clone(), None).await.unwrap();
        let entries: u64 = report.chains.iter().map(|chain| chain.entries).sum();
        assert!(report.is_intact(), "{}", report.render());
        println!(
            "verify: {entries} entries in {:.2?}, {:.0} entries/s; {:.2} s of processor for a million; \
             {} MiB resident before, {} MiB after",
            begun.elapsed(),
            entries as f64 / begun.elapsed().as_secs_f64(),
            (cpu() - used) * 1e6 / entries as f64,
            memory,
            resident()
        );
    }
    store.close().await;
}

async fn storm(
    recorder: &Recorder,
    store: &Store,
    clock: &Clock,
    writers: u128,
    outstanding: usize,
    during: Duration,
) -> u64 {
    let mut tasks = JoinSet::new();
    let end = Instant::now() + during;
    for n in 0..writers * outstanding as u128 {
        let (recorder, store, clock) = (recorder.clone(), store.clone(), clock.clone());
        tasks.spawn(async move {
            let mut count = 0;
            while Instant::now() < end {
                let (mut draft, _) = recorder.open(act(n % writers));
                draft.at = clock.now();
                let rows = recorder.prepare(vec![draft]).await.unwrap();
                store.record(Effects::audited(rows)).await.unwrap();
                count += 1;
            }
            count
        });
    }
    tasks.join_all().await.into_iter().sum()
}

/// One entry at a time, each recorded by a task that begins anew, as a request does.
async fn one_after_the_other(recorder: &Recorder, store: &Store, clock: &Clock, during: Duration) -> u64 {
    let (end, mut count) = (Instant::now() + during, 0);
    while Instant::now() < end {
        let (recorder, store, clock) = (recorder.clone(), store.clone(), clock.clone());
        let one = tokio::spawn(async move {
            let (mut draft, _) = recorder.open(act(0));
            draft.at = clock.now();
            let rows = recorder.prepare(vec![draft]).await.unwrap();
            store.record(Effects::audited(rows)).await.unwrap();
        });
        one.await.unwrap();
        count += 1;
    }
    count
}

fn act(n: u128) -> Act {
    let user = UserId::new(Timestamp::from_micros(0), n.to_be_bytes()[6..].try_into().unwrap());
    let team = TeamId::new(Timestamp::from_micros(0), [1; 10]);
    let subject = AuditSubject {
        principal: Principal::User { id: user },
        address: Some([192, 0, 2, 7].into()),
        session: None,
        user_agent: Some("bench/1.0".to_owned()),
    };
    Act {
        scope: Some(Scope { team, environment: Environment::Production }),
        subject,
        request: None,
        operation: "workflow.run".to_owned(),
        target: Some("wf_01900000000070008000000000000001".to_owned()),
        detail: json!({"result": AuditResult::Succeeded, "trigger": "webhook"}),
    }
}

/// Where and how a database flushes.
struct Disk {
    how: String,
    folder: std::path::PathBuf,
    block: usize,
}

impl Disk {
    async fn of(url: Option<&str>, folder: &std::path::Path) -> Self {
        let Some(url) = url.filter(|url| url.starts_with("postgres")) else {
            let file = url.and_then(|url| url.strip_prefix("sqlite:")).map(std::path::Path::new);
            let folder = file.and_then(std::path::Path::parent).unwrap_or(folder).to_owned();
            return Self { how: "SQLite (synchronous=FULL),".to_owned(), folder, block: 4096 };
        };
        let mut conn = sqlx::PgConnection::connect(url).await.unwrap();
        let mut shown = Vec::new();
        for name in ["SHOW wal_sync_method", "SHOW fsync", "SHOW data_directory"] {
            let row = sqlx::raw_sql(name).fetch_one(&mut conn).await.unwrap();
            shown.push(row.get::<String, _>(0));
        }
        conn.close().await.unwrap();
        let how = format!("PostgreSQL (wal_sync_method={}, fsync={}),", shown[0], shown[1]);
        Self { how, folder: shown[2].clone().into(), block: 8192 }
    }
    /// A second: a block written over, then fdatasync.
    fn flushes(&self) -> f64 {
        1e6 / self.micros(300, true, std::fs::File::sync_data)
    }
    fn fsync(&self) -> f64 {
        self.micros(300, true, std::fs::File::sync_all)
    }
    fn growing(&self) -> f64 {
        self.micros(300, false, std::fs::File::sync_all)
    }
    fn micros(&self, times: u32, there: bool, flush: fn(&std::fs::File) -> std::io::Result<()>) -> f64 {
        let path = self.folder.join("nodeloom-flush");
        let mut file = std::fs::File::create(&path).unwrap();
        if there {
            file.write_all(&vec![0; 4 << 20]).unwrap();
            file.sync_all().unwrap();
        }
        let block = vec![7; self.block];
        let begun = Instant::now();
        for n in 0..times {
            file.write_all_at(&block, u64::from(n) * self.block as u64).unwrap();
            flush(&file).unwrap();
        }
        let micros = begun.elapsed().as_secs_f64() * 1e6 / f64::from(times);
        std::fs::remove_file(path).unwrap();
        micros
    }
}

/// MiB of memory that this process holds.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// Seconds of processor time that this process used so far.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |n: usize| fields.get(n).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}
