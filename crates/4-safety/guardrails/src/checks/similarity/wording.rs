//! Wording: character n-grams hashed into a small vector. The encoder was trained to tell attacks from harmless texts and
//! puts texts of one kind close together; wording keeps those apart.

use crate::normalise::fold;

const SIZE: usize = 1 << 12;

/// Counts of hashed n-grams, of length one.
#[derive(Debug, Clone)]
pub struct Vector(Vec<(u16, f32)>);

impl Vector {
    pub fn of(text: &str) -> Self {
        let folded = fold::fold(text).text;
        let words: Vec<&str> = folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
        let mut counts = std::collections::BTreeMap::<u16, f32>::new();
        for word in &words {
            let padded: Vec<char> = std::iter::once(' ').chain(word.chars()).chain(std::iter::once(' ')).collect();
            for gram in padded.windows(4.min(padded.len())) {
                *counts.entry(hash(gram.iter().copied())).or_default() += 1.0;
            }
        }
        for pair in words.windows(2) {
            *counts.entry(hash(pair[0].chars().chain(std::iter::once('_')).chain(pair[1].chars()))).or_default() += 1.5;
        }
        let mut grams: Vec<(u16, f32)> = counts.into_iter().map(|(gram, n)| (gram, n.sqrt())).collect();
        let size = grams.iter().map(|(_, n)| n * n).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
        grams.iter_mut().for_each(|(_, n)| *n /= size);
        Self(grams)
    }

    pub fn cosine(&self, other: &Self) -> f32 {
        let (mut i, mut j, mut sum) = (0, 0, 0.0);
        while i < self.0.len() && j < other.0.len() {
            match self.0[i].0.cmp(&other.0[j].0) {
                std::cmp::Ordering::Less => i += 1,
                std::cmp::Ordering::Greater => j += 1,
                std::cmp::Ordering::Equal => {
                    sum += self.0[i].1 * other.0[j].1;
                    i += 1;
                    j += 1;
                }
            }
        }
        sum
    }
}

/// FNV-1a, so that vectors are the same everywhere and always.
fn hash(chars: impl Iterator<Item = char>) -> u16 {
    let mut state = 0xcbf2_9ce4_8422_2325u64;
    for c in chars {
        state = (state ^ u64::from(u32::from(c))).wrapping_mul(0x100_0000_01b3);
    }
    ((state >> 32) as usize % SIZE) as u16
}
