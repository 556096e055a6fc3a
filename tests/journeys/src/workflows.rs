//! Small workflows, and short ways to put them into service and run them.

use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::{Answer, Client, eventually};

/// Passes its input through a template: `{"echo": input}`.
pub fn echo(name: &str) -> Json {
    json!({ "name": name, "nodes": [
        { "id": "shape", "type": "TRANSFORM", "parameters": { "template": { "echo": "{{ input }}" } } }
    ] })
}

/// The same behind a webhook at `path`, whose parameters `more` adds to.
pub fn hooked(name: &str, path: &str, more: Json) -> Json {
    let mut parameters = json!({ "path": path });
    for (key, value) in more.as_object().into_iter().flatten() {
        parameters[key] = value.clone();
    }
    json!({ "name": name, "nodes": [
        { "id": "in", "type": "WEBHOOK", "parameters": parameters },
        { "id": "shape", "type": "TRANSFORM", "parameters": { "template": { "echo": "{{ input }}" } } }
    ] })
}

/// Waits `ms` and then says so: long enough to be paused or cancelled.
pub fn slow(name: &str, ms: u64) -> Json {
    json!({ "name": name, "nodes": [
        { "id": "wait", "type": "DELAY", "parameters": { "for_ms": ms } },
        { "id": "shape", "type": "TRANSFORM", "parameters": { "template": "done" } }
    ] })
}

impl Client {
    /// Saves a new workflow; its id.
    pub async fn save(&self, definition: Json) -> String {
        self.post("workflows", json!({ "definition": definition })).await.expect(201).text_of("id")
    }
    /// Puts the newest version into service in this environment.
    pub async fn publish(&self, id: &str) -> Answer {
        self.post(&format!("workflows/{id}/publish"), json!({})).await
    }
    /// Saves and publishes; its id.
    pub async fn deploy(&self, definition: Json) -> String {
        let id = self.save(definition).await;
        self.publish(&id).await.expect(200);
        id
    }
    /// Starts a run and does not wait; its id.
    pub async fn begin(&self, workflow: &str, input: Json) -> String {
        self.post(&format!("workflows/{workflow}/runs"), json!({ "input": input })).await.text_of("id")
    }
    /// Runs to the end; the run.
    pub async fn run(&self, workflow: &str, input: Json) -> Json {
        let body = json!({ "input": input, "wait_seconds": 60 });
        self.post(&format!("workflows/{workflow}/runs"), body).await.expect(200).json()
    }
    /// The run once it has `status`.
    pub async fn until(&self, run: &str, status: &str) -> Json {
        eventually(&format!("{run} becomes {status}"), Duration::from_secs(30), || async {
            let found = self.get(&format!("runs/{run}")).await.json();
            (found["status"] == status).then_some(found)
        })
        .await
    }
    /// Calls a webhook of this team and environment.
    pub async fn hook(&self, path: &str, body: Json) -> Answer {
        self.anonymous().post(&format!("/hooks/{}/{}/{path}", self.team, self.environment), body).await
    }
}
