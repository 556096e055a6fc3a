//! Prompt injection (R133–R142): six families, found by grammar in every reading of a text, sentence by sentence.
//!
//! A word alone is never an attack. A verb that puts something out of force counts with what an assistant was told; a
//! verb that brings something out counts with its set-up text; a new role counts with the limits it sheds; markup and
//! delimiters count where they pretend to end the data. Talk about attacks is dampened. In the DATA channel, being
//! addressed at all counts: there, an instruction is what makes the attack.

mod grammar;
mod lexicon;
mod markup;
mod matcher;
mod orders;
mod windows;

use domain::{Channel, CheckKind, Finding, Severity};

use super::finding;
use crate::normalise::{View, normalise};
pub use grammar::Family;

/// From which score a text counts, where the customer says nothing.
pub fn default_threshold(channel: Channel) -> f32 {
    match channel {
        Channel::User => 0.6,
        Channel::Data => 0.5,
    }
}

/// Longer texts are looked at in overlapping pieces of this many bytes.
const PIECE: usize = 256 * 1024;
const MOST_FINDINGS: usize = 32;

/// Something suspicious, whether or not it reaches the threshold.
#[derive(Debug, Clone, PartialEq)]
pub struct Signal {
    pub family: Family,
    /// 0 to 1.
    pub score: f32,
    /// In the original text.
    pub span: (usize, usize),
    pub view: View,
    pub rule: &'static str,
}

/// What is found from the threshold on; a channel's own threshold applies when none is given.
pub fn check(text: &str, channel: Channel, threshold: Option<f32>) -> Vec<Finding> {
    let threshold = threshold.unwrap_or_else(|| default_threshold(channel));
    let mut found: Vec<Signal> =
        signals(text, channel).into_iter().filter(|signal| signal.score >= threshold).collect();
    found.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.span.cmp(&b.span)));
    let mut kept: Vec<Signal> = Vec::new();
    for signal in found {
        let doubled = kept
            .iter()
            .any(|other| other.family == signal.family && signal.span.0 < other.span.1 && other.span.0 < signal.span.1);
        if !doubled && kept.len() < MOST_FINDINGS {
            kept.push(signal);
        }
    }
    kept.sort_by_key(|signal| signal.span);
    kept.into_iter().map(to_finding).collect()
}

/// The highest score of the text; 0 when nothing is suspicious.
pub fn score(text: &str, channel: Channel) -> f32 {
    signals(text, channel).iter().map(|signal| signal.score).fold(0.0, f32::max)
}

/// Everything suspicious, however slight.
pub fn signals(text: &str, channel: Channel) -> Vec<Signal> {
    let mut out = Vec::new();
    if text.len() <= PIECE {
        piece(text, 0, channel, &mut out);
        return out;
    }
    let mut start = 0;
    while start < text.len() {
        let mut end = (start + PIECE).min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        piece(&text[start..end], start, channel, &mut out);
        if end == text.len() {
            break;
        }
        start = end - 1024;
        while !text.is_char_boundary(start) {
            start -= 1;
        }
    }
    out
}

fn piece(text: &str, offset: usize, channel: Channel, out: &mut Vec<Signal>) {
    for reading in normalise(text) {
        let encoded = !matches!(reading.view, View::Folded);
        let mut signals = grammar::signals(&reading.text, reading.loose, channel);
        if !matches!(reading.view, View::Rot13 | View::Reversed | View::Leet | View::Spaced) {
            signals.extend(markup::signals(&reading.text, channel));
        }
        for mut raw in signals {
            if encoded {
                // Hiding is itself a sign, but a weak hit in a strange reading is chance.
                if raw.score < 0.55 {
                    continue;
                }
                raw.score = (raw.score + 0.1).min(0.99);
            }
            let (start, end) = reading.original(raw.start, raw.end);
            let floor = |mut at: usize| {
                while !text.is_char_boundary(at) {
                    at -= 1;
                }
                at
            };
            let span = (offset + floor(start.min(text.len())), offset + floor(end.min(text.len())));
            out.push(Signal { family: raw.family, score: raw.score, span, view: reading.view, rule: raw.rule });
        }
    }
}

fn to_finding(signal: Signal) -> Finding {
    let hidden = match signal.view {
        View::Folded => String::new(),
        view => format!(", hidden by {}", view.words()),
    };
    let severity = match signal.score {
        score if score >= 0.85 => Severity::Critical,
        score if score >= 0.7 => Severity::High,
        _ => Severity::Medium,
    };
    finding(
        CheckKind::PromptInjection,
        signal.family.as_str(),
        severity,
        signal.score,
        Some(signal.span),
        signal.rule,
        format!("{}{hidden}", signal.family.words()),
    )
}
