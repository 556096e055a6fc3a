//! Scores by wording: words of a category, made worse or better by what stands around them.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

use super::lexicon::{Class, LEXICON};
use crate::normalise::fold;

/// A category's score and the place that gave it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    pub category: &'static str,
    pub score: f32,
    pub span: (usize, usize),
    /// The learned model said so, not the wording.
    pub learned: bool,
}

struct Compiled {
    automaton: AhoCorasick,
    words: Vec<(Class, bool)>,
}

static COMPILED: LazyLock<Option<Compiled>> = LazyLock::new(|| {
    let mut patterns = Vec::new();
    let mut words = Vec::new();
    for (class, list) in LEXICON {
        for word in list.split('|').filter(|word| !word.is_empty()) {
            let (body, open) = word.strip_suffix('*').map_or((word, false), |body| (body, true));
            patterns.push(fold::fold(body).text);
            words.push((*class, open));
        }
    }
    let automaton = AhoCorasick::builder().match_kind(MatchKind::Standard).build(&patterns).ok()?;
    Some(Compiled { automaton, words })
});

const MOST_HITS: usize = 4_000;

/// Every category that the wording speaks for, with its highest score.
pub fn scores(text: &str) -> Vec<Hit> {
    let Some(compiled) = COMPILED.as_ref() else { return Vec::new() };
    let view = fold::fold(text);
    let mut words: Vec<(Class, usize, usize)> = Vec::new();
    for hit in compiled.automaton.find_overlapping_iter(&view.text) {
        let (class, open) = compiled.words[hit.pattern().as_usize()];
        let end = if open {
            view.text[hit.end()..].find(|c: char| !c.is_alphanumeric()).map_or(view.text.len(), |at| hit.end() + at)
        } else {
            hit.end()
        };
        if fold::stands_alone(&view.text, hit.start(), end) {
            words.push((class, hit.start(), end));
            if words.len() >= MOST_HITS {
                break;
            }
        }
    }
    if words.is_empty() {
        return Vec::new();
    }
    words.sort_by_key(|word| word.1);
    let near = |class: Class, at: usize, reach: usize| {
        let from = words.partition_point(|word| word.1 + reach < at);
        words[from..].iter().take_while(|word| word.1 <= at + reach).any(|word| word.0 == class && word.1 != at)
    };
    let mut out: Vec<Hit> = Vec::new();
    let mut add = |category: &'static str, score: f32, at: (usize, usize)| {
        let span = view.original(at.0, at.1);
        match out.iter_mut().find(|hit| hit.category == category) {
            Some(hit) if hit.score >= score => {}
            Some(hit) => *hit = Hit { category, score, span, learned: false },
            None => out.push(Hit { category, score, span, learned: false }),
        }
    };
    for &(class, start, end) in &words {
        let at = (start, end);
        let threat = near(Class::Harm, start, 60);
        let person = near(Class::Person, start, 40);
        let group = near(Class::Group, start, 60);
        match class {
            Class::Slur => {
                add("hate", 0.9, at);
                if threat && near(Class::Intent, start, 80) {
                    add("hate/threatening", 0.85, at);
                }
            }
            Class::MildSlur => add("hate", if person || group { 0.6 } else { 0.52 }, at),
            Class::Dehumanise => {
                if group {
                    add("hate", 0.8, at);
                }
            }
            Class::Insult => add("harassment", if person { 0.75 } else { 0.52 }, at),
            Class::Profanity => add("harassment", if person { 0.55 } else { 0.3 }, at),
            Class::Harm => {
                if near(Class::Intent, start, 24) && person {
                    add("harassment/threatening", 0.75, at);
                    add("violence", 0.7, at);
                } else if group && near(Class::Intent, start, 40) {
                    add("hate/threatening", 0.75, at);
                    add("violence", 0.7, at);
                } else {
                    add("violence", 0.3, at);
                }
            }
            Class::Gore => add("violence/graphic", if threat { 0.7 } else { 0.55 }, at),
            Class::SelfHarm => {
                let seeking = near(Class::HowTo, start, 40);
                let help = near(Class::Help, start, 120);
                add("self-harm", if help { 0.5 } else { 0.7 }, at);
                if seeking {
                    add("self-harm/instructions", 0.75, at);
                }
            }
            Class::Threat => {
                add("harassment/threatening", 0.9, at);
                add("violence", 0.9, at);
            }
            Class::SelfHarmIntent => add("self-harm/intent", 0.85, at),
            Class::Sexual => {
                add("sexual", 0.7, at);
                if near(Class::Minor, start, 80) {
                    add("sexual/minors", 0.9, at);
                }
            }
            Class::MildSexual => {
                add("sexual", 0.4, at);
                if near(Class::Minor, start, 60) {
                    add("sexual/minors", 0.6, at);
                }
            }
            Class::Illicit => {
                if near(Class::HowTo, start, 60) {
                    add("illicit", 0.65, at);
                }
            }
            Class::IllicitViolent => {
                if near(Class::HowTo, start, 60) {
                    add("illicit/violent", 0.8, at);
                    add("illicit", 0.7, at);
                }
            }
            Class::Person | Class::Group | Class::Intent | Class::HowTo | Class::Help | Class::Minor => {}
        }
    }
    // A variant speaks for its parent too.
    let parents: Vec<Hit> = out.iter().filter(|hit| hit.category.contains('/')).copied().collect();
    for hit in parents {
        let parent = super::CATEGORIES.into_iter().find(|category| hit.category.split('/').next() == Some(category));
        if let Some(parent) = parent.filter(|_| !hit.category.starts_with("self-harm") || hit.score >= 0.7) {
            match out.iter_mut().find(|other| other.category == parent) {
                Some(other) if other.score >= hit.score => {}
                Some(other) => *other = Hit { category: parent, ..hit },
                None => out.push(Hit { category: parent, ..hit }),
            }
        }
    }
    out
}
