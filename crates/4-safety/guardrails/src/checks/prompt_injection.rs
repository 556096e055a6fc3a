//! Prompt injection (R133–R142), in two tiers.
//!
//! Signatures know six families by grammar, in every reading of a text, sentence by sentence. The learned tier judges
//! windows of whole sentences and finds what is worded like nothing the grammar knows. A High or Critical signature
//! decides alone; so does the learned tier above its threshold; a Medium signature, or two that are each too weak
//! alone, decide together.
//!
//! A word alone is never an attack. A verb that puts something out of force counts with what an assistant was told; a
//! verb that brings something out counts with its set-up text; a new role counts with the limits it sheds; markup and
//! delimiters count where they pretend to end the data. Talk about attacks is dampened. In the DATA channel, being
//! addressed at all counts: there, an instruction is what makes the attack.

mod combine;
mod everyday;
mod grammar;
mod lexicon;
mod markup;
mod matcher;
mod orders;
mod windows;

use std::time::Instant;

use domain::{Channel, CheckKind, Finding, Severity};

use super::finding;
use crate::{
    learned::{self, Learned},
    normalise::{Normalised, View, fold, normalise},
};
pub use combine::Judgement;
pub use grammar::Family;
pub(crate) use windows::sentences;

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
/// A signature of this score decides alone: High.
const DECIDES: f32 = 0.7;

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

/// What the signatures alone find from the threshold on; a channel's own threshold applies when none is given. The
/// check itself is [`judge`].
pub fn check(text: &str, channel: Channel, threshold: Option<f32>) -> Vec<Finding> {
    let threshold = threshold.unwrap_or_else(|| default_threshold(channel));
    let found = signals(text, channel).into_iter().filter(|signal| signal.score >= threshold).collect();
    thin(found).into_iter().map(to_finding).collect()
}

/// Both tiers over one text. Without the learned tier only a signature that decides alone is an answer; anything else
/// is not evaluated, and the error says why.
pub fn judge(
    text: &str,
    channel: Channel,
    threshold: Option<f32>,
    learned: &Learned,
    deadline: Option<Instant>,
) -> Result<Judgement, String> {
    combine::judge(text, channel, threshold, learned, deadline.unwrap_or_else(learned::patience))
}

/// The loudest signal of each family and place, by place.
fn thin(mut found: Vec<Signal>) -> Vec<Signal> {
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
    kept
}

/// Everything that the signatures find suspicious, however slight.
pub fn signals(text: &str, channel: Channel) -> Vec<Signal> {
    let mut out = Vec::new();
    for (offset, end) in pieces(text) {
        in_piece(text, offset, &normalise(&text[offset..end]), channel, &mut out);
    }
    out
}

/// Overlapping pieces of a long text.
fn pieces(text: &str) -> Vec<(usize, usize)> {
    let mut out = Vec::new();
    let mut start = 0;
    loop {
        let end = floor(text, (start + PIECE).min(text.len()));
        out.push((start, end));
        if end == text.len() {
            return out;
        }
        start = floor(text, end - 1024);
    }
}

fn floor(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn in_piece(text: &str, offset: usize, readings: &[Normalised], channel: Channel, out: &mut Vec<Signal>) {
    for reading in readings {
        let encoded = !matches!(reading.view, View::Folded);
        let mut signals = grammar::signals(&reading.text, reading.loose, channel);
        if !matches!(reading.view, View::Rot13 | View::Reversed | View::Leet | View::Spaced) {
            signals.extend(markup::signals(&reading.text, channel));
        }
        for mut raw in signals {
            let span = place(text, offset, reading, raw.start, raw.end);
            // Another reading of a text whose stretch says the same without it: nothing is hidden here.
            let plain = encoded && says(text, span, &reading.text[raw.start..raw.end]);
            if encoded && !plain {
                // Hiding is itself a sign, but a weak hit in a strange reading is chance.
                if raw.score < 0.55 {
                    continue;
                }
                // Escapes are how pages and tool results are written, so being addressed in them hides nothing.
                let usual = matches!(reading.view, View::Url | View::Html | View::Escapes);
                raw.score =
                    if usual && raw.rule.starts_with("data/") { raw.score } else { (raw.score + 0.1).min(0.99) };
            }
            let view = if plain { View::Folded } else { reading.view };
            out.push(Signal { family: raw.family, score: raw.score, span, view, rule: raw.rule });
        }
    }
}

/// Whether the original reads so at `span` without any decoding.
fn says(text: &str, (start, end): (usize, usize), reading: &str) -> bool {
    // What grew or shrank was decoded; folding it for every signal would take long.
    end - start <= 4 * reading.len() && fold::fold(&text[start..end]).text == reading
}

/// Where a stretch of a reading stands in the original.
fn place(text: &str, offset: usize, reading: &Normalised, start: usize, end: usize) -> (usize, usize) {
    let (start, end) = reading.original(start, end);
    (floor(text, offset + start), floor(text, offset + end))
}

fn severity(score: f32) -> Severity {
    match score {
        score if score >= 0.85 => Severity::Critical,
        score if score >= DECIDES => Severity::High,
        _ => Severity::Medium,
    }
}

fn to_finding(signal: Signal) -> Finding {
    let hidden = match signal.view {
        View::Folded => String::new(),
        view => format!(", hidden by {}", view.words()),
    };
    finding(
        CheckKind::PromptInjection,
        signal.family.as_str(),
        severity(signal.score),
        signal.score,
        Some(signal.span),
        signal.rule,
        format!("{}{hidden}", signal.family.words()),
    )
}
