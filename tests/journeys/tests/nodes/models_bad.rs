//! Models that misbehave: each is a failure in the run's record, bounded in time and calls, and the server goes on.

use std::time::{Duration, Instant};

use journeys::{
    Server,
    doubles::{Act, Double, answers, node, open, refuse, say, typed},
};
use serde_json::{Value as Json, json};

struct Ground {
    server: Server,
    double: Double,
}

impl Ground {
    async fn new() -> Self {
        Self { server: Server::with(open()).await, double: Double::playing([]).await }
    }
    async fn chat(&self, name: &str, acts: Vec<Act>, more: Json) -> Json {
        self.double.play(acts);
        let mut node = json!({ "id": "chat", "type": "CHAT_MODEL", "timeout_ms": 20_000,
            "parameters": { "model": self.double.model("openai"), "prompt": "Hello" } });
        for (key, value) in more.as_object().into_iter().flatten() {
            node[key] = value.clone();
        }
        self.run(name, json!([node])).await
    }
    async fn run(&self, name: &str, nodes: Json) -> Json {
        let workflow = self.server.client.deploy(json!({ "name": name, "nodes": nodes })).await;
        let ran = self.server.client.run(&workflow, Json::Null).await;
        self.server.assert_alive().await;
        ran
    }
}

#[track_caller]
fn failed(run: &Json, code: &str, why: &str) {
    let told = run["failure"]["message"].as_str().unwrap_or_default();
    assert!(run["status"] == "failed" && run["failure"]["code"] == code && told.contains(why), "{run}");
    assert_eq!(node(run, "chat")["status"], "failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_hangs_is_given_up_at_the_nodes_time_limit() {
    let ground = Ground::new().await;
    let begun = Instant::now();
    failed(&ground.chat("hangs", vec![Act::Hang], json!({ "timeout_ms": 700 })).await, "NL-5106", "in");
    let slow = [refuse(503, "", json!({})), Act::Hang];
    failed(&ground.chat("fails, then hangs", slow.into(), json!({ "timeout_ms": 700 })).await, "NL-5106", "in");
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    ground.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_of_every_kind_is_a_named_failure() {
    let ground = Ground::new().await;
    let cases = vec![
        ("html", typed(200, "", "text/html", "<html>It works!</html>")),
        ("not json", typed(200, "", "application/json", "{\"choices\": [")),
        ("binary", typed(200, "", "application/json", "\u{0}\u{1}\u{fffd}")),
        ("other json", say(json!({ "hello": "world" }))),
        ("empty", typed(200, "", "application/json", "")),
        ("null choices", say(json!({ "choices": null }))),
        ("deep", typed(200, "", "application/json", &"[".repeat(100_000))),
        (
            "wrong types",
            say(json!({ "choices": [{ "message": { "content": { "a": 1 } }, "finish_reason": 5 }], "usage": "many" })),
        ),
    ];
    for (name, act) in cases {
        let ran = ground.chat(name, vec![act], Json::Null).await;
        assert_eq!(ran["failure"]["code"], "NL-5105", "{name}: {ran}");
    }
    let ran = ground.chat("cut off", vec![Act::CutOff(4000, "{\"choices\":[{".to_owned())], Json::Null).await;
    assert_eq!(ran["status"], "failed", "{ran}");
    let long = typed(200, "", "application/json", &format!("{{\"x\":\"{}\"}}", "x".repeat(20 << 20)));
    failed(&ground.chat("endless", vec![long], Json::Null).await, "NL-5110", "larger");
    ground.server.stop().await;
}

/// 429 with Retry-After is waited for; then the call goes on, with the same key.
#[tokio::test(flavor = "multi_thread")]
async fn a_rate_limit_is_waited_for_and_errors_are_tried_again() {
    let ground = Ground::new().await;
    let limited = || refuse(429, "retry-after: 1\r\n", json!({ "error": { "message": "slow down" } }));
    let begun = Instant::now();
    let ran = ground.chat("limited", vec![limited(), answers::openai("at last")], Json::Null).await;
    assert_eq!(ran["output"]["text"], "at last", "{ran}");
    assert!(begun.elapsed() >= Duration::from_secs(1));
    let seen = ground.double.seen();
    assert_eq!((seen.len(), seen[0].header("idempotency-key")), (2, seen[1].header("idempotency-key")));

    let error = || refuse(500, "", json!({ "error": { "message": "internal" } }));
    let ran = ground.chat("one error", vec![error(), answers::openai("fine")], Json::Null).await;
    assert_eq!(ran["output"]["text"], "fine", "{ran}");
    let ran = ground.chat("all errors", vec![error()], Json::Null).await;
    failed(&ran, "NL-5105", "500");
    let asked = ground.double.seen().len();
    assert!((2..=4).contains(&asked), "asked {asked} times");
    for (status, why) in [(401, "credential"), (404, "404"), (400, "refused")] {
        let ran = ground
            .chat(
                &format!("status {status}"),
                vec![refuse(status, "", json!({ "error": { "message": "no" } }))],
                Json::Null,
            )
            .await;
        failed(&ran, "NL-5105", why);
        assert_eq!(ground.double.seen().len(), 1, "{status} is not asked again");
    }
    ground.server.stop().await;
}

/// Invalid tool calls go back to the model a few times; then the node fails and says what was wrong.
#[tokio::test(flavor = "multi_thread")]
async fn invalid_tool_calls_are_bounded() {
    let ground = Ground::new().await;
    let agent = |more: Json| {
        let mut parameters = json!({ "model": ground.double.model("openai"), "prompt": "?", "tools": [
            { "name": "price", "description": "x",
                "schema": { "type": "object", "required": ["thing"], "properties": { "thing": { "type": "string" } } },
                "node": { "type": "TRANSFORM", "parameters": { "template": 12 } } }] });
        for (key, value) in more.as_object().into_iter().flatten() {
            parameters[key] = value.clone();
        }
        json!([{ "id": "chat", "type": "AI_AGENT", "parameters": parameters }])
    };
    for (name, arguments, tool, why) in [
        ("not json", "{\"thing\": ", "price", "not JSON"),
        ("wrong type", "{\"thing\": 5}", "price", "do not fit"),
        ("missing", "{}", "price", "do not fit"),
        ("unknown tool", "{}", "no_such_tool", "there is no tool"),
    ] {
        ground.double.play([answers::openai_tool(tool, arguments)]);
        let ran = ground.run(name, agent(Json::Null)).await;
        failed(&ran, "NL-5105", why);
        assert_eq!(ground.double.seen().len(), 4, "the first and three more");
    }
    ground.double.play([answers::openai_tool("price", "nonsense"), answers::openai("Sorry: 12.")]);
    let ran = ground.run("mends itself", agent(Json::Null)).await;
    assert_eq!(
        (&ran["output"]["text"], &ran["output"]["tool_calls"][0]["ok"]),
        (&json!("Sorry: 12."), &json!(false)),
        "{ran}"
    );
    assert!(ground.double.seen()[1].text.contains("not JSON"));
    // a model that never ends
    ground.double.play([answers::openai_tool("price", r#"{"thing":"lamp"}"#)]);
    let ran = ground.run("never ends", agent(json!({ "max_steps": 3 }))).await;
    failed(&ran, "NL-5104", "3 steps");
    assert_eq!(ground.double.seen().len(), 3);
    ground.server.stop().await;
}

/// The attack: a base URL that leads inside.
#[tokio::test(flavor = "multi_thread")]
async fn a_model_inside_is_not_asked_unless_the_operator_allows_it() {
    let double = Double::playing([answers::openai("inside")]).await;
    let server = Server::start().await;
    let nodes = json!([{ "id": "chat", "type": "CHAT_MODEL", "parameters": { "model": double.model("openai"), "prompt": "Hello" } }]);
    let workflow = server.client.deploy(json!({ "name": "inside", "nodes": nodes })).await;
    let ran = server.client.run(&workflow, Json::Null).await;
    let told = ran["failure"]["message"].as_str().unwrap_or_default();
    assert!(ran["status"] == "blocked" && told.contains("which the operator has not allowed"), "{ran}");
    assert_eq!(double.seen().len(), 0);
    server.stop().await;
}
