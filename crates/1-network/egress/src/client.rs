//! [`Egress`]: what the rest of the house holds.

use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use http_body_util::Full;
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use tokio::{net::TcpStream, time::Instant};
use url::Url;

use crate::{
    Body, Error, Policy, Request, Resolver, Socket, SystemResolver,
    dial::{self, Dialer},
    redirect, tls,
};

/// The way out. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Egress {
    dialer: Arc<Dialer>,
    http: Client<Connector, Full<Bytes>>,
}

/// An answer whose body has not been read yet.
#[derive(Debug)]
pub struct Response {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// Where the answer came from, after redirects. May hold secrets in its query: do not log it.
    pub url: Url,
    pub body: Body,
}

impl Response {
    /// A header as text, when it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl Egress {
    /// A way out under `policy`.
    ///
    /// # Errors
    /// [`InvalidAuthority`](Error::InvalidAuthority).
    pub fn new(policy: Policy) -> Result<Self, Error> {
        Self::with_resolver(policy, Arc::new(SystemResolver))
    }

    /// The same, asking `resolver` for names.
    ///
    /// # Errors
    /// [`InvalidAuthority`](Error::InvalidAuthority).
    pub fn with_resolver(policy: Policy, resolver: Arc<dyn Resolver>) -> Result<Self, Error> {
        let extra: Vec<&[u8]> = policy.extra_authorities_pem.as_deref().into_iter().collect();
        let https = tls::config(&extra, &[b"h2", b"http/1.1"])?;
        let plain = tls::config(&extra, &[])?;
        let dialer = Arc::new(Dialer { policy, resolver, https, tls: plain });
        let http = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .pool_max_idle_per_host(32)
            .build(Connector(dialer.clone()));
        Ok(Self { dialer, http })
    }

    /// Performs `request`, following redirects. Returns when the answer's head has arrived; any status is an answer.
    ///
    /// # Errors
    /// A refusal ([`Error::is_refusal`]), or a failure that names what did not happen. The deadline covers the body too.
    pub async fn send(&self, mut request: Request) -> Result<Response, Error> {
        let deadline = Instant::now() + request.timeout;
        let limit = self.dialer.policy.max_request_bytes;
        if request.body.len() as u64 > limit {
            return Err(Error::RequestTooLarge { limit });
        }
        let mut hops = 0;
        loop {
            let host = request.check()?.to_owned();
            let answer = tokio::time::timeout_at(deadline, self.http.request(outgoing(&request)?))
                .await
                .map_err(|_| Error::TimedOut { host: host.clone() })?
                .map_err(|error| explain(&host, &error))?;
            let (head, incoming) = answer.into_parts();
            let next = match request.follow_redirects {
                true => redirect::next(&request, head.status, &head.headers)?,
                false => None,
            };
            match next {
                Some(_) if hops == self.dialer.policy.max_redirects => {
                    return Err(Error::TooManyRedirects { limit: self.dialer.policy.max_redirects });
                }
                Some(next) => {
                    hops += 1;
                    request = next;
                }
                None => {
                    let body = Body::new(incoming, deadline, host, request.max_response_bytes);
                    return Ok(Response { status: head.status, headers: head.headers, url: request.url, body });
                }
            }
        }
    }

    /// A plain connection to `host:port` for databases and mail, judged like every other.
    ///
    /// # Errors
    /// A refusal, or why no connection came about.
    pub async fn connect_tcp(&self, host: &str, port: u16) -> Result<TcpStream, Error> {
        self.dialer.connect(host, port).await
    }

    /// Shakes hands on a connection of [`connect_tcp`](Self::connect_tcp) (for protocols that ask for TLS midway),
    /// trusting also the authorities in `extra_authority_pem`. The caller sets the deadline.
    ///
    /// # Errors
    /// [`Tls`](Error::Tls), [`InvalidAuthority`](Error::InvalidAuthority).
    pub async fn encrypt(
        &self,
        host: &str,
        stream: TcpStream,
        extra_authority_pem: Option<&[u8]>,
    ) -> Result<Socket, Error> {
        let config = match extra_authority_pem {
            None => self.dialer.tls.clone(),
            Some(extra) => {
                let pems = [Some(extra), self.dialer.policy.extra_authorities_pem.as_deref()];
                tls::config(&pems.into_iter().flatten().collect::<Vec<_>>(), &[])?
            }
        };
        dial::encrypt(config, host, stream).await
    }
}

impl fmt::Debug for Egress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Egress").field("allow", &self.dialer.policy.allow).finish_non_exhaustive()
    }
}

fn outgoing(request: &Request) -> Result<http::Request<Full<Bytes>>, Error> {
    // A fragment is not sent; the URI type refuses it.
    let mut url = request.url.clone();
    url.set_fragment(None);
    let uri: Uri = url.as_str().parse().map_err(|_| Error::InvalidUrl)?;
    let mut outgoing = http::Request::new(Full::new(request.body.clone()));
    *outgoing.method_mut() = request.method.clone();
    *outgoing.uri_mut() = uri;
    *outgoing.headers_mut() = request.headers.clone();
    // The host that was judged is the host that is named: a caller cannot name another.
    outgoing.headers_mut().remove(header::HOST);
    if !outgoing.headers().contains_key(header::USER_AGENT) {
        outgoing.headers_mut().insert(header::USER_AGENT, HeaderValue::from_static("NodeLoom"));
    }
    Ok(outgoing)
}

/// Finds our own error in what the HTTP library wrapped around it.
fn explain(host: &str, error: &(dyn std::error::Error + 'static)) -> Error {
    let mut cause = Some(error);
    while let Some(here) = cause {
        if let Some(ours) = here.downcast_ref::<Error>() {
            return ours.clone();
        }
        cause = here.source();
    }
    Error::Interrupted { host: host.to_owned(), reason: reason(error) }
}

/// The innermost cause; those of the HTTP library describe the protocol and quote no content.
pub(crate) fn reason(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(inner) = last.source() {
        last = inner;
    }
    last.to_string()
}

/// Hands the HTTP library connections that [`Dialer`] made.
#[derive(Clone)]
struct Connector(Arc<Dialer>);

impl tower::Service<Uri> for Connector {
    type Response = TokioIo<Socket>;
    type Error = Error;
    type Future = BoxFuture<'static, Result<Self::Response, Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let dialer = self.0.clone();
        Box::pin(async move {
            let secure = uri.scheme_str() == Some("https");
            let host = uri.host().ok_or(Error::InvalidUrl)?;
            let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
            Ok(TokioIo::new(dialer.connect_http(host, port, secure).await?))
        })
    }
}
