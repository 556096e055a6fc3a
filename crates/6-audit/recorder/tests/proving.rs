//! R229, R230, R231: proofs and exports that an outsider verifies with the public key alone, and what becomes of them when
//! somebody tampers. Purges stand in `purging.rs`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod support;

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{AuditResult, Environment};
use harness::{on_both, on_sqlite, permit_for, user};
use recorder::{EntryNamed, ExportFormat, Search, Who, verify_document};
use serde_json::{Value, json};
use store::PageRequest;
use support::{
    CHAIN, Rooms, finding,
    outside::{HERE, both, chain, consistency, export, found, in_words, proof, rooms, rust},
    scope, signing_key,
};

/// R229, R230: from rows of the stored tree, full ones and the last, and from before another server took entries over.
#[tokio::test(flavor = "multi_thread")]
async fn every_entry_is_proven_and_every_checkpoint_continues_those_before() {
    on_both(async |ground| {
        let (rooms, folder) = (rooms(ground).await, ground.folder.path());
        for (from, count) in [(1, 200), (201, 56), (257, 300), (557, 60)] {
            rooms.record(Some(scope(HERE)), from, count).await;
            rooms.record(None, 9_000 + from, 2).await;
            rooms.checkpoints.issue().await.unwrap();
        }
        for sequence in [1, 2, 255, 256, 257, 512, 513, 600, 616] {
            let text = proof(&rooms, sequence).await.to_string();
            assert_eq!(in_words(&rust(&text).unwrap()), "intact, checkpoints intact", "{sequence}");
        }
        assert_eq!(both(folder, &proof(&rooms, 300).await.to_string()), "intact, checkpoints intact");
        for (from, to) in [(1, Some(2)), (1, Some(4)), (2, None), (3, Some(4)), (4, Some(4))] {
            let text = consistency(&rooms, from, to).await.to_string();
            assert_eq!(in_words(&rust(&text).unwrap()), "intact, checkpoints intact", "{from} to {to:?}");
        }
        assert_eq!(both(folder, &consistency(&rooms, 1, None).await.to_string()), "intact, checkpoints intact");
        // an entry that no checkpoint covers yet gets one
        rooms.record(Some(scope(HERE)), 617, 1).await;
        assert_eq!(proof(&rooms, 617).await["checkpoint"]["note"].as_str().unwrap().lines().nth(1), Some("5"));
        let none = rooms.checkpoints.prove(&rooms.recorder, &chain(), EntryNamed::Sequence(618)).await.unwrap();
        assert!(none.is_none());
        assert!(rooms.verify().await.is_intact(), "{}", rooms.verify().await.render());
        rooms.store.close().await;
    })
    .await;
}

type Tampering = (&'static str, fn(&mut Value), &'static str);

fn flip(text: &mut Value) {
    let mut bytes = STANDARD.decode(text.as_str().unwrap()).unwrap();
    let middle = bytes.len() * 3 / 4;
    bytes[middle] ^= 1;
    *text = json!(STANDARD.encode(bytes));
}

/// R230: each change of a proof, by both verifiers.
#[tokio::test(flavor = "multi_thread")]
async fn tampered_proofs_are_found_out() {
    on_sqlite(async |ground| {
        let (rooms, folder) = (rooms(ground).await, ground.folder.path());
        rooms.record(Some(scope(HERE)), 1, 20).await;
        rooms.record(None, 9_000, 2).await;
        rooms.checkpoints.issue().await.unwrap();
        rooms.record(Some(scope(HERE)), 21, 17).await;
        rooms.checkpoints.issue().await.unwrap();
        let inclusion = proof(&rooms, 7).await;
        let cases: &[Tampering] = &[
            ("nothing", |_| {}, "intact, checkpoints intact"),
            ("the entry", |p| flip(&mut p["inclusion"]["cbor"]), "edited 7, checkpoints intact"),
            ("the detail", |p| p["inclusion"]["detail"] = json!("{}"), "edited 7, checkpoints intact"),
            ("the salt", |p| flip(&mut p["inclusion"]["salt"]), "edited 7, checkpoints intact"),
            ("a step", |p| flip(&mut p["inclusion"]["path"][2]), "edited 7, checkpoints intact"),
            (
                "a step less",
                |p| drop(p["inclusion"]["path"].as_array_mut().unwrap().pop()),
                "edited 7, checkpoints intact",
            ),
            (
                "a step more",
                |p| p["inclusion"]["path"].as_array_mut().unwrap().push(json!(STANDARD.encode([1; 32]))),
                "edited 7, checkpoints intact",
            ),
            (
                "the steps reversed",
                |p| p["inclusion"]["path"].as_array_mut().unwrap().reverse(),
                "edited 7, checkpoints intact",
            ),
            ("the entry emptied", |p| p["inclusion"]["cbor"] = json!(""), "malformed 0, checkpoints intact"),
            ("another chain", |p| p["chain"] = json!(support::OTHER), "absent, checkpoints heads_altered 2"),
            (
                "the note's time",
                |p| {
                    p["checkpoint"]["note"] =
                        json!(p["checkpoint"]["note"].as_str().unwrap().replace("at 2026", "at 2025"))
                },
                "absent, checkpoints bad_signature 0",
            ),
            (
                "the head's size",
                |p| {
                    p["checkpoint"]["head"]["line"] =
                        json!(p["checkpoint"]["head"]["line"].as_str().unwrap().replace(" 37 ", " 38 "))
                },
                "absent, checkpoints heads_altered 2",
            ),
            (
                "the head's place",
                |p| p["checkpoint"]["head"]["index"] = json!(0),
                "absent, checkpoints heads_altered 2",
            ),
            (
                "the head's proof",
                |p| p["checkpoint"]["head"]["proof"] = json!([]),
                "absent, checkpoints heads_altered 2",
            ),
        ];
        for (name, tamper, expected) in cases {
            let mut tampered = inclusion.clone();
            tamper(&mut tampered);
            assert_eq!(both(folder, &tampered.to_string()), *expected, "{name}");
        }
        let consistent = consistency(&rooms, 1, Some(2)).await;
        let cases: &[Tampering] = &[
            ("nothing", |_| {}, "intact, checkpoints intact"),
            ("a step", |p| flip(&mut p["consistency"]["path"][1]), "recomputed 1..20, checkpoints intact"),
            ("no steps", |p| p["consistency"]["path"] = json!([]), "recomputed 1..20, checkpoints intact"),
            ("the log", |p| p["consistency"]["log"] = json!([]), "intact, checkpoints inconsistent 2"),
            (
                "older and newer swapped",
                |p| {
                    let newer = p["checkpoint"].take();
                    p["checkpoint"] = std::mem::replace(&mut p["consistency"]["older"], newer);
                },
                "recomputed 1..37, checkpoints inconsistent 1",
            ),
            (
                "the older note",
                |p| {
                    let note = &mut p["consistency"]["older"]["note"];
                    *note = json!(note.as_str().unwrap().replace("heads 2", "heads 3"));
                },
                "intact, checkpoints bad_signature 0",
            ),
        ];
        for (name, tamper, expected) in cases {
            let mut tampered = consistent.clone();
            tamper(&mut tampered);
            assert_eq!(both(folder, &tampered.to_string()), *expected, "{name}");
        }
        let other = recorder::VerifierKey::parse(&signing_key(8).verifier_key()).unwrap();
        assert!(verify_document(inclusion.to_string().as_bytes(), Some(&other), &[]).is_err());
        rooms.store.close().await;
    })
    .await;
}

/// R231: what a search finds leaves as lines and as a table, each entry with its proof.
#[tokio::test(flavor = "multi_thread")]
async fn exports_verify_and_tampered_ones_do_not() {
    on_both(async |ground| {
        let (rooms, folder) = (rooms(ground).await, ground.folder.path());
        rooms.record(Some(scope(HERE)), 1, 40).await;
        let mut evil = rooms.draft(Some(scope(HERE)), 41);
        evil.target = Some("=HYPERLINK(\"http://evil.example\")".to_owned());
        evil.operation = "'+quoted".to_owned();
        evil.subject.user_agent = Some("@SUM(1+1)\n\"x\", y".to_owned());
        rooms.recorder.record(vec![evil]).await.unwrap();
        for format in [ExportFormat::Jsonl, ExportFormat::Csv, ExportFormat::Bundle] {
            let text = export(&rooms, format, &Search::default()).await;
            assert_eq!(both(folder, &text), "intact, checkpoints intact", "{format:?}");
            assert_eq!(rust(&text).unwrap().chains[0].entries, 41, "{format:?}");
        }
        let some = Search { who: Some(Who::Person(user(1))), ..Search::default() };
        let text = export(&rooms, ExportFormat::Csv, &some).await;
        assert_eq!(
            (both(folder, &text).as_str(), rust(&text).unwrap().chains[0].entries),
            ("intact, checkpoints intact", 14)
        );

        let csv = export(&rooms, ExportFormat::Csv, &Search::default()).await;
        assert!(csv.contains("\"'=HYPERLINK") && csv.contains("\"''+quoted") && csv.contains("\"'@SUM"), "{csv}");
        assert_eq!(both(folder, &csv.replace("wf_9\"", "wf_8\"")), "edited 9, checkpoints intact");
        assert_eq!(both(folder, &csv.replace("\"\"n\"\":5}", "\"\"n\"\":6}")), "edited 5, checkpoints intact");
        let lines: Vec<&str> = csv.split_inclusive("\r\n").collect();
        let less = [&lines[..10], &lines[11..]].concat().concat();
        assert!(both(folder, &less).starts_with("deleted "), "{}", both(folder, &less));
        let twice = [&lines[..11], &lines[10..]].concat().concat();
        assert!(both(folder, &twice).starts_with("reordered "));
        assert!(rust(&lines[..lines.len() - 1].concat()).is_err(), "without its proof a table is nothing");

        let jsonl = export(&rooms, ExportFormat::Jsonl, &Search::default()).await;
        let lines: Vec<&str> = jsonl.split_inclusive('\n').collect();
        assert_eq!(
            both(folder, &jsonl.replace("\"target\":\"wf_9\"", "\"target\":\"wf_8\"")),
            "edited 9, checkpoints intact"
        );
        assert!(both(folder, &lines[..lines.len() - 1].concat()).starts_with("truncated "));
        assert!(both(folder, &[&lines[..5], &lines[6..]].concat().concat()).starts_with("deleted "));
        assert!(
            both(folder, &[&lines[..3], &lines[4..5], &lines[3..4], &lines[5..]].concat().concat())
                .starts_with("reordered ")
        );
        let mut first: Value = serde_json::from_str(lines[2]).unwrap();
        first["entry"]["proof"]["path"][0] = json!(STANDARD.encode([1; 32]));
        let tampered = [lines[0], lines[1], &format!("{first}\n"), &lines[3..].concat()].concat();
        assert_eq!(both(folder, &tampered), "edited 41, checkpoints intact");
        rooms.store.close().await;
    })
    .await;
}

/// R231: an OCSF 1.9 event has what its class demands, and the record-integrity profile names the chain.
#[tokio::test(flavor = "multi_thread")]
async fn ocsf_events_carry_the_chain() {
    on_sqlite(async |ground| {
        let rooms = rooms(ground).await;
        rooms.record(Some(scope(HERE)), 1, 3).await;
        let text = export(&rooms, ExportFormat::Ocsf, &Search::default()).await;
        let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(events.len(), 3);
        for event in &events {
            assert_eq!(
                event["type_uid"].as_u64(),
                Some(event["class_uid"].as_u64().unwrap() * 100 + event["activity_id"].as_u64().unwrap())
            );
            assert_eq!(event["metadata"]["version"], "1.9.0");
            assert_eq!(event["metadata"]["profiles"], json!(["record_integrity"]));
            for field in ["actor", "api", "src_endpoint", "severity_id", "time", "category_uid"] {
                assert!(!event[field].is_null(), "{field}");
            }
            assert_eq!(event["attestation_list"][0]["chain_uid"], CHAIN);
        }
        let print = |event: &Value| event["attestation_list"][0]["fingerprint"]["value"].clone();
        let before = |event: &Value| event["attestation_list"][0]["prev_event"]["fingerprint"]["value"].clone();
        assert_eq!((before(&events[0]), before(&events[1])), (print(&events[1]), print(&events[2])), "linked");
        assert!(events[2]["attestation_list"][0]["prev_event"].is_null(), "the first has none before it");
        rooms.store.close().await;
    })
    .await;
}

/// Every filter, alone and together; page by page.
#[tokio::test(flavor = "multi_thread")]
async fn entries_are_found_by_everything_that_they_say() {
    on_both(async |ground| {
        let rooms = rooms(ground).await;
        rooms.record(Some(scope(HERE)), 1, 30).await;
        rooms.record(Some(scope(Environment::Staging)), 1, 5).await;
        let mut other = rooms.draft(Some(scope(HERE)), 31);
        let moment = other.at;
        other.operation = "run.cancel".to_owned();
        other.target = Some("run_00000000000000000000000000000007".to_owned());
        other.result = AuditResult::Refused;
        other.subject.address = Some("2001:db8::7".parse().unwrap());
        other.detail = json!({"of": ["wf_00000000000000000000000000000009"], "text": "not_an_id"});
        let request = other.request;
        rooms.recorder.record(vec![other]).await.unwrap();
        rooms.record(Some(scope(HERE)), 32, 3).await;
        let any = Search::default;
        assert_eq!(found(&rooms, &any()).await.len(), 34);
        assert_eq!(found(&rooms, &Search { operation: Some("run.cancel".to_owned()), ..any() }).await, [31]);
        assert_eq!(found(&rooms, &Search { target: Some("wf_12".to_owned()), ..any() }).await, [12]);
        assert_eq!(found(&rooms, &Search { result: Some(AuditResult::Refused), ..any() }).await, [31]);
        assert_eq!(found(&rooms, &Search { address: Some("2001:db8::7".parse().unwrap()), ..any() }).await, [31]);
        assert_eq!(found(&rooms, &Search { address: Some("192.0.2.7".parse().unwrap()), ..any() }).await.len(), 33);
        assert_eq!(found(&rooms, &Search { request, ..any() }).await, [31]);
        assert_eq!(found(&rooms, &Search { from: Some(moment), ..any() }).await, [34, 33, 32, 31]);
        assert_eq!(found(&rooms, &Search { until: Some(moment), ..any() }).await.len(), 30);
        let until = Some(moment + Duration::from_millis(2));
        assert_eq!(found(&rooms, &Search { from: Some(moment), until, ..any() }).await, [32, 31]);
        let who = Some(Who::Person(user(1)));
        assert_eq!(found(&rooms, &Search { who, until: Some(moment), ..any() }).await.len(), 10);
        let both = Search { who, operation: Some("run.cancel".to_owned()), ..any() };
        assert_eq!(found(&rooms, &both).await, [31]);
        let none = Search { who: Some(Who::Person(user(2))), operation: Some("run.cancel".to_owned()), ..any() };
        assert!(found(&rooms, &none).await.is_empty());
        assert!(found(&rooms, &Search { who: Some(Who::System), ..any() }).await.is_empty());
        // page by page, none twice and none left out
        let (permit, search) = (permit_for(scope(HERE)), Search { until: Some(moment), ..any() });
        let (mut page, mut all) = (PageRequest::first(7), Vec::new());
        loop {
            let found = rooms.recorder.entries(&permit, &search, &page).await.unwrap();
            all.extend(found.items.iter().map(|entry| entry.sequence));
            let Some(next) = found.next else { break };
            page.after = Some(next);
        }
        assert_eq!(all, (1..=30).rev().collect::<Vec<_>>());
        // an entry by its id, and who touched what its detail names
        let refused = Search { result: Some(AuditResult::Refused), ..any() };
        let id = rooms.recorder.entries(&permit, &refused, &PageRequest::first(1)).await.unwrap().items[0].id;
        assert_eq!(rooms.recorder.entry(&permit, id).await.unwrap().unwrap().sequence, 31);
        let touched = rooms.recorder.touched(&permit, "wf_00000000000000000000000000000009").await.unwrap();
        assert_eq!((touched.entries, touched.complete, touched.by.len()), (1, true, 1));
        assert_eq!(touched.by[0].operations[&("run.cancel".to_owned(), "refused")], 1);
        assert!(touched.by[0].subject.is_some());
        rooms.store.close().await;
    })
    .await;
}

/// What is stored for proofs is held against the entries.
#[tokio::test(flavor = "multi_thread")]
async fn a_tampered_tree_is_found_out() {
    let ground = harness::sqlite_database().await;
    ground.store.close().await;
    let rooms = rooms(&ground).await;
    rooms.record(Some(scope(HERE)), 1, 600).await;
    rooms.recorder.index(&chain()).await.unwrap();
    assert!(rooms.verify().await.is_intact());
    let database = ground.folder.path().join("test.db");
    let cases = [
        (
            "UPDATE audit_tiles SET hashes = randomblob(length(hashes)) WHERE level = 0 AND place = 1",
            "tree_altered 257..512",
        ),
        ("DELETE FROM audit_tiles WHERE level = 0 AND place = 0", "tree_altered 1..256"),
        ("UPDATE audit_tiles SET hashes = randomblob(length(hashes)) WHERE level = 1", "tree_altered 1..256"),
        ("DELETE FROM audit_tiles WHERE level = 1", "tree_altered 1..256"),
    ];
    rooms.store.close().await;
    for (statement, expected) in cases {
        let copy = ground.folder.path().join("copy.db");
        std::fs::copy(&database, &copy).unwrap();
        support::sql(&copy, statement).await;
        let config = store::StoreConfig::at(store::Location::Sqlite(copy));
        let opened = Rooms::open(&config, &ground.clock, &ground.folder.path().join("none.jsonl")).await;
        assert_eq!(finding(&opened.verify().await, CHAIN), expected, "{statement}");
        opened.store.close().await;
    }
}
