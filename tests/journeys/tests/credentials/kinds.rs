//! Every kind of credential, from its first entry to its end, over HTTP.

use journeys::{
    Client, Server,
    doubles::{Act, Double, on_both_open, open, postgres_port, refuse, say},
};
use serde_json::{Value as Json, json};

use crate::support::*;

/// Assembled, so that no file holds what looks like a secret.
fn canary(kind: &str, n: u32) -> String {
    [kind, "canary", &n.to_string(), "5e1f", "do-not-show"].join("-")
}

/// A value of the kind as text and as fields, both with the same canary.
fn values(kind: &str, n: u32) -> [Json; 2] {
    let canary = canary(kind, n);
    match kind {
        "oauth_token" => [json!(canary), json!({ "access_token": canary, "token_type": "Bearer", "scope": "read" })],
        "api_key" => [json!(canary), json!({ "key": canary, "header": "x-api-key" })],
        "database" => {
            let url = format!("postgres://app:{canary}@127.0.0.1:9/shop");
            [json!(url), json!({ "url": url })]
        }
        "service_account" => {
            let file = json!({ "client_email": "robot@acme.example", "private_key": canary }).to_string();
            [json!(file), json!({ "key": file, "subject": "ada@acme.example" })]
        }
        _ => [json!(canary), json!({ "value": canary, "query": "token" })],
    }
}

const KINDS: [&str; 5] = ["oauth_token", "api_key", "database", "service_account", "custom_secret"];

/// R087, R088, R089, R090, R091, R092, R094, R098, R099: made, shown, changed, replaced, rolled back and deleted; what
/// was entered is in none of the answers, and who did what is in the trail.
#[tokio::test(flavor = "multi_thread")]
async fn every_kind_lives_its_life() {
    on_both_open(async |server| {
        let client = &server.client;
        for kind in KINDS {
            for (n, value) in values(kind, 1).into_iter().enumerate() {
                let mut said = Vec::new();
                let name = format!("{kind} {n}");
                let body = json!({ "name": name, "kind": kind, "value": value, "hosts": ["api.example.com"],
                    "rotation_due_at": "2020-01-01T00:00:00Z" });
                let made = client.post("credentials", body).await.expect(201);
                let id = made.text_of("id");
                let shown = made.json();
                assert_eq!(
                    (&shown["kind"], &shown["version"], &shown["status"], &shown["rotation_due"]),
                    (&json!(kind), &json!(1), &json!("active"), &json!(true)),
                    "{shown}"
                );
                assert_eq!(shown["masked"], "••••••••");
                assert!(shown["created_by"].as_str().unwrap().starts_with("sa_"), "{shown}");
                let path = format!("credentials/{id}");
                said.push(made);
                said.push(client.get(&path).await.expect(200));
                let change = json!({ "name": format!("{name} renamed"), "hosts": ["*.example.com"],
                    "rotation_due_at": null });
                let changed = client.send(reqwest::Method::PATCH, &path, Some(&change)).await.expect(200);
                assert_eq!(
                    (&changed.json()["hosts"], &changed.json()["rotation_due"]),
                    (&json!(["*.example.com"]), &json!(false))
                );
                said.push(changed);
                for next in 2..=3 {
                    let value = json!({ "value": values(kind, next)[n] });
                    let replaced = client.put(&format!("{path}/value"), value).await.expect(200);
                    assert_eq!(replaced.json()["version"], next);
                    said.push(replaced);
                }
                let versions = client.get(&format!("{path}/versions")).await.expect(200);
                let seen: Vec<u64> = versions.json()["items"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|old| old["version"].as_u64().unwrap())
                    .collect();
                assert_eq!(seen, [2, 1], "{}", versions.text);
                said.push(versions);
                let rolled = client.post(&format!("{path}/rollback"), json!({ "version": 1 })).await.expect(200);
                assert_eq!(rolled.json()["version"], 4);
                said.push(rolled);
                said.push(
                    client.post(&format!("{path}/rollback"), json!({ "version": 9 })).await.problem("422 NL-3103"),
                );
                let other = if kind == "api_key" { json!({ "url": "x" }) } else { json!({ "key": "x", "no": "y" }) };
                said.push(client.put(&format!("{path}/value"), json!({ "value": other })).await.problem("422 NL-3103"));
                said.push(client.get("credentials").await.expect(200));
                let deleted = client.delete(&path).await.expect(200);
                assert_eq!(deleted.json(), json!({ "revoked": "nothing" }));
                client.get(&path).await.problem("404 NL-3001");
                client.put(&format!("{path}/value"), json!({ "value": "x-y-z" })).await.problem("404 NL-3001");
                for answer in said {
                    assert!(!answer.text.contains("do-not-show"), "{kind}: {}", answer.text);
                }
                let trail = client.all(&format!("audit?target={id}"), 200).await;
                let did = |operation: &str| {
                    trail.iter().any(|entry| entry["operation"] == operation && entry["result"] == "succeeded")
                };
                for operation in ["create", "change", "replace", "roll_back", "delete"] {
                    assert!(did(&format!("credential.{operation}")), "{operation} of a {kind}: {trail:?}");
                }
                assert!(!json!(trail).to_string().contains("do-not-show"));
            }
        }
    })
    .await;
}

async fn make(client: &Client, name: &str, kind: &str, value: Json, hosts: Json) -> String {
    let body = json!({ "name": name, "kind": kind, "value": value, "hosts": hosts });
    client.post("credentials", body).await.expect(201).text_of("id")
}

/// A test is one harmless call with the credential where it declares to go; it says works, refused or not known, and
/// goes to no host that the credential is not bound to.
#[tokio::test(flavor = "multi_thread")]
async fn a_credential_is_tested_where_it_goes() {
    on_both_open(async |server| {
        let client = &server.client;
        let target = Double::playing([Act::Echo]).await;
        let here = json!(["127.0.0.1"]);
        let kinds = [
            ("oauth_token", json!(canary("token", 1))),
            ("api_key", json!({ "key": canary("key", 1), "header": "x-api-key" })),
            ("api_key", json!({ "key": canary("query", 1), "query": "api_key" })),
            ("custom_secret", json!({ "value": canary("custom", 1), "header": "authorization", "prefix": "Token" })),
        ];
        for (n, (kind, value)) in kinds.into_iter().enumerate() {
            let id = make(client, &format!("tested {n}"), kind, value, here.clone()).await;
            let test = async |url: Json| client.post(&format!("credentials/{id}/test"), url).await;
            target.play([
                say(json!({})),
                refuse(401, "", json!({})),
                refuse(500, "", json!({})),
                say(json!({ "ok": false })),
            ]);
            let url = json!({ "url": target.url("/me?x=1") });
            let expected = [
                (true, "ok"),
                (false, "refused with status 401"),
                (false, "it answered with status 500"),
                (false, "refused with status 200"),
            ];
            for (works, result) in expected {
                let tested = test(url.clone()).await.expect(200).json();
                assert_eq!((&tested["works"], &tested["result"]), (&json!(works), &json!(result)), "{kind} {n}");
            }
            let shown = client.get(&format!("credentials/{id}")).await.json();
            assert_eq!(shown["test_result"], "refused with status 200");
            let seen = target.seen();
            let carried = match n {
                0 => seen[0].header("authorization") == format!("Bearer {}", canary("token", 1)),
                1 => seen[0].header("x-api-key") == canary("key", 1),
                2 => seen[0].path == format!("/me?x=1&api_key={}", canary("query", 1)),
                _ => seen[0].header("authorization") == format!("Token {}", canary("custom", 1)),
            };
            assert!(carried, "{kind} {n}: {:?}", seen[0]);
            // elsewhere, not at all, or not an address
            let before = target.seen().len();
            test(json!({ "url": format!("http://localhost:{}/", target.port) })).await.problem("422 NL-3103");
            test(json!({ "url": "not an address" })).await.problem("422 NL-3103");
            test(json!({})).await.problem("422 NL-3103");
            assert_eq!(target.seen().len(), before);
        }
        // a redirect is not followed: what stands behind it is somebody else
        let other = Double::playing([Act::Echo]).await;
        target.play([refuse(302, &format!("location: {}\r\n", other.url("/steal")), json!({}))]);
        let id = make(client, "redirected", "api_key", json!(canary("key", 2)), here).await;
        let tested = client.post(&format!("credentials/{id}/test"), json!({ "url": target.url("/") })).await;
        assert_eq!((tested.json()["works"].clone(), other.seen().len()), (json!(false), 0));
        let trail = client.all("audit?operation=credential.test&result=succeeded", 200).await;
        assert!(trail.len() >= 17, "{}", trail.len());
    })
    .await;
}

/// R089: a database credential is tested by asking its database; a wrong password is said and not shown.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_credential_is_tested_by_asking() {
    let folder = tempfile::TempDir::new().unwrap();
    std::fs::write(folder.path().join("shop.db"), b"").unwrap();
    let server = Server::with(open().set("NODELOOM_EGRESS__SQLITE_FOLDER", folder.path().display())).await;
    let client = &server.client;
    let (port, password) = (postgres_port().await, canary("database", 1));
    let url = |user: &str, host: &str, port: u16| {
        format!("postgres://{user}:{password}@{host}:{port}/postgres?sslmode=disable")
    };
    let cases = [
        ("good", url("nodeloom", "127.0.0.1", port), Ok(())),
        ("nobody", url("no_such_user", "127.0.0.1", port), Err("")),
        ("nothing there", url("nodeloom", "127.0.0.1", 9), Err("")),
        ("another host", url("nodeloom", "localhost", port), Err("may not be used there")),
        ("file", "sqlite:shop.db".to_owned(), Ok(())),
        ("outside", "sqlite:../root.key".to_owned(), Err("")),
        ("no address", "shop at the corner".to_owned(), Err("")),
    ];
    for (name, url, expected) in cases {
        let id = make(client, name, "database", json!(url), json!(["127.0.0.1"])).await;
        let tested = client.post(&format!("credentials/{id}/test"), json!({})).await.expect(200);
        let (works, result) = (tested.json()["works"].clone(), tested.text_of("result"));
        assert_eq!(works, expected.is_ok(), "{name}: {}", tested.text);
        if let Err(why) = expected {
            assert!(result.contains(why) && result != "ok", "{name}: {result}");
        }
        assert!(!tested.text.contains("do-not-show"), "{name}: {}", tested.text);
        let shown = client.get(&format!("credentials/{id}")).await.expect(200);
        assert_eq!(shown.text_of("test_result"), result);
        assert!(!shown.text.contains("do-not-show"), "{name}: {}", shown.text);
    }
    server.stop().await;
}

/// Every use is entered: by a node with its run, its host and its version, and by a webhook that checks a signature with it.
#[tokio::test(flavor = "multi_thread")]
async fn every_use_is_entered() {
    on_both_open(async |server| {
        let client = &server.client;
        let target = Double::playing([Act::Echo]).await;
        let id = make(client, "key", "api_key", json!(canary("used", 1)), json!(["127.0.0.1"])).await;
        client.put(&format!("credentials/{id}/value"), json!({ "value": canary("used", 2) })).await.expect(200);
        let run = ran(server, calls("uses", &[("call", json!({ "url": target.url("/"), "credential": "key" }))])).await;
        assert_eq!(run["status"], "succeeded", "{run}");
        let uses = client.all(&format!("audit?operation=credential.use&target={id}"), 50).await;
        let entry = format!("audit/entries/{}", uses[0]["id"].as_str().unwrap());
        let entry = client.get(&entry).await.expect(200);
        for part in [run["id"].as_str().unwrap(), "\"call\"", "127.0.0.1", "\"version\":2"] {
            assert!(entry.text.contains(part), "{part}: {}", entry.text);
        }
        make(client, "hook", "custom_secret", json!(canary("hook", 1)), json!([])).await;
        let signed = json!({ "signature": { "credential": "hook", "header": "x-signature" } });
        client.deploy(journeys::workflows::hooked("signed", "signed", signed)).await;
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, canary("hook", 1).as_bytes());
        let signature = hex::encode(aws_lc_rs::hmac::sign(&key, b"{}").as_ref());
        let request = client.anonymous().request(reqwest::Method::POST, "/hooks/demo/development/signed");
        let request = request.header("content-type", "application/json").header("x-signature", signature).body("{}");
        journeys::sent(request).await.expect(200);
        let trail = json!(client.all("audit", 200).await).to_string();
        assert!(trail.contains("\"credential\":\"hook\""), "{trail}");
        assert!(!trail.contains("do-not-show"));
    })
    .await;
}

/// R096, R097: a credential of development is not there in production: not listed, not shown, not changed, not tested, not
/// used by a run, whether by its name or its id. The control: in development all of it works.
#[tokio::test(flavor = "multi_thread")]
async fn a_development_credential_never_opens_in_production() {
    on_both_open(async |server| {
        let target = Double::playing([Act::Echo]).await;
        let (development, production) = (&server.client, &server.client.in_environment("production"));
        let id = make(development, "key", "api_key", json!(canary("dev", 1)), json!(["127.0.0.1"])).await;
        let stranger = server.other_team().await;
        for elsewhere in [production, &stranger] {
            assert!(elsewhere.all("credentials", 50).await.is_empty());
            let path = format!("credentials/{id}");
            elsewhere.get(&path).await.problem("404 NL-3001");
            elsewhere.get(&format!("{path}/versions")).await.problem("404 NL-3001");
            elsewhere.put(&format!("{path}/value"), json!({ "value": "another-one" })).await.problem("404 NL-3001");
            let test = json!({ "url": target.url("/") });
            elsewhere.post(&format!("{path}/test"), test).await.problem("404 NL-3001");
            elsewhere.post(&format!("{path}/rollback"), json!({ "version": 1 })).await.problem("404 NL-3001");
            let change = json!({ "hosts": ["*"] });
            elsewhere.send(reqwest::Method::PATCH, &path, Some(&change)).await.problem("404 NL-3001");
            elsewhere.delete(&path).await.problem("404 NL-3001");
        }
        let handle = |name: &str| json!({ "url": target.url("/"), "headers": { "authorization": format!("Bearer {{{{ run.credentials['{name}'] }}}}") } });
        for (n, parameters) in [
            json!({ "url": target.url("/"), "credential": "key" }),
            json!({ "url": target.url("/"), "credential": id }),
            handle("key"),
            handle(&id),
        ]
        .into_iter()
        .enumerate()
        {
            for (client, works) in [(production, false), (&stranger, false), (development, true)] {
                let before = target.seen().len();
                let workflow = client.deploy(calls(&format!("uses {n} {}", client.environment), &[("a", parameters.clone())])).await;
                let run = client.run(&workflow, json!({})).await;
                assert_eq!(run["status"] == "succeeded", works, "{n} in {}: {run}", client.environment);
                assert_eq!(target.seen().len() - before, usize::from(works), "{n}: nothing is sent");
                assert!(!run.to_string().contains("do-not-show"));
            }
        }
        // production has a credential of that name of its own, and gets that one
        make(production, "key", "api_key", json!(canary("prod", 1)), json!(["127.0.0.1"])).await;
        let before = target.seen().len();
        let again = calls("its own", &[("a", json!({ "url": target.url("/"), "credential": "key" }))]);
        let workflow = production.deploy(again).await;
        assert_eq!(production.run(&workflow, json!({})).await["status"], "succeeded");
        assert_eq!(target.seen()[before].header("authorization"), format!("Bearer {}", canary("prod", 1)));
    })
    .await;
}
