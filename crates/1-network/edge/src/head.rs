//! Heads that mean one thing to us and another to a proxy, or that are too large, are refused before routing.

use http::{HeaderMap, Request, Version, header, uri::Authority};

use crate::front::Refusal;

/// Limits on a request's head. HTTP's own parser has wider ones, so that nearly all refusals are ours and carry our
/// headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadLimits {
    /// Default 100.
    pub max_headers: usize,
    /// Names and values together. Default 32 KiB.
    pub max_header_bytes: usize,
    /// Path and query. Default 8 KiB.
    pub max_uri_bytes: usize,
    /// Host names (without port) that we answer to; empty answers to all. Guards against DNS rebinding.
    pub hosts: Vec<String>,
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self { max_headers: 100, max_header_bytes: 32 * 1024, max_uri_bytes: 8 * 1024, hosts: Vec::new() }
    }
}

/// Refuses a head that is too large or can be read in two ways.
pub(crate) fn check<B>(request: &Request<B>, limits: &HeadLimits) -> Result<(), Refusal> {
    let headers = request.headers();
    let target = request.uri().path_and_query().map_or("", |target| target.as_str());
    if target.len() > limits.max_uri_bytes {
        return Err(Refusal::UriTooLong);
    }
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if headers.len() > limits.max_headers || bytes > limits.max_header_bytes {
        return Err(Refusal::HeadersTooLarge);
    }
    path(request.uri().path())?;
    framing(request.version(), headers)?;
    host(request, limits)
}

/// `//`, dot segments and encoded separators mean different things to different routers.
fn path(path: &str) -> Result<(), Refusal> {
    const REFUSED: Refusal = Refusal::BadHead("the path is not in its simplest form");
    if path == "*" {
        return Ok(());
    }
    let bytes = path.as_bytes();
    if !bytes.starts_with(b"/") || bytes.contains(&b'\\') || path.contains("//") {
        return Err(REFUSED);
    }
    if bytes.contains(&b'%') {
        for (at, _) in path.match_indices('%') {
            let decoded = bytes.get(at + 1..at + 3).and_then(hex).ok_or(REFUSED)?;
            if matches!(decoded, b'/' | b'\\' | b'.' | b'%') || decoded < 0x20 || decoded == 0x7f {
                return Err(REFUSED);
            }
        }
    }
    if path.split('/').any(|segment| segment == "." || segment == "..") {
        return Err(REFUSED);
    }
    Ok(())
}

fn hex(pair: &[u8]) -> Option<u8> {
    let digit = |b: u8| char::from(b).to_digit(16);
    Some((digit(pair[0])? * 16 + digit(pair[1])?) as u8)
}

/// Where one request ends and the next begins must have one answer.
fn framing(version: Version, headers: &HeaderMap) -> Result<(), Refusal> {
    let lengths = headers.get_all(header::CONTENT_LENGTH).iter().count();
    let encodings = headers.get_all(header::TRANSFER_ENCODING).iter().count();
    if lengths > 1 || encodings > 1 || (lengths > 0 && encodings > 0) {
        return Err(Refusal::BadHead("the request says its length twice"));
    }
    let coding = headers.get(header::TRANSFER_ENCODING);
    if coding.is_some_and(|coding| !coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked")) {
        return Err(Refusal::BadHead("transfer-encoding other than chunked"));
    }
    if encodings > 0 && version != Version::HTTP_11 {
        return Err(Refusal::BadHead("transfer-encoding belongs to HTTP/1.1"));
    }
    Ok(())
}

fn host<B>(request: &Request<B>, limits: &HeadLimits) -> Result<(), Refusal> {
    const REFUSED: Refusal = Refusal::BadHead("the request must name exactly one host");
    let mut named = request.headers().get_all(header::HOST).iter();
    let first = named.next();
    if named.next().is_some() {
        return Err(REFUSED);
    }
    let from_header: Option<Authority> = match first {
        Some(value) => Some(value.to_str().ok().and_then(|text| text.parse().ok()).ok_or(REFUSED)?),
        None => None,
    };
    let authority = match (request.uri().authority(), &from_header) {
        (Some(target), Some(header)) if target != header => return Err(REFUSED),
        (Some(target), _) => target,
        (None, Some(header)) => header,
        (None, None) => return Err(REFUSED),
    };
    if authority.as_str().contains('@') {
        return Err(REFUSED);
    }
    let name = authority.host().trim_matches(['[', ']']).trim_end_matches('.');
    if !limits.hosts.is_empty() && !limits.hosts.iter().any(|known| known.eq_ignore_ascii_case(name)) {
        return Err(Refusal::UnknownHost);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(uri: &str, headers: &[(&'static str, &str)]) -> Result<(), Refusal> {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        check(&request.body(()).unwrap(), &HeadLimits { hosts: vec!["a.example".into()], ..HeadLimits::default() })
    }
    const HOST: (&str, &str) = ("host", "a.example:8443");

    #[test]
    fn an_ordinary_request_passes() {
        assert_eq!(verdict("/api/v1/x%20y?q=a%2Fb//c", &[HOST]), Ok(()));
        assert_eq!(verdict("https://a.example:8443/x", &[HOST]), Ok(()));
    }

    /// Bad input of issue 5: absolute-form and double-slash paths.
    #[test]
    fn a_path_that_routers_read_differently_is_refused() {
        for path in [
            "//x",
            "/a//b",
            "/a/../b",
            "/a/./b",
            "/a/%2e%2e/b",
            "/a%2Fb",
            "/a%5cb",
            "/a%00",
            "/a%252e",
            "/a%zz",
            "/a%4",
        ] {
            assert!(matches!(verdict(path, &[HOST]), Err(Refusal::BadHead(_))), "{path}");
        }
        assert!(matches!(verdict("https://evil.example/x", &[HOST]), Err(Refusal::BadHead(_))));
        assert_eq!(verdict("https://evil.example/x", &[]), Err(Refusal::UnknownHost));
    }

    /// Bad input of issue 5: header smuggling.
    #[test]
    fn a_request_that_says_its_length_twice_is_refused() {
        for pair in [
            [("content-length", "1"), ("content-length", "1")],
            [("content-length", "1"), ("transfer-encoding", "chunked")],
            [("transfer-encoding", "chunked"), ("transfer-encoding", "identity")],
            [("host", "a.example"), ("host", "b.example")],
            [HOST, ("transfer-encoding", "gzip, chunked")],
            [HOST, ("transfer-encoding", "identity")],
        ] {
            assert!(matches!(verdict("/", &pair), Err(Refusal::BadHead(_))), "{pair:?}");
        }
        assert_eq!(verdict("/", &[HOST, ("transfer-encoding", "Chunked")]), Ok(()));
    }

    #[test]
    fn a_request_without_host_or_for_another_host_is_refused() {
        assert!(matches!(verdict("/", &[]), Err(Refusal::BadHead(_))));
        assert!(matches!(verdict("/", &[("host", "u@a.example")]), Err(Refusal::BadHead(_))));
        assert_eq!(verdict("/", &[("host", "rebound.example")]), Err(Refusal::UnknownHost));
    }

    #[test]
    fn a_head_that_is_too_large_is_refused() {
        assert_eq!(verdict(&format!("/{}", "a".repeat(9000)), &[HOST]), Err(Refusal::UriTooLong));
        let many: Vec<_> = (0..101).map(|_| ("x-a", "1")).collect();
        assert_eq!(verdict("/", &many), Err(Refusal::HeadersTooLarge));
        assert_eq!(verdict("/", &[HOST, ("x-a", &"a".repeat(40_000))]), Err(Refusal::HeadersTooLarge));
    }
}
