//! Windows in a real Redis: shared, exact under many clients, and never in the way when Redis is away (R026–R031).
//! That the script follows the same rules as `Local` is shown beside the code, on times that are given.

#![allow(clippy::unwrap_used, reason = "in a test an unwrap is an assertion, in helpers too")]
#![allow(clippy::disallowed_methods, reason = "these tests start a Redis of their own, to kill it")]

use std::{
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

use domain::Timestamp;
use edge::{Redis, Verdict, Window, WindowName, Windows, rate_limit::Key, rate_limit::Unavailable};
use tempfile::TempDir;

const SOON: Duration = Duration::from_secs(5);
const MINUTE: Duration = Duration::from_secs(60);

/// A Redis of the test's own.
struct Own {
    port: u16,
    folder: TempDir,
    more: Vec<String>,
    server: Option<Child>,
}

impl Own {
    fn start(more: &[&str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let more = more.iter().map(|word| (*word).to_owned()).collect();
        let mut own = Self { port, folder: tempfile::tempdir().unwrap(), more, server: None };
        own.resume();
        own
    }
    fn with(more: impl FnOnce(&Path, u16) -> Vec<String>) -> Self {
        let mut own = Self::start(&[]);
        own.kill();
        own.more = more(own.folder.path(), own.port);
        own.resume();
        own
    }
    fn resume(&mut self) {
        let mut server = Command::new("redis-server");
        server.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"]).arg(self.folder.path());
        server.args(["--port", &self.port.to_string()]).args(&self.more).stdout(Stdio::null());
        self.server = Some(server.spawn().unwrap());
        let started = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(started.elapsed() < SOON, "redis-server does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    fn kill(&mut self) {
        let mut server = self.server.take().unwrap();
        server.kill().unwrap();
        server.wait().unwrap();
    }
    /// STOP or CONT.
    fn signal(&self, signal: &str) {
        let id = self.server.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &id]).status().unwrap().success());
    }
    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
    async fn windows(&self) -> Redis {
        reached(&self.url(), None).await
    }
    fn ask<T: redis::FromRedisValue>(&self, words: &[&str]) -> T {
        ask(&self.url(), words)
    }
}
impl Drop for Own {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            _ = server.kill();
            _ = server.wait();
        }
    }
}

fn ask<T: redis::FromRedisValue>(url: &str, words: &[&str]) -> T {
    let mut connection = redis::Client::open(url).unwrap().get_connection().unwrap();
    let mut command = redis::Cmd::new();
    for word in words {
        command.arg(*word);
    }
    command.query(&mut connection).unwrap()
}
async fn reached(url: &str, authorities: Option<&[u8]>) -> Redis {
    let redis = Redis::open(url, authorities).unwrap();
    assert!(redis.reached(SOON).await, "Redis was not reached");
    redis
}
async fn shared() -> Redis {
    reached(&harness::servers::redis(), None).await
}
fn window(name: WindowName, limit: u32, length: Duration) -> Window {
    Window::new(name, limit, length)
}
/// A key that no other test and no other run has.
fn key(text: &str) -> Key {
    static RUN: LazyLock<String> = LazyLock::new(|| rand::random::<u128>().to_string());
    Key::of(&["test", &RUN, text])
}
/// Our own time is no matter: it is always 1970 here.
async fn take(redis: &Redis, window: Window, key: Key) -> Result<Verdict, Unavailable> {
    redis.take(window, key, Timestamp::from_micros(0)).await
}
async fn allowed(redis: &Redis, window: Window, key: Key) -> bool {
    take(redis, window, key).await.unwrap().allowed
}
/// Asked until it answers.
async fn back(redis: &Redis, window: Window, key: Key) -> Verdict {
    let since = Instant::now();
    loop {
        match take(redis, window, key).await {
            Ok(verdict) => return verdict,
            Err(Unavailable) => assert!(since.elapsed() < SOON, "Redis did not come back"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
/// Unavailable, and said quickly.
async fn away(redis: &Redis) {
    let since = Instant::now();
    while take(redis, window(WindowName::Api, 1_000_000, MINUTE), key("away")).await.is_ok() {}
    assert!(since.elapsed() < Duration::from_millis(500), "{:?}", since.elapsed());
}

/// R026: counters are shared between replicas.
#[tokio::test]
async fn two_processes_share_their_windows() {
    let (one, other) = (shared().await, shared().await);
    for name in [WindowName::Api, WindowName::Authentication] {
        let (window, key) = (window(name, 4, MINUTE), key("shared"));
        for left in [3, 1] {
            assert_eq!(take(&one, window, key).await.unwrap().remaining, left);
            assert_eq!(take(&other, window, key).await.unwrap().remaining, left - 1);
        }
        assert!(!allowed(&one, window, key).await && !allowed(&other, window, key).await);
    }
}

/// R027–R031: windows do not share their counts, and neither do keys, lengths apart included.
#[tokio::test]
async fn windows_and_keys_are_apart() {
    let redis = shared().await;
    use WindowName::*;
    for name in [Address, Api, Authentication, Webhooks, Widget, Scim, Resend] {
        for who in [key("a"), key("b")] {
            for length in [MINUTE, 2 * MINUTE] {
                assert!(allowed(&redis, window(name, 1, length), who).await);
                assert!(!allowed(&redis, window(name, 1, length), who).await);
            }
        }
    }
    assert!(!allowed(&redis, window(Widget, 0, MINUTE), key("a")).await);
}

/// What 32 clients of 4 processes saw: when each request that was let through was asked and answered, and how many were
/// asked in all.
async fn hammer(window: Window, time: Duration) -> (Vec<(Instant, Instant)>, usize) {
    let key = key("hammered");
    let mut processes = Vec::new();
    for _ in 0..4 {
        processes.push(Arc::new(shared().await));
    }
    let start = Instant::now();
    let client = |redis: Arc<Redis>| async move {
        let (mut let_through, mut asked) = (Vec::new(), 0);
        while start.elapsed() < time {
            let before = Instant::now();
            // A machine that is too busy to answer in time counts as refused here.
            if take(&redis, window, key).await.is_ok_and(|verdict| verdict.allowed) {
                let_through.push((before, Instant::now()));
            }
            asked += 1;
            if asked % 16 == 0 {
                tokio::task::yield_now().await;
            }
        }
        (let_through, asked)
    };
    let clients: Vec<_> = (0..32).map(|n| tokio::spawn(client(processes[n % 4].clone()))).collect();
    let (mut log, mut total) = (Vec::new(), 0);
    for done in clients {
        let (let_through, asked) = done.await.unwrap();
        log.extend(let_through);
        total += asked;
    }
    log.sort();
    (log, total)
}

/// R026, R027 and issue 5, figures: 32 clients at once never get more than the limit in any window that surely holds
/// all of them, exact log or not, and they do get it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_two_clients_never_exceed_the_limit() {
    for (name, limit) in [(WindowName::Authentication, 20), (WindowName::Api, 200)] {
        let length = Duration::from_millis(600);
        let (log, asked) = hammer(window(name, limit, length), Duration::from_secs(3)).await;
        for (first, (from, _)) in log.iter().enumerate() {
            let within = log[first..].iter().filter(|(_, answered)| *answered - *from < length).count();
            assert!(within <= limit as usize, "{name:?}: {within} within {length:?}");
        }
        assert!(log.len() >= limit as usize * 3, "{name:?}: only {} of {asked}", log.len());
        println!("{name:?}: {asked} asked in 3 s by 32 clients, {} let through", log.len());
    }
}

/// R027: a burst of 32 clients gets the limit to the request.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_gets_exactly_the_limit() {
    let (window, key, redis) =
        (window(WindowName::Authentication, 50, 5 * MINUTE), key("burst"), Arc::new(shared().await));
    let clients: Vec<_> = (0..32)
        .map(|_| {
            let redis = redis.clone();
            tokio::spawn(async move {
                let mut through = 0;
                for _ in 0..20 {
                    through += u32::from(back(&redis, window, key).await.allowed);
                }
                through
            })
        })
        .collect();
    let mut through = 0;
    for client in clients {
        through += client.await.unwrap();
    }
    assert_eq!(through, 50);
}

#[tokio::test]
async fn a_refused_client_may_come_back_when_it_was_told_to() {
    let redis = shared().await;
    for name in [WindowName::Api, WindowName::Authentication] {
        let (window, key) = (window(name, 2, Duration::from_secs(1)), key("waits"));
        assert!(allowed(&redis, window, key).await && allowed(&redis, window, key).await);
        let refused = take(&redis, window, key).await.unwrap();
        assert!(!refused.allowed && refused.remaining == 0 && refused.wait <= Duration::from_millis(1_050));
        tokio::time::sleep(refused.wait).await;
        assert!(allowed(&redis, window, key).await, "{name:?}");
    }
}

/// R026: a Redis that is killed is noticed at once, and taken up again when it is back.
#[tokio::test]
async fn a_killed_redis_is_unavailable_and_comes_back() {
    let mut own = Own::start(&[]);
    let (redis, window) = (own.windows().await, window(WindowName::Authentication, 2, MINUTE));
    assert!(allowed(&redis, window, key("a")).await);
    own.kill();
    away(&redis).await;
    assert_eq!(take(&redis, window, key("a")).await, Err(Unavailable));
    own.resume();
    assert!(back(&redis, window, key("a")).await.allowed);
    assert!(redis.reached(Duration::ZERO).await);
}

/// A Redis that hangs costs one wait, not one for each request; and it is taken up again when it moves.
#[tokio::test]
async fn a_redis_that_hangs_does_not_pile_requests_up() {
    let own = Own::start(&[]);
    let (redis, window) = (own.windows().await, window(WindowName::Api, 1_000_000, MINUTE));
    own.signal("STOP");
    away(&redis).await;
    let since = Instant::now();
    for _ in 0..10_000 {
        assert_eq!(take(&redis, window, key("a")).await, Err(Unavailable));
    }
    assert!(since.elapsed() < Duration::from_millis(500), "{:?}", since.elapsed());
    own.signal("CONT");
    assert!(back(&redis, window, key("a")).await.allowed);
}

#[tokio::test]
async fn a_redis_that_was_never_there_is_unavailable() {
    let mut own = Own::start(&[]);
    own.kill();
    let redis = Redis::open(&own.url(), None).unwrap();
    assert!(!redis.reached(Duration::from_millis(300)).await);
    away(&redis).await;
    own.resume();
    assert!(redis.reached(SOON).await);
}

/// A Redis that will not write (full, or a replica) counts as away: it could not hold a limit.
#[tokio::test]
async fn a_redis_that_does_not_write_is_unavailable() {
    let own = Own::start(&[]);
    let (redis, window) = (own.windows().await, window(WindowName::Authentication, 2, MINUTE));
    let () = own.ask(&["CONFIG", "SET", "maxmemory", "1"]);
    away(&redis).await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert!(!redis.reached(Duration::ZERO).await);
    let () = own.ask(&["CONFIG", "SET", "maxmemory", "0"]);
    assert!(back(&redis, window, key("a")).await.allowed);
}

#[tokio::test]
async fn a_forgotten_script_is_sent_again() {
    let own = Own::start(&[]);
    let (redis, window, key) = (own.windows().await, window(WindowName::Authentication, 2, MINUTE), key("a"));
    assert!(allowed(&redis, window, key).await);
    let () = own.ask(&["SCRIPT", "FLUSH"]);
    assert!(allowed(&redis, window, key).await);
    assert!(!allowed(&redis, window, key).await);
}

/// Nothing of a key reaches Redis but its hash, whatever a client puts into it; what ended is gone by itself.
#[tokio::test]
async fn hostile_keys_are_hashes_and_tallies_expire() {
    let own = Own::start(&[]);
    let (redis, length) = (own.windows().await, Duration::from_secs(1));
    let hostile =
        ["", "\0", "a\r\nFLUSHALL\r\n", "*", "{a}:b", "') redis.call('FLUSHALL') --", "\u{202e}\u{ffff}", "é"];
    let long = "x".repeat(1 << 20);
    for text in hostile.into_iter().chain([long.as_str()]) {
        for name in [WindowName::Webhooks, WindowName::Authentication] {
            assert!(allowed(&redis, window(name, 1, length), Key::of(&[text])).await, "{text:.20}");
            assert!(!allowed(&redis, window(name, 1, length), Key::of(&[text])).await, "{text:.20}");
        }
    }
    let names: Vec<String> = own.ask(&["KEYS", "*"]);
    assert!(!names.is_empty());
    for name in names {
        let parts: Vec<_> = name.strip_prefix("nodeloom:rate:v1:").unwrap().split(':').collect();
        let [window, length, hash] = parts[..] else { panic!("{name}") };
        assert!(window.bytes().all(|b| b.is_ascii_lowercase()) && length == "1000000", "{name}");
        assert!(hash.len() == 32 && hash.bytes().all(|b| b.is_ascii_hexdigit()), "{name}");
    }
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!(own.ask::<u32>(&["DBSIZE"]), 0);
}

/// R016: over TLS only the right certificate will do; a password and a unix socket work; a wrong password does not.
#[tokio::test]
async fn tls_login_and_sockets() {
    let authority = rcgen::KeyPair::generate().unwrap();
    let mut of_authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    of_authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let pem = of_authority.self_signed(&authority).unwrap().pem();
    let issuer = rcgen::Issuer::new(of_authority, &authority);
    let server_key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&server_key, &issuer).unwrap();

    let tls_port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let own = Own::with(|folder, _| {
        let file = |name: &str, text: String| {
            std::fs::write(folder.join(name), text).unwrap();
            folder.join(name).display().to_string()
        };
        let words = [
            ("--tls-port", tls_port.to_string()),
            ("--tls-cert-file", file("tls.pem", certificate.pem())),
            ("--tls-key-file", file("tls.key", server_key.serialize_pem())),
            ("--tls-auth-clients", "no".to_owned()),
            ("--requirepass", "open".to_owned() + " sesame"),
            ("--unixsocket", folder.join("redis.sock").display().to_string()),
        ];
        words.into_iter().flat_map(|(word, value)| [word.to_owned(), value]).collect()
    });
    let socket = own.folder.path().join("redis.sock");
    let tls = format!("rediss://:open%20sesame@localhost:{tls_port}");
    reached(&tls, Some(pem.as_bytes())).await;
    reached(&format!("redis+unix://{}?pass=open%20sesame", socket.display()), None).await;
    for (url, authorities) in [
        (tls.clone(), None),                                           // no authority we know
        (tls.replace("localhost", "127.0.0.1"), Some(pem.as_bytes())), // not its name
        (tls.replace("sesame", "barley"), Some(pem.as_bytes())),       // not its password
        (format!("rediss://:open%20sesame@localhost:{}", own.port), Some(pem.as_bytes())), // no TLS there
    ] {
        let redis = Redis::open(&url, authorities).unwrap();
        assert!(!redis.reached(Duration::from_millis(600)).await, "{url}");
    }
}
