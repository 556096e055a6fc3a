//! The three cookies. `__Host-` binds them to this host over TLS; script can read the CSRF cookie only (R034–R036).

use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};

use crate::error::NotIdentified;

/// Holds the access token.
pub const ACCESS: &str = "__Host-nodeloom-access";
/// Holds the refresh token. It could be sent to the one path that needs it, but then not under `__Host-`, and a
/// neighbouring host could plant another; who gets it too is this server alone, which reads it nowhere else.
pub const REFRESH: &str = "__Host-nodeloom-refresh";
/// Holds the CSRF token, for our page to copy into `X-CSRF-Token`.
pub const CSRF: &str = "__Host-nodeloom-csrf";

/// The value of cookie `name`; `None` when it is not there.
///
/// # Errors
/// [`NotIdentified::Ambiguous`] when it is there twice: one of the two may have been planted by a neighbouring host.
pub fn read<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, NotIdentified> {
    let mut found = None;
    for line in headers.get_all(header::COOKIE) {
        // a cookie header that is not ASCII is somebody else's affair, but ours cannot be told apart in it
        let line = line.to_str().map_err(|_| NotIdentified::Malformed)?;
        for pair in line.split(';') {
            if let Some((key, value)) = pair.trim().split_once('=')
                && key == name
                && found.replace(value).is_some()
            {
                return Err(NotIdentified::Ambiguous);
            }
        }
    }
    Ok(found)
}

pub(crate) fn access(token: &str, life: Duration) -> Option<HeaderValue> {
    sealed(&format!("{ACCESS}={token}; Path=/; Max-Age={}; Secure; HttpOnly; SameSite=Lax", life.as_secs()))
}
pub(crate) fn refresh(token: &str, life: Duration) -> Option<HeaderValue> {
    let age = life.as_secs();
    sealed(&format!("{REFRESH}={token}; Path=/; Max-Age={age}; Secure; HttpOnly; SameSite=Strict"))
}
pub(crate) fn csrf(token: &str, life: Duration) -> Option<HeaderValue> {
    HeaderValue::try_from(format!("{CSRF}={token}; Path=/; Max-Age={}; Secure; SameSite=Strict", life.as_secs())).ok()
}

/// `Set-Cookie` values that remove all three.
pub fn cleared() -> Vec<HeaderValue> {
    let none = Duration::ZERO;
    [access("", none), refresh("", none), csrf("", none)].into_iter().flatten().collect()
}

fn sealed(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        let mut map = HeaderMap::new();
        lines.iter().for_each(|line| assert!(map.append(header::COOKIE, line.parse().unwrap()) | true));
        map
    }

    /// R034, R035, R036: httpOnly, Secure and SameSite on what script must not read.
    #[test]
    fn cookies_carry_their_attributes() {
        let text = |value: Option<HeaderValue>| value.unwrap().to_str().unwrap().to_owned();
        let life = Duration::from_secs(600);
        assert_eq!(
            text(access("t", life)),
            "__Host-nodeloom-access=t; Path=/; Max-Age=600; Secure; HttpOnly; SameSite=Lax"
        );
        assert_eq!(
            text(refresh("t", life)),
            "__Host-nodeloom-refresh=t; Path=/; Max-Age=600; Secure; HttpOnly; SameSite=Strict"
        );
        assert_eq!(text(csrf("t", life)), "__Host-nodeloom-csrf=t; Path=/; Max-Age=600; Secure; SameSite=Strict");
        assert!(cleared().iter().all(|value| value.to_str().unwrap().contains("Max-Age=0")));
    }

    /// Bad input of issue 5: cookies twice.
    #[test]
    fn a_cookie_that_stands_twice_is_refused() {
        assert_eq!(read(&headers(&["a=1; b=2"]), "b"), Ok(Some("2")));
        assert_eq!(read(&headers(&["a=1", "b=2"]), "b"), Ok(Some("2")));
        assert_eq!(read(&headers(&["a=1; b=2; b=3"]), "b"), Err(NotIdentified::Ambiguous));
        assert_eq!(read(&headers(&["b=2", "b=2"]), "b"), Err(NotIdentified::Ambiguous));
        assert_eq!(read(&headers(&["ab=2; b"]), "b"), Ok(None));
    }
}
