//! The audit trail: everything that is tried stands in it, before and after; what cannot be recorded is not done.

use domain::Role;
use journeys::{Client, Server, on_both, on_postgres, on_sqlite, workflows::echo};
use serde_json::{Value as Json, json};
use server::operation::Operation;

use crate::prepared::{prepare, team_routes};

async fn entries(client: &Client, operation: &str) -> Vec<Json> {
    client.all(&format!("audit?operation={operation}"), 200).await
}

fn newest<'a>(entries: &'a [Json], result: &str) -> &'a Json {
    entries.iter().find(|entry| entry["result"] == result).unwrap_or_else(|| panic!("no {result} in {entries:#?}"))
}

async fn assert_verifies(server: &Server) {
    let report = server.client.get("audit/verification").await.expect(200).json();
    assert_eq!(report["intact"], true, "{report}");
    assert!(report["chains"].as_array().unwrap().iter().any(|chain| chain["entries"].as_u64().unwrap() > 0));
}

/// R220 to R228: each audited route leaves an intent and an outcome that name each other, the person, the address, the
/// time, the request, the session's agent, the duration, the result and what it was about; and the trail verifies.
#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_done_leaves_an_intent_and_an_outcome() {
    on_both(async |server| {
        let admin = server.person(server.team().await, Role::Admin, None).await;
        for route in team_routes() {
            let Some(operation) = route.facts.operation else { continue };
            let prepared = prepare(&server.client, &route).await;
            let answer = admin.client.send(route.method.clone(), &prepared.path, prepared.body.as_ref()).await;
            assert!(answer.status < 300, "{} {}: {}", route.method, route.path, answer.text);
            let request = answer.header("x-request-id").to_owned();
            let all = entries(&server.client, operation.name()).await;
            let of_request: Vec<_> = all.into_iter().filter(|entry| entry["request"] == request.as_str()).collect();
            let (intent, outcome) = (newest(&of_request, "intent"), newest(&of_request, "succeeded"));
            assert_eq!(of_request.len(), 2, "{of_request:#?}");
            assert_eq!(outcome["intent"], intent["id"]);
            assert!(intent["sequence"].as_u64() < outcome["sequence"].as_u64());
            assert!(outcome["duration_micros"].is_u64() && outcome["at"].is_string() && outcome["detail"].is_object());
            let subject = &outcome["subject"];
            assert_eq!(subject["address"], "127.0.0.1", "{outcome:#}");
            assert_eq!(subject["user_agent"], "journeys", "{outcome:#}");
            assert!(subject.to_string().contains(&admin.id.to_string()), "{outcome:#}");
            if let Some(target) = prepared.target {
                assert_eq!(outcome["target"], target.as_str(), "{outcome:#}");
            }
        }
        assert_verifies(server).await;
    })
    .await;
}

/// R220: and so does everything that is refused.
#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_refused_leaves_an_entry() {
    on_sqlite(async |server| {
        let viewer = server.as_role(Role::Viewer).await;
        for route in team_routes() {
            let Some(operation) = route.facts.operation else { continue };
            let prepared = prepare(&server.client, &route).await;
            // Whatever the body is: who may not is refused before it is read.
            let garbage = json!({ "no": "such field" });
            let body = if route.method == reqwest::Method::GET { None } else { Some(&garbage) };
            let answer = viewer.send(route.method.clone(), &prepared.path, body).await;
            let request = answer.problem("403 NL-2003").header("x-request-id").to_owned();
            let all = entries(&server.client, operation.name()).await;
            let of_request: Vec<_> = all.into_iter().filter(|entry| entry["request"] == request.as_str()).collect();
            let refused = newest(&of_request, "refused");
            assert_eq!(refused["detail"]["code"], "NL-2003", "{}", route.path);
            assert_eq!(refused["intent"], newest(&of_request, "intent")["id"]);
            if let Some(target) = prepared.target {
                assert_eq!(refused["target"], target.as_str(), "{refused:#}");
            }
        }
        assert_verifies(server).await;
    })
    .await;
}

/// R220: a webhook's run is in the trail as the act of whoever published it.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_call_is_entered() {
    on_sqlite(async |server| {
        let hooked = journeys::workflows::hooked("hook", "audited", json!({}));
        let id = server.client.deploy(hooked).await;
        let run = server.client.hook("audited", json!(1)).await.expect(200).header("x-nodeloom-run").to_owned();
        let all = entries(&server.client, Operation::StartWebhookRun.name()).await;
        let outcome = newest(&all, "succeeded");
        assert_eq!((outcome["target"].as_str(), outcome["detail"]["run"].as_str()), (Some(&*id), Some(&*run)));
    })
    .await;
}

/// R220: refusals of strangers are counted and entered, so that nobody can fill the trail from outside.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_counted() {
    on_sqlite(async |server| {
        for _ in 0..20 {
            server.client.anonymous().get("workflows").await.problem("401 NL-2001");
        }
        server.rooms.recorder.enter_refusals().await.unwrap();
        let system = authz::act_as_system("a test reads the system's chain");
        let chain = store::ChainKey::System;
        let entries = server.rooms.store.audit_range(system, &chain, 1, 1000).await.unwrap();
        let refused = entries.iter().filter(|entry| format!("{entry:?}").contains("refus")).count();
        assert!((1..=5).contains(&refused), "{refused} entries for 20 refusals");
    })
    .await;
}

/// R220: when the intent cannot be stored, the caller is told so and nothing is done.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_recorded_is_not_done() {
    on_postgres(async |server| {
        let url = server.rooms.config.database.url.clone().unwrap();
        let id = server.client.deploy(echo("before")).await;
        harness::servers::ask(&url, "ALTER TABLE audit_entries RENAME TO audit_away");
        let created = server.client.post("workflows", json!({ "definition": echo("during") })).await;
        let begun = server.client.post(&format!("workflows/{id}/runs"), json!({ "wait_seconds": 5 })).await;
        let key = server.client.post("api-keys", json!({ "name": "during" })).await;
        harness::servers::ask(&url, "ALTER TABLE audit_away RENAME TO audit_entries");
        for answer in [created, begun, key] {
            answer.problem("503 NL-6001");
        }
        let named = server.client.get("workflows?name=during").await.expect(200).json();
        assert_eq!(named["items"], json!([]));
        assert!(server.client.all("runs", 50).await.is_empty());
        let keys = server.client.all("api-keys", 50).await;
        assert!(keys.iter().all(|key| key["name"] != "during"));
        server.assert_alive().await;
        assert_verifies(server).await;
    })
    .await;
}

/// R269: each environment has a trail of its own.
#[tokio::test(flavor = "multi_thread")]
async fn environments_have_trails_of_their_own() {
    on_sqlite(async |server| {
        let staging = server.client.in_environment("staging");
        let id = staging.save(echo("in staging")).await;
        let here = entries(&server.client, "workflow.create").await;
        assert!(here.iter().all(|entry| entry["target"] != id.as_str()));
        let there = entries(&staging, "workflow.create").await;
        assert!(newest(&there, "succeeded")["chain"].as_str().unwrap().ends_with("/staging"));
    })
    .await;
}

/// An entry that was changed behind our back is found.
#[tokio::test(flavor = "multi_thread")]
async fn a_changed_entry_is_found() {
    on_postgres(async |server| {
        let url = server.rooms.config.database.url.clone().unwrap();
        server.client.save(echo("evidence")).await;
        harness::servers::ask(&url, "UPDATE audit_entries SET entry = set_byte(entry, 40, get_byte(entry, 40) # 1) WHERE operation = 'workflow.create'");
        let report = server.client.get("audit/verification").await.expect(200).json();
        assert_eq!(report["intact"], false);
        assert!(report["chains"].as_array().unwrap().iter().any(|chain| chain["first_bad"].is_string()));
    })
    .await;
}
