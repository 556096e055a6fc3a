//! A backup is worth what its restore is: a workflow runs on, in another place and in another kind of database.

use harness::servers;
use serde_json::json;

use crate::support::{Installation, Server, eventually};

const RESPOND: &str = "RESPOND";

/// Put together, so that nobody takes it for one that was lost.
fn secret() -> String {
    ["k", "31af", "90bc", "77de"].join("-")
}

async fn asked(server: &Server, n: u64) -> (u16, serde_json::Value) {
    server.post("/hooks/demo/production/count", json!({ "n": n })).await.unwrap()
}

/// Backs up a server on SQLite, restores into a new place that `there` prepares, and goes on there.
async fn goes_on_there(there: impl FnOnce(&mut Installation)) {
    let mut here = Installation::new();
    let server = here.serve().await;
    server
        .install(json!({ "name": "count", "nodes": [
            { "id": "in", "type": "WEBHOOK", "parameters": { "path": "count" } },
            { "id": "out", "type": RESPOND, "parameters": { "body": { "next": "{{ input.n + 1 }}" } } },
        ] }))
        .await;
    let key = json!({ "name": "kept", "kind": "api_key", "value": secret(), "hosts": ["127.0.0.1"] });
    assert_eq!(server.post(&server.team("/credentials"), key).await.unwrap().0, 201);
    assert_eq!(asked(&server, 1).await, (200, json!({ "next": 2 })));
    let before = server.get(&server.team("/runs")).await.unwrap().1["items"].as_array().unwrap().len();
    server.stop();
    let file = here.path("nodeloom.backup");
    let said = here.run(&["backup", &file]);
    assert!(said.code == 0 && said.out.contains("keep the root key"), "{said:?}");
    assert_eq!(here.run(&["backup", &file]).code, 1, "a file that is there is not overwritten");

    let mut new = Installation::new();
    there(&mut new);
    let said = new.run(&["restore", &file]);
    assert_eq!(said.code, 0, "{said:?}");
    let said = new.run(&["restore", &file]);
    assert_eq!(said.code, 1, "a database that holds something is not overwritten: {said:?}");
    // the keys and the profile are kept apart from the backup, and brought by hand
    for name in ["root.key", "cli.toml", "ca.pem", "ca.key", "checkpoints.jsonl"] {
        if here.data.join(name).exists() {
            std::fs::copy(here.data.join(name), new.data.join(name)).unwrap();
        }
    }
    let server = new.serve().await;
    assert_eq!(asked(&server, 41).await, (200, json!({ "next": 42 })), "the workflow is published there");
    let runs = server.get(&server.team("/runs")).await.unwrap().1["items"].as_array().unwrap().len();
    assert_eq!(runs, before + 1, "the earlier runs are there");
    let kept = server.get(&server.team("/credentials")).await.unwrap().1;
    assert_eq!(kept["items"][0]["name"], "kept");
    eventually("the trail verifies", 10, async || {
        let (status, found) = server.get(&server.team("/audit/verification")).await?;
        (status == 200 && found["intact"] == true).then_some(())
    })
    .await;
    server.stop();
    assert_eq!(new.run(&["keys", "status"]).code, 0);
    let said = new.run(&["audit", "verify"]);
    assert_eq!(said.code, 0, "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_goes_on_in_a_fresh_folder() {
    goes_on_there(|_| {}).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_sqlite_goes_on_in_postgresql() {
    let server = servers::postgres();
    let name = format!("restored_{}", std::process::id());
    servers::ask(&server, &format!("CREATE DATABASE {name}"));
    let url = servers::database(&server, &name);
    goes_on_there(|new| new.set("NODELOOM_DATABASE__URL", &url)).await;
    servers::drop_database(&url);
}

/// Without the root key, what is sealed stays sealed, and the program says which key is missing.
#[tokio::test(flavor = "multi_thread")]
async fn without_its_root_key_a_backup_says_which_key_is_missing() {
    let mut here = Installation::new();
    let server = here.serve().await;
    let key = json!({ "name": "kept", "kind": "api_key", "value": secret(), "hosts": ["127.0.0.1"] });
    assert_eq!(server.post(&server.team("/credentials"), key).await.unwrap().0, 201);
    server.stop();
    let file = here.path("nodeloom.backup");
    assert_eq!(here.run(&["backup", &file]).code, 0);
    let new = Installation::new();
    assert_eq!(new.run(&["restore", &file]).code, 0);
    let said = new.run(&["keys", "status"]);
    assert!(said.code == 1 && said.err.contains("keys.previous"), "{said:?}");
    let truncated = &std::fs::read(&file).unwrap()[..200];
    std::fs::write(new.path("cut.backup"), truncated).unwrap();
    let said = Installation::new().run(&["restore", &new.path("cut.backup")]);
    assert!(said.code == 1 && !said.err.contains("panicked"), "{said:?}");
}
