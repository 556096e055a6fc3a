//! CHAT_MODEL, AI_AGENT and EMBEDDING against doubles of the providers.

use harness::servers;
use journeys::{
    Server, Settings,
    doubles::{Double, answers, node, on_both_open, open},
    postgres_url,
};
use serde_json::{Value as Json, json};

fn key() -> String {
    ["pk", "5c02", "de91", "7a64"].join("-")
}

async fn credential(server: &Server) {
    let body = json!({ "name": "provider", "kind": "api_key", "value": key(), "hosts": ["127.0.0.1"] });
    server.client.post("credentials", body).await.expect(201);
}

fn with_credential(mut model: Json) -> Json {
    model["credential"] = json!("provider");
    model
}

async fn run(server: &Server, name: &str, nodes: Json, more: Json, input: Json) -> Json {
    let mut definition = json!({ "name": name, "nodes": nodes });
    for (key, value) in more.as_object().into_iter().flatten() {
        definition[key] = value.clone();
    }
    let workflow = server.client.deploy(definition).await;
    server.client.run(&workflow, input).await
}

/// The key goes where its provider wants it, the system prompt too, and the tokens are counted (R004).
#[tokio::test(flavor = "multi_thread")]
async fn each_provider_is_asked_in_its_own_words() {
    on_both_open(async |server| {
        credential(server).await;
        let providers = [
            ("openai", answers::openai("Hello Ada"), "/v1/chat/completions", "authorization", format!("Bearer {}", key())),
            ("anthropic", answers::anthropic("Hello Ada"), "/v1/messages", "x-api-key", key()),
            ("ollama", answers::ollama("Hello Ada"), "/api/chat", "authorization", format!("Bearer {}", key())),
        ];
        for (provider, answer, path, header, value) in providers {
            let double = Double::playing([answer]).await;
            let nodes = json!([{ "id": "chat", "type": "CHAT_MODEL", "parameters": {
                "model": with_credential(double.model(provider)), "system": "Be brief.", "prompt": "I am {{ input.name }}." } }]);
            let ran = run(server, provider, nodes, Json::Null, json!({ "name": "Ada" })).await;
            assert_eq!((&ran["status"], &ran["output"]["text"]), (&json!("succeeded"), &json!("Hello Ada")), "{ran}");
            assert_eq!(ran["usage"], json!({ "input_tokens": 11, "output_tokens": 7 }), "{provider}");
            assert_eq!(node(&ran, "chat")["usage"]["input_tokens"], 11, "{provider}: {ran}");
            let asked = &double.seen()[0];
            assert_eq!((asked.path.as_str(), asked.header(header)), (path, value.as_str()));
            assert!(asked.text.contains("I am Ada.") && asked.text.contains("Be brief."), "{}", asked.text);
            assert!(!ran.to_string().contains(&key()));
        }
    })
    .await;
}

fn agent(model: Json, more: Json) -> Json {
    let mut parameters = json!({ "model": model, "system": "Use the tools.", "prompt": "{{ input.question }}", "tools": [
        { "name": "price", "description": "The price of a thing",
            "schema": { "type": "object", "required": ["thing"], "properties": { "thing": { "type": "string" } } },
            "node": { "type": "TRANSFORM", "parameters": { "template": { "thing": "{{ args.thing }}", "price": 12 } } } },
    ] });
    for (key, value) in more.as_object().into_iter().flatten() {
        parameters[key] = value.clone();
    }
    json!([{ "id": "agent", "type": "AI_AGENT", "parameters": parameters }])
}

/// The loop: the model calls a tool, which is a node; it is told what the tool gave, and answers.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_uses_a_node_as_its_tool() {
    on_both_open(async |server| {
        let lamp = json!({ "thing": "lamp" });
        let providers = [
            ("openai", [answers::openai_tool("price", &lamp.to_string()), answers::openai("It costs 12.")]),
            ("anthropic", [answers::anthropic_tool("price", lamp.clone()), answers::anthropic("It costs 12.")]),
            ("ollama", [answers::ollama_tool("price", lamp.clone()), answers::ollama("It costs 12.")]),
        ];
        for (provider, acts) in providers {
            let double = Double::playing(acts).await;
            let ran = run(
                server,
                &format!("agent {provider}"),
                agent(double.model(provider), Json::Null),
                Json::Null,
                json!({ "question": "What does a lamp cost?" }),
            )
            .await;
            assert_eq!(
                (&ran["status"], &ran["output"]["text"]),
                (&json!("succeeded"), &json!("It costs 12.")),
                "{ran}"
            );
            let called = json!([{ "name": "price", "arguments": { "thing": "lamp" }, "ok": true }]);
            assert_eq!((&ran["output"]["tool_calls"], &ran["output"]["steps"]), (&called, &json!(2)), "{ran}");
            assert_eq!(ran["usage"], json!({ "input_tokens": 22, "output_tokens": 14 }), "{provider}");
            let seen = double.seen();
            assert_eq!(seen.len(), 2);
            assert!(seen[0].text.contains("The price of a thing"), "{}", seen[0].text);
            assert!(seen[1].text.contains("\\\"price\\\":12"), "the tool's answer goes back: {}", seen[1].text);
        }
    })
    .await;
}

/// A tool may be a workflow; it runs as a run of its own.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_uses_a_workflow_as_its_tool() {
    on_both_open(async |server| {
        let nodes =
            json!([{ "type": "TRANSFORM", "parameters": { "template": { "stock": "{{ input.thing | length }}" } } }]);
        server.client.deploy(json!({ "name": "stock", "nodes": nodes })).await;
        let double =
            Double::playing([answers::openai_tool("stock", r#"{"thing":"lamp"}"#), answers::openai("There are 4.")])
                .await;
        let tools = json!({ "tools": [{ "name": "stock", "description": "How many there are", "workflow": "stock",
            "schema": { "type": "object", "required": ["thing"] } }] });
        let ran =
            run(server, "stock agent", agent(double.model("openai"), tools), Json::Null, json!({ "question": "?" }))
                .await;
        assert_eq!(ran["output"]["text"], "There are 4.", "{ran}");
        assert!(double.seen()[1].text.contains("\\\"stock\\\":4"), "{}", double.seen()[1].text);
        let children = server.client.all("runs", 50).await;
        assert!(children.iter().any(|run| run["trigger"] == "sub_workflow" && run["status"] == "succeeded"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_become_vectors() {
    on_both_open(async |server| {
        let vectors = [[0.25, 0.5], [1.0, -1.0]];
        for (provider, act, path) in [
            ("openai", answers::openai_vectors(&vectors), "/v1/embeddings"),
            ("ollama", answers::ollama_vectors(&vectors), "/api/embed"),
        ] {
            let double = Double::playing([act]).await;
            let nodes = json!([{ "id": "embed", "type": "EMBEDDING", "parameters": { "model": double.model(provider), "input": ["a", "{{ input }}"] } }]);
            let ran = run(server, &format!("embed {provider}"), nodes, Json::Null, json!("b")).await;
            assert_eq!(ran["output"]["vectors"], json!([[0.25, 0.5], [1.0, -1.0]]), "{ran}");
            assert_eq!((double.seen()[0].path.as_str(), &ran["usage"]["input_tokens"]), (path, &json!(5)), "{ran}");
        }
        let double = Double::playing([answers::openai_vectors(&vectors)]).await;
        let nodes = json!([{ "type": "EMBEDDING", "parameters": { "model": double.model("openai"), "input": ["only one"] } }]);
        let ran = run(server, "too many", nodes, Json::Null, Json::Null).await;
        assert_eq!(ran["status"], "failed", "{ran}");
    })
    .await;
}

/// An answer that has to follow a schema, and one that does not.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_follows_its_schema_or_fails() {
    let server = Server::with(open()).await;
    let double = Double::playing([answers::openai(r#"{"mood":"good"}"#), answers::openai("I feel good!")]).await;
    let nodes = json!([{ "id": "chat", "type": "CHAT_MODEL", "parameters": { "model": double.model("openai"), "prompt": "Mood?",
        "response_schema": { "type": "object", "required": ["mood"], "properties": { "mood": { "type": "string" } } } } }]);
    let ran = run(&server, "schema", nodes.clone(), Json::Null, Json::Null).await;
    assert_eq!(ran["output"]["json"], json!({ "mood": "good" }), "{ran}");
    assert!(double.seen()[0].json()["response_format"].is_object());
    let ran = run(&server, "no schema", nodes, Json::Null, Json::Null).await;
    assert_eq!((&ran["status"], &ran["failure"]["code"]), (&json!("failed"), &json!("NL-5105")), "{ran}");
    server.stop().await;
}

/// R202: over the budget, no model is asked any more, and the error says which budget.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_over_its_token_budget_is_stopped_with_a_named_error() {
    on_both_open(async |server| {
        let double = Double::playing([answers::openai("words")]).await;
        let chat = |id: &str| {
            json!({ "id": id, "type": "CHAT_MODEL", "on_error": "continue",
            "parameters": { "model": double.model("openai"), "prompt": "Go on" } })
        };
        let settings = json!({ "settings": { "token_budget": 30 } });
        let ran = run(server, "budget", json!([chat("one"), chat("two"), chat("three")]), settings, Json::Null).await;
        assert_eq!((&ran["status"], &ran["failure"]["code"]), (&json!("blocked"), &json!("NL-4202")), "{ran}");
        assert!(ran["failure"]["message"].as_str().unwrap().contains("budget of 30 is used up"), "{ran}");
        assert_eq!((double.seen().len(), &ran["usage"]["input_tokens"]), (2, &json!(22)), "{ran}");
    })
    .await;
}

/// R203: a row for every call, whoever made it.
#[tokio::test(flavor = "multi_thread")]
async fn every_model_call_leaves_a_usage_row() {
    let url = postgres_url().await;
    let server = Server::with(Settings { postgres: Some(url.clone()), ..open() }).await;
    let double = Double::playing([answers::openai_tool("price", r#"{"thing":"lamp"}"#), answers::openai("12.")]).await;
    let ran =
        run(&server, "agent", agent(double.model("openai"), Json::Null), Json::Null, json!({ "question": "?" })).await;
    assert_eq!(ran["status"], "succeeded", "{ran}");
    let rows =
        servers::ask(&url, "select provider, model, input_tokens, output_tokens from token_usage order by at, step");
    assert_eq!(rows, "open_ai|double-1|11|7\nopen_ai|double-1|11|7", "{rows}");
    server.stop().await;
    servers::drop_database(&url);
}
