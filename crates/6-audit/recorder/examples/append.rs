//! How fast entries become durable: `cargo run --release -p recorder --example append [-|sqlite:file|postgres://… [batch]]`.
//! 32 writers with 32 entries outstanding each, one chain; then one writer that waits; then verification.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a measurement, not the product: it reads the clock and stops at errors"
)]

use std::{
    io::Write,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use domain::{AuditResult, AuditSubject, Clock, Environment, Principal, Scope, Secret, TeamId, Timestamp, UserId};
use recorder::{Act, ChainLinker, Checkpoints, CheckpointsConfig, Recorder, SigningKey, VerifierKey, verify_online};
use serde_json::json;
use store::{Effects, Location, Store, StoreConfig};
use tokio::task::JoinSet;
use vault::{RootKeys, Vault, keys};

#[tokio::main]
async fn main() {
    let folder = tempfile::TempDir::new().unwrap();
    let mut config = match std::env::args().nth(1).filter(|url| url != "-") {
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
    // the disk's pace swings with whoever else uses it, so it is measured before each round
    let mut rounds = Vec::new();
    for _ in 0..7 {
        let fsync = fsyncs(folder.path());
        let count = storm(&recorder, &store, &clock, 1, 1, Duration::from_secs(1)).await;
        rounds.push((count as f64 / fsync, fsync, count));
    }
    rounds.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (ratio, fsync, count) = rounds[3];
    println!(
        "1 writer that waits: {count} entries/s, durable; fsync {fsync:.0} a second ({:.0} µs); {ratio:.2} of it \
         (median of 7 rounds; {:.2} to {:.2})",
        1e6 / fsync,
        rounds[0].0,
        rounds[6].0
    );
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

    let key = SigningKey::from_seed("bench/audit", &Secret::new(vec![7; 32])).unwrap();
    let verifier = VerifierKey::parse(&key.verifier_key()).unwrap();
    let config =
        CheckpointsConfig { key, file: folder.path().join("checkpoints.jsonl"), every: Duration::from_secs(600) };
    Checkpoints::new(store.clone(), clock, config).issue().await.unwrap();
    let (begun, used) = (Instant::now(), cpu());
    let report = verify_online(&store, verifier, None).await.unwrap();
    let entries: u64 = report.chains.iter().map(|chain| chain.entries).sum();
    assert!(report.is_intact(), "{}", report.render());
    println!(
        "verify: {entries} entries in {:.2?}, {:.0} entries/s; {:.2} s of processor for a million",
        begun.elapsed(),
        entries as f64 / begun.elapsed().as_secs_f64(),
        (cpu() - used) * 1e6 / entries as f64
    );
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

fn fsyncs(folder: &std::path::Path) -> f64 {
    let mut file = std::fs::File::create(folder.join("fsync")).unwrap();
    let begun = Instant::now();
    for _ in 0..200 {
        file.write_all(&[0; 4096]).unwrap();
        file.sync_data().unwrap();
    }
    200.0 / begun.elapsed().as_secs_f64()
}

/// Seconds of processor time that this process used so far.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |n: usize| fields.get(n).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}
