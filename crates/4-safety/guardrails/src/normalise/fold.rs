//! Folding: one pass over the characters, with a map back to the original.

use unicode_normalization::UnicodeNormalization;

use super::confusables;

/// Where the bytes of a reading came from: stretches that advance together, or that came from one place as a whole.
#[derive(Debug, Clone, Default)]
pub struct Map {
    stretches: Vec<Stretch>,
}

#[derive(Debug, Clone, Copy)]
struct Stretch {
    view: usize,
    length: usize,
    original: usize,
    original_length: usize,
    /// Byte for byte; otherwise all of it came from all of that.
    parallel: bool,
}

impl Map {
    /// The whole reading came from `start..end`.
    pub fn whole(length: usize, start: usize, end: usize) -> Self {
        Self {
            stretches: vec![Stretch {
                view: 0,
                length,
                original: start,
                original_length: end - start,
                parallel: false,
            }],
        }
    }

    /// The next `length` bytes of the reading came from `original_length` bytes at `original`.
    pub fn push(&mut self, length: usize, original: usize, original_length: usize) {
        let view = self.stretches.last().map_or(0, |last| last.view + last.length);
        if let Some(last) = self.stretches.last_mut()
            && last.parallel
            && length == 1
            && original_length == 1
            && last.original + last.original_length == original
        {
            last.length += length;
            last.original_length += original_length;
            return;
        }
        self.stretches.push(Stretch {
            view,
            length,
            original,
            original_length,
            parallel: length == 1 && original_length == 1,
        });
    }

    /// The original bytes of `start..end` of the reading.
    pub fn range(&self, start: usize, end: usize) -> (usize, usize) {
        let from = self.at(start).map_or(0, |s| if s.parallel { s.original + (start - s.view) } else { s.original });
        let last = end.saturating_sub(1).max(start);
        let to = self.at(last).map_or(from, |s| {
            if s.parallel { s.original + (last - s.view) + 1 } else { s.original + s.original_length }
        });
        (from.min(to), to.max(from))
    }

    fn at(&self, place: usize) -> Option<Stretch> {
        let index = self.stretches.partition_point(|stretch| stretch.view <= place);
        index.checked_sub(1).map(|index| self.stretches[index])
    }
}

/// A reading and its map.
#[derive(Debug, Clone, Default)]
pub struct Folded {
    pub text: String,
    pub map: Map,
}

impl Folded {
    /// The original bytes of `start..end`.
    pub fn original(&self, start: usize, end: usize) -> (usize, usize) {
        self.map.range(start, end)
    }
    fn push(&mut self, c: char, original: usize, original_length: usize) {
        self.text.push(c);
        self.map.push(c.len_utf8(), original, original_length);
    }
}

/// A folded text, and what was written in invisible tag characters.
pub struct WithHidden {
    pub folded: Folded,
    pub hidden: Option<Folded>,
}

/// Lower case, NFKC, accents and look-alikes folded, invisible characters gone, runs of blanks as one.
pub fn fold(text: &str) -> Folded {
    fold_with_hidden(text).folded
}

pub fn fold_with_hidden(text: &str) -> WithHidden {
    let mut out = Folded { text: String::with_capacity(text.len()), map: Map::default() };
    let mut hidden = Folded::default();
    let mut blank = false;
    for (at, c) in text.char_indices() {
        let length = c.len_utf8();
        if c.is_ascii() {
            if matches!(c, ' ' | '\t' | '\r' | '\x0b' | '\x0c') {
                if !blank {
                    out.push(' ', at, 1);
                }
                blank = true;
                continue;
            }
            // Other control characters separate nothing and show nothing.
            if c.is_ascii_control() && c != '\n' {
                continue;
            }
            blank = false;
            out.push(c.to_ascii_lowercase(), at, 1);
            continue;
        }
        if let '\u{E0020}'..='\u{E007E}' = c {
            let plain = char::from((u32::from(c) - 0xE0000) as u8);
            hidden.push(plain.to_ascii_lowercase(), at, length);
            continue;
        }
        if is_invisible(c) {
            continue;
        }
        if c.is_whitespace() {
            if !blank {
                out.push(if matches!(c, '\u{2028}' | '\u{2029}' | '\u{85}') { '\n' } else { ' ' }, at, length);
            }
            blank = true;
            continue;
        }
        blank = false;
        for composed in std::iter::once(c).nfkc() {
            if accented(composed) {
                for part in std::iter::once(composed).nfd().filter(|part| !is_mark(*part)) {
                    lower(&mut out, part, at, length);
                }
            } else if !is_mark(composed) {
                lower(&mut out, composed, at, length);
            }
        }
    }
    let hidden = (!hidden.text.is_empty()).then_some(hidden);
    WithHidden { folded: out, hidden }
}

fn lower(out: &mut Folded, c: char, at: usize, length: usize) {
    for small in confusables::latin(c).to_lowercase() {
        let c = confusables::latin(small);
        out.push(c, at, length);
    }
}

/// Letters of scripts whose accents carry no meaning here.
fn accented(c: char) -> bool {
    matches!(c, '\u{C0}'..='\u{24F}' | '\u{370}'..='\u{45F}' | '\u{1E00}'..='\u{1FFF}')
}

fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36F}' | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}' | '\u{20D0}'..='\u{20FF}' | '\u{FE20}'..='\u{FE2F}')
}

/// Zero-width, bidirectional, joining, variation and filler characters.
pub fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}'
        | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}' | '\u{1D173}'..='\u{1D17A}')
}

/// No letter or digit on either side that would make `start..end` part of a longer word. Scripts without blanks
/// between words have no such side.
pub fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    let joins = |c: char| c.is_alphanumeric() && !unspaced(c);
    let left = text[..start].chars().next_back();
    let right = text[end..].chars().next();
    let first = text[start..end].chars().next();
    let last = text[start..end].chars().next_back();
    !(left.is_some_and(joins) && first.is_some_and(joins) || right.is_some_and(joins) && last.is_some_and(joins))
}

/// Chinese, Japanese, Korean, Thai, Lao, Khmer, Burmese.
pub fn unspaced(c: char) -> bool {
    matches!(c, '\u{0E00}'..='\u{0EFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}' | '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}'
        | '\u{AC00}'..='\u{D7AF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
}
