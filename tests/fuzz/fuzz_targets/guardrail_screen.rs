#![no_main]
//! Whatever text comes: a verdict, never a panic, spans inside the text.
use std::sync::LazyLock;
use guardrails::{Context, GuardrailConfig, Guardrails};
use libfuzzer_sys::fuzz_target;

static ALL: LazyLock<(Guardrails, GuardrailConfig)> = LazyLock::new(|| {
    let parameters = serde_json::json!({ "checks": ["PROMPT_INJECTION", "PII_REDACTION", "CONTENT_FILTER", "SQL_INJECTION"], "severity": "LOG" });
    (Guardrails::new(Default::default()), GuardrailConfig::parse(&parameters).expect("valid parameters"))
});

fuzz_target!(|text: &str| {
    let (guardrails, config) = &*ALL;
    let outcome = guardrails.screen_now(config, &serde_json::Value::from(text), &Context { channel: Default::default(), now: None });
    for violation in &outcome.report().violations {
        if let Some(span) = violation.finding.span {
            assert!(text.get(span.start..span.end).is_some(), "a span outside the text or inside a character");
        }
    }
});
