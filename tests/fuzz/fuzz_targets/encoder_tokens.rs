//! Any text as tokens: each one's place lies on character boundaries, in order.
#![no_main]

use encoder::Tokenizer;
use libfuzzer_sys::fuzz_target;

const WORDS: &str = "[UNK]\n[CLS]\n[SEP]\nign\n##ore\nprevious\n,\n.\na\nb\n##a\n##b\n指\ncafe\n";

fuzz_target!(|text: &str| {
    let Ok(tokenizer) = Tokenizer::new(WORDS) else { return };
    let mut from = 0;
    for token in tokenizer.tokens(text) {
        assert!(text.get(token.span.clone()).is_some());
        assert!(token.span.start >= from || token.inside);
        from = token.span.start;
    }
});
