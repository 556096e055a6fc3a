//! Questions to a token address, and what its answers are.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{Json, Secret, Timestamp};
use egress::{Method, Request, Url};
use vault::{CredentialKind, CredentialValue};

use crate::{
    Connections, Error, ProviderError,
    clients::Opened,
    provider::{Answer, BodyForm, ClientAuth, Expiry},
    words,
};

/// How long a provider may take.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(20);
pub(crate) const MOST_BYTES: u64 = 256 * 1024;

/// Tokens, read from an answer and found whole.
pub(crate) struct Tokens {
    pub access: Secret<String>,
    /// `None`: the one before stays.
    pub refresh: Option<Secret<String>>,
    pub kind: Option<String>,
    pub scopes: Option<Vec<String>>,
    pub expires_at: Option<Timestamp>,
    pub refresh_expires_at: Option<Timestamp>,
    pub answer: Answer,
}

impl Tokens {
    /// The value to be sealed; `before`: the refresh token that stays when the answer has none.
    pub fn value(&self, client: &Opened, before: Option<&CredentialValue>) -> Result<CredentialValue, Error> {
        let mut fields = vec![("access_token".to_owned(), self.access.clone())];
        let kept = before.and_then(|value| value.field("refresh_token"));
        if let Some(refresh) = self.refresh.as_ref().or(kept) {
            fields.push(("refresh_token".to_owned(), refresh.clone()));
        }
        if let Some(kind) = &self.kind {
            fields.push(("token_type".to_owned(), Secret::new(kind.clone())));
        }
        if let Some(header) = client.provider.header {
            fields.push(("header".to_owned(), Secret::new(header.to_owned())));
        }
        Ok(CredentialValue::new(CredentialKind::OauthToken, fields)?)
    }
}

/// `name=value&…`, percent-encoded.
pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    let mut url = Url::parse("https://form.invalid/").unwrap_or_else(|_| unreachable!("a constant"));
    url.query_pairs_mut().extend_pairs(fields);
    url.query().unwrap_or_default().to_owned()
}

/// RFC 6749, 2.3.1: both parts are form-encoded before they are joined.
pub(crate) fn basic(client: &Opened) -> Result<String, Error> {
    let secret = client.secret.as_ref().ok_or_else(no_secret)?;
    let encoded = |text: &str| form(&[("x", text)])[2..].to_owned();
    Ok(format!("Basic {}", STANDARD.encode(format!("{}:{}", encoded(&client.client_id), encoded(secret.expose())))))
}

pub(crate) fn no_secret() -> Error {
    Error::Client { why: "this provider wants a client secret".to_owned() }
}

impl Connections {
    /// Asks for tokens. `fields`: the grant.
    pub(crate) async fn tokens(
        &self,
        client: &Opened,
        url: Url,
        fields: &[(&str, &str)],
        now: Timestamp,
    ) -> Result<Tokens, Error> {
        let mut request = Request::to(Method::POST, url).timeout(TIMEOUT).max_response_bytes(MOST_BYTES);
        request.follow_redirects = false;
        request = request.header("accept", "application/json")?;
        for (name, value) in client.provider.headers.iter().filter(|(name, _)| *name != "accept") {
            request = request.header(name, value)?;
        }
        let mut fields = fields.to_vec();
        fields.extend_from_slice(client.provider.token_extra);
        match client.client_auth() {
            ClientAuth::Basic => request = request.secret_header("authorization", &basic(client)?)?,
            ClientAuth::Body => {
                fields.push(("client_id", &client.client_id));
                if let Some(secret) = &client.secret {
                    fields.push(("client_secret", secret.expose()));
                }
            }
        }
        request = match client.body() {
            BodyForm::Form => {
                request.header("content-type", "application/x-www-form-urlencoded")?.body(form(&fields).into_bytes())
            }
            BodyForm::Json => {
                let map = fields.iter().map(|(name, value)| ((*name).to_owned(), Json::from(*value)));
                request.json(&Json::Object(map.collect()))
            }
        };
        let answer = self.answer(client, request).await?;
        read(client, &answer, now)
    }

    /// The JSON of an answer, when it is one that says no error.
    pub(crate) async fn answer(&self, client: &Opened, request: Request) -> Result<Json, Error> {
        let provider = || client.name.clone();
        let away = |why: String, after: Option<u64>| ProviderError::Unavailable {
            provider: provider(),
            why,
            retry_after_seconds: after,
        };
        let host = request.url.host_str().unwrap_or_default().to_owned();
        let response = match self.egress.send(request).await {
            Ok(response) => response,
            Err(error) if error.may_retry() => return Err(away(error.to_string(), None).into()),
            Err(error) => return Err(error.into()),
        };
        let status = response.status.as_u16();
        let after = response.header("retry-after").and_then(|text| text.trim().parse().ok());
        if response.status.is_redirection() {
            let to = response.header("location").and_then(|to| response.url.join(to).ok());
            let to = to.as_ref().and_then(Url::host_str).unwrap_or(&host).to_owned();
            return Err(ProviderError::Redirected { provider: provider(), host: to }.into());
        }
        let kind = response.header("content-type").unwrap_or_default().to_ascii_lowercase();
        let bytes = match response.body.collect().await {
            Ok(bytes) => bytes,
            Err(error) if error.may_retry() => return Err(away(error.to_string(), after).into()),
            Err(error) => return Err(error.into()),
        };
        if status >= 500 || status == 429 {
            return Err(away(format!("status {status}"), after).into());
        }
        let json = match serde_json::from_slice::<Json>(&bytes) {
            Ok(json) if json.is_object() || json.is_array() => json,
            _ if kind.contains("x-www-form-urlencoded") => {
                // What GitHub answers to whoever does not ask for JSON.
                let text = String::from_utf8_lossy(&bytes);
                let url = Url::parse(&format!("https://form.invalid/?{text}"));
                let pairs = url
                    .map(|url| url.query_pairs().map(|(n, v)| (n.into_owned(), Json::from(v.into_owned()))).collect());
                Json::Object(pairs.unwrap_or_default())
            }
            _ if kind.contains("html") || bytes.trim_ascii_start().starts_with(b"<") => {
                return Err(ProviderError::Html { provider: provider(), status }.into());
            }
            _ => return Err(ProviderError::Unreadable { provider: provider(), status }.into()),
        };
        match refusal(client, status, &json) {
            Some(error) => Err(error.into()),
            None => Ok(json),
        }
    }
}

/// An answer that says no, whatever its status.
fn refusal(client: &Opened, status: u16, json: &Json) -> Option<ProviderError> {
    let said = crate::provider::first_text(json, &["/error", "/error/type", "/error/code", "/errors/0", "/code"]);
    let says_no = json.get("error").is_some_and(|error| !error.is_null()) || json.get("ok") == Some(&Json::Bool(false));
    if status < 400 && !says_no {
        return None;
    }
    let said = said.or_else(|| crate::provider::first_text(json, &["/status", "/errorCode", "/message"]));
    let code = words::code(&said.unwrap_or_else(|| format!("status_{status}")));
    let provider = client.name.clone();
    Some(match code.as_str() {
        "invalid_grant" => ProviderError::InvalidGrant { provider, code },
        gone if client.provider.gone.contains(&gone) => ProviderError::InvalidGrant { provider, code },
        "invalid_client"
        | "incorrect_client_credentials"
        | "invalid_client_id"
        | "bad_client_secret"
        | "unauthorized_client" => ProviderError::ClientRefused { provider, code },
        "temporarily_unavailable" | "server_error" | "ratelimited" | "rate_limited" | "slow_down" => {
            ProviderError::Unavailable { provider, why: code, retry_after_seconds: None }
        }
        _ => ProviderError::Refused { provider, code },
    })
}

pub(crate) fn read(client: &Opened, json: &Json, now: Timestamp) -> Result<Tokens, Error> {
    let provider = || client.name.clone();
    let answer = (client.provider.read)(json);
    let usual = answer.usual.as_ref().unwrap_or(json);
    let text = |name: &str| {
        let text = usual.get(name).and_then(Json::as_str).map(str::trim);
        text.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let secret = |name: &str| text(name).map(Secret::new);
    let access = secret("access_token").ok_or_else(|| ProviderError::NoToken { provider: provider() })?;
    if !access.expose().bytes().all(|b| b.is_ascii_graphic()) || access.expose().len() > 32 * 1024 {
        return Err(ProviderError::NoToken { provider: provider() }.into());
    }
    let seconds = |name: &str| -> Result<Option<i64>, Error> {
        match usual.get(name) {
            None | Some(Json::Null) => Ok(None),
            Some(Json::Number(n)) => Ok(n.as_i64().or_else(|| n.as_f64().map(|n| n as i64))),
            Some(Json::String(text)) if text.trim().is_empty() => Ok(None),
            Some(Json::String(text)) => match text.trim().parse() {
                Ok(n) => Ok(Some(n)),
                Err(_) => Err(ProviderError::Unreadable { provider: provider(), status: 200 }.into()),
            },
            Some(_) => Err(ProviderError::Unreadable { provider: provider(), status: 200 }.into()),
        }
    };
    let after = |seconds: i64| now + Duration::from_secs(seconds.clamp(0, 10 * 365 * 86_400) as u64);
    let told = match (seconds("expires_in")?, client.provider.expiry) {
        (Some(seconds), _) if seconds <= 0 => return Err(ProviderError::ExpiredToken { provider: provider() }.into()),
        (Some(seconds), _) => Some(seconds),
        (None, Expiry::Told) => None,
        (None, Expiry::Assumed(seconds)) => Some(seconds as i64),
    };
    let refresh_life = match seconds("refresh_token_expires_in")? {
        None => seconds("refresh_expires_in")?,
        told => told,
    };
    let scopes = match usual.get("scope").or_else(|| usual.get("scopes")) {
        // Asked for with spaces, told with commas: both are read.
        Some(Json::String(list)) => Some(scopes_of(list)),
        Some(Json::Array(list)) => Some(list.iter().filter_map(Json::as_str).map(str::to_owned).collect()),
        _ => None,
    };
    if let Some(url) = &answer.instance_url {
        let parsed = Url::parse(url).ok();
        if !parsed.as_ref().is_some_and(|url| client.is_own_instance(url)) {
            let host = parsed.as_ref().and_then(Url::host_str).unwrap_or("something that is no address").to_owned();
            return Err(ProviderError::ForeignInstance { provider: provider(), host }.into());
        }
    }
    Ok(Tokens {
        access,
        refresh: secret("refresh_token"),
        kind: text("token_type").filter(|kind| kind.len() <= 40),
        scopes,
        expires_at: told.map(after),
        refresh_expires_at: refresh_life.filter(|seconds| *seconds > 0).map(after),
        answer,
    })
}

pub(crate) fn scopes_of(list: &str) -> Vec<String> {
    let mut scopes: Vec<String> =
        list.split([' ', ',']).filter(|scope| !scope.is_empty()).map(str::to_owned).take(200).collect();
    scopes.sort_unstable();
    scopes.dedup();
    scopes
}
