//! Proof that our own page sent a change (R037): a token bound to the session, once in a cookie and once in a header
//! that no other origin can set, and an `Origin` that is ours.

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use domain::SessionId;
use http::{HeaderMap, HeaderValue, Method, header};
use subtle::ConstantTimeEq as _;

use crate::{Keys, cookies, error::CsrfFault, token::random};

/// Where our page puts the token.
pub const HEADER: &str = "x-csrf-token";

/// A fresh token for `session`.
pub(crate) fn make(keys: &Keys, session: SessionId) -> String {
    let nonce = random::<16>();
    let tag = keys.csrf().next().map(|key| sign(key, session, &nonce));
    format!("{}.{}", BASE64.encode(nonce), BASE64.encode(tag.map(|t| t.as_ref().to_vec()).unwrap_or_default()))
}

fn sign(key: &hmac::Key, session: SessionId, nonce: &[u8]) -> hmac::Tag {
    hmac::sign(key, &message(session, nonce))
}
fn message(session: SessionId, nonce: &[u8]) -> Vec<u8> {
    let mut text = b"csrf/v1".to_vec();
    text.extend_from_slice(session.uuid().as_bytes());
    text.extend_from_slice(nonce);
    text
}

/// Whether method changes nothing.
pub fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Checks header, cookie, binding and origin.
pub(crate) fn check(
    keys: &Keys,
    origins: &[HeaderValue],
    session: SessionId,
    headers: &HeaderMap,
) -> Result<(), CsrfFault> {
    own_origin(origins, headers)?;
    let mut sent = headers.get_all(HEADER).iter();
    let token = sent.next().and_then(|value| value.to_str().ok()).ok_or(CsrfFault::Missing)?;
    let cookie = cookies::read(headers, cookies::CSRF).ok().flatten().ok_or(CsrfFault::Missing)?;
    if sent.next().is_some() || !bool::from(token.as_bytes().ct_eq(cookie.as_bytes())) {
        return Err(CsrfFault::Mismatch);
    }
    let parts =
        token.split_once('.').and_then(|(nonce, tag)| Some((BASE64.decode(nonce).ok()?, BASE64.decode(tag).ok()?)));
    let (nonce, tag) = parts.ok_or(CsrfFault::Mismatch)?;
    let message = message(session, &nonce);
    let bound = nonce.len() == 16 && keys.csrf().any(|key| hmac::verify(key, &message, &tag).is_ok());
    if bound { Ok(()) } else { Err(CsrfFault::Mismatch) }
}

/// Whether a browser says that one of our own pages sent this. `Origin` decides where it stands; without it
/// `Sec-Fetch-Site` does; with neither it is no browser of this decade, and the token alone decides.
pub(crate) fn own_origin(origins: &[HeaderValue], headers: &HeaderMap) -> Result<(), CsrfFault> {
    let mut named = headers.get_all(header::ORIGIN).iter();
    match (named.next(), named.next()) {
        (Some(_), Some(_)) => return Err(CsrfFault::ForeignOrigin),
        (Some(origin), None) if origins.contains(origin) => return Ok(()),
        (Some(_), None) => return Err(CsrfFault::ForeignOrigin),
        (None, _) => {}
    }
    match headers.get("sec-fetch-site").map(HeaderValue::as_bytes) {
        None | Some(b"same-origin" | b"none") => Ok(()),
        Some(_) => Err(CsrfFault::ForeignOrigin),
    }
}
