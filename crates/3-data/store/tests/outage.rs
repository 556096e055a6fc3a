//! PostgreSQL dies and comes back while changes are under way.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::{sync::Arc, time::Duration};

use domain::{AuditId, AuditResult, Secret};
use harness::{PlainLinker, TestClock, servers::OwnPostgres, system, uuid};
use store::{AuditRowDraft, ChainKey, Effects, Location, Store, StoreConfig};

/// Whatever was acknowledged is there once, whatever was refused is not there, and the writer goes on by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_dies_loses_nothing_and_repeats_nothing() {
    let server = OwnPostgres::start("outage");
    let clock = TestClock::default();
    let mut config = StoreConfig::at(Location::Postgres(Secret::new(server.url())));
    config.retry_window = Duration::from_secs(3);
    store::migrate(&config, &clock.clock()).await.unwrap();
    let store = Store::open(&config, clock.clock(), Arc::new(PlainLinker)).await.unwrap();
    let at = clock.now();
    let callers = (0..16_u128).map(|caller| {
        let store = store.clone();
        tokio::spawn(async move {
            let (mut kept, mut refused, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
            let until = tokio::time::Instant::now() + Duration::from_secs(12);
            let mut n = 0_u128;
            while tokio::time::Instant::now() < until {
                n += 1;
                let id = AuditId::from_uuid(uuid((caller << 64) + n));
                let draft = AuditRowDraft {
                    chain: ChainKey::System,
                    id,
                    at,
                    operation: "x".to_owned(),
                    target: None,
                    result: AuditResult::Succeeded,
                    request: None,
                    intent: None,
                    subject: None,
                    body: Vec::new(),
                };
                match store.record(Effects::audited(vec![draft])).await {
                    Ok(()) => kept.push(id),
                    Err(store::Error::Uncertain) => unknown.push(id),
                    Err(error) if error.is_unavailable() => refused.push(id),
                    Err(error) => panic!("{error:?}"),
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            (kept, refused, unknown)
        })
    });
    let callers = callers.collect::<Vec<_>>();
    // Twice shorter than the window, once longer.
    for (runs, rests) in [(800, 300), (800, 600), (800, 4500)] {
        tokio::time::sleep(Duration::from_millis(runs)).await;
        server.halt();
        tokio::time::sleep(Duration::from_millis(rests)).await;
        server.resume();
    }
    let (mut kept, mut refused, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
    for caller in callers {
        let (a, b, c) = caller.await.unwrap();
        kept.extend(a);
        refused.extend(b);
        unknown.extend(c);
    }
    eprintln!("{} kept, {} refused, {} unknown", kept.len(), refused.len(), unknown.len());
    let mut stored = Vec::new();
    while let Ok(part) = store.audit_range(system(), &ChainKey::System, stored.len() as i64 + 1, 5000).await
        && !part.is_empty()
    {
        stored.extend(part.into_iter().map(|entry| entry.id));
    }
    let count = stored.len();
    stored.sort();
    stored.dedup();
    assert_eq!(stored.len(), count, "an entry is stored twice");
    assert!(!refused.is_empty(), "an outage longer than the window is told");
    assert!(kept.iter().all(|id| stored.binary_search(id).is_ok()), "an acknowledged entry is lost");
    assert!(!refused.iter().any(|id| stored.binary_search(id).is_ok()), "a refused entry is stored");
    assert!(count <= kept.len() + unknown.len());
    store.close().await;
}
