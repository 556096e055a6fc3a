//! Somebody changes the database: what was changed does not open, says so, and nothing empty comes in its place.

use journeys::{
    Server, Settings,
    doubles::{Act, Double, open},
    postgres_url,
};
use serde_json::{Value as Json, json};

use crate::support::*;

fn secret() -> String {
    ["tampered", "canary", "11c0", "do-not-show"].join("-")
}

/// R082, R096, R097: a flipped bit in any byte, a cut or emptied blob, a key id that nobody knows, a value moved to another row,
/// version, team or environment. Each is named, in the answer to a test and in the run that wanted to use it; nothing is
/// sent. The control is the same row, put back.
#[tokio::test(flavor = "multi_thread")]
async fn a_changed_row_does_not_open_and_says_so() {
    let url = postgres_url().await;
    let server = Server::with(Settings { postgres: Some(url.clone()), ..open() }).await;
    let client = &server.client;
    let target = Double::playing([Act::Echo]).await;
    let make = async |name: &str| {
        let body = json!({ "name": name, "kind": "api_key", "value": secret(), "hosts": ["127.0.0.1"] });
        client.post("credentials", body).await.expect(201).text_of("id")
    };
    let (id, other) = (make("victim").await, make("other").await);
    let uuid = |id: &str| id.trim_start_matches("cred_").to_owned();
    let (row, other) = (uuid(&id), uuid(&other));
    let sql = |text: &str| harness::servers::ask(&url, text);
    let workflow = calls("uses it", &[("a", json!({ "url": target.url("/"), "credential": "victim" }))]);
    let workflow = client.deploy(workflow).await;
    let tested = async || client.post(&format!("credentials/{id}/test"), json!({ "url": target.url("/") })).await;

    // the row is put aside first
    let changed = |change: &str| {
        format!(
            "drop table if exists before; create table before as select * from credentials where id = '{row}'; \
             update credentials set {change} where id = '{row}'"
        )
    };

    let length: usize = sql(&format!("select length(sealed) from credentials where id = '{row}'")).parse().unwrap();
    let mut changes: Vec<(String, &str)> = (0..length)
        .map(|at| {
            let code = if (1..4).contains(&at) { "422 NL-3102" } else { "422 NL-3103" };
            (format!("sealed = set_byte(sealed, {at}, get_byte(sealed, {at}) # 1)"), code)
        })
        .collect();
    for (change, code) in [
        ("sealed = substring(sealed from 1 for 20)", "422 NL-3103"),
        (&*format!("sealed = substring(sealed from 1 for {})", length - 1), "422 NL-3103"),
        ("sealed = ''", "422 NL-3103"),
        ("sealed = sealed || '\\x00'::bytea", "422 NL-3103"),
        ("version = 2", "422 NL-3103"),
        (&*format!("sealed = (select sealed from credentials where id = '{other}')"), "422 NL-3103"),
    ] {
        changes.push((change.to_owned(), code));
    }
    let total = changes.len();
    for (n, (change, code)) in changes.into_iter().enumerate() {
        sql(&changed(&change));
        let refused = tested().await;
        // the last byte of a key's id may name a key that is there, and then it does not open
        let refused = if refused.code() == "NL-3102" && n == 4 { refused } else { refused.problem(code) };
        assert!(!refused.text.contains("do-not-show"), "{change}: {}", refused.text);
        // a run costs more than a test: every byte's test, and every tenth one's run
        if n % 10 == 0 || n + 8 > total {
            let run = client.run(&workflow, json!({})).await;
            let why = run["failure"]["message"].as_str().unwrap_or_default().to_owned();
            assert!(run["status"] == "failed" && why.contains("victim"), "{change}: {run}");
        }
        // it is still listed, whatever is wrong with its value
        assert!(client.get(&format!("credentials/{id}")).await.expect(200).text.contains("victim"));
        let back = "update credentials c set sealed = b.sealed, version = b.version from before b where c.id = b.id";
        sql(back);
    }
    assert_eq!(target.seen().len(), 0, "nothing was sent");
    assert_eq!(tested().await.expect(200).json()["works"], true, "the control: as it was, it works");

    // the row itself, moved to another environment and to another team
    let production = client.in_environment("production");
    let stranger = server.other_team().await;
    let team = sql(&format!("select id from teams where slug = '{}'", stranger.team));
    let places: [(String, &journeys::Client); 2] =
        [("environment = 'production'".to_owned(), &production), (format!("team = '{team}'"), &stranger)];
    for (place, client) in places {
        sql(&changed(&place));
        let test = json!({ "url": target.url("/") });
        client.post(&format!("credentials/{id}/test"), test).await.problem("422 NL-3103");
        let definition = calls(
            &format!("moved {}", place.len()),
            &[("a", json!({ "url": target.url("/"), "credential": "victim" }))],
        );
        let run = client.run(&client.deploy(definition).await, json!({})).await;
        assert_eq!(run["status"], "failed", "{place}: {run}");
        sql("update credentials c set team = b.team, environment = b.environment from before b where c.id = b.id");
    }
    assert_eq!(target.seen().len(), 1, "the control's alone");
    server.assert_alive().await;
    server.stop().await;
    harness::servers::drop_database(&url);
}

/// R084, R092: the root key is lost, or another is given: the server does not start, says which key it lacks, and changes nothing;
/// with the right key everything is there.
#[tokio::test(flavor = "multi_thread")]
async fn without_its_root_key_the_server_does_not_start() {
    let first = vault::keys::generate().unwrap().expose().clone();
    let second = vault::keys::generate().unwrap().expose().clone();
    let settings = |key: &str| open().set("NODELOOM_KEYS__ROOT", key);
    let target = Double::playing([Act::Echo]).await;
    let server = Server::with(settings(&first)).await;
    let body = json!({ "name": "kept", "kind": "api_key", "value": secret(), "hosts": ["127.0.0.1"] });
    let id = server.client.post("credentials", body).await.expect(201).text_of("id");
    let (_, folder) = server.stop().await;
    let error = Server::refused(settings(&second), folder.path()).await;
    assert!(error.contains("not loaded") && error.contains("keys.previous"), "{error}");
    assert!(!error.contains(&first) && !error.contains(&second), "{error}");
    let server = Server::on(settings(&first), folder).await;
    let tested: Json = server
        .client
        .post(&format!("credentials/{id}/test"), json!({ "url": target.url("/") }))
        .await
        .expect(200)
        .json();
    assert_eq!(tested["works"], true);
    assert_eq!(target.seen()[0].header("authorization"), format!("Bearer {}", secret()));
    server.stop().await;
}
