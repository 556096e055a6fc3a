//! R108, R230, D10: purges and erasures, and whoever takes entries away and calls it one.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod support;

use std::time::Duration;

use authz::{Permit, act_as_system};
use harness::{on_both, permit_for, system, user};
use recorder::{Erased, ExportFormat, PurgeRefused, PurgeRules, Search};
use support::{
    CHAIN, finding,
    outside::{HERE, NO_MINIMUM, both, chain, consistency, export, found, in_words, proof, rooms, rust},
    scope, somebody,
};

/// R108, D10: whole sealed segments go; the rest verifies, is proven, and says what is gone.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_purged_is_gone_and_the_rest_verifies() {
    on_both(async |ground| {
        let (rooms, folder) = (rooms(ground).await, ground.folder.path());
        rooms.record(Some(scope(HERE)), 1, 300).await;
        rooms.checkpoints.issue().await.unwrap();
        rooms.record(Some(scope(HERE)), 301, 20).await;
        let middle = ground.clock.now() + Duration::from_millis(1);
        rooms.record(Some(scope(HERE)), 321, 20).await;
        rooms.checkpoints.issue().await.unwrap();
        let before_purge = proof(&rooms, 7).await.to_string();
        let too_young = PurgeRules { minimum: Duration::from_secs(365 * 86_400), waits: None };
        let purge = async |before, rules| {
            rooms.recorder.purge(&rooms.checkpoints, &chain(), before, somebody(1), None, rules).await
        };
        assert!(matches!(purge(middle, too_young).await, Err(PurgeRefused::TooYoung { days: 365, .. })));
        // 320 entries are old enough; the first checkpoint seals 300 of them
        let purged = purge(middle, NO_MINIMUM).await.unwrap();
        assert_eq!((purged.entries, purged.through, purged.checkpoint), (300, 300, 1));
        assert_eq!(purge(middle, NO_MINIMUM).await.unwrap().entries, 0, "and nothing the second time");
        let left = rooms.store.audit_range(system(), &chain(), i64::MIN, 1_000).await.unwrap();
        assert_eq!((left.len(), left[0].seq), (41, 301));
        assert!(found(&rooms, &Search { target: Some("wf_7".to_owned()), ..Search::default() }).await.is_empty());
        let report = rooms.verify().await;
        assert!(report.is_intact(), "{}", report.render());
        let told = report.chains.iter().find(|c| c.chain == CHAIN).unwrap().purged.unwrap();
        assert_eq!((told.through, told.told_by), (300, Some(341)));
        assert!(report.render().contains("entries 1 to 300 were purged, as entry 341 says"));
        // proofs of what is left, of what is gone, and from a checkpoint before the purge
        rooms.record(Some(scope(HERE)), 400, 300).await;
        assert_eq!(in_words(&rust(&proof(&rooms, 310).await.to_string()).unwrap()), "intact, checkpoints intact");
        assert_eq!(in_words(&rust(&before_purge).unwrap()), "intact, checkpoints intact");
        assert_eq!(
            in_words(&rust(&consistency(&rooms, 1, None).await.to_string()).unwrap()),
            "intact, checkpoints intact"
        );
        let bundle = export(&rooms, ExportFormat::Bundle, &Search::default()).await;
        assert_eq!(both(folder, &bundle), "intact, checkpoints intact");
        assert!(rooms.verify().await.is_intact());
        // a second purge goes on from the first
        ground.clock.advance(Duration::from_secs(10));
        rooms.checkpoints.issue().await.unwrap();
        let purged = purge(ground.clock.now(), NO_MINIMUM).await.unwrap();
        assert_eq!((purged.through, purged.entries), (641, 341));
        let report = rooms.verify().await;
        assert!(report.is_intact(), "{}", report.render());
        rooms.store.close().await;
    })
    .await;
}

/// A purge that a crash cut short is finished; until then what is left of it counts no more.
#[tokio::test(flavor = "multi_thread")]
async fn a_purge_that_was_cut_short_is_finished() {
    let trail = purged_trail().await;
    trail.sql(&format!("INSERT INTO audit_entries SELECT '{CHAIN}', 5, id, at, operation, target, result, request, intent, subject, entry, hash FROM audit_entries WHERE chain = '{CHAIN}' AND seq = 12")).await;
    let rooms = trail.open().await;
    assert!(rooms.verify().await.is_intact());
    rooms.recorder.finish_purges().await.unwrap();
    let left = rooms.store.audit_range(system(), &chain(), i64::MIN, 5).await.unwrap();
    assert_eq!(left[0].seq, 11);
    rooms.store.close().await;
}

async fn purged_trail() -> support::Trail {
    let trail = support::Trail::new().await;
    let rooms = trail.open().await;
    let eleventh = rooms.store.audit_range(system(), &chain(), 11, 1).await.unwrap();
    let (before, by) = (eleventh[0].at, somebody(1));
    let purged = rooms.recorder.purge(&rooms.checkpoints, &chain(), before, by, None, NO_MINIMUM).await.unwrap();
    assert_eq!(purged.through, 10);
    rooms.checkpoints.issue().await.unwrap();
    rooms.store.close().await;
    trail
}

/// R230: whoever takes entries away and calls it a purge is found out, and so is whoever changes what a purge left.
#[tokio::test(flavor = "multi_thread")]
async fn tampered_purges_are_found_out() {
    let trail = purged_trail().await;
    let cases = [
        ("nothing", "SELECT 1", "intact"),
        ("the anchor deleted", "DELETE FROM audit_anchors", "deleted 1"),
        ("the anchor moved on", "UPDATE audit_anchors SET seq = 12", "head_altered 1..12"),
        ("the anchor moved back", "UPDATE audit_anchors SET seq = 9", "head_altered 1..9"),
        ("the anchor's hash", "UPDATE audit_anchors SET hash = randomblob(32)", "head_altered 1..10"),
        ("the anchor's hash cut", "UPDATE audit_anchors SET hash = X'00'", "head_altered 1"),
        ("the anchor's tree", "UPDATE audit_anchors SET tree = randomblob(length(tree))", "head_altered 1..10"),
        ("the anchor's tree emptied", "UPDATE audit_anchors SET tree = X''", "head_altered 1..10"),
        ("one more entry taken", "DELETE FROM audit_entries WHERE chain = '{c}' AND seq = 11", "deleted 11"),
        ("the entry that tells taken", "DELETE FROM audit_entries WHERE chain = '{c}' AND seq = 31", "truncated 31"),
        (
            "the entry that tells edited",
            "UPDATE audit_entries SET operation = 'x' WHERE chain = '{c}' AND seq = 31",
            "edited 31",
        ),
        ("an entry left edited", "UPDATE audit_entries SET target = 'x' WHERE chain = '{c}' AND seq = 15", "edited 15"),
    ];
    for (name, statement, expected) in cases {
        let copy = trail.copy();
        copy.sql(&statement.replace("{c}", CHAIN)).await;
        assert_eq!(finding(&copy.verify().await, CHAIN), expected, "{name}");
    }
    // a beginning that is gone, with an anchor that fits a checkpoint and no entry that tells
    let trail = support::Trail::new().await;
    let rooms = trail.open().await;
    let entries = rooms.store.audit_range(act_as_system("a test"), &chain(), 1, 10).await.unwrap();
    rooms.store.close().await;
    let mut tree = chain::tree::CompactRange::default();
    entries.iter().for_each(|entry| tree.push(entry.hash));
    let (hash, tree) = (hex::encode(entries[9].hash), hex::encode(tree.state()));
    trail
        .sql(&format!(
            "DELETE FROM audit_entries WHERE chain = '{CHAIN}' AND seq <= 10;
             INSERT INTO audit_anchors VALUES ('{CHAIN}', 10, X'{hash}', X'{tree}', 1, 0)"
        ))
        .await;
    assert_eq!(finding(&trail.verify().await, CHAIN), "deleted 1..10");
}

/// What does not fit its checkpoint is not purged: that would take away the evidence.
#[tokio::test(flavor = "multi_thread")]
async fn a_tampered_segment_is_not_purged() {
    let trail = support::Trail::new().await;
    let mut forge = trail.forge(CHAIN).await;
    forge.edit(5, |entry| entry.operation = "nothing.happened".to_owned());
    forge.relink();
    forge.write(&trail, true).await;
    let rooms = trail.open().await;
    let refused =
        rooms.recorder.purge(&rooms.checkpoints, &chain(), rooms.clock.now(), somebody(1), None, NO_MINIMUM).await;
    assert!(matches!(refused, Err(PurgeRefused::NotIntact { through: 20, checkpoint: 2 })), "{refused:?}");
    assert_eq!(rooms.store.audit_range(system(), &chain(), 1, 100).await.unwrap().len(), 30);
    rooms.store.close().await;
}

/// An erased person is found by nothing that is personal any more, and one team cannot take from another's trail.
#[tokio::test(flavor = "multi_thread")]
async fn an_erased_person_is_found_by_no_address() {
    on_both(async |ground| {
        let rooms = rooms(ground).await;
        rooms.record(Some(scope(HERE)), 1, 9).await;
        let by_address = Search { address: Some("192.0.2.7".parse().unwrap()), ..Search::default() };
        assert_eq!(found(&rooms, &by_address).await.len(), 9);
        let permit: Permit<authz::action::PurgeData> = permit_for(scope(HERE));
        assert_eq!(rooms.recorder.erase_for(&permit, user(1), somebody(2)).await.unwrap(), Erased::Done);
        assert_eq!(found(&rooms, &by_address).await.len(), 6);
        assert_eq!(rooms.recorder.erase_for(&permit, user(1), somebody(2)).await.unwrap(), Erased::WasNotThere);
        let mut elsewhere = rooms.draft(Some(harness::scope(2)), 1);
        elsewhere.subject = somebody(2);
        rooms.recorder.record(vec![elsewhere]).await.unwrap();
        assert_eq!(rooms.recorder.erase_for(&permit, user(2), somebody(0)).await.unwrap(), Erased::ElsewhereToo);
        assert!(rooms.verify().await.is_intact());
        rooms.store.close().await;
    })
    .await;
}
