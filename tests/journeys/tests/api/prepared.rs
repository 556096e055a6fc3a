//! For every route of the table: a request that is right in every way, with whatever it needs made before it.

use journeys::{
    Client,
    workflows::{echo, slow},
};
use serde_json::{Value as Json, json};
use server::route::Route;

/// An unguessable end for a name.
pub fn unique(name: &str) -> String {
    format!("{name}-{:08x}", rand::random::<u32>())
}

pub fn failing(name: &str) -> Json {
    json!({ "name": name, "nodes": [{ "type": "STOP_WITH_ERROR", "parameters": { "message": "as told" } }] })
}

pub fn asking(name: &str) -> Json {
    json!({ "name": name, "nodes": [
        { "id": "ask", "type": "HUMAN_APPROVAL", "parameters": { "message": "may it?", "timeout_ms": 600_000 } }
    ] })
}

/// What to send.
#[derive(Debug)]
pub struct Prepared {
    pub path: String,
    pub body: Option<Json>,
    /// What it is about, when that exists before.
    pub target: Option<String>,
}

/// The last part of the route's address, below team and environment.
fn below(route: &Route) -> &'static str {
    route.path.trim_start_matches("/api/v1/teams/{team}/{environment}/")
}

/// Makes what `route` needs, as `admin`, in the admin's team and environment.
pub async fn prepare(admin: &Client, route: &Route) -> Prepared {
    let end = below(route);
    let method = route.method.as_str();
    let mut target = None;
    let mut body = None;
    let path = match (method, end) {
        ("POST", "api-keys") => {
            body = Some(json!({ "name": unique("key") }));
            end.to_owned()
        }
        (_, "api-keys/{id}") => {
            let made = admin.post("api-keys", json!({ "name": unique("key") })).await.expect(201);
            target = Some(made.text_of("id"));
            format!("api-keys/{}", made.text_of("id"))
        }
        ("PUT", "billing/prices") => {
            body = Some(json!({ "prices": [] }));
            end.to_owned()
        }
        ("PUT", "billing/limits") => {
            body = Some(json!({}));
            end.to_owned()
        }
        ("PATCH", "team") => {
            body = Some(json!({ "name": "Demo" }));
            end.to_owned()
        }
        (_, "members/{id}") => {
            // A machine is a member too, and one that the API can make.
            let id = machine(admin).await;
            body = (method == "PUT").then(|| json!({ "role": "viewer" }));
            target = Some(id.clone());
            format!("members/{id}")
        }
        ("POST", "invitations") => {
            body = Some(json!({ "email": format!("{}@people.test", unique("invited")), "role": "viewer" }));
            end.to_owned()
        }
        (_, end) if end.starts_with("invitations/{id}") => {
            let invite = json!({ "email": format!("{}@people.test", unique("invited")), "role": "viewer" });
            let id = admin.post("invitations", invite).await.expect(201).text_of("id");
            target = Some(id.clone());
            end.replace("{id}", &id)
        }
        ("POST", "service-accounts") => {
            body = Some(json!({ "name": unique("machine"), "role": "operator" }));
            end.to_owned()
        }
        (_, end) if end.starts_with("service-accounts/{id}") => {
            let id = machine(admin).await;
            body = (method == "POST").then(|| json!({ "name": unique("key") }));
            target = Some(id.clone());
            end.replace("{id}", &id)
        }
        ("POST", "workflows" | "workflows/validate") => {
            body = Some(json!({ "definition": echo(&unique("made")) }));
            end.to_owned()
        }
        ("POST", "workflows/preview") => {
            body = Some(json!({ "expressions": { "a": "{{ input.n }}" }, "input": { "n": 1 } }));
            end.to_owned()
        }
        (_, end) if end.starts_with("workflows/{id}") => {
            let name = unique("workflow");
            let id = admin.save(echo(&name)).await;
            let version = admin.get(&format!("workflows/{id}")).await.expect(200).text_of("latest_version");
            let last = end.rsplit('/').next().unwrap_or_default();
            if matches!(last, "unpublish" | "promote" | "runs") {
                admin.publish(&id).await.expect(200);
            }
            body = match (method, last) {
                ("PUT", _) => Some(json!({ "definition": slow(&name, 1) })),
                (_, "publish" | "unpublish") => Some(json!({})),
                (_, "promote") => Some(json!({ "to": "staging" })),
                ("POST", "runs") => Some(json!({ "input": 1, "wait_seconds": 30 })),
                _ => None,
            };
            let query = if last == "diff" { format!("?from={version}&to={version}") } else { String::new() };
            target = Some(id.clone());
            end.replace("{id}", &id).replace("{version}", &version) + &query
        }
        (_, end) if end.starts_with("runs/{run}") => {
            let last = end.rsplit('/').next().unwrap_or_default();
            let definition = if last == "retry" { failing(&unique("run")) } else { slow(&unique("run"), 600_000) };
            let id = admin.deploy(definition).await;
            let run = admin.begin(&id, json!(null)).await;
            admin.until(&run, if last == "retry" { "failed" } else { "waiting" }).await;
            if last == "resume" {
                admin.post(&format!("runs/{run}/pause"), json!({})).await.expect(200);
            }
            body = (method == "POST").then(|| json!({}));
            target = Some(run.clone());
            end.replace("{run}", &run)
        }
        ("POST", "approvals/{id}") => {
            let id = admin.deploy(asking(&unique("approval"))).await;
            let run = admin.begin(&id, json!(null)).await;
            admin.until(&run, "waiting").await;
            let all = admin.get("approvals").await.expect(200).json();
            let all = all["items"].as_array().unwrap().clone();
            let approval = all.iter().find(|approval| approval["run"] == run.as_str()).unwrap()["id"].clone();
            body = Some(json!({ "approve": true }));
            target = approval.as_str().map(str::to_owned);
            end.replace("{id}", approval.as_str().unwrap())
        }
        ("POST", "credentials") => {
            body = Some(credential(&unique("made")));
            end.to_owned()
        }
        ("DELETE", "credentials/{id}") => {
            let made = admin.post("credentials", credential(&unique("gone"))).await.expect(201);
            target = Some(made.text_of("id"));
            format!("credentials/{}", made.text_of("id"))
        }
        (_, end)
            if ["guardrails/", "credentials/{id}/", "connections", "siem"].iter().any(|of| end.starts_with(of)) =>
        {
            let (path, asks, about) = crate::prepared_more::prepare(admin, method, end).await;
            (body, target) = (asks, about);
            path
        }
        ("GET" | "PATCH", "credentials/{id}") => {
            let (path, asks, about) = crate::prepared_more::prepare(admin, method, end).await;
            (body, target) = (asks, about);
            path
        }
        (_, end) if end.starts_with("audit/") => {
            let (path, asks, about) = audit(admin, method, end).await;
            (body, target) = (asks, about);
            path
        }
        _ => end.replace("{code}", "NL-1001"),
    };
    Prepared { path, body, target }
}

/// The same for the routes of the audit trail.
async fn audit(admin: &Client, method: &str, end: &str) -> (String, Option<Json>, Option<String>) {
    let checkpoint = async || {
        // a proof makes a checkpoint when there is none that covers the entry
        admin.get("audit/proof?sequence=1").await.expect(200);
        admin.get("audit/checkpoints/latest").await.expect(200).json()
    };
    match (method, end) {
        (_, "audit/entries/{id}") => {
            let id = admin.get("audit?limit=1").await.expect(200).json()["items"][0]["id"].as_str().unwrap().to_owned();
            (format!("audit/entries/{id}"), None, Some(id))
        }
        (_, "audit/touched") => ("audit/touched?target=wf_1".to_owned(), None, None),
        (_, "audit/searches/{name}") => {
            let name = unique("search");
            let query = json!({ "operation": "run.start", "address": "192.0.2.7" });
            admin.put(&format!("audit/searches/{name}"), query.clone()).await.expect(200);
            (format!("audit/searches/{name}"), (method == "PUT").then_some(query), None)
        }
        (_, "audit/proof") => ("audit/proof?sequence=1".to_owned(), None, None),
        (_, "audit/consistency") => {
            let number = checkpoint().await["number"].as_u64().unwrap();
            (format!("audit/consistency?from={number}"), None, None)
        }
        (_, "audit/checkpoints/{number}/cosignatures") => {
            let shown = checkpoint().await;
            let number = shown["number"].as_u64().unwrap();
            let line = cosignature(shown["note"].as_str().unwrap());
            let path = format!("audit/checkpoints/{number}/cosignatures");
            (path, Some(json!({ "cosignature": line })), None)
        }
        (_, "audit/checkpoints/{number}") => {
            checkpoint().await;
            ("audit/checkpoints/latest".to_owned(), None, None)
        }
        (_, "audit/purge") => (end.to_owned(), Some(json!({ "before": "2020-01-01T00:00:00Z" })), None),
        (_, "audit/erasures") => {
            let nobody = format!("user_{:032x}", rand::random::<u128>());
            (end.to_owned(), Some(json!({ "person": nobody })), None)
        }
        _ => (end.to_owned(), None, None),
    }
}

/// What the witness of the server's settings says under a note.
pub fn cosignature(note: &str) -> String {
    use aws_lc_rs::signature::Ed25519KeyPair;
    use base64::{Engine, engine::general_purpose::STANDARD};
    let pair = Ed25519KeyPair::from_seed_unchecked(&[33; 32]).unwrap();
    let text = &note[..=note.rfind("\n\n").unwrap()];
    let signature = pair.sign(format!("cosignature/v1\ntime 1770000000\n{text}").as_bytes());
    let id = hex::decode("bd3bdcf5").unwrap();
    let blob = [id, 1_770_000_000_u64.to_be_bytes().to_vec(), signature.as_ref().to_vec()].concat();
    format!("\u{2014} witness.test/one {}", STANDARD.encode(blob))
}

/// A new account for machines; its id.
pub async fn machine(admin: &Client) -> String {
    let body = json!({ "name": unique("machine"), "role": "operator" });
    admin.post("service-accounts", body).await.expect(201).text_of("id")
}

pub fn credential(name: &str) -> Json {
    json!({ "name": name, "kind": "api_key", "value": "not-a-real-one-0123456789", "hosts": ["api.example.com"] })
}

/// Every route below a team but the one that ends it, which has journeys of its own.
pub fn team_routes() -> Vec<Route> {
    let ends = |route: &Route| route.method == reqwest::Method::DELETE && route.path.ends_with("/team");
    let ours = |route: &Route| route.path.starts_with("/api/v1/teams/") && !ends(route);
    server::routes::table().into_iter().filter(ours).collect()
}
