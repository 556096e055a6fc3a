//! R106, R108, R236, R237: the system's chain has destinations of its own, which belong to no team; and a purge waits for
//! destinations, or names those that it does not wait for.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod support;

use std::time::Duration;

use domain::{AuditResult, AuditSubject, Principal, SiemId};
use harness::{on_both, sqlite_database, system, uuid};
use recorder::{Act, PurgeRefused, PurgeRules};
use serde_json::json;
use siem::{Batch, Start, Status, Streams};
use store::{ChainKey, Effects, siem::SiemState, siem::SiemStream};
use support::{Double, Reply, Room, given, quick, setup};

fn nobody() -> AuditSubject {
    AuditSubject { principal: Principal::System, address: None, session: None, user_agent: None }
}

/// Entries of the system's chain, as signing in leaves them.
async fn sign_in(room: &Room, count: usize) {
    for n in 0..count {
        let act = Act {
            scope: None,
            subject: nobody(),
            request: None,
            operation: "session.sign_in".to_owned(),
            target: None,
            detail: json!({ "n": n }),
        };
        room.recorder.intent(act).await.unwrap().outcome(AuditResult::Succeeded, json!({})).await.unwrap();
    }
}

async fn install(room: &Room, url: &str) -> SiemId {
    let id = SiemId::from_uuid(uuid(4711));
    let streams = Streams { audit: true, security: false, checkpoints: true };
    let to = json!({ "kind": "splunk_hec", "url": url });
    let setup = setup("soc of the installation", to, streams, Batch::default());
    let secrets = given(&[("token", "t-1")]);
    room.siem.install(system(), id, setup, secrets, Start::Beginning, Effects::none()).await.unwrap();
    id
}

async fn installed(room: &Room, done: impl Fn(&Status) -> bool) -> Status {
    let end = std::time::Instant::now() + support::PATIENCE;
    loop {
        let all = room.siem.installed(system()).await.unwrap();
        if let Some(status) = all.into_iter().find(&done) {
            return status;
        }
        assert!(std::time::Instant::now() < end, "not in time");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn is_through(status: &Status) -> bool {
    status.behind.audit + status.behind.checkpoints == 0
}

/// The whole chain and its checkpoints, in order and linked; a team's destination gets nothing of it, and no team sees it.
#[tokio::test(flavor = "multi_thread")]
async fn the_systems_chain_is_delivered() {
    on_both(async |ground| {
        let room = Room::on(ground, quick()).await;
        let (double, teams) = (Double::start().await, Double::start().await);
        sign_in(&room, 10).await;
        room.record(1, 5).await;
        room.checkpoints.issue().await.unwrap();
        install(&room, &double.url).await;
        let of_team = room.send_to(json!({ "kind": "splunk_hec", "url": teams.url }), &[("token", "t-2")], 50).await;
        let running = room.start();
        installed(&room, is_through).await;
        room.delivered(of_team).await;
        double.down().await;
        sign_in(&room, 5).await;
        installed(&room, |status| status.destination.attempts > 1 && status.destination.last_error.is_some()).await;
        let double = double.up().await;
        installed(&room, is_through).await;
        running.stop().await;
        let sequences = double.sequences("audit");
        assert_eq!(sequences, (1..=sequences.len() as i64).collect::<Vec<_>>(), "no gap, in order");
        assert!(sequences.len() >= 30);
        double.links_hold("audit");
        double.links_hold("checkpoints");
        assert_eq!(double.sequences("checkpoints"), [1]);
        let event = &double.taken("audit")[0];
        assert_eq!((&event["team"], &event["chain"]), (&json!("installation"), &json!("system")));
        assert!(teams.taken("audit").iter().all(|event| event["chain"] != "system"));
        assert_eq!(room.siem.list(&room.permit()).await.unwrap().len(), 1, "a team sees its own alone");
        room.store.close().await;
    })
    .await;
}

/// A receiver that does not know us: held and told of in the system's chain, and sent again from where a person says.
#[tokio::test(flavor = "multi_thread")]
async fn a_broken_destination_of_the_installation_is_told_of() {
    let ground = sqlite_database().await;
    let room = Room::on(&ground, quick()).await;
    let double = Double::start().await;
    sign_in(&room, 2).await;
    double.plays([Reply::code(403, 4)]);
    let id = install(&room, &double.url).await;
    let running = room.start();
    let status = installed(&room, |status| status.destination.state == SiemState::Broken).await;
    assert!(status.destination.reason.is_some());
    room.siem.replay_installed(system(), id, Some((SiemStream::Audit, 3)), Effects::none()).await.unwrap();
    installed(&room, is_through).await;
    running.stop().await;
    let sequences = double.sequences("audit");
    assert_eq!(sequences[0], 3);
    let told = double.taken("audit").iter().filter(|event| event["action"] == "siem.state").count();
    assert!(told >= 1, "the change of state stands in the chain");
    room.siem.uninstall(system(), id, Effects::none()).await.unwrap();
    assert!(room.siem.installed(system()).await.unwrap().is_empty());
    room.store.close().await;
}

/// R106, R108: what a destination does not have yet is not purged, and the refusal says whose turn it is; what is paused
/// is not waited for; retention waits so long and no longer, and then the entry names who lacks what.
#[tokio::test(flavor = "multi_thread")]
async fn a_purge_waits_for_destinations_and_names_them() {
    let ground = sqlite_database().await;
    let room = Room::on(&ground, quick()).await;
    let double = Double::start().await;
    room.record(1, 20).await;
    room.checkpoints.issue().await.unwrap();
    double.plays([Reply::code(403, 4)]);
    let id = room.send_to(json!({ "kind": "splunk_hec", "url": double.url }), &[("token", "t-1")], 50).await;
    let running = room.start();
    room.reached(id, SiemState::Broken).await;
    running.stop().await;
    let chain = ChainKey::Of(room.scope);
    let purge = async |waits| {
        let rules = PurgeRules { minimum: Duration::ZERO, waits };
        room.recorder.purge(&room.checkpoints, &chain, room.clock.now(), nobody(), None, rules).await
    };
    let Err(PurgeRefused::NotDelivered { destinations, through }) = purge(None).await else { panic!("it was purged") };
    assert_eq!((destinations, through), (vec!["soc".to_owned()], 20));
    let long_ago = room.clock.now() - Duration::from_secs(3600);
    assert!(matches!(purge(Some(long_ago)).await, Err(PurgeRefused::NotDelivered { .. })), "it still waits");

    // it gets a part, and that part may go
    room.siem.replay(&room.permit(), id, Some((SiemStream::Audit, 1)), Effects::none()).await.unwrap();
    let running = room.start();
    room.delivered(id).await;
    running.stop().await;
    let purged = purge(None).await.unwrap();
    assert_eq!((purged.entries, purged.through), (20, 20));

    // retention is not held up for ever
    room.record(21, 10).await;
    room.checkpoints.issue().await.unwrap();
    let purged = purge(Some(room.clock.now())).await.unwrap();
    assert!(purged.through > 20);
    let end = room.store.audit_head(system(), &chain).await.unwrap().unwrap().seq;
    let last = room.recorder.entries_from(system(), &chain, end, 1).await.unwrap().remove(0).shown;
    assert_eq!((last.operation.as_str(), &last.detail["not_delivered_to"]), ("audit.purge", &json!(["soc"])));
    let key = recorder::VerifierKey::parse(&room.checkpoints.verifier_key()).unwrap();
    let report = recorder::verify_online(&room.store, key, None).await.unwrap();
    assert!(report.is_intact(), "{}", report.render());
    room.store.close().await;
}
