//! A provider's words, made fit to be shown: no key, no control characters, not long.

/// At most this many characters are shown.
const MAX_CHARS: usize = 300;

/// `text` without `key`, without words that look like keys, on one line, cut.
pub(super) fn scrub(text: &str, key: Option<&str>) -> String {
    let text = match key.map(str::trim).filter(|key| key.len() >= 4) {
        Some(key) => text.replace(key, "[key]"),
        None => text.to_owned(),
    };
    let mut out = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(if looks_like_a_key(word) { "[key]" } else { word });
    }
    match out.char_indices().nth(MAX_CHARS) {
        Some((at, _)) => {
            out.truncate(at);
            out.push('…');
            out
        }
        None => out,
    }
}

fn looks_like_a_key(word: &str) -> bool {
    let word = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    let prefixed = ["sk-", "sk_", "xai-", "gsk_", "hf_", "key-"].iter().any(|prefix| word.starts_with(prefix));
    prefixed
        || word.len() >= 32
            && word.bytes().any(|b| b.is_ascii_digit())
            && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_*.".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_do_not_come_back() {
        let key = ["sk", "test", "abc123"].join("-");
        assert_eq!(scrub(&format!("bad key {key}!"), Some(&key)), "bad key [key]!");
        assert_eq!(scrub(&format!("bad key '{key}'."), None), "bad key [key]");
        assert_eq!(scrub("token 0123456789abcdef0123456789abcdef bad", None), "token [key] bad");
        assert_eq!(scrub("one\r\ntwo\u{1b}[31m", None), "one two [31m");
        assert_eq!(scrub(&"word ".repeat(500), None).chars().count(), MAX_CHARS + 1);
    }
}
