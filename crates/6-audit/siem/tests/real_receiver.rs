//! R234: against a receiver that NodeLoom's authors did not write: a server from PyPI (`noida-db`) that speaks
//! Elasticsearch's protocol and is tested against Elastic's own REST suite. `make siem-real` installs and starts it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod support;

use domain::Json;
use egress::{Egress, Policy, Request};
use harness::sqlite_database;
use serde_json::json;
use siem::Streams;
use support::{Room, quick};

async fn ask(method: &str, url: &str) -> Json {
    let egress = Egress::new(Policy::allowing(["127.0.0.1"]).unwrap()).unwrap();
    let request = Request::new(method.parse().unwrap(), url).unwrap();
    let answer = egress.send(request).await.unwrap();
    serde_json::from_slice(&answer.body.collect().await.unwrap()).unwrap()
}

/// Everything arrives once in the data streams, however often it is sent; nothing is refused.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs NODELOOM_TEST_ELASTICSEARCH, the address of a server; `make siem-real` runs it"]
#[allow(clippy::disallowed_methods, reason = "told where the receiver is")]
async fn a_real_elasticsearch_takes_everything_once() {
    let url = std::env::var("NODELOOM_TEST_ELASTICSEARCH").unwrap();
    let ground = sqlite_database().await;
    let room = Room::on(&ground, quick()).await;
    room.record(1, 1_200).await;
    room.happen(domain::EventKind::PolicyViolation, 40).await;
    room.checkpoints.issue().await.unwrap();
    let namespace = format!("test{}", std::process::id());
    let to = json!({ "kind": "elasticsearch", "url": url, "namespace": namespace });
    let secrets = [("username", "elastic"), ("password", "unused")];
    let id = room.send_all_to(to, &secrets, 500, Streams::default()).await;
    let tested = room.siem.test(&room.permit(), id).await.unwrap();
    assert!(tested.delivered, "{tested:?}");
    let running = room.start();
    let status = room.delivered(id).await;
    // once more from the beginning: what is there already counts as delivered and is not kept twice
    let again = Some((store::siem::SiemStream::Audit, 1));
    room.siem.replay(&room.permit(), id, again, store::Effects::none()).await.unwrap();
    let status =
        room.until(id, |now| now.behind.audit == 0 && now.destination.delivered > status.destination.delivered).await;
    running.stop().await;
    assert_eq!((status.destination.dead, status.destination.last_error), (0, None));
    let entries =
        room.store.audit_head(harness::system(), &store::ChainKey::Of(room.scope)).await.unwrap().unwrap().seq;
    ask("POST", &format!("{url}/logs-nodeloom.*-{namespace}/_refresh")).await;
    let count = async |dataset: &str| {
        let found = ask("GET", &format!("{url}/logs-nodeloom.{dataset}-{namespace}/_count")).await;
        found["count"].as_i64().unwrap_or_else(|| panic!("{found}"))
    };
    let audit = count("audit").await;
    let found = ask("GET", &format!("{url}/logs-nodeloom.audit-{namespace}/_search?size=1000")).await;
    let hits = found["hits"]["hits"].as_array().unwrap();
    let entry = hits.iter().map(|hit| &hit["_source"]).find(|source| source["event"]["sequence"].as_i64() > Some(0));
    let document = entry.unwrap_or_else(|| panic!("{found}"));
    assert!(document["@timestamp"].is_string() && document["event"]["hash"].is_string(), "{document}");
    let original: Json = serde_json::from_str(document["event"]["original"].as_str().unwrap()).unwrap();
    assert_eq!(original["sequence"], document["event"]["sequence"]);
    assert!(audit >= entries, "{audit} documents for {entries} entries");
    assert!(audit <= entries + 2, "nothing is kept twice: {audit} documents for {entries} entries and a test");
    room.store.close().await;
}
