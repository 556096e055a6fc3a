//! R229, R230: witnesses sign checkpoints, and what they signed travels with every export and proof; both verifiers say
//! which, and find out a line that a witness did not sign.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod support;

use std::path::Path;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::Environment;
use harness::{Ground, on_both, on_sqlite, permit_for};
use recorder::{CosignError, EntryNamed, ExportFormat, Report, Search, WitnessKey, verify_document, verify_witnessed};
use store::{ChainKey, Effects};
use support::{CHAIN, Rooms, checkpoint_finding, finding, scope, signing_key, verifier_key};

const HERE: Environment = Environment::Production;

async fn rooms(ground: &Ground) -> Rooms {
    Rooms::open(&ground.config, &ground.clock, &ground.folder.path().join("checkpoints.jsonl")).await
}
fn chain() -> ChainKey {
    ChainKey::Of(scope(HERE))
}
async fn export(rooms: &Rooms, format: ExportFormat, search: &Search) -> String {
    let mut out = Vec::new();
    let permits = (&permit_for(scope(HERE)), &permit_for(scope(HERE)));
    rooms.checkpoints.export_found(&rooms.recorder, permits, format, search, &mut out).await.unwrap();
    String::from_utf8(out).unwrap()
}
fn in_words(report: &Report) -> String {
    format!("{}, checkpoints {}", finding(report, CHAIN), checkpoint_finding(report))
}

struct Witness(Ed25519KeyPair, &'static str);

impl Witness {
    fn new(seed: u8, name: &'static str) -> Self {
        Self(Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap(), name)
    }
    fn tagged(&self) -> Vec<u8> {
        [&[4], self.0.public_key().as_ref()].concat()
    }
    fn id(&self) -> Vec<u8> {
        let named = [self.1.as_bytes(), b"\n", &self.tagged()].concat();
        aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &named).as_ref()[..4].to_vec()
    }
    fn key_text(&self) -> String {
        format!("{}+{}+{}", self.1, hex::encode(self.id()), STANDARD.encode(self.tagged()))
    }
    fn key(&self) -> WitnessKey {
        WitnessKey::parse(&self.key_text()).unwrap()
    }
    fn line(&self, note: &str) -> String {
        let text = &note[..=note.rfind("\n\n").unwrap()];
        let signed = self.0.sign(format!("cosignature/v1\ntime 1770000000\n{text}").as_bytes());
        let blob = [self.id(), 1_770_000_000_u64.to_be_bytes().to_vec(), signed.as_ref().to_vec()].concat();
        format!("\u{2014} {} {}", self.1, STANDARD.encode(blob))
    }
}

/// Signatures of witnesses are taken if they hold, travel with the checkpoint, and are verified by whoever has their key.
#[tokio::test(flavor = "multi_thread")]
async fn witnesses_sign_checkpoints() {
    on_both(async |ground| {
        let rooms = rooms(ground).await;
        rooms.record(Some(scope(HERE)), 1, 3).await;
        let first = rooms.checkpoints.issue().await.unwrap();
        let second = rooms.checkpoints.issue().await.unwrap();
        let (witness, stranger) = (Witness::new(21, "witness.example/one"), Witness::new(22, "witness.example/two"));
        let known = [witness.key()];
        let cosign =
            async |number, line: String| rooms.checkpoints.cosign(&known, number, &line, Effects::none()).await;
        cosign(1, witness.line(&first.note)).await.unwrap();
        assert!(matches!(cosign(2, witness.line(&first.note)).await, Err(CosignError::Signature)), "for another");
        assert!(matches!(cosign(2, stranger.line(&second.note)).await, Err(CosignError::UnknownWitness)));
        assert!(matches!(cosign(9, witness.line(&second.note)).await, Err(CosignError::NoSuchCheckpoint)));
        assert!(matches!(cosign(2, "nonsense".to_owned()).await, Err(CosignError::Form)));
        let two = format!("{}\n{}", witness.line(&second.note), stranger.line(&second.note));
        assert!(matches!(cosign(2, two).await, Err(CosignError::Form)), "one line at a time");
        let shown = rooms.checkpoints.shown(&chain(), Some(1)).await.unwrap().unwrap();
        assert_eq!(shown.cosignatures.len(), 1);
        assert_eq!(known[0].cosigned(&shown.note), Ok(Some(1_770_000_000)));
        let report = verify_witnessed(&rooms.store, verifier_key(), &known, None, None).await.unwrap();
        assert!(report.is_intact() && report.witnesses[0].newest == 1 && report.witnesses[0].signed == 1);
        let bundle = export(&rooms, ExportFormat::Bundle, &Search::default()).await;
        let report = verify_document(bundle.as_bytes(), Some(&verifier_key()), &known).unwrap();
        assert!(report.is_intact() && report.witnesses[0].signed == 1, "{}", report.render());
        assert_eq!(
            in_words(&verify_document(bundle.as_bytes(), Some(&verifier_key()), &[]).unwrap()),
            "intact, checkpoints intact",
            "passed over without its key"
        );
        rooms.store.close().await;
    })
    .await;
}

/// Exit code and what it said, and what it said of witnesses.
#[allow(clippy::disallowed_methods, reason = "the second verifier is a Python program, and this test runs it")]
fn python(folder: &Path, text: &str, witnesses: &[&Witness]) -> (i32, String, Vec<String>) {
    let file = folder.join("document");
    std::fs::write(&file, text).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/verify_audit.py");
    let mut run = std::process::Command::new("python3");
    run.arg(script).arg(&file).arg(signing_key(7).verifier_key());
    run.args(witnesses.iter().map(|witness| witness.key_text()));
    let run = run.output().unwrap();
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    let after = |start: &str| {
        let line = said.lines().find(|line| line.contains(start)).unwrap_or_default();
        line.split_once(": ").map_or_else(|| "absent".to_owned(), |(_, found)| found.to_owned())
    };
    let words = format!("{}, checkpoints {}", after(CHAIN), after(" checkpoints:"));
    let witnessed = said.lines().filter(|line| line.starts_with("witness ")).map(str::to_owned).collect();
    (run.status.code().unwrap(), words, witnessed)
}

/// What both verifiers say of a document and of what the witness signed of it.
fn both(folder: &Path, text: &str, witness: &Witness) -> String {
    let report = verify_document(text.as_bytes(), Some(&verifier_key()), &[witness.key()]).unwrap();
    let (code, said, witnessed) = python(folder, text, &[witness]);
    assert_eq!(said, in_words(&report), "in Python");
    assert_eq!(code, i32::from(!report.is_intact()));
    let told = report.render();
    let told: Vec<&str> = told.lines().filter(|line| line.starts_with("witness ")).collect();
    assert_eq!(witnessed, told);
    format!("{said}; {}", told.join("; "))
}

/// Every document that is handed out, with a witness's line under its checkpoint: as it is, and forged in four ways.
#[tokio::test(flavor = "multi_thread")]
async fn both_verifiers_judge_cosignatures_alike() {
    on_sqlite(async |ground| {
        let (rooms, folder) = (rooms(ground).await, ground.folder.path());
        let (witness, stranger) = (Witness::new(21, "witness.example/one"), Witness::new(22, "witness.example/two"));
        rooms.record(Some(scope(HERE)), 1, 5).await;
        let first = rooms.checkpoints.issue().await.unwrap();
        rooms.record(Some(scope(HERE)), 6, 5).await;
        let mut documents = Vec::new();
        for format in [ExportFormat::Bundle, ExportFormat::Jsonl, ExportFormat::Csv] {
            documents.push((format!("{format:?}"), export(&rooms, format, &Search::default()).await));
        }
        let newest = rooms.checkpoints.shown(&chain(), None).await.unwrap().unwrap();
        let named = EntryNamed::Sequence(3);
        let proof = rooms.checkpoints.prove(&rooms.recorder, &chain(), named).await.unwrap().unwrap();
        documents.push(("inclusion".to_owned(), serde_json::to_string(&proof).unwrap()));
        let proof =
            rooms.checkpoints.prove_consistency(&rooms.recorder, &chain(), 1, Some(newest.number)).await.unwrap();
        documents.push(("consistency".to_owned(), serde_json::to_string(&proof.unwrap()).unwrap()));
        for (name, text) in &documents {
            let unsigned = both(folder, text, &witness);
            assert!(unsigned.ends_with("signed none of the checkpoints here"), "{name}: {unsigned}");
            let notes = notes_of(text);
            // a proof of consistency shows the newer checkpoint first
            let note = if name == "consistency" { &notes[0] } else { notes.last().unwrap() };
            let with = |line: &str| text.replace(&escaped(note), &escaped(&format!("{note}{line}\n")));
            let number = note.lines().nth(1).unwrap();
            let good = both(folder, &with(&witness.line(note)), &witness);
            let expected = format!(
                "intact, checkpoints intact; witness {}: signed 1 checkpoints, the newest is {number}",
                witness.1
            );
            assert!(good.ends_with(&expected), "{name}: {good}");
            let other = both(folder, &with(&stranger.line(note)), &witness);
            assert!(other.contains("intact, checkpoints intact; ") && other.contains("signed none"), "{name}: {other}");
            let line = witness.line(note);
            let forged = [
                ("of another note", witness.line(&first.note.replace("at ", "at 1"))),
                ("the time changed", with_byte(&line, 7)),
                ("a byte changed", with_byte(&line, 30)),
                ("by another under its name", forged_name(&stranger, &witness, note)),
            ];
            for (how, line) in forged {
                let found = both(folder, &with(&line), &witness);
                assert!(found.contains(&format!("checkpoints bad_cosignature {number}")), "{name}, {how}: {found}");
            }
        }
        rooms.store.close().await;
    })
    .await;
}

/// The notes of a document, in order, as text.
fn notes_of(text: &str) -> Vec<String> {
    let unquoted = text.replace("\"\"", "\"");
    let parts = unquoted.split("\"note\":\"").skip(1);
    parts.map(|part| part.split('"').next().unwrap().replace("\\n", "\n")).collect()
}
fn escaped(note: &str) -> String {
    note.replace('\n', "\\n")
}
/// The line with one byte of its blob changed.
fn with_byte(line: &str, at: usize) -> String {
    let (start, blob) = line.rsplit_once(' ').unwrap();
    let mut blob = STANDARD.decode(blob).unwrap();
    blob[at] ^= 1;
    format!("{start} {}", STANDARD.encode(blob))
}
/// What `by` signed, over the name and id of `of`.
fn forged_name(by: &Witness, of: &Witness, note: &str) -> String {
    let line = by.line(note);
    let mut blob = STANDARD.decode(line.rsplit_once(' ').unwrap().1).unwrap();
    blob[..4].copy_from_slice(&of.id());
    format!("\u{2014} {} {}", of.1, STANDARD.encode(blob))
}
