//! JSON web tokens (R148): the header has to decode to an object with `alg`, the body of a signed one to an object.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use crate::{Entity, Kind};

/// Longer ones are cut off here: a token is never a megabyte.
const LONGEST: usize = 64 * 1024;

pub fn find(text: &str, found: &mut Vec<Entity>) {
    let bytes = text.as_bytes();
    let mut from = 0;
    while let Some(offset) = text[from..].find("eyJ") {
        let start = from + offset;
        let joined = start > 0 && (bytes[start - 1].is_ascii_alphanumeric() || matches!(bytes[start - 1], b'_' | b'-'));
        let mut end = start;
        while end < bytes.len()
            && end - start < LONGEST
            && (bytes[end].is_ascii_alphanumeric() || matches!(bytes[end], b'_' | b'-' | b'.'))
        {
            end += 1;
        }
        from = end.max(start + 3);
        if joined {
            continue;
        }
        if let Some(length) = token_length(&text[start..end]) {
            found.push(Entity::new(Kind::Jwt, start, start + length, 0.99, "jwt"));
        }
    }
}

fn token_length(token: &str) -> Option<usize> {
    let mut parts = token.split('.');
    let header = object(parts.next()?)?;
    header.get("alg")?;
    let body = parts.next().filter(|part| part.len() >= 2)?;
    if header.get("enc").is_some() {
        // Encrypted: five parts, the second may be empty, none of them readable.
        let parts: Vec<&str> = token.split('.').collect();
        return (parts.len() >= 5).then(|| parts[..5].iter().map(|part| part.len() + 1).sum::<usize>() - 1);
    }
    object(body)?;
    let signature = parts.next().unwrap_or("");
    let mut length = token.find('.')? + 1 + body.len();
    if token[length..].starts_with('.') && !signature.is_empty() {
        length += 1 + signature.len();
    }
    Some(length)
}

fn object(part: &str) -> Option<Value> {
    let bytes = URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok()?;
    serde_json::from_slice::<Value>(&bytes).ok().filter(Value::is_object)
}
