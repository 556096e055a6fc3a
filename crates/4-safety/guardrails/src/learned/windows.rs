//! Whole sentences packed into windows of the network, as in training (models/training/textprep.py); and which parts
//! of a text that is too long are read: its beginning, its end, and what looks most like an order in between.

use encoder::{Encoder, Token};

use crate::checks::prompt_injection::sentences;

/// A stretch of the reading and its tokens.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    pub start: usize,
    pub end: usize,
    pub tokens: Vec<Token>,
}

pub(super) struct Plan {
    pub windows: Vec<Window>,
    pub unread: usize,
}

/// Bytes that are cut off a long text at a time; about a window of English.
const STRETCH: usize = 500;

pub(super) fn plan(encoder: &Encoder, reading: &str, most: usize, rank: impl Fn(&str) -> f32) -> Plan {
    let size = encoder.max_tokens() - 2;
    // A token is at least one byte, so this many bytes may still be few windows; beyond it, look before tokenising.
    if reading.len() <= most * STRETCH {
        let windows = pack(encoder, reading, 0, size);
        if windows.len() <= most {
            return Plan { windows, unread: 0 };
        }
    }
    let stretches = stretches(reading);
    let count = stretches.len();
    let ends = (most / 8).max(1);
    let mut order: Vec<(f32, usize)> = stretches
        .iter()
        .enumerate()
        .map(|(index, &(start, end))| {
            let edge = index < ends || index + ends >= count;
            (if edge { f32::INFINITY } else { rank(&reading[start..end]) }, index)
        })
        .collect();
    // Among equals those spread over the text: a fixed shuffle, so that the answer is the same every time.
    order.sort_by(|a, b| {
        b.0.total_cmp(&a.0).then((a.1.wrapping_mul(0x9E37_79B1) as u32).cmp(&(b.1.wrapping_mul(0x9E37_79B1) as u32)))
    });
    let mut windows = Vec::new();
    let mut unread = 0;
    for (_, index) in order {
        let (start, end) = stretches[index];
        if windows.len() >= most {
            unread += end - start;
            continue;
        }
        let own = pack(encoder, &reading[start..end], start, size);
        let room = most - windows.len();
        unread += own.iter().skip(room).map(|window| window.end - window.start).sum::<usize>();
        windows.extend(own.into_iter().take(room));
    }
    windows.sort_by_key(|window| window.start);
    Plan { windows, unread }
}

/// Sentences joined up to about a window; what has no sentences is cut at blanks.
fn stretches(reading: &str) -> Vec<(usize, usize)> {
    let mut out: Vec<(usize, usize)> = Vec::new();
    for (start, end) in sentences(reading) {
        let mut from = start;
        while end - from > 2 * STRETCH {
            let mut to = from + STRETCH;
            while !reading.is_char_boundary(to) {
                to += 1;
            }
            out.push((from, to));
            from = to;
        }
        match out.last_mut() {
            Some(last) if last.1 == from && end - last.0 <= STRETCH => last.1 = end,
            _ => out.push((from, end)),
        }
    }
    out
}

/// Sentences packed until the next would not fit; a longer one is cut hard.
fn pack(encoder: &Encoder, text: &str, offset: usize, size: usize) -> Vec<Window> {
    let tokens = encoder.tokens(text);
    let mut bounds = Vec::new();
    let mut at = 0;
    for (_, end) in sentences(text) {
        while at < tokens.len() && tokens[at].span.start < end {
            at += 1;
        }
        bounds.push(at);
    }
    if bounds.last().is_none_or(|last| *last < tokens.len()) {
        bounds.push(tokens.len());
    }
    let mut cuts = Vec::new();
    let (mut start, mut last) = (0, 0);
    for bound in bounds {
        if bound - start > size {
            if last > start {
                cuts.push((start, last));
                start = last;
            }
            while bound - start > size {
                cuts.push((start, start + size));
                start += size;
            }
        }
        last = bound;
    }
    if last > start {
        cuts.push((start, last));
    }
    cuts.into_iter()
        .map(|(from, to)| Window {
            start: offset + tokens[from].span.start,
            end: offset + tokens[to - 1].span.end,
            tokens: tokens[from..to].to_vec(),
        })
        .collect()
}
