//! R237, R238: whatever dies or is away, no event is missing, the order stands, and repetitions can be told.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod support;

use std::time::{Duration, Instant};

use authz::action::ConfigureSiem;
use domain::{EventKind, LeaseId, SiemId};
use harness::{on_both, permit, sqlite_database, system, uuid};
use serde_json::json;
use siem::{Batch, Error, Settings, Start, Streams};
use store::{Effects, siem::SiemState, siem::SiemStream};
use support::{Double, Reply, Room, given, quick, setup};

const SECRET: &[(&str, &str)] = &[("token", "canary-token")];

fn splunk(url: &str) -> serde_json::Value {
    json!({ "kind": "splunk_hec", "url": url, "gzip": true })
}

fn up_to(n: i64) -> Vec<i64> {
    (1..=n).collect()
}

/// A receiver that is away, and a sender that is stopped and started while it is: nothing is missing, in order.
#[tokio::test(flavor = "multi_thread")]
async fn an_outage_and_a_restart_leave_no_gap() {
    on_both(async |ground| {
        let room = Room::on(ground, quick()).await;
        let double = Double::start().await;
        room.record(1, 100).await;
        let id = room.send_to(splunk(&double.url), SECRET, 30).await;
        let running = room.start();
        room.delivered(id).await;

        double.down().await;
        room.record(101, 250).await;
        room.happen(EventKind::PolicyViolation, 20).await;
        let status = room.until(id, |status| status.destination.attempts >= 3).await;
        assert!(status.destination.last_error.is_some() && status.behind.audit > 0);
        running.stop().await;
        room.store.close().await;

        let room = Room::open(&ground.config, ground.folder.path(), quick()).await;
        let running = room.start();
        room.record(351, 50).await;
        let double = double.up().await;
        let status = room.delivered(id).await;
        running.stop().await;
        assert_eq!(status.destination.state, SiemState::Ok);
        let sequences = double.sequences("audit");
        assert_eq!(sequences, up_to(sequences.len() as i64), "no gap, in order");
        assert!(sequences.len() >= 400);
        // events of this room's own alerts may have come between
        assert!(double.sequences("security").len() >= 20);
        double.links_hold("audit");
        double.links_hold("security");
        room.store.close().await;
    })
    .await;
}

/// R238, R239: an hour without a receiver, with the waits that the product has: it is asked ever more seldom, the lag is
/// told, a restart in the middle loses nothing, and within five minutes of its return everything is there, in order.
#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_down_for_an_hour_gets_everything() {
    let ground = sqlite_database().await;
    ground.store.close().await;
    let product = Settings { poll: Duration::from_millis(5), ..Settings::default() };
    let open = || Room::open_at(ground.clock.clock(), &ground.config, ground.folder.path(), product.clone());
    let (mut room, double) = (open().await, Double::start().await);
    room.record(1, 20).await;
    let id = room.send_to(splunk(&double.url), SECRET, 50).await;
    let mut running = room.start();
    room.delivered(id).await;
    double.down().await;
    let end = ground.clock.now() + Duration::from_secs(3600);
    let (mut recorded, mut asked) = (20, 0);
    while ground.clock.now() < end {
        room.record(recorded + 1, 10).await;
        recorded += 10;
        let status = room.until(id, |status| status.destination.attempts > asked).await;
        asked = status.destination.attempts;
        if asked == 10 {
            running.stop().await;
            room.store.close().await;
            room = open().await;
            running = room.start();
        }
        let next = status.destination.retry_at.unwrap();
        assert!(next.since(ground.clock.now()) <= Duration::from_secs(300));
        ground.clock.advance(next.since(ground.clock.now()));
    }
    assert!((15..=40).contains(&asked), "asked {asked} times in an hour");
    assert_eq!(room.status(id).await.destination.state, SiemState::Lagging);
    let double = double.up().await;
    ground.clock.advance(Duration::from_secs(300));
    let status = room.delivered(id).await;
    running.stop().await;
    assert_eq!(status.destination.state, SiemState::Ok);
    let sequences = double.sequences("audit");
    assert_eq!(sequences, up_to(sequences.len() as i64), "no gap, in order");
    assert!(sequences.len() as u64 >= recorded);
    double.links_hold("audit");
    room.store.close().await;
}

/// One sender at a time: whoever holds the lease alone moves the cursor, and when it ends another takes over.
#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_ended_is_taken_over_and_the_old_holder_moves_nothing() {
    on_both(async |ground| {
        let room = Room::on(ground, quick()).await;
        let double = Double::start().await;
        room.record(1, 10).await;
        let id = room.send_to(splunk(&double.url), SECRET, 30).await;
        let dead = LeaseId::from_uuid(uuid(99));
        let until = room.clock.now() + Duration::from_secs(4);
        let claim = room.store.siem_claim(system(), id, dead, until).await.unwrap().unwrap();
        assert!(room.store.siem_claim(system(), id, dead, until).await.unwrap().is_none(), "it is held");

        let running = room.start();
        room.delivered(id).await;
        assert!(room.clock.now() >= until, "nobody delivers under another's lease");
        let stale = claim.unchanged(None);
        let stored = room.store.siem_progress(system(), &claim, stale, vec![], Effects::none()).await.unwrap();
        assert!(!stored && !room.store.siem_renew(system(), &claim, until).await.unwrap());
        assert_eq!(room.status(id).await.destination.cursors.audit, 10);
        running.stop().await;
        assert_eq!(double.sequences("audit"), up_to(10));
        room.store.close().await;
    })
    .await;
}

/// Two processes over one database: each event goes out in order, and hardly anything twice.
#[tokio::test(flavor = "multi_thread")]
async fn two_servers_share_the_work_of_one_destination() {
    on_both(async |ground| {
        let first = Room::on(ground, quick()).await;
        let second = Room::open(&ground.config, ground.folder.path(), quick()).await;
        let double = Double::start().await;
        let id = first.send_to(splunk(&double.url), SECRET, 7).await;
        let running = [first.start(), second.start()];
        for part in 0..10 {
            [&first, &second][part % 2].record(part as u64 * 20 + 1, 20).await;
        }
        first.delivered(id).await;
        for running in running {
            running.stop().await;
        }
        assert_eq!(double.sequences("audit"), up_to(200));
        assert_eq!(double.taken("audit").len(), 200, "without a failure nothing goes out twice");
        first.store.close().await;
        second.store.close().await;
    })
    .await;
}

/// R238: a replay sends the same events with the same ids, links and hashes again.
#[tokio::test(flavor = "multi_thread")]
async fn a_replay_begins_where_it_is_told() {
    on_both(async |ground| {
        let room = Room::on(ground, quick()).await;
        let double = Double::start().await;
        room.record(1, 30).await;
        room.happen(EventKind::GuardrailViolation, 5).await;
        let id = room.send_to(splunk(&double.url), SECRET, 10).await;
        let running = room.start();
        room.delivered(id).await;
        for (stream, from) in [(SiemStream::Audit, 21), (SiemStream::Security, 6)] {
            room.siem.replay(&room.permit(), id, Some((stream, from)), Effects::none()).await.unwrap();
        }
        room.until(id, |_| double.taken("audit").len() >= 40 && double.taken("security").len() >= 8).await;
        running.stop().await;
        assert_eq!(double.sequences("audit"), up_to(30));
        let events = double.taken("security");
        assert_eq!(events[5]["sequence"], 6);
        for again in &events[5..] {
            let first = events.iter().find(|event| event["id"] == again["id"]).unwrap();
            assert_eq!(first, again, "a repetition is the same to the last letter");
        }
        let wrong = room.siem.replay(&room.permit(), id, Some((SiemStream::Audit, 99)), Effects::none()).await;
        assert!(matches!(wrong, Err(Error::Invalid(_))));
        room.store.close().await;
    })
    .await;
}

/// R237: destinations are a team's own: another team neither sees, nor changes, nor feeds them.
#[tokio::test(flavor = "multi_thread")]
async fn another_team_neither_sees_nor_changes_a_destination() {
    let ground = sqlite_database().await;
    let room = Room::on(&ground, quick()).await;
    let double = Double::start().await;
    let id = room.send_to(splunk(&double.url), SECRET, 10).await;
    let stranger = permit::<ConfigureSiem>(2);
    assert!(room.siem.list(&stranger).await.unwrap().is_empty());
    assert!(matches!(room.siem.status(&stranger, id).await, Err(Error::NotFound)));
    assert!(matches!(room.siem.test(&stranger, id).await, Err(Error::NotFound)));
    assert!(room.siem.delete(&stranger, id, Effects::none()).await.is_err());
    assert!(room.siem.replay(&stranger, id, None, Effects::none()).await.is_err());
    assert_eq!(room.siem.list(&room.permit()).await.unwrap().len(), 1);
    room.siem.delete(&room.permit(), id, Effects::none()).await.unwrap();
    assert!(room.siem.list(&room.permit()).await.unwrap().is_empty());
}

/// Secrets lie sealed, and cannot be drawn out by pointing the destination elsewhere.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_sealed_and_does_not_follow_to_another_address() {
    let ground = sqlite_database().await;
    let room = Room::on(&ground, quick()).await;
    let double = Double::start().await;
    let id = room.send_to(splunk(&double.url), SECRET, 10).await;
    let status = room.status(id).await;
    assert_eq!(status.secrets, ["token"]);
    assert!(!format!("{:?}", status.destination.settings).contains("canary"));
    let sealed = &status.destination.sealed;
    assert!(!sealed.windows(6).any(|part| part == b"canary"));

    let streams = Streams { audit: true, security: true, checkpoints: false };
    let change = async |url: &str, secrets| {
        let setup = setup("soc", json!({ "kind": "splunk_hec", "url": url }), streams, Batch::default());
        room.siem.change(&room.permit(), id, setup, given(secrets), Effects::none()).await
    };
    let elsewhere = change("https://attacker.example", &[]).await;
    assert!(elsewhere.unwrap_err().to_string().contains("give them again"));
    change(&double.url, &[]).await.unwrap();
    change("https://splunk.example.com:8088", &[("token", "another")]).await.unwrap();
}

/// What the operator has not allowed is not called: the destination is held and says why.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_inside_the_perimeter_is_not_called() {
    let ground = sqlite_database().await;
    let room = Room::on(&ground, quick()).await;
    room.record(1, 3).await;
    let id = room.send_to(json!({ "kind": "splunk_hec", "url": "https://169.254.169.254" }), SECRET, 10).await;
    let running = room.start();
    let status = room.reached(id, SiemState::Held).await;
    running.stop().await;
    assert!(status.destination.reason.unwrap().contains("metadata"));
}

/// A receiver that never answers costs its timeout and no event.
#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_never_answers_is_tried_again() {
    let ground = sqlite_database().await;
    let room = Room::on(&ground, Settings { timeout: Duration::from_millis(300), ..quick() }).await;
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    room.record(1, 5).await;
    let id = room.send_to(splunk(&url), SECRET, 10).await;
    let running = room.start();
    let status = room.until(id, |status| status.destination.attempts >= 2).await;
    assert!(status.destination.last_error.unwrap().contains("did not answer in time"));
    assert_eq!(status.behind.audit, 5);
    running.stop().await;
}

/// A destination that begins now is not sent what was before.
#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_begins_now_is_sent_what_comes() {
    let ground = sqlite_database().await;
    let room = Room::on(&ground, quick()).await;
    let double = Double::start().await;
    room.record(1, 10).await;
    let id = SiemId::from_uuid(uuid(7));
    let setup = setup("now", splunk(&double.url), Streams::default(), Batch::default());
    room.siem.create(&room.permit(), id, setup, given(SECRET), Start::Now, Effects::none()).await.unwrap();
    let running = room.start();
    room.record(11, 5).await;
    room.delivered(id).await;
    running.stop().await;
    assert_eq!(double.sequences("audit"), (11..=15).collect::<Vec<_>>());
}

/// R239: a failing receiver is told of once, and so is its recovery.
#[tokio::test(flavor = "multi_thread")]
async fn a_state_is_told_of_when_it_changes_and_not_again() {
    let ground = sqlite_database().await;
    let room = Room::on(&ground, quick()).await;
    let double = Double::start().await;
    double.plays((0..30).map(|_| Reply::status(503)));
    room.record(1, 5).await;
    let id = room.send_to(splunk(&double.url), SECRET, 10).await;
    let running = room.start();
    room.delivered(id).await;
    running.stop().await;
    let events = room.store.events_of_team(system(), room.scope.team, 0, 1000).await.unwrap();
    let told: Vec<_> =
        events.iter().filter(|event| event.kind == EventKind::SiemState).map(|event| &event.payload["to"]).collect();
    assert_eq!(told, ["lagging", "ok"]);
}

/// kill -9 of the sender, again and again, by a process of its own: no gap, order kept. The long form is the example
/// `torture`.
#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_is_killed_again_and_again_leaves_no_gap() {
    let ground = sqlite_database().await;
    let room = Room::on(&ground, quick()).await;
    let double = Double::start().await;
    let id = room.send_to(splunk(&double.url), SECRET, 5).await;
    room.record(1, 1).await;
    let begun = Instant::now();
    let mut recorded = 1;
    for round in 0..8_u64 {
        let mut sender = support::killed::sender(ground.folder.path());
        let before = double.requests();
        room.record(recorded + 1, 40).await;
        recorded += 40;
        // a different moment each time, but never before it began to deliver
        while double.requests() < before + 1 + round as usize % 3 {
            assert!(begun.elapsed() < support::PATIENCE * 3, "the sender does not deliver");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        sender.kill().unwrap();
        sender.wait().unwrap();
    }
    let running = room.start();
    room.delivered(id).await;
    running.stop().await;
    assert_eq!(double.sequences("audit"), up_to(recorded as i64));
    double.links_hold("audit");
}

/// The process that is killed; it does nothing when it is not asked to.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "it is the other process of the test above"]
async fn the_sender_that_is_killed() {
    support::killed::deliver_for_ever().await;
}
