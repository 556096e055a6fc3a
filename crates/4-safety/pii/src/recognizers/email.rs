//! Email addresses (R143): around each `@`, a local part and a domain with a top level that is a word.

use super::digits;
use crate::{Entity, Kind};

/// Endings of file names: `logo@2x.png` is no address.
const FILES: &[&str] = &[
    "png", "jpg", "jpeg", "gif", "svg", "webp", "py", "js", "ts", "tsx", "jsx", "css", "html", "json", "yml", "yaml",
    "xml", "txt", "md", "exe", "dll", "jar", "java", "cpp", "hpp", "php", "rb", "ini", "cfg", "conf", "lock", "toml",
    "class", "min",
];

pub fn find(text: &str, found: &mut Vec<Entity>) {
    let mut from = 0;
    while let Some(offset) = text[from..].find('@') {
        let at = from + offset;
        from = at + 1;
        if let Some((start, end)) = around(text, at) {
            found.push(Entity::new(Kind::EmailAddress, start, end, 0.95, "email"));
            from = end;
        }
    }
}

fn is_local(c: char) -> bool {
    c.is_alphanumeric()
        || matches!(
            c,
            '.' | '_' | '%' | '+' | '-' | '\'' | '!' | '#' | '$' | '&' | '*' | '=' | '?' | '^' | '{' | '|' | '}' | '~'
        )
}

fn around(text: &str, at: usize) -> Option<(usize, usize)> {
    // RFC 5321 allows 64 bytes before the sign; the bound keeps a flood of signs linear.
    let from = digits::floor(text, at.saturating_sub(64));
    let mut start = at;
    for (index, c) in text[from..at].char_indices().rev() {
        if !is_local(c) {
            break;
        }
        start = from + index;
    }
    // What only frames an address is not part of it, and neither is the name of a parameter before a `=`.
    if let Some(sign) = text[start..at].rfind('=') {
        start += sign + 1;
    }
    start +=
        text[start..at].len() - text[start..at].trim_start_matches(|c: char| !c.is_alphanumeric() && c != '_').len();
    if start >= at || text[..at].ends_with('.') || text[start..at].contains("..") {
        return None;
    }
    let mut end = at + 1;
    let mut top = end;
    let mut labels = 0;
    for label in text[at + 1..digits::floor(text, at + 255)].split('.') {
        let length: usize = label.chars().take_while(|c| c.is_alphanumeric() || *c == '-').map(char::len_utf8).sum();
        if length == 0 || label.starts_with('-') {
            break;
        }
        let begin = if labels == 0 { end } else { end + 1 };
        // A dot that ends the sentence, or a domain that stops inside this label.
        top = begin;
        end = begin + length;
        labels += 1;
        if length < label.len() {
            break;
        }
    }
    let last = text[top..end].trim_end_matches('-');
    let end = top + last.len();
    let named = last.chars().count() >= 2 && (last.starts_with("xn--") || last.chars().all(char::is_alphabetic));
    if labels < 2 || !named || FILES.contains(&last.to_ascii_lowercase().as_str()) {
        return None;
    }
    // `git@host.org:team/repo` and `ssh://git@host.org/…` name a machine's account, the same for everybody.
    if &text[start..at] == "git" && text[end..].starts_with([':', '/']) {
        return None;
    }
    Some((start, end))
}
