//! A text as a model would read it, however it was dressed up: one folded view, and further views of what is written
//! in another alphabet of digits, spaced out, or encoded; every byte of a view knows where it came from.
//!
//! Bounded: at most [`MOST_VIEWS`] views, decoded at most twice, [`MOST_DECODED`] bytes in all.

mod confusables;
mod decode;
pub(crate) mod fold;
mod spelling;

/// Views of one text.
pub(crate) const MOST_VIEWS: usize = 48;
/// Bytes of all decoded views together.
pub(crate) const MOST_DECODED: usize = 256 * 1024;

/// How a view was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum View {
    /// NFKC, lower case, look-alikes and accents folded, invisible characters removed.
    Folded,
    /// Digits and signs read as letters.
    Leet,
    /// Single letters joined.
    Spaced,
    /// Written in invisible tag characters.
    Tags,
    Base64,
    Hex,
    Url,
    Html,
    Escapes,
    Rot13,
    Reversed,
}

impl View {
    /// In words, for a finding's reason.
    pub fn words(self) -> &'static str {
        match self {
            Self::Folded => "",
            Self::Leet => "digits written as letters",
            Self::Spaced => "spaced-out letters",
            Self::Tags => "invisible tag characters",
            Self::Base64 => "base64",
            Self::Hex => "hexadecimal",
            Self::Url => "URL escapes",
            Self::Html => "HTML escapes",
            Self::Escapes => "backslash escapes",
            Self::Rot13 => "rot13",
            Self::Reversed => "reversed letters",
        }
    }
}

/// One reading of a text.
#[derive(Debug, Clone)]
pub struct Normalised {
    pub view: View,
    /// The reading; folded, so lower case.
    pub text: String,
    map: fold::Map,
    /// The view has no reliable word boundaries.
    pub loose: bool,
}

impl Normalised {
    /// The original bytes that `start..end` of this reading came from; always on character boundaries.
    pub fn original(&self, start: usize, end: usize) -> (usize, usize) {
        self.map.range(start, end)
    }
}

/// Every reading of `text`, the folded one first.
pub fn normalise(text: &str) -> Vec<Normalised> {
    let first = fold::fold_with_hidden(text);
    let mut budget = MOST_DECODED;
    let mut views = Vec::with_capacity(2);
    let hidden = first.hidden;
    views.push(Normalised { view: View::Folded, text: first.folded.text, map: first.folded.map, loose: false });
    if let Some(hidden) = hidden {
        views.push(Normalised { view: View::Tags, text: hidden.text, map: hidden.map, loose: false });
    }
    if let Some((leet, map)) = spelling::leet(&views[0]) {
        views.push(Normalised { view: View::Leet, text: leet, map, loose: false });
    }
    if let Some((joined, map)) = spelling::spaced(&views[0]) {
        views.push(Normalised { view: View::Spaced, text: joined, map, loose: true });
    }
    decode::views(text, &mut budget, &mut views);
    if text.len() <= 8 * 1024 {
        let (rotated, reversed) = (spelling::rot13(&views[0].text), spelling::reversed(&views[0]));
        let map = views[0].map.clone();
        views.push(Normalised { view: View::Rot13, text: rotated, map, loose: false });
        if let Some((text, map)) = reversed {
            views.push(Normalised { view: View::Reversed, text, map, loose: false });
        }
    }
    views.truncate(MOST_VIEWS);
    views
}
