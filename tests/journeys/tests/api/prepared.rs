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
        ("POST", "workflows" | "workflows/validate") => {
            body = Some(json!({ "definition": echo(&unique("made")) }));
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
        ("POST", "guardrails/check") => {
            body = Some(json!({ "input": "hello" }));
            end.to_owned()
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
        _ => end.replace("{code}", "NL-1001"),
    };
    Prepared { path, body, target }
}

pub fn credential(name: &str) -> Json {
    json!({ "name": name, "kind": "api_key", "value": "not-a-real-one-0123456789", "hosts": ["api.example.com"] })
}

/// Every route below a team.
pub fn team_routes() -> Vec<Route> {
    server::routes::table().into_iter().filter(|route| route.path.starts_with("/api/v1/teams/")).collect()
}
