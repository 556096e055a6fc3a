//! R093, R095 and the handles: what a run may use and never sees, and what is found of it afterwards.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod common;

use std::{
    io::Write,
    net::SocketAddr,
    sync::{Arc, Mutex, OnceLock},
};

use authz::action::{ManageCredential, UseCredential};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use common::real::real_with;
use domain::{CredentialId, Json, RunStatus, Secret};
use harness::{Ground, on_both, on_sqlite, system, uuid};
use serde_json::json;
use store::{ChainKey, Effects};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use vault::{CredentialKind, CredentialValue, NewCredential, Vault};

/// Everything that this process logs, at every level.
fn log() -> Arc<Mutex<Vec<u8>>> {
    static LOG: OnceLock<Arc<Mutex<Vec<u8>>>> = OnceLock::new();
    struct Into(Arc<Mutex<Vec<u8>>>);
    impl Write for Into {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let log = LOG.get_or_init(|| {
        let log = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&log);
        let everything = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(move || Into(Arc::clone(&into)));
        everything.try_init().ok();
        log
    });
    Arc::clone(log)
}

/// Assembled, so that no file holds what looks like a secret.
fn canary(kind: &str) -> String {
    [kind, "canary", "91f3/+", "c7\"d2&", "do-not-keep"].join("-")
}

/// A server that answers with everything it was told, in every spelling, and remembers it.
#[derive(Clone)]
struct Upstream {
    address: SocketAddr,
    told: Arc<Mutex<Vec<String>>>,
}

impl Upstream {
    async fn at(ip: &str) -> Self {
        let listener = TcpListener::bind(format!("{ip}:0")).await.unwrap();
        let address = listener.local_addr().unwrap();
        let told: Arc<Mutex<Vec<String>>> = Arc::default();
        let heard = Arc::clone(&told);
        tokio::spawn(async move {
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                let mut buffer = vec![0; 16 * 1024];
                loop {
                    let read = socket.read(&mut buffer).await.unwrap();
                    request.extend_from_slice(&buffer[..read]);
                    let text = String::from_utf8_lossy(&request).into_owned();
                    let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                    let length = head
                        .lines()
                        .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok());
                    if read == 0 || body.len() >= length.unwrap_or(0) {
                        break;
                    }
                }
                let text = String::from_utf8_lossy(&request).into_owned();
                heard.lock().unwrap().push(text.clone());
                let all = heard.lock().unwrap().join("\n");
                let (status, more) = match text.split_whitespace().nth(1).unwrap_or_default() {
                    path if path.starts_with("/fail") => ("500 No", String::new()),
                    path if path.starts_with("/go?to=") => {
                        ("302 Found", format!("location: http://{}/stolen\r\n", &path[7..]))
                    }
                    _ => ("200 OK", String::new()),
                };
                let body = json!({
                    "echo": all, "base64": STANDARD.encode(&all), "hex": hex::encode(&all), "nested": json!(all).to_string(),
                });
                let body = body.to_string();
                let head = format!(
                    "HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{more}content-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                socket.write_all(head.as_bytes()).await.ok();
                socket.write_all(body.as_bytes()).await.ok();
                socket.shutdown().await.ok();
            }
        });
        Self { address, told }
    }
    fn told(&self) -> String {
        self.told.lock().unwrap().join("\n")
    }
}

async fn keep(vault: &Vault, n: u128, name: &str, kind: CredentialKind, fields: &[(&str, &str)]) {
    let fields = fields.iter().map(|(n, v)| ((*n).to_owned(), Secret::new((*v).to_owned()))).collect();
    let new = NewCredential {
        id: CredentialId::from_uuid(uuid(n)),
        name: name.to_owned(),
        hosts: vec!["127.0.0.1".to_owned()],
        value: CredentialValue::new(kind, fields).unwrap(),
        rotation_due_at: None,
    };
    vault.keep_credential(&common::permit::<ManageCredential>(), new, Effects::none()).await.unwrap();
}

fn spellings(secret: &str) -> Vec<String> {
    let escaped = json!(secret).to_string();
    let mut url = egress::Url::parse("http://x/").unwrap();
    url.query_pairs_mut().append_pair("x", secret);
    vec![
        secret.to_owned(),
        escaped[1..escaped.len() - 1].to_owned(),
        url.query().unwrap()[2..].to_owned(),
        hex::encode(secret),
        STANDARD.encode(secret).trim_end_matches('=')[..12].to_owned(),
        "do-not-keep".to_owned(),
        STANDARD.encode("do-not-keep")[..14].to_owned(),
        hex::encode("do-not-keep"),
    ]
}
fn none_of(place: &str, text: &[u8], secret: &str) {
    for spelling in spellings(secret) {
        let found = text.windows(spelling.len()).position(|window| window == spelling.as_bytes());
        let around = found.map(|at| String::from_utf8_lossy(&text[at.saturating_sub(60)..at + 20]).into_owned());
        assert!(found.is_none(), "{place} holds {spelling:?}: …{}…", around.unwrap_or_default());
    }
}

/// The canaries: a secret of every kind is used against an upstream that repeats everything in every spelling, and is
/// then looked for in the answer to the caller, the stored run, events, audit, logs, the database's files and a dump.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_canary_of_every_kind_is_found_nowhere() {
    let log = log();
    on_sqlite(async |ground: &Ground| {
        let doubles = common::World::new();
        let vault = common::vault(ground).await;
        let upstream = Upstream::at("127.0.0.1").await;
        keep(&vault, 1, "key", CredentialKind::ApiKey, &[("key", &canary("key")), ("header", "x-api-key")]).await;
        keep(&vault, 2, "query", CredentialKind::ApiKey, &[("key", &canary("query")), ("query", "api_key")]).await;
        keep(&vault, 3, "token", CredentialKind::OauthToken, &[("access_token", &canary("token"))]).await;
        keep(&vault, 4, "custom", CredentialKind::CustomSecret, &[("value", &canary("custom"))]).await;
        let url = format!("postgres://app:{}@127.0.0.1:9/shop", "database-canary-do-not-keep");
        keep(&vault, 5, "database", CredentialKind::Database, &[("url", &url)]).await;
        let file = json!({ "client_email": "a@b.example", "private_key": canary("account") }).to_string();
        keep(&vault, 6, "account", CredentialKind::ServiceAccount, &[("key", &file)]).await;
        let engine = real_with(ground, &doubles, vault);
        let address = upstream.address;
        let http = |id: &str, path: &str, credential: Option<&str>| {
            let mut parameters = json!({ "url": format!("http://{address}/{path}"), "method": "POST",
                "body": "{{ run.credentials.custom }}" });
            if let Some(named) = credential {
                parameters["credential"] = json!(named);
            }
            json!({ "id": id, "type": "HTTP_REQUEST", "on_error": "continue", "parameters": parameters })
        };
        let sql = json!({ "id": "sql", "type": "SQL_QUERY", "on_error": "continue",
            "parameters": { "credential": "database", "query": "select 1" } });
        let mut nodes = vec![];
        for name in ["key", "query", "token", "custom", "account"] {
            nodes.push(http(name, "", Some(name)));
        }
        nodes.push(sql);
        // without a credential, and a failure whose detail is the body
        nodes.push(http("later", "", None));
        nodes.push(http("failed", "fail", Some("key")));
        let ids = ["key", "query", "token", "custom", "account", "later", "failed"];
        let fields: serde_json::Map<String, Json> =
            ids.iter().map(|id| ((*id).to_owned(), json!(format!("{{{{ nodes.{id} }}}}")))).collect();
        nodes.push(json!({ "id": "all", "type": "TRANSFORM", "parameters": { "template": fields } }));
        let workflow = doubles.publish("canary", json!({ "nodes": nodes }));
        let finished = common::run(&engine, &workflow, json!({ "told": canary("key") })).await;
        let record = common::record(ground, finished.run).await;

        // the secrets did go out, or the test would prove nothing
        for kind in ["key", "query", "token", "custom"] {
            let told = upstream.told();
            assert!(spellings(&canary(kind))[..3].iter().any(|spelt| told.contains(spelt)), "{kind} was used");
        }
        let events = ground.store.events_of_run(&common::permit(), finished.run, 0, 1000).await.unwrap();
        let audit = ground.store.audit_range(system(), &ChainKey::Of(common::scope()), 1, 1000).await.unwrap();
        let dump = ground.folder.path().join("dump.jsonl");
        store::dump(&ground.config, &dump).await.unwrap();
        for kind in ["key", "query", "token", "custom", "account", "database"] {
            let secret = if kind == "database" { "database-canary-do-not-keep".to_owned() } else { canary(kind) };
            none_of("the answer", format!("{finished:?}").as_bytes(), &secret);
            none_of("the stored run", json!(record.view).to_string().as_bytes(), &secret);
            none_of("the events", format!("{events:?}").as_bytes(), &secret);
            none_of("the audit trail", format!("{audit:?}").as_bytes(), &secret);
            none_of("the dump", &std::fs::read(&dump).unwrap(), &secret);
            none_of("the log", &log.lock().unwrap(), &secret);
            for file in std::fs::read_dir(ground.folder.path()).unwrap() {
                let path = file.unwrap().path();
                none_of(&path.display().to_string(), &std::fs::read(&path).unwrap(), &secret);
            }
        }
        // every use is in the audit trail
        let uses = audit.iter().filter(|entry| format!("{entry:?}").contains("credential.use")).count();
        assert!(uses >= 6, "{uses} uses were entered");
    })
    .await;
}

/// A credential that a node names goes where it is bound to, and its use is entered with the run, the node and the host.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handle_is_swapped_where_the_credential_declares_it() {
    on_both(async |ground: &Ground| {
        let doubles = common::World::new();
        let vault = common::vault(ground).await;
        let upstream = Upstream::at("127.0.0.1").await;
        keep(&vault, 1, "key", CredentialKind::ApiKey, &[("key", "the-header-value"), ("header", "x-api-key")]).await;
        keep(&vault, 2, "query key", CredentialKind::ApiKey, &[("key", "the-query-value"), ("query", "api_key")]).await;
        keep(&vault, 3, "bearer", CredentialKind::CustomSecret, &[("value", "the-bearer-value")]).await;
        let engine = real_with(ground, &doubles, vault);
        let call = |id: &str, parameters: Json| json!({ "id": id, "type": "HTTP_REQUEST", "parameters": parameters });
        let url = format!("http://{}/", upstream.address);
        let workflow = doubles.publish(
            "handles",
            json!({ "nodes": [
                call("a", json!({ "url": url, "headers": { "X-Api-Key": "{{ run.credentials.key }}" } })),
                call("b", json!({ "url": url, "query": { "api_key": "{{ run.credentials['query key'] }}" } })),
                call("c", json!({ "url": url, "headers": { "authorization": "Bearer {{ run.credentials.bearer }}" } })),
            ] }),
        );
        let finished = common::run(&engine, &workflow, json!({})).await;
        assert_eq!(finished.status, RunStatus::Succeeded, "{:?}", finished.failure);
        let told = upstream.told().to_lowercase();
        assert!(told.contains("x-api-key: the-header-value") && told.contains("api_key=the-query-value"), "{told}");
        assert!(told.contains("authorization: bearer the-bearer-value"), "{told}");
        assert!(!told.contains("nlh_"), "{told}");
        assert!(!format!("{finished:?}").contains("-value"), "and what comes back is masked: {finished:?}");
    })
    .await;
}

/// The attacks: what a model or a script that holds a handle may try. The upstream that is not bound never learns a
/// value; the control shows that it would have learned one that stood there itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handle_that_is_sent_elsewhere_leaks_nothing() {
    on_sqlite(async |ground: &Ground| {
        let doubles = common::World::new();
        let vault = common::vault(ground).await;
        let (good, evil) = (Upstream::at("127.0.0.1").await, Upstream::at("127.0.0.2").await);
        keep(&vault, 1, "key", CredentialKind::ApiKey, &[("key", "the-header-value"), ("header", "x-api-key")]).await;
        keep(&vault, 2, "other", CredentialKind::ApiKey, &[("key", "the-other-value"), ("header", "x-api-key")]).await;
        let engine = real_with(ground, &doubles, Arc::clone(&vault));
        let (to_good, to_evil) = (format!("http://{}/", good.address), format!("http://{}/", evil.address));
        let mut n = 0;
        let mut attack = async |parameters: Json, policies: Json| {
            n += 1;
            let node = json!({ "id": "a", "type": "HTTP_REQUEST", "parameters": parameters });
            let workflow = doubles.publish(&format!("attack-{n}"), json!({ "nodes": [node], "policies": policies }));
            common::run(&engine, &workflow, json!({})).await
        };
        let handle = "{{ run.credentials.key }}";

        // the control: a value that is not behind a handle arrives, so a handle is what keeps it
        let control = json!({ "url": to_evil, "headers": { "x-api-key": "a-raw-value" } });
        attack(control, json!({})).await;
        assert!(evil.told().contains("a-raw-value"));

        // another host: nothing is sent at all
        let before = evil.told().len();
        let sent = attack(json!({ "url": to_evil, "headers": { "x-api-key": handle } }), json!({})).await;
        assert_eq!((sent.status, evil.told().len()), (RunStatus::Blocked, before), "{:?}", sent.failure);
        // another header, another query field, not alone: nothing is sent, to nobody
        for (at, parameters) in [
            ("header", json!({ "url": to_good, "headers": { "x-leak": handle } })),
            ("query", json!({ "url": to_good, "query": { "x-api-key": handle } })),
            ("url", json!({ "url": format!("{to_good}?k={handle}") })),
            ("form", json!({ "url": to_good, "headers": { "x-api-key": format!("{handle} and more") } })),
            ("two", json!({ "url": to_good, "headers": { "x-api-key": format!("{handle}{handle}") } })),
        ] {
            let before = good.told().len();
            let sent = attack(parameters, json!({})).await;
            assert_eq!((sent.status, good.told().len()), (RunStatus::Blocked, before), "{at}: {:?}", sent.failure);
        }
        // in a body or a path it stays what it is
        for url in [&to_good, &to_evil] {
            let body = json!({ "url": url, "method": "POST", "body": { "secret": handle } });
            assert_eq!(attack(body, json!({})).await.status, RunStatus::Succeeded);
            let path = json!({ "url": format!("{url}{handle}") });
            assert_eq!(attack(path, json!({})).await.status, RunStatus::Succeeded);
        }
        assert!(evil.told().contains("nlh_") && good.told().contains("nlh_"));
        // the bound host sends the browser elsewhere: the header stays behind
        let redirect = json!({ "url": format!("{to_good}go?to={}", evil.address), "headers": { "x-api-key": handle } });
        attack(redirect, json!({})).await;
        assert!(evil.told().contains("/stolen"), "the redirect was followed");
        // a handle of another run
        let theirs = vault.handles(common::scope(), domain::RunId::from_uuid(uuid(77))).of("key");
        let sent = attack(json!({ "url": to_good, "headers": { "x-api-key": theirs } }), json!({})).await;
        assert_eq!(sent.status, RunStatus::Blocked, "{:?}", sent.failure);
        // a credential that the workflow's policy does not name
        let only = json!({ "credentials": ["key"] });
        let other = json!({ "url": to_good, "headers": { "x-api-key": "{{ run.credentials.other }}" } });
        assert_eq!(attack(other, only.clone()).await.status, RunStatus::Blocked);
        let named = json!({ "url": to_good, "headers": { "x-api-key": handle } });
        assert_eq!(attack(named, only).await.status, RunStatus::Succeeded);

        assert!(!evil.told().contains("the-header-value") && !evil.told().contains("the-other-value"));
        assert!(!good.told().contains("the-other-value"));
    })
    .await;
}

/// R096, R097: the same name in another environment is another handle and another credential.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handle_is_of_one_run_team_and_environment() {
    on_sqlite(async |ground: &Ground| {
        let vault = common::vault(ground).await;
        let (run, other) = (domain::RunId::from_uuid(uuid(1)), domain::RunId::from_uuid(uuid(2)));
        let here = common::scope();
        let staging = domain::Scope { environment: domain::Environment::Staging, ..here };
        let handle = vault.handles(here, run).of("key");
        assert_eq!(handle, vault.handles(here, run).of("key"), "a replay sees the same");
        for another in [
            vault.handles(here, other).of("key"),
            vault.handles(staging, run).of("key"),
            vault.handles(harness::scope(2), run).of("key"),
            vault.handles(here, run).of("kez"),
        ] {
            assert_ne!(handle, another);
        }
        assert!(handle.starts_with("nlh_") && handle.len() == 44);
        let permit = common::permit::<UseCredential>();
        assert!(vault.credentials(&permit).await.unwrap().is_empty());
    })
    .await;
}

/// R095: what one process has opened, another that goes on with the run hides as well: each knows only what it is told by
/// the database. The control: a run that never used the credential is shown what the upstream says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_takes_a_run_over_hides_what_the_one_before_has_used() {
    on_both(async |ground: &Ground| {
        let doubles = common::World::new();
        let vault = common::vault(ground).await;
        let upstream = Upstream::at("127.0.0.1").await;
        keep(&vault, 1, "key", CredentialKind::ApiKey, &[("key", &canary("key")), ("header", "x-api-key")]).await;
        let (one, other) =
            (real_with(ground, &doubles, Arc::clone(&vault)), real_with(ground, &doubles, Arc::clone(&vault)));
        let call = |id: &str, more: Json| {
            let mut node = json!({ "id": id, "type": "HTTP_REQUEST", "parameters": { "url": format!("http://{}/", upstream.address) } });
            if !more.is_null() {
                node["parameters"]["credential"] = more;
            }
            node
        };
        let pause = json!({ "id": "pause", "type": "DELAY", "parameters": { "for_ms": 60_000 } });
        let told = json!({ "id": "told", "type": "TRANSFORM", "parameters": { "template": "{{ nodes.after.body.base64 }}" } });
        let with = json!({ "nodes": [call("before", json!("key")), pause, call("after", Json::Null), told] });
        let without = json!({ "nodes": [pause, call("after", Json::Null), told] });
        let (with, without) = (doubles.publish("with", with), doubles.publish("without", without));

        let moved = async |workflow: &engine::ports::Runnable| {
            let run = common::start(&one, workflow, json!({})).await.run();
            common::until(ground, &[], run, RunStatus::Waiting).await;
            let kept = ground.store.run_secrets(run).await.unwrap();
            for secrets in &kept {
                none_of("what is kept", &secrets.sealed, &canary("key"));
            }
            doubles.later(std::time::Duration::from_secs(61));
            let ended = common::until(ground, &[&other], run, RunStatus::Succeeded).await;
            assert!(ground.store.run_secrets(run).await.unwrap().is_empty(), "and it is gone with the run");
            (kept.len(), json!(ended.view).to_string())
        };
        let (kept, view) = moved(&with).await;
        assert_eq!(kept, 1);
        none_of("the run that went on elsewhere", view.as_bytes(), &canary("key"));
        assert!(upstream.told().contains(&canary("key")), "the upstream was told, and tells everybody");
        let (kept, view) = moved(&without).await;
        assert_eq!(kept, 0);
        assert!(view.contains("do-not-keep"), "{view}");
    })
    .await;
}
