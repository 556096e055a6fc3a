//! Secrets that only their name gives away: `datadog_api_key = …`, `"password": "…"`, `client_secret: …`.

use std::sync::LazyLock;

use regex::Regex;

use super::{
    entropy,
    table::{CONTEXTUAL, Contextual},
};
use crate::{Entity, Kind};

/// A name, an assignment, and a value: `name = "value"`, `name: value`, `name => value`, `name value` is not one.
static ASSIGNED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"(?x)([A-Za-z][A-Za-z0-9_.\-\ ]{1,60}?)["'`\]]{0,2}\s{0,3}(?::=|=>|[=:]|\bis\b)\s{0,3}["'`\\]{0,2}
           ([A-Za-z0-9_.\-+/=~!@\#$%^&*?]{8,400})"#,
    )
    .ok()
});

/// In a name: this is a secret.
const SECRET: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "apikey",
    "api_key",
    "api-key",
    "api key",
    "access_key",
    "access-key",
    "accesskey",
    "auth_token",
    "authtoken",
    "auth-token",
    "access_token",
    "accesstoken",
    "access-token",
    "refresh_token",
    "client_secret",
    "clientsecret",
    "client-secret",
    "private_key",
    "privatekey",
    "private-key",
    "encryption_key",
    "signing_key",
    "bearer",
    "credential",
    "api_token",
    "apitoken",
    "api-token",
    "secret_key",
    "token",
];

/// In a name: this is not.
const HARMLESS: &[&str] = &[
    "public",
    "keyword",
    "csrf",
    "xsrf",
    "url",
    "uri",
    "_id",
    "-id",
    "id_",
    "file",
    "path",
    "length",
    "size",
    "count",
    "type",
    "name",
    "hash",
    "checksum",
    "sha1",
    "sha2",
    "sha5",
    "sha_",
    "_sha",
    "webtoken",
    "accessor",
    "bucket",
    "primary_key",
    "foreign_key",
    "expires",
    "expiry",
    "policy",
    "max_token",
    "tokenizer",
    "min_token",
    "total_token",
    "prompt_token",
    "completion_token",
    "tokens",
    "version",
    "format",
    "header",
    "field",
    "label",
    "hint",
    "reset",
    "credentialsid",
    "credentialid",
    "credentials_id",
    "secretsid",
    "endpoint",
    "monkey",
    "keyhash",
    "algorithm",
    "issuer",
    "vault",
    "manager",
    "scope",
];

pub fn find(text: &str, found: &mut Vec<Entity>) {
    let Some(assigned) = ASSIGNED.as_ref() else { return };
    // Where a stretch that is looked at again ends, and how often it was.
    let (mut at, mut looked, mut again) = (0, 0, 0);
    while let Some(hit) = assigned.captures_at(text, at) {
        let (Some(name), Some(value)) = (hit.get(1), hit.get(2)) else { return };
        at = value.end();
        let lower = name.as_str().to_ascii_lowercase();
        // A closing quote says where the value ends; without one, what ends the sentence is not part of it.
        let closed = text[value.end()..].starts_with(['"', '\'', '`']);
        let trimmed =
            if closed { value.as_str() } else { value.as_str().trim_end_matches(['.', ',', ';', ':', '!', '?']) };
        let end = value.start() + trimmed.len();
        if let Some((score, rule)) = judge(&lower, name.as_str(), trimmed, &text[end..]) {
            found.push(Entity::new(Kind::ApiKey, value.start(), end, score, rule));
        } else {
            // What was taken for a value may be the next name: `use this: DD_API_KEY=…`. A few times, so that it stays
            // linear.
            if name.start() >= looked {
                (looked, again) = (value.end(), 0);
            }
            if again < 3 {
                again += 1;
                at = value.start();
            }
        }
    }
}

/// A JSON member whose name says "secret".
pub(crate) fn by_name(name: &str, value: &str) -> Option<Entity> {
    if value.len() > 4096 || value.contains(char::is_whitespace) {
        return None;
    }
    let (score, rule) = judge(&name.to_ascii_lowercase(), name, value, "")?;
    Some(Entity::new(Kind::ApiKey, 0, value.len(), score, rule))
}

fn judge(name: &str, written: &str, value: &str, after: &str) -> Option<(f32, &'static str)> {
    if entropy::is_filler(value) || is_reference(value, after) {
        return None;
    }
    if let Some(known) = service(written, name, value) {
        return Some((0.85, known.name));
    }
    if is_variable(written, value) {
        return Some((0.7, "key/by-variable"));
    }
    if HARMLESS.iter().any(|word| name.contains(word)) || !SECRET.iter().any(|word| name.contains(word)) {
        return None;
    }
    let is_password = ["password", "passwd", "pwd", "passphrase"].iter().any(|word| name.contains(word));
    let bits = entropy::bits(value);
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let letters = value.bytes().filter(u8::is_ascii_alphabetic).count();
    if is_password {
        let symbols = value.len() - digits - letters;
        let varied = usize::from(digits > 0) + usize::from(letters > 0) + usize::from(symbols > 0);
        return (varied >= 2 && bits >= 2.5 && value.len() <= 128).then_some((0.7, "key/password"));
    }
    (value.len() >= 16 && bits >= 3.3 && digits >= 2 && letters >= 2 && !is_wordy(value))
        .then_some((0.7, "key/by-name"))
}

/// Code, a path or another name rather than a value: `config.get("key")`, `os.environ`, `./secret.pem`, `${TOKEN}`.
fn is_reference(value: &str, after: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    after.starts_with(['(', '[', '{', '<'])
        || value.contains("://")
        || value.starts_with(['/', '.', '$', '%', '&', '['])
        || value.starts_with("process.env")
        || lower.starts_with("os.")
        || lower.contains("getenv")
        || lower.contains("example")
        || value.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b'-')
        || (value.contains('.')
            && value.split('.').all(|part| part.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_')))
}

/// Words joined by hyphens, underscores or case: `my-secret-name-2`, `SomeClassName12`.
fn is_wordy(value: &str) -> bool {
    let parts: Vec<&str> = value.split(['-', '_', '.', '/', ':']).filter(|part| !part.is_empty()).collect();
    let words = parts.iter().filter(|part| part.len() >= 3 && part.bytes().all(|b| b.is_ascii_lowercase())).count()
        + parts.iter().filter(|part| part.len() >= 3 && part.bytes().all(|b| b.is_ascii_uppercase())).count();
    parts.len() >= 2 && words * 2 >= parts.len()
}

/// `LOGDNA_KEY=587f…`: a name in capitals, as the environment writes them, that ends in what it is.
fn is_variable(written: &str, value: &str) -> bool {
    let named = ["_KEY", "_TOKEN", "_PAT", "_SECRET", "_APIKEY"].iter().any(|end| written.ends_with(end));
    let count = |test: fn(&u8) -> bool| value.as_bytes().iter().filter(|b| test(b)).count();
    named
        && written.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
        && !HARMLESS.iter().any(|word| written.to_ascii_lowercase().contains(word))
        && value.len() >= 16
        && (count(u8::is_ascii_digit) >= 3 && count(u8::is_ascii_alphabetic) >= 3
            || value.len() >= 20 && count(u8::is_ascii_lowercase) >= 4 && count(u8::is_ascii_uppercase) >= 4)
        && entropy::bits(value) >= 3.2
        && !is_wordy(value)
}

/// `word` in a name, from one of its humps or joints to another: `okta` is in `oktaToken`, not in `rookTable`.
fn has_word(written: &str, lower: &str, word: &str) -> bool {
    let bytes = written.as_bytes();
    lower.match_indices(word).any(|(at, _)| {
        let end = at + word.len();
        let hump = bytes[at].is_ascii_uppercase() && at > 0 && bytes[at - 1].is_ascii_lowercase();
        let begins = at == 0 || !bytes[at - 1].is_ascii_alphabetic() || hump;
        let humps_inside = (at + 1..end).any(|i| bytes[i].is_ascii_uppercase() && bytes[i - 1].is_ascii_lowercase());
        let ends = bytes.get(end).is_none_or(|next| !next.is_ascii_lowercase() || !humps_inside);
        begins && ends
    })
}

fn service(written: &str, name: &str, value: &str) -> Option<&'static Contextual> {
    let digit = value.bytes().any(|b| b.is_ascii_digit());
    CONTEXTUAL.iter().find(|known| {
        (known.min..=known.max).contains(&value.len())
            && digit
            && value.bytes().all(|b| known.set.has(b))
            && known.words.iter().any(|word| has_word(written, name, word))
            && !is_wordy(value)
            && entropy::bits(value) >= 3.0
            && (SECRET.iter().any(|word| name.contains(word)) || name.contains("key") || name.len() <= 24)
    })
}
