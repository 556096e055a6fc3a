//! One spelling for each JSON value, and the hash over it that names a version.

use std::{fmt, fmt::Write as _, str::FromStr};

use aws_lc_rs::digest;
use domain::Json;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Keys sorted by their bytes, no space, numbers and strings as serde_json writes them.
pub fn canonical_json(value: &Json) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

fn write(value: &Json, into: &mut String) {
    match value {
        Json::Array(items) => {
            into.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    into.push(',');
                }
                write(item, into);
            }
            into.push(']');
        }
        Json::Object(map) => {
            let mut keys: Vec<_> = map.iter().collect();
            keys.sort_by_key(|(key, _)| *key);
            into.push('{');
            for (i, (key, item)) in keys.into_iter().enumerate() {
                if i > 0 {
                    into.push(',');
                }
                let _ = write!(into, "{}:", Json::from(key.as_str()));
                write(item, into);
            }
            into.push('}');
        }
        scalar => {
            let _ = write!(into, "{scalar}");
        }
    }
}

/// Names an immutable version by its content: SHA-256 of the canonical JSON, in hexadecimal.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VersionId(String);

impl VersionId {
    /// Of the canonical text.
    pub(crate) fn of(canonical: &str) -> Self {
        Self(hex::encode(digest::digest(&digest::SHA256, canonical.as_bytes())))
    }
    /// 64 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl fmt::Debug for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Text that names no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected 64 hexadecimal digits")]
pub struct InvalidVersion;

impl FromStr for VersionId {
    type Err = InvalidVersion;
    fn from_str(text: &str) -> Result<Self, InvalidVersion> {
        let hex = text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if hex { Ok(Self(text.to_owned())) } else { Err(InvalidVersion) }
    }
}
impl Serialize for VersionId {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.0)
    }
}
impl<'de> Deserialize<'de> for VersionId {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn order_and_space_do_not_matter() {
        let a: Json = serde_json::from_str(r#"{ "b": [1, {"y": null, "x": "é\n"}], "a": 0.5 }"#).unwrap();
        assert_eq!(canonical_json(&a), "{\"a\":0.5,\"b\":[1,{\"x\":\"é\\n\",\"y\":null}]}");
        assert_eq!(canonical_json(&json!("a\"b")), r#""a\"b""#);
    }
}
