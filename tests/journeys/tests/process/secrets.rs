//! Secrets in processes of their own: a server that performs nothing, workers that come and go, and what all of them wrote.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use journeys::doubles::{Act, Double, judge, refuse, say};
use serde_json::{Value as Json, json};

use crate::support::{Installation, eventually};

/// No secret: it must be found.
const MARKER: &str = "marker-31f7-is-no-secret";

/// Assembled, so that no file holds what looks like a secret.
fn secret() -> String {
    ["worker", "canary", "91f3/+", "c7\"d2&", "do-not-keep"].join("-")
}

#[track_caller]
fn clean(what: &str, bytes: &[u8]) {
    let escaped = json!(secret()).to_string();
    let words = [
        secret(),
        escaped[1..escaped.len() - 1].to_owned(),
        hex::encode(secret()),
        "do-not-keep".to_owned(),
        hex::encode("do-not-keep"),
    ];
    let offsets = (0..3).map(|offset| {
        let encoded = STANDARD.encode(format!("{}do-not-keep", "x".repeat(offset)));
        encoded[(offset * 8_usize).div_ceil(6)..(offset + 11) * 8 / 6].to_owned()
    });
    for word in words.into_iter().chain(offsets) {
        if let Some(at) = bytes.windows(word.len()).position(|window| window == word.as_bytes()) {
            let around = &bytes[at.saturating_sub(200)..(at + 80).min(bytes.len())];
            panic!("{what} holds {word:?}: …{}…", String::from_utf8_lossy(around));
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let all = fs::read_dir(folder).unwrap().flatten();
    all.flat_map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { vec![entry.path()] }).collect()
}

/// Repeats all it is told and all it was told before, as it is, encoded and in its errors.
async fn parrot() -> Double {
    let heard = std::sync::Mutex::new(String::new());
    Double::playing([judge(move |seen| {
        let mut heard = heard.lock().unwrap();
        heard.push_str(&format!("{}\n", seen.header("x-api-key")));
        let body = json!({ "memory": *heard, "base64": STANDARD.encode(&*heard), "hex": hex::encode(&*heard) });
        if seen.path.ends_with("fail") { refuse(500, "", body) } else { say(body) }
    })])
    .await
}

fn worker(here: &Installation, log: &str) -> Child {
    let file = fs::File::options().create(true).append(true).open(here.path(log)).unwrap();
    let mut command = here.command(&["worker"]);
    command.env("NODELOOM_ENGINE__WORKERS", "8");
    command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap()
}

/// R093, R095: one worker opens the credential and is killed; another goes on, is told the value by an upstream that remembers
/// it, and hides it all the same. Afterwards the value is in no table, no file and no line of any of the three processes,
/// which log everything; the marker is. The control: a run that never had the credential is shown what the upstream says.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_hides_what_the_one_before_it_has_opened() {
    let ground = harness::postgres_database().await;
    let store::Location::Postgres(url) = &ground.config.location else { unreachable!() };
    let url = url.expose().clone();
    let upstream = parrot().await;
    let mut here = Installation::new();
    here.set("NODELOOM_DATABASE__URL", &url);
    here.set("NODELOOM_ENGINE__WORKERS", "0");
    here.set("NODELOOM_ENGINE__LEASE_SECONDS", "5");
    here.set("NODELOOM_SANDBOX__ENABLED", "false");
    here.set("NODELOOM_EGRESS__ALLOW_PRIVATE", "127.0.0.1");
    here.set("NODELOOM_LOG__LEVEL", "trace,h2=info,hyper=info,rustls=info");
    let mut server = here.serve().await;
    let body = json!({ "name": "key", "kind": "api_key", "hosts": ["127.0.0.1"],
        "value": { "key": secret(), "header": "x-api-key" } });
    let made = server.post(&server.team("/credentials"), body).await.unwrap();
    assert_eq!(made.0, 201, "{}", made.1);
    let call = |id: &str, path: &str, credential: Option<&str>| {
        let mut parameters = json!({ "url": upstream.url(path) });
        if let Some(credential) = credential {
            parameters["credential"] = json!(credential);
        }
        json!({ "id": id, "type": "HTTP_REQUEST", "on_error": "continue", "parameters": parameters })
    };
    let pause = json!({ "id": "pause", "type": "DELAY", "parameters": { "for_ms": 8000 } });
    let with = json!({ "name": format!("with {MARKER}"), "nodes": [call("before", "/", Some("key")), pause,
        call("after", "/", None), call("failed", "/fail", None)] });
    let without = json!({ "name": "without", "nodes": [pause, call("after", "/", None)] });
    let (with, without) = (server.install(with).await, server.install(without).await);

    let mut first = worker(&here, "first.log");
    let begin = async |workflow: &str| {
        let started =
            server.post(&server.team(&format!("/workflows/{workflow}/runs")), json!({ "input": MARKER })).await;
        started.unwrap().1["id"].as_str().unwrap().to_owned()
    };
    let run = begin(&with).await;
    eventually("the run waits", 60, async || server.run(&run).await.filter(|run| run["status"] == "waiting")).await;
    assert_eq!(upstream.seen()[0].header("x-api-key"), secret(), "the first worker has used it");
    first.kill().unwrap();
    first.wait().unwrap();
    let control = begin(&without).await;
    let mut second = worker(&here, "second.log");
    let ended = async |run: &str| {
        eventually("the run ends", 60, async || {
            server.run(run).await.filter(|run| run["status"] == "succeeded" || run["status"] == "failed")
        })
        .await
    };
    let (run, control) = (ended(&run).await, ended(&control).await);
    let of = |run: &Json, id: &str| run["nodes"].as_array().unwrap().iter().find(|node| node["node"] == id).cloned();
    clean("the run", run.to_string().as_bytes());
    let after = of(&run, "after").unwrap();
    assert!(after["output"]["body"]["memory"].as_str().unwrap().contains("[secret]"), "{after}");
    assert!(of(&run, "failed").unwrap().to_string().contains("[secret]"), "{run}");
    let told = of(&control, "after").unwrap();
    assert!(told["output"]["body"]["memory"].as_str().unwrap().contains(&secret()), "the control: {told}");

    // The control's own record is what it is; everything else is searched.
    let id = control["id"].as_str().unwrap();
    harness::servers::ask(&url, &format!("delete from runs where id = '{}'", id.trim_start_matches("run_")));
    let tables = harness::servers::ask(&url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'");
    let mut found = false;
    for table in tables.lines() {
        let rows = harness::servers::ask(&url, &format!("SELECT t::text FROM {table} t"));
        clean(table, rows.as_bytes());
        found |= rows.contains(MARKER);
    }
    assert!(found, "the marker is in the database");
    server.assert_alive();
    server.stop();
    second.kill().unwrap();
    second.wait().unwrap();
    let mut lines = 0;
    for path in files(here.folder.path()) {
        let bytes = fs::read(&path).unwrap();
        clean(&path.display().to_string(), &bytes);
        if path.extension().is_some_and(|end| end == "log") {
            assert!(!bytes.is_empty(), "{} is listened to", path.display());
            lines += 1;
        }
    }
    assert_eq!(lines, 3, "the logs of three processes");
    drop(ground);
    harness::servers::drop_database(&url);
}

/// The same with the file of SQLite, and a server whose standard output and error are what is searched.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_its_own_writes_no_secret() {
    let upstream = parrot().await;
    let echo = Double::playing([Act::Echo]).await;
    let mut here = Installation::new();
    here.set("NODELOOM_SANDBOX__ENABLED", "false");
    here.set("NODELOOM_EGRESS__ALLOW_PRIVATE", "127.0.0.1");
    here.set("NODELOOM_LOG__LEVEL", "trace,h2=info,hyper=info,rustls=info");
    here.set("NODELOOM_LOG__FORMAT", "json");
    let mut server = here.serve().await;
    for value in [json!({ "key": secret(), "header": "x-api-key" }), json!({ "no_such_field": secret() })] {
        let body = json!({ "name": "key", "kind": "api_key", "hosts": ["127.0.0.1"], "value": value });
        let made = server.post(&server.team("/credentials"), body).await.unwrap();
        clean("the answer", made.1.to_string().as_bytes());
    }
    let parameters = |url: String| json!({ "url": url, "credential": "key", "body": MARKER, "method": "POST" });
    let definition = json!({ "name": MARKER, "nodes": [
        { "id": "echo", "type": "HTTP_REQUEST", "parameters": parameters(echo.url("/")) },
        { "id": "parrot", "type": "HTTP_REQUEST", "parameters": parameters(upstream.url("/")) },
        { "id": "nobody", "type": "HTTP_REQUEST", "on_error": "continue", "parameters": parameters("http://127.0.0.1:9/".to_owned()) },
        { "id": "fail", "type": "HTTP_REQUEST", "parameters": parameters(upstream.url("/fail")) } ] });
    let workflow = server.install(definition).await;
    let runs = server.team(&format!("/workflows/{workflow}/runs"));
    let run = server.post(&runs, json!({ "input": MARKER, "wait_seconds": 30 })).await.unwrap().1;
    assert_eq!(run["status"], "failed", "{run}");
    clean("the run", run.to_string().as_bytes());
    assert!(run.to_string().contains("[secret]") && echo.seen()[0].header("x-api-key") == secret());
    // the reader of the events and the trail is on its own connection
    tokio::time::timeout(Duration::from_secs(20), async {
        let trail = server.get(&server.team("/audit?limit=200")).await.unwrap().1.to_string();
        clean("the trail", trail.as_bytes());
        assert!(trail.contains("credential.use"), "{trail}");
    })
    .await
    .unwrap();
    server.assert_alive();
    server.stop();
    let (mut marker, mut log) = (false, 0);
    for path in files(here.folder.path()) {
        let bytes = fs::read(&path).unwrap();
        clean(&path.display().to_string(), &bytes);
        marker |= bytes.windows(MARKER.len()).any(|window| window == MARKER.as_bytes());
        log += usize::from(path.ends_with("server.log")) * bytes.len();
    }
    assert!(marker && log > 1000, "the marker is there, and {log} bytes of log");
}
