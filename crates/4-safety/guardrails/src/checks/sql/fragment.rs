//! Does a text that a user typed carry SQL? Words like "select", "union" and "or" are ordinary; what is not ordinary
//! is their grammar: a value, then an operator that SQL would go on with. The text is read three times: as it stands,
//! and as if it had been typed inside single or double quotes.

use std::borrow::Cow;

mod lex;
mod oddities;
mod shapes;

pub use shapes::Suspicion;

/// Longer texts are looked at around the places where SQL could begin.
const MOST_BYTES: usize = 64 * 1024;

/// Why `text` looks like injected SQL; `None` when it does not.
pub fn suspicion(text: &str) -> Option<Suspicion> {
    if text.len() > MOST_BYTES {
        let mut start = 0;
        while start < text.len() {
            let mut end = (start + MOST_BYTES).min(text.len());
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            if let Some(mut found) = suspicion(&text[start..end]) {
                found.span = (start, end);
                return Some(found);
            }
            if end == text.len() {
                break;
            }
            start = end - 512;
            while !text.is_char_boundary(start) {
                start -= 1;
            }
        }
        return None;
    }
    if !worth_reading(text) {
        return None;
    }
    let decoded = decode(text);
    let plain = in_plain_letters(decoded.as_deref().unwrap_or(text));
    let body = plain.as_ref();
    if let Some(mut found) = oddities::judge(body) {
        found.span = (0, text.len());
        return Some(found);
    }
    // What a person typed before the quote is a value, not a paragraph.
    let typed = |quote: char| {
        let before = &body[..body.find(quote)?];
        (before.len() <= 120 && !before.contains('\n')).then_some(Some(quote))
    };
    let readings = [Some(None), typed('\''), typed('"')];
    let judge = |body: &str, quote: Option<char>| {
        let tokens = lex::tokens(body, quote);
        shapes::judge(&tokens, quote.is_some(), body).map(|mut found| {
            found.span = (0, text.len());
            found
        })
    };
    // A backslash that the application doubles, or that its database does not know, leaves the quote as it was.
    let escaped = (body.len() <= 512 && body.contains("\\'")).then(|| body.replace("\\'", "'"));
    let again = || escaped.as_deref().and_then(|body| judge(body, Some('\'')));
    readings.into_iter().flatten().find_map(|quote| judge(body, quote)).or_else(again)
}

/// Without a quote, a digit, a bracket, a comment or a query nothing can be injected.
fn worth_reading(text: &str) -> bool {
    let sign =
        |b: u8| b.is_ascii_digit() || matches!(b, b'\'' | b'"' | b'(' | b';' | b'`' | b'@' | b'#' | b'|' | b'&' | b'{');
    let query = |word: &[u8]| word.eq_ignore_ascii_case(b"select");
    !text.is_ascii() || text.bytes().any(sign) || text.contains("--") || text.as_bytes().windows(6).any(query)
}

/// Full-width letters and quotes as databases fold them; blanks that are no spaces; letters that nobody sees gone.
fn in_plain_letters(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let wide = |c: char| match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '\u{2bc}' | '\u{2b9}' => '\'',
        '\u{fffd}' | '\u{85}' => ' ',
        _ if c.is_whitespace() && c != '\n' => ' ',
        _ => c,
    };
    let unseen = |c: &char| !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{ad}');
    Cow::Owned(text.chars().filter(unseen).map(wide).collect())
}

/// URL escapes and backslash-escaped line ends undone once.
fn decode(text: &str) -> Option<String> {
    if !text.contains('%') {
        return None;
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    let mut hits = 0;
    while i < bytes.len() {
        let escaped =
            (bytes[i] == b'%').then(|| text.get(i + 1..i + 3)).flatten().and_then(|d| u8::from_str_radix(d, 16).ok());
        match escaped {
            Some(byte) => {
                out.push(byte);
                hits += 1;
                i += 3;
            }
            None => {
                out.push(bytes[i]);
                i += 1;
            }
        }
    }
    (hits > 0).then(|| String::from_utf8_lossy(&out).into_owned())
}
