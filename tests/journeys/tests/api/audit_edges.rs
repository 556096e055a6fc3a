//! Odd input over HTTP, and what changes say of before and after: recorded, within limits, without a secret, and the trail
//! still verifies.

use journeys::{Client, Server, on_both, on_sqlite, sent, workflows::echo};
use reqwest::{Method, header::HeaderValue};
use serde_json::{Value as Json, json};

async fn verifies(server: &Server) {
    let report = server.client.get("audit/verification").await.expect(200).json();
    assert_eq!(report["intact"], true, "{report}");
}

/// The newest outcome of an operation.
async fn outcome(client: &Client, operation: &str) -> Json {
    let all = client.all(&format!("audit?operation={operation}"), 50).await;
    all.into_iter().find(|entry| entry["result"] == "succeeded").unwrap_or_else(|| panic!("no outcome of {operation}"))
}

/// R222, R224: a user agent that is no UTF-8, or has 4 KiB, is kept as far as it can be read.
#[tokio::test(flavor = "multi_thread")]
async fn a_user_agent_that_is_no_text_is_recorded_as_far_as_it_is() {
    on_both(async |server| {
        let long = [b"long ".as_slice(), &[0xc3; 4_000]].concat();
        for agent in [b"odd \xff\xfe agent".as_slice(), &[0xf0, 0x9f, 0x92], &long] {
            let request = server.client.request(Method::POST, "workflows");
            let agent = HeaderValue::from_bytes(agent).unwrap();
            let body = json!({ "definition": echo(&format!("agent {}", agent.len())) });
            let answer = sent(request.header("user-agent", agent).json(&body)).await.expect(201);
            let request = answer.header("x-request-id").to_owned();
            let all = server.client.all(&format!("audit?request={request}"), 50).await;
            assert_eq!(all.len(), 2, "{all:#?}");
            let shown = all[0]["subject"]["user_agent"].as_str().unwrap();
            assert!(shown.contains('\u{fffd}') && shown.len() <= 256, "{shown:?}");
        }
        verifies(server).await;
    })
    .await;
}

/// R228: a megabyte of text in a change does not become a megabyte of trail, and is told by length and keyed hash.
#[tokio::test(flavor = "multi_thread")]
async fn a_megabyte_of_detail_is_told_in_short() {
    on_sqlite(async |server| {
        let mut large = echo("large");
        large["description"] = json!("x".repeat(1_000_000));
        let answer = server.client.post("workflows", json!({ "definition": large })).await;
        server.assert_alive().await;
        let request = answer.header("x-request-id").to_owned();
        let all = server.client.all(&format!("audit?request={request}"), 50).await;
        assert!(all.len() <= 2 && all.iter().all(|entry| entry["detail"].to_string().len() < 70_000));
        let scope = domain::Scope { team: server.team().await, environment: domain::Environment::Development };
        let act = recorder::Act {
            scope: Some(scope),
            subject: domain::AuditSubject {
                principal: domain::Principal::System,
                address: None,
                session: None,
                user_agent: None,
            },
            request: None,
            operation: "test.large".to_owned(),
            target: None,
            detail: json!({ "text": "y".repeat(1_000_000) }),
        };
        server.rooms.recorder.refused(act).await.unwrap();
        let told = &server.client.all("audit?operation=test.large", 50).await[0]["detail"];
        assert_eq!((&told["too_long"], told["bytes"].as_u64() > Some(1_000_000)), (&json!(true), true), "{told}");
        verifies(server).await;
    })
    .await;
}

/// R228: changes of credentials, keys and members say before and after, and secrets only as keyed hashes.
#[tokio::test(flavor = "multi_thread")]
async fn credentials_keys_and_members_say_before_and_after() {
    on_both(async |server| {
        let client = &server.client;
        let (first, second) = ("canary-first-secret-value", "canary-second-secret-value");
        let wanted = json!({ "name": "crm", "kind": "api_key", "value": first, "hosts": ["api.example.com"] });
        let made = client.post("credentials", wanted).await.expect(201).json();
        let id = made["id"].as_str().unwrap();
        let created = outcome(client, "credential.create").await["detail"].clone();
        assert_eq!((&created["before"], &created["after"]["name"]), (&json!(null), &json!("crm")));
        let hash = created["after"]["value"]["keyed_hash"].clone();
        assert!(hash.is_string(), "{created}");
        client.put(&format!("credentials/{id}/value"), json!({ "value": second })).await.expect(200);
        let replaced = outcome(client, "credential.replace").await["detail"].clone();
        assert_eq!(
            (&replaced["before"]["version"], &replaced["after"]["version"]),
            (&json!(1), &json!(2)),
            "{replaced}"
        );
        assert_ne!(replaced["after"]["value"]["keyed_hash"], hash);

        let made = client.post("api-keys", json!({ "name": "robot" })).await.expect(201).json();
        let (value, key) =
            (made["value"].as_str().unwrap(), made["key"]["id"].as_str().or(made["id"].as_str()).unwrap());
        let created = outcome(client, "api_key.create").await["detail"].clone();
        assert!(created["after"]["value"]["keyed_hash"].is_string(), "{created}");
        client.delete(&format!("api-keys/{key}")).await.expect(204);
        let revoked = outcome(client, "api_key.revoke").await["detail"].clone();
        assert!(revoked["before"]["revoked_at"].is_null() && revoked["after"]["revoked_at"].is_string(), "{revoked}");

        let person = server.person(server.team().await, domain::Role::Viewer, None).await;
        client.put(&format!("members/{}", person.id), json!({ "role": "operator" })).await.expect(200);
        let changed = outcome(client, "member.role").await["detail"].clone();
        assert_eq!((&changed["before"]["role"], &changed["after"]["role"]), (&json!("viewer"), &json!("operator")));
        client.delete(&format!("members/{}", person.id)).await.expect(204);
        let removed = outcome(client, "member.remove").await["detail"].clone();
        assert_eq!((&removed["before"]["role"], &removed["after"]), (&json!("operator"), &json!(null)));

        let trail = client.all("audit", 200).await;
        let text = serde_json::to_string(&trail).unwrap();
        for secret in [first, second, value] {
            assert!(!text.contains(secret), "a secret stands in the trail");
        }
        verifies(server).await;
    })
    .await;
}
