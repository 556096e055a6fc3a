//! R220–R231: intents, outcomes and refusals, sealed, erasable, from one server or two, and refused when they cannot
//! be stored.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod support;

use std::{collections::BTreeSet, time::Duration};

use authz::{Permit, act_as_system, action::ViewAudit};
use domain::{AuditResult, AuditSubject, Environment, Principal, RequestId, Secret};
use harness::{Ground, on_both, permit_for, user, uuid};
use recorder::{Act, Error, MAX_DETAIL, RefusedRequest, Search};
use serde_json::json;
use store::{AuditRowDraft, ChainKey, Effects, PageRequest};
use support::{CHAIN, Rooms, finding, scope, somebody};

const PRODUCTION: Environment = Environment::Production;

async fn rooms(ground: &Ground) -> Rooms {
    Rooms::open(&ground.config, &ground.clock, &ground.folder.path().join("checkpoints.jsonl")).await
}
fn act(operation: &str) -> Act {
    Act {
        scope: Some(scope(PRODUCTION)),
        subject: somebody(1),
        request: Some(RequestId::from_uuid(uuid(5))),
        operation: operation.to_owned(),
        target: Some("wf_1".to_owned()),
        detail: json!({"why": "a test"}),
    }
}
async fn shown(rooms: &Rooms, search: &Search) -> Vec<recorder::ShownEntry> {
    let permit: Permit<ViewAudit> = permit_for(scope(PRODUCTION));
    rooms.recorder.entries(&permit, search, &PageRequest::first(200)).await.unwrap().items
}

/// R221–R228: everything that an entry must have.
#[tokio::test(flavor = "multi_thread")]
async fn an_act_leaves_an_intent_and_an_outcome() {
    on_both(async |ground| {
        let rooms = rooms(ground).await;
        let intent = rooms.recorder.intent(act("workflow.publish")).await.unwrap();
        assert_eq!(shown(&rooms, &Search::default()).await[0].result, AuditResult::Intent, "on disk before the act");
        ground.clock.advance(Duration::from_millis(12));
        intent.outcome(AuditResult::Succeeded, json!({"version": 2})).await.unwrap();
        let entries = shown(&rooms, &Search::default()).await;
        let (outcome, intent) = (&entries[0], &entries[1]);
        assert_eq!(outcome.intent, Some(intent.id));
        assert_eq!(outcome.duration_micros, Some(12_000));
        assert_eq!(outcome.result, AuditResult::Succeeded);
        assert_eq!(outcome.subject, Some(somebody(1)), "identity, address, session and user agent");
        assert_eq!(outcome.request, Some(RequestId::from_uuid(uuid(5))));
        assert_eq!(outcome.at, ground.clock.now());
        assert_eq!((&outcome.detail, outcome.target.as_deref()), (&json!({"version": 2}), Some("wf_1")));
        assert!(rooms.verify().await.is_intact());
        rooms.store.close().await;
    })
    .await;
}

/// The contract's hot path: intent and outcome share one transaction with the act.
#[tokio::test(flavor = "multi_thread")]
async fn intent_and_outcome_may_share_the_acts_transaction() {
    on_both(async |ground| {
        let rooms = rooms(ground).await;
        let (intent, open) = rooms.recorder.open(act("workflow.run"));
        let outcome = open.outcome(rooms.clock.now(), AuditResult::Blocked, json!({}));
        let rows = rooms.recorder.prepare(vec![intent, outcome]).await.unwrap();
        rooms.store.record(Effects::audited(rows)).await.unwrap();
        let results: Vec<_> = shown(&rooms, &Search::default()).await.iter().map(|entry| entry.result).collect();
        assert_eq!(results, [AuditResult::Blocked, AuditResult::Intent]);
        rooms.store.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_stored_is_unavailable() {
    harness::on_sqlite(async |ground| {
        let rooms = rooms(ground).await;
        rooms.recorder.refused(act("workflow.delete")).await.unwrap();
        rooms.store.close().await;
        let refused = rooms.recorder.intent(act("workflow.publish")).await;
        assert!(matches!(refused, Err(Error::Unavailable(_))), "the server answers 503");
    })
    .await;
}

/// A stored head that cannot be continued stops everything, rather than beginning a second trail.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_head_refuses_new_entries() {
    let trail = support::Trail::new().await;
    trail.sql(&format!("UPDATE audit_heads SET tree = X'00' WHERE chain = '{CHAIN}'")).await;
    let rooms = trail.open().await;
    assert!(matches!(rooms.recorder.intent(act("workflow.publish")).await, Err(Error::Unavailable(_))));
    rooms.store.close().await;
}

/// R222, D9: nothing personal stands in the database in the clear.
#[tokio::test(flavor = "multi_thread")]
async fn the_personal_part_is_sealed() {
    harness::on_sqlite(async |ground| {
        let rooms = rooms(ground).await;
        rooms.recorder.refused(act("workflow.delete")).await.unwrap();
        rooms.store.close().await;
        for file in std::fs::read_dir(ground.folder.path()).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            for personal in ["canary-agent", "192.0.2.7", &user(1).to_string()] {
                assert!(!bytes.windows(personal.len()).any(|window| window == personal.as_bytes()), "{personal}");
            }
            assert!(!bytes.windows(16).any(|window| window == user(1).uuid().as_bytes()));
        }
    })
    .await;
}

/// R108 in part: erasing a person leaves the chain whole.
#[tokio::test(flavor = "multi_thread")]
async fn an_erased_person_is_unreadable_and_the_chain_still_verifies() {
    on_both(async |ground| {
        let rooms = rooms(ground).await;
        rooms.recorder.refused(act("a")).await.unwrap();
        rooms.recorder.refused(Act { subject: somebody(2), ..act("b") }).await.unwrap();
        rooms.checkpoints.issue().await.unwrap();
        let of = |n| Search { who: Some(recorder::Who::Person(user(n))), ..Search::default() };
        assert_eq!(shown(&rooms, &of(1)).await.len(), 1, "found by pseudonym");
        assert!(rooms.recorder.erase(user(1), somebody(2)).await.unwrap());
        let entries = shown(&rooms, &Search::default()).await;
        assert_eq!((entries[1].subject.clone(), entries[0].subject.clone()), (None, Some(somebody(2))));
        assert!(rooms.verify().await.is_intact());
        // who comes back begins anew, and what was erased stays erased
        rooms.recorder.refused(act("c")).await.unwrap();
        let entries = shown(&rooms, &of(1)).await;
        assert_eq!((entries[0].subject.is_some(), entries[1].subject.is_some()), (true, false));
        assert!(!rooms.recorder.erase(user(9), somebody(2)).await.unwrap());
        rooms.store.close().await;
    })
    .await;
}

/// Two servers on one database write one chain in turn.
#[tokio::test(flavor = "multi_thread")]
async fn two_recorders_write_one_chain() {
    on_both(async |ground| {
        let (one, other) = (rooms(ground).await, rooms(ground).await);
        let write = async |rooms: &Rooms| {
            for n in 0..40 {
                rooms
                    .recorder
                    .record(vec![rooms.draft(Some(scope(PRODUCTION)), n), rooms.draft(None, n)])
                    .await
                    .unwrap();
            }
        };
        let check = async |rooms: &Rooms| {
            for _ in 0..5 {
                rooms.checkpoints.issue().await.unwrap();
                assert!(rooms.verify().await.is_intact(), "while others write");
            }
        };
        tokio::join!(write(&one), write(&other), check(&one), check(&other));
        let report = one.verify().await;
        assert!(report.is_intact(), "{}", report.render());
        let mut sizes: Vec<_> = report.chains.iter().map(|chain| chain.entries).collect();
        sizes.sort_unstable();
        assert_eq!(sizes, [80, 80]);
        // two that sign the same heads in the same microsecond sign the same note
        assert!((5..=10).contains(&report.checkpoints), "{}", report.checkpoints);
        one.store.close().await;
        other.store.close().await;
    })
    .await;
}

/// A flood of anonymous refusals is entered in sum.
#[tokio::test(flavor = "multi_thread")]
async fn anonymous_refusals_are_entered_in_sum() {
    harness::on_sqlite(async |ground| {
        let rooms = rooms(ground).await;
        for n in 0..5_000_u32 {
            let address = std::net::IpAddr::from(std::net::Ipv4Addr::from(0x0a00_0000 + n % 2_000));
            rooms.recorder.refused_anonymously(RefusedRequest { address, status: 401 });
        }
        rooms.recorder.enter_refusals().await.unwrap();
        rooms.recorder.enter_refusals().await.unwrap();
        let stored = rooms.store.audit_range(act_as_system("a test"), &ChainKey::System, 1, 5_000).await.unwrap();
        assert_eq!(stored.len(), 1_001, "a thousand sources, and the rest together");
        assert!(rooms.verify().await.is_intact());
        rooms.store.close().await;
        rooms.recorder.refused_anonymously(RefusedRequest { address: [192, 0, 2, 1].into(), status: 404 });
        assert!(rooms.recorder.enter_refusals().await.is_err(), "and nothing is forgotten when it cannot be stored");
        assert!(rooms.recorder.enter_refusals().await.is_err());
    })
    .await;
}

/// 1 MB of detail, a clock that goes backwards, NUL and odd text: recorded, cut, and still verifying.
#[tokio::test(flavor = "multi_thread")]
async fn odd_input_is_recorded_within_limits() {
    on_both(async |ground| {
        let rooms = rooms(ground).await;
        let huge = Act { detail: json!({"text": "x".repeat(1 << 20)}), ..act("huge") };
        rooms.recorder.refused(huge).await.unwrap();
        let agent = Some(format!("\u{fffd}\0{}", "é".repeat(1_000)));
        let subject = AuditSubject { user_agent: agent, ..somebody(1) };
        let odd =
            Act { subject, operation: "o".repeat(500), target: Some(format!("\0{}", "ü".repeat(900))), ..act("") };
        rooms.recorder.refused(odd).await.unwrap();
        let mut earlier = rooms.draft(Some(scope(PRODUCTION)), 1);
        earlier.at = earlier.at - Duration::from_secs(3600);
        rooms.recorder.record(vec![earlier]).await.unwrap();
        let entries = shown(&rooms, &Search::default()).await;
        assert_eq!(entries[2].detail["too_long"], json!(true));
        assert!(entries[1].operation.len() == 128 && entries[1].target.as_ref().unwrap().len() <= 512);
        assert!(entries.iter().all(|entry| entry.detail.to_string().len() < MAX_DETAIL));
        let report = rooms.verify().await;
        assert!(report.is_intact() && report.chains[0].clock_steps_back == 1, "{}", report.render());
        rooms.store.close().await;
    })
    .await;
}

/// A secret in a detail is a keyed hash: equal when equal, and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_recorded_as_a_keyed_hash() {
    harness::on_sqlite(async |ground| {
        let rooms = rooms(ground).await;
        let print = |text: &str| rooms.recorder.fingerprint(&Secret::new(text.to_owned()));
        assert_eq!(print("one secret"), print("one secret"));
        assert_ne!(print("one secret"), print("another secret"));
        assert!(!print("one secret").to_string().contains("one"));
        rooms.store.close().await;
    })
    .await;
}

/// R228: before and after, only what differs, and no secret.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_tells_before_and_after_without_secrets() {
    harness::on_sqlite(async |ground| {
        let rooms = rooms(ground).await;
        let before = json!({"name": "a", "role": "viewer", "api_key": "canary-old", "same": 1, "nested": {"token": "canary-t"}});
        let after = json!({"name": "a", "role": "admin", "api_key": "canary-new", "same": 1, "nested": {"token": "canary-u"}, "note": "n"});
        let change = rooms.recorder.change(&before, &after);
        assert_eq!((&change["before"]["role"], &change["after"]["role"]), (&json!("viewer"), &json!("admin")));
        assert_eq!((&change["after"]["note"], change["before"].get("note")), (&json!("n"), None));
        assert!(change["before"].get("same").is_none() && change["before"].get("name").is_none());
        assert!(change["before"]["api_key"]["keyed_hash"].is_string() && change["before"]["api_key"] != change["after"]["api_key"]);
        assert!(!change.to_string().contains("canary"), "{change}");
        let made = rooms.recorder.change(&json!(null), &json!({"password": "canary", "long": "x".repeat(1_000)}));
        assert!(!made.to_string().contains("canary") && made["after"]["long"]["bytes"] == 1_000, "{made}");
        rooms.store.close().await;
    })
    .await;
}

/// The checkpoint file holds every checkpoint once, even after a crash cut its last line or lost some.
#[tokio::test(flavor = "multi_thread")]
async fn the_checkpoint_file_is_completed() {
    harness::on_sqlite(async |ground| {
        let path = ground.folder.path().join("checkpoints.jsonl");
        let rooms = rooms(ground).await;
        rooms.recorder.refused(act("a")).await.unwrap();
        for _ in 0..3 {
            rooms.checkpoints.issue().await.unwrap();
        }
        rooms.store.close().await;
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, &text[..text.len() - 100]).unwrap();
        let rooms = support::Rooms::open(&ground.config, &ground.clock, &path).await;
        rooms.checkpoints.issue().await.unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let whole = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let numbers: Vec<u64> = whole.map(|line| line["number"].as_u64().unwrap()).collect();
        assert_eq!(numbers, [1, 2, 3, 4]);
        assert_eq!(finding(&rooms.verify().await, CHAIN), "intact");
        rooms.store.close().await;
    })
    .await;
}

/// The same head and drafts give the same rows: the store links again when a transaction is performed again.
#[tokio::test(flavor = "multi_thread")]
async fn linking_is_pure() {
    harness::on_sqlite(async |ground| {
        let rooms = rooms(ground).await;
        let drafts: Vec<AuditRowDraft> =
            rooms.recorder.prepare(vec![rooms.draft(None, 1), rooms.draft(None, 2)]).await.unwrap();
        let link = || {
            store::Linker::link(&recorder::ChainLinker, &ChainKey::System, &store::ChainHead::default(), drafts.clone())
        };
        assert_eq!(link(), link());
        assert_eq!(link().0.iter().map(|row| row.hash).collect::<BTreeSet<_>>().len(), 2);
        rooms.store.close().await;
    })
    .await;
}

/// Requests of nobody are nobody's: they are not found under NodeLoom's own acts.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_not_the_system() {
    harness::on_sqlite(async |ground| {
        let rooms = rooms(ground).await;
        let system = AuditSubject { principal: Principal::System, address: None, session: None, user_agent: None };
        let nobody = AuditSubject { address: Some([192, 0, 2, 1].into()), ..system.clone() };
        let draft = |subject| {
            let mut draft = rooms.draft(None, 1);
            draft.subject = subject;
            draft
        };
        let rows = rooms.recorder.prepare(vec![draft(system), draft(nobody)]).await.unwrap();
        assert_ne!(rows[0].subject, rows[1].subject);
        rooms.store.close().await;
    })
    .await;
}
