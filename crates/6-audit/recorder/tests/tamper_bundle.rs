//! R230, R231: a bundle that was tampered with is found out, by this verifier and by the one in Python, alike.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod support;

use std::{io::Write, path::Path};

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::Environment;
use recorder::{Report, export, verify_bundle};
use serde_json::{Value, json};
use support::{CHAIN, Rooms, Trail, checkpoint_finding, finding, scope, signing_key, verifier_key};

async fn bundle(rooms: &Rooms) -> Vec<Value> {
    let mut out = Vec::new();
    let permit = harness::permit_for(scope(Environment::Production));
    export(&rooms.store, &rooms.checkpoints, &permit, &mut out).await.unwrap();
    out.split(|byte| *byte == b'\n').filter(|l| !l.is_empty()).map(|l| serde_json::from_slice(l).unwrap()).collect()
}
fn text(lines: &[Value]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}
fn rust(lines: &str) -> Result<Report, recorder::BundleError> {
    verify_bundle(lines.as_bytes(), Some(&verifier_key()))
}
fn in_words(report: &Report) -> String {
    format!("{}, checkpoints {}", finding(report, CHAIN), checkpoint_finding(report))
}

/// Exit code and what it said, in the words of [`in_words`].
#[allow(clippy::disallowed_methods, reason = "the second verifier is a Python program, and this test runs it")]
fn python(folder: &Path, lines: &str) -> (i32, String) {
    let file = folder.join("bundle.jsonl");
    std::fs::File::create(&file).unwrap().write_all(lines.as_bytes()).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/verify_audit.py");
    let key = signing_key(7).verifier_key();
    let run = std::process::Command::new("python3").arg(script).arg(&file).arg(key).output().unwrap();
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    let after = |start: &str| {
        let line = said.lines().find(|line| line.contains(start)).unwrap_or_default();
        line.split_once(": ").map(|(_, found)| found.to_owned()).unwrap_or_default()
    };
    (run.status.code().unwrap(), format!("{}, checkpoints {}", after(CHAIN), after(" checkpoints")))
}

fn nth(lines: &[Value], kind: &str, n: usize) -> usize {
    let found = lines.iter().enumerate().filter(|(_, line)| line.get(kind).is_some());
    found.map(|(index, _)| index).nth(n - 1).unwrap()
}

type Tampering = (&'static str, fn(&mut Vec<Value>), &'static str);

const CASES: &[Tampering] = &[
    ("nothing", |_| {}, "intact, checkpoints intact"),
    ("an entry's bytes", |b| flip(b, 5, "cbor"), "edited 5, checkpoints intact"),
    ("an entry's salt", |b| flip(b, 5, "salt"), "edited 5, checkpoints intact"),
    ("a detail", |b| entry(b, 5)["detail"] = json!("{}"), "edited 5, checkpoints intact"),
    ("an entry emptied", |b| entry(b, 5)["cbor"] = json!(""), "malformed 5, checkpoints intact"),
    ("the last entry", |b| flip(b, 30, "cbor"), "recomputed 21..30, checkpoints intact"),
    ("one left out", |b| drop(b.remove(nth(b, "entry", 5))), "deleted 5, checkpoints intact"),
    ("the first left out", |b| drop(b.remove(nth(b, "entry", 1))), "deleted 1, checkpoints intact"),
    ("the last left out", |b| drop(b.remove(nth(b, "entry", 30))), "truncated 30, checkpoints intact"),
    ("two swapped", |b| swap(b, "entry", 5, 6), "reordered 5, checkpoints intact"),
    ("one twice", |b| b.insert(nth(b, "entry", 6), b[nth(b, "entry", 5)].clone()), "inserted 6, checkpoints intact"),
    (
        "one again at the end",
        |b| b.insert(nth(b, "end", 1), b[nth(b, "entry", 5)].clone()),
        "inserted 31, checkpoints intact",
    ),
    ("the end cut off", |b| drop(b.pop()), "truncated 31, checkpoints intact"),
    ("the tail and the end cut off", |b| b.truncate(nth(b, "entry", 25)), "truncated 25, checkpoints intact"),
    ("all after the checkpoints cut off", |b| b.truncate(nth(b, "chain", 1)), "truncated 1, checkpoints intact"),
    (
        "a chain that ends sooner",
        |b| {
            b.drain(nth(b, "entry", 15)..nth(b, "end", 1));
            end(b)["size"] = json!(14);
        },
        "truncated 15, checkpoints intact",
    ),
    ("the end's hash", |b| end(b)["hash"] = json!(STANDARD.encode([9; 32])), "edited 30, checkpoints intact"),
    (
        "begun later, by itself",
        |b| {
            b.drain(nth(b, "entry", 1)..nth(b, "entry", 6));
            begin(b)["size"] = json!(5);
            begin(b)["peaks"] = json!([STANDARD.encode([1; 32]), STANDARD.encode([2; 32])]);
        },
        "head_altered 1..5, checkpoints intact",
    ),
    ("a checkpoint left out", |b| drop(b.remove(nth(b, "checkpoint", 1))), "intact, checkpoints missing 1"),
    ("two checkpoints swapped", |b| swap(b, "checkpoint", 1, 2), "intact, checkpoints missing 1"),
    (
        "a note's time",
        |b| {
            let note = checkpoint(b, 2)["note"].as_str().unwrap().replace("at 2026", "at 2025");
            checkpoint(b, 2)["note"] = json!(note);
        },
        "intact, checkpoints bad_signature 2",
    ),
    (
        "a head's line",
        |b| {
            let line = checkpoint(b, 2)["heads"][0]["line"].as_str().unwrap().replace(" 20 ", " 19 ");
            checkpoint(b, 2)["heads"][0]["line"] = json!(line);
        },
        "intact, checkpoints heads_altered 2",
    ),
    ("a head's index", |b| checkpoint(b, 2)["heads"][0]["index"] = json!(0), "intact, checkpoints heads_altered 2"),
    ("a head's proof", |b| checkpoint(b, 2)["heads"][0]["proof"] = json!([]), "intact, checkpoints heads_altered 2"),
    (
        "a checkpoint of another signer",
        |b| {
            let other = support::signing_key(8).sign("nodeloom.test/audit\n1\nAAAA\nat 0\nheads 0 AAAA\n");
            checkpoint(b, 1)["note"] = json!(other);
        },
        "intact, checkpoints bad_signature 1",
    ),
];

fn entry(b: &mut [Value], n: usize) -> &mut Value {
    let at = nth(b, "entry", n);
    &mut b[at]["entry"]
}
fn checkpoint(b: &mut [Value], n: usize) -> &mut Value {
    let at = nth(b, "checkpoint", n);
    &mut b[at]["checkpoint"]
}
fn end(b: &mut [Value]) -> &mut Value {
    let at = nth(b, "end", 1);
    &mut b[at]["end"]
}
fn begin(b: &mut [Value]) -> &mut Value {
    let at = nth(b, "chain", 1);
    &mut b[at]["chain"]
}
fn swap(b: &mut [Value], kind: &str, one: usize, other: usize) {
    let (one, other) = (nth(b, kind, one), nth(b, kind, other));
    b.swap(one, other);
}
/// Flips a bit in the middle.
fn flip(b: &mut [Value], n: usize, field: &str) {
    let line = entry(b, n);
    let mut bytes = STANDARD.decode(line[field].as_str().unwrap()).unwrap();
    let middle = bytes.len() * 3 / 4;
    bytes[middle] ^= 1;
    line[field] = json!(STANDARD.encode(bytes));
}

#[tokio::test(flavor = "multi_thread")]
async fn both_verifiers_find_the_same() {
    let trail = Trail::new().await;
    let rooms = trail.open().await;
    let good = bundle(&rooms).await;
    rooms.store.close().await;
    for (name, tamper, expected) in CASES {
        let mut lines = good.clone();
        tamper(&mut lines);
        let lines = text(&lines);
        let report = rust(&lines).unwrap();
        assert_eq!(in_words(&report), *expected, "{name}");
        let (code, said) = python(trail.folder.path(), &lines);
        assert_eq!(said, *expected, "{name}, in Python");
        assert_eq!(code, i32::from(!report.is_intact()), "{name}");
    }
}

/// R108, D10: without the purged entries, the rest still verifies from the head that a checkpoint vouches for.
#[tokio::test(flavor = "multi_thread")]
async fn a_chain_whose_beginning_was_purged_still_verifies() {
    let trail = Trail::new().await;
    let rooms = trail.open().await;
    let mut lines = bundle(&rooms).await;
    rooms.store.close().await;
    let mut tree = chain::tree::CompactRange::default();
    let mut last = [0; 32];
    for n in 1..=10 {
        last = chain::entry::hash(&STANDARD.decode(entry(&mut lines, n)["cbor"].as_str().unwrap()).unwrap());
        tree.push(last);
    }
    let peaks: Vec<String> = tree.state().chunks(32).map(|peak| STANDARD.encode(peak)).collect();
    lines.drain(nth(&lines, "entry", 1)..nth(&lines, "entry", 11));
    *begin(&mut lines) = json!({"name": CHAIN, "size": 10, "hash": STANDARD.encode(last), "peaks": peaks});
    let both = |lines: &[Value]| {
        let report = rust(&text(lines)).unwrap();
        assert_eq!(python(trail.folder.path(), &text(lines)).1, in_words(&report));
        in_words(&report)
    };
    assert_eq!(both(&lines), "intact, checkpoints intact");
    // one entry later there is no checkpoint, so nobody vouches for the beginning
    let hash = chain::entry::hash(&STANDARD.decode(entry(&mut lines, 1)["cbor"].as_str().unwrap()).unwrap());
    tree.push(hash);
    let peaks: Vec<String> = tree.state().chunks(32).map(|peak| STANDARD.encode(peak)).collect();
    lines.remove(nth(&lines, "entry", 1));
    *begin(&mut lines) = json!({"name": CHAIN, "size": 11, "hash": STANDARD.encode(hash), "peaks": peaks});
    assert_eq!(both(&lines), "head_altered 1..11, checkpoints intact");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_bundle_is_refused_and_not_called_intact() {
    let trail = Trail::new().await;
    let rooms = trail.open().await;
    let good = text(&bundle(&rooms).await);
    rooms.store.close().await;
    for bad in ["", "{}\n", "hello\n", "{\"entry\":{\"cbor\":\"\",\"detail\":\"\",\"salt\":\"\"}}\n"] {
        assert!(rust(bad).is_err(), "{bad:?}");
        assert_eq!(python(trail.folder.path(), bad).0, 2, "{bad:?}");
    }
    let other = recorder::VerifierKey::parse(&signing_key(8).verifier_key()).unwrap();
    assert!(verify_bundle(good.as_bytes(), Some(&other)).is_err());
    assert!(!verify_bundle(good.as_bytes(), None).unwrap().key_was_given);
}

/// D9: an export of one team tells nothing of another's chains.
#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_names_no_other_chain() {
    let trail = Trail::new().await;
    let rooms = trail.open().await;
    let text = text(&bundle(&rooms).await);
    rooms.store.close().await;
    assert!(text.contains(CHAIN) && !text.contains("development") && !text.contains("\"system"));
}
