//! People: behind a title, behind words that introduce somebody, or by a known given name.

use super::{GIVEN, MOST_WORDS, PLACES, words::Word};
use crate::{Entity, Kind};

const TITLES: &[&str] = &[
    "mr",
    "mrs",
    "ms",
    "miss",
    "dr",
    "prof",
    "professor",
    "sir",
    "madam",
    "dame",
    "lord",
    "lady",
    "herr",
    "frau",
    "señor",
    "señora",
    "sr",
    "sra",
    "don",
    "doña",
    "monsieur",
    "madame",
    "mme",
    "mlle",
    "signor",
    "signora",
    "sig",
    "pan",
    "pani",
    "captain",
    "capt",
    "judge",
    "senator",
    "sgt",
    "uncle",
    "aunt",
    "mevrouw",
    "meneer",
];

/// Words right before a name that is being given.
const INTRODUCTIONS: &[&[&str]] = &[
    &["name", "is"],
    &["named"],
    &["called"],
    &["dear"],
    &["regards"],
    &["sincerely"],
    &["signed"],
    &["ich", "heiße"],
    &["je", "m'appelle"],
    &["me", "llamo"],
    &["mi", "chiamo"],
    &["chamo-me"],
    &["ask", "for"],
    &["attn"],
    &["says"],
    &["call", "me"],
    &["directed", "by"],
    &["written", "by"],
    &["tribute", "to"],
    &["spoke", "to"],
    &["spoke", "with"],
    &["speak", "to"],
    &["speak", "with"],
    &["talk", "to"],
    &["name"],
    &["customer"],
    &["patient"],
    &["cardholder"],
    &["recipient"],
    &["sender"],
    &["surname"],
    &["holder"],
];

/// The same, where the name has to be a known one: too much else may follow.
const HINTS: &[&[&str]] = &[&["i'm"], &["i", "am"], &["this", "is"], &["hi"], &["hello"], &["hey"], &["from"], &["by"]];

/// Given names that are words as well: a surname has to follow.
const ALSO_WORDS: &[&str] = &[
    "art",
    "mark",
    "will",
    "grace",
    "hope",
    "rose",
    "bill",
    "jack",
    "frank",
    "drew",
    "joy",
    "dean",
    "grant",
    "chase",
    "christian",
    "jordan",
    "may",
    "april",
    "june",
    "august",
    "max",
    "ray",
    "rob",
    "sue",
    "pat",
    "earl",
    "guy",
    "gene",
    "miles",
    "per",
    "kai",
    "jun",
    "said",
    "wade",
    "iris",
    "ivy",
    "daisy",
    "viola",
    "aurora",
    "mercedes",
    "florence",
    "li",
    "wang",
    "chen",
    "liu",
    "ming",
    "wei",
    "mei",
    "jan",
    "don",
    "milan",
    "sofia",
    "santiago",
    "roman",
    "ali",
    "kelly",
];

const PARTICLES: &[&str] = &[
    "van", "von", "de", "der", "den", "da", "di", "del", "della", "la", "le", "bin", "al", "el", "dos", "du", "ten",
    "zu",
];

/// Capitals that are no part of a name.
const OTHERS: &[&str] = &[
    "I",
    "The",
    "A",
    "An",
    "My",
    "Your",
    "Our",
    "Their",
    "His",
    "Her",
    "This",
    "That",
    "Please",
    "Thanks",
    "Thank",
    "Hi",
    "Hello",
    "Dear",
    "Street",
    "Road",
    "Avenue",
    "University",
    "Inc",
    "Ltd",
    "LLC",
    "GmbH",
    "Bank",
    "Company",
    "School",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
    "English",
    "Internet",
    "Customer",
    "Service",
    "Sales",
    "Support",
    "Team",
    "Department",
    "Hospital",
    "Park",
    "Airport",
    "And",
    "Or",
    "But",
    "If",
    "When",
    "It",
    "We",
    "You",
    "He",
    "She",
    "They",
    "What",
    "Who",
    "Where",
    "How",
    "Is",
    "Are",
    "To",
    "In",
    "On",
    "At",
    "For",
    "Sir",
    "Madam",
    "All",
    "Everyone",
    "Order",
    "Invoice",
    "Account",
    "Card",
    "Email",
    "Phone",
    "Address",
    "Church",
];

pub(super) fn find(text: &str, words: &[Word<'_>], places: &[Entity], found: &mut Vec<Entity>) {
    let mut i = 0;
    while i < words.len() {
        let lower = words[i].text.to_lowercase();
        if words[i].capital && TITLES.contains(&lower.as_str()) {
            let end = run(words, i + 1, true);
            if end > i + 1 {
                push(words, i + 1, end, 0.85, "person/title", found);
                i = end;
                continue;
            }
        }
        if words[i].capital && !is_other(words[i].text) {
            let introduced = follows(text, words, i, INTRODUCTIONS);
            let known = GIVEN.contains(lower.as_str());
            let hinted = known && follows(text, words, i, HINTS);
            let end = run(words, i, false);
            let placed = super::covers(places, words[i].start, words[i].end);
            let length = end - i;
            let wordy = ALSO_WORDS.contains(&lower.as_str());
            let score = match () {
                () if introduced && length >= 1 && !placed => Some(0.8),
                () if known && length >= 2 && !(placed && length == 2 && PLACES.contains(words[i + 1].text)) => {
                    Some(0.75)
                }
                () if hinted && !wordy => Some(0.7),
                () if known && !wordy && !placed => Some(0.5),
                () => None,
            };
            if let Some(score) = score {
                push(words, i, end.max(i + 1), score, "person/name", found);
                i = end.max(i + 1);
                continue;
            }
        }
        i += 1;
    }
}

/// The end of the run of name-like words from `i`: capitals, initials, and particles between them.
fn run(words: &[Word<'_>], from: usize, behind_a_title: bool) -> usize {
    let mut end = from;
    let mut at = from;
    while at < words.len() && at - from < MOST_WORDS {
        let word = &words[at];
        if at > from && !word.joined || at == from && behind_a_title && !word.joined {
            break;
        }
        if word.capital && !is_other(word.text) {
            at += 1;
            end = at;
        } else if at > from && PARTICLES.contains(&word.text) {
            at += 1;
        } else {
            break;
        }
    }
    end
}

fn is_other(word: &str) -> bool {
    OTHERS.contains(&word)
}

/// Whether one of `phrases` stands right before word `i`, with nothing but a blank, a colon or a comma between.
fn follows(text: &str, words: &[Word<'_>], i: usize, phrases: &[&[&str]]) -> bool {
    phrases.iter().any(|phrase| {
        let Some(from) = i.checked_sub(phrase.len()) else { return false };
        let same =
            words[from..i].iter().zip(*phrase).all(|(word, said)| word.text.replace('’', "'").to_lowercase() == *said);
        // A label alone needs its colon: `Name: Jane Roe`, not `the customer Jane`.
        let gap = &text[words[i - 1].end..words[i].start];
        let label = phrase.len() == 1
            && !matches!(
                phrase[0],
                "named" | "called" | "dear" | "says" | "i'm" | "hi" | "hello" | "hey" | "from" | "by"
            );
        same && gap.len() <= 12
            && if label { gap.contains([':', ',', '\n', '=']) } else { gap.trim().is_empty() || gap.trim() == ":" }
    })
}

fn push(words: &[Word<'_>], from: usize, end: usize, score: f32, rule: &'static str, found: &mut Vec<Entity>) {
    let last = &words[end - 1];
    found.push(Entity::new(Kind::Person, words[from].start, last.end, score, rule));
}
