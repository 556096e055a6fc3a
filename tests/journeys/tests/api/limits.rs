//! How often: every route is counted, whatever was sent to it, and each window stands for itself.

use domain::Role;
use edge::WindowName;
use identity::{KeyOwner, NewApiKey};
use journeys::{Answer, Client, Person, Server, Settings, sent};
use reqwest::Method;
use store::Effects;

/// A body that is no JSON and no form.
async fn junk(client: &Client, method: Method, path: &str) -> Answer {
    let body = if method == Method::GET { "" } else { "neither this nor that" };
    sent(client.request(method, path).header("content-type", "application/json").body(body)).await
}

/// Refused by the window of that name and limit, with the time to wait.
fn refused(answer: Answer, window: &str, limit: u32) {
    let answer = answer.problem("429 NL-1002");
    assert_eq!(answer.header("ratelimit-policy"), format!("\"{window}\";q={limit};w=60"));
    assert!(answer.header("ratelimit").starts_with(&format!("\"{window}\";r=0;t=")), "{answer:?}");
    assert!(answer.header("retry-after").parse::<u64>().is_ok_and(|seconds| (1..=61).contains(&seconds)), "{answer:?}");
}

fn somewhere(path: &str) -> String {
    let path = path.replace("{team}", "demo").replace("{environment}", "development").replace("{*path}", "none");
    path.replace("{*page}", "x").replace("{*file}", "x.js").replace(['{', '}'], "")
}

/// R026: no route is left out, nor what no route answers; a request counts before anything of it is read.
#[tokio::test(flavor = "multi_thread")]
async fn every_route_counts_the_address_that_asks() {
    let server = Server::with(Settings::default().set("NODELOOM_LIMITS__ADDRESS_PER_MINUTE", 1)).await;
    server.client.anonymous().get("/no/such/route").await.problem("404 NL-1005");
    for route in server::routes::table() {
        let path = somewhere(route.path);
        let answer = junk(&server.client, route.method.clone(), &path).await;
        if route.facts.windows.is_empty() {
            assert!(path == "/healthz" || path == "/readyz", "{path} is not counted");
            answer.expect(200);
        } else {
            refused(answer, "address", 1);
        }
    }
    refused(server.client.anonymous().get("/no/such/route").await, "address", 1);
    refused(server.client.send(Method::PATCH, "/api/v1/permissions", None).await, "address", 1);
    server.stop().await;
}

/// R027, R031: whatever lets somebody in, or sends a mail to whoever is asked for, is counted as an attempt, also when
/// what was sent cannot be read.
#[tokio::test(flavor = "multi_thread")]
async fn every_attempt_is_counted_as_one() {
    let settings = Settings::default().set("NODELOOM_LIMITS__AUTHENTICATION_PER_MINUTE", 1);
    let server = Server::with(settings).await;
    junk(&server.client.anonymous(), Method::POST, "/api/v1/auth/login").await.problem("400 NL-1003");
    let is = |name: WindowName| move |route: &server::route::Route| route.facts.windows.contains(&name);
    let attempts: Vec<_> = server::routes::table().into_iter().filter(is(WindowName::Authentication)).collect();
    for route in &attempts {
        refused(junk(&server.client.anonymous(), route.method.clone(), route.path).await, "authentication", 1);
    }
    let mut paths: Vec<_> = attempts.iter().map(|route| route.path).collect();
    paths.sort_unstable();
    assert_eq!(
        paths,
        [
            "/api/v1/auth/login",
            "/api/v1/auth/password-reset",
            "/api/v1/auth/password-reset/confirm",
            "/api/v1/auth/refresh",
            "/api/v1/auth/second-factor",
            "/api/v1/auth/verification",
            "/api/v1/auth/verification/confirm",
            "/api/v1/invitations/accept",
            "/api/v1/invitations/look",
            "/invitation",
            "/reset-password",
            "/setup",
            "/verify-email",
        ]
    );
    let mails: Vec<_> = server::routes::table().into_iter().filter(is(WindowName::Resend)).collect();
    assert_eq!(mails.len(), 3, "confirmation, new password, invitation");
    // whoever is known goes on
    server.client.get("workflows").await.expect(200);
    server.stop().await;
}

/// Another key of the same person.
async fn another_key(server: &Server, person: &Person) -> Client {
    let now = server.rooms.clock.now();
    let key = NewApiKey {
        name: "another".to_owned(),
        team: server.team().await,
        owner: KeyOwner::User(person.id),
        permissions: None,
        environments: None,
        addresses: Vec::new(),
        life: None,
    };
    let (value, record) = key.make(now);
    let system = authz::act_as_system("a test makes a key");
    server.rooms.store.add_own_api_key(system, server::rooms::stored_key(&record), Effects::none()).await.unwrap();
    server.client.with_key(value.expose())
}

/// R026: one key, then its owner with all keys, then everybody in the team; what one window refuses costs nobody else.
#[tokio::test(flavor = "multi_thread")]
async fn keys_people_and_teams_have_their_own_windows() {
    let settings = Settings::default()
        .set("NODELOOM_LIMITS__KEY_PER_MINUTE", 2)
        .set("NODELOOM_LIMITS__API_PER_MINUTE", 3)
        .set("NODELOOM_LIMITS__TEAM_PER_MINUTE", 4);
    let server = Server::with(settings).await;
    let one = server.person(server.team().await, Role::Viewer, None).await;
    let (first, second) = (one.client.clone(), another_key(&server, &one).await);
    first.get("workflows").await.expect(200);
    first.get("workflows").await.expect(200);
    for _ in 0..5 {
        refused(first.get("workflows").await, "api", 2);
    }
    second.get("workflows").await.expect(200);
    refused(second.get("workflows").await, "api", 3);
    let other = server.person(server.team().await, Role::Viewer, None).await.client;
    other.get("workflows").await.expect(200);
    refused(other.get("workflows").await, "api", 4);
    // another team has a window of its own
    server.other_team().await.get("workflows").await.expect(200);
    server.stop().await;
}

/// A key with an `Idempotency-Key` is asked for twice on the way, and counted once.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_may_come_again_counts_once() {
    let server = Server::with(Settings::default().set("NODELOOM_LIMITS__API_PER_MINUTE", 2)).await;
    for name in ["one", "two"] {
        let body = serde_json::json!({ "definition": journeys::workflows::echo(name) });
        let request = server.client.request(Method::POST, "workflows").header("idempotency-key", name).json(&body);
        sent(request).await.expect(201);
    }
    refused(server.client.get("workflows").await, "api", 2);
    server.stop().await;
}

/// Past the queue for passwords a sign-in is told to come back, and leaves a count in the trail instead of an entry each.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_sign_ins_is_counted_and_not_entered() {
    let server = Server::start().await;
    let body = serde_json::json!({ "email": "nobody@example.com", "password": "not the password" });
    let nobody = server.client.anonymous();
    let flood = (0..200).map(|_| nobody.post("/api/v1/auth/login", body.clone()));
    let answers = futures::future::join_all(flood).await;
    let busy: Vec<_> = answers.into_iter().filter(|answer| answer.status == 503).collect();
    assert!(busy.len() > 50, "{} of 200", busy.len());
    assert!(busy.iter().all(|answer| answer.code() == "NL-1009" && !answer.header("retry-after").is_empty()));
    server.rooms.recorder.enter_refusals().await.unwrap();
    let system = authz::act_as_system("a test reads the system's chain");
    let entries = server.rooms.store.audit_range(system, &store::ChainKey::System, 1, 10_000).await.unwrap();
    let of = |word: &str| entries.iter().filter(|entry| format!("{entry:?}").contains(word)).count();
    let attempts = of(server::operation::Operation::SignIn.name());
    // an intent and an outcome for each that had a turn, and nothing for the others
    assert_eq!(attempts, 2 * (200 - busy.len()), "{} busy", busy.len());
    assert!(of("request.refused") >= 1);
    server.stop().await;
}
