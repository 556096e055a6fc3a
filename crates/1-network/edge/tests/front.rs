//! What stands around the router, called as a tower service.

#![allow(clippy::unwrap_used, reason = "in a test an unwrap is an assertion, in helpers too")]

use std::{sync::Arc, time::Duration};

use axum::{Extension, Router, body::Body, extract::DefaultBodyLimit, response::Response, routing::get, routing::post};
use bytes::Bytes;
use domain::{Clock, Timestamp};
use edge::{Arrived, Cors, Front, Refusal, RoutePolicy, Surface, TrustedProxies, address::Peer, headers::Ancestors};
use http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

fn clock() -> Clock {
    Clock::new(|| Timestamp::from_micros(1_700_000_000_000_000))
}

fn router() -> Router {
    Router::new()
        .route("/ok", get(|| async { "ok" }))
        .route("/page", get(|| async { "page" }))
        .route("/embed", get(|| async { "embed" }))
        .route("/who", get(|Extension(a): Extension<Arrived>| async move { format!("{} {}", a.client, a.request_id) }))
        .route("/panic", get(|| async { panic!("on purpose") as &'static str }))
        .route("/slow", get(|| async { tokio::time::sleep(Duration::from_secs(3600)).await }))
        .route("/loose", get(|| async {
            [("content-security-policy", "default-src *"), ("x-frame-options", "ALLOWALL"), ("server", "x/1.0"),
             ("access-control-allow-origin", "*"), ("cache-control", "public, max-age=60")]
        }))
        .route("/status/{code}", get(|axum::extract::Path(code): axum::extract::Path<u16>| async move {
            StatusCode::from_u16(code).unwrap()
        }))
        .route("/echo", post(|body: Bytes| async move { format!("{}", body.len()) }))
        .layer(DefaultBodyLimit::disable())
}

fn front() -> Front {
    let mut front = Front::new(clock());
    front.cors = Cors::new(["https://app.example.com"]).unwrap();
    front.proxies = TrustedProxies::new(["10.0.0.0/8"]).unwrap();
    let ancestors = Arc::new(Ancestors::new(["https://shop.example"]).unwrap());
    front.policies = Arc::new(move |_, path| RoutePolicy {
        surface: match path {
            "/page" => Surface::Page,
            "/embed" => Surface::Embed(ancestors.clone()),
            _ => Surface::Api,
        },
        max_body_bytes: 1000,
        time: Duration::from_secs(5),
    });
    front.render = Arc::new(|refusal, arrived| {
        let mut answer = Response::new(Body::from(format!("{refusal:?} {}", arrived.request_id)));
        answer.headers_mut().insert(header::CONTENT_TYPE, "application/problem+json".parse().unwrap());
        answer
    });
    front
}

async fn send(request: http::request::Builder, body: Body) -> (StatusCode, http::HeaderMap, String) {
    let mut request = request.header(header::HOST, "localhost").body(body).unwrap();
    if request.extensions().get::<Peer>().is_none() {
        request.extensions_mut().insert(Peer("192.0.2.1:5".parse().unwrap()));
    }
    let (parts, body) = front().around(router()).oneshot(request).await.unwrap().into_parts();
    (parts.status, parts.headers, String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap())
}
fn to(path: &str) -> http::request::Builder {
    Request::builder().uri(path)
}
async fn got(path: &str) -> (StatusCode, http::HeaderMap, String) {
    send(to(path), Body::empty()).await
}

/// R015, R020–R025: every answer carries them: found, not found, wrong method, refused, crashed, timed out, any status.
#[tokio::test(start_paused = true)]
async fn every_answer_carries_the_security_headers() {
    let mut answers = Vec::new();
    for path in ["/ok", "/page", "/nowhere", "/echo", "/panic", "/slow", "//x", "/loose"] {
        answers.push((path.to_owned(), got(path).await));
    }
    for code in (200..=206).chain(300..=308).chain(400..=431).chain(500..=511) {
        answers.push((format!("{code}"), got(&format!("/status/{code}")).await));
    }
    answers.push((
        "preflight".into(),
        send(to("/ok").method("OPTIONS").header("access-control-request-method", "PUT"), Body::empty()).await,
    ));
    for (path, (_, headers, _)) in &answers {
        let value = |name: &str| headers.get(name).map_or("", |v| v.to_str().unwrap());
        assert_eq!(value("strict-transport-security"), "max-age=31536000; includeSubDomains", "{path}");
        assert_eq!(value("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(value("x-frame-options"), "DENY", "{path}");
        let page = value("content-security-policy").contains("script-src 'self'");
        assert_eq!(value("referrer-policy"), if page { "same-origin" } else { "no-referrer" }, "{path}");
        assert_eq!(value("cross-origin-opener-policy"), "same-origin", "{path}");
        assert_eq!(value("cross-origin-resource-policy"), "same-origin", "{path}");
        assert!(value("permissions-policy").contains("camera=()"), "{path}");
        assert!(value("x-request-id").starts_with("req_"), "{path}");
        let policy = value("content-security-policy");
        assert!(policy.starts_with("default-src 'none';") && policy.contains("frame-ancestors 'none'"), "{path}");
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{path}: {policy}");
        assert!(!headers.contains_key("server"), "{path}");
        assert_eq!(headers.get_all("content-security-policy").iter().count(), 1, "{path}");
    }
    assert_eq!(
        answers.iter().map(|(_, a)| a.0.as_u16()).take(8).collect::<Vec<_>>(),
        [200, 200, 404, 405, 500, 503, 400, 200]
    );
}

#[tokio::test]
async fn only_files_may_choose_to_be_kept() {
    assert_eq!(got("/ok").await.1["cache-control"], "no-store");
    assert_eq!(got("/loose").await.1["cache-control"], "public, max-age=60");
}

/// D13: embed routes, and only they, say who may frame them instead of DENY.
#[tokio::test]
async fn an_embed_route_names_who_may_frame_it() {
    let (_, headers, _) = got("/embed").await;
    assert!(!headers.contains_key("x-frame-options"));
    assert!(headers["content-security-policy"].to_str().unwrap().ends_with("frame-ancestors https://shop.example"));
    assert!(Ancestors::new(["*"]).is_err());
}

/// R019: only listed origins are answered, with their own name and never with a star.
#[tokio::test]
async fn cors_answers_listed_origins_only() {
    let ask = |origin: &'static str, method: Method| async move {
        let request = to("/ok").method(method).header("origin", origin).header("access-control-request-method", "PUT");
        let (_, headers, _) = send(request, Body::empty()).await;
        let value = |name: &str| headers.get(name).map(|v| v.to_str().unwrap().to_owned());
        (
            value("access-control-allow-origin"),
            value("access-control-allow-credentials"),
            value("access-control-allow-methods").is_some(),
        )
    };
    let good = "https://app.example.com";
    assert_eq!(ask(good, Method::OPTIONS).await, (Some(good.into()), Some("true".into()), true));
    assert_eq!(ask(good, Method::GET).await, (Some(good.into()), Some("true".into()), false));
    for bad in ["https://evil.example", "null", "https://app.example.com.evil.example", "http://app.example.com"] {
        assert_eq!(ask(bad, Method::OPTIONS).await, (None, None, false), "{bad}");
        assert_eq!(ask(bad, Method::GET).await, (None, None, false), "{bad}");
    }
    assert!(!got("/loose").await.1.contains_key("access-control-allow-origin"));
    assert_eq!(got("/ok").await.1["vary"], "origin");
}

#[tokio::test]
async fn request_ids_come_from_trusted_proxies_or_from_us() {
    let id = "req_0190b3c4d5e67f80a1b2c3d4e5f60718";
    let ask = |peer: &'static str| async move {
        let request = to("/who").header("x-request-id", id).header("x-forwarded-for", "203.0.113.9");
        send(request.extension(Peer(peer.parse().unwrap())), Body::empty()).await.2
    };
    assert_eq!(ask("10.1.2.3:9").await, format!("203.0.113.9 {id}"));
    let stranger = ask("192.0.2.7:9").await;
    assert!(stranger.starts_with("192.0.2.7 req_") && !stranger.contains(id));
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_whether_announced_or_not() {
    let send_body = |body: Body| send(to("/echo").method("POST"), body);
    assert_eq!(send_body(Body::from(vec![b'a'; 1000])).await.2, "1000");
    let announced = send_body(Body::from(vec![b'a'; 1001])).await;
    let pieces = (0..20).map(|_| Ok::<_, std::io::Error>(Bytes::from_static(&[b'a'; 100])));
    let streamed = send_body(Body::from_stream(futures::stream::iter(pieces))).await;
    for (status, headers, text) in [announced, streamed] {
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
        assert!(text.starts_with("BodyTooLarge { max_bytes: 1000 } req_"), "{text}");
        assert_eq!(
            (&headers["content-type"], &headers["connection"]),
            (&"application/problem+json".parse().unwrap(), &"close".parse().unwrap())
        );
    }
}

/// Bad input of issue 5: slow bodies.
#[tokio::test(start_paused = true)]
async fn a_body_that_stops_coming_is_408() {
    use futures::StreamExt as _;
    let mut front = front();
    front.body_pace.idle = Duration::from_secs(2);
    let body =
        futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"a"))]).chain(futures::stream::pending());
    let request = to("/echo").method("POST").header("host", "localhost").body(Body::from_stream(body)).unwrap();
    assert_eq!(front.around(router()).oneshot(request).await.unwrap().status(), StatusCode::REQUEST_TIMEOUT);
}

/// Bad input of issue 5: slow bodies, a drop at a time.
#[tokio::test(start_paused = true)]
async fn a_body_that_drips_is_408_in_the_end() {
    let mut front = front();
    front.body_pace.total = Duration::from_secs(3);
    let drip = futures::stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        Some((Ok::<_, std::io::Error>(Bytes::from_static(b"a")), ()))
    });
    let request = to("/echo").method("POST").header("host", "localhost").body(Body::from_stream(drip)).unwrap();
    assert_eq!(front.around(router()).oneshot(request).await.unwrap().status(), StatusCode::REQUEST_TIMEOUT);
}

/// Bad input of issue 5: gzip bombs. Nothing is unpacked.
#[tokio::test]
async fn a_compressed_body_is_refused() {
    for encoding in ["gzip", "br", "deflate, gzip", "zstd"] {
        let answer = send(to("/echo").method("POST").header("content-encoding", encoding), Body::from("x")).await;
        assert_eq!(answer.0, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{encoding}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_hangs_or_panics_is_answered() {
    assert!(got("/slow").await.2.starts_with("TimedOut req_"));
    assert!(got("/panic").await.2.starts_with("Crashed req_"));
}

/// Every refusal has a status of its own kind.
#[test]
fn refusals_are_client_or_server_errors() {
    for refusal in [
        Refusal::BadHead(""),
        Refusal::UnknownHost,
        Refusal::UriTooLong,
        Refusal::HeadersTooLarge,
        Refusal::BodyTooLarge { max_bytes: 1 },
        Refusal::BodyTooSlow,
        Refusal::EncodedBody,
        Refusal::TimedOut,
        Refusal::Crashed,
    ] {
        assert!(refusal.status().is_client_error() || refusal.status().is_server_error());
    }
}
