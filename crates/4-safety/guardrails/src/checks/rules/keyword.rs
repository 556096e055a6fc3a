//! Keywords: whole words, whatever their case, accents, width or script tricks.

use aho_corasick::AhoCorasick;

use crate::normalise::fold;

/// A keyword as it is compared.
pub(super) fn fold(word: &str) -> String {
    joined(&fold::fold(word).text).0.trim().to_owned()
}

/// `text` with a line break between words like any other blank, and where each byte of it stood.
fn joined(text: &str) -> (String, Vec<usize>) {
    let (mut out, mut places) = (String::with_capacity(text.len()), Vec::with_capacity(text.len() + 1));
    for (at, c) in text.char_indices() {
        let blank = c.is_whitespace();
        if blank && out.ends_with(' ') {
            continue;
        }
        let c = if blank { ' ' } else { c };
        out.push(c);
        places.extend(at..at + c.len_utf8());
    }
    places.push(text.len());
    (out, places)
}

/// Places in the original text.
pub(super) fn find<'a>(automaton: &'a AhoCorasick, text: &str) -> impl Iterator<Item = (usize, usize)> + use<'a> {
    let view = fold::fold(text);
    let (text, places) = joined(&view.text);
    let hits: Vec<(usize, usize)> = automaton
        .find_overlapping_iter(&text)
        .filter(|hit| fold::stands_alone(&text, hit.start(), hit.end()))
        .take(super::MOST_HITS)
        .filter_map(|hit| Some((*places.get(hit.start())?, *places.get(hit.end().checked_sub(1)?)? + 1)))
        .map(|(start, end)| view.original(start, end))
        .collect();
    hits.into_iter()
}
