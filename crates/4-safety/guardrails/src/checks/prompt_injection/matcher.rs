//! Finds every word of the lexicon in one pass, as a list of places with a class.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

use super::lexicon;
use crate::normalise::fold;

/// What a word does in an attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// Verbs that take something out of force.
    Ignore,
    /// Verbs that do so only where the thing is the assistant's own.
    IgnoreWeak,
    /// Which one: the assistant's own.
    Your,
    /// What anybody may have, and an assistant too.
    InstrWeak,
    /// Which one: earlier, all, your, the system's.
    Prior,
    /// What an assistant was told.
    Instr,
    /// All of what was said before, in one phrase.
    AllPrior,
    /// Verbs that bring something out.
    Reveal,
    /// The text that an assistant was set up with.
    Prompt,
    /// Something else that it should keep to itself.
    Secret,
    /// What an assistant's set-up is called without naming it: underlying, foundational, secret …
    Core,
    /// What that set-up does: drives, guides, underlies an assistant.
    Operate,
    /// An assistant's own ways.
    Own,
    /// The speaker's own will as the new law.
    Mine,
    /// A new role.
    YouAre,
    /// A new role from this moment on.
    NowOn,
    /// Without limits.
    Free,
    /// Names of known jailbreaks.
    Jailbreak,
    /// Instructions that replace others.
    NewInstr,
    /// What hijacked assistants are made to say.
    Hijack,
    /// Putting words into its mouth.
    Say,
    /// Addressed to an assistant or its answer.
    Assist,
    /// Something to be done with tools.
    Tool,
    /// Talk about attacks rather than an attack.
    Mention,
}

/// One word found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    pub class: Class,
    pub start: usize,
    pub end: usize,
}

struct Compiled {
    automaton: AhoCorasick,
    /// Per pattern: class, open ending.
    words: Vec<(Class, bool)>,
}

static COMPILED: LazyLock<Option<Compiled>> = LazyLock::new(|| {
    let mut patterns = Vec::new();
    let mut words = Vec::new();
    for (class, list) in lexicon::all() {
        for word in list.split('|') {
            // A `*` inside a phrase would need more than an automaton; such phrases end at it.
            let (body, open) = word.split_once('*').map_or((word, false), |(body, _)| (body, true));
            let folded = fold::fold(body).text;
            let folded = folded.trim();
            if !folded.is_empty() {
                patterns.push(folded.to_owned());
                words.push((*class, open));
            }
        }
    }
    let automaton = AhoCorasick::builder().match_kind(MatchKind::Standard).build(&patterns).ok()?;
    Some(Compiled { automaton, words })
});

/// More words than this in one text say nothing new.
const MOST_HITS: usize = 20_000;

/// All words in `text` (folded), by place. `loose` text has no boundaries to respect.
pub fn hits(text: &str, loose: bool) -> Vec<Hit> {
    let Some(compiled) = COMPILED.as_ref() else { return Vec::new() };
    let mut hits = Vec::new();
    if loose {
        for hit in LOOSE.as_ref().into_iter().flat_map(|loose| loose.automaton.find_overlapping_iter(text)) {
            let class = LOOSE.as_ref().map(|loose| loose.words[hit.pattern().as_usize()].0);
            hits.extend(class.map(|class| Hit { class, start: hit.start(), end: hit.end() }));
            if hits.len() >= MOST_HITS {
                break;
            }
        }
    } else {
        for hit in compiled.automaton.find_overlapping_iter(text) {
            let (class, open) = compiled.words[hit.pattern().as_usize()];
            if alone(text, hit.start(), hit.end(), open) {
                let end = if open { word_end(text, hit.end()) } else { hit.end() };
                hits.push(Hit { class, start: hit.start(), end });
                if hits.len() >= MOST_HITS {
                    break;
                }
            }
        }
    }
    hits.sort_by_key(|hit| (hit.start, hit.end, hit.class));
    hits
}

/// The longer words without their blanks, for text whose own blanks are gone.
static LOOSE: LazyLock<Option<Compiled>> = LazyLock::new(|| {
    let mut patterns = Vec::new();
    let mut words = Vec::new();
    for (class, list) in lexicon::all() {
        for word in list.split('|') {
            let folded: String =
                fold::fold(word.trim_end_matches('*')).text.chars().filter(|c| c.is_alphanumeric()).collect();
            if folded.chars().count() >= 4 && folded.is_ascii() {
                patterns.push(folded);
                words.push((*class, true));
            }
        }
    }
    let automaton = AhoCorasick::builder().match_kind(MatchKind::Standard).build(&patterns).ok()?;
    Some(Compiled { automaton, words })
});

/// The end of the word that `at` stands in; looks a few letters ahead at most.
fn word_end(text: &str, at: usize) -> usize {
    let rest = text[at..].chars().take(16).take_while(|c| c.is_alphanumeric() && !fold::unspaced(*c));
    at + rest.map(char::len_utf8).sum::<usize>()
}

fn alone(text: &str, start: usize, end: usize, open: bool) -> bool {
    let Some(first) = text[start..].chars().next() else { return false };
    if fold::unspaced(first) {
        return true;
    }
    let joins = |c: char| c.is_alphanumeric() && !fold::unspaced(c);
    // Arabic writes "and", "the", "with" onto the word.
    let arabic = matches!(first, '\u{600}'..='\u{6FF}');
    let left = text[..start]
        .chars()
        .next_back()
        .is_some_and(|c| joins(c) && !(arabic && matches!(c, 'ا' | 'و' | 'ل' | 'ب' | 'ف' | 'ك')));
    let right =
        !open && text[end..].chars().next().is_some_and(|c| joins(c) && text[..end].ends_with(char::is_alphanumeric));
    !left && !right
}

/// How much a stretch of a long text looks like an order to an assistant: different kinds of words, the telling ones
/// more. Only ranks what is read first.
pub fn urgency(text: &str) -> f32 {
    let mut classes: Vec<Class> = hits(text, false).into_iter().map(|hit| hit.class).collect();
    classes.sort_unstable();
    classes.dedup();
    let weight = |class: &Class| match class {
        Class::Ignore | Class::AllPrior | Class::Prompt | Class::Assist | Class::NewInstr | Class::Jailbreak => 3.0,
        Class::Hijack | Class::Free | Class::NowOn | Class::Secret | Class::Tool | Class::Instr => 2.0,
        _ => 1.0,
    };
    classes.iter().map(weight).sum()
}
