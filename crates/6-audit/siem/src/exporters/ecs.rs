//! An event in the Elastic Common Schema. The whole event stands in `event.original` as text, so that what a detail
//! holds can never clash with a mapping.

use serde_json::{Map, json};

use super::quoted;
use crate::event::{Content, Event};

const VERSION: &str = "9.0.0";

/// The dataset of a stream; the test event goes where the audit trail goes, for a key may be good for that alone.
pub(super) fn dataset(stream: &str) -> &'static str {
    match stream {
        "security" => "nodeloom.security",
        "checkpoints" => "nodeloom.checkpoint",
        _ => "nodeloom.audit",
    }
}

pub(super) fn document(event: &Event, namespace: &str, most: usize) -> String {
    let (category, kind) = class(event);
    let mut ecs = Map::new();
    ecs.insert("@timestamp".to_owned(), json!(event.at));
    ecs.insert("ecs".to_owned(), json!({ "version": VERSION }));
    ecs.insert("message".to_owned(), json!(event.message));
    ecs.insert(
        "data_stream".to_owned(),
        json!({ "type": "logs", "dataset": dataset(event.stream), "namespace": namespace }),
    );
    ecs.insert("organization".to_owned(), json!({ "id": event.team }));
    ecs.insert("service".to_owned(), json!({ "name": "nodeloom", "environment": event.environment }));
    ecs.insert(
        "nodeloom".to_owned(),
        json!({ "stream": event.stream, "chain": event.chain, "prev_hash": event.prev_hash,
                "severity": event.severity.as_str() }),
    );
    let mut inner = Map::new();
    inner.insert("id".to_owned(), json!(event.id));
    inner.insert("kind".to_owned(), json!(if event.stream == "security" { "alert" } else { "event" }));
    inner.insert("category".to_owned(), json!([category]));
    inner.insert("type".to_owned(), json!([kind]));
    inner.insert("action".to_owned(), json!(event.action));
    inner.insert("outcome".to_owned(), json!(event.outcome));
    inner.insert("provider".to_owned(), json!("nodeloom"));
    inner.insert("module".to_owned(), json!("nodeloom"));
    inner.insert("dataset".to_owned(), json!(dataset(event.stream)));
    inner.insert("severity".to_owned(), json!(event.severity.number()));
    inner.insert("sequence".to_owned(), json!(event.sequence));
    inner.insert("hash".to_owned(), json!(event.hash));
    inner.insert("created".to_owned(), json!(event.at));
    if let Some(audit) = event.audit_part() {
        if let Some(micros) = audit.duration_micros {
            inner.insert("duration".to_owned(), json!(micros.saturating_mul(1000)));
        }
        if let Some(request) = &audit.request {
            ecs.insert("http".to_owned(), json!({ "request": { "id": request } }));
        }
        if let Some(target) = &audit.target {
            inner.insert("reference".to_owned(), json!(target));
        }
    }
    let mut related = Map::new();
    if let Some(user) = event.user() {
        related.insert("user".to_owned(), json!([user]));
        ecs.insert("user".to_owned(), json!({ "id": user }));
    }
    if let Some(subject) = event.subject() {
        if let Some(address) = subject.address {
            related.insert("ip".to_owned(), json!([address]));
            ecs.insert("source".to_owned(), json!({ "ip": address }));
            ecs.insert("client".to_owned(), json!({ "ip": address }));
        }
        if let Some(agent) = &subject.user_agent {
            ecs.insert("user_agent".to_owned(), json!({ "original": agent }));
        }
    }
    if !related.is_empty() {
        ecs.insert("related".to_owned(), related.into());
    }
    if let Content::Security(security) = &event.content {
        ecs.insert("rule".to_owned(), json!({ "name": security.kind.as_str() }));
    }
    let mut text = serde_json::to_string(&ecs).unwrap_or_default();
    let mut inner = serde_json::to_string(&inner).unwrap_or_default();
    inner.pop();
    // as a string in a string it may double: half of what is allowed
    inner.push_str(&format!(",\"original\":{}}}", quoted(&event.text(most / 2))));
    text.pop();
    text.push_str(&format!(",\"event\":{inner}}}"));
    text
}

/// Category and type, out of ECS's own words.
fn class(event: &Event) -> (&'static str, &'static str) {
    if event.stream == "security" {
        return ("intrusion_detection", if event.outcome == "failure" { "denied" } else { "info" });
    }
    if event.stream != "audit" {
        return ("configuration", "info");
    }
    let (noun, verb) = event.action.split_once('.').unwrap_or((&event.action, ""));
    let category = match noun {
        "session" | "password" | "second_factor" | "email" => "authentication",
        "user" | "person" | "member" | "invitation" | "service_account" | "api_key" | "team" | "scim" | "sso" => "iam",
        "audit" | "run" | "approval" => "api",
        _ => "configuration",
    };
    let starts = |words: &[&str]| words.iter().any(|word| verb.starts_with(word));
    let kind = match () {
        () if event.outcome == "failure" => "denied",
        () if noun == "session" && verb == "create" => "start",
        () if noun == "session" && starts(&["end", "revoke"]) => "end",
        () if starts(&["create", "add", "accept"]) => "creation",
        () if starts(&["delete", "remove", "purge", "erase"]) => "deletion",
        () if starts(&["view", "list", "read", "export", "verify", "prove"]) => "access",
        () => "change",
    };
    (category, kind)
}
