//! What the vault keeps for customers: five kinds of credential (R087–R091).

use std::fmt;

use domain::{Json, Secret};
use serde_json::{Map, json};

use crate::Error;

/// The kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialKind {
    OauthToken,
    ApiKey,
    Database,
    ServiceAccount,
    CustomSecret,
}

impl CredentialKind {
    pub const ALL: [Self; 5] =
        [Self::OauthToken, Self::ApiKey, Self::Database, Self::ServiceAccount, Self::CustomSecret];
    /// The word on the wire and in storage.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OauthToken => "oauth_token",
            Self::ApiKey => "api_key",
            Self::Database => "database",
            Self::ServiceAccount => "service_account",
            Self::CustomSecret => "custom_secret",
        }
    }
    pub fn read(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
    /// The fields of a value of this kind: name, and whether it must be there. All but those in [`PLAIN`] are secret.
    pub const fn fields(self) -> &'static [(&'static str, bool)] {
        match self {
            Self::OauthToken => &[
                ("access_token", true),
                ("refresh_token", false),
                ("token_type", false),
                ("scope", false),
                ("header", false),
            ],
            Self::ApiKey => &[("key", true), ("header", false), ("prefix", false), ("query", false)],
            Self::Database => &[("url", true)],
            Self::ServiceAccount => &[("key", true), ("subject", false), ("scope", false)],
            Self::CustomSecret => &[("value", true), ("header", false), ("prefix", false), ("query", false)],
        }
    }
}
impl fmt::Display for CredentialKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where in a request a credential goes: it declares this itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Carrier {
    Header { name: String, prefix: Option<String> },
    Query { name: String },
}

impl Carrier {
    /// The name of the header or field.
    pub fn name(&self) -> &str {
        match self {
            Self::Header { name, .. } | Self::Query { name } => name,
        }
    }
    /// What stands there.
    pub(crate) fn carried(&self, value: &CredentialValue) -> Secret<String> {
        match self {
            Self::Header { prefix: Some(prefix), .. } => Secret::new(format!("{prefix} {}", value.main().expose())),
            _ => value.main().clone(),
        }
    }
}

/// Fields that say how a value is used and are no secret themselves.
const PLAIN: [&str; 6] = ["token_type", "scope", "header", "prefix", "subject", "query"];
/// A field's greatest length: a service account's key file with room.
const MAX_FIELD: usize = 64 * 1024;

/// A credential's value, opened: its fields by name.
#[derive(Clone)]
pub struct CredentialValue {
    kind: CredentialKind,
    fields: Vec<(&'static str, Secret<String>)>,
}

impl CredentialValue {
    /// Checks that `given` has the fields of `kind`: all that must be there, none that is unknown or empty.
    ///
    /// # Errors
    /// [`Error::Value`] names the field; never its content.
    pub fn new(kind: CredentialKind, given: Vec<(String, Secret<String>)>) -> Result<Self, Error> {
        let refuse = |why: String| Error::Value { kind: kind.as_str(), why };
        let mut fields: Vec<(&'static str, Secret<String>)> = Vec::new();
        for (name, value) in given {
            let Some((known, _)) = kind.fields().iter().find(|(known, _)| *known == name) else {
                return Err(refuse(format!("it has no field of that name; expected {}", names(kind))));
            };
            if value.expose().trim().is_empty() || value.expose().len() > MAX_FIELD {
                return Err(refuse(format!("{known} must not be empty, and at most {MAX_FIELD} bytes long")));
            }
            if fields.iter().any(|(there, _)| there == known) {
                return Err(refuse(format!("{known} is given twice")));
            }
            if matches!(*known, "header" | "query") && !is_token(value.expose()) {
                return Err(refuse(format!("{known} is the name of a field, such as x-api-key")));
            }
            if *known == "header" && NOT_FOR_SECRETS.contains(&value.expose().to_ascii_lowercase().as_str()) {
                return Err(refuse(format!("the header {} carries no credential", value.expose())));
            }
            fields.push((known, value));
        }
        if let Some((missing, _)) =
            kind.fields().iter().find(|(name, needed)| *needed && !fields.iter().any(|(there, _)| there == name))
        {
            return Err(refuse(format!("{missing} is missing")));
        }
        Ok(Self { kind, fields })
    }
    pub const fn kind(&self) -> CredentialKind {
        self.kind
    }
    /// A field, if it is there.
    pub fn field(&self, name: &str) -> Option<&Secret<String>> {
        self.fields.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }
    /// The field that the kind is about: token, key, URL, value.
    pub fn main(&self) -> &Secret<String> {
        // the first field of every kind must be there
        self.field(self.kind.fields()[0].0).unwrap_or_else(|| unreachable!("the constructor checks it"))
    }
    /// Where in a request this credential goes; `None` for those that go in none.
    pub fn carrier(&self) -> Option<Carrier> {
        let text = |name: &str| self.field(name).map(|value| value.expose().clone());
        let header = |name: Option<String>, prefix: Option<String>| Carrier::Header {
            name: name.unwrap_or_else(|| "authorization".to_owned()),
            prefix,
        };
        match self.kind {
            CredentialKind::OauthToken => Some(match text("header") {
                Some(name) => header(Some(name), None),
                // Some providers say `bearer` or `bot`, and refuse to be told that again.
                None => header(
                    None,
                    Some(text("token_type").filter(|t| t.eq_ignore_ascii_case("basic")).unwrap_or("Bearer".to_owned())),
                ),
            }),
            CredentialKind::ApiKey | CredentialKind::CustomSecret => Some(match (text("query"), text("header")) {
                (Some(name), _) => Carrier::Query { name },
                (None, None) => header(None, Some(text("prefix").unwrap_or_else(|| "Bearer".to_owned()))),
                (None, name) => header(name, text("prefix")),
            }),
            CredentialKind::Database | CredentialKind::ServiceAccount => None,
        }
    }
    /// For HTTP: header name and value that carry this credential.
    pub fn header(&self) -> Option<(String, Secret<String>)> {
        match self.carrier()? {
            carrier @ Carrier::Header { .. } => Some((carrier.name().to_owned(), carrier.carried(self))),
            Carrier::Query { .. } => None,
        }
    }
    /// For HTTP: the query field and its value that carry this credential.
    pub fn query(&self) -> Option<(String, Secret<String>)> {
        match self.carrier()? {
            Carrier::Query { name } => Some((name, self.main().clone())),
            Carrier::Header { .. } => None,
        }
    }
    /// Every text that must never be seen again: the secret fields, and the password inside a URL.
    pub fn secrets(&self) -> Vec<Secret<String>> {
        let mut all = Vec::new();
        for (name, value) in &self.fields {
            if PLAIN.contains(name) {
                continue;
            }
            all.push(value.clone());
            all.extend(inner_secrets(value.expose()).into_iter().map(Secret::new));
        }
        all
    }

    pub(crate) fn to_plain(&self) -> Secret<Vec<u8>> {
        let map: Map<String, Json> =
            self.fields.iter().map(|(name, value)| ((*name).to_owned(), json!(value.expose()))).collect();
        Secret::new(Json::Object(map).to_string().into_bytes())
    }
    pub(crate) fn from_plain(kind: CredentialKind, plain: &Secret<Vec<u8>>) -> Result<Self, Error> {
        let map: std::collections::BTreeMap<String, String> = serde_json::from_slice(plain.expose())
            .map_err(|_| Error::Value { kind: kind.as_str(), why: "it was sealed in another form".to_owned() })?;
        Self::new(kind, map.into_iter().map(|(name, value)| (name, Secret::new(value))).collect())
    }
}
impl fmt::Debug for CredentialValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CredentialValue({})", self.kind)
    }
}

/// Headers that are about the connection, not about who asks.
const NOT_FOR_SECRETS: [&str; 8] =
    ["host", "content-length", "transfer-encoding", "connection", "content-type", "upgrade", "te", "trailer"];

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.len() <= 100 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.[]".contains(&b))
}

fn names(kind: CredentialKind) -> String {
    kind.fields().iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

/// The password in `scheme://user:password@host`, as written and decoded; the private key in a key file.
fn inner_secrets(value: &str) -> Vec<String> {
    let mut found = Vec::new();
    if let Some((_, rest)) = value.split_once("://")
        && let Some((login, _)) = rest.split(['/', '?']).next().and_then(|authority| authority.rsplit_once('@'))
        && let Some((_, password)) = login.split_once(':')
    {
        found.push(password.to_owned());
        found.push(percent_decoded(password));
    }
    if let Ok(Json::Object(map)) = serde_json::from_str::<Json>(value) {
        for (name, inner) in map {
            if let (true, Json::String(inner)) =
                (["private_key", "private_key_id", "client_secret", "password"].contains(&name.as_str()), inner)
            {
                found.push(inner);
            }
        }
    }
    found
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        let digits = bytes.get(at + 1..at + 3).filter(|_| bytes[at] == b'%').and_then(|two| hex::decode(two).ok());
        match digits {
            Some(byte) => {
                out.extend(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(kind: CredentialKind, fields: &[(&str, &str)]) -> Result<CredentialValue, Error> {
        CredentialValue::new(
            kind,
            fields.iter().map(|(n, v)| ((*n).to_owned(), Secret::new((*v).to_owned()))).collect(),
        )
    }

    /// R087–R091: each kind has its fields and refuses others.
    #[test]
    fn every_kind_checks_its_fields() {
        for kind in CredentialKind::ALL {
            let main = kind.fields()[0].0;
            assert!(value(kind, &[(main, "something")]).is_ok(), "{kind}");
            assert!(value(kind, &[(main, " ")]).is_err(), "{kind}: empty");
            assert!(value(kind, &[]).is_err(), "{kind}: missing");
            assert!(value(kind, &[(main, "something"), ("other", "x")]).is_err(), "{kind}: unknown");
            assert_eq!(CredentialKind::read(kind.as_str()), Some(kind));
        }
    }

    #[test]
    fn the_password_in_a_database_url_is_a_secret_of_its_own() {
        let database =
            value(CredentialKind::Database, &[("url", "postgres://app:p%40ss-word@db.example.com:5432/shop")]).unwrap();
        let secrets: Vec<String> = database.secrets().iter().map(|s| s.expose().clone()).collect();
        assert!(secrets.contains(&"p%40ss-word".to_owned()) && secrets.contains(&"p@ss-word".to_owned()));
    }

    /// R088, R091: a credential declares the one place where it goes.
    #[test]
    fn a_credential_goes_where_it_declares() {
        let key = |more: &[(&str, &str)]| value(CredentialKind::ApiKey, &[&[("key", "k-1")], more].concat()).unwrap();
        let header = |v: &CredentialValue| v.header().map(|(name, value)| format!("{name}: {}", value.expose()));
        assert_eq!(header(&key(&[])).as_deref(), Some("authorization: Bearer k-1"));
        assert_eq!(header(&key(&[("prefix", "Token")])).as_deref(), Some("authorization: Token k-1"));
        assert_eq!(header(&key(&[("header", "x-api-key")])).as_deref(), Some("x-api-key: k-1"));
        let query = key(&[("query", "api_key")]);
        assert_eq!((header(&query), query.query().unwrap().0), (None, "api_key".to_owned()));
        let shop = value(CredentialKind::OauthToken, &[("access_token", "t"), ("header", "X-Shopify-Access-Token")]);
        assert_eq!(header(&shop.unwrap()).as_deref(), Some("X-Shopify-Access-Token: t"));
        assert!(value(CredentialKind::ApiKey, &[("key", "k"), ("header", "Host")]).is_err());
        assert!(value(CredentialKind::ApiKey, &[("key", "k"), ("query", "a=b&c")]).is_err());
    }

    /// R093
    #[test]
    fn a_value_shows_nothing_in_debug() {
        assert_eq!(
            format!("{:?}", value(CredentialKind::ApiKey, &[("key", "abc-123")]).unwrap()),
            "CredentialValue(api_key)"
        );
    }
}
