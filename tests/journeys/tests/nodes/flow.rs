//! The nodes that lead a run: conditions, branches, loops, waits, people, schedules.

use std::time::Duration;

use domain::{Role, Timestamp};
use journeys::{
    Client, Server,
    doubles::{node, on_both_open},
    eventually, on_both,
};
use serde_json::{Value as Json, json};

fn transform(id: &str, template: Json) -> Json {
    json!({ "id": id, "type": "TRANSFORM", "parameters": { "template": template } })
}

async fn deployed(server: &Server, name: &str, nodes: Json, edges: Json) -> String {
    let mut definition = json!({ "name": name, "nodes": nodes });
    if !edges.is_null() {
        definition["edges"] = edges;
    }
    server.client.deploy(definition).await
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_and_switches_take_one_way() {
    on_both(async |server| {
        let nodes = json!([
            { "id": "large", "type": "CONDITION", "parameters": { "condition": "{{ input.amount > 100 }}" } },
            { "id": "kind", "type": "SWITCH", "parameters": { "value": "{{ input.kind }}", "cases": [
                { "name": "refund", "equals": "refund" }, { "name": "vip", "when": "{{ input.vip }}" }] } },
            transform("small", json!("small")), transform("refund", json!("refund")), transform("vip", json!("vip")),
            transform("other", json!("other")),
        ]);
        let edges = json!([
            { "from": "large", "output": "true", "to": "kind" }, { "from": "large", "output": "false", "to": "small" },
            { "from": "kind", "output": "refund", "to": "refund" }, { "from": "kind", "output": "vip", "to": "vip" },
            { "from": "kind", "output": "default", "to": "other" },
        ]);
        let id = deployed(server, "ways", nodes, edges).await;
        for (input, way) in [
            (json!({ "amount": 5, "kind": "refund", "vip": false }), "small"),
            (json!({ "amount": 500, "kind": "refund", "vip": true }), "refund"),
            (json!({ "amount": 500, "kind": "x", "vip": true }), "vip"),
            (json!({ "amount": 500, "kind": "x", "vip": false }), "other"),
        ] {
            let run = server.client.run(&id, input).await;
            assert_eq!((&run["status"], &run["output"]), (&json!("succeeded"), &json!(way)), "{run}");
        }
        let run = server.client.run(&id, json!({})).await;
        assert_eq!((&run["status"], &run["failure"]["code"]), (&json!("failed"), &json!("NL-5102")), "{run}");
        assert!(run["failure"]["message"].as_str().unwrap().contains("large"), "the node is named: {run}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn branches_join_as_asked() {
    on_both(async |server| {
        for (mode, output) in [
            ("all", json!({ "a": { "x": 1 }, "b": { "y": 2 } })),
            ("append", json!([{ "x": 1 }, { "y": 2 }])),
            ("combine", json!({ "x": 1, "y": 2 })),
        ] {
            let nodes = json!([
                { "id": "in", "type": "MANUAL_TRIGGER" }, transform("a", json!({ "x": 1 })), transform("b", json!({ "y": 2 })),
                { "id": "join", "type": "MERGE", "parameters": { "mode": mode } },
            ]);
            let edges = json!([{ "from": "in", "to": "a" }, { "from": "in", "to": "b" }, { "from": "a", "to": "join" }, { "from": "b", "to": "join" }]);
            let id = deployed(server, &format!("join {mode}"), nodes, edges).await;
            let run = server.client.run(&id, Json::Null).await;
            assert_eq!(run["output"], output, "{mode}: {run}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_item_runs_through_the_body() {
    on_both(async |server| {
        let body = json!({ "nodes": [
            { "id": "wait", "type": "DELAY", "parameters": { "for_ms": 5 } },
            { "id": "bad", "type": "CONDITION", "parameters": { "condition": "{{ item == 3 and input.strict }}" } },
            { "id": "stop", "type": "STOP_WITH_ERROR", "parameters": { "message": "three is not allowed" } },
            transform("double", json!({ "at": "{{ item_index }}", "twice": "{{ item * 2 }}" })),
        ], "edges": [{ "from": "wait", "to": "bad" }, { "from": "bad", "output": "true", "to": "stop" }, { "from": "bad", "output": "false", "to": "double" }] });
        let each = |how: &str| json!([{ "id": "each", "type": "FOR_EACH", "parameters": {
            "items": "{{ input.items }}", "max_parallel": 3, "on_item_error": how, "body": body } }]);
        let id = deployed(server, "each", each("fail"), Json::Null).await;
        let items: Vec<u64> = (0..20).collect();
        let run = server.client.run(&id, json!({ "items": items, "strict": false })).await;
        let expected: Vec<Json> = items.iter().map(|n| json!({ "at": n, "twice": n * 2 })).collect();
        assert_eq!(run["output"], json!(expected), "{run}");
        let run = server.client.run(&id, json!({ "items": items, "strict": true })).await;
        assert_eq!((&run["status"], &run["failure"]["code"]), (&json!("failed"), &json!("NL-5103")), "{run}");
        let run = server.client.run(&id, json!({ "items": [], "strict": true })).await;
        assert_eq!(run["output"], json!([]), "{run}");
        let run = server.client.run(&id, json!({ "items": "no list", "strict": true })).await;
        assert_eq!(run["status"], "failed", "{run}");
        let id = deployed(server, "collect", each("collect"), Json::Null).await;
        let run = server.client.run(&id, json!({ "items": items, "strict": true })).await;
        assert_eq!(run["output"][3]["error"]["code"], "NL-5103", "{run}");
        assert_eq!(run["output"][19], json!({ "at": 19, "twice": 38 }), "{run}");
    })
    .await;
}

/// A delay outlives the server; a run is not lost while it waits.
#[tokio::test(flavor = "multi_thread")]
async fn a_delay_survives_a_restart() {
    let server = Server::start().await;
    let nodes = json!([{ "id": "wait", "type": "DELAY", "parameters": { "for_ms": 2500 } }, transform("done", json!("after {{ input }}"))]);
    let id = deployed(&server, "delay", nodes, Json::Null).await;
    let run = server.client.begin(&id, json!("tea")).await;
    server.client.until(&run, "waiting").await;
    let (settings, folder) = server.stop().await;
    let server = Server::on(settings, folder).await;
    let run = server.client.until(&run, "succeeded").await;
    assert_eq!(run["output"], "after tea", "{run}");
    assert!(run["duration_ms"].as_u64().unwrap() >= 2500, "{run}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_runs_inside_another_and_its_failure_is_a_failure_there() {
    on_both(async |server| {
        let child = json!([
            { "id": "check", "type": "CONDITION", "parameters": { "condition": "{{ input.ok }}" } },
            transform("fine", json!({ "child": "{{ run.id }}" })),
            { "id": "stop", "type": "STOP_WITH_ERROR", "parameters": { "message": "the child says {{ input.why }}" } },
        ]);
        let edges = json!([{ "from": "check", "output": "true", "to": "fine" }, { "from": "check", "output": "false", "to": "stop" }]);
        deployed(server, "child", child, edges).await;
        let parent = json!([{ "id": "sub", "type": "SUB_WORKFLOW", "parameters": { "workflow": "child" } }]);
        let id = deployed(server, "parent", parent, Json::Null).await;
        let run = server.client.run(&id, json!({ "ok": true })).await;
        let child = run["output"]["child"].as_str().unwrap().to_owned();
        assert_eq!(server.client.get(&format!("runs/{child}")).await.expect(200).json()["trigger"], "sub_workflow");
        let run = server.client.run(&id, json!({ "ok": false, "why": "no" })).await;
        assert_eq!((&run["status"], &run["failure"]["code"]), (&json!("failed"), &json!("NL-5108")), "{run}");
        assert!(run["failure"]["message"].as_str().unwrap().contains("the child says no"), "{run}");
        let id = deployed(server, "orphan", json!([{ "type": "SUB_WORKFLOW", "parameters": { "workflow": "nobody" } }]), Json::Null).await;
        let run = server.client.run(&id, Json::Null).await;
        assert!(run["failure"]["message"].as_str().unwrap().contains("nobody"), "{run}");
        // it calls itself: bounded
        let me = json!([{ "type": "SUB_WORKFLOW", "parameters": { "workflow": "me" } }]);
        let id = deployed(server, "me", me, Json::Null).await;
        let run = server.client.run(&id, Json::Null).await;
        assert_eq!(run["status"], "failed", "{run}");
        server.assert_alive().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_stops_with_its_authors_words() {
    on_both(async |server| {
        let nodes = json!([{ "id": "stop", "type": "STOP_WITH_ERROR", "parameters": { "message": "order {{ input.id }} has no address" } }]);
        let id = deployed(server, "stops", nodes, Json::Null).await;
        let run = server.client.run(&id, json!({ "id": 7 })).await;
        assert_eq!((&run["status"], &run["failure"]["code"]), (&json!("failed"), &json!("NL-5103")), "{run}");
        assert!(run["failure"]["message"].as_str().unwrap().contains("order 7 has no address"), "{run}");
    })
    .await;
}

async fn pending(client: &Client, run: &str) -> String {
    eventually("somebody is asked", Duration::from_secs(15), || async {
        let asked = client.all("approvals", 50).await;
        let found = asked.iter().find(|approval| approval["run"] == run && approval["status"] == "pending")?;
        Some(found["id"].as_str().unwrap().to_owned())
    })
    .await
}

/// Two of three must agree; who started the run, who may not, and nobody twice.
#[tokio::test(flavor = "multi_thread")]
async fn people_decide_and_never_about_their_own_run() {
    on_both(async |server| {
        let nodes = json!([
            { "id": "ask", "type": "HUMAN_APPROVAL", "parameters": { "message": "Refund {{ input.amount }}?", "required": 2 } },
            transform("paid", json!({ "paid": "{{ nodes.ask.input.amount }}" })), transform("kept", json!("kept")),
        ]);
        let edges = json!([{ "from": "ask", "to": "paid" }, { "from": "ask", "output": "rejected", "to": "kept" }]);
        let id = deployed(server, "refund", nodes, edges).await;
        let (asker, first, second) = (server.as_role(Role::Admin).await, server.as_role(Role::Admin).await, server.as_role(Role::Operator).await);
        let viewer = server.as_role(Role::Viewer).await;
        let yes = json!({ "approve": true, "comment": "fine" });

        let begun = asker.post(&format!("workflows/{id}/runs"), json!({ "input": { "amount": 40 } })).await.expect(202);
        let run = begun.text_of("id");
        let path = format!("approvals/{}", pending(&first, &run).await);
        asker.post(&path, yes.clone()).await.problem("403 NL-5007");
        viewer.post(&path, yes.clone()).await.problem("403 NL-2003");
        server.client.post(&path, yes.clone()).await.problem("403 NL-5007");
        server.other_team().await.post(&path, yes.clone()).await.expect(404);
        assert_eq!(first.post(&path, yes.clone()).await.expect(200).json()["approved"], 1);
        let again = first.post(&path, yes.clone()).await;
        assert!(again.status == 403 || again.json()["approved"] == 1, "nobody counts twice: {again:?}");
        assert_eq!(second.post(&path, yes.clone()).await.expect(200).json()["status"], "approved");
        let ended = first.until(&run, "succeeded").await;
        assert_eq!(ended["output"], json!({ "paid": 40 }), "{ended}");
        let decisions = node(&ended, "ask")["output"]["decisions"].as_array().unwrap().clone();
        assert!(decisions.len() == 2 && decisions.iter().all(|decision| decision["comment"] == "fine"), "{ended}");

        let run = asker.begin(&id, json!({ "amount": 50 })).await;
        let path = format!("approvals/{}", pending(&first, &run).await);
        assert_eq!(first.post(&path, json!({ "approve": false })).await.expect(200).json()["status"], "rejected");
        assert_eq!(asker.until(&run, "succeeded").await["output"], "kept");
        second.post(&path, yes).await.problem("403 NL-5007");
    })
    .await;
}

/// When nobody decides, the author's choice holds.
#[tokio::test(flavor = "multi_thread")]
async fn an_approval_that_nobody_decides_ends_as_its_author_chose() {
    on_both(async |server| {
        for (choice, status, code) in [("approve", "succeeded", Json::Null), ("reject", "failed", json!("NL-5107")), ("fail", "failed", json!("NL-5106"))] {
            let nodes = json!([{ "id": "ask", "type": "HUMAN_APPROVAL", "parameters": { "message": "?", "timeout_ms": 1000, "on_timeout": choice } }]);
            let id = deployed(server, choice, nodes, Json::Null).await;
            let run = server.client.begin(&id, Json::Null).await;
            let ended = server.client.until(&run, status).await;
            assert_eq!(ended["failure"]["code"], code, "{choice}: {ended}");
        }
    })
    .await;
}

/// At its second, once.
#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_fires_on_time_and_once() {
    on_both(async |server| {
        let due = server.rooms.clock.now() + Duration::from_secs(5);
        let text = due.to_string();
        let part = |from: usize| text[from..from + 2].parse::<u32>().unwrap();
        let cron = format!("{} {} {} {} {} *", part(17), part(14), part(11), part(8), part(5));
        let nodes = json!([{ "id": "clock", "type": "SCHEDULE", "parameters": { "cron": cron, "timezone": "UTC", "input": { "why": "time" } } },
            transform("done", json!("{{ input.why }}"))]);
        // Published by the command line's account for machines: its runs act for that account.
        let id = server.client.deploy(json!({ "name": "clock", "nodes": nodes })).await;
        let runs = || async { server.client.all(&format!("runs?workflow={id}"), 50).await };
        let run = eventually("it fires", Duration::from_secs(30), || async { runs().await.first().cloned() }).await;
        let fired = Timestamp::parse(run["created_at"].as_str().unwrap()).unwrap();
        let whole = Timestamp::parse(&format!("{}Z", &text[..19])).unwrap();
        assert!(fired >= whole && fired.since(whole) < Duration::from_secs(10), "due {whole}, fired {fired}");
        assert_eq!(run["trigger"], "schedule");
        let ended = server.client.until(run["id"].as_str().unwrap(), "succeeded").await;
        assert_eq!(ended["output"], "time", "{ended}");
        let until = server.rooms.clock.now() + Duration::from_secs(2);
        eventually("time passes", Duration::from_secs(10), || async { (server.rooms.clock.now() > until).then_some(()) }).await;
        assert_eq!(runs().await.len(), 1);
    })
    .await;
}

/// R200: at most so many runs in a window.
#[tokio::test(flavor = "multi_thread")]
async fn more_runs_than_the_policy_allows_are_refused() {
    on_both_open(async |server| {
        let definition = json!({ "name": "rare", "nodes": [{ "id": "in", "type": "WEBHOOK", "parameters": { "path": "rare" } }, transform("done", json!(1))],
            "policies": { "rate": { "max_runs": 3, "window_seconds": 60 } } });
        let id = server.client.deploy(definition).await;
        for _ in 0..3 {
            server.client.run(&id, Json::Null).await;
        }
        let start = server.client.post(&format!("workflows/{id}/runs"), json!({ "wait_seconds": 5 })).await;
        assert_eq!(start.status, 429, "{}", start.text);
        assert!(!start.header("retry-after").is_empty());
        assert_eq!(server.client.hook("rare", Json::Null).await.status, 429);
        assert_eq!(server.client.all(&format!("runs?workflow={id}"), 50).await.len(), 3);
    })
    .await;
}

/// A node type that is not listed never runs, a tool of an agent included (R193).
#[tokio::test(flavor = "multi_thread")]
async fn only_listed_node_types_run() {
    on_both(async |server| {
        let definition = json!({ "name": "listed", "nodes": [transform("fine", json!(1)), { "id": "wait", "type": "DELAY", "parameters": { "for_ms": 1 } }],
            "policies": { "allowed_nodes": ["TRANSFORM"] } });
        let saved = server.client.post("workflows", json!({ "definition": definition })).await;
        if saved.status == 201 {
            let id = saved.text_of("id");
            if server.client.publish(&id).await.status == 200 {
                let run = server.client.run(&id, Json::Null).await;
                assert_eq!(run["failure"]["code"], "NL-4201", "{run}");
            }
        }
    })
    .await;
}
