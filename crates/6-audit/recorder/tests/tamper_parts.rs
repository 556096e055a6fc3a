//! R230: a long chain is read by parts, several at a time and without copying; what is wrong with it is found and named
//! as exactly as in a short one.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod support;

use domain::Environment;
use recorder::verify_online;
use store::{Location, StoreConfig};
use support::{CHAIN, Rooms, finding, scope, sql, verifier_key};

/// More than two parts and a bit.
const ENTRIES: u64 = 2 * 4_096 + 300;

const CASES: &[(&str, &str, &str)] = &[
    ("nothing", "SELECT 1", "intact"),
    ("a column of the first part", "UPDATE audit_entries SET target = 'x' WHERE seq = 77", "edited 77"),
    ("a column of the second part", "UPDATE audit_entries SET at = at + 1 WHERE seq = 5000", "edited 5000"),
    ("the last of a part", "UPDATE audit_entries SET operation = 'x' WHERE seq = 4096", "edited 4096"),
    ("the first of a part", "UPDATE audit_entries SET result = 'failed' WHERE seq = 4097", "edited 4097"),
    ("a pseudonym", "UPDATE audit_entries SET subject = randomblob(32) WHERE seq = 5000", "edited 5000"),
    ("a pseudonym too short", "UPDATE audit_entries SET subject = X'00' WHERE seq = 5000", "malformed 5000"),
    ("a hash", "UPDATE audit_entries SET hash = randomblob(32) WHERE seq = 5000", "edited 5000"),
    ("an id that is none", "UPDATE audit_entries SET id = X'00' WHERE seq = 5000", "malformed 5000"),
    ("no such result", "UPDATE audit_entries SET result = 'fine' WHERE seq = 300", "malformed 300"),
    ("a text that is none", "UPDATE audit_entries SET target = CAST(X'FF' AS TEXT) WHERE seq = 5000", "malformed 5000"),
    ("a record cut", "UPDATE audit_entries SET entry = substr(entry, 1, 100) WHERE seq = 5000", "malformed 5000"),
    (
        "a detail prolonged",
        "UPDATE audit_entries SET entry = CAST(entry || X'20' AS BLOB) WHERE seq = 5000",
        "edited 5000",
    ),
    ("one deleted", "DELETE FROM audit_entries WHERE seq = 5000", "deleted 5000"),
    ("a whole part deleted", "DELETE FROM audit_entries WHERE seq BETWEEN 4097 AND 8192", "deleted 4097"),
    ("the tail deleted", "DELETE FROM audit_entries WHERE seq > 6000", "truncated 6001"),
    (
        "two swapped across parts",
        "UPDATE audit_entries SET seq = -1 WHERE seq = 4096; UPDATE audit_entries SET seq = 4096 WHERE seq = 4097; \
         UPDATE audit_entries SET seq = 4097 WHERE seq = -1",
        "reordered 4096",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn tampering_in_a_long_chain_is_named() {
    let ground = harness::sqlite_database().await;
    ground.store.close().await;
    let rooms = Rooms::open(&ground.config, &ground.clock, &ground.folder.path().join("c.jsonl")).await;
    for from in (0..ENTRIES).step_by(1_000) {
        let count = (ENTRIES - from).min(1_000);
        rooms.record(Some(scope(Environment::Production)), from + 1, count).await;
    }
    rooms.checkpoints.issue().await.unwrap();
    rooms.store.close().await;
    let (database, copy) = (ground.folder.path().join("test.db"), ground.folder.path().join("copy.db"));
    let mut wrong = Vec::new();
    for (name, statement, expected) in CASES {
        std::fs::copy(&database, &copy).unwrap();
        sql(&copy, statement).await;
        let config = StoreConfig::at(Location::Sqlite(copy.clone()));
        let opened = Rooms::open(&config, &ground.clock, &ground.folder.path().join("c2.jsonl")).await;
        let report = verify_online(&opened.store, verifier_key(), None).await.unwrap();
        opened.store.close().await;
        let found = finding(&report, CHAIN);
        if found != *expected {
            wrong.push(format!("{name}: found {found:?}, expected {expected:?}"));
        }
        for rest in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(ground.folder.path().join(format!("copy.db{rest}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The same entries on PostgreSQL, whose rows are shown in place too.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_chain_verifies_on_both_databases() {
    harness::on_both(async |ground| {
        ground.store.close().await;
        let rooms = Rooms::open(&ground.config, &ground.clock, &ground.folder.path().join("c.jsonl")).await;
        for from in (0..5_000).step_by(1_000) {
            rooms.record(Some(scope(Environment::Production)), from + 1, 1_000).await;
        }
        rooms.checkpoints.issue().await.unwrap();
        let report = rooms.verify().await;
        assert!(report.is_intact(), "{}", report.render());
        assert_eq!(report.chains.iter().map(|chain| chain.entries).max(), Some(5_000));
        rooms.store.close().await;
    })
    .await;
}
