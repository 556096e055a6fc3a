//! Texts that are meant as plain, for clients that may yet render them.

use std::borrow::Cow;

use crate::{TooLarge, html::html};

/// The text as it is when a browser would make no element of it; otherwise what [`html`] leaves of it. `a < b` and
/// `if (a<b)` stay; `<img src=x onerror=…>` does not.
///
/// # Errors
/// [`TooLarge`].
pub fn plain(text: &str) -> Result<String, TooLarge> {
    if !text.contains('<') {
        return Ok(text.to_owned());
    }
    let (open, held) = without_open_tag(text);
    let cleaned = html(&open)?;
    // Serialising escapes text; if that is all that happened, there was only text.
    let only_text = unescaped(&cleaned) == normalised(text);
    Ok(if only_text && !held { text.to_owned() } else { cleaned })
}

/// A last `<` that no `>` follows would eat the rest of the text, so it is escaped. Whether it must stay escaped: with
/// attributes behind it, it would wait for the `>` of whatever a client puts after it.
fn without_open_tag(text: &str) -> (Cow<'_, str>, bool) {
    let closed = text.rfind('>').map_or(0, |at| at + 1);
    let (before, rest) = text.split_at(closed);
    if rest.contains('<') {
        (
            Cow::Owned(format!("{before}{}", rest.replace('<', "&lt;"))),
            rest.split('<').skip(1).any(|tag| tag.contains('=')),
        )
    } else {
        (Cow::Borrowed(text), false)
    }
}

/// What the serialiser escapes in text, and nothing else: `&amp;` last, so that nothing is unescaped twice.
fn unescaped(html: &str) -> String {
    html.replace("&lt;", "<").replace("&gt;", ">").replace("&nbsp;", "\u{a0}").replace("&amp;", "&")
}

/// Parsing turns line ends into one kind.
fn normalised(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}
