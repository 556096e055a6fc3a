//! Somebody at a browser: cookies are kept and sent back, changes carry the CSRF token and the origin of our own pages.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use domain::{Role, Secret, TeamId, UserId};
use identity::sign_in::Step;
use reqwest::Method;
use serde_json::{Value as Json, json};
use store::{Effects, people::User};

use crate::{Answer, Client, Server, sent};

/// The password of everybody whom [`Server::browser`] makes.
pub const PASSWORD: &str = "nine grey herons over water";

/// A browser. Cheap to clone; clones share their cookies.
#[derive(Debug, Clone)]
pub struct Browser {
    pub user: UserId,
    pub email: String,
    client: Client,
    cookies: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Server {
    /// A new person of `team` who is signed in at a browser.
    pub async fn browser(&self, team: TeamId, role: Role) -> Browser {
        let browser = self.person_with_password(team, role).await;
        browser.sign_in(PASSWORD).await.expect(200);
        browser
    }

    /// A new person of `team` with a password, at a browser that is not signed in.
    pub async fn person_with_password(&self, team: TeamId, role: Role) -> Browser {
        let now = self.rooms.clock.now();
        let system = authz::act_as_system("a test makes a person");
        let hash = self.rooms.identity.passwords().hash(Secret::new(PASSWORD.to_owned())).await.unwrap();
        let user = UserId::new(now, rand::random());
        let email = format!("{}-{:x}@people.test", role.as_str().replace('_', "-"), rand::random::<u64>());
        let new = User {
            id: user,
            email: email.clone(),
            name: role.to_string(),
            password_hash: Some(hash.as_stored().to_owned()),
            email_verified_at: Some(now),
            disabled_at: None,
            created_at: now,
        };
        self.rooms.store.add_user(system, new, Effects::none()).await.unwrap();
        self.give_role(team, user, role).await;
        self.at_browser(user, &email)
    }

    /// A browser without cookies.
    pub fn at_browser(&self, user: UserId, email: &str) -> Browser {
        let client = self.client.anonymous();
        Browser { user, email: email.to_owned(), client, cookies: Arc::default() }
    }

    /// The same person, signed in a while ago: nothing was proven since.
    pub async fn signed_in_a_while_ago(&self, browser: &Browser) {
        let then = self.rooms.clock.now() - Duration::from_secs(3600);
        let from = identity::session::Browser { client: [127, 0, 0, 1].into(), user_agent: None };
        let password = Secret::new(PASSWORD.to_owned());
        let headers = reqwest::header::HeaderMap::new();
        let step = self.rooms.identity.sign_in(&browser.email, password, &headers, from, then).await.unwrap();
        let Step::SignedIn(signed_in) = step else { panic!("a second step is asked for") };
        let refresh = ("__Host-nodeloom-refresh".to_owned(), signed_in.refresh.expose().clone());
        *browser.cookies.lock().unwrap() = std::iter::once(refresh).collect();
        browser.post("/api/v1/auth/refresh", json!({})).await.expect(200);
    }
}

impl Browser {
    pub async fn send(&self, method: Method, path: &str, body: Option<&Json>) -> Answer {
        let (cookies, csrf) = {
            let kept = self.cookies.lock().unwrap();
            let line = kept.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
            (line, kept.get("__Host-nodeloom-csrf").cloned())
        };
        let mut request = self.client.request(method, path).header("origin", &self.client.base);
        if !cookies.is_empty() {
            request = request.header("cookie", cookies);
        }
        if let Some(csrf) = csrf {
            request = request.header("x-csrf-token", csrf);
        }
        let answer = sent(if let Some(body) = body { request.json(body) } else { request }).await;
        self.keep(&answer);
        answer
    }
    /// Keeps what an answer sets.
    pub fn keep(&self, answer: &Answer) {
        let mut kept = self.cookies.lock().unwrap();
        for cookie in answer.headers.get_all("set-cookie") {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            kept.insert(name.to_owned(), value.to_owned());
        }
    }
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }
    pub async fn post(&self, path: &str, body: Json) -> Answer {
        self.send(Method::POST, path, Some(&body)).await
    }
    pub async fn put(&self, path: &str, body: Json) -> Answer {
        self.send(Method::PUT, path, Some(&body)).await
    }
    pub async fn patch(&self, path: &str, body: Json) -> Answer {
        self.send(Method::PATCH, path, Some(&body)).await
    }
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }
    /// The form of a page without a script.
    pub async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let escape = |text: &str| -> String {
            text.bytes()
                .map(|byte| match byte {
                    b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
                    byte => format!("%{byte:02x}"),
                })
                .collect()
        };
        let body = fields.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect::<Vec<_>>().join("&");
        let request = self.client.request(Method::POST, path).header("origin", &self.client.base).body(body);
        let answer = sent(request.header("content-type", "application/x-www-form-urlencoded")).await;
        self.keep(&answer);
        answer
    }
    pub async fn sign_in(&self, password: &str) -> Answer {
        self.post("/api/v1/auth/login", json!({ "email": self.email, "password": password })).await
    }
    pub async fn refresh(&self) -> Answer {
        self.post("/api/v1/auth/refresh", json!({})).await
    }
    /// The value of a cookie.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.lock().unwrap().get(name).cloned()
    }
    /// The same cookies in another window, which does not see what this one is given from now on.
    #[must_use]
    pub fn copied(&self) -> Self {
        let kept = self.cookies.lock().unwrap().clone();
        Self { cookies: Arc::new(Mutex::new(kept)), ..self.clone() }
    }
    /// For a WebSocket: a client that bears the session's access token.
    #[must_use]
    pub fn as_client(&self) -> Client {
        self.client.with_key(&self.cookie("__Host-nodeloom-access").unwrap())
    }
}
