//! To a provider and back: at a browser, as JSON, and with what a thief might have.

use domain::Role;
use journeys::{PASSWORD, doubles::on_both_open, sent};
use reqwest::Method;
use serde_json::json;

use crate::support::*;

/// R071, R076, R078, R079, R094: the whole way, as a person at a browser goes it.
#[tokio::test(flavor = "multi_thread")]
async fn a_person_connects_at_a_browser() {
    on_both_open(async |server| {
        let double = provider(server, rotating()).await;
        let browser = admin(server, "zoom", &double, "").await;
        let shown = browser.get(&at("connections/providers")).await.expect(200).json();
        let zoom = shown["items"].as_array().unwrap().iter().find(|one| one["name"] == "zoom").unwrap().clone();
        assert_eq!((&zoom["ready"], &zoom["pkce"], &zoom["revocable"]), (&json!(true), &json!(true), &json!(true)));
        let client = browser.get(&at("connections/clients")).await.expect(200);
        assert_eq!(client.json()["items"][0]["has_secret"], true);
        no_token(&client.text);

        let begun = begin(&browser, json!({ "provider": "zoom", "name": "my zoom", "scopes": ["meeting:read"] })).await;
        assert_eq!(field(&begun.url, "scope").as_deref(), Some("user:read:user meeting:read"));
        assert_eq!(field(&begun.url, "redirect_uri"), Some(format!("{}/api/v1/oauth/callback", server.url())));
        assert_eq!(field(&begun.url, "code_challenge_method").as_deref(), Some("S256"));
        assert_eq!((begun.state.len(), field(&begun.url, "code_challenge").unwrap().len()), (43, 43));
        let cookie = begun.answer.header("set-cookie");
        for part in ["__Host-nodeloom-connect-", "Secure", "HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=600"] {
            assert!(cookie.contains(part), "{part}: {cookie}");
        }
        no_token(begun.url.as_str());
        assert!(listed(server).await.is_empty(), "nothing is kept before the person has agreed");

        let path = begun.agreed(&double);
        let back = browser.get(&path).await.expect(303);
        let id = back
            .header("location")
            .strip_prefix(&format!("{}/t/demo/development/credentials?connected=", server.url()))
            .unwrap();
        assert!(back.header("set-cookie").contains("Max-Age=0"), "the cookie has done its work");
        assert_eq!(double.wrong(), Vec::<String>::new());
        let kept = browser.get(&at(&format!("credentials/{id}"))).await.expect(200);
        let credential = kept.json();
        assert_eq!((&credential["kind"], &credential["status"]), (&json!("oauth_token"), &json!("active")));
        assert_eq!((&credential["provider"], &credential["version"]), (&json!("zoom"), &json!(1)));
        let connection = &credential["connection"];
        assert_eq!(connection["requested_scopes"], json!(["user:read:user", "meeting:read"]), "more is recorded");
        assert_eq!((&connection["refreshable"], &connection["failures"]), (&json!(true), &json!(0)));
        assert_eq!(connect_error(&browser.get(&path).await), "bad_state", "a state is used once");

        // R079: what was asked for stands in the audit trail, and what came of it
        let client = &server.client;
        let begun = client.all("audit?operation=connection.begin", 50).await;
        assert!(json!(begun).to_string().contains("meeting:read"), "{begun:?}");
        let finished = client.all("audit?operation=connection.finish&result=succeeded", 50).await;
        assert!(json!(finished).to_string().contains(id), "{finished:?}");
        for text in [&kept.text, &back.text, &json!([begun, finished, listed(server).await]).to_string()] {
            no_token(text);
        }
    })
    .await;
}

/// The same for a program that asks for JSON; what fails is a problem with a reason.
#[tokio::test(flavor = "multi_thread")]
async fn a_program_connects_and_is_answered_in_json() {
    on_both_open(async |server| {
        let double = provider(server, rotating()).await;
        let browser = admin(server, "zoom", &double, "").await;
        let begun = begin(&browser, json!({ "provider": "zoom", "name": "json" })).await;
        let (session, path) = (session(&browser), begun.agreed(&double));
        let made = as_json(server, &path, &[&session, &begun.cookie]).await.expect(200);
        assert_eq!((made.text_of("name"), made.text_of("status")), ("json".to_owned(), "active".to_owned()));
        no_token(&made.text);
        let again = as_json(server, &path, &[&session, &begun.cookie]).await.problem("422 NL-3104");
        assert_eq!(again.text_of("reason"), "bad_state");
        // the person said no
        let begun = begin(&browser, json!({ "provider": "zoom", "name": "no" })).await;
        let said_no = begun.back("error=access_denied&error_description=<script>");
        let denied = as_json(server, &said_no, &[&session, &begun.cookie]).await.problem("422 NL-3104");
        assert_eq!(denied.text_of("reason"), "denied");
        assert!(!denied.text.contains("<script>"), "{}", denied.text);
        let begun = begin(&browser, json!({ "provider": "zoom", "name": "no" })).await;
        assert_eq!(connect_error(&browser.get(&begun.back("error=access_denied")).await), "denied");
        assert_eq!(listed(server).await.len(), 1);
    })
    .await;
}

/// The attacks: a thief has the address with state and code; the browser's cookie as well; a session as well, of
/// somebody else or of the same person elsewhere. None of it is enough, and none of it spoils the way back of whoever
/// began, which is the control.
#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_way_back_is_worth_nothing() {
    on_both_open(async |server| {
        let double = provider(server, rotating()).await;
        let browser = admin(server, "zoom", &double, "").await;
        let team = server.team().await;
        let begun = begin(&browser, json!({ "provider": "zoom", "name": "mine" })).await;
        let path = begun.agreed(&double);

        let nobody = as_json(server, &path, &[&begun.cookie]).await;
        assert_eq!(nobody.status, 401, "{}", nobody.text);
        let thief = server.browser(team, Role::Admin).await;
        assert_eq!(connect_error(&thief.get(&path).await), "other_browser");
        let theirs = as_json(server, &path, &[&session(&thief), &begun.cookie]).await.problem("422 NL-3104");
        assert_eq!(theirs.text_of("reason"), "other_session", "even with the cookie");
        let elsewhere = server.at_browser(browser.user, &browser.email);
        elsewhere.sign_in(PASSWORD).await.expect(200);
        assert_eq!(connect_error(&elsewhere.get(&path).await), "other_browser", "the same person, elsewhere");
        let same = as_json(server, &path, &[&session(&elsewhere), &begun.cookie]).await.problem("422 NL-3104");
        assert_eq!(same.text_of("reason"), "other_session");
        let mine = session(&browser);
        let without = as_json(server, &path, &[&mine]).await.problem("422 NL-3104");
        assert_eq!(without.text_of("reason"), "other_browser");
        let name = begun.cookie.split_once('=').unwrap().0;
        let wrong = as_json(server, &path, &[&mine, &format!("{name}=AAAA")]).await.problem("422 NL-3104");
        assert_eq!(wrong.text_of("reason"), "other_browser");
        let guessed = path.replace(&begun.state, &"A".repeat(43));
        let guessed = as_json(server, &guessed, &[&mine, &begun.cookie]).await.problem("422 NL-3104");
        assert_eq!(guessed.text_of("reason"), "bad_state");
        let twice = format!("{path}&state=x");
        let twice = as_json(server, &twice, &[&mine, &begun.cookie]).await.problem("422 NL-3104");
        assert_eq!(twice.text_of("reason"), "bad_state");
        let stranger = server.other_team().await;
        let stranger = sent(stranger.request(Method::GET, &path).header("accept", "application/json")).await;
        assert!([403, 404].contains(&stranger.status), "{} {}", stranger.status, stranger.text);
        assert!(double.seen().is_empty(), "no code was spent on any of them");
        assert!(listed(server).await.is_empty());

        let id = browser.get(&path).await.expect(303).header("location").rsplit('=').next().unwrap().to_owned();
        assert!(id.starts_with("cred_"), "{id}");
        // every refusal is in the trail
        let refused = server.client.all("audit?operation=connection.finish", 50).await;
        assert!(
            refused.iter().filter(|entry| ["refused", "failed"].contains(&entry["result"].as_str().unwrap())).count()
                >= 4,
            "{refused:?}"
        );
    })
    .await;
}

/// A session that ran out while its person was at the provider: the browser is sent to the page, which renews the session and
/// finishes; until then nothing is used up, and without the session nothing is finished.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ran_out_on_the_way_is_renewed_and_goes_on() {
    on_both_open(async |server| {
        let double = provider(server, rotating()).await;
        let browser = admin(server, "zoom", &double, "").await;
        let begun = begin(&browser, json!({ "provider": "zoom", "name": "mine" })).await;
        let path = begun.agreed(&double);
        let without = sent(server.client.anonymous().request(Method::GET, &path).header("cookie", &begun.cookie)).await;
        assert_eq!(without.status, 303, "{}", without.text);
        let to = egress::Url::parse(without.header("location")).unwrap();
        assert_eq!(to.path(), "/t/demo/development/credentials");
        let query = field(&to, "finish").unwrap();
        assert!(double.seen().is_empty() && listed(server).await.is_empty());
        browser.refresh().await.expect(200);
        let path = format!("/api/v1/oauth/callback?{query}");
        let made = as_json(server, &path, &[&session(&browser), &begun.cookie]).await.expect(200);
        assert_eq!(made.text_of("status"), "active");
        // a state that nobody made leads nowhere
        sent(server.client.anonymous().request(Method::GET, "/api/v1/oauth/callback?state=x&code=y"))
            .await
            .problem("401 NL-2001");
    })
    .await;
}

/// Somebody who was demoted while they were at the provider brings nothing back.
#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_was_lost_on_the_way_is_lost() {
    on_both_open(async |server| {
        let double = provider(server, rotating()).await;
        let browser = admin(server, "zoom", &double, "").await;
        let begun = begin(&browser, json!({ "provider": "zoom", "name": "mine" })).await;
        let path = begun.agreed(&double);
        server.give_role(server.team().await, browser.user, Role::Viewer).await;
        let refused = as_json(server, &path, &[&session(&browser), &begun.cookie]).await;
        assert_eq!((refused.status, refused.code().as_str()), (403, "NL-2003"), "{}", refused.text);
        assert!(double.seen().is_empty() && listed(server).await.is_empty());
    })
    .await;
}
