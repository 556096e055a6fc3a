//! The canaries: a secret of every kind goes through runs of every sort, upstreams and models repeat it in every spelling,
//! and then everything that is left is searched for it. A marker that is no secret shows that the search finds things.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use journeys::{
    Server, Settings, Socket,
    doubles::{Act, Double, Seen, answers, judge, node, open, postgres_port, refuse, say},
    postgres_url,
};
use serde_json::{Value as Json, json};

use crate::{double::client_secret, robot::Robot, support::*};

/// A line of every service account's private key; they are made anew each time.
static PRIVATE_LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());
/// No secret: it must be found everywhere.
const MARKER: &str = "marker-8c1d-is-no-secret";

/// Assembled, and of characters that every encoding spells differently.
fn canary(kind: &str) -> String {
    [kind, "canary", "91f3/+", "c7\"d2&", "do-not-keep"].join("-")
}
fn password() -> String {
    ["database", "canary", "44e0", "do-not-keep"].join("-")
}

const KINDS: [&str; 6] = ["header", "query", "token", "custom", "model", "line"];

/// What is looked for: every canary in every spelling, and the part that all have in common, at every offset of base64.
fn spellings() -> Vec<String> {
    // of the key files: a line from the middle of each one's key
    let mut all = PRIVATE_LINES.lock().unwrap().clone();
    for secret in KINDS.iter().map(|kind| canary(kind)).chain([canary("robot"), password(), client_secret()]) {
        all.extend(spelt(&secret));
    }
    for word in ["do-not-keep", "double-access-", "double-refresh-"] {
        all.push(word.to_owned());
        all.push(hex::encode(word));
        for offset in 0..3 {
            let encoded = STANDARD.encode(format!("{}{word}", "x".repeat(offset)));
            let (from, to) = ((offset * 8).div_ceil(6), (offset + word.len()) * 8 / 6);
            all.push(encoded[from..to].to_owned());
        }
    }
    all
}
fn spelt(text: &str) -> Vec<String> {
    let escaped = json!(text).to_string();
    let mut url = egress::Url::parse("http://x/").unwrap();
    url.query_pairs_mut().append_pair("x", text);
    let percent: String = text
        .bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect();
    vec![
        text.to_owned(),
        escaped[1..escaped.len() - 1].to_owned(),
        url.query().unwrap()[2..].to_owned(),
        percent,
        STANDARD.encode(text),
        hex::encode(text),
    ]
}

#[track_caller]
fn clean(what: &str, bytes: &[u8]) {
    for spelling in spellings() {
        if let Some(at) = bytes.windows(spelling.len()).position(|window| window == spelling.as_bytes()) {
            let around = &bytes[at.saturating_sub(200)..(at + 80).min(bytes.len())];
            panic!("{what} holds {spelling:?}: …{}…", String::from_utf8_lossy(around));
        }
    }
}
fn holds(bytes: &[u8], word: &str) -> bool {
    bytes.windows(word.len()).any(|window| window == word.as_bytes())
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

/// Everything that this process logs, at every level; not what the transport says of bytes that are the test's own.
fn listen() -> Log {
    static LOG: OnceLock<Log> = OnceLock::new();
    let listening = LOG.get_or_init(|| {
        let log = Log::default();
        let writer = log.clone();
        tracing_subscriber::fmt()
            .with_env_filter("trace,h2=info,hyper=info,rustls=info,tungstenite=info,tokio_tungstenite=info")
            .with_writer(move || writer.clone())
            .try_init()
            .unwrap();
        log
    });
    listening.clone()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let all = fs::read_dir(folder).unwrap().flatten();
    all.flat_map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { vec![entry.path()] }).collect()
}

/// Repeats all that it was told, in every spelling.
fn parrot(seen: &Seen) -> Act {
    let all = format!("{} {:?} {}", seen.path, seen.headers, seen.text);
    let line = seen.headers.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(" ");
    let percent: String = line.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let body = json!({ "plain": line, "path": seen.path, "base64": STANDARD.encode(&line), "hex": hex::encode(&line),
        "escaped": json!(json!(line).to_string()).to_string(), "offset": STANDARD.encode(format!("u:{line}")),
        "form": spelt(&line)[2], "percent": spelt(&line)[3], "bytes": percent.len(), "body": seen.text,
        "key": { line.clone(): 1 }, "marker": MARKER, "length": all.len() });
    match seen.path.split('?').next().unwrap() {
        "/fail" => refuse(500, "", body),
        "/header" => refuse(200, &format!("x-echo: {}\r\n", line.replace(['\r', '\n'], " ")), body),
        _ => say(body),
    }
}

/// A service account whose token is `token`.
async fn robot(token: String) -> Robot {
    let robot = Robot::start(token).await;
    let line = robot.file.split("\\n").nth(5).unwrap().to_owned();
    assert!(line.len() == 64, "{line}");
    PRIVATE_LINES.lock().unwrap().push(line);
    robot
}

async fn keep(server: &Server, name: &str, kind: &str, value: Json) {
    let body = json!({ "name": name, "kind": kind, "value": value, "hosts": ["127.0.0.1"] });
    let made = server.client.post("credentials", body).await.expect(201);
    clean("the answer to its entry", made.text.as_bytes());
}

/// Runs that use every credential, and everybody who repeats them; the runs' ids.
async fn fly(server: &Server, own_table: &str) -> Vec<String> {
    let client = &server.client;
    let upstream = Double::playing([judge(parrot)]).await;
    keep(server, "header", "api_key", json!({ "key": canary("header"), "header": "x-api-key" })).await;
    keep(server, "query", "api_key", json!({ "key": canary("query"), "query": "api_key" })).await;
    keep(server, "token", "oauth_token", json!(canary("token"))).await;
    keep(server, "custom", "custom_secret", json!({ "value": canary("custom"), "header": "x-custom" })).await;
    let account = robot(canary("robot")).await;
    keep(server, "account", "service_account", json!({ "key": account.file, "scope": "read" })).await;
    keep(server, "model", "api_key", json!(canary("model"))).await;
    keep(server, "line", "custom_secret", json!({ "value": canary("line"), "header": "x-line" })).await;
    let port = postgres_port().await;
    let url = format!("postgres://nodeloom:{}@127.0.0.1:{port}/postgres?sslmode=disable", password());
    keep(server, "database", "database", json!(url)).await;
    let unreachable = format!("postgres://nobody:{}@127.0.0.1:9/postgres?sslmode=disable", password());
    keep(server, "unreachable", "database", json!(unreachable)).await;

    let http = |id: &str, path: &str, more: Json| {
        let mut parameters = json!({ "url": upstream.url(path), "method": "POST", "body": MARKER });
        for (name, value) in more.as_object().into_iter().flatten() {
            parameters[name] = value.clone();
        }
        json!({ "id": id, "type": "HTTP_REQUEST", "on_error": "continue", "parameters": parameters })
    };
    let with = |name: &str| json!({ "credential": name });
    let mut nodes = vec![
        http("header", "/", with("header")),
        http("query", "/", with("query")),
        http("token", "/header", with("token")),
        http("custom", "/", with("custom")),
        http("failed", "/fail", with("header")),
        http("text", "/", json!({ "credential": "header", "response": "text" })),
        http("base64", "/", json!({ "credential": "header", "response": "base64" })),
        http("handle", "/", json!({ "headers": { "x-api-key": "{{ run.credentials.header }}" } })),
        http("late", "/", Json::Null),
    ];
    // an answer that names the value in pieces, cut everywhere
    let pieces: Vec<String> = format!("before {} after {MARKER}", canary("line")).chars().map(String::from).collect();
    let drip = Double::playing([Act::Chunks(pieces)]).await;
    nodes.push(
        json!({ "id": "drip", "type": "HTTP_REQUEST", "parameters": { "url": drip.url("/"), "credential": "line" } }),
    );
    // a service account's token, and its file, repeated by whoever knows it
    let file = account.file.clone();
    let knows =
        Double::playing([judge(move |seen| say(json!({ "file": file, "told": seen.header("authorization") })))]).await;
    nodes.push(json!({ "id": "account", "type": "HTTP_REQUEST", "parameters": { "url": knows.url("/"), "credential": "account" } }));
    nodes.push(json!({ "id": "sql", "type": "SQL_QUERY", "parameters": { "credential": "database", "query": format!("SELECT * FROM {own_table}") } }));
    nodes.push(json!({ "id": "no_sql", "type": "SQL_QUERY", "on_error": "continue", "parameters": { "credential": "unreachable", "query": "SELECT 1" } }));
    // a model that repeats its key in its answer, and one that does in its refusal
    let model =
        Double::playing([judge(|seen| answers::openai(&format!("{MARKER} {}", seen.header("authorization"))))]).await;
    let refuses = judge(|seen| {
        let message = format!("Incorrect API key provided: {}", seen.header("authorization"));
        refuse(401, "", json!({ "error": { "message": message, "code": "invalid_api_key" } }))
    });
    let refusing = Double::playing([refuses]).await;
    for (id, double) in [("chat", &model), ("no_chat", &refusing)] {
        let mut model = double.model("openai");
        model["credential"] = json!("model");
        nodes.push(json!({ "id": id, "type": "CHAT_MODEL", "on_error": "continue",
            "parameters": { "model": model, "prompt": format!("{MARKER} {{{{ nodes.header.body.plain }}}}") } }));
    }
    // code that prints and returns all it was given, and one that fails with it
    let given =
        json!({ "all": ["{{ nodes.header }}", "{{ nodes.sql }}", "{{ nodes.chat }}", "{{ run.credentials.header }}"] });
    nodes.push(json!({ "id": "code", "type": "CODE", "parameters": { "input": given,
        "code": "console.log(JSON.stringify(input)); return { said: JSON.stringify(input), again: input };" } }));
    nodes.push(json!({ "id": "no_code", "type": "CODE", "on_error": "continue",
        "parameters": { "language": "python", "input": given, "code": "raise ValueError(str(input))" } }));
    let fields: serde_json::Map<String, Json> =
        ["header", "query", "token", "custom", "text", "late", "drip", "account", "sql", "chat"]
            .iter()
            .map(|id| ((*id).to_owned(), json!(format!("{{{{ nodes.{id} }}}}"))))
            .collect();
    nodes.push(json!({ "id": "all", "type": "TRANSFORM", "parameters": { "template": fields } }));
    let workflow = client.deploy(json!({ "name": format!("canary {MARKER}"), "nodes": nodes })).await;
    let run = client.run(&workflow, json!({ "told": MARKER })).await;
    assert_eq!(run["status"], "succeeded", "{run}");
    clean("the answer to the caller", run.to_string().as_bytes());
    // The secrets did go out and were repeated, or all this would prove nothing.
    let told = [upstream.seen(), model.seen(), refusing.seen(), drip.seen(), knows.seen()].concat();
    let told = told.iter().flat_map(|seen| seen.headers.clone()).map(|(_, value)| value).collect::<Vec<_>>().join("\n");
    for kind in ["header", "token", "custom", "model", "line", "robot"] {
        assert!(told.contains(&canary(kind)), "{kind} went out: {told}");
    }
    assert!(upstream.seen().iter().any(|seen| seen.path.contains("api_key=query-canary")));
    let shown = run.to_string();
    assert!(shown.contains("[secret]") && shown.contains(MARKER));
    let drip = node(&run, "drip")["output"]["body"].as_str().unwrap().to_owned();
    assert_eq!(drip, format!("before [secret] after {MARKER}"), "what was cut is found");
    for id in ["code", "sql", "chat", "account"] {
        assert!(node(&run, id).to_string().contains("[secret]"), "{id} met a secret: {}", node(&run, id));
    }
    vec![run["id"].as_str().unwrap().to_owned()]
}

/// A connection's tokens and its client's secret: made, refreshed by a run whose upstream repeats them, given back.
async fn fly_connected(server: &Server) -> Vec<String> {
    let double = provider(server, rotating()).await;
    let browser = admin(server, "zoom", &double, "").await;
    let upstream = Double::playing([judge(|seen| match seen.header("authorization").contains("access-1-") {
        true => refuse(401, "", json!({ "echo": seen.header("authorization") })),
        false => parrot(seen),
    })])
    .await;
    let id = connected(&browser, &double, json!({ "provider": "zoom", "name": "my zoom" })).await;
    let parameters = json!({ "url": upstream.url("/"), "credential": "my zoom" });
    let run = ran(server, calls("connected", &[("a", parameters)])).await;
    assert_eq!((&run["status"], double.refreshes()), (&json!("succeeded"), 1), "{run}");
    assert!(format!("{:?}", upstream.seen()).contains("double-access-2-") && run.to_string().contains("[secret]"));
    double.mood(crate::double::Mood::Error200("invalid_client"));
    let begun = begin(&browser, json!({ "provider": "zoom", "name": "not made" })).await;
    browser.get(&begun.agreed(&double)).await.expect(303);
    double.mood(crate::double::Mood::Well);
    let shown = browser.get(&at(&format!("credentials/{id}"))).await.expect(200);
    clean("the connection as shown", shown.text.as_bytes());
    vec![run["id"].as_str().unwrap().to_owned()]
}

/// Everything that the API gives out afterwards.
async fn searched(server: &Server, runs: &[String], log: &Log) {
    let client = &server.client;
    let mut socket = Socket::open(client, "events?after=0", None).await.unwrap();
    let mut events = String::new();
    for run in runs {
        while !(events.contains(run) && events.contains("run_finished")) {
            events.push_str(&socket.event(Duration::from_secs(20)).await.unwrap().to_string());
        }
    }
    clean("the live events", events.as_bytes());
    let mut paths: Vec<String> = [
        "credentials",
        "connections/providers",
        "connections/clients",
        "runs",
        "workflows",
        "guardrails/violations",
        "approvals",
    ]
    .iter()
    .map(|path| (*path).to_owned())
    .collect();
    paths.extend(["bundle", "jsonl", "csv", "ocsf"].map(|format| format!("audit/export?format={format}")));
    paths.extend(runs.iter().map(|run| format!("runs/{run}")));
    for credential in listed(server).await {
        let id = credential["id"].as_str().unwrap();
        paths.push(format!("credentials/{id}"));
        paths.push(format!("credentials/{id}/versions"));
    }
    for workflow in client.all("workflows", 50).await {
        paths.push(format!("workflows/{}/export", workflow["id"].as_str().unwrap()));
    }
    let mut found = 0;
    for path in &paths {
        let answer = client.get(path).await.expect(200);
        clean(path, answer.text.as_bytes());
        found += usize::from(holds(answer.text.as_bytes(), MARKER));
    }
    assert!(found >= 3, "the marker is in runs, workflows and exports: {found}");
    let trail = json!(client.all("audit", 200).await).to_string();
    clean("the audit trail", trail.as_bytes());
    assert!(trail.matches("credential.use").count() >= 12, "every use is entered");
    tracing::info!("{MARKER}");
    let lines = log.0.lock().unwrap().clone();
    clean("the log", &lines);
    assert!(holds(&lines, MARKER), "the log is listened to: {} bytes of it", lines.len());
}

fn sandboxed() -> Settings {
    open().set("NODELOOM_SANDBOX__ENABLED", true)
}

/// What a customer's own table holds comes back in rows: the password itself among them.
fn planted_table() -> String {
    let name = format!("planted_{:x}", rand::random::<u32>());
    let server = harness::servers::postgres();
    harness::servers::ask(
        &server,
        &format!("create table {name} as select '{}' as note, '{MARKER}' as marker", password()),
    );
    name
}

/// R080, R092, R093, R095, R099: no canary in the SQLite file, its log, the API's answers, events, exports, a dump or the
/// server's log; the marker is in all of them.
#[tokio::test(flavor = "multi_thread")]
async fn no_canary_is_found_on_sqlite() {
    let log = listen();
    let table = tokio::task::spawn_blocking(planted_table).await.unwrap();
    let server = Server::with(sandboxed()).await;
    let mut runs = fly(&server, &table).await;
    runs.extend(fly_connected(&server).await);
    searched(&server, &runs, &log).await;
    let wal = files(server.folder());
    assert!(wal.iter().any(|path| path.to_string_lossy().ends_with("-wal")));
    for path in wal {
        clean(&path.display().to_string(), &fs::read(&path).unwrap_or_default());
    }
    let (_, folder) = server.stop().await;
    let mut found = false;
    for path in files(folder.path()) {
        let bytes = fs::read(&path).unwrap();
        clean(&path.display().to_string(), &bytes);
        found |= holds(&bytes, MARKER);
    }
    assert!(found, "the marker is in the database's file");
}

/// The same on PostgreSQL: every row of every table, blobs as hexadecimal.
#[tokio::test(flavor = "multi_thread")]
async fn no_canary_is_found_on_postgresql() {
    let log = listen();
    let table = tokio::task::spawn_blocking(planted_table).await.unwrap();
    let url = postgres_url().await;
    let server = Server::with(Settings { postgres: Some(url.clone()), ..sandboxed() }).await;
    let mut runs = fly(&server, &table).await;
    runs.extend(fly_connected(&server).await);
    searched(&server, &runs, &log).await;
    let tables = harness::servers::ask(&url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'");
    assert!(tables.lines().count() > 10);
    let mut found = 0;
    for table in tables.lines() {
        let rows = harness::servers::ask(&url, &format!("SELECT t::text FROM {table} t"));
        clean(table, rows.as_bytes());
        found += usize::from(holds(rows.as_bytes(), MARKER));
        for spelling in spellings() {
            assert!(!rows.contains(&hex::encode(&spelling)), "{table} holds {spelling} in a blob");
        }
    }
    assert!(found >= 2, "the marker is in {found} tables");
    let rows = harness::servers::ask(&url, "SELECT count(*) FROM run_secrets");
    assert_eq!(rows, "0", "what ended runs have used is forgotten");
    for path in files(server.folder()) {
        clean(&path.display().to_string(), &fs::read(&path).unwrap());
    }
    server.stop().await;
    harness::servers::drop_database(&url);
}

/// R095: a server that is started anew has forgotten nothing of what it must hide: the run goes on after the pause, the
/// upstream repeats what it was told before, and it is masked. The control: without the credential it is shown.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_goes_on_after_a_restart_is_masked() {
    let upstream = Double::playing([judge(|_| {
        say(json!({ "memory": canary("header"), "b": STANDARD.encode(canary("header")) }))
    })])
    .await;
    let pausing = |name: &str, credential: Json| {
        let mut before = json!({ "id": "before", "type": "HTTP_REQUEST", "parameters": { "url": upstream.url("/") } });
        if !credential.is_null() {
            before["parameters"]["credential"] = credential;
        }
        json!({ "name": name, "nodes": [before, { "id": "pause", "type": "DELAY", "parameters": { "for_ms": 6000 } },
            { "id": "after", "type": "HTTP_REQUEST", "parameters": { "url": upstream.url("/") } }] })
    };
    let server = Server::with(open()).await;
    keep(&server, "header", "api_key", json!({ "key": canary("header"), "header": "x-api-key" })).await;
    let with = server.client.deploy(pausing("with", json!("header"))).await;
    let without = server.client.deploy(pausing("without", Json::Null)).await;
    let (masked, shown) = (server.client.begin(&with, json!({})).await, server.client.begin(&without, json!({})).await);
    for run in [&masked, &shown] {
        server.client.until(run, "waiting").await;
    }
    let (settings, folder) = server.stop().await;
    let server = Server::on(settings, folder).await;
    let run = server.client.until(&masked, "succeeded").await;
    clean("the run that went on", run.to_string().as_bytes());
    let after = &node(&run, "after")["output"]["body"];
    assert!(after["memory"] == "[secret]" && after["b"].as_str().unwrap().starts_with("[secret]"), "{run}");
    let run = server.client.until(&shown, "succeeded").await;
    assert_eq!(node(&run, "after")["output"]["body"]["memory"], canary("header"), "the control: {run}");
    server.stop().await;
}
