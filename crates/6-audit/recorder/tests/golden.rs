//! What was written once verifies for ever: tests/fixtures/formats holds an entry and a bundle of version 1.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod support;

use std::path::PathBuf;

use chain::verify::decode;
use recorder::verify_bundle;
use support::verifier_key;

fn fixture(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "../../../tests/fixtures/formats", name].iter().collect()
}

/// The bytes of an entry, spelt field by field; the writer still writes exactly these.
#[test]
fn an_entry_of_version_1_reads_and_is_written_as_then() {
    let hex_text = std::fs::read_to_string(fixture("audit-entry-v1.hex")).unwrap();
    let bytes = hex::decode(hex_text.split_whitespace().collect::<String>()).unwrap();
    let entry = decode(&bytes).unwrap();
    assert_eq!(format!("{entry:#?}\n"), std::fs::read_to_string(fixture("audit-entry-v1.txt")).unwrap());
    assert_eq!(support::encode(&entry), bytes);
}

/// A whole bundle: 30 entries, 3 checkpoints.
#[test]
fn a_bundle_of_version_1_still_verifies() {
    let bundle = std::fs::read(fixture("audit-bundle-v1.jsonl")).unwrap();
    let report = verify_bundle(bundle.as_slice(), Some(&verifier_key())).unwrap();
    assert!(report.is_intact(), "{}", report.render());
    assert_eq!((report.chains[0].entries, report.checkpoints), (30, 3));
}

/// Writes the fixtures. Run by hand when a new version of the format is added, never to make a failing test pass.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "writes the fixtures"]
async fn write_the_fixtures() {
    let trail = support::Trail::new().await;
    let rooms = trail.open().await;
    let mut out = Vec::new();
    let permit = harness::permit_for(support::scope(domain::Environment::Production));
    recorder::export(&rooms.store, &rooms.checkpoints, &permit, &mut out).await.unwrap();
    rooms.store.close().await;
    std::fs::write(fixture("audit-bundle-v1.jsonl"), &out).unwrap();
    let entry = trail.forge(support::CHAIN).await.entries[1].0.clone();
    let text = hex::encode(support::encode(&entry));
    let lines: Vec<_> = text.as_bytes().chunks(96).map(|line| std::str::from_utf8(line).unwrap()).collect();
    std::fs::write(fixture("audit-entry-v1.hex"), lines.join("\n") + "\n").unwrap();
    std::fs::write(fixture("audit-entry-v1.txt"), format!("{entry:#?}\n")).unwrap();
}
