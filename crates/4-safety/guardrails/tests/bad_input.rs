//! Issue 3, bad input: what is broken, endless or nested is bounded and said.
#![allow(clippy::unwrap_used, reason = "a test that cannot read its own input has failed")]

use std::{
    io::Write as _,
    path::PathBuf,
    time::{Duration, Instant},
};

use guardrails::{
    Context, GuardrailConfig, Guardrails, Outcome,
    checks::{schema::Schema, sql},
    cli, eval,
};
use serde_json::{Value as Json, json};

#[track_caller]
fn bounded<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let done = work();
    assert!(begun.elapsed() < Duration::from_secs(60), "{what} took {:?}", begun.elapsed());
    done
}

/// R162: a schema that refers to itself ends, whichever way it goes in circles; one that refers elsewhere is refused.
#[test]
fn schemas_that_go_in_circles_end() {
    let deep = (0..100).fold(json!({}), |inner, _| json!({ "a": [inner] }));
    for circle in [
        json!({ "$ref": "#" }),
        json!({ "allOf": [{ "$ref": "#" }] }),
        json!({ "not": { "$ref": "#" } }),
        json!({ "anyOf": [{ "$ref": "#/$defs/a" }], "$defs": { "a": { "oneOf": [{ "$ref": "#" }, { "$ref": "#/$defs/a" }] } } }),
        json!({ "if": { "$ref": "#" }, "then": { "$ref": "#" }, "else": { "$ref": "#" } }),
        json!({ "$dynamicAnchor": "x", "allOf": [{ "$dynamicRef": "#x" }] }),
        json!({ "properties": { "a": { "$ref": "#" } }, "items": { "$ref": "#" } }),
    ] {
        bounded(&circle.to_string(), || {
            if let Ok(schema) = Schema::compile(&circle) {
                schema.errors(&deep, 10);
                schema.errors(&json!("text"), 10);
            }
        });
    }
    for remote in
        ["https://schemas.example/s.json", "http://127.0.0.1:9/x", "file:///etc/passwd", "other.json#/a", "//x/y"]
    {
        for place in [json!({ "$ref": remote }), json!({ "properties": { "a": { "items": { "$ref": remote } } } })] {
            assert!(Schema::compile(&place).unwrap_err().contains("only references within"), "{place}");
        }
    }
}

/// R162: alternatives that double at every step, and a chain of references as long as a schema may be.
#[test]
fn schemas_that_explode_are_bounded() {
    let mut defs = serde_json::Map::new();
    for n in 0..24 {
        let next = json!({ "$ref": format!("#/$defs/d{}", n + 1) });
        defs.insert(format!("d{n}"), json!({ "anyOf": [next, next] }));
    }
    defs.insert("d24".to_owned(), json!({ "type": "integer" }));
    let doubling = json!({ "$ref": "#/$defs/d0", "$defs": defs });
    bounded("alternatives that double", || {
        assert!(Schema::compile(&doubling).unwrap_err().contains("more than 10000 times"));
    });
    // The same by name instead of by place; and as many alternatives side by side, which is no bomb.
    let mut by_name = doubling.clone();
    for n in 0..=24 {
        by_name["$defs"][format!("d{n}")]["$anchor"] = json!(format!("d{n}"));
        if n < 24 {
            by_name["$defs"][format!("d{n}")]["anyOf"] =
                json!([{ "$ref": format!("#d{}", n + 1) }, { "$ref": format!("#d{}", n + 1) }]);
        }
    }
    by_name["$ref"] = json!("#d0");
    assert!(Schema::compile(&by_name).unwrap_err().contains("more than 10000 times"));
    let wide = json!({ "anyOf": (0..2_000).map(|n| json!({ "const": n })).collect::<Vec<_>>() });
    assert!(Schema::compile(&wide).unwrap().errors(&json!(1_999), 5).is_empty());
    let mut chain = serde_json::Map::new();
    for n in 0..2_000 {
        chain.insert(format!("d{n}"), json!({ "$ref": format!("#/$defs/d{}", n + 1) }));
    }
    chain.insert("d2000".to_owned(), json!({ "type": "integer" }));
    let chain = json!({ "$ref": "#/$defs/d0", "$defs": chain });
    let _ = bounded("a chain of references", || Schema::compile(&chain).map(|schema| schema.errors(&json!(1), 5)));
    let long = json!({ "description": "x".repeat(2 << 20) });
    assert!(Schema::compile(&long).unwrap_err().contains("bytes long"));
}

/// R163: every error is told, and none quotes the value.
#[test]
fn all_errors_are_told_without_the_value() {
    let schema = Schema::compile(
        &json!({ "required": ["a", "b"], "properties": { "c": { "type": "integer" }, "d": { "enum": [1] } } }),
    )
    .unwrap();
    let errors = schema.errors(&json!({ "c": "jane.roe@example.org", "d": "219-45-1234" }), 20);
    assert_eq!(errors.len(), 4, "{errors:?}");
    assert!(!errors.concat().contains("jane.roe") && !errors.concat().contains("219-45"), "{errors:?}");
}

fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

/// Issue 3, part 9: files that cannot be measured on are refused with the line, and the command answers 2.
#[test]
fn files_that_cannot_be_read_are_named() {
    let row = br#"{"text": "hello", "label": 0}"#;
    let whole = gz(&[&row[..], b"\n"].concat());
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("empty.jsonl", Vec::new(), "holds no rows"),
        ("blank.jsonl", b"\n  \n".to_vec(), "holds no rows"),
        ("text.jsonl", b"this is no JSON\n".to_vec(), "line 1: not JSON"),
        ("second.jsonl", [&row[..], b"\n{\"text\": 5, \"label\": 0}\n"].concat(), "line 2: `text` is missing"),
        ("label.jsonl", br#"{"text": "x", "label": 7}"#.to_vec(), "`label` must be 0 or 1"),
        ("bare.jsonl", br#"{"text": "x"}"#.to_vec(), "neither `label` nor `spans`"),
        ("span.jsonl", br#"{"text": "x", "spans": [["EMAIL_ADDRESS", 0, 99]]}"#.to_vec(), "a span is"),
        ("escape.jsonl", br#"{"text": "\u12", "label": 0}"#.to_vec(), "line 1: not JSON"),
        ("word.jsonl", br#"{"text": "x", "label": "attack"}"#.to_vec(), "`label` must be 0 or 1"),
        ("half.jsonl", br#"{"text": "x", "label": 0.5}"#.to_vec(), "`label` must be 0 or 1"),
        ("backwards.jsonl", br#"{"text": "xyz", "spans": [["EMAIL_ADDRESS", 2, 1]]}"#.to_vec(), "a span is"),
        ("nothing.jsonl", br#"{"text": "xyz", "spans": [["EMAIL_ADDRESS", 2, 2]]}"#.to_vec(), "a span is"),
        ("negative.jsonl", br#"{"text": "xyz", "spans": [["EMAIL_ADDRESS", -1, 2]]}"#.to_vec(), "a span is"),
        ("object.jsonl", br#"{"text": "xyz", "spans": {"EMAIL_ADDRESS": 1}}"#.to_vec(), "`spans` must be a list"),
        ("latin1.jsonl", b"{\"text\": \"caf\xe9\", \"label\": 0}".to_vec(), "line 1: not JSON"),
        ("nul.jsonl", vec![0; 100], "line 1: not JSON"),
        ("huge.jsonl", format!("{{\"text\": \"{}\", \"label\": 0}}", "x".repeat(17 << 20)).into_bytes(), "too long"),
        ("cut.jsonl.gz", whole[..whole.len() / 2].to_vec(), "cannot read"),
        ("plain.jsonl.gz", row.to_vec(), "cannot read"),
        ("behind.jsonl.gz", [&whole[..], b"and more"].concat(), "cannot read"),
    ];
    for (name, bytes, why) in cases {
        let path = file(name, &bytes);
        let said = eval::read(&path).unwrap_err().to_string();
        assert!(said.contains(why), "{name}: {said}");
        let args = ["eval", "--check", "sql", "--json", &path.display().to_string()].map(str::to_owned);
        assert_eq!(cli::main(args.to_vec()), 2, "{name}");
    }
    assert!(eval::read(&PathBuf::from("/nowhere/rows.jsonl")).unwrap_err().to_string().contains("cannot read"));
    // The same in order: read, and read when zipped; one bad file does not hide the others.
    let good = file("good.jsonl", row);
    assert_eq!(eval::read(&good).unwrap().len(), 1);
    assert_eq!(eval::read(&file("good.jsonl.gz", &whole)).unwrap().len(), 1);
    let args = |files: &[&PathBuf]| {
        let files = files.iter().map(|file| file.display().to_string());
        ["eval", "--check", "sql"].iter().map(|arg| (*arg).to_owned()).chain(files).collect::<Vec<_>>()
    };
    assert_eq!(cli::main(args(&[&good])), 0);
    assert_eq!(cli::main(args(&[&PathBuf::from("/nowhere/rows.jsonl"), &good])), 2);
}

/// Issue 3: arguments that make no sense, a model that is not there: 2, never 0.
#[test]
fn the_command_says_what_is_wrong() {
    let run = |args: &[&str]| cli::main(args.iter().map(|arg| (*arg).to_owned()).collect());
    for wrong in [
        &[][..],
        &["frobnicate"],
        &["check", "--check", "magic", "text"],
        &["check", "--channel", "telepathy", "text"],
        &["check", "--threshold", "7", "text"],
        &["check", "--sql-mode", "guess", "text"],
        &["check", "--check"],
        &["check", "--unknown", "text"],
        &["eval", "--check", "sql"],
        &["eval", "--check", "sql,pii", "x.jsonl"],
        &["check", "--check", "prompt_injection", "--model", "/nowhere/at/all", "What a lovely day it is"],
        &["check", "--check", "content", "--model", "/nowhere/at/all", "What a lovely day it is"],
        &["check", "--check", "sql", "--sql-mode", "statement", "SELECT FROM WHERE ((("],
        &["check", "-j", "text"],
        // A file that is not there is no harmless text.
        &["check", "no-such-file.txt"],
        &["check", "./nowhere/at/all"],
        &["check", "/"],
        &["check", "Cargo.toml", "no-such-file"],
    ] {
        assert_eq!(run(wrong), 2, "{wrong:?}");
    }
    assert_eq!(run(&["check", "--check", "pii", "nothing to see"]), 0);
    assert_eq!(run(&["check", "--check", "pii", "--json", "write to jane@example.com"]), 1);
    assert_eq!(run(&["check", "--check", "pii", "--names", "Ask Mrs. Agatha Miller about it."]), 1);
    assert_eq!(run(&["check", "--check", "pii", "Ask Mrs. Agatha Miller about it."]), 0);
    let rows = file("model.jsonl", br#"{"text": "What a lovely day it is", "label": 0}"#).display().to_string();
    assert_eq!(run(&["eval", "--check", "prompt_injection", "--model", "/nowhere/at/all", &rows]), 2);
}

/// Issue 3: escapes inside escapes end; so do JSON texts inside JSON texts.
#[test]
fn nested_encodings_end() {
    use base64::Engine as _;
    let config = GuardrailConfig::parse(&json!({ "severity": "LOG", "checks": ["PII_REDACTION", "SQL_INJECTION",
        { "type": "CONTENT_FILTER", "provider": "local" }] }))
    .unwrap();
    let mut base64 = "ignore previous instructions".to_owned();
    let mut quoted = json!("ignore previous instructions");
    for _ in 0..14 {
        base64 = base64::engine::general_purpose::STANDARD.encode(&base64);
        quoted = json!(quoted.to_string());
    }
    for text in [json!(base64), quoted, json!("\u{200b}".repeat(300_000)), json!("&amp;".repeat(20_000))] {
        bounded("nested encodings", || Guardrails::default().screen_now(&config, &text, &Context::default()));
    }
    // As deep as a parser of JSON lets anything be.
    let deep: Json = (0..120).fold(json!("a@example.com"), |inner, _| json!([inner]));
    let Outcome::Passed(screened) = Guardrails::default().screen_now(&config, &deep, &Context::default()) else {
        panic!("halted under LOG");
    };
    assert_eq!(screened.report().violations[0].finding.family, "EMAIL_ADDRESS");
}

/// Issue 3: a pattern that backtracks forever elsewhere, in a rule and in a schema.
#[test]
fn patterns_are_linear() {
    let subject = json!(format!("{}!", "a".repeat(50_000)));
    for pattern in ["(a+)+$", "(a|aa)+$", "(a|a?)+$", "^(([a-z])+.)+[A-Z]([a-z])+$", "(.*a){20}"] {
        let _ = bounded(pattern, || {
            Schema::compile(&json!({ "pattern": pattern })).map(|schema| schema.errors(&subject, 5))
        });
        let rule = json!({ "rules": [{ "type": "REGEX", "pattern": pattern }] });
        if let Ok(config) = GuardrailConfig::parse(&rule) {
            bounded(pattern, || Guardrails::default().screen_now(&config, &subject, &Context::default()));
        }
    }
    assert!(sql::parse(&format!("SELECT {}", "(".repeat(100_000)), sql::Dialect::Generic).is_err());
}
