//! Which other origins a browser may let talk to us: those written out, and no others (R019).

use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri, header};

use crate::Error;

/// The origins that may send requests with cookies. A wildcard cannot be made.
#[derive(Debug, Clone, Default)]
pub struct Cors {
    origins: Vec<HeaderValue>,
}

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE");
const REQUEST_HEADERS: HeaderValue =
    HeaderValue::from_static("authorization, content-type, idempotency-key, if-match, x-csrf-token");
const EXPOSED: HeaderValue =
    HeaderValue::from_static("etag, link, location, ratelimit, ratelimit-policy, retry-after, x-request-id");
const AGE: HeaderValue = HeaderValue::from_static("600");
const TRUE: HeaderValue = HeaderValue::from_static("true");
const VARY: HeaderValue = HeaderValue::from_static("origin");

impl Cors {
    /// Allows exactly `origins`, with cookies; an empty list (the default) allows no other origin.
    ///
    /// # Errors
    /// [`Error::WildcardOrigin`] for anything with a `*`, [`Error::Origin`] for what is no origin: a start stops there.
    pub fn new<S: AsRef<str>>(origins: impl IntoIterator<Item = S>) -> Result<Self, Error> {
        let mut list = Vec::new();
        for text in origins {
            let origin = origin(text.as_ref())?;
            list.push(HeaderValue::from_str(&origin).map_err(|_| Error::Origin { origin })?);
        }
        Ok(Self { origins: list })
    }

    /// Whether `origin` is one of them, letter for letter.
    pub fn allows(&self, origin: &HeaderValue) -> bool {
        self.origins.contains(origin)
    }

    /// The answer to a preflight; `None` when the request is none.
    pub(crate) fn preflight<B: Default>(&self, method: &Method, headers: &HeaderMap) -> Option<Response<B>> {
        if *method != Method::OPTIONS || !headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
            return None;
        }
        let mut answer = Response::new(B::default());
        *answer.status_mut() = StatusCode::NO_CONTENT;
        if headers.get(header::ORIGIN).is_some_and(|origin| self.allows(origin)) {
            let out = answer.headers_mut();
            out.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
            out.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
            out.insert(header::ACCESS_CONTROL_MAX_AGE, AGE);
        }
        Some(answer)
    }

    /// Writes what the browser needs to let an allowed origin read the answer.
    pub(crate) fn stamp(&self, origin: Option<&HeaderValue>, out: &mut HeaderMap) {
        for name in [header::ACCESS_CONTROL_ALLOW_ORIGIN, header::ACCESS_CONTROL_ALLOW_CREDENTIALS] {
            out.remove(name);
        }
        if self.origins.is_empty() {
            return;
        }
        out.append(header::VARY, VARY);
        if let Some(origin) = origin.filter(|origin| self.allows(origin)) {
            out.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            out.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
            out.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        }
    }
}

/// `text` as a browser would send it in `Origin`: scheme, host, port that is not the scheme's own; lower case.
///
/// # Errors
/// [`Error::WildcardOrigin`], [`Error::Origin`].
pub fn origin(text: &str) -> Result<String, Error> {
    let bad = || Error::Origin { origin: text.to_owned() };
    if text.contains('*') {
        return Err(Error::WildcardOrigin);
    }
    let uri: Uri = text.trim_end_matches('/').parse().map_err(|_| bad())?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return Err(bad()) };
    let own_port = match scheme {
        "https" => 443,
        "http" => 80,
        _ => return Err(bad()),
    };
    if !matches!(uri.path(), "" | "/") || uri.query().is_some() || authority.as_str().contains('@') {
        return Err(bad());
    }
    let host = authority.host().to_ascii_lowercase();
    if host.is_empty() || !host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._[]:".contains(&b)) {
        return Err(bad());
    }
    Ok(match authority.port_u16() {
        Some(port) if port != own_port => format!("{scheme}://{host}:{port}"),
        _ => format!("{scheme}://{host}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R019: a wildcard cannot be configured, in any spelling.
    #[test]
    fn a_wildcard_is_refused_at_construction() {
        for text in ["*", "https://*", "https://*.example.com", "http://*:8080"] {
            assert!(matches!(Cors::new([text]), Err(Error::WildcardOrigin)), "{text}");
        }
    }

    #[test]
    fn what_is_no_origin_is_refused_at_construction() {
        for text in ["null", "", "example.com", "https://a/b", "https://a?x", "ftp://a", "https://u@a", "https://a;b"] {
            assert!(Cors::new([text]).is_err(), "{text}");
        }
    }

    #[test]
    fn an_origin_is_compared_as_browsers_spell_it() {
        assert_eq!(origin("HTTPS://App.Example.com:443/").unwrap(), "https://app.example.com");
        assert_eq!(origin("https://[::1]:8443").unwrap(), "https://[::1]:8443");
        let cors = Cors::new(["https://app.example.com"]).unwrap();
        assert!(cors.allows(&HeaderValue::from_static("https://app.example.com")));
        for other in
            ["null", "https://app.example.com.evil.org", "http://app.example.com", "https://app.example.com:444"]
        {
            assert!(!cors.allows(&HeaderValue::from_str(other).unwrap()), "{other}");
        }
    }
}
