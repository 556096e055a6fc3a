//! API keys and other secrets (R147): formats of named services by their prefix, others by the service's name beside
//! them, connection strings and headers by their grammar, and whatever a line calls a secret and looks random.

mod entropy;
mod grammar;
mod named;
mod private_key;
mod table;

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

use crate::{Entity, Kind, shape::Shape};
pub(crate) use named::by_name;

static PREFIXES: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    AhoCorasick::builder()
        .match_kind(MatchKind::Standard)
        .build(table::PREFIXED.iter().map(|format| format.prefix))
        .ok()
});

/// Names of every key format known, for documentation and tests.
pub fn formats() -> impl Iterator<Item = &'static str> {
    table::PREFIXED
        .iter()
        .map(|format| format.name)
        .chain(table::CONTEXTUAL.iter().map(|format| format.name))
        .chain(grammar::NAMES.iter().copied())
}

pub(crate) fn find(text: &str, shape: Shape, found: &mut Vec<Entity>) {
    if shape.longest_token >= 10 {
        by_prefix(text, found);
    }
    if shape.longest_token >= 10 || shape.password {
        named::find(text, found);
    }
    private_key::find(text, found);
    grammar::find(text, shape, found);
}

fn by_prefix(text: &str, found: &mut Vec<Entity>) {
    let Some(prefixes) = PREFIXES.as_ref() else { return };
    let bytes = text.as_bytes();
    // A run that was measured once is not measured again by the next prefix inside it.
    for hit in prefixes.find_overlapping_iter(text) {
        let start = hit.start();
        if start > 0 && (bytes[start - 1].is_ascii_alphanumeric() || matches!(bytes[start - 1], b'_' | b'/' | b'+')) {
            continue;
        }
        let format = &table::PREFIXED[hit.pattern().as_usize()];
        // The end of a file's name: `video.ico-7a38…`.
        if format.prefix.len() < 5 && start > 0 && bytes[start - 1] == b'.' {
            continue;
        }
        let longest = bytes.len().min(hit.end() + format.max + 1);
        let mut end = hit.end();
        while end < longest && format.set.has(bytes[end]) {
            end += 1;
        }
        // Punctuation that ends a sentence belongs to the sentence.
        while end > hit.end() && matches!(bytes[end - 1], b'.' | b':' | b'-' | b'%') {
            end -= 1;
        }
        let length = end - hit.end();
        let joined = bytes.get(end).is_some_and(|b| b.is_ascii_alphanumeric());
        if length < format.min || length > format.max || joined || !text.is_char_boundary(end) {
            continue;
        }
        let body = &text[hit.end()..end];
        if entropy::is_filler(body) || !entropy::is_mixed(body, format.prefix.len()) {
            continue;
        }
        found.push(Entity::new(Kind::ApiKey, start, end, 0.96, format.name));
    }
}
