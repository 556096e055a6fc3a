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
            Self::OauthToken => {
                &[("access_token", true), ("refresh_token", false), ("token_type", false), ("scope", false)]
            }
            Self::ApiKey => &[("key", true), ("header", false), ("prefix", false)],
            Self::Database => &[("url", true)],
            Self::ServiceAccount => &[("key", true), ("subject", false)],
            Self::CustomSecret => &[("value", true)],
        }
    }
}
impl fmt::Display for CredentialKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Fields that say how a value is used and are no secret themselves.
const PLAIN: [&str; 5] = ["token_type", "scope", "header", "prefix", "subject"];
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
    /// For HTTP: header name and value that carry this credential; `None` for a database.
    pub fn header(&self) -> Option<(String, Secret<String>)> {
        let text =
            |name: &str, default: &str| self.field(name).map_or_else(|| default.to_owned(), |v| v.expose().clone());
        let bearer = |scheme: &str| Secret::new(format!("{scheme} {}", self.main().expose()));
        match self.kind {
            CredentialKind::OauthToken => Some(("authorization".to_owned(), bearer(&text("token_type", "Bearer")))),
            CredentialKind::ApiKey => {
                let prefix = text("prefix", "");
                match self.field("header") {
                    None if prefix.is_empty() => Some(("authorization".to_owned(), bearer("Bearer"))),
                    _ if prefix.is_empty() => Some((text("header", "authorization"), self.main().clone())),
                    _ => Some((text("header", "authorization"), bearer(&prefix))),
                }
            }
            CredentialKind::CustomSecret => Some(("authorization".to_owned(), bearer("Bearer"))),
            CredentialKind::Database | CredentialKind::ServiceAccount => None,
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

    /// R093
    #[test]
    fn a_value_shows_nothing_in_debug() {
        assert_eq!(
            format!("{:?}", value(CredentialKind::ApiKey, &[("key", "abc-123")]).unwrap()),
            "CredentialValue(api_key)"
        );
    }
}
