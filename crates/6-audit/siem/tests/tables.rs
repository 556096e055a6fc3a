//! Every exporter against a receiver that plays every answer of its retry table (R232 to R235).

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod support;

use domain::{EventKind, Json};
use harness::sqlite_database;
use serde_json::json;
use siem::Streams;
use store::{Effects, PageRequest, siem::SiemState};
use support::{Double, Reply, Room, quick};

const N: u64 = 20;

/// A vendor, and how a destination of it is written.
#[derive(Clone, Copy, PartialEq)]
enum Vendor {
    Splunk,
    SplunkAck,
    Datadog,
    Elastic,
    Webhook,
}
use Vendor::*;

impl Vendor {
    fn to(self, url: &str) -> Json {
        match self {
            Splunk => json!({ "kind": "splunk_hec", "url": url, "index": "main" }),
            SplunkAck => json!({ "kind": "splunk_hec", "url": url, "acknowledge": true }),
            Datadog => json!({ "kind": "datadog", "url": url, "tags": ["a:b"], "gzip": true }),
            Elastic => json!({ "kind": "elasticsearch", "url": url }),
            Webhook => json!({ "kind": "webhook", "url": format!("{url}/in?x=1") }),
        }
    }
    const fn secrets(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Splunk | SplunkAck => &[("token", "t-1")],
            Datadog => &[("api_key", "k-1")],
            Elastic => &[("username", "u"), ("password", "p")],
            Webhook => &[],
        }
    }
}

struct Played {
    room: Room,
    double: Double,
    id: domain::SiemId,
    _folder: tempfile::TempDir,
}

/// Twenty entries for a receiver that plays `script` first.
async fn play(vendor: Vendor, script: impl IntoIterator<Item = Reply>) -> Played {
    let ground = sqlite_database().await;
    let room = Room::on(&ground, quick()).await;
    let double = Double::start().await;
    if vendor == SplunkAck {
        double.acknowledges(2);
    }
    double.plays(script);
    room.record(1, N).await;
    let id = room.send_to(vendor.to(&double.url), vendor.secrets(), 1000).await;
    Played { room, double, id, _folder: ground.folder }
}

fn all() -> Vec<i64> {
    (1..=N as i64).collect()
}

/// An answer after which the same is sent again until it is taken.
async fn is_tried_again(vendor: Vendor, replies: Vec<Reply>) {
    for reply in replies {
        let played = play(vendor, [reply.clone()]).await;
        let running = played.room.start();
        let status = played.room.delivered(played.id).await;
        running.stop().await;
        assert_eq!(played.double.sequences("audit"), all(), "{reply:?}");
        assert!(played.double.requests() >= 2, "{reply:?}");
        assert!(status.destination.retries >= 1 && status.destination.last_error.is_some(), "{reply:?}: {status:?}");
        assert_eq!((status.destination.state, status.destination.dead), (SiemState::Ok, 0), "{reply:?}");
        played.double.links_hold("audit");
    }
}

/// An answer after which nothing more is sent until a person has done something; then nothing is missing.
async fn stops_delivery(vendor: Vendor, state: SiemState, replies: Vec<Reply>) {
    for reply in replies {
        let played = play(vendor, [reply.clone()]).await;
        let running = played.room.start();
        let status = played.room.reached(played.id, state).await;
        assert_eq!(played.double.requests(), 1, "{reply:?}");
        assert!(status.destination.reason.is_some() && status.behind.audit >= N as i64, "{reply:?}");
        // people are told, on the stream of events and in the trail
        let events = played.room.store.events_of_team(harness::system(), played.room.scope.team, 0, 100).await.unwrap();
        let alert = events.iter().find(|event| event.kind == EventKind::SiemState).unwrap();
        assert_eq!(alert.payload["to"], state.as_str(), "{reply:?}");
        if status.destination.enabled {
            played.room.siem.replay(&played.room.permit(), played.id, None, Effects::none()).await.unwrap();
            let status = played.room.delivered(played.id).await;
            assert_eq!(status.destination.state, SiemState::Ok, "{reply:?}");
            let sequences = played.double.sequences("audit");
            assert_eq!(sequences[..N as usize], all(), "{reply:?}");
            let entry = played.double.taken("audit").into_iter().find(|event| event["action"] == "siem.state").unwrap();
            assert_eq!(entry["audit"]["detail"]["to"], state.as_str());
        }
        running.stop().await;
    }
}

/// One bad event among twenty: found, put aside with its reason, and delivered when the receiver would take it.
async fn puts_the_bad_one_aside(vendor: Vendor, names: bool) {
    let played = play(vendor, []).await;
    played.double.refuses(13, names);
    let running = played.room.start();
    let status = played.room.until(played.id, |status| status.destination.cursors.audit >= N as i64).await;
    let permit = played.room.permit();
    let letters = played.room.siem.dead_letters(&permit, played.id, &PageRequest::default()).await.unwrap().items;
    assert_eq!(letters.iter().map(|letter| letter.seq).collect::<Vec<_>>(), [13]);
    assert!(letters[0].reason.contains("400") && status.destination.dead == 1, "{letters:?}");
    let but_one: Vec<_> = all().into_iter().filter(|sequence| *sequence != 13).collect();
    assert_eq!(played.double.sequences("audit")[..N as usize - 1], but_one);

    let again = played.room.siem.retry(&permit, played.id, letters[0].id).await.unwrap();
    assert!(!again.delivered && again.answer.contains("400"), "{again:?}");
    played.double.refuses_nothing();
    let again = played.room.siem.retry(&permit, played.id, letters[0].id).await.unwrap();
    assert!(again.delivered, "{again:?}");
    assert!(played.double.sequences("audit").contains(&13));
    let left = played.room.siem.dead_letters(&permit, played.id, &PageRequest::default()).await.unwrap().items;
    assert_eq!(left, []);
    running.stop().await;
}

fn retry_after(status: u16) -> Reply {
    Reply::Say(status, vec![("retry-after", "0".to_owned())], String::new())
}

/// R232: codes 8, 9, 18, 19, 20, 23, 5xx, 429, pages of a proxy and broken lines are tried again.
#[tokio::test(flavor = "multi_thread")]
async fn splunk_is_tried_again_where_its_table_says_so() {
    let mut replies = vec![Reply::code(500, 8)];
    replies.extend([9, 18, 19, 20, 23].map(|code| Reply::code(503, code)));
    replies.extend([429, 502, 504, 408].map(Reply::status));
    replies.extend([Reply::html(502), Reply::html(200), retry_after(429), Reply::TakeAndHangUp]);
    is_tried_again(Splunk, replies).await;
}

/// R232: codes 1 to 4 and 16 say that the destination is broken; 7, 10, 11 and 14 that it is set up wrongly.
#[tokio::test(flavor = "multi_thread")]
async fn splunk_is_held_where_its_table_says_so() {
    let broken = [(403, 1), (401, 2), (401, 3), (403, 4), (400, 16)].map(|(status, code)| Reply::code(status, code));
    stops_delivery(Splunk, SiemState::Broken, broken.to_vec()).await;
    let held = [7, 10, 11, 14].map(|code| Reply::code(400, code));
    stops_delivery(Splunk, SiemState::Held, held.to_vec()).await;
    let elsewhere =
        vec![Reply::status(404), Reply::html(400), Reply::Say(302, vec![("location", "/x".to_owned())], String::new())];
    stops_delivery(Splunk, SiemState::Held, elsewhere).await;
}

/// R232: of codes 5, 6, 12, 13 and 15 the batch is parted, and the one bad event put aside.
#[tokio::test(flavor = "multi_thread")]
async fn splunk_has_the_bad_event_put_aside() {
    puts_the_bad_one_aside(Splunk, true).await;
    puts_the_bad_one_aside(Splunk, false).await;
    puts_the_bad_one_aside(SplunkAck, true).await;
}

/// R232: with acknowledgement, "taken" is not enough; "false, then true" is.
#[tokio::test(flavor = "multi_thread")]
async fn splunk_is_asked_until_it_acknowledges() {
    is_tried_again(SplunkAck, vec![Reply::code(503, 9), Reply::TakeAndHangUp]).await;
    stops_delivery(SplunkAck, SiemState::Held, vec![Reply::NoAckId]).await;
    let played = play(SplunkAck, []).await;
    let running = played.room.start();
    played.room.delivered(played.id).await;
    running.stop().await;
    let seen = played.double.seen();
    let channel = &seen[0].headers["x-splunk-request-channel"];
    assert_eq!(*channel, played.id.uuid().hyphenated().to_string());
    assert_eq!(seen[0].headers["authorization"], "Splunk t-1");
}

/// R233: 408, 429, 5xx are tried again; 401 and 403 stop; 413 parts the batch; of a 400 the bad one is put aside.
#[tokio::test(flavor = "multi_thread")]
async fn datadog_is_treated_as_its_table_says() {
    let mut replies: Vec<_> = [408, 429, 500, 503].map(Reply::status).to_vec();
    replies.extend([Reply::html(200), Reply::TakeAndHangUp]);
    is_tried_again(Datadog, replies).await;
    stops_delivery(Datadog, SiemState::Broken, [401, 403].map(Reply::status).to_vec()).await;
    stops_delivery(Datadog, SiemState::Held, vec![Reply::status(404), Reply::html(400)]).await;
    puts_the_bad_one_aside(Datadog, false).await;
    is_parted(Datadog).await;
}

/// R234: items are answered one by one; 409 is delivered, 429 and 503 come again, 400 is put aside.
#[tokio::test(flavor = "multi_thread")]
async fn elasticsearch_is_treated_as_its_table_says() {
    let mut replies: Vec<_> = [429, 500, 502, 503].map(Reply::status).to_vec();
    replies.extend([Reply::html(200), Reply::TakeAndHangUp, Reply::html(503)]);
    is_tried_again(Elastic, replies).await;
    stops_delivery(Elastic, SiemState::Broken, [401, 403].map(Reply::status).to_vec()).await;
    stops_delivery(Elastic, SiemState::Held, vec![Reply::status(404)]).await;
    puts_the_bad_one_aside(Elastic, false).await;
    is_parted(Elastic).await;

    let played = play(Elastic, [Reply::Items(vec![(3, 429), (4, 503), (7, 400), (9, 409)])]).await;
    let running = played.room.start();
    let status = played.room.until(played.id, |status| status.destination.cursors.audit >= N as i64).await;
    running.stop().await;
    let mut taken = played.double.sequences("audit");
    taken.retain(|sequence| *sequence <= N as i64);
    taken.sort_unstable();
    // the eighth is a dead letter, the tenth was there before as far as the receiver said
    let expected: Vec<_> = all().into_iter().filter(|sequence| ![8, 10].contains(sequence)).collect();
    assert_eq!((taken, status.destination.dead), (expected, 1));
    let second = &played.double.seen()[1];
    assert_eq!(second.body.matches("\"create\"").count(), 2, "only the two that were busy are sent again");
    assert!(second.path.starts_with("/logs-nodeloom.audit-production/_bulk"));
}

/// R235: anything but 2xx is tried again, 410 ends it.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_treated_as_its_table_says() {
    let mut replies: Vec<_> = [400, 401, 404, 408, 429, 500, 503].map(Reply::status).to_vec();
    replies.extend([retry_after(503), Reply::TakeAndHangUp]);
    is_tried_again(Webhook, replies).await;
    stops_delivery(Webhook, SiemState::Broken, vec![Reply::status(410)]).await;
    is_parted(Webhook).await;
}

/// A receiver that takes little at once gets little at once, and everything.
async fn is_parted(vendor: Vendor) {
    let played = play(vendor, []).await;
    played.double.takes_at_most(8_000);
    let running = played.room.start();
    let status = played.room.delivered(played.id).await;
    running.stop().await;
    assert_eq!((played.double.sequences("audit"), status.destination.dead), (all(), 0));
}

/// A receiver that refuses everything is set up wrongly: what is put aside does not grow without end.
#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_refuses_everything_is_held() {
    let played = play(Datadog, []).await;
    (1..=N as i64).for_each(|sequence| played.double.refuses(sequence, false));
    let running = played.room.start();
    let status = played.room.reached(played.id, SiemState::Held).await;
    running.stop().await;
    assert_eq!((status.destination.dead, status.destination.cursors.audit), (5, 5));
}

/// R235: the signature is that of the body, and names what the batch holds.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_names_what_it_holds_and_is_signed() {
    let played = play(Webhook, []).await;
    let running = played.room.start();
    played.room.delivered(played.id).await;
    running.stop().await;
    let seen = played.double.seen().remove(0);
    let body: Json = serde_json::from_str(&seen.body).unwrap();
    assert_eq!(
        (&body["schema"], &body["first_seq"], &body["last_seq"]),
        (&json!("nodeloom.event.v1"), &json!(1), &json!(N))
    );
    assert_eq!(body["destination"], played.id.to_string());
    assert_eq!(body["prev_hash"], body["events"][0]["prev_hash"]);
    assert!(seen.headers["webhook-id"].starts_with("msg_") && seen.headers["webhook-signature"].starts_with("v1,"));
    assert_eq!(seen.path, "/in?x=1");
}

/// R236: violations go out beside audit entries, linked among themselves; the ordinary life of runs does not.
#[tokio::test(flavor = "multi_thread")]
async fn security_events_and_checkpoints_are_delivered_too() {
    for vendor in [Splunk, Datadog, Elastic, Webhook] {
        let ground = sqlite_database().await;
        let room = Room::on(&ground, quick()).await;
        let double = Double::start().await;
        room.record(1, 3).await;
        room.happen(EventKind::GuardrailViolation, 4).await;
        room.happen(EventKind::PolicyViolation, 2).await;
        room.checkpoints.issue().await.unwrap();
        room.checkpoints.issue().await.unwrap();
        let id = room.send_all_to(vendor.to(&double.url), vendor.secrets(), 2, Streams::default()).await;
        let running = room.start();
        room.delivered(id).await;
        running.stop().await;
        assert_eq!(double.sequences("audit"), [1, 2, 3]);
        assert_eq!(double.sequences("security"), [2, 4, 6, 8, 10, 12]);
        assert_eq!(double.sequences("checkpoints"), [1, 2]);
        for stream in ["audit", "security", "checkpoints"] {
            double.links_hold(stream);
        }
        let violation = &double.taken("security")[0];
        assert_eq!((&violation["severity"], &violation["action"]), (&json!("high"), &json!("guardrail_violation")));
        let checkpoint = &double.taken("checkpoints")[1]["checkpoint"];
        assert!(checkpoint["note"].as_str().unwrap().contains("nodeloom.test/audit"));
        assert!(checkpoint["head"]["line"].as_str().unwrap().contains("production"));
    }
}

/// R239: a test event says whether the receiver takes anything, and moves nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_test_event_tells_what_the_receiver_answers() {
    for vendor in [Splunk, SplunkAck, Datadog, Elastic, Webhook] {
        let played = play(vendor, []).await;
        let permit = played.room.permit();
        let tried = played.room.siem.test(&permit, played.id).await.unwrap();
        assert!(tried.delivered, "{tried:?}");
        assert_eq!(played.double.taken("test").len(), 1);
        played.double.plays([Reply::status(403)]);
        let tried = played.room.siem.test(&permit, played.id).await.unwrap();
        assert!(!tried.delivered && tried.answer.contains("403"), "{tried:?}");
        let status = played.room.status(played.id).await;
        assert_eq!((status.destination.cursors.audit, status.destination.state), (0, SiemState::Ok));
    }
}
