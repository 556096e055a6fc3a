//! R230: whoever owns the database and tampers with it is found out, and the first bad entry is named.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod support;

use support::{CHAIN, Forge, OTHER, Trail, checkpoint_finding, finding};

/// One statement against production's chain; `{c}` is its name.
async fn sql_cases(trail: &Trail, cases: &[(&str, &str, &str)]) {
    let mut wrong = Vec::new();
    for (name, statement, expected) in cases {
        let copy = trail.copy();
        copy.sql(&statement.replace("{c}", CHAIN).replace("{o}", OTHER)).await;
        let found = finding(&copy.verify().await, CHAIN);
        if found != *expected {
            wrong.push(format!("{name}: found {found:?}, expected {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

async fn forge_case(trail: &Trail, name: &str, expected: &str, head: bool, change: impl Fn(&mut Forge)) {
    let copy = trail.copy();
    let mut forge = copy.forge(CHAIN).await;
    change(&mut forge);
    forge.write(&copy, head).await;
    assert_eq!(finding(&copy.verify().await, CHAIN), expected, "{name}");
}

/// The statement in words, the statement, the finding.
const EDITS: &[(&str, &str, &str)] = &[
    ("nothing", "SELECT 1", "intact"),
    ("operation column", "UPDATE audit_entries SET operation = 'x' WHERE chain = '{c}' AND seq = 5", "edited 5"),
    ("target column", "UPDATE audit_entries SET target = 'x' WHERE chain = '{c}' AND seq = 5", "edited 5"),
    ("target column emptied", "UPDATE audit_entries SET target = NULL WHERE chain = '{c}' AND seq = 5", "edited 5"),
    ("result column", "UPDATE audit_entries SET result = 'failed' WHERE chain = '{c}' AND seq = 5", "edited 5"),
    (
        "result column, no such word",
        "UPDATE audit_entries SET result = 'fine' WHERE chain = '{c}' AND seq = 5",
        "malformed 5",
    ),
    ("time column", "UPDATE audit_entries SET at = at + 1 WHERE chain = '{c}' AND seq = 5", "edited 5"),
    ("id column", "UPDATE audit_entries SET id = randomblob(16) WHERE chain = '{c}' AND seq = 5", "edited 5"),
    ("id column, not an id", "UPDATE audit_entries SET id = X'00' WHERE chain = '{c}' AND seq = 5", "malformed 5"),
    ("request column", "UPDATE audit_entries SET request = randomblob(16) WHERE chain = '{c}' AND seq = 5", "edited 5"),
    ("request column emptied", "UPDATE audit_entries SET request = NULL WHERE chain = '{c}' AND seq = 5", "edited 5"),
    (
        "intent column filled",
        "UPDATE audit_entries SET intent = randomblob(16) WHERE chain = '{c}' AND seq = 5",
        "edited 5",
    ),
    (
        "pseudonym column",
        "UPDATE audit_entries SET subject = randomblob(32) WHERE chain = '{c}' AND seq = 5",
        "edited 5",
    ),
    ("pseudonym column emptied", "UPDATE audit_entries SET subject = NULL WHERE chain = '{c}' AND seq = 5", "edited 5"),
    ("hash column", "UPDATE audit_entries SET hash = randomblob(32) WHERE chain = '{c}' AND seq = 5", "edited 5"),
    (
        "hash column of the last",
        "UPDATE audit_entries SET hash = randomblob(32) WHERE chain = '{c}' AND seq = 30",
        "edited 30",
    ),
    ("record emptied", "UPDATE audit_entries SET entry = X'' WHERE chain = '{c}' AND seq = 5", "malformed 5"),
    (
        "record cut",
        "UPDATE audit_entries SET entry = substr(entry, 1, 100) WHERE chain = '{c}' AND seq = 5",
        "malformed 5",
    ),
    (
        "record replaced by text",
        "UPDATE audit_entries SET entry = CAST('hello' AS BLOB) WHERE chain = '{c}' AND seq = 5",
        "malformed 5",
    ),
    (
        "detail prolonged",
        "UPDATE audit_entries SET entry = CAST(entry || X'20' AS BLOB) WHERE chain = '{c}' AND seq = 5",
        "edited 5",
    ),
    (
        "detail replaced by another's",
        "UPDATE audit_entries SET entry = (SELECT CAST(substr(a.entry, 1, length(a.entry) - 2) \
      || substr(b.entry, length(b.entry) - 1) AS BLOB) FROM audit_entries a, audit_entries b WHERE a.chain = '{c}' AND a.seq = 5 \
      AND b.chain = '{c}' AND b.seq = 6) WHERE chain = '{c}' AND seq = 5",
        "edited 5",
    ),
];

const MOVES: &[(&str, &str, &str)] = &[
    ("one deleted", "DELETE FROM audit_entries WHERE chain = '{c}' AND seq = 5", "deleted 5"),
    ("the first deleted", "DELETE FROM audit_entries WHERE chain = '{c}' AND seq = 1", "deleted 1"),
    ("the first ten deleted", "DELETE FROM audit_entries WHERE chain = '{c}' AND seq <= 10", "deleted 1"),
    ("a range deleted", "DELETE FROM audit_entries WHERE chain = '{c}' AND seq BETWEEN 12 AND 17", "deleted 12"),
    ("every other deleted", "DELETE FROM audit_entries WHERE chain = '{c}' AND seq % 2 = 0", "deleted 2"),
    (
        "one deleted, the rows below moved up",
        "DELETE FROM audit_entries WHERE chain = '{c}' AND seq = 5; \
      UPDATE audit_entries SET seq = -seq WHERE chain = '{c}' AND seq > 5; \
      UPDATE audit_entries SET seq = -seq - 1 WHERE chain = '{c}' AND seq < 0",
        "deleted 5",
    ),
    ("the last deleted", "DELETE FROM audit_entries WHERE chain = '{c}' AND seq = 30", "truncated 30"),
    ("the tail deleted", "DELETE FROM audit_entries WHERE chain = '{c}' AND seq > 22", "truncated 23"),
    ("all entries deleted", "DELETE FROM audit_entries WHERE chain = '{c}'", "truncated 1"),
    (
        "the whole chain deleted",
        "DELETE FROM audit_entries WHERE chain = '{c}'; DELETE FROM audit_heads WHERE chain = '{c}'",
        "truncated 1",
    ),
    (
        "two swapped",
        "UPDATE audit_entries SET seq = -5 WHERE chain = '{c}' AND seq = 5; UPDATE audit_entries SET seq = 5 WHERE \
      chain = '{c}' AND seq = 6; UPDATE audit_entries SET seq = 6 WHERE chain = '{c}' AND seq = -5",
        "reordered 5",
    ),
    (
        "two far apart swapped",
        "UPDATE audit_entries SET seq = -5 WHERE chain = '{c}' AND seq = 5; UPDATE audit_entries SET seq = 5 \
      WHERE chain = '{c}' AND seq = 25; UPDATE audit_entries SET seq = 25 WHERE chain = '{c}' AND seq = -5",
        "reordered 5",
    ),
    (
        "a range reversed",
        "UPDATE audit_entries SET seq = -seq WHERE chain = '{c}' AND seq BETWEEN 6 AND 9; \
      UPDATE audit_entries SET seq = 15 + seq WHERE chain = '{c}' AND seq < 0",
        "reordered 6",
    ),
    ("one moved to the end", "UPDATE audit_entries SET seq = 31 WHERE chain = '{c}' AND seq = 5", "deleted 5"),
    (
        "one copied to the end",
        "INSERT INTO audit_entries SELECT chain, 31, id, at, operation, target, result, request, intent, subject, \
      entry, hash FROM audit_entries WHERE chain = '{c}' AND seq = 5",
        "inserted 31",
    ),
    (
        "one copied to before the first",
        "INSERT INTO audit_entries SELECT chain, 0, id, at, operation, target, result, request, intent, \
      subject, entry, hash FROM audit_entries WHERE chain = '{c}' AND seq = 5",
        "reordered 1",
    ),
    (
        "one replaced by another",
        "DELETE FROM audit_entries WHERE chain = '{c}' AND seq = 5; INSERT INTO audit_entries SELECT chain, 5, id, \
      at, operation, target, result, request, intent, subject, entry, hash FROM audit_entries WHERE chain = '{c}' AND seq = 4",
        "inserted 5",
    ),
    (
        "one moved into another chain",
        "UPDATE audit_entries SET chain = '{o}', seq = 50 WHERE chain = '{c}' AND seq = 5",
        "deleted 5",
    ),
    (
        "one of another chain moved here",
        "DELETE FROM audit_entries WHERE chain = '{c}' AND seq = 3; \
      UPDATE audit_entries SET chain = '{c}' WHERE chain = '{o}' AND seq = 3",
        "foreign 3",
    ),
    (
        "one of another chain appended",
        "UPDATE audit_entries SET chain = '{c}', seq = 31 WHERE chain = '{o}' AND seq = 3",
        "foreign 31",
    ),
];

const HEADS: &[(&str, &str, &str)] = &[
    ("head counts more", "UPDATE audit_heads SET seq = 31 WHERE chain = '{c}'", "truncated 31"),
    ("head counts fewer", "UPDATE audit_heads SET seq = 29 WHERE chain = '{c}'", "inserted 30"),
    ("head's hash", "UPDATE audit_heads SET hash = randomblob(32) WHERE chain = '{c}'", "edited 30"),
    ("head's hash cut", "UPDATE audit_heads SET hash = X'00' WHERE chain = '{c}'", "edited 30"),
    ("head's tree", "UPDATE audit_heads SET tree = randomblob(length(tree)) WHERE chain = '{c}'", "head_altered 30"),
    ("head's tree emptied", "UPDATE audit_heads SET tree = X'' WHERE chain = '{c}'", "head_altered 30"),
    ("head deleted", "DELETE FROM audit_heads WHERE chain = '{c}'", "inserted 1"),
];

#[tokio::test(flavor = "multi_thread")]
async fn statements_are_found_out() {
    let trail = Trail::new().await;
    sql_cases(&trail, EDITS).await;
    sql_cases(&trail, MOVES).await;
    sql_cases(&trail, HEADS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_entries_are_found_out() {
    let trail = Trail::new().await;
    forge_case(&trail, "written back as it was", "intact", true, |_| {}).await;
    let lie = |entry: &mut chain::verify::Entry| entry.operation = "nothing.happened".to_owned();
    forge_case(&trail, "edited, with its hash", "edited 5", false, |f| f.edit(5, lie)).await;
    forge_case(&trail, "the last edited, with its hash", "edited 30", false, |f| f.edit(30, lie)).await;
    forge_case(&trail, "the one before the last edited", "edited 29", false, |f| f.edit(29, lie)).await;
    forge_case(&trail, "its link edited", "edited 6", false, |f| f.edit(6, |e| e.previous = [9; 32])).await;
    forge_case(&trail, "its pseudonym edited", "edited 6", false, |f| f.edit(6, |e| e.pseudonym = [9; 32])).await;
    forge_case(&trail, "its sealed subject emptied", "edited 6", false, |f| f.edit(6, |e| e.subject.clear())).await;
    forge_case(&trail, "its commitment edited", "edited 6", false, |f| f.edit(6, |e| e.detail = [9; 32])).await;
    forge_case(&trail, "its duration edited", "edited 6", false, |f| f.edit(6, |e| e.duration_micros = Some(1_000)))
        .await;
    forge_case(&trail, "another chain's name", "foreign 6", false, |f| f.edit(6, |e| e.chain = OTHER.to_owned())).await;
    forge_case(&trail, "deleted and renumbered", "edited 5", true, |f| {
        f.entries.remove(4);
        f.renumber();
    })
    .await;
    forge_case(&trail, "inserted and renumbered", "inserted 6", true, |f| {
        let mut forged = f.entries[5].clone();
        forged.0.operation = "never.happened".to_owned();
        f.entries.insert(5, forged);
        f.renumber();
    })
    .await;
    forge_case(&trail, "swapped and renumbered", "edited 5", true, |f| {
        f.entries.swap(4, 5);
        f.renumber();
    })
    .await;
    forge_case(&trail, "appended without the head", "inserted 31", false, |f| {
        f.entries.push(f.entries[29].clone());
        f.renumber();
        f.relink();
    })
    .await;
}

/// A chain that is computed anew is consistent with itself; a signed checkpoint tells.
#[tokio::test(flavor = "multi_thread")]
async fn recomputed_chains_are_found_out_by_checkpoints() {
    let trail = Trail::new().await;
    let recompute = |at: usize| {
        move |forge: &mut Forge| {
            forge.edit(at, |entry| entry.operation = "nothing.happened".to_owned());
            forge.relink();
        }
    };
    forge_case(&trail, "from the start", "recomputed 1..10", true, recompute(1)).await;
    forge_case(&trail, "before the first checkpoint", "recomputed 1..10", true, recompute(10)).await;
    forge_case(&trail, "between the checkpoints", "recomputed 11..20", true, recompute(15)).await;
    forge_case(&trail, "at the second checkpoint", "recomputed 11..20", true, recompute(20)).await;
    forge_case(&trail, "one left out", "recomputed 1..10", true, |forge| {
        forge.entries.remove(4);
        forge.renumber();
        forge.relink();
    })
    .await;
    forge_case(&trail, "cut to before a checkpoint", "truncated 16", true, |forge| forge.entries.truncate(15)).await;
    forge_case(&trail, "cut to nothing but the first", "truncated 2", true, |forge| forge.entries.truncate(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tampered_checkpoints_are_found_out() {
    let trail = Trail::new().await;
    let cases = [
        ("nothing", "SELECT 1", "intact"),
        ("first deleted", "DELETE FROM audit_checkpoints WHERE seq = 1", "missing 1"),
        (
            "note edited",
            "UPDATE audit_checkpoints SET note = CAST(replace(CAST(note AS TEXT), 'at 2026', 'at 2025') AS BLOB) WHERE seq = 2",
            "bad_signature 2",
        ),
        (
            "number edited",
            "UPDATE audit_checkpoints SET note = CAST(replace(CAST(note AS TEXT), '\"number\":1', '\"number\":9') AS BLOB) WHERE seq = 1",
            "missing 1",
        ),
        (
            "heads edited",
            "UPDATE audit_checkpoints SET note = CAST(replace(CAST(note AS TEXT), 'production 20', 'production 19') AS BLOB) WHERE seq = 2",
            "heads_altered 2",
        ),
        (
            "heads emptied",
            "UPDATE audit_checkpoints SET note = CAST(json_set(CAST(note AS TEXT), '$.heads', '') AS BLOB) WHERE seq = 2",
            "heads_altered 2",
        ),
        ("garbage", "UPDATE audit_checkpoints SET note = X'00' WHERE seq = 2", "malformed 2"),
        (
            "one in the other's place",
            "UPDATE audit_checkpoints SET note = (SELECT note FROM audit_checkpoints WHERE seq = 1) WHERE seq = 2",
            "missing 2",
        ),
        (
            "renumbered",
            "DELETE FROM audit_checkpoints WHERE seq = 1; UPDATE audit_checkpoints SET seq = 1",
            "missing 1",
        ),
    ];
    for (name, statement, expected) in cases {
        let copy = trail.copy();
        copy.sql(statement).await;
        assert_eq!(checkpoint_finding(&copy.verify().await), expected, "{name}");
    }
}

/// What left the machine vouches for what the database no longer says.
#[tokio::test(flavor = "multi_thread")]
async fn the_checkpoint_file_finds_out_what_the_database_hides() {
    let trail = Trail::new().await;
    let rooms = trail.open().await;
    rooms.checkpoints.issue().await.unwrap();
    rooms.store.close().await;
    let copy = trail.copy();
    let mut forge = copy.forge(CHAIN).await;
    forge.edit(25, |entry| entry.operation = "nothing.happened".to_owned());
    forge.relink();
    forge.write(&copy, true).await;
    copy.sql("DELETE FROM audit_checkpoints WHERE seq = 3").await;
    assert!(copy.verify().await.is_intact(), "whoever owns the database can hide what no checkpoint outside covers");
    let report = copy.verify_with_file().await;
    assert_eq!(finding(&report, CHAIN), "recomputed 21..30");
    assert_eq!(checkpoint_finding(&report), "missing 3");
    assert!(trail.verify_with_file().await.is_intact());
}
