//! Keywords: whole words, whatever their case, accents, width or script tricks.

use aho_corasick::AhoCorasick;

use crate::normalise::fold;

/// A keyword as it is compared.
pub(super) fn fold(word: &str) -> String {
    fold::fold(word).text.trim().to_owned()
}

/// Places in the original text.
pub(super) fn find<'a>(automaton: &'a AhoCorasick, text: &str) -> impl Iterator<Item = (usize, usize)> + use<'a> {
    let view = fold::fold(text);
    let hits: Vec<(usize, usize)> = automaton
        .find_overlapping_iter(&view.text)
        .filter(|hit| fold::stands_alone(&view.text, hit.start(), hit.end()))
        .take(super::MOST_HITS)
        .map(|hit| view.original(hit.start(), hit.end()))
        .collect();
    hits.into_iter()
}
