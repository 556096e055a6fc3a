//! The set-up link, the session that it makes, and what a browser may do with it.

use journeys::{Answer, Server, on_both, sent, workflows::echo};
use reqwest::{Method, RequestBuilder};
use serde_json::json;

const EMAIL: &str = "first@people.test";
const PASSWORD: &str = "seven plain words make this long enough";

async fn link(server: &Server) -> String {
    let token = server.rooms.identity.new_setup_token(server.rooms.clock.now()).await.unwrap();
    token.expect("nobody is an admin yet").expose().clone()
}

async fn send_form(server: &Server, token: &str, password: &str) -> Answer {
    let form = format!("token={token}&email={}&password={}", EMAIL.replace('@', "%40"), password.replace(' ', "+"));
    let request = server.client.anonymous().request(Method::POST, "/setup").body(form);
    sent(request.header("origin", server.url()).header("content-type", "application/x-www-form-urlencoded")).await
}

fn cookies(answer: &Answer) -> Vec<String> {
    answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap().to_owned()).collect()
}

/// The cookies as a browser sends them back, and the CSRF token.
fn jar(answer: &Answer) -> (String, String) {
    let pairs: Vec<_> = cookies(answer).iter().map(|cookie| cookie.split(';').next().unwrap().to_owned()).collect();
    let csrf = pairs.iter().find_map(|pair| pair.strip_prefix("__Host-nodeloom-csrf=")).unwrap().to_owned();
    (pairs.join("; "), csrf)
}

/// The link shows a form; a weak password is shown on the page and costs nothing; it works once.
#[tokio::test(flavor = "multi_thread")]
async fn the_link_makes_one_admin() {
    on_both(async |server| {
        let token = link(server).await;
        let page = server.client.anonymous().get(&format!("/setup?token={token}")).await.expect(200);
        assert!(page.text.contains("<form") && page.header("content-type").starts_with("text/html"));
        for weak in ["short", "password1234"] {
            let answer = send_form(server, &token, weak).await.expect(422);
            assert!(answer.text.contains("role=\"alert\"") && answer.text.contains(&token), "{}", answer.text);
        }
        let wrong = send_form(server, "not-the-token", PASSWORD).await;
        assert_eq!(wrong.status, 410);

        let done = send_form(server, &token, PASSWORD).await.expect(201);
        assert!(!done.text.contains(PASSWORD));
        let key = done.text.split("<code>").nth(1).unwrap().split('<').next().unwrap();
        let me = server.client.with_key(key).get("/api/v1/me").await.expect(200);
        assert!(me.text_of("principal").starts_with("key_"));
        assert!(me.json()["teams"].as_array().unwrap().iter().all(|team| team["role"] == "admin"), "{}", me.text);
        server.client.with_key(key).save(echo("first admin's")).await;

        let again = send_form(server, &token, PASSWORD).await.expect(410);
        assert!(again.text.contains("no longer valid") && cookies(&again).is_empty());
        assert!(server.rooms.identity.new_setup_token(server.rooms.clock.now()).await.unwrap().is_none());
    })
    .await;
}

/// A token that comes as markup comes back as text.
#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_markup_as_text() {
    on_both(async |server| {
        let page = server.client.anonymous().get("/setup?token=%22%3E%3Cscript%3Ealert(1)%3C/script%3E").await;
        assert!(!page.text.contains("<script"), "{}", page.text);
    })
    .await;
}

/// Session cookies are out of reach of scripts, of other sites and of plain HTTP.
#[tokio::test(flavor = "multi_thread")]
async fn cookies_are_sealed_off() {
    on_both(async |server| {
        let done = send_form(server, &link(server).await, PASSWORD).await.expect(201);
        let all = cookies(&done);
        let find = |name: &str| all.iter().find(|cookie| cookie.starts_with(name)).unwrap_or_else(|| panic!("{all:?}"));
        for sealed in [find("__Host-nodeloom-access="), find("__Host-nodeloom-refresh=")] {
            for part in ["Secure", "HttpOnly", "SameSite=", "Path=/;"] {
                assert!(sealed.contains(part), "{sealed}");
            }
            assert!(!sealed.contains("Domain"), "{sealed}");
        }
        assert!(find("__Host-nodeloom-refresh=").contains("SameSite=Strict"));
        let csrf = find("__Host-nodeloom-csrf=");
        assert!(csrf.contains("Secure") && !csrf.contains("HttpOnly"), "our own page reads it: {csrf}");
    })
    .await;
}

fn with_cookies(server: &Server, method: Method, path: &str, jar: &str) -> RequestBuilder {
    server.client.anonymous().request(method, path).header("cookie", jar)
}

/// A change by cookie needs the CSRF token and our own origin; a read needs neither.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_by_cookie_needs_the_token_and_our_origin() {
    on_both(async |server| {
        let (jar, csrf) = jar(&send_form(server, &link(server).await, PASSWORD).await.expect(201));
        sent(with_cookies(server, Method::GET, "workflows", &jar)).await.expect(200);
        let save = |name: &str| {
            with_cookies(server, Method::POST, "workflows", &jar).json(&json!({ "definition": echo(name) }))
        };
        let origin = server.url();
        sent(save("a").header("origin", &origin)).await.problem("403 NL-2004");
        sent(save("b").header("origin", &origin).header("x-csrf-token", "made.up")).await.problem("403 NL-2004");
        sent(save("c").header("origin", "https://evil.example").header("x-csrf-token", &csrf))
            .await
            .problem("403 NL-2004");
        sent(save("d").header("sec-fetch-site", "cross-site").header("x-csrf-token", &csrf))
            .await
            .problem("403 NL-2004");
        sent(save("e").header("origin", &origin).header("x-csrf-token", &csrf)).await.expect(201);
        let names = server.client.all("workflows", 50).await;
        assert!(["a", "b", "c", "d"].iter().all(|name| names.iter().all(|w| w["name"] != *name)));
    })
    .await;
}

/// Sign in, renew, sign out; after that the session is over everywhere.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_made_renewed_and_ended() {
    on_both(async |server| {
        send_form(server, &link(server).await, PASSWORD).await.expect(201);
        let origin = server.url();
        let login = |password: &str| {
            let request =
                server.client.anonymous().request(Method::POST, "/api/v1/auth/login").header("origin", &origin);
            sent(request.json(&json!({ "email": EMAIL, "password": password })))
        };
        login("not the password at all").await.problem("401 NL-2002");
        let (cookies, csrf) = jar(&login(PASSWORD).await.expect(200));
        let post = |path: &str, cookies: &str, csrf: &str| {
            sent(
                with_cookies(server, Method::POST, path, cookies)
                    .header("origin", &origin)
                    .header("x-csrf-token", csrf),
            )
        };
        let (renewed, csrf_after) = jar(&post("/api/v1/auth/refresh", &cookies, &csrf).await.expect(200));
        sent(with_cookies(server, Method::GET, "/api/v1/me", &renewed)).await.expect(200);
        // A refresh token that was used ends the session: it was stolen, or its thief was first.
        post("/api/v1/auth/logout", &renewed, &csrf_after).await.expect(204);
        sent(with_cookies(server, Method::GET, "/api/v1/me", &renewed)).await.problem("401 NL-2001");
        post("/api/v1/auth/refresh", &renewed, &csrf_after).await.problem("401 NL-2001");
    })
    .await;
}

/// R027: attempts to sign in have a window of their own.
#[tokio::test(flavor = "multi_thread")]
async fn attempts_to_sign_in_are_limited() {
    let settings = journeys::Settings::default().set("NODELOOM_LIMITS__AUTHENTICATION_PER_MINUTE", 3);
    let server = Server::with(settings).await;
    let nobody = server.client.anonymous();
    let attempt = |n: u32| {
        let body = json!({ "email": format!("nobody{n}@people.test"), "password": "not the password at all" });
        nobody.post("/api/v1/auth/login", body)
    };
    for n in 0..3 {
        attempt(n).await.problem("401 NL-2002");
    }
    let refused =
        server.client.anonymous().post("/api/v1/auth/login", json!({ "email": "x@y.test", "password": "p" })).await;
    assert!(refused.problem("429 NL-1002").header("retry-after").parse::<u64>().is_ok());
    server.client.get("workflows").await.expect(200);
    server.stop().await;
}

/// What is no form is refused with a problem, like everywhere else.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_form_is_refused() {
    on_both(async |server| {
        let nobody = server.client.anonymous();
        nobody.post("/setup", json!({ "token": "x" })).await.problem("415 NL-1004");
        let form = nobody.request(Method::POST, "/setup").header("content-type", "application/x-www-form-urlencoded");
        sent(form.body("token=x")).await.problem("400 NL-1008");
        nobody.get("/setup?token=a&token=b").await.problem("400 NL-1008");
    })
    .await;
}
