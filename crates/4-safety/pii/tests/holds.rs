//! What holds for any text.
#![allow(clippy::unwrap_used, reason = "a test that cannot read its own input has failed")]

use std::time::Duration;

use pii::{Action, Detector};
use proptest::prelude::*;

fn pieces() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "a@example.com",
        "219-45-1234",
        "4111 1111 1111 1111",
        "+1 212-555-0123",
        "GB82WEST12345698765432",
        "203.0.113.9",
        "password=",
        "é",
        "\u{200b}",
        " ",
        "-",
        ".",
        "(",
        "eyJhbGciOiJIUzI1NiJ9.",
        "AKIA",
        "0x",
        "::",
        "@",
        "\u{1f600}",
        "curl -u ",
    ]);
    prop::collection::vec(prop_oneof![known.prop_map(str::to_owned), any::<String>()], 0..12).prop_map(|v| v.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// R151: never panics, spans lie on character boundaries in order, and no found value survives redaction.
    #[test]
    fn found_values_are_gone(text in pieces()) {
        let detector = Detector::standard();
        let redacted = detector.redact(&text, &Action::Marker);
        let mut at = 0;
        for entity in &redacted.entities {
            prop_assert!(entity.span.start >= at && entity.span.start < entity.span.end);
            prop_assert!(text.is_char_boundary(entity.span.start) && text.is_char_boundary(entity.span.end));
            at = entity.span.end;
        }
        let markers: String = redacted.entities.iter().map(|e| e.kind.marker()).collect();
        for entity in &redacted.entities {
            let value = &text[entity.span.start..entity.span.end];
            let elsewhere = text[..entity.span.start].contains(value) || text[entity.span.end..].contains(value);
            prop_assert!(elsewhere || markers.contains(value) || !redacted.text.contains(value));
        }
    }
}

/// How long this thread has kept a processor busy: other work on the machine does not count.
fn busy() -> Duration {
    let said = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(said.split_whitespace().next().unwrap().parse().unwrap())
}

/// A megabyte of anything ends quickly, even where every byte could begin something.
#[test]
fn a_megabyte_is_bounded() {
    for unit in [
        "1",
        "a@",
        "12-",
        "1.2.3.4 ",
        "eyJ",
        "AKIA",
        "+1 212 555 0123 ",
        "password=x ",
        "://a:b@",
        "((((",
        "a1b2c3d4",
        "::",
        "curl -u ",
        "aa=",
        "key: ",
        "token=aaaaaaaa",
    ] {
        // Phone numbers are judged one by one; a quarter says as much.
        let bytes = if unit.starts_with('+') { 1 << 18 } else { 1 << 20 };
        let text = unit.repeat(bytes / unit.len());
        let begun = busy();
        Detector::standard().find(&text);
        let took = busy() - begun;
        assert!(took < Duration::from_secs(40), "{unit:?} took {took:?}");
    }
}
