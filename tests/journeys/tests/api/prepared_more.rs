//! What the routes of guardrails, credentials, connections and SIEM destinations need.

use journeys::Client;
use serde_json::{Value as Json, json};

use crate::prepared::{credential, unique};

type Asked = (String, Option<Json>, Option<String>);

/// Routes about things that the API alone cannot make: a grant of a provider, a letter that a receiver refused. Whoever
/// may use them is told "not there" at most, or that a person is needed.
pub fn lonely(route: &server::route::Route) -> bool {
    let begins = route.method == reqwest::Method::POST && route.path.contains("/connections");
    begins || route.path.contains("/dead-letters/{letter}")
}

pub async fn prepare(admin: &Client, method: &str, end: &str) -> Asked {
    match end.split('/').next().unwrap_or_default() {
        "guardrails" => guardrail(admin, method, end).await,
        "credentials" => held(admin, method, end).await,
        "siem" => destination(admin, method, end).await,
        _ => connection(admin, method, end).await,
    }
}

async fn guardrail(admin: &Client, method: &str, end: &str) -> Asked {
    let exception = || json!({ "text": unique("allowed"), "owner": "admin@example.com", "reason": "a test", "expires_at": "2027-01-01T00:00:00Z" });
    let references = || json!({ "kind": "safe", "texts": [unique("a harmless text")] });
    match (method, end) {
        ("POST", "guardrails/check" | "guardrails/playground") => {
            (end.to_owned(), Some(json!({ "input": "hello" })), None)
        }
        ("GET", "guardrails/scores") => (format!("{end}?check=PROMPT_INJECTION&runs=2"), None, None),
        ("PUT", "guardrails/settings") => {
            (end.to_owned(), Some(json!({ "thresholds": { "PROMPT_INJECTION": 0.9 } })), None)
        }
        ("POST", "guardrails/exceptions") => (end.to_owned(), Some(exception()), None),
        (_, "guardrails/exceptions/{id}") => {
            let id = admin.post("guardrails/exceptions", exception()).await.expect(201).text_of("id");
            (end.replace("{id}", &id), (method == "PUT").then(exception), Some(id))
        }
        ("POST", "guardrails/references") => (end.to_owned(), Some(references()), None),
        (_, "guardrails/references/{id}") => {
            let made = admin.post("guardrails/references", references()).await.expect(201).json();
            let id = made["items"][0]["id"].as_str().unwrap().to_owned();
            (end.replace("{id}", &id), None, Some(id))
        }
        _ => (end.to_owned(), None, None),
    }
}

async fn held(admin: &Client, method: &str, end: &str) -> Asked {
    let id = admin.post("credentials", credential(&unique("held"))).await.expect(201).text_of("id");
    let value = json!({ "value": "not-a-real-one-either-0123456789" });
    let body = match (method, end.rsplit('/').next().unwrap_or_default()) {
        ("PATCH", _) => Some(json!({ "hosts": ["api.example.org"] })),
        ("PUT", _) => Some(value),
        ("POST", "rollback") => {
            admin.put(&format!("credentials/{id}/value"), value).await.expect(200);
            Some(json!({ "version": 1 }))
        }
        ("POST", _) => Some(json!({ "url": "https://api.example.com/" })),
        _ => None,
    };
    (end.replace("{id}", &id), body, Some(id))
}

async fn destination(admin: &Client, method: &str, end: &str) -> Asked {
    let wanted = || json!({ "name": unique("siem"), "enabled": false, "to": { "kind": "webhook", "url": "https://siem.example.com/in" } });
    match (method, end) {
        ("POST", "siem") => (end.to_owned(), Some(wanted()), None),
        (_, "siem") => (end.to_owned(), None, None),
        _ => {
            // A team has twenty at most, and this is asked often.
            for old in admin.get("siem").await.expect(200).json()["items"].as_array().into_iter().flatten() {
                admin.delete(&format!("siem/{}", old["id"].as_str().unwrap())).await;
            }
            let made = admin.post("siem", wanted()).await.expect(201).json();
            let id = made["destination"]["id"].as_str().unwrap().to_owned();
            let body = match (method, end.rsplit('/').next().unwrap_or_default()) {
                ("PUT", _) => Some(wanted()),
                ("POST", "replay") => Some(json!({ "stream": "audit", "from": 1 })),
                ("POST", _) => Some(json!({})),
                _ => None,
            };
            (end.replace("{id}", &id).replace("{letter}", "1"), body, Some(id))
        }
    }
}

async fn connection(admin: &Client, method: &str, end: &str) -> Asked {
    let client = json!({ "client_id": "an-id" });
    match (method, end) {
        (_, "connections/clients/{provider}") => {
            let path = end.replace("{provider}", "github");
            admin.put(&path, client.clone()).await;
            (path, (method == "PUT").then_some(client), None)
        }
        ("POST", "connections") => (end.to_owned(), Some(json!({ "provider": "github", "name": unique("hub") })), None),
        ("POST", "connections/{id}/reconnect") => {
            (end.replace("{id}", "cred_00000000000000000000000000000000"), Some(json!({})), None)
        }
        _ => (end.to_owned(), None, None),
    }
}
