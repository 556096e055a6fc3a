//! However a stream is cut: nothing that is found in the whole text leaves it.
#![no_main]

use std::sync::LazyLock;

use guardrails::{Context, GuardrailConfig, Guardrails, StreamScreen};
use libfuzzer_sys::fuzz_target;

static CONFIG: LazyLock<GuardrailConfig> = LazyLock::new(|| {
    let parameters = serde_json::json!({ "checks": ["PII_REDACTION"] });
    GuardrailConfig::parse(&parameters).expect("the documented parameters read")
});

fuzz_target!(|input: (String, Vec<u8>)| {
    let (text, cuts) = input;
    let mut stream = StreamScreen::new(&Guardrails::default(), &CONFIG, Context::default());
    let (mut out, mut at, mut cuts) = (String::new(), 0, cuts.into_iter().cycle());
    while at < text.len() {
        let mut end = (at + usize::from(cuts.next().unwrap_or(7)) * 16 + 1).min(text.len());
        while !text.is_char_boundary(end) {
            end += 1;
        }
        out.push_str(&stream.push(&text[at..end]).ready);
        at = end;
    }
    out.push_str(&futures::executor::block_on(stream.finish()).ready);
    for entity in pii::Detector::standard().find(&text) {
        let value = &text[entity.span.start..entity.span.end];
        let times = |hay: &str| hay.matches(value).count();
        assert!(times(&out) < times(&text) || !out.contains(value), "{value:?} left");
    }
});
