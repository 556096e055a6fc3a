//! HTTP/2 by hand: frames that no client library would send.

#![allow(clippy::unwrap_used, reason = "in a test an unwrap is an assertion, in helpers too")]

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, routing::get};
use domain::{Clock, Timestamp};
use edge::{Front, Limits, Tls, local_authority::LocalAuthority, serve, tls::provider};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

struct Running {
    address: SocketAddr,
    folder: tempfile::TempDir,
}

async fn running() -> Running {
    #[allow(clippy::disallowed_methods, reason = "certificates are checked against the real time by the client")]
    let clock = Clock::new(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Timestamp::from_micros(now.as_micros() as i64)
    });
    let folder = tempfile::tempdir().unwrap();
    let authority = LocalAuthority::open(folder.path(), &[], clock.now()).unwrap();
    let tls = Tls::from_local_authority(authority, &clock).unwrap();
    let never = || async { std::future::pending::<&'static str>().await };
    let router = Router::new().route("/here", get(|| async { "here" })).route("/never", get(never));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = Front::new(clock).around(router);
    tokio::spawn(async move { serve(listener, &tls, service, Limits::default(), std::future::pending()).await });
    Running { address, folder }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend_from_slice(&[kind, flags]);
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// `name: value` as a literal that enters the table of headers.
fn kept(name: &str, value: &str) -> Vec<u8> {
    let mut block = vec![0x40];
    for text in [name, value] {
        assert!(text.len() < 127 + 128);
        match text.len() {
            short @ 0..127 => block.push(short as u8),
            long => block.extend([0x7f, (long - 127) as u8]),
        }
        block.extend_from_slice(text.as_bytes());
    }
    block
}

/// The head of `GET path` on localhost.
fn asked(path: &str) -> Vec<u8> {
    // :method GET and :scheme https stand in the static table
    [&[0x82, 0x87][..], &kept(":path", path), &kept(":authority", "localhost")].concat()
}

impl Running {
    async fn client(&self) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.folder.path().join("ca.pem")).unwrap()).unwrap();
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let stream = TcpStream::connect(self.address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        stream.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
        stream
    }
    /// Whether a well-behaved client is answered, quickly.
    async fn serves(&self) {
        let mut stream = self.client().await;
        stream.write_all(&frame(HEADERS, END_STREAM | END_HEADERS, 1, &asked("/here"))).await.unwrap();
        let (_, _, payload) = answered(&mut stream, DATA).await.expect("an answer");
        assert_eq!(payload, b"here");
    }
}

/// The next frame of `kind`, or what ended the wait: the end of the connection.
async fn answered(stream: &mut (impl AsyncReadExt + Unpin), kind: u8) -> Option<(u8, u32, Vec<u8>)> {
    let next = async {
        loop {
            let mut head = [0; 9];
            stream.read_exact(&mut head).await.ok()?;
            let length = head[..3].iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
            let mut payload = vec![0; length];
            stream.read_exact(&mut payload).await.ok()?;
            if head[3] == kind {
                return Some((head[4], u32::from_be_bytes([head[5], head[6], head[7], head[8]]), payload));
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), next).await.expect("neither an answer nor an end")
}

/// Writes until it is done or the other end has had enough.
async fn pour(stream: &mut (impl AsyncWriteExt + Unpin), bytes: &[u8]) {
    let all = async {
        for part in bytes.chunks(16 * 1024) {
            if stream.write_all(part).await.is_err() {
                return;
            }
        }
        _ = stream.flush().await;
    };
    _ = tokio::time::timeout(Duration::from_secs(20), all).await;
}

/// R020, and bad input of issue 5, a small head that unpacks to a large one: 431 with our headers, on a connection that
/// goes on. Twice, since the second answer is said by a table that both ends keep.
#[tokio::test]
async fn a_head_that_unpacks_to_too_much_is_answered_with_our_headers() {
    let server = running().await;
    let mut stream = server.client().await;
    // one header of 200 bytes, then many times the same by its place in the table
    let bomb = |times| [asked("/here"), kept("x-a", &"a".repeat(200)), vec![0xbe; times]].concat();
    for id in [1, 3] {
        pour(&mut stream, &frame(HEADERS, END_STREAM | END_HEADERS, id, &bomb(400))).await;
        let (flags, of, block) = answered(&mut stream, HEADERS).await.expect("an answer");
        assert_eq!((flags, of), (END_STREAM | END_HEADERS, id));
        let text = String::from_utf8_lossy(&block);
        for part in [
            "strict-transport-security",
            "max-age=31536000; includeSubDomains",
            "x-content-type-options",
            "x-frame-options",
            "referrer-policy",
            "permissions-policy",
            "content-security-policy",
            "default-src 'none'",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
    stream.write_all(&frame(HEADERS, END_STREAM | END_HEADERS, 5, &asked("/here"))).await.unwrap();
    let (_, of, payload) = answered(&mut stream, DATA).await.expect("the connection goes on");
    assert_eq!((of, payload.as_slice()), (5, &b"here"[..]));
    // 4 MiB out of 16 KiB: no answer any more, an end
    pour(&mut stream, &frame(HEADERS, END_STREAM | END_HEADERS, 7, &bomb(16_000))).await;
    assert!(answered(&mut stream, HEADERS).await.is_none());
    server.serves().await;
}

/// Bad input: a head without an end (CVE-2024-27316 and its kin). The connection ends long before memory does.
#[tokio::test]
async fn a_head_without_an_end_ends_the_connection() {
    let server = running().await;
    let mut stream = server.client().await;
    let mut flood = frame(HEADERS, END_STREAM, 1, &asked("/here"));
    let header = kept("x-a", "a").repeat(2_000);
    for _ in 0..2_000 {
        flood.extend_from_slice(&frame(CONTINUATION, 0, 1, &header));
    }
    let (mut read, mut write) = tokio::io::split(stream);
    let (told, ()) = tokio::join!(answered(&mut read, GOAWAY), pour(&mut write, &flood));
    assert!(told.is_none_or(|(_, _, payload)| payload.len() >= 8 && payload[4..8] != [0, 0, 0, 0]));
    stream = server.client().await;
    drop(stream);
    server.serves().await;
}

/// Bad input: streams that are opened and taken back at once (CVE-2023-44487). The connection ends; others are served.
#[tokio::test]
async fn streams_that_are_taken_back_at_once_end_the_connection() {
    let server = running().await;
    let stream = server.client().await;
    let mut flood = Vec::new();
    for n in 0..20_000_u32 {
        let id = 2 * n + 1;
        flood.extend_from_slice(&frame(HEADERS, END_STREAM | END_HEADERS, id, &asked("/never")));
        flood.extend_from_slice(&frame(RESET, 0, id, &8_u32.to_be_bytes()));
    }
    let (mut read, mut write) = tokio::io::split(stream);
    let (told, ()) = tokio::join!(answered(&mut read, GOAWAY), pour(&mut write, &flood));
    let error = told.map(|(_, _, payload)| payload[4..8].to_vec());
    assert!(error.as_deref().is_none_or(|code| code != [0, 0, 0, 0]), "{error:?}");
    server.serves().await;
}

/// Bad input: settings, pings and empty frames in their thousands cost their sender more than us.
#[tokio::test]
async fn a_flood_of_frames_that_ask_for_nothing_is_endured() {
    let server = running().await;
    for cheap in [frame(SETTINGS, 0, 0, &[]), frame(6, 0, 0, &[0; 8]), frame(0x8, 0, 0, &[0, 0, 0, 1])] {
        let stream = server.client().await;
        let (mut read, mut write) = tokio::io::split(stream);
        let sink = tokio::spawn(async move { _ = tokio::io::copy(&mut read, &mut tokio::io::sink()).await });
        pour(&mut write, &cheap.repeat(20_000)).await;
        server.serves().await;
        sink.abort();
    }
}
