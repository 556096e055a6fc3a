//! Sessions: listed and ended by their owner, renewed when rights change, asked for proof before dangerous acts; and the
//! bad input of the identity notes that falls on requests.

use std::time::{Duration, Instant};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use domain::Role;
use journeys::{PASSWORD, Server, Socket, on_both, on_sqlite, sent};
use reqwest::Method;
use serde_json::json;

const TEAM: &str = "/api/v1/teams/demo/development";

async fn ids(browser: &journeys::Browser) -> Vec<(String, bool)> {
    let list = browser.get("/api/v1/me/sessions").await.expect(200).json();
    let of = |one: &serde_json::Value| (one["id"].as_str().unwrap().to_owned(), one["current"].as_bool().unwrap());
    list["items"].as_array().unwrap().iter().map(of).collect()
}

/// Issue 5: list and end one's sessions; those of others are not there.
#[tokio::test(flavor = "multi_thread")]
async fn ones_sessions_are_listed_and_ended() {
    on_both(async |server| {
        let demo = server.team().await;
        let (here, other) = (server.browser(demo, Role::Viewer).await, server.browser(demo, Role::Admin).await);
        let there = server.at_browser(here.user, &here.email);
        there.sign_in(PASSWORD).await.expect(200);
        let third = server.at_browser(here.user, &here.email);
        third.sign_in(PASSWORD).await.expect(200);
        let all = ids(&here).await;
        assert_eq!((all.len(), all.iter().filter(|(_, current)| *current).count()), (3, 1));
        let list = here.get("/api/v1/me/sessions").await.json();
        assert_eq!(
            (list["items"][0]["client"].as_str(), list["items"][0]["user_agent"].as_str()),
            (Some("127.0.0.1"), Some("journeys"))
        );
        let own = ids(&there).await.into_iter().find(|(_, current)| *current).unwrap().0;
        other.delete(&format!("/api/v1/me/sessions/{own}")).await.problem("404 NL-3001");
        here.delete(&format!("/api/v1/me/sessions/{own}")).await.expect(204);
        there.get("/api/v1/me").await.problem("401 NL-2001");
        there.refresh().await.problem("401 NL-2001");
        here.delete("/api/v1/me/sessions").await.expect(204);
        third.get("/api/v1/me").await.problem("401 NL-2001");
        assert_eq!(ids(&here).await.len(), 1);
        server.client.get("/api/v1/me/sessions").await.problem("403 NL-2003");
    })
    .await;
}

/// OWASP ASVS 7.4.5: whoever holds the machine ends all sessions of a person; the running server notices.
#[tokio::test(flavor = "multi_thread")]
async fn the_operator_ends_the_sessions_of_a_person() {
    on_sqlite(async |server| {
        let person = server.browser(server.team().await, Role::Operator).await;
        let other = server.browser(server.team().await, Role::Operator).await;
        let config = server.rooms.config.clone();
        server::commands::user(config, person.email.clone(), server::commands::UserAct::EndSessions).await.unwrap();
        let ended = || async { (person.get("/api/v1/me").await.status == 401).then_some(()) };
        journeys::eventually("the session ends", Duration::from_secs(5), ended).await;
        person.post("/api/v1/auth/refresh", json!({})).await.problem("401 NL-2001");
        other.get("/api/v1/me").await.expect(200);
    })
    .await;
}

/// Issue 5: a changed password ends every other session and gives this one another id.
#[tokio::test(flavor = "multi_thread")]
async fn a_changed_password_ends_the_other_sessions() {
    on_sqlite(async |server| {
        let here = server.browser(server.team().await, Role::Viewer).await;
        let there = server.at_browser(here.user, &here.email);
        there.sign_in(PASSWORD).await.expect(200);
        let before = here.copied();
        let change = |old: &str, new: &str| json!({ "current": old, "password": new });
        let path = "/api/v1/me/password";
        here.post(path, change("not the password", "twelve slow barges")).await.problem("401 NL-2002");
        here.post(path, change(PASSWORD, "password1234")).await.problem("422 NL-2006");
        here.post(path, change(PASSWORD, "twelve slow barges")).await.expect(200);
        here.get("/api/v1/me").await.expect(200);
        for ended in [&before, &there] {
            ended.get("/api/v1/me").await.problem("401 NL-2001");
        }
        here.sign_in(PASSWORD).await.problem("401 NL-2002");
        here.sign_in("twelve slow barges").await.expect(200);
    })
    .await;
}

/// Issue 5: dangerous acts ask for proof that is not older than ten minutes.
#[tokio::test(flavor = "multi_thread")]
async fn dangerous_acts_ask_for_proof() {
    on_both(async |server| {
        let demo = server.team().await;
        let admin = server.person_with_password(demo, Role::Admin).await;
        server.signed_in_a_while_ago(&admin).await;
        let member = server.person(demo, Role::Viewer, None).await;
        let change = format!("{TEAM}/members/{}", member.id);
        admin.get(&format!("{TEAM}/members")).await.expect(200);
        admin.put(&change, json!({ "role": "operator" })).await.problem("403 NL-2010");
        for route in server::routes::table().iter().filter(|route| route.facts.proof == server::route::Proof::Asked) {
            let path = route.path.replace("{team}", "demo").replace("{environment}", "development");
            let answer = admin.send(route.method.clone(), &path.replace("{id}", "user_x"), None).await;
            assert_eq!((answer.status, answer.code().as_str()), (403, "NL-2010"), "{} {path}", route.method);
        }
        let keys = format!("{TEAM}/api-keys");
        admin.post(&keys, json!({ "name": "all that an admin may" })).await.problem("403 NL-2010");
        admin.post(&keys, json!({ "name": "x", "permissions": ["team.manage"] })).await.problem("403 NL-2010");
        admin.post(&keys, json!({ "name": "only to look", "permissions": ["workflow.view"] })).await.expect(201);

        let before = admin.copied();
        admin.post("/api/v1/me/step-up", json!({ "password": "wrong" })).await.problem("401 NL-2002");
        admin.post("/api/v1/me/step-up", json!({ "password": PASSWORD })).await.expect(200);
        admin.put(&change, json!({ "role": "operator" })).await.expect(200);
        admin.post(&keys, json!({ "name": "all that an admin may" })).await.expect(201);
        before.get("/api/v1/me").await.problem("401 NL-2001");
        let refused = server.client.all("audit?operation=member.role&result=refused", 50).await;
        assert!(refused.len() >= 2, "{refused:?}");
    })
    .await;
}

/// Issue 5: a role that changes gives sessions another id, and a right that is taken away is gone within five seconds,
/// on sockets too.
#[tokio::test(flavor = "multi_thread")]
async fn taken_rights_are_gone_within_five_seconds_everywhere() {
    on_both(async |server| {
        let demo = server.team().await;
        let (admin, person) = (server.browser(demo, Role::Admin).await, server.browser(demo, Role::Operator).await);
        let mut socket = Socket::open(&person.as_client(), "events", None).await.unwrap();
        let member = format!("{TEAM}/members/{}", person.user);
        let before = person.copied();
        admin.put(&member, json!({ "role": "viewer" })).await.expect(200);
        let changed = Instant::now();
        while socket.frame(Duration::from_secs(30)).await.is_some() {}
        assert!(changed.elapsed() < Duration::from_secs(20), "{:?}", changed.elapsed());
        person.get("/api/v1/me").await.problem("401 NL-2001");
        person.refresh().await.expect(200);
        let me = person.get("/api/v1/me").await.expect(200).json();
        assert_eq!(me["teams"][0]["role"], "viewer");
        assert_ne!(before.cookie("__Host-nodeloom-access"), person.cookie("__Host-nodeloom-access"));
        before.refresh().await.problem("401 NL-2001");

        let mut socket = Socket::open(&person.as_client(), "events", None).await.unwrap();
        admin.delete(&member).await.expect(204);
        while socket.frame(Duration::from_secs(30)).await.is_some() {}
        person.refresh().await.expect(200);
        person.get(&format!("{TEAM}/workflows")).await.problem("404 NL-3001");
        assert!(person.get("/api/v1/me").await.json()["teams"].as_array().unwrap().is_empty());
    })
    .await;
}

/// Identity notes: a JWT with alg none or another alg, cookies twice, a missing or foreign CSRF proof, a foreign origin.
#[tokio::test(flavor = "multi_thread")]
async fn forged_and_doubled_credentials_are_refused() {
    on_sqlite(async |server| {
        let person = server.browser(server.team().await, Role::Admin).await;
        let token = person.cookie("__Host-nodeloom-access").unwrap();
        let parts: Vec<_> = token.split('.').collect();
        let header = String::from_utf8(BASE64.decode(parts[0]).unwrap()).unwrap();
        for alg in ["none", "None", "HS512", "RS256", ""] {
            let forged = BASE64.encode(header.replace("HS256", alg));
            for tag in ["", parts[2]] {
                let bearer = format!("{forged}.{}.{tag}", parts[1]);
                server.client.with_key(&bearer).get("/api/v1/me").await.problem("401 NL-2001");
            }
        }
        server.client.with_key(&token).get("/api/v1/me").await.expect(200);
        let nobody = server.client.anonymous();
        let ask = |cookie: String| nobody.request(Method::GET, "/api/v1/me").header("cookie", cookie);
        let one = format!("__Host-nodeloom-access={token}");
        sent(ask(one.clone())).await.expect(200);
        sent(ask(format!("{one}; {one}"))).await.problem("401 NL-2001");
        sent(ask(one.clone()).header("cookie", "__Host-nodeloom-access=planted")).await.problem("401 NL-2001");

        let csrf = person.cookie("__Host-nodeloom-csrf").unwrap();
        let other = server.browser(server.team().await, Role::Admin).await;
        let post = |csrf: Option<String>, origin: Option<String>| {
            let mut request = nobody.request(Method::POST, &format!("{TEAM}/workflows")).json(&json!({}));
            if let Some(csrf) = csrf {
                let both = format!("{one}; __Host-nodeloom-csrf={csrf}");
                request = request.header("cookie", both).header("x-csrf-token", csrf);
            }
            if let Some(origin) = origin {
                request = request.header("origin", origin);
            }
            sent(request)
        };
        let own = Some(server.url());
        let bare = nobody.request(Method::POST, &format!("{TEAM}/workflows")).header("cookie", one.clone());
        sent(bare.header("origin", server.url()).json(&json!({}))).await.problem("403 NL-2004");
        post(other.cookie("__Host-nodeloom-csrf"), own.clone()).await.problem("403 NL-2004");
        post(Some("guess".to_owned()), own.clone()).await.problem("403 NL-2004");
        post(Some(csrf.clone()), Some("https://evil.example".to_owned())).await.problem("403 NL-2004");
        assert_ne!(post(Some(csrf), own).await.status, 403);
        let wrong = [("password", 73), ("email", 5)];
        for (field, length) in wrong {
            let body = json!({ "email": person.email, "password": PASSWORD, field: "x".repeat(length) });
            person.post("/api/v1/auth/login", body).await.problem("401 NL-2002");
        }
    })
    .await;
}

/// Identity notes: a refresh token that comes back after its grace ends the family, and the trail says so.
#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_refresh_token_ends_the_session() {
    let server = Server::start().await;
    let person = server.person_with_password(server.team().await, Role::Viewer).await;
    let then = server.rooms.clock.now() - Duration::from_secs(60);
    let from = identity::session::Browser { client: [127, 0, 0, 1].into(), user_agent: None };
    let headers = reqwest::header::HeaderMap::new();
    let secret = domain::Secret::new(PASSWORD.to_owned());
    let step = server.rooms.identity.sign_in(&person.email, secret, &headers, from, then).await.unwrap();
    let identity::sign_in::Step::SignedIn(first) = step else { panic!("a second step") };
    let cookie = format!("__Host-nodeloom-refresh={}", first.refresh.expose());
    let with = |value: &str| {
        let mut headers = reqwest::header::HeaderMap::new();
        headers.insert("cookie", value.parse().unwrap());
        headers
    };
    // Used half a minute ago, by whoever was first.
    server.rooms.identity.refresh(&with(&cookie), then + Duration::from_secs(30)).await.unwrap();
    let again = server.client.anonymous().request(Method::POST, "/api/v1/auth/refresh").header("cookie", &cookie);
    sent(again).await.problem("401 NL-2001");
    server.client.with_key(first.access.expose()).get("/api/v1/me").await.problem("401 NL-2001");
    let list = server.rooms.store.sessions_of(authz::act_as_system("a test looks"), person.user).await.unwrap();
    assert!(list.is_empty(), "{list:?}");
    server.stop().await;
}
