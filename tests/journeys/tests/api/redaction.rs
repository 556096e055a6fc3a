//! Canaries: personal data and secrets that go through a workflow are nowhere in readable form afterwards.

use std::{
    fs,
    io::Write,
    path::Path,
    sync::{Arc, Mutex},
};

use journeys::{
    Server, Settings,
    doubles::{Act, Double, answers, open},
    postgres_url,
    workflows::slow,
};
use serde_json::json;

const EMAIL: &str = "jane.canary@example.org";
const CARD: &str = "4012888888881881";
const SSN: &str = "536-22-8172";

/// Assembled, so that no scanner takes this file for a leak.
fn api_key() -> String {
    ["sk-", "proj-", "q7Xn2Lw9Rt4Vb8Kc3Mz6Hd1Fg5Js0Py7Qa2WeU4iO9zB6kT1"].concat()
}

fn canaries() -> Vec<String> {
    vec![EMAIL.to_owned(), CARD.to_owned(), SSN.to_owned(), api_key()]
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(text);
        Ok(text.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn listen() -> Log {
    let log = Log::default();
    let writer = log.clone();
    let _ = tracing_subscriber::fmt()
        .with_env_filter("trace,h2=info,hyper=info,rustls=info")
        .with_writer(move || writer.clone())
        .try_init();
    log
}

fn assert_clean(what: &str, bytes: &[u8]) {
    for canary in canaries() {
        let found = bytes.windows(canary.len()).position(|window| window == canary.as_bytes());
        if let Some(at) = found {
            let around = &bytes[at.saturating_sub(200)..(at + 100).min(bytes.len())];
            panic!("{what} holds {canary}: {}", String::from_utf8_lossy(around));
        }
    }
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let all = fs::read_dir(folder).unwrap().flatten();
    all.flat_map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { vec![entry.path()] }).collect()
}

/// R149, R150, R152: an agent whose checks redact: its model sees markers in the tool's answer, its tool sees markers in
/// the arguments, and neither stands in any record. The control shows that both would have seen the rest.
async fn through_an_agent(server: &Server, text: &str) {
    let client = &server.client;
    let pii = json!({ "checks": ["PII_REDACTION"], "severity": "REDACT" });
    let run = async |name: &str, checks: serde_json::Value| {
        let arguments = json!({ "note": text }).to_string();
        let acts: Vec<Act> = vec![answers::openai_tool("note", &arguments), answers::openai("Noted.")];
        let model = Double::playing(acts).await;
        let definition = json!({ "name": name, "nodes": [{ "id": "agent", "type": "AI_AGENT", "parameters": {
            "model": model.model("openai"), "prompt": "Take a note.", "tool_checks": { "arguments": checks, "results": checks },
            "tools": [{ "name": "note", "description": "Notes.", "node": { "type": "TRANSFORM", "parameters": { "template": "noted: {{ args.note }}" } } }] } }] });
        let id = client.deploy(definition).await;
        let run = client.run(&id, json!({})).await;
        (run, model.seen()[1].text.clone())
    };
    let (ran, told) = run("agent that redacts", pii).await;
    assert_eq!(ran["output"]["text"], "Noted.", "{ran}");
    assert_clean("what the model is told", told.as_bytes());
    assert!(told.contains("[EMAIL"), "{told}");
    assert_clean("the agent's record", ran.to_string().as_bytes());
    let (ran, told) = run("agent that does not", json!(false)).await;
    assert!(told.contains(EMAIL) && told.contains(SSN), "the control: the model would have been told: {told}");
    assert_clean("the record of an agent without checks", ran.to_string().as_bytes());
}

async fn canaries_fly(server: &Server, log: &Log) {
    let client = &server.client;
    let text = format!("I am {EMAIL}, my SSN is {SSN}, my card is {CARD} and my key is {}.", api_key());
    let mut guarded = slow("guarded", 50);
    let nodes = guarded["nodes"].as_array_mut().unwrap();
    nodes.insert(0, json!({ "id": "in", "type": "WEBHOOK", "parameters": { "path": "canary" } }));
    nodes.insert(1, json!({ "id": "guard", "type": "GUARDRAIL", "parameters": { "checks": ["PII_REDACTION"], "severity": "BLOCK" } }));
    nodes.push(json!({ "id": "say", "type": "TRANSFORM", "parameters": { "template": "{{ nodes.guard }}" } }));
    client.deploy(guarded).await;
    // R149, R152: what is behind the guardrail sees markers.
    let answer = client.hook("canary", json!({ "text": text })).await.expect(200);
    assert_clean("the answer behind the guardrail", answer.text.as_bytes());
    assert!(answer.text.contains("[EMAIL"), "{}", answer.text);

    // R150, R151: without any guardrail the caller gets back what it sent, but storage holds markers only.
    let mut open = slow("open", 50);
    open["nodes"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "id": "say", "type": "TRANSFORM", "parameters": { "template": "{{ input }}" } }));
    let id = client.deploy(open).await;
    let run = client.run(&id, json!({ "text": text })).await;
    assert_eq!(run["status"], "succeeded", "{run}");
    assert_clean("the run's record", run.to_string().as_bytes());
    let failing = json!({ "name": "fails", "nodes": [{ "type": "STOP_WITH_ERROR", "parameters": { "message": "no: {{ input.text }}" } }] });
    let failing = client.deploy(failing).await;
    let failed = client.run(&failing, json!({ "text": text })).await;
    assert_clean("a failure", failed.to_string().as_bytes());
    let checked = client
        .post(
            "guardrails/check",
            json!({ "input": text, "parameters": { "checks": ["PII_REDACTION"], "severity": "BLOCK" } }),
        )
        .await;
    assert_clean("the verdict", checked.expect(200).text.as_bytes());

    through_an_agent(server, &text).await;
    assert_clean(
        "a moderation",
        client.post("/v1/moderations", json!({ "input": text })).await.expect(200).text.as_bytes(),
    );
    let tried = json!({ "input": text, "parameters": { "checks": ["PII_REDACTION"] } });
    assert_clean("the playground", client.post("guardrails/playground", tried).await.expect(200).text.as_bytes());

    let permit = authz::Actor::new(
        domain::Principal::System,
        domain::Scope { team: server.team().await, environment: domain::Environment::Development },
        domain::Role::Admin,
        authz::Narrowing::default(),
    );
    let events = server.rooms.store.events_after(&permit.may().unwrap(), 0, 1000).await.unwrap();
    assert!(events.len() > 10);
    assert_clean("the events", serde_json::to_string(&events).unwrap().as_bytes());
    for format in ["bundle", "jsonl", "csv", "ocsf"] {
        let export = client.get(&format!("audit/export?format={format}")).await.expect(200);
        assert!(!export.text.is_empty());
        assert_clean("the export of the audit trail", export.text.as_bytes());
    }
    let entries = client.all("audit", 200).await;
    assert_clean("the audit trail", json!(entries).to_string().as_bytes());
    // R093: neither does any log line, at any level.
    let lines = log.0.lock().unwrap().clone();
    assert!(!lines.is_empty());
    assert_clean("the log", &lines);
}

/// R093, R149 to R152: only markers are in the SQLite file, its log, the records, events, audit entries and logs.
#[tokio::test(flavor = "multi_thread")]
async fn only_markers_reach_sqlite() {
    let log = listen();
    let server = Server::with(open()).await;
    canaries_fly(&server, &log).await;
    let before: Vec<_> = files(server.folder());
    assert!(before.iter().any(|path| path.to_string_lossy().ends_with("-wal")));
    for path in before {
        assert_clean(&path.display().to_string(), &fs::read(&path).unwrap_or_default());
    }
    let (_, folder) = server.stop().await;
    for path in files(folder.path()) {
        assert_clean(&path.display().to_string(), &fs::read(&path).unwrap());
    }
}

/// R093, R149 to R152: and in every table of PostgreSQL.
#[tokio::test(flavor = "multi_thread")]
async fn only_markers_reach_postgresql() {
    let log = listen();
    let url = postgres_url().await;
    let server = Server::with(Settings { postgres: Some(url.clone()), ..open() }).await;
    canaries_fly(&server, &log).await;
    let tables = harness::servers::ask(&url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'");
    assert!(tables.lines().count() > 10);
    for table in tables.lines() {
        let rows = harness::servers::ask(&url, &format!("SELECT t::text FROM {table} t"));
        assert_clean(table, rows.as_bytes());
        for canary in canaries() {
            // Bytes are written as hexadecimal there.
            assert!(!rows.contains(&hex::encode(&canary)), "{table} holds {canary}");
        }
    }
    server.stop().await;
    harness::servers::drop_database(&url);
}
