//! What a person says about a destination, and what is wrong with it.

use std::{collections::BTreeMap, fmt};

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{Json, Secret};
use serde::{Deserialize, Serialize};
use store::siem::Wants;
use url::{Host, Url};

use crate::exporters::datadog;

/// Settings that do not fit: which member, and what it may be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {why}")]
pub struct Invalid {
    pub place: String,
    pub why: String,
}

pub(crate) fn invalid(place: &str, why: impl Into<String>) -> Invalid {
    Invalid { place: place.to_owned(), why: why.into() }
}

/// Where to, by kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum To {
    SplunkHec {
        /// Without the path: `https://splunk.example.com:8088`.
        url: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        index: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        host: Option<String>,
        /// Wait until the indexer has it. The token must have acknowledgement enabled.
        #[serde(default)]
        acknowledge: bool,
        #[serde(default)]
        gzip: bool,
    },
    Datadog {
        /// `datadoghq.com` and its sisters; or `url`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        site: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        url: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        service: Option<String>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tags: Vec<String>,
        #[serde(default)]
        gzip: bool,
    },
    Elasticsearch {
        url: String,
        /// The last part of the data streams' names; the environment when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        namespace: Option<String>,
        #[serde(default)]
        gzip: bool,
    },
    Webhook {
        url: String,
    },
}

/// Which streams are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Streams {
    pub audit: bool,
    pub security: bool,
    pub checkpoints: bool,
}

impl Default for Streams {
    fn default() -> Self {
        Self { audit: true, security: true, checkpoints: true }
    }
}

impl Streams {
    pub const fn wants(self) -> Wants {
        Wants { audit: self.audit, events: self.security, checkpoints: self.checkpoints }
    }
    pub const fn of(wants: Wants) -> Self {
        Self { audit: wants.audit, security: wants.events, checkpoints: wants.checkpoints }
    }
}

/// How much goes at once. A receiver's own limits are kept in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Batch {
    /// 1 to 1,000.
    pub events: u32,
    /// 10,000 to 4,000,000.
    pub bytes: u32,
}

impl Default for Batch {
    fn default() -> Self {
        Self { events: 500, bytes: 1_000_000 }
    }
}

/// Where a new destination begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Start {
    /// With what happens from now on.
    #[default]
    Now,
    /// With the oldest that is kept.
    Beginning,
}

/// A destination as it is asked for.
#[derive(Debug, Clone)]
pub struct Setup {
    pub name: String,
    pub enabled: bool,
    pub to: To,
    pub streams: Streams,
    pub batch: Batch,
}

/// Secrets by name. `Debug` shows the names.
#[derive(Clone, Default)]
pub struct Secrets(BTreeMap<String, Secret<String>>);

impl Secrets {
    pub fn new(secrets: impl IntoIterator<Item = (String, Secret<String>)>) -> Self {
        Self(secrets.into_iter().collect())
    }
    pub fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
    pub(crate) fn get(&self, name: &str) -> Option<&Secret<String>> {
        self.0.get(name)
    }
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    pub(crate) fn put(&mut self, name: &str, value: Secret<String>) {
        self.0.insert(name.to_owned(), value);
    }
    pub(crate) fn to_bytes(&self) -> Secret<Vec<u8>> {
        let plain: BTreeMap<&str, &str> =
            self.0.iter().map(|(name, value)| (name.as_str(), value.expose().as_str())).collect();
        Secret::new(serde_json::to_vec(&plain).unwrap_or_default())
    }
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let plain: BTreeMap<String, String> = serde_json::from_slice(bytes).ok()?;
        Some(Self(plain.into_iter().map(|(name, value)| (name, Secret::new(value))).collect()))
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// What is stored in the clear.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub to: To,
    pub batch: Batch,
}

impl Kept {
    pub fn json(&self) -> Json {
        serde_json::to_value(self).unwrap_or_default()
    }
    pub fn read(json: &Json) -> Result<Self, Invalid> {
        serde_json::from_value(json.clone()).map_err(|error| invalid("settings", error.to_string()))
    }
}

impl To {
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::SplunkHec { .. } => "splunk_hec",
            Self::Datadog { .. } => "datadog",
            Self::Elasticsearch { .. } => "elasticsearch",
            Self::Webhook { .. } => "webhook",
        }
    }
    /// Without a path at the end, where what is sent to is below it.
    pub(crate) fn base(&self) -> Result<Url, Invalid> {
        match self {
            Self::SplunkHec { url, .. } | Self::Elasticsearch { url, .. } => address(url, false),
            Self::Webhook { url } => address(url, true),
            Self::Datadog { url: Some(url), .. } => address(url, false),
            Self::Datadog { site: Some(site), .. } if datadog::SITES.contains(&site.as_str()) => {
                address(&format!("https://http-intake.logs.{site}"), false)
            }
            Self::Datadog { site: Some(_), .. } => {
                Err(invalid("to.site", format!("expected one of {}", datadog::SITES.join(", "))))
            }
            Self::Datadog { .. } => Err(invalid("to.site", "give the site, such as datadoghq.eu, or a url")),
        }
    }
    fn check(&self) -> Result<(), Invalid> {
        self.base()?;
        match self {
            Self::SplunkHec { index, source, host, .. } => {
                for (place, value) in [("to.index", index), ("to.source", source), ("to.host", host)] {
                    word(place, value.as_deref())?;
                }
                Ok(())
            }
            Self::Datadog { site, url, service, tags, .. } => {
                if site.is_some() && url.is_some() {
                    return Err(invalid("to", "give either site or url"));
                }
                word("to.service", service.as_deref())?;
                if tags.len() > 20 {
                    return Err(invalid("to.tags", "at most 20"));
                }
                for tag in tags {
                    if !tag.contains(':') || tag.contains(',') {
                        return Err(invalid("to.tags", "every tag is written key:value, without a comma"));
                    }
                    word("to.tags", Some(tag))?;
                }
                Ok(())
            }
            Self::Elasticsearch { namespace, .. } => {
                let fits = |text: &str| {
                    !text.is_empty()
                        && text.len() <= 64
                        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._".contains(&b))
                };
                match namespace {
                    Some(text) if !fits(text) => {
                        Err(invalid("to.namespace", "expected 1 to 64 of a-z, 0-9, dot and underscore"))
                    }
                    _ => Ok(()),
                }
            }
            Self::Webhook { .. } => Ok(()),
        }
    }
    fn check_secrets(&self, secrets: &Secrets) -> Result<(), Invalid> {
        let known: &[&str] = match self {
            Self::SplunkHec { .. } => &["token"],
            Self::Datadog { .. } => &["api_key"],
            Self::Elasticsearch { .. } => &["api_key", "username", "password", "bearer"],
            Self::Webhook { .. } => &["secret", "previous"],
        };
        for (name, value) in &secrets.0 {
            if !known.contains(&name.as_str()) {
                return Err(invalid(&format!("secrets.{name}"), format!("expected {}", known.join(", "))));
            }
            let text = value.expose();
            if text.is_empty() || text.len() > 4096 || text.bytes().any(|b| b < 0x20 || b == 0x7f) {
                return Err(invalid(&format!("secrets.{name}"), "expected 1 to 4,096 printable characters"));
            }
        }
        let has = |name: &str| secrets.get(name).is_some();
        match self {
            Self::SplunkHec { .. } if !has("token") => Err(invalid("secrets.token", "give the HEC token")),
            Self::Datadog { .. } if !has("api_key") => Err(invalid("secrets.api_key", "give the API key")),
            Self::Elasticsearch { .. } => {
                let ways = [has("api_key"), has("username") && has("password"), has("bearer")];
                if ways.iter().filter(|way| **way).count() != 1 || has("username") != has("password") {
                    return Err(invalid("secrets", "give api_key, or username and password, or bearer"));
                }
                Ok(())
            }
            Self::Webhook { .. } => {
                for name in ["secret", "previous"] {
                    if let Some(secret) = secrets.get(name) {
                        signing_key(secret).ok_or_else(|| {
                            invalid(&format!("secrets.{name}"), "expected whsec_ and 24 to 64 bytes in base64")
                        })?;
                    }
                }
                if has("secret") { Ok(()) } else { Err(invalid("secrets.secret", "give the signing secret")) }
            }
            _ => Ok(()),
        }
    }
}

impl Setup {
    /// Everything that can be judged without calling.
    ///
    /// # Errors
    /// The first thing that does not fit.
    pub fn check(&self, secrets: &Secrets) -> Result<(), Invalid> {
        let name = self.name.trim();
        if name.is_empty() || name != self.name || name.chars().count() > 64 || name.chars().any(char::is_control) {
            return Err(invalid("name", "expected 1 to 64 characters without spaces around them"));
        }
        if self.streams == (Streams { audit: false, security: false, checkpoints: false }) {
            return Err(invalid("streams", "choose at least one"));
        }
        if !(1..=1000).contains(&self.batch.events) {
            return Err(invalid("batch.events", "expected 1 to 1,000"));
        }
        if !(10_000..=4_000_000).contains(&self.batch.bytes) {
            return Err(invalid("batch.bytes", "expected 10,000 to 4,000,000"));
        }
        self.to.check()?;
        self.to.check_secrets(secrets)
    }
}

/// A new secret to sign webhooks with.
pub(crate) fn new_signing_secret() -> Result<Secret<String>, vault::Error> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| vault::Error::Random)?;
    Ok(Secret::new(format!("whsec_{}", STANDARD.encode(bytes))))
}

/// The bytes of a `whsec_…`.
pub(crate) fn signing_key(secret: &Secret<String>) -> Option<Secret<Vec<u8>>> {
    let bytes = Secret::new(STANDARD.decode(secret.expose().strip_prefix("whsec_")?).ok()?);
    (24..=64).contains(&bytes.expose().len()).then_some(bytes)
}

fn word(place: &str, value: Option<&str>) -> Result<(), Invalid> {
    match value {
        Some(text) if text.is_empty() || text.len() > 200 || text.chars().any(char::is_control) => {
            Err(invalid(place, "expected 1 to 200 printable characters"))
        }
        _ => Ok(()),
    }
}

/// An address that secrets may be sent to: https, or http on this machine itself.
fn address(text: &str, with_query: bool) -> Result<Url, Invalid> {
    let place = "to.url";
    let url = Url::parse(text).map_err(|_| invalid(place, "expected an address such as https://siem.example.com"))?;
    let local = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    match url.scheme() {
        "https" => {}
        "http" if local => {}
        "http" => return Err(invalid(place, "expected https: the address would be told secrets in the clear")),
        _ => return Err(invalid(place, "expected https")),
    }
    if url.host().is_none() || text.len() > 2000 {
        return Err(invalid(place, "expected an address with a host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid(place, "put user name and password into secrets"));
    }
    if url.fragment().is_some() || (url.query().is_some() && !with_query) {
        return Err(invalid(place, "leave out what follows ? and #"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(to: &str, secrets: &[(&str, &str)]) -> String {
        let to = match serde_json::from_str::<To>(to) {
            Ok(to) => to,
            Err(error) => return error.to_string(),
        };
        let setup =
            Setup { name: "soc".to_owned(), enabled: true, to, streams: Streams::default(), batch: Batch::default() };
        let secrets = secrets.iter().map(|(name, value)| ((*name).to_owned(), Secret::new((*value).to_owned())));
        setup.check(&Secrets::new(secrets)).map_or_else(|invalid| invalid.to_string(), |()| "fits".to_owned())
    }

    /// R232 to R235: every kind is accepted with what it needs, and what it lacks is named.
    #[test]
    fn what_a_destination_lacks_is_named() {
        let splunk = r#"{"kind":"splunk_hec","url":"https://s.example.com:8088"}"#;
        assert_eq!(check(splunk, &[("token", "t")]), "fits");
        assert_eq!(check(splunk, &[]), "secrets.token: give the HEC token");
        assert_eq!(check(splunk, &[("tokne", "t")]), "secrets.tokne: expected token");
        assert_eq!(check(r#"{"kind":"datadog","site":"datadoghq.eu"}"#, &[("api_key", "k")]), "fits");
        assert!(check(r#"{"kind":"datadog","site":"evil.example"}"#, &[("api_key", "k")]).starts_with("to.site: "));
        let elastic = r#"{"kind":"elasticsearch","url":"https://e.example.com"}"#;
        assert_eq!(check(elastic, &[("username", "u"), ("password", "p")]), "fits");
        assert!(check(elastic, &[("username", "u")]).starts_with("secrets: "));
        let hook = r#"{"kind":"webhook","url":"https://h.example.com/in?a=b"}"#;
        let secret = new_signing_secret().unwrap();
        assert_eq!(check(hook, &[("secret", secret.expose())]), "fits");
        assert!(check(hook, &[("secret", "hunter2")]).starts_with("secrets.secret: expected whsec_"));
    }

    #[test]
    fn an_address_that_would_tell_secrets_is_refused() {
        let at = |url: &str| check(&format!(r#"{{"kind":"splunk_hec","url":"{url}"}}"#), &[("token", "t")]);
        assert!(at("http://splunk.internal:8088").contains("in the clear"));
        assert_eq!(at("http://127.0.0.1:8088"), "fits");
        assert!(at("https://u:p@splunk.example.com").contains("secrets"));
        assert!(at("ftp://splunk.example.com").contains("https"));
        assert!(at("https://splunk.example.com/?x=1").contains("leave out"));
        assert!(at("nonsense").starts_with("to.url: "));
        assert!(check(r#"{"kind":"splunk_hec","url":"https://a","tokn":1}"#, &[]).contains("unknown field"));
    }
}
