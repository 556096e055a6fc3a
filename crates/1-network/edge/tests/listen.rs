//! Real sockets, real TLS, short limits.

#![allow(clippy::unwrap_used, reason = "in a test an unwrap is an assertion, in helpers too")]

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use axum::{Extension, Router, extract::WebSocketUpgrade, routing::get};
use domain::{Clock, Timestamp};
use edge::{Arrived, Front, Limits, Tls, local_authority::LocalAuthority, redirect_to_https, serve, tls::provider};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

fn clock() -> Clock {
    #[allow(clippy::disallowed_methods, reason = "certificates are checked against the real time by the client")]
    Clock::new(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Timestamp::from_micros(now.as_micros() as i64)
    })
}

fn limits() -> Limits {
    Limits {
        handshake: Duration::from_millis(300),
        header_read: Duration::from_millis(300),
        write_stall: Duration::from_millis(400),
        shutdown: Duration::from_secs(2),
        ..Limits::default()
    }
}

/// A body that looks like an answer of the parser.
const MIMIC: &str = "HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n";

struct Running {
    address: SocketAddr,
    folder: tempfile::TempDir,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

async fn running() -> Running {
    running_with(limits()).await
}
async fn running_with(limits: Limits) -> Running {
    let folder = tempfile::tempdir().unwrap();
    let authority = LocalAuthority::open(folder.path(), &["node.internal".into()], clock().now()).unwrap();
    let tls = Tls::from_local_authority(authority, &clock()).unwrap();
    let router = Router::new()
        .route("/who", get(|Extension(a): Extension<Arrived>| async move { a.client.to_string() }))
        .route("/mimic", get(|| async { MIMIC }))
        .route("/large", get(|| async { vec![b'a'; 64 << 20] }))
        .route(
            "/socket",
            get(|socket: WebSocketUpgrade| async move {
                socket.on_upgrade(|mut socket| async move {
                    while let Some(Ok(message)) = socket.recv().await {
                        let _ = socket.send(message).await;
                    }
                })
            }),
        )
        .route(
            "/slow",
            get(|| async {
                tokio::time::sleep(Duration::from_millis(700)).await;
                "slow but whole"
            }),
        );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let service = Front::new(clock()).around(router);
    let task = tokio::spawn(async move { serve(listener, &tls, service, limits, async { drop(stopped.await) }).await });
    Running { address, folder, stop: Some(stop), task }
}

async fn client(
    authority: &Path,
    name: &'static str,
    to: SocketAddr,
    alpn: &[u8],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.to_vec()];
    let stream = TcpStream::connect(to).await?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from(name).unwrap(), stream).await
}
impl Running {
    async fn client(&self) -> TlsStream<TcpStream> {
        client(&self.folder.path().join("ca.pem"), "localhost", self.address, b"http/1.1").await.unwrap()
    }
}

async fn exchange(stream: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin), request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = Vec::new();
    let _ = stream.read_to_end(&mut text).await;
    String::from_utf8_lossy(&text).into_owned()
}
/// How long until the server closed.
async fn closed_after(stream: &mut (impl AsyncReadExt + Unpin)) -> Duration {
    let start = tokio::time::Instant::now();
    let mut sink = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut sink)).await.expect("still open");
    start.elapsed()
}

/// R014: the certificate of the first start is believed by a real client, for each of its names and for no other.
#[tokio::test]
async fn the_local_authority_is_believed_by_a_real_client() {
    let server = running().await;
    let ca = server.folder.path().join("ca.pem");
    for name in ["localhost", "127.0.0.1", "::1", "node.internal"] {
        let mut stream = client(&ca, name, server.address, b"http/1.1").await.unwrap();
        let answer = exchange(&mut stream, "GET /who HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("127.0.0.1"), "{name}: {answer}");
    }
    assert!(client(&ca, "evil.example", server.address, b"http/1.1").await.is_err());
}

#[tokio::test]
async fn the_authority_is_kept_private_and_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("data");
    let open = |now| LocalAuthority::open(&inner, &[], now).unwrap();
    open(clock().now());
    let first = std::fs::read(inner.join("ca.pem")).unwrap();
    open(clock().now());
    assert_eq!(first, std::fs::read(inner.join("ca.pem")).unwrap());
    for file in ["ca.pem", "ca.key"] {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(inner.join(file)).unwrap().permissions().mode() & 0o777, 0o600, "{file}");
    }
    open(clock().now() + Duration::from_secs(9 * 365 * 24 * 3600));
    assert_ne!(first, std::fs::read(inner.join("ca.pem")).unwrap(), "one that is about to end is replaced");
    assert!(
        LocalAuthority::open(&inner, &["no name".into()], clock().now()).and_then(|a| a.issue(clock().now())).is_err()
    );
}

#[tokio::test]
async fn http2_is_spoken_to_those_who_ask() {
    let server = running().await;
    let stream = client(&server.folder.path().join("ca.pem"), "localhost", server.address, b"h2").await.unwrap();
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut send, connection) =
        hyper::client::conn::http2::handshake(hyper_util::rt::TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::get("https://localhost/who").body(axum::body::Body::empty()).unwrap();
    let answer = send.send_request(request).await.unwrap();
    assert_eq!((answer.version(), answer.status().as_u16()), (http::Version::HTTP_2, 200));
    assert!(answer.headers().contains_key("strict-transport-security"));
}

/// R017: a WebSocket is opened over TLS, through everything that stands around the router, and outlives the limits on
/// heads and answers.
#[tokio::test]
async fn a_websocket_passes_through() {
    let server = running().await;
    let mut stream = server.client().await;
    let handshake = "GET /socket HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
                     sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(handshake.as_bytes()).await.unwrap();
    let mut head = vec![0; 4096];
    let read = stream.read(&mut head).await.unwrap();
    let head = String::from_utf8_lossy(&head[..read]).into_owned();
    assert!(head.starts_with("HTTP/1.1 101") && head.contains("strict-transport-security"), "{head}");
    tokio::time::sleep(limits().header_read * 2).await;
    // "hi", masked with zeros
    stream.write_all(&[0x81, 0x82, 0, 0, 0, 0, b'h', b'i']).await.unwrap();
    let mut echo = [0; 4];
    stream.read_exact(&mut echo).await.unwrap();
    assert_eq!(echo, [0x81, 0x02, b'h', b'i']);
}

/// R014: plain HTTP on the TLS port gets nothing.
#[tokio::test]
async fn plain_http_on_the_tls_port_is_not_served() {
    let server = running().await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let answer = exchange(&mut stream, "GET /who HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert!(!answer.contains("HTTP/"), "{answer}");
}

/// Bad input of issue 5: a client that is slow on purpose, at the handshake, in the head, and between requests.
#[tokio::test]
async fn a_slow_client_is_cut() {
    let server = running().await;
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    let mut handshaken = server.client().await;
    let mut halfway = server.client().await;
    halfway.write_all(b"GET /who HTTP/1.1\r\nhost: loc").await.unwrap();
    let ca = server.folder.path().join("ca.pem");
    let mut silent_http2 = client(&ca, "localhost", server.address, b"h2").await.unwrap();
    let mut preface_only = client(&ca, "localhost", server.address, b"h2").await.unwrap();
    preface_only.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let mut one_byte = server.client().await;
    one_byte.write_all(b"G").await.unwrap();
    let limit = Duration::from_millis(1500);
    assert!(closed_after(&mut silent).await < limit);
    assert!(closed_after(&mut handshaken).await < limit);
    assert!(closed_after(&mut halfway).await < limit);
    assert!(closed_after(&mut one_byte).await < limit);
    assert!(closed_after(&mut silent_http2).await < limit);
    assert!(closed_after(&mut preface_only).await < limit);
}

/// A client that asks for much and takes nothing is cut too, and its place is free again.
#[tokio::test]
async fn a_client_that_does_not_take_its_answer_is_cut() {
    let server = running_with(Limits { max_connections: 1, ..limits() }).await;
    let mut greedy = server.client().await;
    greedy.write_all(b"GET /large HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    tokio::time::timeout(Duration::from_secs(3), server.client()).await.expect("the place was never freed");
    let mut taken = Vec::new();
    let _ = greedy.read_to_end(&mut taken).await;
    assert!(taken.len() < 64 << 20);
}

/// Bad input of issue 5: 100,000 headers, an endless head, smuggled lengths. The server answers or closes, and lives.
#[tokio::test]
async fn heads_that_are_too_large_or_ambiguous_are_refused() {
    let server = running().await;
    let many = "x-a: 1\r\n".repeat(100_000);
    let over = "x-a: 1\r\n".repeat(99);
    for (what, head, status) in [
        ("100,000 headers", format!("host: localhost\r\n{many}"), "HTTP/1.1 431"),
        ("101 headers", format!("host: localhost\r\nx-b: 1\r\n{over}"), "HTTP/1.1 431"),
        ("long header", format!("host: localhost\r\nx-a: {}\r\n", "a".repeat(40_000)), "HTTP/1.1 431"),
        ("two hosts", "host: localhost\r\nhost: other\r\n".into(), "HTTP/1.1 400"),
        ("no host", String::new(), "HTTP/1.1 400"),
        ("length twice", "host: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n".into(), "HTTP/1.1 400"),
        ("chunked in the middle", "host: localhost\r\ntransfer-encoding: chunked, identity\r\n".into(), "HTTP/1.1 400"),
        ("space before colon", "host: localhost\r\ntransfer-encoding : chunked\r\n".into(), "HTTP/1.1 400"),
    ] {
        let mut stream = server.client().await;
        let (mut read, mut write) = tokio::io::split(&mut stream);
        let request = format!("GET /who HTTP/1.1\r\n{head}connection: close\r\n\r\n");
        // the server may close before it has read everything
        let sending = async {
            let _ = write.write_all(request.as_bytes()).await;
        };
        let mut text = Vec::new();
        let reading = async {
            let _ = tokio::time::timeout(Duration::from_secs(3), read.read_to_end(&mut text)).await;
        };
        tokio::join!(sending, reading);
        let text = String::from_utf8_lossy(&text);
        assert!(text.starts_with(status) || (what == "100,000 headers" && text.is_empty()), "{what}: {text}");
    }
    let mut stream = server.client().await;
    assert!(
        exchange(&mut stream, "GET /who HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
            .await
            .starts_with("HTTP/1.1 200")
    );
}

/// R020: what the parser refuses before there is a request carries the headers too, as the first thing that a connection
/// says and after a good answer; over plain HTTP as well. What a handler says is left alone, even when it looks like that.
#[tokio::test]
async fn what_cannot_even_be_read_is_answered_with_our_headers() {
    let guarded = |text: &str| {
        [
            "strict-transport-security: max-age=31536000",
            "x-content-type-options: nosniff",
            "x-frame-options: DENY",
            "content-security-policy: default-src 'none'",
            "referrer-policy: no-referrer",
            "cache-control: no-store",
        ]
        .iter()
        .all(|header| text.contains(header))
    };
    let server = running().await;
    let long = format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "a".repeat(65_535));
    let many = format!("GET /who HTTP/1.1\r\nhost: a\r\n{}\r\n", "x: 1\r\n".repeat(150));
    for (bad, status) in [
        ("GET /who HTTP/1.1\r\nno colon here\r\n\r\n", "400"),
        ("GET /who HTTP/1.1\r\nhost: a\r\ntransfer-encoding : chunked\r\n\r\n", "400"),
        ("GET /who HTTP/9.9\r\nhost: a\r\n\r\n", "400"),
        ("G\0T /who HTTP/1.1\r\nhost: a\r\n\r\n", "400"),
        ("\x16\x03\x01\x02\x00\r\n\r\n", "400"),
        (long.as_str(), "414"),
        (many.as_str(), "431"),
    ] {
        let what: String = bad.chars().take(60).collect();
        let first = exchange(&mut server.client().await, bad).await;
        assert!(first.starts_with(&format!("HTTP/1.1 {status}")) && guarded(&first), "{what}: {first}");
        let mut kept = server.client().await;
        kept.write_all(b"GET /who HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        let mut good = [0; 4096];
        let read = kept.read(&mut good).await.unwrap();
        assert!(good[..read].starts_with(b"HTTP/1.1 200"));
        let second = exchange(&mut kept, bad).await;
        assert!(second.starts_with(&format!("HTTP/1.1 {status}")) && guarded(&second), "{what}, second: {second}");
    }
    let mimic =
        exchange(&mut server.client().await, "GET /mimic HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    assert!(mimic.ends_with(MIMIC), "{mimic}");

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(redirect_to_https(listener, 8443, limits(), std::future::pending()));
    let plain = exchange(&mut TcpStream::connect(address).await.unwrap(), "\0\0\r\n\r\n").await;
    assert!(plain.starts_with("HTTP/1.1 400") && guarded(&plain), "{plain}");
    task.abort();
}

/// A length and a chunked body at once: whatever is answered, the second request inside it is never seen as one.
#[tokio::test]
async fn a_request_hidden_in_anothers_body_is_not_answered() {
    let server = running().await;
    let mut stream = server.client().await;
    let smuggled = "POST /who HTTP/1.1\r\nhost: a\r\ncontent-length: 44\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /who HTTP/1.1\r\nhost: a\r\nx-smuggled: 1\r\n\r\n";
    let answer = exchange(&mut stream, smuggled).await;
    assert!(answer.matches("HTTP/1.1 ").count() <= 1, "{answer}");
    assert!(!answer.contains("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn an_answer_under_way_is_finished_at_the_end() {
    let mut server = running().await;
    let mut stream = server.client().await;
    stream.write_all(b"GET /slow HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.stop.take().unwrap().send(()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    assert!(text.ends_with("slow but whole"), "{text}");
    tokio::time::timeout(Duration::from_secs(2), &mut server.task).await.unwrap().unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn past_the_connection_limit_others_wait_their_turn() {
    let server = running_with(Limits { max_connections: 2, ..limits() }).await;
    let _held = (server.client().await, server.client().await);
    let third = tokio::time::timeout(Duration::from_millis(100), server.client()).await;
    assert!(third.is_err(), "a third connection was served");
    // the header timeout frees a place
    tokio::time::timeout(Duration::from_secs(2), server.client()).await.unwrap();
}

/// R014: a changed certificate is used without a restart; a broken one is not.
#[tokio::test]
async fn a_changed_certificate_is_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("tls.pem"), folder.path().join("tls.key"));
    let write = || {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    };
    write();
    let tls = Tls::from_files(&certificate, &key).unwrap();
    assert!(!tls.reload(&clock()).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (serving, service) = (tls.clone(), Front::new(clock()).around(Router::new()));
    let task = tokio::spawn(async move { serve(listener, &serving, service, limits(), std::future::pending()).await });
    let old = folder.path().join("old.pem");
    std::fs::copy(&certificate, &old).unwrap();
    assert!(client(&old, "localhost", address, b"http/1.1").await.is_ok());
    write();
    assert!(tls.reload(&clock()).unwrap());
    assert!(client(&certificate, "localhost", address, b"http/1.1").await.is_ok());
    assert!(client(&old, "localhost", address, b"http/1.1").await.is_err());
    std::fs::write(&certificate, "junk").unwrap();
    assert!(tls.reload(&clock()).is_err());
    task.abort();
}

#[test]
fn a_key_of_another_certificate_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("tls.pem"), folder.path().join("tls.key"));
    let made = || rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(&certificate, made().cert.pem()).unwrap();
    std::fs::write(&key, made().signing_key.serialize_pem()).unwrap();
    assert!(Tls::from_files(&certificate, &key).is_err());
    assert!(Tls::from_files(folder.path().join("missing"), &key).is_err());
}

/// R014: the plain listener redirects reading and refuses everything else; it has nothing to serve.
#[tokio::test]
async fn plain_http_only_points_to_https() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(redirect_to_https(listener, 8443, limits(), std::future::pending()));
    let ask = |request: &'static str| async move {
        let mut stream = TcpStream::connect(address).await.unwrap();
        exchange(&mut stream, request).await
    };
    let answer = ask("GET /a?b=c HTTP/1.1\r\nhost: localhost:8080\r\n\r\n").await;
    assert!(
        answer.starts_with("HTTP/1.1 308") && answer.contains("location: https://localhost:8443/a?b=c\r\n"),
        "{answer}"
    );
    assert!(!answer.contains("set-cookie") && answer.contains("strict-transport-security"), "{answer}");
    for exposed in [
        "POST /setup HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n",
        "GET /api/v1/me HTTP/1.1\r\nhost: localhost\r\n\r\n",
        "GET /hooks/a/production/b HTTP/1.1\r\nhost: localhost\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer nlk_x\r\n\r\n",
    ] {
        let answer = ask(exposed).await;
        assert!(answer.starts_with("HTTP/1.1 403") && !answer.contains("location:"), "{answer}");
    }
    for bad in
        ["GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nhost: a/b@c\r\n\r\n", "GET / HTTP/1.1\r\nhost: \"x\r\n\r\n"]
    {
        assert!(ask(bad).await.starts_with("HTTP/1.1 400"), "{bad}");
    }
    let mut slow = TcpStream::connect(address).await.unwrap();
    assert!(closed_after(&mut slow).await < Duration::from_millis(1500));
    task.abort();
}
