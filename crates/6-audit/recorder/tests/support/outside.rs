//! What an outsider does with proofs and exports: both verifiers, and the words that they find.

use std::{io::Write, path::Path, time::Duration};

use domain::Environment;
use harness::{Ground, permit_for};
use recorder::{EntryNamed, ExportFormat, PurgeRules, Report, Search, verify_document};
use serde_json::Value;
use store::{ChainKey, PageRequest};

use super::{CHAIN, Rooms, checkpoint_finding, finding, scope, signing_key, verifier_key};

pub const HERE: Environment = Environment::Production;
pub const NO_MINIMUM: PurgeRules = PurgeRules { minimum: Duration::ZERO, waits: None };

pub async fn rooms(ground: &Ground) -> Rooms {
    Rooms::open(&ground.config, &ground.clock, &ground.folder.path().join("checkpoints.jsonl")).await
}
pub fn chain() -> ChainKey {
    ChainKey::Of(scope(HERE))
}
pub fn rust(text: &str) -> Result<Report, recorder::BundleError> {
    verify_document(text.as_bytes(), Some(&verifier_key()), &[])
}
pub fn in_words(report: &Report) -> String {
    format!("{}, checkpoints {}", finding(report, CHAIN), checkpoint_finding(report))
}
#[allow(clippy::disallowed_methods, reason = "the second verifier is a Python program, and this test runs it")]
pub fn python(folder: &Path, text: &str) -> (i32, String) {
    let file = folder.join("document");
    std::fs::File::create(&file).unwrap().write_all(text.as_bytes()).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/verify_audit.py");
    let run = std::process::Command::new("python3")
        .arg(script)
        .arg(&file)
        .arg(signing_key(7).verifier_key())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    let after = |start: &str| {
        let line = said.lines().find(|line| line.contains(start)).unwrap_or_default();
        line.split_once(": ").map_or_else(|| "absent".to_owned(), |(_, found)| found.to_owned())
    };
    (run.status.code().unwrap(), format!("{}, checkpoints {}", after(CHAIN), after(" checkpoints")))
}
/// Both verifiers say the same; answers what.
pub fn both(folder: &Path, text: &str) -> String {
    let report = rust(text).unwrap();
    let (code, said) = python(folder, text);
    assert_eq!(said, in_words(&report), "in Python");
    assert_eq!(code, i32::from(!report.is_intact()));
    in_words(&report)
}
pub async fn export(rooms: &Rooms, format: ExportFormat, search: &Search) -> String {
    let mut out = Vec::new();
    let permits = (&permit_for(scope(HERE)), &permit_for(scope(HERE)));
    rooms.checkpoints.export_found(&rooms.recorder, permits, format, search, &mut out).await.unwrap();
    String::from_utf8(out).unwrap()
}
pub async fn found(rooms: &Rooms, search: &Search) -> Vec<u64> {
    let permit = permit_for(scope(HERE));
    let page = rooms.recorder.entries(&permit, search, &PageRequest::first(200)).await.unwrap();
    page.items.iter().map(|entry| entry.sequence).collect()
}
pub async fn proof(rooms: &Rooms, sequence: u64) -> Value {
    let proof = rooms.checkpoints.prove(&rooms.recorder, &chain(), EntryNamed::Sequence(sequence)).await.unwrap();
    serde_json::to_value(proof.unwrap()).unwrap()
}
pub async fn consistency(rooms: &Rooms, from: u64, to: Option<u64>) -> Value {
    let proof = rooms.checkpoints.prove_consistency(&rooms.recorder, &chain(), from, to).await.unwrap();
    serde_json::to_value(proof.unwrap()).unwrap()
}
