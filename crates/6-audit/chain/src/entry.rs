//! An entry as it is written: version 1, deterministic CBOR. What is hashed is exactly these bytes.

use aws_lc_rs::digest;
use domain::{Environment, Json, Scope};

use crate::Hash;

/// What stands before the first entry of a chain.
pub const GENESIS: Hash = [0; 32];

/// The version of the format that [`encode`] writes.
pub const VERSION: u64 = 1;

/// Everything an entry says; borrowed, because the writer encodes thousands in a batch.
#[derive(Debug, Clone, Copy)]
pub struct EntryFields<'a> {
    /// See [`chain_name`].
    pub chain: &'a str,
    /// Counts from 1 within the chain, without gaps.
    pub sequence: u64,
    /// [`hash`] of the entry before, or [`GENESIS`].
    pub previous: &'a Hash,
    pub id: [u8; 16],
    /// Microseconds since 1970, as the server's clock said; it may go backwards.
    pub at_micros: i64,
    pub operation: &'a str,
    pub target: Option<&'a str>,
    pub result: &'a str,
    pub request: Option<[u8; 16]>,
    /// The intent of which this is the outcome.
    pub intent: Option<[u8; 16]>,
    pub duration_micros: Option<u64>,
    /// Keyed pseudonym of the subject.
    pub pseudonym: &'a Hash,
    /// Who and from where, sealed under the subject's key.
    pub subject: &'a [u8],
    /// See [`commit`].
    pub detail: &'a Hash,
}

/// The entry's bytes.
pub fn encode(fields: &EntryFields<'_>) -> Vec<u8> {
    let optional = [fields.target.is_some(), fields.request.is_some(), fields.intent.is_some()];
    let length =
        11 + optional.iter().filter(|there| **there).count() as u64 + u64::from(fields.duration_micros.is_some());
    let mut out = minicbor::Encoder::new(Vec::with_capacity(320 + fields.subject.len()));
    let written: Result<(), minicbor::encode::Error<std::convert::Infallible>> = (|| {
        out.map(length)?;
        out.u8(0)?.u64(VERSION)?;
        out.u8(1)?.str(fields.chain)?;
        out.u8(2)?.u64(fields.sequence)?;
        out.u8(3)?.bytes(fields.previous)?;
        out.u8(4)?.bytes(&fields.id)?;
        out.u8(5)?.i64(fields.at_micros)?;
        out.u8(6)?.str(fields.operation)?;
        if let Some(target) = fields.target {
            out.u8(7)?.str(target)?;
        }
        out.u8(8)?.str(fields.result)?;
        if let Some(request) = fields.request {
            out.u8(9)?.bytes(&request)?;
        }
        if let Some(intent) = fields.intent {
            out.u8(10)?.bytes(&intent)?;
        }
        if let Some(duration) = fields.duration_micros {
            out.u8(11)?.u64(duration)?;
        }
        out.u8(12)?.bytes(fields.pseudonym)?;
        out.u8(13)?.bytes(fields.subject)?;
        out.u8(14)?.bytes(fields.detail)?;
        Ok(())
    })();
    match written {
        Ok(()) => out.into_writer(),
        // writing to memory has no way to fail
        Err(never) => unreachable!("{never}"),
    }
}

/// The hash that links entries; it is also the entry's leaf hash in the RFC 6962 tree.
pub fn hash(entry: &[u8]) -> Hash {
    sha256(&[&[0x00], entry])
}

/// What an entry says about its detail, so that the detail can be purged and the chain still verifies.
/// The salt (16 random bytes, stored beside the detail) keeps a short detail from being guessed once it is gone.
pub fn commit(salt: &[u8], detail: &[u8]) -> Hash {
    sha256(&[b"nodeloom/audit/detail/v1\0", salt, detail])
}

/// What is stored of an entry: its bytes, and beside them the detail and the salt that they only commit to.
/// `length of the entry (4, big-endian) | entry | salt (16) | detail`
pub fn pack(entry: &[u8], salt: &[u8; 16], detail: &[u8]) -> Vec<u8> {
    // an entry is a few hundred bytes; one of 4 GiB cannot be made, as its fields are limited before
    let length = u32::try_from(entry.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), entry, salt, detail].concat()
}

/// The JSON text that is committed to: no spaces, keys sorted by their UTF-8 bytes, whatever order the map had.
pub fn canonical_json(json: &Json) -> String {
    let mut out = String::new();
    write_canonical(json, &mut out);
    out
}

fn write_canonical(json: &Json, out: &mut String) {
    match json {
        Json::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        Json::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_unstable();
            out.push('{');
            for (index, key) in keys.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(&Json::String(key.clone()).to_string());
                out.push(':');
                write_canonical(&map[key], out);
            }
            out.push('}');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

/// The name of a chain: `system`, or `team_<32 hex>/<environment>`.
pub fn chain_name(scope: Option<Scope>) -> String {
    scope.map_or_else(|| "system".to_owned(), |scope| format!("{}/{}", scope.team, scope.environment))
}

/// The scope that a chain's name stands for; `None` when it is not a chain's name.
pub fn chain_scope(name: &str) -> Option<Option<Scope>> {
    if name == "system" {
        return Some(None);
    }
    let (team, environment) = name.split_once('/')?;
    let environment: Environment = environment.parse().ok()?;
    Some(Some(Scope { team: team.parse().ok()?, environment }))
}

pub(crate) fn sha256(parts: &[&[u8]]) -> Hash {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn canonical_json_sorts_keys_and_drops_spaces() {
        let json = json!({"b": [1, {"z": null, "a": "é\n"}], "a": true});
        assert_eq!(canonical_json(&json), "{\"a\":true,\"b\":[1,{\"a\":\"é\\n\",\"z\":null}]}");
    }

    #[test]
    fn a_chain_is_named_after_its_scope_and_back() {
        let team = "team_00000000000070008000000000000001".parse().unwrap();
        let scope = Some(Scope { team, environment: Environment::Staging });
        assert_eq!(chain_name(scope), "team_00000000000070008000000000000001/staging");
        assert_eq!(chain_scope(&chain_name(scope)), Some(scope));
        assert_eq!(chain_scope("system"), Some(None));
        assert_eq!(chain_scope("team_1/staging"), None);
    }
}
