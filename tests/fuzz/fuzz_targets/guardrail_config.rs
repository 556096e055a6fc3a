#![no_main]
//! Whatever parameters a guardrail node is given: read or refused, never a panic.
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(parameters) = serde_json::from_slice::<serde_json::Value>(bytes) {
        let _ = guardrails::GuardrailConfig::parse(&parameters);
    }
});
