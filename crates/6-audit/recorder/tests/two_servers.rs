//! R108, R229: two servers on one database, one of which purges what the other remembers as the end of the chain.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod support;

use std::time::Duration;

use domain::Environment;
use harness::on_both;
use recorder::PurgeRules;
use store::ChainKey;
use support::{CHAIN, Rooms, finding, scope, somebody};

/// Whoever remembers a head that is gone, with nothing where the next entry would stand, appends to the real end.
#[tokio::test(flavor = "multi_thread")]
async fn a_remembered_head_that_was_purged_is_not_continued() {
    on_both(async |ground| {
        ground.store.close().await;
        let file = ground.folder.path().join("checkpoints.jsonl");
        let first = Rooms::open(&ground.config, &ground.clock, &file).await;
        let second = Rooms::open(&ground.config, &ground.clock, &file).await;
        let here = scope(Environment::Production);
        for round in 0..3 {
            first.record(Some(here), round * 100 + 1, 10).await;
            second.record(Some(here), round * 100 + 11, 10).await;
            second.checkpoints.issue().await.unwrap();
            second.clock.advance(Duration::from_secs(1));
            let rules = PurgeRules { minimum: Duration::ZERO, waits: None };
            let (chain, now) = (ChainKey::Of(here), second.clock.now());
            let purged =
                second.recorder.purge(&second.checkpoints, &chain, now, somebody(1), None, rules).await.unwrap();
            assert!(purged.entries >= 20, "{purged:?}");
            // the first remembers the entry before those of the second, all of which are gone by now
            first.record(Some(here), round * 100 + 21, 5).await;
            let report = first.verify().await;
            assert_eq!(finding(&report, CHAIN), "intact", "{}", report.render());
        }
        first.store.close().await;
        second.store.close().await;
    })
    .await;
}

/// Both at once, one entry at a time, each of which must notice what the other did: one chain, every entry once.
#[tokio::test(flavor = "multi_thread")]
async fn two_servers_append_at_once() {
    on_both(async |ground| {
        ground.store.close().await;
        let file = ground.folder.path().join("checkpoints.jsonl");
        let rooms = [
            Rooms::open(&ground.config, &ground.clock, &file).await,
            Rooms::open(&ground.config, &ground.clock, &file).await,
        ];
        let here = scope(Environment::Production);
        let write = async |room: &Rooms, from: u64| {
            for n in 0..100 {
                room.record(Some(here), from + n, 1).await;
            }
        };
        tokio::join!(write(&rooms[0], 1), write(&rooms[1], 1_001));
        let report = rooms[0].verify().await;
        assert_eq!(finding(&report, CHAIN), "intact", "{}", report.render());
        assert_eq!(report.chains[0].entries, 200);
        for room in rooms {
            room.store.close().await;
        }
    })
    .await;
}
