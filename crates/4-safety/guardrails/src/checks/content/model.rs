//! The learned tier of the content filter, and what it makes of wording.

use std::time::Instant;

use super::local::{Hit, scores};
use crate::{
    learned::{self, Learned, MOST_WINDOWS},
    normalise::fold,
};

/// Heads of the model and the categories they answer for.
const HEADS: [(&str, &str); 5] = [
    ("hate", "hate"),
    ("harassment", "harassment"),
    ("self_harm", "self-harm"),
    ("sexual", "sexual"),
    ("violence", "violence"),
];

/// Scores of every category that one of the tiers speaks for; one counts from 0.5.
pub fn judge(text: &str, learned: &Learned, deadline: Option<Instant>) -> Result<Vec<Hit>, String> {
    let mut out = scores(text);
    let folded = fold::fold(text);
    let deadline = deadline.unwrap_or_else(learned::patience);
    let rank = |part: &str| scores(part).iter().map(|hit| hit.score).fold(0.0, f32::max);
    let read = match learned.read(&folded.text, MOST_WINDOWS, rank, |_, _| false, deadline) {
        Ok(read) => read,
        // Harmful by its wording, whatever the model would have said.
        Err(_) if out.iter().any(|hit| hit.score >= super::STRONG) => return Ok(out),
        Err(why) => return Err(why),
    };
    if read.windows.is_empty() {
        return Ok(out);
    }
    // The loudest window of a head, with the head's threshold at 0.5.
    let loudest = |head: &str| -> Result<(f32, (usize, usize)), String> {
        let (index, from) = learned.head(head)?;
        let best = read.windows.iter().max_by(|a, b| a.shares[index].total_cmp(&b.shares[index]));
        Ok(best.map_or((0.0, (0, 0)), |window| {
            (scaled(window.shares[index], from), folded.original(window.start, window.end))
        }))
    };
    let (toxic, toxic_at) = loudest("toxic")?;
    // Wording that the model sees no harm in counts less; what hardly ever is innocent stays.
    for hit in &mut out {
        let parent = hit.category.split('/').next().unwrap_or(hit.category);
        let own = match HEADS.iter().find(|(_, category)| *category == parent) {
            Some((head, _)) => loudest(head)?.0,
            None => continue,
        };
        let support = own.max(toxic);
        if hit.score < 0.9 && support < 0.25 {
            hit.score *= 0.6;
        }
    }
    let mut any = false;
    for (head, category) in HEADS {
        let (score, span) = loudest(head)?;
        any |= score >= 0.5;
        raise(&mut out, category, score, span);
    }
    if toxic >= 0.5 && !any && !out.iter().any(|hit| hit.score >= 0.5) {
        raise(&mut out, "harassment", toxic, toxic_at);
    } else if toxic < 0.5 {
        // Keeps the order of texts that nothing counts in.
        raise(&mut out, "harassment", toxic * 0.98, toxic_at);
    }
    Ok(out)
}

fn raise(out: &mut Vec<Hit>, category: &'static str, score: f32, span: (usize, usize)) {
    match out.iter_mut().find(|hit| hit.category == category) {
        Some(hit) if hit.score >= score => {}
        Some(hit) => *hit = Hit { category, score, span, learned: true },
        None => out.push(Hit { category, score, span, learned: true }),
    }
}

/// With the threshold at 0.5.
fn scaled(share: f32, from: f32) -> f32 {
    if share < from {
        share / from.max(f32::MIN_POSITIVE) * 0.5
    } else {
        0.5 + (share - from) / (1.0 - from).max(1e-6) * 0.5
    }
}
