//! What stands around the router: every request passes here before it is routed, every answer passes here last.
//!
//! It stands outside axum's router on purpose, so that paths which no route has, refusals and panics get the same
//! headers, limits and request ids as everything else.

use std::{
    convert::Infallible,
    fmt,
    future::Future,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{Router, body::Body, response::Response};
use domain::{Clock, RequestId};
use futures::FutureExt as _;
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use tower::Service;

use crate::{
    address::{Arrived, Peer, TrustedProxies},
    body::{Guarded, Verdict as BodyVerdict},
    cors::Cors,
    head::{self, HeadLimits},
    headers::{self, Ancestors},
};

/// Who reads the answers of a route; decides its headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Surface {
    /// Programs. Nothing in an answer may run, load or be framed.
    Api,
    /// Our own pages and files.
    Page,
    /// Our own pages inside those of others (the widget).
    Embed(Arc<Ancestors>),
}

/// What one route may ask for. Chosen from method and path before routing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutePolicy {
    pub surface: Surface,
    /// Largest request body. Default 1 MiB.
    pub max_body_bytes: u64,
    /// From the head being read to the answer's head. Default 60 s.
    pub time: Duration,
}

impl Default for RoutePolicy {
    fn default() -> Self {
        Self { surface: Surface::Api, max_body_bytes: 1024 * 1024, time: Duration::from_secs(60) }
    }
}

/// Why the network layer turned a request away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// The head contradicts itself or is not in its simplest form; which, in words for the client.
    BadHead(&'static str),
    /// The host named is none of ours.
    UnknownHost,
    UriTooLong,
    HeadersTooLarge,
    BodyTooLarge {
        max_bytes: u64,
    },
    /// The body came too slowly.
    BodyTooSlow,
    /// A compressed body: we never unpack what a stranger sends.
    EncodedBody,
    /// No answer within the route's time.
    TimedOut,
    /// A handler failed in a way it should not have.
    Crashed,
}

impl Refusal {
    /// The status it is answered with.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::BadHead(_) => StatusCode::BAD_REQUEST,
            Self::UnknownHost => StatusCode::MISDIRECTED_REQUEST,
            Self::UriTooLong => StatusCode::URI_TOO_LONG,
            Self::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::EncodedBody => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TimedOut => StatusCode::SERVICE_UNAVAILABLE,
            Self::Crashed => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
    /// After these the connection cannot be trusted to be in step, so it is closed.
    const fn closes(self) -> bool {
        !matches!(self, Self::TimedOut | Self::Crashed | Self::UnknownHost | Self::EncodedBody)
    }
}

/// Turns a refusal into an answer; the server makes problem documents here. Status and headers are overwritten after.
pub type Render = Arc<dyn Fn(Refusal, &Arrived) -> Response + Send + Sync>;
/// Chooses a route's policy. Called once a request with method and path (no query).
pub type Policies = Arc<dyn Fn(&Method, &str) -> RoutePolicy + Send + Sync>;

/// Everything that stands around the router.
#[derive(Clone)]
pub struct Front {
    pub clock: Clock,
    pub proxies: TrustedProxies,
    pub cors: Cors,
    pub head: HeadLimits,
    pub body_pace: Pace,
    pub policies: Policies,
    pub render: Render,
}

/// How slowly a body may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Longest silence between two pieces. Default 15 s.
    pub idle: Duration,
    /// Longest time for the whole body. Default 120 s.
    pub total: Duration,
}
impl Default for Pace {
    fn default() -> Self {
        Self { idle: Duration::from_secs(15), total: Duration::from_secs(120) }
    }
}

impl fmt::Debug for Front {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Front").field("proxies", &self.proxies).field("cors", &self.cors).finish_non_exhaustive()
    }
}

impl Front {
    /// The strictest front: no proxy trusted, no other origin, every route an API route of 1 MiB and 60 s, refusals
    /// as bare status. Change its fields before [`Front::around`].
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            proxies: TrustedProxies::default(),
            cors: Cors::default(),
            head: HeadLimits::default(),
            body_pace: Pace::default(),
            policies: Arc::new(|_, _| RoutePolicy::default()),
            render: Arc::new(|refusal, _| {
                let mut answer = Response::new(Body::empty());
                *answer.status_mut() = refusal.status();
                answer
            }),
        }
    }

    /// Stands around `router`.
    pub fn around(self, router: Router) -> Guarding {
        Guarding { front: Arc::new(self), router }
    }

    async fn answer(&self, mut router: Router, request: Request<Body>) -> Response {
        let peer = request.extensions().get::<Peer>().map_or([0, 0, 0, 0].into(), |peer| peer.0.ip());
        let at = self.clock.now();
        let arrived = Arrived {
            client: self.proxies.client(peer, request.headers()),
            request_id: self
                .proxies
                .request_id(peer, request.headers())
                .unwrap_or_else(|| RequestId::new(at, rand::random())),
            at,
        };
        let policy = (self.policies)(request.method(), request.uri().path());
        let origin = request.headers().get(header::ORIGIN).cloned();
        let mut answer = match self.pass(&mut router, request, arrived, &policy).await {
            Ok(answer) => answer,
            Err(refusal) => self.refuse(refusal, &arrived),
        };
        let out = answer.headers_mut();
        headers::stamp(out, &policy.surface);
        self.cors.stamp(origin.as_ref(), out);
        if let Ok(id) = HeaderValue::try_from(arrived.request_id.to_string()) {
            out.insert("x-request-id", id);
        }
        answer
    }

    async fn pass(
        &self,
        router: &mut Router,
        request: Request<Body>,
        arrived: Arrived,
        policy: &RoutePolicy,
    ) -> Result<Response, Refusal> {
        head::check(&request, &self.head)?;
        if let Some(answer) = self.cors.preflight(request.method(), request.headers()) {
            return Ok(answer);
        }
        let (mut parts, body) = request.into_parts();
        if parts.uri.scheme().is_some() {
            parts.uri = origin_form(&parts.uri);
        }
        parts.extensions.insert(arrived);
        let (body, verdict) = Guarded::around(body, &parts.headers, policy.max_body_bytes, self.body_pace)?;
        let call = AssertUnwindSafe(router.call(Request::from_parts(parts, body))).catch_unwind();
        let answer = match tokio::time::timeout(policy.time, call).await {
            Ok(Ok(answer)) => answer.unwrap_or_else(|never| match never {}),
            Ok(Err(_)) => return Err(Refusal::Crashed),
            Err(_) => return Err(Refusal::TimedOut),
        };
        // the handler may have stopped reading because of us: then the client is told our reason, not its own
        match verdict.as_ref().and_then(BodyVerdict::refusal) {
            Some(refusal) if !answer.status().is_success() => Err(refusal),
            _ => Ok(answer),
        }
    }

    fn refuse(&self, refusal: Refusal, arrived: &Arrived) -> Response {
        let mut answer = (self.render)(refusal, arrived);
        *answer.status_mut() = refusal.status();
        if refusal.closes() {
            answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }
}

fn origin_form(uri: &Uri) -> Uri {
    uri.path_and_query().map_or_else(Uri::default, |path| Uri::from(path.clone()))
}

/// A router with a [`Front`] around it; what [`crate::serve`] serves. A tower service, so tests can call it directly.
#[derive(Clone)]
pub struct Guarding {
    front: Arc<Front>,
    router: Router,
}
impl Guarding {
    pub(crate) fn proxies(&self) -> &TrustedProxies {
        &self.front.proxies
    }
}
impl fmt::Debug for Guarding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.front.fmt(f)
    }
}

impl Service<Request<Body>> for Guarding {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }
    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (front, router) = (self.front.clone(), self.router.clone());
        Box::pin(async move { Ok(front.answer(router, request).await) })
    }
}
