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
            if crate::prepared_more::lonely(&route) {
                continue;
            }
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

/// R230, R231: what the server hands out is verified by whoever has the key and nothing else; exports are streamed, and
/// their outcome is entered before their end.
#[tokio::test(flavor = "multi_thread")]
async fn proofs_and_exports_verify_outside() {
    on_both(async |server| {
        let id = server.client.save(echo("proven")).await;
        let key = server.client.get("audit/key").await.expect(200).text_of("key");
        let key = recorder::VerifierKey::parse(&key).unwrap();
        let verify = |text: &str| recorder::verify_document(text.as_bytes(), Some(&key), &[]).unwrap();
        let entry = newest(&entries(&server.client, "workflow.create").await, "succeeded").clone();
        let proof =
            server.client.get(&format!("audit/proof?entry={}", entry["id"].as_str().unwrap())).await.expect(200);
        assert!(verify(&proof.text).is_intact());
        let first = server.client.get("audit/checkpoints/latest").await.expect(200).json()["number"].clone();
        let continued = server.client.get(&format!("audit/consistency?from={first}")).await.expect(200);
        assert!(verify(&continued.text).is_intact());
        for format in ["bundle", "jsonl", "csv"] {
            let file = server.client.get(&format!("audit/export?format={format}")).await.expect(200);
            assert!(verify(&file.text).is_intact(), "{format}: {}", verify(&file.text).render());
            assert!(file.header("content-disposition").starts_with("attachment; filename=\"audit-team_"));
            let request = file.header("x-request-id").to_owned();
            let all = entries(&server.client, "audit.export").await;
            let outcome = all.iter().find(|e| e["request"] == request.as_str() && e["result"] == "succeeded").unwrap();
            assert!(outcome["detail"]["entries"].as_u64().unwrap() > 2, "{outcome:#}");
        }
        let some = server.client.get(&format!("audit/export?format=jsonl&target={id}")).await.expect(200);
        assert_eq!(verify(&some.text).chains[0].entries, 2);
        let ocsf = server.client.get("audit/export?format=ocsf").await.expect(200);
        assert!(ocsf.text.lines().all(|line| line.contains("\"record_integrity\"")));
        server.client.get("audit/export?format=bundle&result=failed").await.problem("400 NL-1008");
        server.client.get("audit/export?format=xml").await.problem("400 NL-1008");
    })
    .await;
}

/// Every filter over the API, saved searches, and who touched a thing.
#[tokio::test(flavor = "multi_thread")]
async fn the_trail_is_searched() {
    on_sqlite(async |server| {
        let id = server.client.save(echo("searched")).await;
        let count = async |query: &str| server.client.all(&format!("audit?{query}"), 200).await.len();
        assert_eq!(count(&format!("target={id}")).await, 2);
        assert_eq!(count(&format!("target={id}&result=succeeded")).await, 1);
        assert_eq!(count(&format!("target={id}&address=127.0.0.1")).await, 2);
        assert_eq!(count(&format!("target={id}&address=127.0.0.2")).await, 0);
        assert_eq!(count("until=2020-01-01T00:00:00Z").await, 0);
        assert_eq!(count(&format!("target={id}&from=2020-01-01T00:00:00Z")).await, 2);
        let entry = server.client.all(&format!("audit?target={id}"), 1).await[0].clone();
        assert_eq!(count(&format!("request={}", entry["request"].as_str().unwrap())).await, 2);
        let who = entry["subject"]["principal"]["id"].as_str().unwrap();
        assert_eq!(count(&format!("person={who}&target={id}")).await, 2);
        for bad in ["person=nobody", "address=here", "from=yesterday", "request=1", "result=fine", "colour=red"] {
            server.client.get(&format!("audit?{bad}")).await.problem("400 NL-1008");
        }
        let touched = server.client.get(&format!("audit/touched?target={id}")).await.expect(200).json();
        assert_eq!((touched["entries"].as_u64(), touched["by"].as_array().unwrap().len()), (Some(2), 1));
        let query = json!({ "target": id, "address": "127.0.0.1" });
        server.client.put("audit/searches/mine", query.clone()).await.expect(200);
        let kept = server.client.get("audit/searches").await.expect(200).json();
        assert_eq!((&kept["items"][0]["name"], &kept["items"][0]["query"]), (&json!("mine"), &query));
        let raw = std::fs::read(server.folder().join("nodeloom.db")).unwrap();
        assert!(!raw.windows(id.len() + 10).any(|w| w == format!("\"target\":\"{id}").as_bytes()), "sealed");
        server.client.put("audit/searches/Not%20this", query).await.problem("400 NL-1008");
        server.client.delete("audit/searches/mine").await.expect(204);
        server.client.delete("audit/searches/mine").await.problem("404 NL-3001");
    })
    .await;
}

/// R107, R108: purging and erasing need the right, leave entries, and keep what has to be kept.
#[tokio::test(flavor = "multi_thread")]
async fn what_has_to_be_kept_is_kept() {
    on_sqlite(async |server| {
        let young = json!({ "before": "2100-01-01T00:00:00Z" });
        server.client.post("audit/purge", young).await.problem("409 NL-6003");
        let old = server.client.post("audit/purge", json!({ "before": "2020-01-01T00:00:00Z" })).await.expect(200);
        assert_eq!(old.json()["entries"], 0);
        let officer = server.as_role(Role::ComplianceOfficer).await;
        officer.post("audit/purge", json!({ "before": "2020-01-01T00:00:00Z" })).await.problem("403 NL-2003");
        let person = server.person(server.team().await, Role::Builder, None).await;
        person.client.get("workflows").await.expect(200);
        person.client.post("workflows/validate", json!({ "definition": echo("by a person") })).await;
        let id = person.client.save(echo("of a person")).await;
        let erased = server.client.post("audit/erasures", json!({ "person": person.id.to_string() })).await.expect(200);
        assert_eq!(erased.json()["erased"], true);
        let all = server.client.all(&format!("audit?target={id}"), 200).await;
        assert!(!all.is_empty() && all.iter().all(|entry| entry["subject"].is_null()), "{all:#?}");
        assert_verifies(server).await;
    })
    .await;
}
