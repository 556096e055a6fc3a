//! Webhooks whose sender signs: HMAC-SHA-256 over the raw body, compared in constant time.

use aws_lc_rs::hmac;
use axum::http::HeaderMap;
use domain::Scope;

use crate::{
    problems::{Kind, Problem},
    rooms::{Hook, Rooms},
};

/// Passes when the hook asks for no signature or the right one is there: hexadecimal, after an optional `sha256=`.
///
/// # Errors
/// [`Kind::BadSignature`] for a missing or wrong one, alike.
pub async fn check(rooms: &Rooms, scope: Scope, hook: &Hook, headers: &HeaderMap, body: &[u8]) -> Result<(), Problem> {
    let Some(wanted) = &hook.signature else { return Ok(()) };
    let given = headers.get(wanted.header.as_str()).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let given = hex::decode(given.strip_prefix("sha256=").unwrap_or(given)).unwrap_or_default();
    let secret = rooms.webhook_secret(scope, hook.principal, &wanted.credential).await?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    hmac::verify(&key, body, &given).map_err(|_| Kind::BadSignature.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The header that GitHub's documentation shows for its example secret and body.
    #[test]
    fn the_known_example_verifies() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"It's a Secret to Everybody");
        let tag = hex::decode("757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17").unwrap();
        assert!(hmac::verify(&key, b"Hello, World!", &tag).is_ok());
        assert!(hmac::verify(&key, b"Hello, World?", &tag).is_err());
    }
}
