//! HTTP_REQUEST against a real target: what leaves this machine, what may not, and what is kept of it.

use journeys::{
    Server,
    doubles::{Act, Double, node, on_both_open, open, refuse, say, typed},
    on_sqlite,
};
use serde_json::{Value as Json, json};

/// A workflow of one HTTP node, whose parts `more` adds to.
fn http(name: &str, url: &str, parameters: Json, more: Json) -> Json {
    let mut call = json!({ "id": "http", "type": "HTTP_REQUEST", "parameters": parameters });
    call["parameters"]["url"] = json!(url);
    for (key, value) in more.as_object().into_iter().flatten() {
        call[key] = value.clone();
    }
    json!({ "name": name, "nodes": [call] })
}

async fn ran(server: &Server, definition: Json) -> Json {
    let workflow = server.client.deploy(definition).await;
    server.client.run(&workflow, json!({ "n": 1 })).await
}

/// The attack: a workflow asks for what only this machine or its cloud may reach. Nothing leaves.
#[tokio::test(flavor = "multi_thread")]
async fn private_addresses_are_refused_unless_the_operator_allows_them() {
    let target = Double::playing([Act::Echo]).await;
    on_sqlite(async |server| {
        let inside = [
            target.url("/"),
            format!("http://localhost:{}/", target.port),
            format!("http://0x7f000001:{}/", target.port),
            format!("http://[::ffff:127.0.0.1]:{}/", target.port),
            "http://169.254.169.254/latest/meta-data/".to_owned(),
            "http://10.0.0.1/".to_owned(),
        ];
        for (i, url) in inside.iter().enumerate() {
            let run = ran(server, http(&format!("attack {i}"), url, json!({}), json!({}))).await;
            let why = run["failure"]["message"].as_str().unwrap_or_default();
            assert!(run["status"] == "failed" && why.contains("not allowed"), "{url}: {run}");
        }
        assert_eq!(target.seen().len(), 0, "the target saw nothing");
        server.assert_alive().await;
    })
    .await;
    let server = Server::with(open()).await;
    let run =
        ran(&server, http("control", &target.url("/asked?a=b"), json!({ "query": { "q": "ä b" } }), json!({}))).await;
    assert_eq!(run["status"], "succeeded", "{run}");
    assert_eq!(node(&run, "http")["output"]["body"]["path"], "/asked?a=b&q=%C3%A4+b");
    server.stop().await;
}

/// R004, and the promise of the engine: a repeated call carries the same key, so that the other side may know it again.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_fails_is_tried_again_with_the_same_key() {
    on_both_open(async |server| {
        let busy = || refuse(503, "", json!({ "error": "busy" }));
        let target = Double::playing([busy(), busy(), say(json!({ "paid": true }))]).await;
        let retry = json!({ "retry": { "max_attempts": 3, "initial_delay_ms": 10 } });
        let post =
            json!({ "method": "POST", "body": { "n": "{{ input.n }}" }, "headers": { "x-trace": "{{ run.id }}" } });
        let run = ran(server, http("retry", &target.url("/pay"), post, retry)).await;
        assert_eq!((&run["status"], &node(&run, "http")["attempts"]), (&json!("succeeded"), &json!(3)), "{run}");
        assert_eq!(node(&run, "http")["output"]["body"], json!({ "paid": true }));
        let seen = target.seen();
        assert_eq!(seen.len(), 3);
        let key = seen[0].header("idempotency-key");
        assert!(key.len() == 64 && seen.iter().all(|asked| asked.header("idempotency-key") == key), "{seen:?}");
        assert!(seen.iter().all(|asked| asked.method == "POST" && asked.json() == json!({ "n": 1 })));
        assert_eq!(seen[0].header("x-trace"), run["id"]);

        target.play([busy()]);
        let run = ran(server, http("no retry", &target.url("/pay"), json!({}), json!({}))).await;
        assert_eq!((&run["status"], &run["failure"]["code"]), (&json!("failed"), &json!("NL-5105")), "{run}");
        assert_eq!(target.seen().len(), 1, "without a retry policy it is asked once");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_branch_sees_status_and_body() {
    on_both_open(async |server| {
        let target = Double::playing([refuse(409, "", json!({ "reason": "sold out" }))]).await;
        let call = json!({ "id": "http", "type": "HTTP_REQUEST", "on_error": "branch", "parameters": { "url": target.url("/") } });
        let definition = json!({ "name": "branch", "nodes": [
            call,
            { "id": "fine", "type": "TRANSFORM", "parameters": { "template": "fine" } },
            { "id": "sorry", "type": "TRANSFORM", "parameters": { "template": {
                "status": "{{ nodes.http.error.detail.status }}", "why": "{{ nodes.http.error.detail.body.reason }}" } } },
        ], "edges": [{ "from": "http", "to": "fine" }, { "from": "http", "output": "error", "to": "sorry" }] });
        let run = ran(server, definition).await;
        assert_eq!((&run["status"], &run["output"]), (&json!("succeeded"), &json!({ "status": 409, "why": "sold out" })));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_too_long_or_breaks_off_or_is_not_json_fails_the_node() {
    let server = Server::with(open()).await;
    let target = Double::playing([typed(200, "", "text/plain", &"x".repeat(5000))]).await;
    let run = ran(&server, http("long", &target.url("/"), json!({ "max_response_bytes": 1000 }), json!({}))).await;
    assert_eq!((&run["status"], &run["failure"]["code"]), (&json!("failed"), &json!("NL-5110")), "{run}");
    target.play([Act::CutOff(500, "{\"a\":".to_owned())]);
    let run = ran(&server, http("broken", &target.url("/"), json!({}), json!({}))).await;
    assert_eq!((&run["status"], &run["failure"]["code"]), (&json!("failed"), &json!("NL-5105")), "{run}");
    target.play([typed(200, "", "text/html", "<p>hello")]);
    let run = ran(&server, http("html", &target.url("/"), json!({ "response": "json" }), json!({}))).await;
    assert!(run["failure"]["message"].as_str().unwrap().contains("not JSON"), "{run}");
    target.play([Act::Hang]);
    let run = ran(&server, http("hangs", &target.url("/"), json!({}), json!({ "timeout_ms": 300 }))).await;
    assert_eq!((&run["status"], &run["failure"]["code"]), (&json!("failed"), &json!("NL-5106")), "{run}");
    server.assert_alive().await;
    server.stop().await;
}

fn secret() -> String {
    ["tok", "9f2c", "8b71", "d35a", "44e0"].join("_")
}

/// R095: the target echoes the credential, and nobody sees it. R099: it goes only to the hosts it was made for.
#[tokio::test(flavor = "multi_thread")]
async fn a_credential_reaches_its_host_and_is_masked_everywhere_else() {
    on_both_open(async |server| {
        let target = Double::playing([Act::Echo]).await;
        for (name, host) in [("right", "127.0.0.1"), ("wrong", "api.example.com")] {
            let body = json!({ "name": name, "kind": "api_key", "value": secret(), "hosts": [host] });
            let made = server.client.post("credentials", body).await.expect(201);
            assert!(!made.text.contains(&secret()));
        }
        let run = ran(server, http("with key", &target.url("/"), json!({ "credential": "right" }), json!({}))).await;
        assert_eq!(run["status"], "succeeded", "{run}");
        assert_eq!(target.seen()[0].header("authorization"), format!("Bearer {}", secret()));
        assert!(!run.to_string().contains(&secret()), "{run}");
        let run = ran(server, http("elsewhere", &target.url("/"), json!({ "credential": "wrong" }), json!({}))).await;
        assert_eq!((&run["status"], target.seen().len()), (&json!("blocked"), 1), "{run}");
        target.play([typed(500, "", "text/plain", &format!("bad token {}", secret()))]);
        let run = ran(server, http("failing", &target.url("/"), json!({ "credential": "right" }), json!({}))).await;
        assert!(run["status"] == "failed" && !run.to_string().contains(&secret()), "{run}");
        let audit = server.client.get("audit?limit=200").await.text;
        assert!(!audit.contains(&secret()));
    })
    .await;
}

/// R197, R198, R199, R193, and R201 for what is kept of it: what the workflow's policy does not allow is not asked for.
#[tokio::test(flavor = "multi_thread")]
async fn a_workflows_policy_halts_what_it_does_not_allow() {
    on_both_open(async |server| {
        let target = Double::playing([Act::Echo]).await;
        let body = json!({ "name": "team key", "kind": "api_key", "value": secret(), "hosts": ["127.0.0.1"] });
        server.client.post("credentials", body).await.expect(201);
        let policies = [
            (json!({ "http": { "allow": ["api.example.com", "*.corp.example"] } }), "does not allow requests to 127.0.0.1"),
            (json!({ "http": { "block": ["127.0.0.1"] } }), "127.0.0.1"),
            (json!({ "credentials": ["another"] }), "team key"),
            (json!({ "allowed_nodes": ["TRANSFORM"] }), "HTTP_REQUEST"),
        ];
        for (i, (policy, why)) in policies.iter().enumerate() {
            let mut definition =
                http(&format!("policy {i}"), &target.url("/"), json!({ "credential": "team key" }), json!({}));
            definition["policies"] = policy.clone();
            let run = ran(server, definition).await;
            let told = run["failure"]["message"].as_str().unwrap_or_default();
            assert!(run["failure"]["code"] == "NL-4201" && told.contains(why), "{policy}: {run}");
        }
        assert_eq!(target.seen().len(), 0);
        if let Some(url) = &server.rooms.config.database.url {
            let kept = "select count(*), min(severity), count(distinct run) from violations where kind = 'policy'";
            let kept = harness::servers::ask(url, kept);
            assert!(kept.starts_with("4|") && kept.ends_with("|4"), "each is kept with its run: {kept}");
        }
        let mut definition = http("allowed", &target.url("/"), json!({ "credential": "team key" }), json!({}));
        definition["policies"] =
            json!({ "http": { "allow": ["127.0.0.1"] }, "credentials": ["team key"], "allowed_nodes": ["HTTP_REQUEST"] });
        let run = ran(server, definition).await;
        assert_eq!((&run["status"], target.seen().len()), (&json!("succeeded"), 1), "{run}");
    })
    .await;
}
