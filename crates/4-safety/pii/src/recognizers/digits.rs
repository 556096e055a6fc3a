//! Small arithmetic and context helpers that several recognizers share.

/// The digits of `text` as numbers.
pub fn of(text: &str) -> Vec<u8> {
    text.bytes().filter(u8::is_ascii_digit).map(|b| b - b'0').collect()
}

/// The Luhn check (ISO/IEC 7812).
pub fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(i, &d)| {
            let d = u32::from(d);
            if i % 2 == 1 { if d * 2 > 9 { d * 2 - 9 } else { d * 2 } } else { d }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Every digit the same: never issued, often typed.
pub fn all_same(digits: &[u8]) -> bool {
    digits.windows(2).all(|pair| pair[0] == pair[1])
}

/// A day that a calendar has (years are not looked at).
pub fn is_day(month: u32, day: u32) -> bool {
    (1..=12).contains(&month) && (1..=31).contains(&day) && !(month == 2 && day > 29)
}

/// The number that `digits` spell.
pub fn number(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |n, &d| n.wrapping_mul(10).wrapping_add(u64::from(d)))
}

/// True when neither neighbour of `start..end` is a letter, a digit or `_`, so that a GUID or an identifier gives up
/// no part of itself.
pub fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    let joins = |c: char| c.is_alphanumeric() && !is_unspaced(c) || c == '_';
    !text[..start].chars().next_back().is_some_and(joins) && !text[end..].chars().next().is_some_and(joins)
}

/// [`stands_alone`], and no digit beyond one `.`, `-`, `/` or `:` on either side either.
pub fn stands_apart(text: &str, start: usize, end: usize) -> bool {
    if !stands_alone(text, start, end) {
        return false;
    }
    let bytes = text.as_bytes();
    let glue = |b: u8| matches!(b, b'.' | b'-' | b'/' | b':' | b'#');
    let before = start >= 2 && glue(bytes[start - 1]) && bytes[start - 2].is_ascii_alphanumeric();
    let after = end + 1 < bytes.len() && glue(bytes[end]) && bytes[end + 1].is_ascii_digit();
    !before && !after
}

/// Whether one of `words` (lower case) stands shortly before or right after `start..end`.
pub fn near(text: &str, start: usize, end: usize, words: &[&str]) -> bool {
    let from = floor(text, start.saturating_sub(56));
    let to = floor(text, (end + 28).min(text.len()));
    let mut window = text[from..start].to_lowercase();
    window.push(' ');
    window.push_str(&text[end..to.max(end)].to_lowercase());
    has_any(&window, words)
}

/// Whether one of `words` stands shortly before `start`.
pub fn before(text: &str, start: usize, reach: usize, words: &[&str]) -> bool {
    let window = text[floor(text, start.saturating_sub(reach))..start].to_lowercase();
    has_any(&window, words)
}

/// One of `words` in `window`; those of other scripts are not looked for in plain letters.
fn has_any(window: &str, words: &[&str]) -> bool {
    let plain = window.is_ascii();
    words.iter().any(|word| (!plain || word.is_ascii()) && has_word(window, word))
}

/// `word` in `window`, not inside another word (a plural `s` may follow).
fn has_word(window: &str, word: &str) -> bool {
    window.match_indices(word).any(|(at, _)| {
        let left = window[..at].chars().next_back();
        let rest = &window[at + word.len()..];
        let right = rest.strip_prefix('s').unwrap_or(rest).chars().next();
        // Where writing leaves no blanks between words, neighbours say nothing.
        let unspaced = word.chars().next_back().is_some_and(is_unspaced);
        unspaced || !left.is_some_and(char::is_alphabetic) && !right.is_some_and(char::is_alphabetic)
    })
}

/// Chinese, Japanese, Korean (whose particles cling to the word) and Thai.
const fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{e7f}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}')
}

/// The nearest character boundary at or below `at`.
pub fn floor(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
