//! What the two tiers say together.

use std::time::Instant;

use domain::{Channel, CheckKind, Finding};

use super::{
    DECIDES, Family, MOST_FINDINGS, Signal, default_threshold, in_piece, matcher, pieces, place, severity, thin,
};
use crate::{
    checks::finding,
    learned::{Learned, MOST_WINDOWS},
    normalise::{Normalised, View, normalise},
};

/// A Medium signature counts from this share of the learned tier's way to its threshold.
const SUPPORT: f32 = 0.35;
/// Two that are each too weak alone count together from here: the signature's score, and the learned tier's share of
/// its way.
const WEAK_SIGNATURE: f32 = 0.35;
const WEAK_LEARNED: f32 = 0.8;
/// Flagged windows whose sentences are judged one by one, to point at the right one.
const LOCATED: usize = 6;

/// Both tiers' answer about a text.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Judgement {
    /// From the threshold on, by place.
    pub findings: Vec<Finding>,
    /// The highest score, whether or not it reaches the threshold.
    pub score: f32,
    /// What of the text the learned tier did not read, in words, when it is too long.
    pub unread: Option<String>,
}

/// A window that the learned tier judged.
struct Seen {
    span: (usize, usize),
    /// Scaled so that the channel's threshold means the model's.
    score: f32,
    view: View,
    /// The sentence that carries it, where one does.
    at: Option<(usize, usize)>,
}

pub fn judge(
    text: &str,
    channel: Channel,
    threshold: Option<f32>,
    learned: &Learned,
    deadline: Instant,
) -> Result<Judgement, String> {
    let usual = default_threshold(channel);
    let threshold = threshold.unwrap_or(usual);
    let pieces: Vec<(usize, Vec<Normalised>)> =
        pieces(text).into_iter().map(|(start, end)| (start, normalise(&text[start..end]))).collect();
    let mut signals = Vec::new();
    for (offset, readings) in &pieces {
        in_piece(text, *offset, readings, channel, &mut signals);
    }
    let (seen, unread) = match look(text, &pieces, &signals, channel, learned, deadline) {
        Ok(read) => read,
        // The text is an attack whatever the learned tier would have said.
        Err(_) if signals.iter().any(|signal| signal.score >= DECIDES.max(threshold)) => (Vec::new(), 0),
        Err(why) => return Err(why),
    };
    for signal in &mut signals {
        signal.score = together(signal, &seen, usual, foreign(&text[signal.span.0..signal.span.1]));
    }
    let score = signals.iter().map(|s| s.score).chain(seen.iter().map(|s| s.score)).fold(0.0, f32::max);
    let mut findings: Vec<Finding> = Vec::new();
    let by = learned.name();
    for window in seen.iter().filter(|window| window.score >= threshold) {
        findings.push(learned_finding(window, &signals, &by));
    }
    findings.sort_by(|a, b| b.score.total_cmp(&a.score));
    findings.truncate(MOST_FINDINGS);
    let named = thin(signals.into_iter().filter(|signal| signal.score >= threshold).collect());
    findings.extend(named.into_iter().map(super::to_finding));
    findings.sort_by_key(|finding| finding.span);
    let unread = (unread > 0).then(|| {
        format!("the learned model read the parts that look most like instructions, {unread} bytes of the text it did not; the signatures read all")
    });
    Ok(Judgement { findings, score, unread })
}

/// The windows of every reading that is worth it.
fn look(
    text: &str,
    pieces: &[(usize, Vec<Normalised>)],
    signals: &[Signal],
    channel: Channel,
    learned: &Learned,
    deadline: Instant,
) -> Result<(Vec<Seen>, usize), String> {
    let head = match channel {
        Channel::User => "user",
        Channel::Data => "data",
    };
    let (index, from) = learned.head(head)?;
    let usual = default_threshold(channel);
    let scaled = |share: f32| {
        if share < from {
            share / from.max(f32::MIN_POSITIVE) * usual
        } else {
            usual + (share - from) / (1.0 - from).max(1e-6) * (1.0 - usual)
        }
    };
    let mut seen = Vec::new();
    let mut unread = 0;
    let most = (MOST_WINDOWS / pieces.len()).max(8);
    for (offset, readings) in pieces {
        for reading in readings {
            let hidden = matches!(reading.view, View::Tags | View::Base64 | View::Hex);
            if !(hidden || reading.view == View::Folded) || !speaks(&reading.text) {
                continue;
            }
            let span = |start, end| place(text, *offset, reading, start, end);
            let decided = |start: usize, end: usize| {
                let (start, end) = span(start, end);
                signals
                    .iter()
                    .any(|s| s.score >= DECIDES && s.view == reading.view && s.span.0 < end && start < s.span.1)
            };
            let most = if hidden { 4 } else { most };
            let read = learned.read(&reading.text, most, matcher::urgency, decided, deadline)?;
            unread += if hidden { 0 } else { read.unread };
            for window in read.windows {
                let score = scaled(window.shares[index]);
                let mut one = Seen { span: span(window.start, window.end), score, view: reading.view, at: None };
                if score >= usual && seen.len() < LOCATED {
                    one.at = locate(learned, reading, (window.start, window.end), index, from, deadline)?
                        .map(|(start, end)| span(start, end));
                }
                seen.push(one);
            }
        }
    }
    Ok((seen, unread))
}

/// The sentence of a flagged window that is flagged by itself, loudest first.
fn locate(
    learned: &Learned,
    reading: &Normalised,
    (start, end): (usize, usize),
    index: usize,
    from: f32,
    deadline: Instant,
) -> Result<Option<(usize, usize)>, String> {
    let part = &reading.text[start..end];
    let sentences = super::sentences(part);
    if sentences.len() < 2 {
        return Ok(None);
    }
    let mut best: Option<(f32, (usize, usize))> = None;
    for (s, e) in sentences.into_iter().take(12) {
        let read = learned.read(&part[s..e], 2, |_| 0.0, |_, _| false, deadline)?;
        let share = read.windows.iter().map(|window| window.shares[index]).fold(0.0, f32::max);
        if share >= from && best.is_none_or(|(b, _)| share > b) {
            best = Some((share, (start + s, start + e)));
        }
    }
    Ok(best.map(|(_, span)| span))
}

/// Too short or too bare to be an order to anybody: a name, an id, a number.
fn speaks(reading: &str) -> bool {
    reading.split_whitespace().filter(|word| word.chars().any(char::is_alphabetic)).nth(2).is_some()
        || reading.chars().filter(|c| !c.is_ascii() && c.is_alphabetic()).nth(5).is_some()
}

/// Written in a script that the learned tier hardly knows: its silence says nothing there.
fn foreign(text: &str) -> bool {
    let (mut letters, mut other) = (0, 0);
    for c in text.chars().filter(|c| c.is_alphabetic()) {
        letters += 1;
        other += usize::from(c >= '\u{370}');
    }
    other * 2 > letters
}

/// A signature's score, given what the learned tier says about its place.
fn together(signal: &Signal, seen: &[Seen], usual: f32, foreign: bool) -> f32 {
    let near = seen.iter().filter(|w| w.span.0 < signal.span.1 && signal.span.0 < w.span.1);
    let share =
        near.map(|window| window.score / usual).fold(None, |most: Option<f32>, s| Some(most.map_or(s, |m| m.max(s))));
    match (signal.score, share) {
        // Decides alone, or nobody else has looked (a reading or a stretch that the learned tier does not read).
        (score, None) => score,
        (score, _) if score >= DECIDES => score,
        (score, Some(share)) if score >= usual => {
            if foreign || share >= SUPPORT {
                score
            } else {
                usual - 0.01
            }
        }
        (score, Some(share)) if score >= WEAK_SIGNATURE && share >= WEAK_LEARNED => usual.max(score),
        (score, _) => score,
    }
}

fn learned_finding(window: &Seen, signals: &[Signal], by: &str) -> Finding {
    let beside = signals
        .iter()
        .filter(|s| s.score >= 0.3 && s.span.0 < window.span.1 && window.span.0 < s.span.1)
        .max_by(|a, b| a.score.total_cmp(&b.score));
    let (family, kind) = match beside.map(|signal| signal.family) {
        Some(family) => (Family::as_str(family), family.words()),
        None => ("learned", "is worded like an attack that no rule names"),
    };
    let hidden = match window.view {
        View::Folded => String::new(),
        view => format!(", hidden by {}", view.words()),
    };
    let mut found = finding(
        CheckKind::PromptInjection,
        family,
        severity(window.score),
        window.score,
        Some(window.at.unwrap_or(window.span)),
        "learned",
        format!("{kind}{hidden} (judged by the learned model)"),
    );
    found.by = format!("learned@{by}");
    found
}
