//! Workflows: saved, versioned, put into service, taken along the environments, exported and imported.

use journeys::{
    Client, on_both,
    workflows::{echo, hooked},
};
use serde_json::json;

/// R004, R266: what is saved can be published, called and read back.
#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_is_saved_published_and_run() {
    on_both(async |server| {
        let client = &server.client;
        let id = client.deploy(hooked("first", "first", json!({}))).await;
        assert_eq!(client.run(&id, json!({ "a": 1 })).await["output"], json!({ "echo": { "a": 1 } }));
        assert_eq!(client.hook("first", json!([2])).await.expect(200).json(), json!({ "echo": [2] }));
    })
    .await;
}
