//! Taking bytes off a socket: handshake, one HTTP connection per task, and an end that waits for answers under way.
//!
//! The protocol is chosen by the handshake (ALPN), never by peeking at the bytes: a client that sends nothing is cut by
//! the header timeout from its first moment on.

use std::{
    future::Future,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use axum::body::Body;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::{body::Incoming, server::conn::http1, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;
use tower::Service as _;

use crate::{
    address::{Peer, TrustedProxies},
    crowd::Crowd,
    front::{Guarding, Surface},
    headers,
    own_answers::{Stamping, Turn},
    own_frames,
    stall::Flowing,
    tls::Tls,
};

/// Limits on connections, before there is a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time; more wait in the kernel's queue. Default 8,192.
    pub max_connections: usize,
    /// Connections at a time from one address (an IPv6 /64 counts as one); one more is closed at once. Trusted proxies
    /// are exempt: they speak for many. Default 512.
    pub max_per_address: usize,
    /// From accept to the end of the TLS handshake. Default 10 s.
    pub handshake: Duration,
    /// From the first moment a request may begin to the end of its head; so also how long a kept connection may be
    /// silent. Default 20 s.
    pub header_read: Duration,
    /// What the HTTP/1 parser takes at most for a head. Default 64 KiB; [`crate::head::HeadLimits`] is the real limit.
    pub max_head_bytes: usize,
    /// HTTP/2 streams at a time on one connection. Default 100.
    pub max_streams: u32,
    /// How long the other end may take nothing of an answer. Default 30 s.
    pub write_stall: Duration,
    /// How long answers under way may take once the end has been asked for. Default 20 s.
    pub shutdown: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 8192,
            max_per_address: 512,
            handshake: Duration::from_secs(10),
            header_read: Duration::from_secs(20),
            max_head_bytes: 64 * 1024,
            max_streams: 100,
            write_stall: Duration::from_secs(30),
            shutdown: Duration::from_secs(20),
        }
    }
}

/// Serves `service` over TLS on `listener` until `shutdown` is ready, then lets answers under way finish, for at most
/// [`Limits::shutdown`].
pub async fn serve(
    listener: TcpListener,
    tls: &Tls,
    service: Guarding,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    let acceptor = TlsAcceptor::from(tls.config());
    let crowd = Crowd::new(limits.max_per_address, service.proxies().clone());
    accept(listener, limits, crowd, shutdown, move |stream, peer, mut ending| {
        let (acceptor, service) = (acceptor.clone(), service.clone());
        async move {
            let handshake =
                tokio::time::timeout(limits.handshake, acceptor.accept(Flowing::new(stream, limits.write_stall)));
            let stream = tokio::select! {
                done = handshake => match done { Ok(Ok(stream)) => stream, _ => return },
                _ = ending.wait_for(|ending| *ending) => return,
            };
            if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                over_http2(stream, peer, service, limits, ending).await;
            } else {
                over_http1(stream, peer, service, limits, ending).await;
            }
        }
    })
    .await;
}

/// What programs ask for: a program that is redirected silently goes on saying its secrets in the clear.
const FOR_PROGRAMS: [&str; 3] = ["/api/", "/hooks/", "/v1/"];

/// Answers plain HTTP with "come back over TLS" and with nothing else, ever (R014). `https_port` is the port people
/// reach TLS on. Only what a person's browser would ask for is redirected: other methods than GET and HEAD, the
/// addresses of programs, and whatever carries credentials are refused, because what they said has been exposed already
/// and a silent redirection would hide it.
pub async fn redirect_to_https(
    listener: TcpListener,
    https_port: u16,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    let crowd = Crowd::new(limits.max_per_address, TrustedProxies::default());
    accept(listener, limits, crowd, shutdown, move |stream, _, mut ending| async move {
        let turn = Turn::new();
        let stream = Stamping::new(Flowing::new(stream, limits.write_stall), turn.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let answer = turn.begin().answered_by(redirect(&request, https_port));
            async move { Ok::<_, std::convert::Infallible>(answer) }
        });
        let connection = http1_builder(limits).keep_alive(false).serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        tokio::select! {
            _ = connection.as_mut() => {}
            _ = ending.wait_for(|ending| *ending) => connection.as_mut().graceful_shutdown(),
        }
    })
    .await;
}

fn redirect<B>(request: &Request<B>, https_port: u16) -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    let safe =
        |host: &str| !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._[]:".contains(&b));
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.and_then(|host| host.parse::<http::uri::Authority>().ok()).filter(|host| safe(host.as_str()));
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let location = host.filter(|_| path.starts_with('/')).and_then(|host| {
        let port = if https_port == 443 { String::new() } else { format!(":{https_port}") };
        HeaderValue::try_from(format!("https://{}{port}{path}", host.host())).ok()
    });
    match location {
        Some(location)
            if matches!(*request.method(), Method::GET | Method::HEAD)
                && !request.headers().contains_key(header::AUTHORIZATION)
                && !FOR_PROGRAMS.iter().any(|start| path.starts_with(start)) =>
        {
            *answer.status_mut() = StatusCode::PERMANENT_REDIRECT;
            answer.headers_mut().insert(header::LOCATION, location);
        }
        Some(_) => *answer.status_mut() = StatusCode::FORBIDDEN,
        None => *answer.status_mut() = StatusCode::BAD_REQUEST,
    }
    headers::stamp(answer.headers_mut(), &Surface::Api);
    answer
}

/// The accept loop: one task per connection, never more than the limits, and an orderly end.
async fn accept<F, T>(
    listener: TcpListener,
    limits: Limits,
    crowd: Crowd,
    shutdown: impl Future<Output = ()>,
    connection: F,
) where
    F: Fn(TcpStream, SocketAddr, watch::Receiver<bool>) -> T,
    T: Future<Output = ()> + Send + 'static,
{
    let slots = Arc::new(Semaphore::new(limits.max_connections));
    let (end, ending) = watch::channel(false);
    let mut tasks = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let next = async {
            let slot = slots.clone().acquire_owned().await;
            (slot, listener.accept().await)
        };
        tokio::select! {
            () = shutdown.as_mut() => break,
            Some(_) = tasks.join_next(), if !tasks.is_empty() => {}
            (slot, accepted) = next => match accepted {
                Ok((stream, peer)) => {
                    let Some(place) = crowd.enter(peer.ip()) else { continue };
                    // a small answer must not wait for more to send; a socket that refuses is merely slower
                    let _ = stream.set_nodelay(true);
                    let work = connection(stream, peer, ending.clone());
                    tasks.spawn(async move { let _held = (slot, place); work.await });
                }
                Err(error) => {
                    // out of file handles or memory: give the connections at hand time to end
                    tracing::warn!(%error, "could not accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
        }
    }
    drop(listener);
    let _ = end.send(true);
    let all = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(limits.shutdown, all).await.is_err() {
        tracing::warn!(left = tasks.len(), "closed connections whose answers took too long at the end");
    }
    tasks.shutdown().await;
}

fn http1_builder(limits: Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_read)
        .max_buf_size(limits.max_head_bytes.max(16 * 1024));
    builder
}

fn handle(
    mut service: Guarding,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> impl Future<Output = Result<axum::response::Response, std::convert::Infallible>> + Send {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(Peer(peer));
    service.call(request)
}

async fn over_http1<S>(
    stream: S,
    peer: SocketAddr,
    service: Guarding,
    limits: Limits,
    mut ending: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let turn = Turn::new();
    let stream = Stamping::new(stream, turn.clone());
    let service = service_fn(move |request| {
        let (open, answer) = (turn.begin(), handle(service.clone(), peer, request));
        async move { answer.await.map(|answer| open.answered_by(answer)) }
    });
    let connection = http1_builder(limits).serve_connection(TokioIo::new(stream), service).with_upgrades();
    let mut connection = pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = ending.wait_for(|ending| *ending) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

async fn over_http2<S>(
    stream: S,
    peer: SocketAddr,
    service: Guarding,
    limits: Limits,
    mut ending: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let asked = Arc::new(Asked::default());
    let counting = asked.clone();
    let service = service_fn(move |request| {
        let (open, answer) = (counting.begin(), handle(service.clone(), peer, request));
        async move {
            let _open = open;
            answer.await
        }
    });
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.max_streams)
        .max_header_list_size(u32::try_from(limits.max_head_bytes).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(20)
        .keep_alive_interval(limits.header_read)
        .keep_alive_timeout(limits.header_read)
        .serve_connection(TokioIo::new(own_frames::Stamping::new(stream)), service);
    let mut connection = pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = ending.wait_for(|ending| *ending) => {}
        // HTTP/2 has no timeout of its own for a client that says nothing, nor for one that has nothing more to say
        () = asked.fall_silent(limits.header_read) => if asked.never() { return },
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

/// What was asked on one connection.
#[derive(Debug, Default)]
struct Asked {
    ever: AtomicUsize,
    open: AtomicUsize,
}

/// A request without its answer yet.
struct Open(Arc<Asked>);
impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Relaxed);
    }
}

impl Asked {
    fn begin(self: &Arc<Self>) -> Open {
        self.ever.fetch_add(1, Relaxed);
        self.open.fetch_add(1, Relaxed);
        Open(self.clone())
    }
    fn never(&self) -> bool {
        self.ever.load(Relaxed) == 0
    }
    /// Ends once nothing has been asked and nothing was to be answered for `period` (seen every `period`).
    async fn fall_silent(&self, period: Duration) {
        loop {
            let before = self.ever.load(Relaxed);
            tokio::time::sleep(period).await;
            if self.ever.load(Relaxed) == before && self.open.load(Relaxed) == 0 {
                return;
            }
        }
    }
}
