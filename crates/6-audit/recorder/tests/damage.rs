//! R230: what a bad disk does to the trail is named, and is not called intact.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod support;

use std::{
    io::{Read, Seek, SeekFrom, Write},
    path::Path,
};

use domain::Environment;
use recorder::{Report, VerifyError, verify_online};
use store::{Location, StoreConfig};
use support::{Rooms, scope, verifier_key};

const CHILD: &str = "NODELOOM_TEST_FULL_DISK";

/// The child of the test below: records until the disk is full, tells how many entries were acknowledged.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by a_full_disk_in_the_middle_of_a_batch"]
#[allow(clippy::disallowed_methods, reason = "told by its parent where the database is")]
async fn full_disk_child() {
    let folder = std::env::var(CHILD).unwrap();
    let mut config = StoreConfig::at(Location::Sqlite(Path::new(&folder).join("test.db")));
    config.retry_window = std::time::Duration::from_millis(200);
    let rooms = Rooms::open(&config, &harness::TestClock::default(), &Path::new(&folder).join("c.jsonl")).await;
    let mut stored = 0;
    for n in 0..200 {
        let drafts = (0..50).map(|m| rooms.draft(Some(scope(Environment::Production)), n * 50 + m)).collect();
        match rooms.recorder.record(drafts).await {
            Ok(()) => stored += 50,
            Err(error) => {
                println!("acknowledged {stored}, then: {error}");
                return;
            }
        }
    }
    println!("never full");
}

/// Nothing of the batch that did not fit is there, all that was acknowledged is, and the trail goes on.
#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::disallowed_methods, reason = "a limit on files is a process's own, so the test needs one")]
async fn a_full_disk_in_the_middle_of_a_batch() {
    let ground = harness::sqlite_database().await;
    ground.store.close().await;
    let binary = std::env::current_exe().unwrap();
    // files may grow to 2,000 blocks of 512 bytes or 1,024, whichever this shell counts in
    let script = "trap '' XFSZ; ulimit -f 2000; exec \"$0\" --ignored --exact full_disk_child --nocapture";
    let run = std::process::Command::new("bash")
        .args(["-c", script])
        .arg(binary)
        .env(CHILD, ground.folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr);
    let line = said.lines().find(|line| line.contains("acknowledged ")).unwrap_or_else(|| panic!("{said}"));
    assert!(line.contains("then: the audit trail is not available"), "{said}");
    let acknowledged: u64 = line.split("acknowledged ").nth(1).unwrap().split(',').next().unwrap().parse().unwrap();
    let rooms = Rooms::open(&ground.config, &ground.clock, &ground.folder.path().join("c.jsonl")).await;
    let report = rooms.verify().await;
    assert!(report.is_intact(), "{}", report.render());
    let size = report.chains.iter().map(|chain| chain.size).max().unwrap_or(0);
    assert_eq!(size, acknowledged, "{said}");
    rooms.record(Some(scope(Environment::Production)), 50_000, 10).await;
    assert!(rooms.verify().await.is_intact());
    rooms.store.close().await;
}

/// A page of the database that no longer holds what was written there.
#[tokio::test(flavor = "multi_thread")]
async fn a_corrupted_page_is_named() {
    let ground = harness::sqlite_database().await;
    ground.store.close().await;
    let rooms = Rooms::open(&ground.config, &ground.clock, &ground.folder.path().join("c.jsonl")).await;
    rooms.record(Some(scope(Environment::Production)), 1, 400).await;
    rooms.checkpoints.issue().await.unwrap();
    rooms.store.close().await;
    let database = ground.folder.path().join("test.db");
    let needle = b"workflow.publish";
    let pages = pages_with(&database, needle);
    assert!(pages.len() > 10, "{}", pages.len());
    for (page, kind) in [(pages[3], "zeroes"), (pages[pages.len() / 2], "noise"), (pages[5], "a flipped bit")] {
        let copy = ground.folder.path().join("copy.db");
        std::fs::copy(&database, &copy).unwrap();
        corrupt(&copy, page, kind, needle);
        let config = StoreConfig::at(Location::Sqlite(copy.clone()));
        let opened = Rooms::open(&config, &ground.clock, &ground.folder.path().join("c2.jsonl")).await;
        match verify_online(&opened.store, verifier_key(), None).await {
            Ok(report) => assert!(!report.is_intact(), "{kind}: {}", report.render()),
            // the database itself says that it is damaged
            Err(VerifyError::Store(error)) => assert!(!error.is_unavailable(), "{kind}: {error}"),
            Err(error) => panic!("{kind}: {error}"),
        }
        opened.store.close().await;
    }
    let report: Report = {
        let opened = Rooms::open(&ground.config, &ground.clock, &ground.folder.path().join("c3.jsonl")).await;
        let report = opened.verify().await;
        opened.store.close().await;
        report
    };
    assert!(report.is_intact());
}

const PAGE: usize = 4096;

fn pages_with(database: &Path, needle: &[u8]) -> Vec<usize> {
    let bytes = std::fs::read(database).unwrap();
    let pages = bytes.chunks(PAGE).enumerate();
    let full = pages.filter(|(_, page)| page.windows(needle.len()).filter(|window| *window == needle).count() > 2);
    full.map(|(number, _)| number).collect()
}

fn corrupt(database: &Path, page: usize, kind: &str, needle: &[u8]) {
    let mut file = std::fs::OpenOptions::new().read(true).write(true).open(database).unwrap();
    let mut bytes = vec![0; PAGE];
    file.seek(SeekFrom::Start((page * PAGE) as u64)).unwrap();
    file.read_exact(&mut bytes).unwrap();
    match kind {
        "zeroes" => bytes.fill(0),
        "noise" => bytes.iter_mut().enumerate().skip(8).for_each(|(n, byte)| *byte = (n * 31 % 251) as u8),
        _ => {
            let at = bytes.windows(needle.len()).position(|window| window == needle).unwrap();
            bytes[at] ^= 1;
        }
    }
    file.seek(SeekFrom::Start((page * PAGE) as u64)).unwrap();
    file.write_all(&bytes).unwrap();
}
