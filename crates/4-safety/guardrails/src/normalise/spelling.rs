//! Other ways of spelling: digits as letters, single letters with something between, rot13, backwards.

use super::{Normalised, fold::Map};

/// Reads digits and signs inside words as letters; `None` when no word mixes both.
pub fn leet(view: &Normalised) -> Option<(String, Map)> {
    let text = view.text.as_str();
    let mut out = String::new();
    let mut changed = 0;
    let mut at = 0;
    for word in text.split_inclusive(|c: char| !(c.is_alphanumeric() || matches!(c, '@' | '$' | '!' | '|'))) {
        let core = word.trim_end_matches(|c: char| !c.is_alphanumeric());
        let letters = core.bytes().filter(u8::is_ascii_lowercase).count();
        let signs = core.bytes().filter(|b| letter(*b).is_some()).count();
        let mixed = letters >= 1 && signs >= 1 && core.len() >= 3 && core.len() <= 24 && signs <= letters * 2 + 1;
        if mixed {
            changed += 1;
            out.extend(
                word.char_indices().map(|(i, c)| {
                    if i < core.len() && c.is_ascii() { letter(c as u8).map_or(c, char::from) } else { c }
                }),
            );
        } else {
            out.push_str(word);
        }
        at += word.len();
    }
    debug_assert_eq!(at, text.len());
    (changed >= 1).then(|| (out, view.map.clone()))
}

const fn letter(b: u8) -> Option<u8> {
    Some(match b {
        b'0' => b'o',
        b'1' | b'!' | b'|' => b'i',
        b'3' => b'e',
        b'4' | b'@' => b'a',
        b'5' | b'$' => b's',
        b'7' => b't',
        b'8' => b'b',
        _ => return None,
    })
}

/// Joins runs of at least eight single letters; what stands between longer gaps stays apart. `None` without a run.
pub fn spaced(view: &Normalised) -> Option<(String, Map)> {
    let chars: Vec<(usize, char)> = view.text.char_indices().collect();
    let mut out = String::new();
    let mut map = Map::default();
    let mut found = false;
    let mut i = 0;
    while i < chars.len() {
        let length = run(&chars[i..]);
        let boundary = i == 0 || !chars[i - 1].1.is_alphanumeric();
        if length >= 15 && boundary {
            found = true;
            for &(at, c) in chars[i..i + length].iter().filter(|(_, c)| c.is_alphanumeric()) {
                let (from, to) = view.original(at, at + c.len_utf8());
                out.push(c);
                map.push(c.len_utf8(), from, to - from);
            }
            i += length;
        } else {
            i += 1;
        }
    }
    found.then_some((out, map))
}

/// Characters of a run `a b c d`, `a.b.c.d`, `a-b-c`: letter, separator, letter, … A blank may be doubled by another.
fn run(chars: &[(usize, char)]) -> usize {
    let mut i = 0;
    let mut end = 0;
    while i < chars.len() && chars[i].1.is_alphanumeric() {
        end = i + 1;
        let mut gap = i + 1;
        while gap < chars.len()
            && gap < i + 4
            && matches!(chars[gap].1, ' ' | '.' | '-' | '_' | '*' | '|' | '/' | ',' | '+' | '\n')
        {
            gap += 1;
        }
        if gap == i + 1 {
            // Two letters side by side end the run before the second word's first letter.
            if gap < chars.len() && chars[gap].1.is_alphanumeric() {
                end = end.saturating_sub(2);
            }
            break;
        }
        i = gap;
    }
    end
}

pub fn rot13(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            'a'..='m' => char::from(c as u8 + 13),
            'n'..='z' => char::from(c as u8 - 13),
            other => other,
        })
        .collect()
}

/// The letters from last to first.
pub fn reversed(view: &Normalised) -> Option<(String, Map)> {
    if view.text.len() < 16 {
        return None;
    }
    let mut out = String::with_capacity(view.text.len());
    let (start, end) = view.original(0, view.text.len());
    out.extend(view.text.chars().rev());
    let map = Map::whole(out.len(), start, end);
    Some((out, map))
}
