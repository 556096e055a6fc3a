//! Connections at work: runs use their tokens, tokens are refreshed, grants end and are made again, and are given back.

use std::time::Duration;

use journeys::{Server, doubles::on_both_open, eventually};
use serde_json::{Value as Json, json};

use crate::{
    double::{Double, Mood, Quirks},
    support::*,
};

async fn credential(server: &Server, id: &str) -> Json {
    server.client.get(&format!("credentials/{id}")).await.expect(200).json()
}

fn asks(double: &Double, name: &str, how_often: usize) -> Json {
    let parameters = json!({ "url": format!("{}/api/me", double.address), "credential": "my zoom" });
    let body = json!({ "nodes": [{ "id": "ask", "type": "HTTP_REQUEST", "parameters": parameters }], "edges": [] });
    let items: Vec<usize> = (0..how_often).collect();
    json!({ "name": name, "nodes": [{ "id": "each", "type": "FOR_EACH",
        "parameters": { "items": items, "max_parallel": how_often, "body": body } }] })
}

/// R077: a token near its end is refreshed once for everybody who needs it; nobody sees it.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_refreshes_a_token_once_for_all_its_calls() {
    on_both_open(async |server| {
        let double = provider(server, Quirks { expires_in: Some(json!(1)), ..rotating() }).await;
        let browser = admin(server, "zoom", &double, "").await;
        let id = connected(&browser, &double, json!({ "provider": "zoom", "name": "my zoom" })).await;
        double.state.lock().unwrap().quirks.expires_in = Some(json!(3600));
        eventually("the token nears its end", Duration::from_secs(20), || async {
            (credential(server, &id).await["status"] == "expiring").then_some(())
        })
        .await;
        let run = ran(server, asks(&double, "together", 8)).await;
        assert_eq!(run["status"], "succeeded", "{run}");
        assert_eq!(double.refreshes(), 1, "one refresh for eight calls");
        assert_eq!(double.wrong(), Vec::<String>::new());
        let after = credential(server, &id).await;
        assert_eq!((&after["status"], &after["version"]), (&json!("active"), &json!(2)));
        assert!(after["last_used_at"].is_string());
        no_token(&json!([run, after]).to_string());
    })
    .await;
}

/// A token that the API refuses before its time is refreshed and the call made again; a fresh one that it refuses was
/// revoked, and that is shown.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_is_refreshed_once_and_then_taken_for_revoked() {
    on_both_open(async |server| {
        let double = provider(server, rotating()).await;
        let browser = admin(server, "zoom", &double, "").await;
        let id = connected(&browser, &double, json!({ "provider": "zoom", "name": "my zoom" })).await;
        double.state.lock().unwrap().access = Some("double-access-of-somebody-else".to_owned());
        let run = ran(server, asks(&double, "early", 1)).await;
        assert_eq!((&run["status"], double.refreshes()), (&json!("succeeded"), 1), "{run}");
        double.state.lock().unwrap().access = Some("double-access-of-somebody-else".to_owned());
        let run = ran(server, asks(&double, "revoked", 1)).await;
        assert_eq!((&run["status"], double.refreshes()), (&json!("failed"), 1), "{run}");
        let after = credential(server, &id).await;
        assert_eq!(after["status"], "revoked", "{after}");
        let run = ran(server, asks(&double, "after it", 1)).await;
        assert!(run["failure"]["message"].as_str().unwrap().contains("connect again"), "{run}");
        no_token(&json!([run, after]).to_string());
    })
    .await;
}

/// `invalid_grant`: the run says what to do, the status says it too, and connecting again makes it whole under its name.
#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_is_gone_is_connected_again() {
    on_both_open(async |server| {
        let double = provider(server, rotating()).await;
        let browser = admin(server, "zoom", &double, "").await;
        let body = json!({ "provider": "zoom", "name": "my zoom", "scopes": ["meeting:read"] });
        let id = connected(&browser, &double, body).await;
        // the API answers 401, and the refresh that follows `invalid_grant`
        double.state.lock().unwrap().ended = true;
        let run = ran(server, asks(&double, "gone", 1)).await;
        assert_eq!(run["status"], "failed", "{run}");
        let shown = credential(server, &id).await;
        assert_eq!(shown["status"], "reauthorization_required", "{shown}");
        assert_eq!(shown["connection"]["reason"], "invalid_grant");
        let run = ran(server, asks(&double, "still gone", 1)).await;
        assert!(run["failure"]["message"].as_str().unwrap().contains("made again"), "{run}");
        let test = server.client.post(&format!("credentials/{id}/test"), json!({})).await.problem("422 NL-3104");
        assert_eq!(test.text_of("reason"), "reauthorization_required");

        {
            let mut state = double.state.lock().unwrap();
            (state.ended, state.refresh) = (false, None);
        }
        let begun = Begun::of(browser.post(&at(&format!("connections/{id}/reconnect")), json!({})).await);
        assert_eq!(field(&begun.url, "scope").as_deref(), Some("user:read:user meeting:read"), "what it had before");
        let back = browser.get(&begun.agreed(&double)).await.expect(303);
        assert!(back.header("location").ends_with(&format!("connected={id}")), "{:?}", back.headers);
        let shown = credential(server, &id).await;
        assert_eq!((&shown["status"], &shown["name"]), (&json!("active"), &json!("my zoom")));
        assert_eq!(ran(server, asks(&double, "whole again", 1)).await["status"], "succeeded");
        assert_eq!(listed(server).await.len(), 1);
        // what is no connection cannot be connected again
        let key = json!({ "name": "key", "kind": "api_key", "value": "0123456789", "hosts": [] });
        let key = server.client.post("credentials", key).await.expect(201).text_of("id");
        browser.post(&at(&format!("connections/{key}/reconnect")), json!({})).await.problem("404 NL-3001");
        let value = json!({ "value": "a token from elsewhere" });
        browser.put(&at(&format!("credentials/{id}/value")), value).await.problem("422 NL-3103");
    })
    .await;
}

/// R099: a connection that is deleted is given back to its provider first; one that does not take it back does not keep it
/// alive here, and the answer says what is left to do.
#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_connection_is_given_back() {
    on_both_open(async |server| {
        let double = provider(server, rotating()).await;
        let browser = admin(server, "zoom", &double, "").await;
        let make = async |name: &str| connected(&browser, &double, json!({ "provider": "zoom", "name": name })).await;
        let delete = async |id: &str| browser.delete(&at(&format!("credentials/{id}"))).await.expect(200);
        let id = make("good").await;
        let (access, _) = double.tokens_of();
        assert_eq!(delete(&id).await.json(), json!({ "revoked": "yes" }));
        let given = double.state.lock().unwrap().revoked.clone();
        assert_eq!(given.len(), 1);
        assert!(given[0] == access.unwrap() || Some(&given[0]) == double.tokens_of().1.as_ref(), "{given:?}");
        browser.get(&at(&format!("credentials/{id}"))).await.problem("404 NL-3001");
        browser.delete(&at(&format!("credentials/{id}"))).await.problem("404 NL-3001");

        {
            let mut state = double.state.lock().unwrap();
            (state.ended, state.refresh) = (false, None);
        }
        let id = make("away").await;
        double.mood(Mood::Status(503));
        let answer = delete(&id).await.json();
        assert_eq!(answer["revoked"], "no");
        assert!(answer["note"].as_str().unwrap().contains("503"), "{answer}");
        browser.get(&at(&format!("credentials/{id}"))).await.problem("404 NL-3001");
        double.mood(Mood::Well);

        // a provider without a call for it: people do it by hand
        let microsoft = provider(server, Quirks { pkce: true, rotates: true, ..Quirks::default() }).await;
        let mut settings = json!(crate::double::settings(&microsoft, "/{tenant}/oauth2/v2.0"));
        settings["revoke_url"].take();
        let body = json!({ "client_id": crate::double::CLIENT, "client_secret": crate::double::client_secret(),
            "settings": settings });
        browser.put(&at("connections/clients/microsoft"), body).await.expect(204);
        let id = connected(&browser, &microsoft, json!({ "provider": "microsoft", "name": "by hand" })).await;
        let answer = delete(&id).await.json();
        assert_eq!(answer["revoked"], "by_hand");
        assert!(answer["note"].is_string(), "{answer}");
        let deleted = server.client.all("audit?operation=credential.delete&result=succeeded", 50).await;
        assert_eq!(deleted.len(), 3, "{deleted:?}");
        assert!(listed(server).await.is_empty());
    })
    .await;
}

/// A provider that is away for a while: the run fails with words, the grant stays, and the next run after it is well.
#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_away_ends_no_grant() {
    on_both_open(async |server| {
        let double = provider(server, rotating()).await;
        let browser = admin(server, "zoom", &double, "").await;
        let id = connected(&browser, &double, json!({ "provider": "zoom", "name": "my zoom" })).await;
        double.mood(Mood::Status(503));
        let run = ran(server, asks(&double, "away", 1)).await;
        assert_eq!(run["status"], "failed", "{run}");
        assert_eq!(credential(server, &id).await["status"], "active");
        double.mood(Mood::Well);
        let run = ran(server, asks(&double, "well", 1)).await;
        assert_eq!(run["status"], "succeeded", "{run}");
        let tested = server.client.post(&format!("credentials/{id}/test"), json!({})).await.expect(200).json();
        assert_eq!((&tested["works"], &tested["result"]), (&json!(true), &json!("ok")));
    })
    .await;
}
