//! Names of people and places: an optional tier, off unless asked for. A small list of given names and places, titles,
//! introductions and addresses, and capital letters; no model. It finds what is written the usual way in languages
//! that tell names by capitals, and misses the rest.

mod person;
mod place;
mod words;

use std::{collections::HashSet, sync::LazyLock};

use crate::{Entity, Kind};

/// Longer runs of capitals are headings, not names.
const MOST_WORDS: usize = 4;

/// Given names, lower case.
static GIVEN: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| include_str!("given.txt").split_ascii_whitespace().collect());

/// Places of one or more words, as they are written.
static PLACES: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| include_str!("places.txt").split(['|', '\n']).filter(|place| !place.is_empty()).collect());

pub(crate) fn find(text: &str, persons: bool, places: bool, found: &mut Vec<Entity>) {
    let words = words::of(text);
    if !words.iter().any(|word| word.capital) {
        return;
    }
    let mut where_ = Vec::new();
    place::find(text, &words, &mut where_);
    where_.sort_by_key(|place| place.span);
    if persons {
        // A place is no person, unless a title or an introduction says so.
        person::find(text, &words, &where_, found);
    }
    if places {
        let mut named: Vec<Entity> = found.iter().filter(|e| e.kind == Kind::Person).cloned().collect();
        named.sort_by_key(|person| person.span);
        where_.retain(|place| !touches(&named, place.span.start, place.span.end));
        found.append(&mut where_);
    }
}

/// Whether one of `sorted` holds `start..end`. At most a few overlap in one place.
fn covers(sorted: &[Entity], start: usize, end: usize) -> bool {
    let before = sorted.partition_point(|one| one.span.start <= start);
    sorted[before.saturating_sub(4)..before].iter().any(|one| end <= one.span.end)
}

/// Whether one of `sorted` shares a byte with `start..end`.
fn touches(sorted: &[Entity], start: usize, end: usize) -> bool {
    let before = sorted.partition_point(|one| one.span.start < end);
    sorted[before.saturating_sub(4)..before].iter().any(|one| start < one.span.end)
}
