//! Before and after of a change, for an entry's detail: only what differs, and secrets as keyed hashes.

use domain::{Json, Secret};
use serde_json::{Map, json};

use crate::Recorder;

/// Fields whose value is never told, whatever holds them.
const SECRET: [&str; 12] = [
    "password",
    "secret",
    "token",
    "api_key",
    "apikey",
    "private_key",
    "credential",
    "authorization",
    "cookie",
    "signature",
    "passphrase",
    "value",
];
/// A text longer than this is told by its length and keyed hash.
const LONGEST: usize = 512;
/// Fields that are told one by one; what goes beyond is counted.
const MOST: usize = 64;

impl Recorder {
    /// `{"before": …, "after": …}` with the fields that differ. An absent side is `null`.
    pub fn change(&self, before: &Json, after: &Json) -> Json {
        match (before, after) {
            (Json::Object(old), Json::Object(new)) => {
                let (mut told_old, mut told_new, mut more) = (Map::new(), Map::new(), 0_u64);
                let names = old.keys().chain(new.keys().filter(|name| !old.contains_key(*name)));
                for name in names.filter(|name| old.get(*name) != new.get(*name)) {
                    if told_old.len().max(told_new.len()) >= MOST {
                        more += 1;
                        continue;
                    }
                    let tell = |side: &Map<String, Json>, told: &mut Map<String, Json>| {
                        if let Some(value) = side.get(name) {
                            told.insert(name.clone(), self.told(name, value));
                        }
                    };
                    tell(old, &mut told_old);
                    tell(new, &mut told_new);
                }
                let mut change = json!({ "before": told_old, "after": told_new });
                if more > 0 {
                    change["more_fields"] = json!(more);
                }
                change
            }
            (before, after) => json!({ "before": self.told("", before), "after": self.told("", after) }),
        }
    }

    /// A value as it may stand in a detail.
    fn told(&self, name: &str, value: &Json) -> Json {
        let name = name.to_ascii_lowercase();
        let secret = SECRET.iter().any(|word| name.contains(word));
        match value {
            Json::Null | Json::Bool(_) => value.clone(),
            Json::String(text) if secret => self.fingerprint(&Secret::new(text.clone())),
            value if secret => self.fingerprint(&Secret::new(value.to_string())),
            Json::String(text) if text.len() > LONGEST => {
                let mut told = self.fingerprint(&Secret::new(text.clone()));
                told["bytes"] = json!(text.len());
                told
            }
            Json::Array(items) => Json::Array(items.iter().map(|item| self.told(&name, item)).collect()),
            Json::Object(fields) => {
                fields.iter().map(|(inner, value)| (inner.clone(), self.told(inner, value))).collect()
            }
            value => value.clone(),
        }
    }
}
