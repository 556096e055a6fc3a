//! How fast a million entries are found, proven and verified:
//! `cargo run --release -p recorder --example search [-|sqlite:file|postgres://… [entries]]`.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a measurement, not the product: it reads the clock and stops at errors"
)]

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use domain::{
    AuditResult, AuditSubject, Clock, Environment, Principal, RequestId, Scope, Secret, TeamId, Timestamp, UserId,
};
use recorder::{
    Act, ChainLinker, Checkpoints, CheckpointsConfig, EntryNamed, Recorder, Search, SigningKey, VerifierKey, Who,
    verify_online,
};
use serde_json::json;
use store::{ChainKey, Location, PageRequest, Store, StoreConfig};
use vault::{RootKeys, Vault, keys};

const DAY: i64 = 86_400_000_000;

#[tokio::main]
async fn main() {
    let folder = tempfile::TempDir::new().unwrap();
    let config = match std::env::args().nth(1).filter(|url| url != "-") {
        Some(url) => StoreConfig::from_url(&url).unwrap(),
        None => StoreConfig::at(Location::Sqlite(folder.path().join("bench.db"))),
    };
    let entries: u64 = std::env::args().nth(2).map_or(1_000_000, |text| text.parse().unwrap());
    let clock = Clock::new(now);
    store::migrate(&config, &clock).await.unwrap();
    let store = Store::open(&config, clock.clone(), Arc::new(ChainLinker)).await.unwrap();
    let roots = RootKeys::new(&keys::generate().unwrap(), &[]).unwrap();
    let vault = Vault::start(&roots, store.clone()).await.unwrap();
    let recorder = Recorder::new(store.clone(), vault, clock.clone());
    let scope = Scope { team: TeamId::new(now(), [1; 10]), environment: Environment::Production };
    let begin = Timestamp::from_micros(now().micros() - 90 * DAY);

    let begun = Instant::now();
    let mut n = 0;
    while n < entries {
        let drafts = (n..(n + 2_000).min(entries)).map(|n| {
            let (mut draft, _) = recorder.open(act(scope, n));
            draft.at = Timestamp::from_micros(begin.micros() + i64::try_from(n).unwrap() * 90 * (DAY / 1_000_000));
            draft.id =
                domain::AuditId::new(draft.at, [n.to_be_bytes().as_slice(), &[0; 2]].concat().try_into().unwrap());
            draft.request = Some(RequestId::new(draft.at, draft.id.uuid().into_bytes()[6..].try_into().unwrap()));
            draft.result = match n {
                n if n % 10_007 == 0 => AuditResult::Refused,
                n if n % 2 == 0 => AuditResult::Intent,
                _ => AuditResult::Succeeded,
            };
            draft
        });
        let drafts = drafts.collect();
        recorder.record(drafts).await.unwrap();
        n += 2_000;
    }
    println!("{entries} entries stored in {:.1?}", begun.elapsed());
    let chain = ChainKey::Of(scope);
    let begun = Instant::now();
    recorder.index(&chain).await.unwrap();
    println!("taken over into postings and tiles in {:.1?}", begun.elapsed());

    let permit = authz::Actor::new(Principal::System, scope, domain::Role::Admin, authz::Narrowing::default());
    let permit = permit.may::<authz::action::ViewAudit>().unwrap();
    let middle = Timestamp::from_micros(begin.micros() + 45 * DAY);
    let any = Search::default;
    let searches = [
        ("nothing", any()),
        ("who", Search { who: Some(Who::Person(user(500))), ..any() }),
        ("operation", Search { operation: Some("workflow.publish".to_owned()), ..any() }),
        ("operation, none", Search { operation: Some("team.delete".to_owned()), ..any() }),
        ("target", Search { target: Some(workflow(77)), ..any() }),
        ("result refused", Search { result: Some(AuditResult::Refused), ..any() }),
        ("result succeeded", Search { result: Some(AuditResult::Succeeded), ..any() }),
        ("address", Search { address: Some([10, 0, 3, 7].into()), ..any() }),
        ("time, a minute", Search { from: Some(middle), until: Some(middle + Duration::from_secs(60)), ..any() }),
        ("time, 45 days", Search { until: Some(middle), ..any() }),
        ("time, before all", Search { until: Some(begin), ..any() }),
        (
            "operation, result, time",
            Search {
                operation: Some("workflow.publish".to_owned()),
                result: Some(AuditResult::Refused),
                until: Some(middle),
                ..any()
            },
        ),
        (
            "two common ones that never meet",
            Search {
                operation: Some("run.start".to_owned()),
                who: Some(Who::Person(user(1))),
                target: Some(workflow(2)),
                ..any()
            },
        ),
    ];
    for (name, search) in searches {
        let mut times = Vec::new();
        let mut found = 0;
        for _ in 0..5 {
            let begun = Instant::now();
            found = recorder.entries(&permit, &search, &PageRequest::first(50)).await.unwrap().items.len();
            times.push(begun.elapsed());
        }
        times.sort_unstable();
        println!("first page, {name}: {found} entries, median {:.1?}, worst {:.1?}", times[2], times[4]);
    }
    let begun = Instant::now();
    let touched = recorder.touched(&permit, &workflow(77)).await.unwrap();
    println!("who touched a workflow: {} entries by {} in {:.1?}", touched.entries, touched.by.len(), begun.elapsed());

    let key = SigningKey::from_seed("bench/audit", &Secret::new(vec![7; 32])).unwrap();
    let verifier = VerifierKey::parse(&key.verifier_key()).unwrap();
    let file = folder.path().join("checkpoints.jsonl");
    let checkpoints =
        Checkpoints::new(store.clone(), clock, CheckpointsConfig { key, file, every: Duration::from_secs(600) });
    checkpoints.issue().await.unwrap();
    let (mut times, mut whole, mut bytes) = (Vec::new(), Vec::new(), 0);
    for n in 0..200 {
        let sequence = n * (entries / 200) + 1;
        let begun = Instant::now();
        let path = checkpoints.path(&recorder, &chain, sequence, entries).await.unwrap();
        times.push(begun.elapsed());
        bytes = bytes.max(serde_json::to_string(&path).unwrap().len());
        let begun = Instant::now();
        let proof = checkpoints.prove(&recorder, &chain, EntryNamed::Sequence(sequence)).await.unwrap().unwrap();
        whole.push(begun.elapsed());
        assert!(proof.inclusion.is_some());
    }
    times.sort_unstable();
    whole.sort_unstable();
    println!(
        "tree proof: median {:.2?}, 95 of 100 {:.2?}, at most {bytes} bytes as JSON; whole document: median {:.2?}",
        times[100], times[190], whole[100]
    );
    for _ in 0..3 {
        let (begun, used) = (Instant::now(), cpu());
        let report = verify_online(&store, verifier.clone(), None).await.unwrap();
        assert!(report.is_intact(), "{}", report.render());
        let count: u64 = report.chains.iter().map(|chain| chain.entries).sum();
        let rate = count as f64 / begun.elapsed().as_secs_f64();
        println!(
            "verify: {count} entries in {:.2?}, {rate:.0} entries/s; {:.2} s of processor for a million; memory {} MB",
            begun.elapsed(),
            (cpu() - used) * 1e6 / count as f64,
            memory()
        );
    }
    store.close().await;
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap())
}
fn user(n: u64) -> UserId {
    UserId::new(Timestamp::from_micros(0), [n.to_be_bytes().as_slice(), &[0; 2]].concat().try_into().unwrap())
}
fn workflow(n: u64) -> String {
    format!("wf_0190000000007000{n:016x}")
}

fn act(scope: Scope, n: u64) -> Act {
    let operations = ["run.start", "workflow.save", "workflow.publish", "credential.create", "audit.view"];
    let address = [10, 0, (n / 251 % 16) as u8, (n % 251) as u8];
    let subject = AuditSubject {
        principal: Principal::User { id: user(n % 1_000) },
        address: Some(address.into()),
        session: None,
        user_agent: Some("bench/1.0".to_owned()),
    };
    Act {
        scope: Some(scope),
        subject,
        request: None,
        operation: operations[(n % 5) as usize].to_owned(),
        target: Some(workflow(n % 5_000)),
        detail: json!({"trigger": "webhook", "version": n % 17}),
    }
}

/// Resident memory.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// Seconds of processor time that this process used so far.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |n: usize| fields.get(n).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}
