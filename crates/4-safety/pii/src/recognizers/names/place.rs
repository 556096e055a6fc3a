//! Places: known ones, streets, and what stands behind "lives in" and its like.

use std::sync::LazyLock;

use regex::Regex;

use super::{MOST_WORDS, PLACES, words::Word};
use crate::{Entity, Kind};

/// `12 High Street`, `221b Baker St.`, `Hauptstraße 5`, `Calle Mayor 12`, `rue de Rivoli 10`.
static STREETS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?x)\b\d{1,5}[a-zA-Z]?\ (?:[A-Z][\p{L}'.]{0,24}\ ){1,4}(?:Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Way|Place|Pl|Square|Sq|Terrace|Crescent|Close|Highway|Parkway)\b\.?
        | \b\p{Lu}[\p{L}-]{2,30}(?:straße|strasse|str\.|gasse|allee|platz|weg|damm)\ \d{1,4}[a-z]?\b
        | \b(?:Calle|Avenida|Plaza|Rua|Via|Viale|Piazza|[Rr]ue|Rúa)\ (?:d[eoai]l?\ (?:la\ )?)?\p{Lu}[\p{L}']{1,24}(?:\ \p{Lu}[\p{L}']{1,24}){0,2},?\ \d{1,4}\b",
    )
    .ok()
});

/// Words right before a place that no list knows.
const BEFORE: &[&[&str]] = &[
    &["live", "in"],
    &["lives", "in"],
    &["lived", "in"],
    &["living", "in"],
    &["born", "in"],
    &["moved", "to"],
    &["moving", "to"],
    &["city", "of"],
    &["town", "of"],
    &["based", "in"],
    &["located", "in"],
    &["flight", "to"],
    &["fly", "to"],
    &["trip", "to"],
    &["travel", "to"],
    &["wohne", "in"],
    &["wohnt", "in"],
    &["vivo", "en"],
    &["habite", "à"],
    &["abito", "a"],
    &["moro", "em"],
];

pub(super) fn find(text: &str, words: &[Word<'_>], found: &mut Vec<Entity>) {
    for hit in STREETS.iter().flat_map(|streets| streets.find_iter(text)) {
        found.push(Entity::new(Kind::Location, hit.start(), hit.end(), 0.8, "place/street"));
    }
    let mut i = 0;
    while i < words.len() {
        let word = &words[i];
        if !(word.capital || word.text.len() == 2 && word.text.bytes().all(|b| b.is_ascii_uppercase())) {
            i += 1;
            continue;
        }
        let longest = (1..=MOST_WORDS.min(words.len() - i)).rev().find(|n| {
            words[i + 1..i + n].iter().all(|next| next.joined)
                && PLACES.contains(text[word.start..words[i + n - 1].end].trim_end_matches("'s"))
        });
        if let Some(n) = longest {
            found.push(Entity::new(Kind::Location, word.start, words[i + n - 1].end, 0.75, "place/known"));
            i += n;
            continue;
        }
        let told = BEFORE.iter().any(|phrase| {
            i >= phrase.len()
                && word.joined
                && words[i - phrase.len()..i].iter().zip(*phrase).all(|(w, said)| w.text.to_lowercase() == *said)
        });
        if told {
            let more = words[i + 1..].iter().take(2).take_while(|next| next.joined && next.capital).count();
            found.push(Entity::new(Kind::Location, word.start, words[i + more].end, 0.6, "place/said"));
            i += more + 1;
            continue;
        }
        i += 1;
    }
}
