//! Checkpoints: signed, numbered, continued, and covering every head.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use chain::{
    checkpoint::{Head, Log},
    note::SigningKey,
    verify::{CheckpointFault, CheckpointVerifier, HeadLine, NoteError, VerifierKey, open_note},
};
use domain::{Secret, Timestamp};

fn key(byte: u8) -> SigningKey {
    SigningKey::from_seed("nodeloom.test/audit", &Secret::new(vec![byte; 32])).unwrap()
}
fn verifier(key: &SigningKey) -> CheckpointVerifier {
    CheckpointVerifier::new(VerifierKey::parse(&key.verifier_key()).unwrap())
}
fn heads(size: u64) -> Vec<Head> {
    let head = |chain: &str| Head { chain: chain.to_owned(), size, hash: [1; 32], root: [2; 32] };
    vec![head("system"), head("team_00000000000070008000000000000001/production"), head("a")]
}
fn issue(log: &mut Log, key: &SigningKey, size: u64) -> (String, String) {
    let issued = log.next(key, Timestamp::from_micros(1_767_225_600_000_000), heads(size));
    log.accept(&issued.note).unwrap();
    (issued.note, issued.heads)
}

#[test]
fn checkpoints_verify_in_order_and_cover_the_heads() {
    let (key, mut log) = (key(7), Log::default());
    let mut verifier = verifier(&key);
    for number in 1..=20 {
        let (note, lines) = issue(&mut log, &key, number);
        let covered = verifier.next(&note).unwrap().heads(&lines).unwrap();
        assert_eq!(covered.len(), 3);
        assert!(covered.iter().all(|head| head.size == number && head.number == number));
    }
}

#[test]
fn a_checkpoint_cannot_be_left_out_repeated_or_replaced() {
    let (key, mut log) = (key(7), Log::default());
    let notes: Vec<String> = (1..=4).map(|size| issue(&mut log, &key, size).0).collect();
    let mut left_out = verifier(&key);
    left_out.next(&notes[0]).unwrap();
    assert_eq!(left_out.next(&notes[2]), Err(CheckpointFault::Missing));
    assert_eq!(left_out.next(&notes[0]), Err(CheckpointFault::Missing));
    // another second checkpoint, signed by the true key: the third does not continue it
    let mut other = Log::default();
    other.accept(&notes[0]).unwrap();
    let forged = other.next(&key, Timestamp::from_micros(0), heads(9)).note;
    left_out.next(&forged).unwrap();
    assert_eq!(left_out.next(&notes[2]), Err(CheckpointFault::Inconsistent));
}

#[test]
fn another_key_or_another_text_is_refused() {
    let (key, mut log) = (key(7), Log::default());
    let (note, lines) = issue(&mut log, &key, 1);
    let bad = |note: &str, fault| assert_eq!(verifier(&key).next(note), Err(fault), "{note}");
    bad(&issue(&mut Log::default(), &self::key(8), 1).0, CheckpointFault::BadSignature);
    bad(&note.replace("2026", "2025"), CheckpointFault::BadSignature);
    bad(&note.replacen('\n', " \n", 1), CheckpointFault::BadSignature);
    bad(note.trim_end(), CheckpointFault::Malformed);
    bad("", CheckpointFault::Malformed);
    let checked = verifier(&key).next(&note).unwrap();
    assert_eq!(checked.heads(&lines.replace(" 1 ", " 2 ")), Err(CheckpointFault::HeadsAltered));
    let fewer: String = lines.lines().skip(1).map(|line| format!("{line}\n")).collect();
    assert_eq!(checked.heads(&fewer), Err(CheckpointFault::HeadsAltered));
    let line = HeadLine { line: lines.lines().next().unwrap().to_owned(), index: 0, proof: vec![] };
    assert_eq!(checked.head(&line), Err(CheckpointFault::HeadsAltered));
}

/// The form is C2SP's: a witness's line beside ours changes nothing.
#[test]
fn cosignatures_of_witnesses_are_passed_over() {
    let (key, mut log) = (key(7), Log::default());
    let (note, _) = issue(&mut log, &key, 1);
    let witness = SigningKey::from_seed("witness.test", &Secret::new(vec![9; 32])).unwrap();
    let body = note.split_inclusive("\n\n").next().unwrap().trim_end_matches('\n');
    let cosignature = witness.sign(&format!("{body}\n"));
    let line = cosignature.rsplit("\n\n").next().unwrap();
    assert!(verifier(&key).next(&format!("{note}{line}")).is_ok());
    assert!(verifier(&key).next(&format!("{}{line}", note.split_inclusive("\n\n").next().unwrap())).is_err());
}

/// The form is the one that Go's checksum database began: the key and the note of its package documentation.
#[test]
fn a_note_signed_by_another_implementation_verifies() {
    let key = VerifierKey::parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW").unwrap();
    let text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
    let signature = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=";
    assert_eq!(open_note(&format!("{text}\n\u{2014} PeterNeumann {signature}\n"), &key), Ok(text));
    let other = VerifierKey::parse("PeterNeumann+00000000+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
    assert_eq!(other, Err(NoteError::Key));
}

#[test]
fn a_key_with_a_space_or_a_plus_in_its_name_is_refused() {
    for name in ["", "a b", "a+b", "a\n"] {
        assert!(SigningKey::from_seed(name, &Secret::new(vec![1; 32])).is_err(), "{name:?}");
    }
}
