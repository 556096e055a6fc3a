//! The next hop of a redirect.

use http::{HeaderMap, Method, StatusCode, header};

use crate::{Error, Request};

/// The request that `status` and `headers` ask for, or `None` when the answer is no redirect.
pub(crate) fn next(request: &Request, status: StatusCode, headers: &HeaderMap) -> Result<Option<Request>, Error> {
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = headers.get(header::LOCATION) else { return Ok(None) };
    let host = || request.url.host_str().unwrap_or_default().to_owned();
    let location = location.to_str().map_err(|_| Error::BadRedirect { host: host() })?;
    let url = request.url.join(location).map_err(|_| Error::BadRedirect { host: host() })?;
    if request.url.scheme() == "https" && url.scheme() == "http" {
        return Err(Error::Downgrade { host: host() });
    }
    let mut next = request.clone();
    let to_get = status == StatusCode::SEE_OTHER && request.method != Method::HEAD
        || matches!(status.as_u16(), 301 | 302) && request.method == Method::POST;
    if to_get {
        next.method = Method::GET;
        next.body = bytes::Bytes::new();
        for name in [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::CONTENT_ENCODING] {
            next.headers.remove(name);
        }
    }
    if url.origin() != request.url.origin() {
        drop_credentials(&mut next.headers);
    }
    next.url = url;
    Ok(Some(next))
}

/// What was meant for one origin is not told to another.
fn drop_credentials(headers: &mut HeaderMap) {
    const NAMES: [&str; 8] = [
        "authorization",
        "cookie",
        "proxy-authorization",
        "x-api-key",
        "api-key",
        "x-auth-token",
        "dd-api-key",
        "idempotency-key",
    ];
    let secret: Vec<_> = headers
        .iter()
        .filter(|(name, value)| value.is_sensitive() || NAMES.contains(&name.as_str()))
        .map(|(name, _)| name.clone())
        .collect();
    for name in secret {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(method: Method, from: &str, status: u16, to: &str) -> Result<Option<Request>, Error> {
        let request = Request::new(method, from)
            .unwrap()
            .secret_header("x-mine", "k")
            .unwrap()
            .header("authorization", "k")
            .unwrap()
            .header("accept", "a")
            .unwrap()
            .body("b");
        let headers = HeaderMap::from_iter([(header::LOCATION, to.parse().unwrap())]);
        next(&request, StatusCode::from_u16(status).unwrap(), &headers)
    }

    #[test]
    fn another_origin_is_not_told_the_credentials() {
        let next = hop(Method::GET, "http://a/x", 302, "http://b/y").unwrap().unwrap();
        assert_eq!(next.headers.keys().map(|k| k.as_str()).collect::<Vec<_>>(), ["accept"]);
        let next = hop(Method::GET, "http://a/x", 302, "http://a:81/y").unwrap().unwrap();
        assert_eq!(next.headers.len(), 1);
        let same = hop(Method::GET, "http://a/x", 302, "/y").unwrap().unwrap();
        assert_eq!(same.headers.len(), 3);
    }

    #[test]
    fn a_post_becomes_a_get_only_where_http_says_so() {
        for (status, method) in
            [(301, Method::GET), (302, Method::GET), (303, Method::GET), (307, Method::POST), (308, Method::POST)]
        {
            let next = hop(Method::POST, "http://a/", status, "/y").unwrap().unwrap();
            assert_eq!(
                (next.method.clone(), next.body.is_empty()),
                (method.clone(), method == Method::GET),
                "{status}"
            );
        }
    }

    #[test]
    fn https_is_not_left_for_http() {
        assert!(matches!(hop(Method::GET, "https://a/", 302, "http://a/"), Err(Error::Downgrade { .. })));
        assert!(hop(Method::GET, "http://a/", 302, "https://a/").unwrap().is_some());
    }
}
