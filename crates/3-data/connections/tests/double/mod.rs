//! A provider that plays every quirk: it checks what it is sent as strictly as the real one, and can be told to misbehave.

#![allow(dead_code, reason = "every test file uses its own part")]
#![allow(clippy::unwrap_used, reason = "a double that cannot do its work should stop the test")]

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use authz::{
    Permit,
    action::{ManageCredential, UseCredential},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use bytes::Bytes;
use connections::{Begun, Callback, ClientSettings, Connect, Connections, Error, NewClient};
use domain::{Json, Secret};
use egress::{Egress, Policy, Url};
use harness::{Ground, permit_for, scope};
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::json;
use store::{CredentialRow, Effects};
use tokio::net::TcpListener;
use vault::{RootKeys, Vault, keys};

/// Assembled, so that no file holds what looks like a secret.
pub fn client_secret() -> String {
    ["client", "secret", "of", "the+double/=&"].join("-")
}
pub const CLIENT: &str = "the-client.id";
pub const BACK: &str = "https://nodeloom.example/api/v1/oauth/callback";

/// What a provider does at its token address.
#[derive(Debug, Clone, Default)]
pub struct Quirks {
    pub basic: bool,
    pub json: bool,
    pub pkce: bool,
    /// A header that every token request has.
    pub header: Option<(&'static str, &'static str)>,
    /// Fields that every token request has.
    pub fields: Vec<(&'static str, &'static str)>,
    /// Fields that a refresh has besides.
    pub refresh_fields: Vec<(&'static str, &'static str)>,
    /// A refresh token works once, and using it again ends the grant.
    pub rotates: bool,
    /// No refresh token at all.
    pub no_refresh: bool,
    pub expires_in: Option<Json>,
    /// Merged into every answer.
    pub more: Option<Json>,
    /// Put where the provider puts it.
    pub shape: Option<fn(Json) -> Json>,
    /// How it says no: status and body.
    pub no: Option<(u16, fn(&str) -> Json)>,
    /// Answers as a form.
    pub form_answer: bool,
    /// How long an answer takes.
    pub slow: Duration,
}

/// What it does instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mood {
    Well,
    Status(u16),
    Html,
    Error200(&'static str),
    NoToken,
    Expired,
    Redirect(String),
    Garbage,
    Gone,
}

#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    pub path: String,
    pub headers: HashMap<String, String>,
    pub body: String,
    pub fields: HashMap<String, String>,
}

pub struct State {
    pub quirks: Quirks,
    pub mood: Mood,
    pub seen: Vec<Seen>,
    /// Code to challenge.
    codes: HashMap<String, Option<String>>,
    pub refresh: Option<String>,
    pub access: Option<String>,
    pub issued: u32,
    pub refreshes: u32,
    pub ended: bool,
    pub revoked: Vec<String>,
    pub wrong: Vec<String>,
    /// The redirect URI that is registered.
    pub back: String,
}

#[derive(Clone)]
pub struct Double {
    pub state: Arc<Mutex<State>>,
    pub address: String,
}

impl Double {
    pub async fn start(quirks: Quirks) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let state = State {
            quirks,
            mood: Mood::Well,
            seen: Vec::new(),
            codes: HashMap::new(),
            refresh: None,
            access: None,
            issued: 0,
            refreshes: 0,
            ended: false,
            revoked: Vec::new(),
            wrong: Vec::new(),
            back: BACK.to_owned(),
        };
        let double = Self { state: Arc::new(Mutex::new(state)), address };
        let serving = double.clone();
        tokio::spawn(async move {
            loop {
                let Ok((socket, _)) = listener.accept().await else { return };
                let double = serving.clone();
                tokio::spawn(async move {
                    let answer = service_fn(move |request| {
                        let double = double.clone();
                        async move { Ok::<_, std::convert::Infallible>(double.answer(request).await) }
                    });
                    _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), answer).await;
                });
            }
        });
        double
    }
    pub fn mood(&self, mood: Mood) {
        self.state.lock().unwrap().mood = mood;
    }
    pub fn seen(&self) -> Vec<Seen> {
        self.state.lock().unwrap().seen.clone()
    }
    pub fn refreshes(&self) -> u32 {
        self.state.lock().unwrap().refreshes
    }
    pub fn tokens_of(&self) -> (Option<String>, Option<String>) {
        let state = self.state.lock().unwrap();
        (state.access.clone(), state.refresh.clone())
    }
    /// The person has agreed: a code for what the browser was sent with.
    pub fn agree(&self, authorize: &Url) -> String {
        let mut state = self.state.lock().unwrap();
        let challenge = authorize.query_pairs().find(|(n, _)| n == "code_challenge").map(|(_, v)| v.into_owned());
        if state.quirks.pkce && challenge.is_none() {
            state.wrong.push("no code_challenge".to_owned());
        }
        let code = format!("code-{}", state.codes.len() + 1);
        state.codes.insert(code.clone(), challenge);
        code
    }
    /// What was sent that the provider would not have taken.
    pub fn wrong(&self) -> Vec<String> {
        self.state.lock().unwrap().wrong.clone()
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let body = String::from_utf8_lossy(&body.collect().await.unwrap().to_bytes()).into_owned();
        let headers: HashMap<String, String> = head
            .headers
            .iter()
            .map(|(n, v)| (n.as_str().to_owned(), String::from_utf8_lossy(v.as_bytes()).into_owned()))
            .collect();
        let is_json = headers.get("content-type").is_some_and(|kind| kind.contains("json"));
        let fields: HashMap<String, String> = if is_json {
            serde_json::from_str::<HashMap<String, Json>>(&body)
                .unwrap_or_default()
                .into_iter()
                .map(|(n, v)| (n, v.as_str().unwrap_or_default().to_owned()))
                .collect()
        } else {
            let url = Url::parse(&format!("http://x/?{body}")).unwrap();
            url.query_pairs().map(|(n, v)| (n.into_owned(), v.into_owned())).collect()
        };
        let path = head.uri.path().to_owned();
        let seen = Seen { method: head.method.to_string(), path: path.clone(), headers, body, fields };
        let slow = self.state.lock().unwrap().quirks.slow;
        if !slow.is_zero() {
            tokio::time::sleep(slow).await;
        }
        let mut state = self.state.lock().unwrap();
        state.seen.push(seen.clone());
        match state.mood.clone() {
            Mood::Status(status) => return answer(status, "application/json", "{}"),
            Mood::Html => return answer(200, "text/html; charset=utf-8", "<!doctype html><title>Sorry</title>"),
            Mood::Garbage => return answer(200, "application/json", "{\"access_token\": \"cut o"),
            Mood::Redirect(to) => {
                let mut redirect = answer(307, "text/plain", "");
                redirect.headers_mut().insert("location", to.parse().unwrap());
                return redirect;
            }
            Mood::Error200(code) => {
                return answer(200, "application/json", &json!({ "error": code, "ok": false }).to_string());
            }
            Mood::NoToken => {
                return answer(200, "application/json", "{\"token_type\":\"bearer\",\"access_token\":\"\"}");
            }
            Mood::Expired => {
                let body = json!({ "access_token": "a-token-of-the-past", "expires_in": -5 }).to_string();
                return answer(200, "application/json", &body);
            }
            Mood::Gone => return answer(400, "application/json", "{\"error\":\"invalid_grant\"}"),
            Mood::Well => {}
        }
        if path.contains("revoke") || seen.method == "DELETE" {
            let token = seen.fields.get("token").or(seen.fields.get("access_token")).cloned();
            let token = token.or_else(|| seen.headers.get("authorization").cloned());
            let token = token.or_else(|| seen.headers.get("x-shopify-access-token").cloned());
            state.revoked.push(token.unwrap_or_default());
            state.ended = true;
            return answer(200, "application/json", "{\"ok\":true,\"revoked\":true}");
        }
        if path.contains("resources") {
            let body = json!([{ "id": "11223344-site", "url": "https://acme.atlassian.example", "scopes": [] }]);
            return answer(200, "application/json", &body.to_string());
        }
        if path.contains("api") {
            let with = format!("Bearer {}", state.access.clone().unwrap_or_default());
            let fine = seen.headers.get("authorization") == Some(&with) && !state.ended;
            return answer(if fine { 200 } else { 401 }, "application/json", &json!({ "ok": fine }).to_string());
        }
        state.token(&seen)
    }
}

fn answer(status: u16, kind: &str, body: &str) -> Response<Full<Bytes>> {
    let answer = Response::builder().status(status).header("content-type", kind);
    answer.body(Full::new(Bytes::from(body.to_owned()))).unwrap()
}

impl State {
    fn no(&mut self, code: &str, why: &str) -> Response<Full<Bytes>> {
        self.wrong.push(format!("{code}: {why}"));
        let (status, body) = self.quirks.no.unwrap_or((400, |code| json!({ "error": code })));
        answer(status, "application/json", &body(code).to_string())
    }

    fn token(&mut self, seen: &Seen) -> Response<Full<Bytes>> {
        let quirks = self.quirks.clone();
        let field = |name: &str| seen.fields.get(name).map(String::as_str);
        if seen.method != "POST" || seen.path.contains('?') {
            return self.no("invalid_request", "tokens are asked for by POST");
        }
        let is_json = seen.headers.get("content-type").is_some_and(|kind| kind.contains("json"));
        if is_json != quirks.json {
            return self.no("invalid_request", "the body has the wrong form");
        }
        if let Some((name, value)) = quirks.header
            && seen.headers.get(name).map(String::as_str) != Some(value)
        {
            return self.no("invalid_request", name);
        }
        let authorization = seen.headers.get("authorization").cloned();
        if quirks.basic {
            let encoded = |text: &str| {
                let mut url = Url::parse("http://x/").unwrap();
                url.query_pairs_mut().append_pair("x", text);
                url.query().unwrap()[2..].to_owned()
            };
            let wanted =
                format!("Basic {}", STANDARD.encode(format!("{}:{}", encoded(CLIENT), encoded(&client_secret()))));
            if authorization.as_deref() != Some(&wanted) || field("client_secret").is_some() {
                return self.no("invalid_client", "Basic is wanted, and the secret nowhere else");
            }
        } else if authorization.is_some()
            || field("client_id") != Some(CLIENT)
            || field("client_secret") != Some(&client_secret())
        {
            return self.no("invalid_client", "the client is wanted in the body");
        }
        for (name, value) in &quirks.fields {
            if field(name) != Some(value) {
                return self.no("invalid_request", name);
            }
        }
        match field("grant_type") {
            Some("authorization_code") => {
                let Some(challenge) = self.codes.remove(field("code").unwrap_or_default()) else {
                    return self.no("invalid_grant", "a code that is not known or was used");
                };
                if field("redirect_uri") != Some(self.back.as_str()) {
                    return self.no("invalid_grant", "another redirect_uri");
                }
                let verifier = field("code_verifier");
                if quirks.pkce {
                    let hash =
                        aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.unwrap_or_default().as_bytes());
                    if challenge.as_deref() != Some(&*URL_SAFE_NO_PAD.encode(hash.as_ref())) {
                        return self.no("invalid_grant", "the verifier is not the challenge's");
                    }
                } else if verifier.is_some() || challenge.is_some() {
                    return self.no("invalid_request", "PKCE is not known here");
                }
            }
            Some("refresh_token") => {
                self.refreshes += 1;
                for (name, value) in &quirks.refresh_fields {
                    if field(name) != Some(value) {
                        return self.no("invalid_request", name);
                    }
                }
                if self.ended || field("refresh_token") != self.refresh.as_deref() {
                    // Used again: whoever has the old one may be a thief.
                    self.ended |= quirks.rotates;
                    return self.no("invalid_grant", "a refresh token that is not known or was used");
                }
            }
            _ => return self.no("unsupported_grant_type", "grant_type"),
        }
        self.issued += 1;
        let n = self.issued;
        let access = format!("double-access-{n}-0a1b2c3d4e5f");
        let mut body = json!({ "access_token": access, "token_type": "bearer" });
        self.access = Some(access);
        if !quirks.no_refresh && (quirks.rotates || self.refresh.is_none()) {
            let refresh = format!("double-refresh-{n}-9f8e7d6c5b4a");
            body["refresh_token"] = json!(refresh);
            self.refresh = Some(refresh);
        }
        if let Some(seconds) = &quirks.expires_in {
            body["expires_in"] = seconds.clone();
        }
        if let Some(Json::Object(more)) = &quirks.more {
            for (name, value) in more {
                body[name] = value.clone();
            }
        }
        let body = quirks.shape.map_or(body.clone(), |shape| shape(body));
        if quirks.form_answer {
            let mut url = Url::parse("http://x/").unwrap();
            for (name, value) in body.as_object().unwrap() {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                url.query_pairs_mut().append_pair(name, &text);
            }
            return answer(200, "application/x-www-form-urlencoded; charset=utf-8", url.query().unwrap());
        }
        answer(200, "application/json; charset=utf-8", &body.to_string())
    }
}

/// Connections on a database, with a way out to doubles.
pub async fn connections(ground: &Ground) -> Connections {
    connections_with(ground, &keys::generate().unwrap()).await
}
pub async fn connections_with(ground: &Ground, root: &Secret<String>) -> Connections {
    let vault = Vault::start(&RootKeys::new(root, &[]).unwrap(), ground.store.clone()).await.unwrap();
    let egress = Egress::new(Policy::allowing(["127.0.0.1", "localhost"]).unwrap()).unwrap();
    Connections::new(vault, ground.store.clone(), egress, ground.clock.clock())
}
pub fn manage() -> Permit<ManageCredential> {
    permit_for(scope(1))
}
pub fn using() -> Permit<UseCredential> {
    permit_for(scope(1))
}

/// A provider's own data with the double's addresses in place of its hosts.
pub fn settings(double: &Double, path: &str) -> ClientSettings {
    let at = |end: &str| Some(format!("{}{path}/{end}", double.address));
    ClientSettings {
        authorize_url: at("authorize"),
        token_url: at("token"),
        revoke_url: at("revoke"),
        resources_url: at("resources"),
        probe_url: at("api/me"),
        api_hosts: Some(vec!["127.0.0.1".to_owned()]),
        ..ClientSettings::default()
    }
}
pub async fn register(connections: &Connections, provider: &str, settings: ClientSettings) {
    let client_secret = Some(Secret::new(client_secret()));
    let new = NewClient { provider: provider.to_owned(), client_id: CLIENT.to_owned(), client_secret, settings };
    connections.put_client(&manage(), new, Effects::none()).await.unwrap();
}
pub fn wanted(provider: &str, parameters: Json) -> Connect {
    Connect {
        provider: provider.to_owned(),
        name: format!("my {provider}"),
        scopes: Vec::new(),
        hosts: Vec::new(),
        parameters,
        again: None,
        session: "session-1".to_owned(),
        redirect_uri: BACK.to_owned(),
    }
}
pub async fn begin(connections: &Connections, connect: Connect) -> Result<Begun, Error> {
    connections.begin(&manage(), &using(), connect, Effects::none()).await
}
pub fn back(begun: &Begun, more: &[(&str, &str)]) -> Callback {
    let state = begun.authorize_url.query_pairs().find(|(n, _)| n == "state").unwrap().1.into_owned();
    let mut query: Vec<(String, String)> = more.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    query.push(("state".to_owned(), state));
    Callback { query, binding: Some(begun.binding.clone()), session: "session-1".to_owned() }
}
pub async fn finish(connections: &Connections, callback: &Callback) -> Result<CredentialRow, Error> {
    connections.finish(&manage(), &using(), callback, Effects::none()).await
}
/// To the provider and back.
pub async fn connect(connections: &Connections, double: &Double, connect: Connect) -> Result<CredentialRow, Error> {
    let begun = begin(connections, connect).await?;
    let code = double.agree(&begun.authorize_url);
    finish(connections, &back(&begun, &[("code", &code)])).await
}
/// The token that a lease gives now.
pub async fn token(connections: &Connections, ground: &Ground, name: &str) -> Result<String, Error> {
    let lease = connections.lease(&using(), vault::Named(name), &vault::Use::default(), ground.clock.now()).await?;
    Ok(lease.value().main().expose().clone())
}
