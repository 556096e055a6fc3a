//! What every answer carries, whatever it answers; and that nothing is said in the clear.

use journeys::{Answer, Server, Settings, on_sqlite, sent, workflows::hooked};
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

fn assert_guarded(answer: &Answer, what: &str) {
    let is = |name: &str, wanted: &str| assert_eq!(answer.header(name), wanted, "{what}: {name}");
    is("strict-transport-security", "max-age=31536000; includeSubDomains");
    is("x-frame-options", "DENY");
    is("x-content-type-options", "nosniff");
    let page = answer.header("content-security-policy").contains("script-src 'self'");
    is("referrer-policy", if page { "same-origin" } else { "no-referrer" });
    assert!(answer.header("permissions-policy").contains("camera=()"), "{what}");
    let policy = answer.header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'") && !policy.contains("unsafe") && !policy.contains('*'),
        "{what}: {policy}"
    );
    assert!(!answer.header("x-request-id").is_empty(), "{what}");
    assert_eq!(answer.header("server"), "", "{what}");
}

/// R014 to R025: success, problem, unknown address, wrong method, too large, page, style sheet, webhook.
#[tokio::test(flavor = "multi_thread")]
async fn every_answer_carries_the_security_headers() {
    on_sqlite(async |server| {
        let client = &server.client;
        client.deploy(hooked("headers", "headers", json!({}))).await;
        let large = vec![b' '; 2 * 1024 * 1024];
        let answers = [
            ("success", 200, client.get("workflows").await),
            ("health", 200, client.anonymous().get("/healthz").await),
            ("page", 200, client.anonymous().get("/").await),
            ("style", 200, client.anonymous().get("/assets/page.css").await),
            ("security.txt", 200, client.anonymous().get("/.well-known/security.txt").await),
            ("error page", 200, client.anonymous().get("/docs/errors/NL-1001").await),
            ("webhook", 200, client.hook("headers", json!(1)).await),
            ("problem", 400, client.get("workflows?limit=0").await),
            ("anonymous", 401, client.anonymous().get("workflows").await),
            ("not there", 404, client.get("/no/such/address").await),
            ("wrong method", 405, client.send(Method::PATCH, "/healthz", None).await),
            (
                "too large",
                413,
                sent(
                    client
                        .over_http2()
                        .request(Method::POST, "workflows")
                        .header("content-type", "application/json")
                        .body(large),
                )
                .await,
            ),
            ("bad head", 400, client.get("/api/v1//me").await),
        ];
        for (what, status, answer) in &answers {
            assert_eq!(answer.status, *status, "{what}: {}", answer.text);
            assert_guarded(answer, what);
            if *status >= 400 {
                assert_eq!(answer.header("content-type"), "application/problem+json", "{what}");
                assert!(answer.code().starts_with("NL-1") || answer.code() == "NL-2001", "{what}");
            }
        }
        assert!(answers[10].2.header("allow").contains("GET"), "the 405 says what the address takes");
        assert!(answers[0].2.header("cache-control").contains("no-store"));
    })
    .await;
}

/// R007: the page, and the file for whoever finds a weakness.
#[tokio::test(flavor = "multi_thread")]
async fn a_weakness_can_be_reported() {
    on_sqlite(async |server| {
        let text = server.client.anonymous().get("/.well-known/security.txt").await.expect(200).text;
        assert!(text.contains("Contact: https://") && text.contains("Expires: 20"), "{text}");
        let page = server.client.anonymous().get("/security").await.expect(200);
        assert!(page.text.contains("Report a weakness"));
    })
    .await;
}

/// R014: what comes in the clear gets nothing, and on the port for it a redirection and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_said_in_the_clear() {
    let plain = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = Server::with(Settings::default().set("NODELOOM_SERVER__REDIRECT_LISTEN", plain)).await;
    let say = |address: std::net::SocketAddr, text: &'static str| async move {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    };
    let get = "GET /api/v1/me HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let direct = say(server.address, get).await;
    assert!(!direct.contains("HTTP/1.1 200") && !direct.contains("set-cookie") && !direct.contains('{'), "{direct}");
    assert!(say(plain, get).await.starts_with("HTTP/1.1 403"), "programs are not redirected silently");
    let redirected = say(plain, "GET /sign-in HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
    assert!(
        redirected.starts_with("HTTP/1.1 308") && redirected.contains("location: https://localhost:"),
        "{redirected}"
    );
    let post =
        say(plain, "POST /setup HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
    assert!(post.starts_with("HTTP/1.1 403"), "{post}");
    server.stop().await;
}

/// R019: only origins that the operator named are answered as such.
#[tokio::test(flavor = "multi_thread")]
async fn only_named_origins_are_allowed() {
    let settings = Settings::default().set("NODELOOM_SERVER__CORS_ORIGINS", "https://app.example.com");
    let server = Server::with(settings).await;
    let ask = |origin: &'static str| {
        let request = server.client.anonymous().request(Method::OPTIONS, "workflows").header("origin", origin);
        sent(request.header("access-control-request-method", "GET"))
    };
    assert_eq!(ask("https://app.example.com").await.header("access-control-allow-origin"), "https://app.example.com");
    for foreign in ["https://evil.example", "null", "https://app.example.com.evil.example"] {
        assert_eq!(ask(foreign).await.header("access-control-allow-origin"), "", "{foreign}");
    }
    server.stop().await;
}

/// R026: requests of one principal have a window; another principal has another.
#[tokio::test(flavor = "multi_thread")]
async fn requests_of_one_principal_are_limited() {
    let server = Server::with(Settings::default().set("NODELOOM_LIMITS__API_PER_MINUTE", 5)).await;
    let other = server.as_role(domain::Role::Viewer).await;
    for left in (0..5).rev() {
        let answer = server.client.get("/api/v1/me").await.expect(200);
        assert_eq!(answer.header("ratelimit-policy"), "\"api\";q=5;w=60");
        assert!(answer.header("ratelimit").starts_with(&format!("\"api\";r={left};t=")), "{answer:?}");
    }
    let refused = server.client.get("/api/v1/me").await.problem("429 NL-1002");
    assert!(refused.header("ratelimit").starts_with("\"api\";r=0;t="), "{refused:?}");
    assert!(refused.header("retry-after").parse::<u64>().is_ok_and(|seconds| (1..=120).contains(&seconds)));
    other.get("/api/v1/me").await.expect(200);
    server.stop().await;
}
