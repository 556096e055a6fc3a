//! Somebody who asks the server.

use std::{net::SocketAddr, path::Path, time::Duration};

use reqwest::{
    Method, RequestBuilder,
    header::{HeaderMap, HeaderName, HeaderValue},
    redirect,
};
use serde_json::Value as Json;

/// An HTTP answer, read to its end. Compares with `(status, json)`.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Json {
        serde_json::from_str(&self.text).unwrap_or_default()
    }
    /// A problem's stable code; empty when it is no problem.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
    /// A header as text; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
    /// A member of the body as text.
    pub fn text_of(&self, name: &str) -> String {
        self.json()[name].as_str().unwrap_or_default().to_owned()
    }
    /// Itself, when it has that status.
    ///
    /// # Panics
    /// With the whole answer when it has another.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }
    /// Itself, when it is this problem: `"404 NL-3001"`.
    ///
    /// # Panics
    /// With the whole answer when it is not.
    #[track_caller]
    pub fn problem(self, wanted: &str) -> Self {
        assert_eq!(format!("{} {}", self.status, self.code()), wanted, "{}", self.text);
        assert_eq!(self.header("content-type"), "application/problem+json");
        self
    }
}

/// Asks as somebody, in a team and an environment. Cheap to clone.
///
/// A path without a slash at the front is below the team and environment: `runs` is
/// `/api/v1/teams/demo/development/runs`. A path with one is as it stands.
#[derive(Debug, Clone)]
pub struct Client {
    pub http: reqwest::Client,
    pub base: String,
    pub ca_pem: String,
    pub key: Option<String>,
    pub team: String,
    pub environment: String,
}

impl Client {
    /// From the profile that the server wrote at its first start.
    pub(crate) fn from_profile(path: &Path, address: SocketAddr) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let profile: toml::Table = text.parse().unwrap();
        let of = |name: &str| profile[name].as_str().unwrap().to_owned();
        let ca_pem = std::fs::read_to_string(of("ca_file")).unwrap();
        Self {
            http: http(&ca_pem, address, false),
            base: format!("https://localhost:{}", address.port()),
            ca_pem,
            key: Some(of("api_key")),
            team: "demo".to_owned(),
            environment: "development".to_owned(),
        }
    }

    /// The same, as somebody else.
    #[must_use]
    pub fn with_key(&self, key: &str) -> Self {
        Self { key: Some(key.to_owned()), ..self.clone() }
    }
    /// The same, as nobody.
    #[must_use]
    pub fn anonymous(&self) -> Self {
        Self { key: None, ..self.clone() }
    }
    /// The same, in another team.
    #[must_use]
    pub fn in_team(&self, team: &str) -> Self {
        Self { team: team.to_owned(), ..self.clone() }
    }
    /// The same over HTTP/2, where an answer may come before the request has ended.
    #[must_use]
    pub fn over_http2(&self) -> Self {
        let port = self.base.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap();
        Self { http: http(&self.ca_pem, SocketAddr::from(([127, 0, 0, 1], port)), true), ..self.clone() }
    }
    /// The same, in another environment.
    #[must_use]
    pub fn in_environment(&self, environment: &str) -> Self {
        Self { environment: environment.to_owned(), ..self.clone() }
    }

    /// The address of a path.
    pub fn address(&self, path: &str) -> String {
        if path.starts_with('/') {
            format!("{}{path}", self.base)
        } else {
            format!("{}/api/v1/teams/{}/{}/{path}", self.base, self.team, self.environment)
        }
    }
    /// A request that bears the key, to be changed before it is [`sent`].
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, self.address(path));
        match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }
    pub async fn send(&self, method: Method, path: &str, body: Option<&Json>) -> Answer {
        let request = self.request(method, path);
        sent(if let Some(body) = body { request.json(body) } else { request }).await
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
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }
    /// Every item of a list, page by page.
    pub async fn all(&self, path: &str, limit: usize) -> Vec<Json> {
        let mut items = Vec::new();
        let mut cursor = String::new();
        let joint = if path.contains('?') { '&' } else { '?' };
        loop {
            let page = self.get(&format!("{path}{joint}limit={limit}{cursor}")).await.expect(200).json();
            let part = page["items"].as_array().unwrap().clone();
            assert!(part.len() <= limit);
            items.extend(part);
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }
}

/// Sends a request and reads the answer to its end.
pub async fn sent(request: RequestBuilder) -> Answer {
    let answer = request.send().await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    Answer { status, headers, text: String::from_utf8_lossy(&answer.bytes().await.unwrap()).into_owned() }
}

#[allow(clippy::disallowed_methods, reason = "tests come from outside")]
fn http(ca_pem: &str, address: SocketAddr, two: bool) -> reqwest::Client {
    let mut headers = HeaderMap::new();
    headers.insert(HeaderName::from_static("user-agent"), HeaderValue::from_static("journeys"));
    let mut tls = tls(ca_pem);
    tls.alpn_protocols = vec![if two { b"h2".to_vec() } else { b"http/1.1".to_vec() }];
    reqwest::Client::builder()
        .use_preconfigured_tls(tls)
        .resolve("localhost", address)
        .redirect(redirect::Policy::none())
        .default_headers(headers)
        .timeout(Duration::from_secs(120))
        .build()
        .unwrap()
}

/// Believes the server's own authority and nobody else.
pub fn tls(ca_pem: &str) -> rustls::ClientConfig {
    use rustls_pki_types::{CertificateDer, pem::PemObject as _};
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca_pem.as_bytes()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()
}
