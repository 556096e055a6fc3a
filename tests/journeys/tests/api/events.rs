//! Live events: in order, without gaps, over TLS, for whoever may, for as long as they may.

use std::time::Duration;

use domain::Role;
use journeys::{
    Server, Settings, Socket, on_both, on_sqlite,
    workflows::{echo, slow},
};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

const SOON: Duration = Duration::from_secs(15);

/// R004, R017: a run's events arrive in order; the team's sequence has no gaps.
#[tokio::test(flavor = "multi_thread")]
async fn a_runs_events_arrive_in_order_without_gaps() {
    on_both(async |server| {
        let client = &server.client;
        let id = client.deploy(slow("watched", 200)).await;
        let mut team = Socket::open(client, "events?after=0", None).await.unwrap();
        let run = client.begin(&id, json!(null)).await;
        let mut one = Socket::open(client, &format!("events?run={run}"), None).await.unwrap();
        let mut kinds = Vec::new();
        let mut last = 0;
        while kinds.last().is_none_or(|kind| kind != "run_finished") {
            let event = one.event(SOON).await.unwrap();
            assert_eq!(event["run"], run.as_str());
            let sequence = event["sequence"].as_i64().unwrap();
            assert!(sequence > last);
            last = sequence;
            kinds.push(event["kind"].as_str().unwrap().to_owned());
        }
        assert_eq!(kinds.first().unwrap(), "run_started", "{kinds:?}");
        assert!(kinds.iter().filter(|kind| *kind == "node_finished").count() >= 2, "{kinds:?}");
        for expected in 1..=last {
            assert_eq!(team.event(SOON).await.unwrap()["sequence"].as_i64(), Some(expected));
        }
        // Whoever comes back goes on where they were.
        let mut later = Socket::open(client, &format!("events?after={}", last - 1), None).await.unwrap();
        assert_eq!(later.event(SOON).await.unwrap()["sequence"].as_i64(), Some(last));
    })
    .await;
}

/// R017: the handshake asks who is there, and a browser must come from our own pages.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_foreign_pages_get_no_socket() {
    on_sqlite(async |server| {
        let client = &server.client;
        let refused = |client: journeys::Client, origin: Option<&'static str>| async move {
            match Socket::open(&client, "events", origin).await {
                Ok(_) => panic!("a socket was opened"),
                Err(refused) => (refused.status, refused.body["code"].as_str().unwrap_or_default().to_owned()),
            }
        };
        let is = |status: u16, code: &str| (status, code.to_owned());
        assert_eq!(refused(client.anonymous(), None).await, is(401, "NL-2001"));
        assert_eq!(refused(client.with_key("nlk_wrong"), None).await, is(401, "NL-2001"));
        assert_eq!(refused(client.clone(), Some("https://evil.example")).await, is(403, "NL-2004"));
        assert_eq!(refused(client.clone(), Some("null")).await, is(403, "NL-2004"));
        assert_eq!(refused(server.other_team().await.in_team("demo"), None).await, is(404, "NL-3001"));
        Socket::open(client, "events", Some(&server.url())).await.unwrap();
        // A plain GET is told what to do.
        let plain = client.get("events").await;
        assert!(
            (400..500).contains(&plain.status) && plain.code().starts_with("NL-"),
            "{} {}",
            plain.status,
            plain.text
        );
        let unknown = client.get("events?since=1").await;
        assert!((400..500).contains(&unknown.status), "{}", unknown.text);
    })
    .await;
}

/// R018: the server asks whether the peer is there; a revoked key's socket is cut within five seconds.
#[tokio::test(flavor = "multi_thread")]
async fn a_socket_has_a_heartbeat_and_ends_with_its_right() {
    on_both(async |server| {
        let made = server.client.post("api-keys", json!({ "name": "watching" })).await.expect(201);
        let key = server.client.with_key(&made.text_of("value"));
        let mut socket = Socket::open(&key, "events", None).await.unwrap();
        assert!(matches!(socket.frame(SOON).await, Some(Message::Ping(_))));
        server.client.delete(&format!("api-keys/{}", made.text_of("id"))).await.expect(204);
        let revoked = std::time::Instant::now();
        while socket.frame(Duration::from_secs(7)).await.is_some() {}
        assert!(revoked.elapsed() < Duration::from_millis(5500), "{:?}", revoked.elapsed());
    })
    .await;
}

/// Events of another team never arrive.
#[tokio::test(flavor = "multi_thread")]
async fn a_team_sees_its_own_events_only() {
    on_both(async |server| {
        let other = server.other_team().await;
        let theirs = other.deploy(echo("theirs")).await;
        let mine = server.client.deploy(echo("mine")).await;
        let mut socket = Socket::open(&other, "events", None).await.unwrap();
        server.client.run(&mine, json!(1)).await;
        let run = other.run(&theirs, json!(1)).await;
        let event = socket.event(SOON).await.unwrap();
        assert_eq!(event["run"], run["id"], "{event}");
    })
    .await;
}

/// Issue 5: one principal holds so many live streams and no more; a closed one gives its place back, others have theirs.
#[tokio::test(flavor = "multi_thread")]
async fn one_principal_holds_so_many_streams() {
    let server = Server::with(Settings::default().set("NODELOOM_LIMITS__STREAMS_PER_PRINCIPAL", 2)).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        held.push(Socket::open(&server.client, "events", None).await.unwrap());
    }
    let refused = Socket::open(&server.client, "events", None).await.err().unwrap();
    assert_eq!((refused.status, refused.body["code"].as_str()), (429, Some("NL-1002")), "{refused:?}");
    let other = server.as_role(Role::Viewer).await;
    let _theirs = Socket::open(&other, "events", None).await.unwrap();
    drop(held.pop());
    let again = || async { Socket::open(&server.client, "events", None).await.ok() };
    let _again = journeys::eventually("a place is free", SOON, again).await;
    server.stop().await;
}

/// A viewer may watch, and a message that is too large ends the socket, not the server.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_from_a_watcher_ends_the_socket() {
    on_sqlite(async |server| {
        let mut socket = Socket::open(&server.as_role(Role::Viewer).await, "events", None).await.unwrap();
        socket.send(&"x".repeat(64 * 1024)).await;
        while socket.frame(SOON).await.is_some() {}
        server.assert_alive().await;
    })
    .await;
}
