//! PostgreSQL goes away while runs are going on, and comes back.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use harness::servers::OwnPostgres;
use serde_json::json;

use crate::support::{Installation, eventually};

/// Four seconds in `make test`; NODELOOM_TEST_LONG=1 makes it the 30 of issue 2.
#[allow(clippy::disallowed_methods, reason = "a test may be told to take longer")]
fn how_long() -> Duration {
    Duration::from_secs(if std::env::var("NODELOOM_TEST_LONG").is_ok() { 30 } else { 4 })
}

/// Requests are answered 503 with a problem, `/readyz` says 503, nothing that was acknowledged is lost, and all goes on
/// when it is back: the same process, no restart.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_away_costs_time_and_nothing_else() {
    let postgres = OwnPostgres::start("away");
    let mut here = Installation::new();
    here.set("NODELOOM_DATABASE__URL", &postgres.url());
    here.set("NODELOOM_DATABASE__RETRY_SECONDS", "1");
    let mut server = here.serve().await;
    server
        .install(json!({ "name": "going on", "nodes": [
            { "id": "in", "type": "WEBHOOK", "parameters": { "path": "go", "respond": "immediately" } },
            { "id": "wait", "type": "DELAY", "parameters": { "for_ms": 1500 } },
            { "id": "out", "type": "TRANSFORM", "parameters": { "template": { "n": "{{ input.n }}" } } },
        ] }))
        .await;
    let stop = Arc::new(AtomicBool::new(false));
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let statuses = Arc::new(Mutex::new(BTreeSet::new()));
    let server_ref = &server;
    let load = async {
        let mut n = 0;
        while !stop.load(Ordering::SeqCst) {
            n += 1;
            let Some((status, body)) = server_ref.post("/hooks/demo/production/go", json!({ "n": n })).await else {
                continue;
            };
            if status == 202 {
                acknowledged.lock().unwrap().push(body["run"].as_str().unwrap().to_owned());
            } else {
                statuses.lock().unwrap().insert((status, body["code"].as_str().unwrap_or_default().to_owned()));
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    };
    let story = async {
        eventually("runs are going on", 20, async || (acknowledged.lock().unwrap().len() > 20).then_some(())).await;
        postgres.halt();
        let gone = Instant::now();
        eventually("readyz says so", 10, async || {
            let answer = server_ref.get("/readyz").await?;
            (answer.0 == 503).then_some(())
        })
        .await;
        let (status, problem) = server_ref.get(&server_ref.team("/runs")).await.unwrap();
        assert_eq!((status, problem["code"].as_str()), (503, Some("NL-3005")), "{problem}");
        assert_eq!(server_ref.get("/healthz").await.unwrap().0, 200, "the process is well");
        tokio::time::sleep(how_long().saturating_sub(gone.elapsed())).await;
        let before = acknowledged.lock().unwrap().len();
        postgres.resume();
        eventually("it is ready again", 30, async || {
            let answer = server_ref.get("/readyz").await?;
            (answer.0 == 200).then_some(())
        })
        .await;
        eventually("new runs are taken", 30, async || (acknowledged.lock().unwrap().len() > before + 10).then_some(()))
            .await;
        stop.store(true, Ordering::SeqCst);
    };
    tokio::join!(load, story);
    let statuses = statuses.lock().unwrap().clone();
    assert!(
        !statuses.is_empty() && statuses.iter().all(|(status, code)| *status == 503 && code.starts_with("NL-")),
        "{statuses:?}"
    );
    let acknowledged = acknowledged.lock().unwrap().clone();
    for run in &acknowledged {
        eventually(&format!("{run} ends"), 60, async || {
            let found = server.run(run).await?;
            match found["status"].as_str() {
                Some("succeeded") => Some(()),
                Some("queued" | "running" | "waiting") => None,
                other => panic!("{run} ended as {other:?}: {found}"),
            }
        })
        .await;
    }
    let trail = server.get(&server.team("/audit/verification")).await.unwrap();
    assert_eq!((trail.0, &trail.1["intact"]), (200, &json!(true)), "{}", trail.1);
    eprintln!("{} runs acknowledged, all ended; refusals while it was away: {statuses:?}", acknowledged.len());
    server.assert_alive();
    server.stop();
}
