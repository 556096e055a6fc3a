//! R235, R239: a webhook that refuses one event for good loses that event alone, and says which; one that refuses
//! everything is held.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod support;

use harness::sqlite_database;
use serde_json::json;
use store::{PageRequest, siem::SiemState};
use support::{Double, Reply, Room, quick};

/// Backed off first, as the table says, then parted until the bad event is found: it is a dead letter, the others are
/// delivered in order, and when the receiver takes it after all it goes out by hand.
#[tokio::test(flavor = "multi_thread")]
async fn one_bad_event_is_a_dead_letter() {
    let ground = sqlite_database().await;
    let room = Room::on(&ground, quick()).await;
    let double = Double::start().await;
    room.record(1, 20).await;
    double.refuses(7, false);
    let id = room.send_to(json!({ "kind": "webhook", "url": format!("{}/in", double.url) }), &[], 50).await;
    let running = room.start();
    let status = room.delivered(id).await;
    running.stop().await;
    let sequences = double.sequences("audit");
    let expected: Vec<i64> = (1..=sequences.last().copied().unwrap()).filter(|sequence| *sequence != 7).collect();
    assert_eq!(sequences, expected, "everything else, in order");
    assert_eq!((status.destination.dead, status.destination.state), (1, SiemState::Ok));
    // three tries of the whole batch before it was parted
    assert!(double.seen()[..3].iter().all(|seen| seen.body.contains("\"first_seq\":1,")), "it was not waited for");
    let letters = room.siem.dead_letters(&room.permit(), id, &PageRequest::first(10)).await.unwrap().items;
    assert_eq!((letters.len(), letters[0].seq), (1, 7));
    assert!(letters[0].reason.contains("400"), "{}", letters[0].reason);
    double.refuses_nothing();
    assert!(room.siem.retry(&room.permit(), id, letters[0].id).await.unwrap().delivered);
    assert!(double.sequences("audit").contains(&7));
    assert!(room.siem.dead_letters(&room.permit(), id, &PageRequest::first(10)).await.unwrap().items.is_empty());
    room.store.close().await;
}

/// What comes right before patience ends is delivered whole: nothing was put aside.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_recovers_loses_nothing() {
    let ground = sqlite_database().await;
    let room = Room::on(&ground, quick()).await;
    let double = Double::start().await;
    room.record(1, 20).await;
    double.plays([400, 422, 400].map(Reply::status));
    let id = room.send_to(json!({ "kind": "webhook", "url": double.url }), &[], 50).await;
    let running = room.start();
    let status = room.delivered(id).await;
    running.stop().await;
    assert_eq!(double.sequences("audit")[..20], (1..=20).collect::<Vec<i64>>());
    assert_eq!((status.destination.dead, double.requests() >= 4), (0, true));
    room.store.close().await;
}

/// One that refuses everything is set up wrongly: it is held, and what was put aside does not grow.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_refuses_everything_is_held() {
    let ground = sqlite_database().await;
    let room = Room::on(&ground, quick()).await;
    let double = Double::start().await;
    room.record(1, 20).await;
    (1..=60).for_each(|sequence| double.refuses(sequence, false));
    let id = room.send_to(json!({ "kind": "webhook", "url": double.url }), &[], 50).await;
    let running = room.start();
    let status = room.reached(id, SiemState::Held).await;
    running.stop().await;
    assert_eq!((status.destination.dead, status.destination.cursors.audit), (5, 5));
    room.store.close().await;
}
