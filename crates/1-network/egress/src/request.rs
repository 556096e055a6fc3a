//! One call, as data.

use std::{fmt, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use url::Url;

use crate::{Domains, Error};

/// A request that [`Egress::send`](crate::Egress::send) may perform. Its `Debug` shows the method, the host and the
/// names of headers, never a path, a value or a body.
#[derive(Clone)]
pub struct Request {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Where this call may go, redirects included.
    pub domains: Domains,
    /// From the call to the last byte of the answer. Default 30 s.
    pub timeout: Duration,
    /// Default 10 MiB.
    pub max_response_bytes: u64,
    /// Follow redirects (every hop is judged again)? Default yes.
    pub follow_redirects: bool,
}

impl Request {
    /// A request without headers or body.
    ///
    /// # Errors
    /// [`InvalidUrl`](Error::InvalidUrl).
    pub fn new(method: Method, url: &str) -> Result<Self, Error> {
        Ok(Self::to(method, Url::parse(url).map_err(|_| Error::InvalidUrl)?))
    }
    /// The same with an address that was read already.
    pub fn to(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            domains: Domains::any(),
            timeout: Duration::from_secs(30),
            max_response_bytes: 10 << 20,
            follow_redirects: true,
        }
    }

    /// Adds a header.
    ///
    /// # Errors
    /// [`InvalidHeader`](Error::InvalidHeader).
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, Error> {
        let (name, value) = parse(name, value)?;
        self.headers.append(name, value);
        Ok(self)
    }

    /// Adds a header that is a secret: hidden from `Debug`, dropped when a redirect leads to another origin.
    ///
    /// # Errors
    /// [`InvalidHeader`](Error::InvalidHeader).
    pub fn secret_header(mut self, name: &str, value: &str) -> Result<Self, Error> {
        let (name, mut value) = parse(name, value)?;
        value.set_sensitive(true);
        self.headers.append(name, value);
        Ok(self)
    }

    /// Sets a JSON body and its content type.
    pub fn json(mut self, body: &domain::Json) -> Self {
        self.headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.body = Bytes::from(body.to_string());
        self
    }
    /// Sets the body.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }
    /// Sets the domains.
    pub fn domains(mut self, domains: Domains) -> Self {
        self.domains = domains;
        self
    }
    /// Sets the deadline, counted from the call.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
    /// Sets the limit of the answer.
    pub const fn max_response_bytes(mut self, bytes: u64) -> Self {
        self.max_response_bytes = bytes;
        self
    }

    /// Everything about the address that can be judged without the network.
    pub(crate) fn check(&self) -> Result<&str, Error> {
        if !matches!(self.url.scheme(), "http" | "https") {
            return Err(Error::Scheme { scheme: self.url.scheme().to_owned() });
        }
        if !self.url.username().is_empty() || self.url.password().is_some() {
            return Err(Error::Userinfo);
        }
        let host = self.url.host_str().ok_or(Error::InvalidUrl)?;
        self.domains.check(host)?;
        Ok(host)
    }
}

fn parse(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), Error> {
    Ok((name.parse().map_err(|_| Error::InvalidHeader)?, value.parse().map_err(|_| Error::InvalidHeader)?))
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("host", &self.url.host_str())
            .field("headers", &self.headers.keys().map(HeaderName::as_str).collect::<Vec<_>>())
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}
