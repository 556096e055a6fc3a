//! Reversible tokens: `[EMAIL_ADDRESS:tok1_…]`. The value is sealed inside the token by whoever holds the key; this
//! crate only writes tokens, finds them again and asks for what is in them.

use std::{borrow::Cow, sync::Arc};

use domain::Json;

use crate::Kind;

/// How what is sealed begins.
const MARK: &str = "tok1_";
/// A token longer than this is none.
const MOST_BYTES: usize = 8 * 1024;

/// Seals values and opens them again. The vault's keys stand behind it; see `Ports::tokens` of `guardrails`.
pub trait Tokens: Send + Sync {
    /// The sealed value in letters, digits, `-` and `_`; the same value gives the same text under one key.
    fn seal(&self, kind: Kind, value: &str) -> Option<String>;
    /// What [`seal`](Self::seal) was given; `None` for anything else, such as another team's.
    fn open(&self, kind: Kind, sealed: &str) -> Option<String>;
}

/// Who seals for [`Action::Token`](crate::Action::Token).
#[derive(Clone)]
pub struct TokenKey(pub(crate) Arc<dyn Tokens>);

impl TokenKey {
    pub fn new(tokens: Arc<dyn Tokens>) -> Self {
        Self(tokens)
    }
}
impl std::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenKey(..)")
    }
}

/// A token that does not open: made under another key, for another team or environment, or changed since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token does not open: it is another team's or environment's, or it was changed")]
pub struct NotRestored;

pub(crate) fn write(kind: Kind, sealed: &str, out: &mut String) {
    out.push('[');
    out.push_str(kind.as_str());
    out.push(':');
    out.push_str(MARK);
    out.push_str(sealed);
    out.push(']');
}

/// Where tokens and hashes of this crate stand in `text`: what is inside them is nobody's data.
pub(crate) fn spans(text: &str) -> Vec<(usize, usize)> {
    marked(text).map(|(start, end, ..)| (start, end)).collect()
}

/// Start, end, kind and body of every `[KIND:body]`.
fn marked(text: &str) -> impl Iterator<Item = (usize, usize, Kind, &str)> {
    text.match_indices('[').filter_map(move |(start, _)| {
        let rest = &text[start + 1..];
        let colon = rest.bytes().take(32).position(|b| b == b':')?;
        let kind: Kind =
            rest.get(..colon).filter(|word| word.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'))?.parse().ok()?;
        let body = &rest[colon + 1..];
        let length =
            body.bytes().take(MOST_BYTES).take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')).count();
        let closed = length > 0 && body.as_bytes().get(length) == Some(&b']');
        closed.then(|| (start, start + 1 + colon + 1 + length + 1, kind, &body[..length]))
    })
}

/// `text` with every token replaced by the value in it; how many there were.
///
/// # Errors
/// [`NotRestored`]: one of them does not open. Nothing is restored then.
pub fn restore<'t>(text: &'t str, tokens: &dyn Tokens) -> Result<(Cow<'t, str>, usize), NotRestored> {
    let (mut out, mut at, mut count) = (String::new(), 0, 0);
    for (start, end, kind, body) in marked(text) {
        let Some(sealed) = body.strip_prefix(MARK) else { continue };
        out.push_str(&text[at..start]);
        out.push_str(&tokens.open(kind, sealed).ok_or(NotRestored)?);
        at = end;
        count += 1;
    }
    if count == 0 {
        return Ok((Cow::Borrowed(text), 0));
    }
    out.push_str(&text[at..]);
    Ok((Cow::Owned(out), count))
}

/// The same in every string of `json`; members' names stay as they are.
///
/// # Errors
/// [`NotRestored`].
pub fn restore_json(json: &mut Json, tokens: &dyn Tokens) -> Result<usize, NotRestored> {
    match json {
        Json::String(text) => {
            let (Cow::Owned(new), count) = restore(text, tokens)? else { return Ok(0) };
            *text = new;
            Ok(count)
        }
        Json::Array(items) => items.iter_mut().try_fold(0, |n, item| Ok(n + restore_json(item, tokens)?)),
        Json::Object(members) => members.values_mut().try_fold(0, |n, value| Ok(n + restore_json(value, tokens)?)),
        Json::Null | Json::Bool(_) | Json::Number(_) => Ok(0),
    }
}
