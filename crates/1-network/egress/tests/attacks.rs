//! Attacks on the one way out, each with a control: the same call works where it is allowed.
#![allow(clippy::unwrap_used, reason = "a helper that cannot do its work fails its test")]

mod double;

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use double::{HANG, Names, Server, ok, redirect};
use egress::{Class, Domains, Egress, Error, Method, Policy, Request};

fn get(url: &str) -> Request {
    Request::new(Method::GET, url).unwrap().timeout(Duration::from_secs(5))
}

async fn fetch(egress: &Egress, request: Request) -> Result<String, Error> {
    let response = egress.send(request).await?;
    Ok(String::from_utf8(response.body.collect().await?.to_vec()).unwrap())
}

fn closed() -> Egress {
    Egress::new(Policy::default()).unwrap()
}

fn open(rules: &[&str]) -> Egress {
    Egress::new(Policy::allowing(rules.iter().copied()).unwrap()).unwrap()
}

/// Every spelling of an address inside the perimeter is refused, by its class, without a connection.
#[tokio::test]
async fn addresses_inside_are_refused_however_they_are_spelt() {
    let cases = [
        ("http://127.0.0.1/", Class::Loopback),
        ("http://127.1/", Class::Loopback),
        ("http://2130706433/", Class::Loopback),
        ("http://0x7f000001/", Class::Loopback),
        ("http://0177.0.0.1/", Class::Loopback),
        ("http://0x7f.1/", Class::Loopback),
        ("http://127.0.0.1./", Class::Loopback),
        ("http://１２７.0.0.1/", Class::Loopback),
        ("http://[::1]/", Class::Loopback),
        ("http://[::ffff:127.0.0.1]/", Class::Loopback),
        ("http://[::ffff:7f00:1]/", Class::Loopback),
        ("http://[64:ff9b::7f00:1]/", Class::Loopback),
        ("http://[2002:7f00:1::]/", Class::Loopback),
        ("http://localhost/", Class::Loopback),
        ("http://0.0.0.0/", Class::Unspecified),
        ("http://0/", Class::Unspecified),
        ("http://[::]/", Class::Unspecified),
        ("http://10.0.0.1/", Class::Private),
        ("http://172.16.0.1/", Class::Private),
        ("http://192.168.0.1/", Class::Private),
        ("http://[fd00::1]/", Class::Private),
        ("http://169.254.0.1/", Class::LinkLocal),
        ("http://[fe80::1]/", Class::LinkLocal),
        ("http://169.254.169.254/latest/meta-data/", Class::Metadata),
        ("http://[fd00:ec2::254]/", Class::Metadata),
        ("http://[::ffff:169.254.169.254]/", Class::Metadata),
        ("http://100.64.0.1/", Class::Shared),
        ("http://224.0.0.1/", Class::Multicast),
        ("http://[ff02::1]/", Class::Multicast),
        ("http://255.255.255.255/", Class::Reserved),
    ];
    for (url, expected) in cases {
        match fetch(&closed(), get(url)).await {
            Err(error @ Error::AddressRefused { class, .. }) => {
                assert_eq!(class, expected, "{url}");
                assert!(error.is_refusal() && !error.may_retry());
            }
            other => panic!("{url}: {other:?}"),
        }
    }
}

/// The control: what the operator allows is reached, in every spelling, and only at its port.
#[tokio::test]
async fn what_the_operator_allows_is_reached() {
    let server = Server::new(|_| ok("hello")).await;
    let egress = open(&[&server.at.to_string()]);
    let port = server.at.port();
    for url in [server.url("/"), format!("http://2130706433:{port}/"), format!("http://127.1:{port}/?q#f")] {
        assert_eq!(fetch(&egress, get(&url)).await.unwrap(), "hello", "{url}");
    }
    let other = Server::new(|_| ok("secret")).await;
    assert!(matches!(fetch(&egress, get(&other.url("/"))).await, Err(Error::AddressRefused { .. })));
    assert_eq!(other.connections(), 0);
}

/// A name that is public the first time and loopback the next gains nothing: it is asked once per connection, and the
/// connection goes to the address that was judged.
#[tokio::test]
async fn a_name_that_changes_its_mind_gains_nothing() {
    let inside = Server::on("127.0.0.1", |_| ok("inside")).await;
    let port = inside.at.port();
    let policy = Policy { connect_timeout: Duration::from_millis(300), ..Policy::default() };
    let names = Names::new([&["93.184.216.34"], &["127.0.0.1"]]);
    let egress = Egress::with_resolver(policy, names.clone()).unwrap();
    let url = format!("http://rebind.example:{port}/");
    let first = fetch(&egress, get(&url)).await;
    assert!(matches!(first, Err(Error::ConnectTimedOut { .. } | Error::Unreachable { .. })), "{first:?}");
    assert_eq!(names.asked.load(Ordering::SeqCst), 1);
    let second = fetch(&egress, get(&url)).await;
    assert!(matches!(second, Err(Error::AddressRefused { class: Class::Loopback, .. })), "{second:?}");
    assert_eq!(inside.connections(), 0);

    // Pinned: the judged address is the one that is called, whatever the name says by then.
    let judged = tokio::net::TcpListener::bind(("127.0.0.2", port)).await.unwrap();
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (mut stream, _) = judged.accept().await.unwrap();
        let mut head = [0; 4096];
        assert!(stream.read(&mut head).await.unwrap() > 0);
        stream.write_all(&ok("judged")).await.unwrap();
    });
    let names = Names::new([&["127.0.0.2"], &["127.0.0.1"]]);
    let egress = Egress::with_resolver(Policy::allowing(["127.0.0.2"]).unwrap(), names.clone()).unwrap();
    assert_eq!(fetch(&egress, get(&url)).await.unwrap(), "judged");
    assert_eq!((names.asked.load(Ordering::SeqCst), inside.connections()), (1, 0));
}

/// One private address among public ones refuses the name; the control is the operator's rule for the name.
#[tokio::test]
async fn a_mixed_answer_is_refused() {
    let server = Server::new(|_| ok("hello")).await;
    let url = format!("http://mixed.example:{}/", server.at.port());
    let names = || Names::new([&["127.0.0.1", "93.184.216.34"]]);
    let egress = Egress::with_resolver(Policy::default(), names()).unwrap();
    assert!(matches!(fetch(&egress, get(&url)).await, Err(Error::AddressRefused { .. })));
    let egress = Egress::with_resolver(Policy::allowing(["mixed.example"]).unwrap(), names()).unwrap();
    assert_eq!(fetch(&egress, get(&url)).await.unwrap(), "hello");
}

#[tokio::test]
async fn a_redirect_to_an_address_inside_is_refused() {
    let inside = Server::new(|_| ok("secret")).await;
    let target = inside.url("/");
    for status in [301, 302, 303, 307, 308] {
        let target = target.clone();
        let outside = Server::new(move |_| redirect(status, &target)).await;
        let egress = open(&[&outside.at.to_string()]);
        let result = fetch(&egress, get(&outside.url("/"))).await;
        assert!(matches!(result, Err(Error::AddressRefused { .. })), "{status} {result:?}");
        assert_eq!(inside.connections(), 0);
        // The control.
        let egress = open(&["127.0.0.1"]);
        assert_eq!(fetch(&egress, get(&outside.url("/"))).await.unwrap(), "secret");
        inside.connections.store(0, Ordering::SeqCst);
    }
    for to in ["file:///etc/passwd", "gopher://127.0.0.1/", "http://a:b@127.0.0.1/", "javascript:1"] {
        let server = Server::new(move |_| redirect(302, to)).await;
        let result = fetch(&open(&["127.0.0.1"]), get(&server.url("/"))).await;
        assert!(matches!(result, Err(Error::Scheme { .. } | Error::Userinfo)), "{to} {result:?}");
    }
}

/// R197, R198: the workflow's domains hold on every hop.
#[tokio::test]
async fn domains_hold_on_every_hop() {
    let last = Server::new(|_| ok("end")).await;
    let to = format!("http://other.example:{}/", last.at.port());
    let first = Server::new(move |_| redirect(302, &to)).await;
    let names = || Names::new([&["127.0.0.1"]]);
    let egress = Egress::with_resolver(Policy::allowing(["127.0.0.1"]).unwrap(), names()).unwrap();
    let ask = |domains: Domains| get(&format!("http://first.example:{}/", first.at.port())).domains(domains);
    let only = Domains::only("first.example".parse().unwrap());
    assert!(
        matches!(fetch(&egress, ask(only)).await, Err(Error::DomainNotAllowed { host }) if host == "other.example")
    );
    let block = Domains { allow: None, block: vec!["*.example".parse().unwrap()] };
    assert!(matches!(fetch(&egress, ask(block)).await, Err(Error::DomainBlocked { host }) if host == "first.example"));
    assert_eq!(last.connections(), 0);
    assert_eq!(fetch(&egress, ask(Domains::any())).await.unwrap(), "end");
}

#[tokio::test]
async fn credentials_are_not_carried_to_another_origin() {
    let other = Server::new(|_| ok("end")).await;
    let to = other.url("/");
    let first = Server::new(move |head| if head.contains("/same") { ok("same") } else { redirect(302, &to) }).await;
    let egress = open(&["127.0.0.1"]);
    let ask = |path: &str| {
        let request = get(&first.url(path)).secret_header("x-own", "hidden-1").unwrap();
        request.header("authorization", "Bearer hidden-2").unwrap().header("cookie", "hidden-3").unwrap()
    };
    fetch(&egress, ask("/away")).await.unwrap();
    assert!(!other.seen()[0].contains("hidden"), "{}", other.seen()[0]);
    fetch(&egress, ask("/same")).await.unwrap();
    assert_eq!(first.seen()[1].matches("hidden").count(), 3);
}

#[tokio::test]
async fn only_http_without_userinfo_is_called() {
    for url in ["file:///etc/passwd", "ftp://a/", "gopher://a/", "data:text/plain,a", "unix:/run/x"] {
        assert!(matches!(fetch(&closed(), get(url)).await, Err(Error::Scheme { .. })), "{url}");
    }
    for url in ["http://u:p@example.com/", "http://u@127.0.0.1/", "http://example.com@127.0.0.1/"] {
        assert!(matches!(fetch(&closed(), get(url)).await, Err(Error::Userinfo)), "{url}");
    }
    assert!(Request::new(Method::GET, "http://").is_err());
    assert!(get("http://a/").header("x", "a\r\nhost: b").is_err());
}

/// A caller cannot name a host other than the one that was judged.
#[tokio::test]
async fn the_host_header_is_ours() {
    let server = Server::new(|_| ok("")).await;
    let request = get(&server.url("/")).header("host", "internal.example").unwrap();
    fetch(&open(&["127.0.0.1"]), request).await.unwrap();
    let head = &server.seen()[0].to_lowercase();
    assert!(!head.contains("internal.example") && head.contains(&format!("host: {}", server.at)), "{head}");
}

#[tokio::test]
async fn endless_redirects_bodies_and_silences_end() {
    let server = Arc::new(
        Server::new(|head: &str| {
            if head.starts_with("GET /loop") {
                redirect(302, "/loop")
            } else if head.starts_with("GET /big") {
                ok(&"x".repeat(3000))
            } else if head.starts_with("GET /silent") {
                HANG.to_vec()
            } else if head.starts_with("GET /half") {
                [b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc", HANG].concat()
            } else if head.starts_with("GET /cut") {
                b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\nconnection: close\r\n\r\nabc".to_vec()
            } else {
                b"this is not HTTP\r\n\r\n".to_vec()
            }
        })
        .await,
    );
    let egress = open(&["127.0.0.1"]);
    let ask = async |path: &str| {
        let request = get(&server.url(path)).max_response_bytes(2000).timeout(Duration::from_millis(400));
        fetch(&egress, request).await
    };
    assert!(matches!(ask("/loop").await, Err(Error::TooManyRedirects { limit: 5 })));
    assert!(matches!(ask("/big").await, Err(Error::ResponseTooLarge { limit: 2000, .. })));
    assert!(matches!(ask("/silent").await, Err(Error::TimedOut { .. })));
    assert!(matches!(ask("/half").await, Err(Error::TimedOut { .. })));
    assert!(matches!(ask("/cut").await, Err(Error::Interrupted { .. })));
    assert!(matches!(ask("/garbage").await, Err(Error::Interrupted { .. })));
    assert_eq!(server.seen().iter().filter(|head| head.starts_with("GET /loop")).count(), 6);
    let policy = Policy { max_request_bytes: 10, ..Policy::default() };
    let large = get("http://example.com/").body(vec![0_u8; 11]);
    assert!(matches!(fetch(&Egress::new(policy).unwrap(), large).await, Err(Error::RequestTooLarge { limit: 10 })));
}

/// The same judgement stands before databases and mail servers.
#[tokio::test]
async fn raw_connections_are_judged_too() {
    let server = Server::new(|_| ok("")).await;
    let port = server.at.port();
    for host in ["127.0.0.1", "localhost", "::1", "[::ffff:127.0.0.1]", "169.254.169.254"] {
        let refused = closed().connect_tcp(host, port).await;
        assert!(matches!(refused, Err(Error::AddressRefused { .. })), "{host} {refused:?}");
    }
    assert!(open(&["127.0.0.1"]).connect_tcp("127.0.0.1", port).await.is_ok());
    let names = Names::new([&["10.0.0.1"]]);
    let refused = Egress::with_resolver(Policy::default(), names).unwrap().connect_tcp("db.example", 5432).await;
    assert!(matches!(refused, Err(Error::AddressRefused { class: Class::Private, .. })), "{refused:?}");
    let nobody = open(&["127.0.0.1"]).connect_tcp("127.0.0.1", 1).await;
    assert!(matches!(nobody, Err(Error::Unreachable { .. })), "{nobody:?}");
}

/// R093: what is secret is in no debug output and in no error.
#[tokio::test]
async fn secrets_are_in_no_output() {
    let request = get("http://127.0.0.1/path-hidden?token=hidden")
        .secret_header("authorization", "Bearer hidden")
        .unwrap()
        .header("cookie", "hidden")
        .unwrap()
        .body("hidden");
    let shown = format!("{request:?}");
    assert!(!shown.contains("hidden") && shown.contains("authorization"), "{shown}");
    let error = fetch(&closed(), request).await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hidden"), "{error:?}");
}
