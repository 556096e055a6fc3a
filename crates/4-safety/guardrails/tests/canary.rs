//! Canaries in a stream: what a check redacts leaves in no piece, wherever it is cut.
#![allow(clippy::unwrap_used, reason = "a test that cannot read its own input has failed")]

use guardrails::{Context, GuardrailConfig, Guardrails, StreamScreen};
use serde_json::json;

/// Assembled, so that no scanner takes this file for a leak.
fn canaries() -> Vec<String> {
    let key = ["sk-", "proj-", "q7Xn2Lw9Rt4Vb8Kc3Mz6Hd1Fg5Js0Py7Qa2WeU4iO9zB6kT1"].concat();
    vec!["jane.canary@example.org".to_owned(), "4012888888881881".to_owned(), "536-22-8172".to_owned(), key]
}

async fn leaves(text: &str, severity: &str, cut: usize) -> Vec<String> {
    let config = GuardrailConfig::parse(&json!({ "checks": ["PII_REDACTION"], "severity": severity })).unwrap();
    let mut stream = StreamScreen::new(&Guardrails::default(), &config, Context::default());
    let mut pieces = Vec::new();
    for piece in text.as_bytes().chunks(cut) {
        pieces.push(stream.push(std::str::from_utf8(piece).unwrap()).ready);
    }
    pieces.push(stream.finish().await.ready);
    pieces
}

/// R143 to R145, R147, R150: under REDACT nothing planted leaves, in any piece or across two; R187: under LOG all of it
/// does, which is the control.
#[tokio::test]
async fn no_canary_leaves_in_a_stream() {
    let [email, card, ssn, key] = <[String; 4]>::try_from(canaries()).unwrap();
    let text = format!(
        "{}I am {email}, my SSN is {ssn}, my card is {card} and my key is {key}. {}",
        "All is well. ".repeat(300),
        "Bye. ".repeat(300)
    );
    for cut in [1, 7, 64, 4096] {
        let pieces = leaves(&text, "REDACT", cut).await;
        let whole = pieces.concat();
        assert!(canaries().iter().all(|canary| !whole.contains(canary)), "cut at {cut}: {whole}");
        assert!(whole.contains("[EMAIL_ADDRESS]") && whole.ends_with("Bye. "), "cut at {cut}");
        let open = leaves(&text, "LOG", cut).await.concat();
        assert_eq!(open, text, "the control");
    }
}
