//! From scores to the next token.

/// Chooses tokens; the same seed and scores give the same choices.
pub(crate) struct Sampler {
    temperature: f32,
    top_p: f32,
    state: u64,
}

impl Sampler {
    /// Without a temperature (or with none to speak of) the likeliest token is taken, always.
    pub fn new(temperature: Option<f32>, top_p: Option<f32>, seed: Option<u64>) -> Self {
        let temperature = temperature.filter(|t| t.is_finite()).unwrap_or(0.0).clamp(0.0, 2.0);
        let top_p = top_p.filter(|p| p.is_finite()).unwrap_or(1.0).clamp(0.01, 1.0);
        Self { temperature, top_p, state: seed.unwrap_or(0) }
    }

    /// The next token.
    pub fn choose(&mut self, scores: &[f32]) -> u32 {
        let best = scores
            .iter()
            .enumerate()
            .max_by(|(_, a), (_, b)| a.total_cmp(b))
            .map_or(0, |(index, _)| u32::try_from(index).unwrap_or(0));
        if self.temperature < 1e-3 {
            return best;
        }
        let most = scores.get(best as usize).copied().unwrap_or(0.0);
        // What is this much less likely than the best adds nothing that matters.
        let mut likely: Vec<(u32, f32)> = scores
            .iter()
            .zip(0_u32..)
            .map(|(score, token)| (token, ((score - most) / self.temperature).exp()))
            .filter(|(_, weight)| *weight > 1e-5)
            .collect();
        likely.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        let total: f32 = likely.iter().map(|(_, weight)| weight).sum();
        let mut kept = 0.0;
        let mut count = 0;
        while count < likely.len() && kept < total * self.top_p {
            kept += likely[count].1;
            count += 1;
        }
        let mut left = self.uniform() * kept;
        for (token, weight) in &likely[..count] {
            left -= weight;
            if left <= 0.0 {
                return *token;
            }
        }
        best
    }

    /// SplitMix64: good enough to choose words, never for secrets.
    fn uniform(&mut self) -> f32 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        (z >> 40) as f32 / (1_u64 << 24) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choices(temperature: f32, top_p: f32, seed: u64) -> Vec<u32> {
        let mut sampler = Sampler::new(Some(temperature), Some(top_p), Some(seed));
        (0..200).map(|_| sampler.choose(&[1.0, 3.0, 2.0, -9.0])).collect()
    }

    #[test]
    fn cold_takes_the_best_and_warm_varies_by_seed() {
        assert!(choices(0.0, 1.0, 1).iter().all(|&token| token == 1));
        assert_eq!(choices(1.0, 1.0, 7), choices(1.0, 1.0, 7));
        assert_ne!(choices(1.0, 1.0, 7), choices(1.0, 1.0, 8));
        assert!([0, 1, 2].iter().all(|token| choices(1.0, 1.0, 7).contains(token)));
    }

    #[test]
    fn top_p_cuts_the_unlikely() {
        assert!(choices(1.0, 0.5, 7).iter().all(|&token| token == 1));
    }
}
