//! HTML fragments, by ammonia's parser and an allow-list of our own.

use std::{borrow::Cow, collections::HashSet, sync::LazyLock};

use ammonia::{Builder, UrlRelative};

use crate::{MAX_BYTES, TooLarge, css::declarations};

/// Nesting beyond this has no use in a text and costs browsers time.
const DEEPEST: usize = 200;

static CLEANER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = Builder::default();
    builder
        .url_schemes(HashSet::from(["http", "https", "mailto", "tel"]))
        .url_relative(UrlRelative::PassThrough)
        .link_rel(Some("noopener noreferrer nofollow"))
        .add_clean_content_tags([
            "script", "style", "noscript", "template", "title", "textarea", "xmp", "iframe", "noembed", "noframes",
        ])
        .rm_tags(["map", "area", "bdo"])
        .add_generic_attributes(["style"])
        .attribute_filter(|_, attribute, value| match attribute {
            "style" => Some(declarations(value)).filter(|kept| !kept.is_empty()).map(Cow::Owned),
            _ => Some(Cow::Borrowed(value)),
        });
    builder
});

/// The fragment with only what is harmless: text, structure, links to http, https, mailto and tel, images, and the style
/// properties of [`declarations`]. What is removed leaves its text behind, scripts and styles leave nothing.
///
/// # Errors
/// [`TooLarge`].
pub fn html(fragment: &str) -> Result<String, TooLarge> {
    if fragment.len() > MAX_BYTES {
        return Err(TooLarge);
    }
    if deep(fragment) {
        return Ok(ammonia::clean_text(fragment));
    }
    Ok(CLEANER.clean(fragment).to_string())
}

/// Whether tags may nest too deep; then the whole is shown as text.
fn deep(fragment: &str) -> bool {
    const VOID: [&str; 6] = ["br", "hr", "img", "wbr", "col", "input"];
    let mut depth = 0_usize;
    for (at, _) in fragment.match_indices('<') {
        let rest = &fragment.as_bytes()[at + 1..];
        let name = rest.iter().take_while(|b| b.is_ascii_alphanumeric()).count();
        match rest.first() {
            Some(b'/') => depth = depth.saturating_sub(1),
            Some(b) if b.is_ascii_alphabetic() => {
                let name = &fragment[at + 1..at + 1 + name];
                depth += usize::from(!VOID.iter().any(|void| name.eq_ignore_ascii_case(void)));
            }
            _ => {}
        }
        if depth > DEEPEST {
            return true;
        }
    }
    false
}
