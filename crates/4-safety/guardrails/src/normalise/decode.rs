//! Decoding what is written in base64, hexadecimal, URL, HTML and backslash escapes, at most twice.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::{MOST_VIEWS, Normalised, View, fold};

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Adds every decoded reading of `text`.
pub fn views(text: &str, budget: &mut usize, out: &mut Vec<Normalised>) {
    level(text, None, 2, budget, out);
}

/// `origin`: where the text as a whole stands in the original, when it was decoded itself.
fn level(text: &str, origin: Option<(usize, usize)>, depth: usize, budget: &mut usize, out: &mut Vec<Normalised>) {
    if depth == 0 || out.len() >= MOST_VIEWS {
        return;
    }
    let mut decoded: Vec<(View, String, usize, usize)> = Vec::new();
    runs(text, budget, &mut decoded);
    let bytes = text.as_bytes();
    let count = |b: u8| bytes.iter().filter(|x| **x == b).count();
    if count(b'%') >= 3 {
        decoded.extend(whole(View::Url, url(text), text, budget));
    }
    if bytes.contains(&b'&') && bytes.contains(&b';') {
        decoded.extend(whole(View::Html, html(text), text, budget));
    }
    if count(b'\\') >= 3 {
        decoded.extend(whole(View::Escapes, escapes(text), text, budget));
    }
    for (view, plain, start, end) in decoded {
        let (start, end) = origin.unwrap_or((start, end));
        let folded = fold::fold(&plain);
        let map = fold::Map::whole(folded.text.len(), start, end);
        out.push(Normalised { view, text: folded.text, map, loose: false });
        level(&plain, Some((start, end)), depth - 1, budget, out);
        if out.len() >= MOST_VIEWS {
            return;
        }
    }
}

fn whole(view: View, plain: Option<String>, text: &str, budget: &mut usize) -> Option<(View, String, usize, usize)> {
    let plain = plain?;
    *budget = budget.checked_sub(plain.len())?;
    Some((view, plain, 0, text.len()))
}

/// Runs of encoding characters that decode to readable text.
fn runs(text: &str, budget: &mut usize, out: &mut Vec<(View, String, usize, usize)>) {
    let bytes = text.as_bytes();
    let mut start = 0;
    while start < bytes.len() {
        if !is_base64(bytes[start]) {
            start += 1;
            continue;
        }
        let mut end = start;
        while end < bytes.len() && is_base64(bytes[end]) {
            end += 1;
        }
        if end - start >= 16 && out.len() < MOST_VIEWS {
            let run = &text[start..end];
            let tries = [
                (View::Hex, hex(run)),
                (
                    View::Base64,
                    if run.len() >= 16 {
                        STANDARD.decode(run).ok().or_else(|| URL_SAFE.decode(run).ok())
                    } else {
                        None
                    },
                ),
            ];
            for (view, plain) in tries {
                let Some(plain) = plain.and_then(readable) else { continue };
                let Some(rest) = budget.checked_sub(plain.len()) else { return };
                *budget = rest;
                out.push((view, plain, start, end));
                break;
            }
        }
        start = end.max(start + 1);
    }
    spaced_hex(text, budget, out);
}

/// `69 67 6e 6f …` and `0x69 0x67 …`.
fn spaced_hex(text: &str, budget: &mut usize, out: &mut Vec<(View, String, usize, usize)>) {
    let mut plain = Vec::new();
    let (mut start, mut end) = (0, 0);
    let mut flush = |plain: &mut Vec<u8>, start: usize, end: usize| {
        if plain.len() >= 8
            && let Some(words) = readable(std::mem::take(plain))
            && let Some(rest) = budget.checked_sub(words.len())
        {
            *budget = rest;
            out.push((View::Hex, words, start, end));
        }
        plain.clear();
    };
    let mut at = 0;
    for word in text.split_inclusive([' ', ',', '\n', ':']) {
        let core = word.trim_end_matches([' ', ',', '\n', ':']);
        let core = core.strip_prefix("0x").or_else(|| core.strip_prefix("\\x")).unwrap_or(core);
        let byte = (core.len() == 2).then(|| u8::from_str_radix(core, 16).ok()).flatten();
        match byte {
            Some(byte) => {
                if plain.is_empty() {
                    start = at;
                }
                plain.push(byte);
                end = at + word.len();
            }
            None => flush(&mut plain, start, end),
        }
        at += word.len();
    }
    flush(&mut plain, start, end);
}

const fn is_base64(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=' | b'-' | b'_')
}

fn hex(run: &str) -> Option<Vec<u8>> {
    if !run.len().is_multiple_of(2) || !run.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    (0..run.len()).step_by(2).map(|i| u8::from_str_radix(&run[i..i + 2], 16).ok()).collect()
}

/// Text that a person could read: words decode to words, keys and hashes decode to noise.
fn readable(bytes: Vec<u8>) -> Option<String> {
    let text = String::from_utf8(bytes).ok()?;
    let letters = text.chars().filter(|c| c.is_alphabetic() || *c == ' ').count();
    let all = text.chars().count();
    (all >= 6 && letters * 10 >= all * 7 && !text.chars().any(|c| c.is_control() && !c.is_whitespace())).then_some(text)
}

fn url(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    let mut hits = 0;
    while i < bytes.len() {
        if bytes[i] == b'%'
            && let Some(byte) = text.get(i + 1..i + 3).and_then(|digits| u8::from_str_radix(digits, 16).ok())
        {
            out.push(byte);
            hits += 1;
            i += 3;
        } else {
            out.push(if bytes[i] == b'+' { b' ' } else { bytes[i] });
            i += 1;
        }
    }
    (hits >= 3).then(|| String::from_utf8_lossy(&out).into_owned())
}

fn html(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut hits = 0;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.bytes().take(12).position(|b| b == b';');
        match end.and_then(|end| entity(&rest[1..end]).map(|c| (c, end))) {
            Some((c, end)) => {
                out.push(c);
                hits += 1;
                rest = &rest[end + 1..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    (hits >= 1).then_some(out)
}

fn entity(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code);
    }
    Some(match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        _ => return None,
    })
}

/// `\u0069`, `\x69`, `\n`.
fn escapes(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut hits = 0;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let (code, length) = match after.as_bytes().first() {
            Some(b'u') if after.starts_with("u{") => {
                let end = after.find('}').unwrap_or(0);
                (after.get(2..end).and_then(|digits| u32::from_str_radix(digits, 16).ok()), end + 1)
            }
            Some(b'u') => (after.get(1..5).and_then(|digits| u32::from_str_radix(digits, 16).ok()), 5),
            Some(b'x') => (after.get(1..3).and_then(|digits| u32::from_str_radix(digits, 16).ok()), 3),
            _ => (None, 0),
        };
        match code.and_then(char::from_u32) {
            Some(c) => {
                out.push(c);
                hits += 1;
                rest = &after[length..];
            }
            None => {
                out.push('\\');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    (hits >= 3).then_some(out)
}
