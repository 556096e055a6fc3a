//! What a provider may answer instead of a token. Each has a name, and nothing of it is kept.

use journeys::doubles::{Act, Double as Plain, on_both_open};
use serde_json::json;

use crate::{double::Mood, support::*};

/// An answer of 200 with an error in it, a page, half an answer, no token, an expired one, `invalid_grant`, a redirect to
/// another host, 4xx and 5xx: as JSON and at the browser; nothing is kept, nothing is told, nobody else learns a secret.
#[tokio::test(flavor = "multi_thread")]
async fn every_bad_answer_has_a_name_and_leaves_nothing() {
    on_both_open(async |server| {
        let elsewhere = Plain::playing([Act::Echo]).await;
        let moods = [
            (Mood::Error200("bad_verification_code"), "refused"),
            (Mood::Error200("invalid_grant"), "invalid_grant"),
            (Mood::Error200("invalid_client"), "client_refused"),
            (Mood::Html, "html"),
            (Mood::Garbage, "unreadable"),
            (Mood::NoToken, "no_token"),
            (Mood::Expired, "expired_token"),
            (Mood::Gone, "invalid_grant"),
            (Mood::Redirect(elsewhere.url("/steal")), "redirected"),
            (Mood::Status(418), "refused"),
            (Mood::Status(429), "provider_unavailable"),
            (Mood::Status(500), "provider_unavailable"),
            (Mood::Status(503), "provider_unavailable"),
        ];
        let double = provider(server, rotating()).await;
        let browser = admin(server, "zoom", &double, "").await;
        for (mood, reason) in moods {
            double.mood(mood.clone());
            let begun = begin(&browser, json!({ "provider": "zoom", "name": "bad" })).await;
            let answer = as_json(server, &begun.agreed(&double), &[&session(&browser), &begun.cookie]).await;
            let answer = answer.problem("422 NL-3104");
            assert_eq!(answer.text_of("reason"), reason, "{mood:?}: {}", answer.text);
            no_token(&answer.text);
            let begun = begin(&browser, json!({ "provider": "zoom", "name": "bad" })).await;
            let answer = browser.get(&begun.agreed(&double)).await;
            assert_eq!(connect_error(&answer), reason, "{mood:?}");
            no_token(answer.header("location"));
            assert!(listed(server).await.is_empty(), "{mood:?}: nothing half-saved");
        }
        assert_eq!(elsewhere.seen().len(), 0, "no secret was sent after the redirect");
        // the provider is not there at all
        let nowhere = json!({ "client_id": "an-id", "client_secret": "a-secret-that-goes-nowhere",
            "settings": { "token_url": "http://127.0.0.1:9/token" } });
        browser.put(&at("connections/clients/github"), nowhere).await.expect(204);
        let begun = begin(&browser, json!({ "provider": "github", "name": "nowhere" })).await;
        let path = begun.back("code=any");
        let answer = as_json(server, &path, &[&session(&browser), &begun.cookie]).await.problem("422 NL-3104");
        assert_eq!(answer.text_of("reason"), "provider_unavailable", "{}", answer.text);
        // the control: the same client, once the provider is well
        double.mood(Mood::Well);
        let id = connected(&browser, &double, json!({ "provider": "zoom", "name": "good" })).await;
        assert_eq!(browser.get(&at(&format!("credentials/{id}"))).await.json()["status"], "active");
    })
    .await;
}

/// What nobody can connect: an unknown provider, one without a client, scopes and parameters that cannot be, a client
/// whose addresses are not right.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_begun_is_named() {
    on_both_open(async |server| {
        let double = provider(server, rotating()).await;
        let browser = admin(server, "zoom", &double, "").await;
        let begin = |body| browser.post("/api/v1/teams/demo/development/connections", body);
        begin(json!({ "provider": "myspace", "name": "x" })).await.problem("404 NL-3001");
        let no_client = begin(json!({ "provider": "google", "name": "x" })).await.problem("422 NL-3103");
        assert_eq!(no_client.text_of("reason"), "no_client");
        for (body, reason) in [
            (json!({ "provider": "zoom", "name": "x", "scopes": ["a b"] }), "bad_scope"),
            (json!({ "provider": "zoom", "name": "x", "scopes": ["a,b"] }), "bad_scope"),
            (json!({ "provider": "zoom", "name": "x", "parameters": { "shop": "acme" } }), "bad_parameter"),
        ] {
            assert_eq!(begin(body.clone()).await.problem("422 NL-3103").text_of("reason"), reason, "{body}");
        }
        begin(json!({ "provider": "zoom", "name": " x" })).await.problem("422 NL-3103");
        begin(json!({ "provider": "zoom", "name": "x", "hosts": ["https://a.example/"] })).await.problem("422 NL-3103");
        begin(json!({ "provider": "zoom", "name": "x", "redirect_uri": "https://evil.example" }))
            .await
            .problem("400 NL-1003");
        let client = |settings| {
            let body = json!({ "client_id": "id", "client_secret": "s3cret-of-a-client", "settings": settings });
            browser.put("/api/v1/teams/demo/development/connections/clients/custom", body)
        };
        let bad = client(json!({ "authorize_url": "https://a.example/a" })).await.problem("422 NL-3103");
        assert!(!bad.text.contains("s3cret-of-a-client"));
        client(json!({ "no_such_setting": 1 })).await.problem("400 NL-1003");
        assert!(listed(server).await.is_empty());
    })
    .await;
}
