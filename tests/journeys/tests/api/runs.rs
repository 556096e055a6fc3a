//! Runs: started once, waited for, listed, held, stopped, repeated.

use std::{collections::BTreeSet, time::Duration};

use journeys::{
    Client, eventually, on_both, on_sqlite, sent,
    workflows::{echo, slow},
};
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::prepared::{asking, failing, unique};

async fn start_with(client: &Client, workflow: &str, key: &str, body: &Json) -> journeys::Answer {
    let path = format!("workflows/{workflow}/runs");
    sent(client.request(Method::POST, &path).header("idempotency-key", key).json(body)).await
}

/// R004: a run that is waited for comes back whole; one that is not comes back at once, and ends by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_waited_for_or_not() {
    on_both(async |server| {
        let id = server.client.deploy(slow(&unique("slow"), 50)).await;
        let run = server.client.run(&id, json!({ "in": 1 })).await;
        assert_eq!((run["status"].as_str(), &run["output"]), (Some("succeeded"), &json!("done")));
        assert_eq!((&run["input"], run["trigger"].as_str()), (&json!({ "in": 1 }), Some("manual")));
        assert!(run["duration_ms"].as_u64().is_some_and(|ms| ms >= 50), "{run}");
        assert_eq!(run["nodes"].as_array().unwrap().len(), 2, "{run}");
        let begun = server.client.post(&format!("workflows/{id}/runs"), json!({})).await.expect(202);
        server.client.until(&begun.text_of("id"), "succeeded").await;
        // What takes longer than one waits is told to be going on.
        let long = server.client.deploy(slow(&unique("long"), 600_000)).await;
        let going =
            server.client.post(&format!("workflows/{long}/runs"), json!({ "wait_seconds": 1 })).await.expect(202);
        assert!(["running", "waiting"].contains(&going.text_of("status").as_str()), "{}", going.text);
    })
    .await;
}

/// The same idempotency key starts one run, in a row and at the same time; of somebody else it starts another.
#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_starts_one_run() {
    on_both(async |server| {
        let id = server.client.deploy(echo(&unique("once"))).await;
        let body = json!({ "input": 1, "wait_seconds": 10 });
        let first = start_with(&server.client, &id, "k-1", &body).await.text_of("id");
        assert_eq!(start_with(&server.client, &id, "k-1", &body).await.text_of("id"), first);
        let at_once = (0..8).map(|_| start_with(&server.client, &id, "k-2", &body));
        let answers = futures::future::join_all(at_once).await;
        let ids: BTreeSet<_> = answers.iter().map(|answer| answer.text_of("id")).collect();
        assert_eq!(ids.len(), 1, "{answers:?}");
        assert_eq!(server.client.all(&format!("runs?workflow={id}"), 50).await.len(), 2);
        let long = "k".repeat(201);
        start_with(&server.client, &id, &long, &body).await.problem("400 NL-1008");
    })
    .await;
}

/// Any POST with a key happens once; the key of one request is no use for another.
#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_makes_one_workflow() {
    on_both(async |server| {
        let make = |name: &'static str| {
            let request = server.client.request(Method::POST, "workflows").header("idempotency-key", "make");
            sent(request.json(&json!({ "definition": echo(name) })))
        };
        let first = make("made once").await.expect(201);
        let again = make("made once").await.expect(201);
        assert_eq!((first.text, again.header("idempotency-replayed")), (again.text.clone(), "true"));
        make("another").await.problem("422 NL-3003");
    })
    .await;
}

/// Runs are listed newest first, by workflow and status, to the end, without repeating any.
#[tokio::test(flavor = "multi_thread")]
async fn runs_are_listed_to_the_end() {
    on_both(async |server| {
        let good = server.client.deploy(echo(&unique("good"))).await;
        let bad = server.client.deploy(failing(&unique("bad"))).await;
        for n in 0..7 {
            server.client.run(&good, json!(n)).await;
        }
        for n in 0..4 {
            server.client.run(&bad, json!(n)).await;
        }
        let all = server.client.all("runs", 3).await;
        let ids: Vec<_> = all.iter().map(|run| run["id"].as_str().unwrap().to_owned()).collect();
        assert_eq!((ids.len(), ids.iter().collect::<BTreeSet<_>>().len()), (11, 11));
        let mut newest_first = ids.clone();
        newest_first.sort_by(|a, b| b.cmp(a));
        assert_eq!(ids, newest_first);
        assert_eq!(server.client.all(&format!("runs?workflow={good}"), 5).await.len(), 7);
        let failed = server.client.all("runs?status=failed", 3).await;
        assert!(failed.len() == 4 && failed.iter().all(|run| run["workflow"] == bad.as_str()));
        assert!(server.client.all(&format!("runs?status=failed&workflow={good}"), 3).await.is_empty());
        server.client.get("runs?status=lost").await.problem("400 NL-1008");
    })
    .await;
}

/// A run is held, goes on, and is stopped; what has ended cannot be changed.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_held_goes_on_and_is_stopped() {
    on_both(async |server| {
        let client = &server.client;
        let id = client.deploy(slow(&unique("held"), 600_000)).await;
        let run = client.begin(&id, json!(null)).await;
        client.until(&run, "waiting").await;
        assert_eq!(client.post(&format!("runs/{run}/pause"), json!({})).await.expect(200).text_of("status"), "paused");
        assert_ne!(client.post(&format!("runs/{run}/resume"), json!({})).await.expect(200).text_of("status"), "paused");
        client.until(&run, "waiting").await;
        client.post(&format!("runs/{run}/cancel"), json!({})).await.expect(200);
        client.until(&run, "cancelled").await;
        for what in ["pause", "resume"] {
            client.post(&format!("runs/{run}/{what}"), json!({})).await.problem("409 NL-5005");
        }
    })
    .await;
}

/// A run that failed is repeated with its screened input or with another; one that succeeded is not.
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_run_is_repeated() {
    on_both(async |server| {
        let client = &server.client;
        let id = client.deploy(failing(&unique("again"))).await;
        let run = client.run(&id, json!({ "n": 1 })).await;
        assert_eq!((run["status"].as_str(), run["failure"]["message"].as_str()), (Some("failed"), Some("as told")));
        let first = run["id"].as_str().unwrap();
        let again = client.post(&format!("runs/{first}/retry"), json!({})).await.expect(202);
        let again = client.until(&again.text_of("id"), "failed").await;
        assert_eq!((&again["input"], again["trigger"].as_str()), (&json!({ "n": 1 }), Some("retry")));
        let other = client.post(&format!("runs/{first}/retry"), json!({ "input": 2 })).await.expect(202);
        assert_eq!(client.until(&other.text_of("id"), "failed").await["input"], json!(2));
        let good = client.deploy(echo(&unique("good"))).await;
        let good = client.run(&good, json!(1)).await;
        client.post(&format!("runs/{}/retry", good["id"].as_str().unwrap()), json!({})).await.problem("409 NL-5005");
    })
    .await;
}

/// A workflow calls another; the other's failure is its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_calls_another() {
    on_both(async |server| {
        let client = &server.client;
        client.deploy(echo("the other")).await;
        client.deploy(failing("the bad one")).await;
        let calls = |name: &str, other: &str| {
            json!({ "name": name, "nodes": [
                { "id": "call", "type": "SUB_WORKFLOW", "parameters": { "workflow": other, "input": "{{ input }}" } }
            ] })
        };
        let id = client.deploy(calls("calls", "the other")).await;
        let run = client.run(&id, json!(5)).await;
        assert_eq!(run["output"], json!({ "echo": 5 }), "{run}");
        let bad = client.deploy(calls("calls the bad one", "the bad one")).await;
        assert_eq!(client.run(&bad, json!(5)).await["status"], "failed");
        let children = client.all("runs", 50).await;
        assert_eq!(children.iter().filter(|run| run["trigger"] == "sub_workflow").count(), 2);
    })
    .await;
}

/// Each item goes through the body, in order and in parallel.
#[tokio::test(flavor = "multi_thread")]
async fn each_item_goes_through_the_body() {
    on_both(async |server| {
        let id = server.client.deploy(json!({ "name": unique("each"), "nodes": [
            { "id": "each", "type": "FOR_EACH", "parameters": { "items": "{{ input }}", "max_parallel": 3, "body": { "nodes": [
                { "id": "twice", "type": "TRANSFORM", "parameters": { "template": "{{ item * 2 }}" } }
            ] } } }
        ] })).await;
        let run = server.client.run(&id, json!([1, 2, 3, 4, 5])).await;
        assert_eq!(run["output"], json!([2, 4, 6, 8, 10]), "{run}");
    })
    .await;
}

/// A person decides, but not about their own run; the answer lets the run go on.
#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_decided_by_another_person() {
    on_both(async |server| {
        let (asks, decides) =
            (server.as_role(domain::Role::Builder).await, server.as_role(domain::Role::Operator).await);
        let id = asks.deploy(asking(&unique("asks"))).await;
        let run = asks.begin(&id, json!(null)).await;
        asks.until(&run, "waiting").await;
        let pending = asks.get("approvals").await.expect(200).json()["items"][0].clone();
        assert_eq!((pending["run"].as_str(), pending["status"].as_str()), (Some(&*run), Some("pending")));
        let path = format!("approvals/{}", pending["id"].as_str().unwrap());
        asks.post(&path, json!({ "approve": true })).await.problem("403 NL-5007");
        decides.post(&path, json!({ "approve": true, "comment": "fine" })).await.expect(200);
        asks.until(&run, "succeeded").await;
        decides.post(&path, json!({ "approve": false })).await.problem("403 NL-5007");
    })
    .await;
}

/// A queue forms behind the workflow's own limit and drains.
#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_runs_no_more_at_once_than_it_says() {
    on_sqlite(async |server| {
        let mut definition = slow(&unique("narrow"), 300);
        definition["settings"] = json!({ "max_concurrent_runs": 2 });
        let id = server.client.deploy(definition).await;
        let path = format!("workflows/{id}/runs");
        futures::future::join_all((0..6).map(|_| server.client.post(&path, json!({})))).await;
        eventually("all six end", Duration::from_secs(30), || async {
            let all = server.client.all("runs", 50).await;
            let going =
                all.iter().filter(|run| ["running", "waiting"].contains(&run["status"].as_str().unwrap())).count();
            assert!(going <= 2, "{going} at once");
            all.iter().all(|run| run["status"] == "succeeded").then_some(())
        })
        .await;
    })
    .await;
}
