//! Service accounts: the key file goes nowhere. It signs a word that is exchanged for a token of an hour (RFC 7523), and
//! that token is what a request carries.

use std::time::Duration;

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use domain::{CredentialId, Json, Secret, Timestamp};
use egress::{Method, Request, Url};
use serde::Deserialize;
use serde_json::json;
use vault::{CredentialKind, CredentialValue, Lease};

use crate::{
    Connections, Error,
    clients::{ClientSettings, Opened},
    exchange::{MOST_BYTES, TIMEOUT, form, read},
    provider::PLAIN,
};

/// How long a signed word is good for; nobody takes one for more than an hour.
const LIFE: Duration = Duration::from_secs(3600);
/// A token is not used for the last of its life.
const MARGIN: Duration = Duration::from_secs(60);
/// Tokens kept in memory.
const MOST: usize = 1000;

/// A token in memory, of one version of a credential.
pub(crate) struct Cached {
    version: u32,
    value: CredentialValue,
    until: Timestamp,
}

/// What is read of a key file (Google's form, which others share).
#[derive(Deserialize)]
struct KeyFile {
    client_email: String,
    #[serde(deserialize_with = "secret")]
    private_key: Secret<String>,
    #[serde(default)]
    private_key_id: Option<String>,
    token_uri: String,
}

fn secret<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Secret<String>, D::Error> {
    String::deserialize(from).map(Secret::new)
}

fn bad(why: &str) -> Error {
    Error::KeyFile { why: why.to_owned() }
}

impl KeyFile {
    fn read(value: &CredentialValue) -> Result<(Self, Url), Error> {
        let file: Self = serde_json::from_str(value.main().expose())
            .map_err(|_| bad("it is no JSON with client_email, private_key and token_uri"))?;
        let url = Url::parse(&file.token_uri).map_err(|_| bad("token_uri is no address"))?;
        let near = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        if url.scheme() != "https" && !(url.scheme() == "http" && near) {
            return Err(bad("token_uri is not https"));
        }
        Ok((file, url))
    }

    /// The signed word.
    fn assertion(&self, value: &CredentialValue, now: Timestamp) -> Result<Secret<String>, Error> {
        let issued = now.micros() / 1_000_000;
        let mut claims = json!({ "iss": self.client_email, "aud": self.token_uri, "iat": issued,
            "exp": issued + LIFE.as_secs() as i64 });
        for (claim, field) in [("sub", "subject"), ("scope", "scope")] {
            if let Some(text) = value.field(field) {
                claims[claim] = json!(text.expose());
            }
        }
        let mut head = json!({ "alg": "RS256", "typ": "JWT" });
        if let Some(id) = &self.private_key_id {
            head["kid"] = json!(id);
        }
        let part = |json: &Json| URL_SAFE_NO_PAD.encode(json.to_string());
        let message = format!("{}.{}", part(&head), part(&claims));
        let key = pkcs8(self.private_key.expose()).ok_or_else(|| bad("private_key is no PEM of PKCS#8"))?;
        let key = RsaKeyPair::from_pkcs8(key.expose()).map_err(|_| bad("private_key is no RSA key"))?;
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature)
            .map_err(|_| bad("private_key does not sign"))?;
        Ok(Secret::new(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))))
    }
}

/// The bytes between the lines of a PEM.
fn pkcs8(pem: &str) -> Option<Secret<Vec<u8>>> {
    let (_, rest) = pem.split_once(concat!("-----BEGIN ", "PRIVATE KEY-----"))?;
    let (body, _) = rest.split_once("-----END PRIVATE KEY-----")?;
    let body: String = body.split_ascii_whitespace().collect();
    STANDARD.decode(body).ok().map(Secret::new)
}

impl Connections {
    /// The lease of a service account with the token that its key file is exchanged for, as long as that is good.
    pub(crate) async fn exchanged(&self, lease: Lease) -> Result<Lease, Error> {
        // one exchange at a time for each
        let gate = self.gate(lease.id());
        let _turn = gate.lock().await;
        let now = self.clock.now();
        if let Some(value) = self.cached(lease.id(), lease.version(), now) {
            return Ok(lease.carrying(value));
        }
        let (file, url) = KeyFile::read(lease.value())?;
        let assertion = file.assertion(lease.value(), now)?;
        let fields =
            [("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", assertion.expose().as_str())];
        let mut request = Request::to(Method::POST, url)
            .timeout(TIMEOUT)
            .max_response_bytes(MOST_BYTES)
            .header("accept", "application/json")?
            .header("content-type", "application/x-www-form-urlencoded")?
            .body(form(&fields).into_bytes());
        request.follow_redirects = false;
        let client = Opened {
            provider: &PLAIN,
            name: "the service account's token address".to_owned(),
            client_id: file.client_email,
            secret: None,
            settings: ClientSettings::default(),
        };
        let answer = self.answer(&client, request).await?;
        let tokens = read(&client, &answer, now)?;
        let value =
            CredentialValue::new(CredentialKind::OauthToken, vec![("access_token".to_owned(), tokens.access.clone())])?;
        let until = tokens.expires_at.unwrap_or(now);
        self.keep_exchanged(lease.id(), Cached { version: lease.version(), value: value.clone(), until }, now);
        Ok(lease.carrying(value))
    }

    fn cached(&self, id: CredentialId, version: u32, now: Timestamp) -> Option<CredentialValue> {
        let kept = self.service_tokens.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let found = kept.get(&id).filter(|cached| cached.version == version && now + MARGIN < cached.until);
        found.map(|cached| cached.value.clone())
    }
    fn keep_exchanged(&self, id: CredentialId, cached: Cached, now: Timestamp) {
        let mut kept = self.service_tokens.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        kept.retain(|_, cached| now < cached.until);
        if kept.len() < MOST {
            kept.insert(id, cached);
        }
    }
    /// The API did not take it: the next lease gets another.
    pub(crate) fn forget_exchanged(&self, id: CredentialId) {
        self.service_tokens.lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(&id);
    }
}
