//! What these journeys share: a provider, a person who connects, and short words for both.

use domain::Role;
use egress::Url;
use journeys::{Answer, Browser, Server, sent};
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::double::{CLIENT, Double, Quirks, client_secret, settings};

/// Below the demo team's development.
pub fn at(path: &str) -> String {
    format!("/api/v1/teams/demo/development/{path}")
}

/// As Zoom does it: Basic, PKCE, refresh tokens that work once.
pub fn rotating() -> Quirks {
    Quirks { basic: true, pkce: true, rotates: true, expires_in: Some(json!(3600)), ..Quirks::default() }
}

/// A provider that sends people back to this server.
pub async fn provider(server: &Server, quirks: Quirks) -> Double {
    let double = Double::start(quirks).await;
    double.state.lock().unwrap().back = format!("{}/api/v1/oauth/callback", server.url());
    double
}

/// An admin at a browser, with a client of `name` registered.
pub async fn admin(server: &Server, name: &str, double: &Double, path: &str) -> Browser {
    let browser = server.browser(server.team().await, Role::Admin).await;
    let client = json!({ "client_id": CLIENT, "client_secret": client_secret(), "settings": settings(double, path) });
    browser.put(&at(&format!("connections/clients/{name}")), client).await.expect(204);
    browser
}

/// A connection that has begun: where the browser goes, and the cookie that it was given.
pub struct Begun {
    pub url: Url,
    pub state: String,
    /// `name=value`
    pub cookie: String,
    pub answer: Answer,
}

impl Begun {
    pub fn of(answer: Answer) -> Self {
        let answer = answer.expect(201);
        let url = Url::parse(&answer.text_of("authorize_url")).unwrap();
        let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
        Self { state: field(&url, "state").unwrap(), url, cookie, answer }
    }
    /// Where the provider sends the browser after the person has agreed.
    pub fn agreed(&self, double: &Double) -> String {
        self.back(&format!("code={}", double.agree(&self.url)))
    }
    pub fn back(&self, more: &str) -> String {
        format!("/api/v1/oauth/callback?{more}&state={}", self.state)
    }
}

pub async fn begin(browser: &Browser, body: Json) -> Begun {
    Begun::of(browser.post(&at("connections"), body).await)
}

pub fn field(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(n, _)| n == name).map(|(_, v)| v.into_owned())
}

/// The same way back, asked for as JSON with these cookies alone.
pub async fn as_json(server: &Server, path: &str, cookies: &[&str]) -> Answer {
    let request = server.client.anonymous().request(Method::GET, path).header("accept", "application/json");
    sent(request.header("cookie", cookies.join("; "))).await
}
/// The cookie of the browser's session.
pub fn session(browser: &Browser) -> String {
    format!("__Host-nodeloom-access={}", browser.cookie("__Host-nodeloom-access").unwrap())
}

/// To the provider and back, at the browser; the credential's id.
pub async fn connected(browser: &Browser, double: &Double, body: Json) -> String {
    let begun = begin(browser, body).await;
    let back = browser.get(&begun.agreed(double)).await.expect(303);
    let to = back.header("location");
    let id = to.split_once("?connected=").unwrap_or_else(|| panic!("{to}")).1;
    id.to_owned()
}

/// The one word in the address that the browser is sent back to when it failed.
#[track_caller]
pub fn connect_error(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{}", answer.text);
    let to = answer.header("location");
    to.split_once("?connect_error=").unwrap_or_else(|| panic!("{to}")).1.to_owned()
}

/// Every credential that is listed.
pub async fn listed(server: &Server) -> Vec<Json> {
    server.client.all("credentials", 50).await
}

/// A workflow of HTTP calls, one after the other.
pub fn calls(name: &str, calls: &[(&str, Json)]) -> Json {
    let nodes: Vec<Json> = calls
        .iter()
        .map(|(id, parameters)| json!({ "id": id, "type": "HTTP_REQUEST", "parameters": parameters }))
        .collect();
    json!({ "name": name, "nodes": nodes })
}

pub async fn ran(server: &Server, definition: Json) -> Json {
    let workflow = server.client.deploy(definition).await;
    server.client.run(&workflow, json!({})).await
}

/// Neither an access nor a refresh token of the double, of any age, nor the client's secret.
#[track_caller]
pub fn no_token(text: &str) {
    for word in ["double-access-", "double-refresh-", client_secret().as_str()] {
        assert!(!text.contains(word), "{word} in {text}");
    }
}
