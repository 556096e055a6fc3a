//! The Llama architecture: what a transformer with rotary positions, grouped heads and a gated feed-forward computes.

use rayon::prelude::*;

use crate::{
    Error,
    weights::{Embeddings, Gguf, Matrix},
};

/// Sizes, as the file gives them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub width: usize,
    pub heads: usize,
    pub kv_heads: usize,
    pub head: usize,
    pub inner: usize,
    pub vocabulary: usize,
    pub context: usize,
    epsilon: f32,
}

/// The weights. One network serves any number of [`State`]s, one at a time.
pub(crate) struct Network {
    pub shape: Shape,
    embeddings: Embeddings,
    layers: Vec<Layer>,
    norm: Vec<f32>,
    output: Matrix,
    /// `1 / base^(2i / head)`: how fast pair `i` turns.
    turns: Vec<f32>,
}

struct Layer {
    attention_norm: Vec<f32>,
    /// Queries, keys and values on top of each other.
    qkv: Matrix,
    out: Matrix,
    forward_norm: Vec<f32>,
    /// Gate and up on top of each other.
    gate_up: Matrix,
    down: Matrix,
}

/// One conversation's keys and values, per layer, token after token.
pub(crate) struct State {
    keys: Vec<Vec<f32>>,
    values: Vec<Vec<f32>>,
    /// Tokens seen.
    pub length: usize,
}

impl Network {
    pub fn load(gguf: &mut Gguf) -> Result<Self, Error> {
        let architecture = gguf.text("general.architecture")?;
        if architecture != "llama" {
            return Err(Error::Unsupported { what: format!("the architecture {architecture}") });
        }
        if gguf.number("llama.expert_count").is_ok_and(|count| count > 1) {
            return Err(Error::Unsupported { what: "several experts".into() });
        }
        if gguf.has_tensor("rope_freqs.weight") || gguf.text("llama.rope.scaling.type").is_ok_and(|kind| kind != "none")
        {
            return Err(Error::Unsupported { what: "scaled rotary positions".into() });
        }
        let width = gguf.number("llama.embedding_length")?;
        let heads = gguf.number("llama.attention.head_count")?;
        let kv_heads = gguf.number("llama.attention.head_count_kv").unwrap_or(heads);
        let inner = gguf.number("llama.feed_forward_length")?;
        let fits = heads > 0 && kv_heads > 0 && width % heads == 0 && heads % kv_heads == 0 && (width / heads) % 2 == 0;
        if !fits || width % 32 != 0 || inner % 32 != 0 {
            return Err(Error::Damaged { what: "its sizes do not fit each other".into() });
        }
        let head = width / heads;
        if gguf.number("llama.rope.dimension_count").is_ok_and(|count| count != head) {
            return Err(Error::Unsupported { what: "partly rotary heads".into() });
        }
        let base = gguf.float("llama.rope.freq_base").unwrap_or(10_000.0);
        let shape = Shape {
            width,
            heads,
            kv_heads,
            head,
            inner,
            vocabulary: gguf.texts("tokenizer.ggml.tokens")?.len(),
            context: gguf.number("llama.context_length")?,
            epsilon: gguf.float("llama.attention.layer_norm_rms_epsilon")?,
        };
        let (embeddings, output) = gguf.ends()?;
        let layers = (0..gguf.number("llama.block_count")?)
            .map(|layer| {
                let name = |part: &str| format!("blk.{layer}.{part}.weight");
                Ok(Layer {
                    attention_norm: gguf.vector(&name("attn_norm"))?,
                    qkv: gguf.matrix(&[name("attn_q"), name("attn_k"), name("attn_v")])?,
                    out: gguf.matrix(&[name("attn_output")])?,
                    forward_norm: gguf.vector(&name("ffn_norm"))?,
                    gate_up: gguf.matrix(&[name("ffn_gate"), name("ffn_up")])?,
                    down: gguf.matrix(&[name("ffn_down")])?,
                })
            })
            .collect::<Result<Vec<_>, Error>>()?;
        let turns = (0..head / 2).map(|pair| base.powf(-2.0 * pair as f32 / head as f32)).collect();
        Ok(Self { shape, embeddings, layers, norm: gguf.vector("output_norm.weight")?, output, turns })
    }

    /// The state of a conversation in which nothing has been said; room for `tokens` is made at once.
    pub fn begin(&self, tokens: usize) -> State {
        let room = || (0..self.layers.len()).map(|_| Vec::with_capacity(tokens * self.kv_width())).collect();
        State { keys: room(), values: room(), length: 0 }
    }

    fn kv_width(&self) -> usize {
        self.shape.kv_heads * self.shape.head
    }

    /// Reads `tokens` and returns the scores of what may follow the last of them.
    pub fn read(&self, state: &mut State, tokens: &[u32]) -> Result<Vec<f32>, Error> {
        let Shape { width, inner, epsilon, .. } = self.shape;
        let mut x = self.embeddings.of(tokens)?;
        for (index, layer) in self.layers.iter().enumerate() {
            let qkv = layer.qkv.times(normed(&x, &layer.attention_norm, epsilon))?;
            let attended = self.attend(state, index, qkv);
            add(&mut x, &layer.out.times(attended)?);
            let gate_up = layer.gate_up.times(normed(&x, &layer.forward_norm, epsilon))?;
            add(&mut x, &layer.down.times(gated(&gate_up, inner))?);
        }
        state.length += tokens.len();
        let last = &x[x.len() - width..];
        self.output.times(normed(last, &self.norm, epsilon))
    }

    /// Appends the keys and values in `qkv` to the state and lets every query look at all that is not after it.
    fn attend(&self, state: &mut State, layer: usize, qkv: Vec<f32>) -> Vec<f32> {
        let Shape { width, heads, kv_heads, head, .. } = self.shape;
        let kv_width = self.kv_width();
        let row = width + 2 * kv_width;
        let before = state.length;
        let mut queries = Vec::with_capacity(qkv.len() / row * width);
        for (offset, row) in qkv.chunks_exact(row).enumerate() {
            let (query, rest) = row.split_at(width);
            let (key, value) = rest.split_at(kv_width);
            queries.extend_from_slice(query);
            let start = queries.len() - width;
            self.rotate(&mut queries[start..], before + offset);
            let keys = &mut state.keys[layer];
            keys.extend_from_slice(key);
            let start = keys.len() - kv_width;
            self.rotate(&mut keys[start..], before + offset);
            state.values[layer].extend_from_slice(value);
        }
        let (keys, values) = (&state.keys[layer], &state.values[layer]);
        let scale = 1.0 / (head as f32).sqrt();
        let look = |(offset, (out, query)): (usize, (&mut [f32], &[f32]))| {
            let seen = before + offset + 1;
            let mut scores = vec![0.0; seen];
            for (number, (out, query)) in out.chunks_exact_mut(head).zip(query.chunks_exact(head)).enumerate() {
                let at = number * kv_heads / heads * head;
                for (score, key) in scores.iter_mut().zip(keys.chunks_exact(kv_width)) {
                    *score = dot(query, &key[at..at + head]) * scale;
                }
                softmax(&mut scores);
                out.fill(0.0);
                for (score, value) in scores.iter().zip(values.chunks_exact(kv_width)) {
                    for (out, value) in out.iter_mut().zip(&value[at..at + head]) {
                        *out += score * value;
                    }
                }
            }
        };
        let mut out = vec![0.0; queries.len()];
        match queries.len() / width {
            1 => look((0, (&mut out, &queries))),
            _ => out.par_chunks_mut(width).zip(queries.par_chunks(width)).enumerate().for_each(look),
        }
        out
    }

    /// Turns the pairs of every head in `row` by the angle of `position`.
    fn rotate(&self, row: &mut [f32], position: usize) {
        let angles: Vec<(f32, f32)> = self.turns.iter().map(|turn| (turn * position as f32).sin_cos()).collect();
        for head in row.chunks_exact_mut(self.shape.head) {
            for (pair, (sin, cos)) in head.chunks_exact_mut(2).zip(&angles) {
                let (a, b) = (pair[0], pair[1]);
                pair[0] = a * cos - b * sin;
                pair[1] = a * sin + b * cos;
            }
        }
    }
}

fn normed(x: &[f32], weights: &[f32], epsilon: f32) -> Vec<f32> {
    let mut out = Vec::with_capacity(x.len());
    for row in x.chunks_exact(weights.len()) {
        let scale = 1.0 / (dot(row, row) / row.len() as f32 + epsilon).sqrt();
        out.extend(row.iter().zip(weights).map(|(x, weight)| x * scale * weight));
    }
    out
}

fn gated(gate_up: &[f32], inner: usize) -> Vec<f32> {
    let mut out = Vec::with_capacity(gate_up.len() / 2);
    for row in gate_up.chunks_exact(2 * inner) {
        let (gate, up) = row.split_at(inner);
        out.extend(gate.iter().zip(up).map(|(gate, up)| gate / (1.0 + (-gate).exp()) * up));
    }
    out
}

fn add(x: &mut [f32], y: &[f32]) {
    x.iter_mut().zip(y).for_each(|(x, y)| *x += y);
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    // Eight sums at once, because the compiler may not reorder one.
    let mut sums = [0.0_f32; 8];
    for (a, b) in a.chunks_exact(8).zip(b.chunks_exact(8)) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest = a.len() / 8 * 8;
    let tail: f32 = a[rest..].iter().zip(&b[rest..]).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + tail
}

fn softmax(scores: &mut [f32]) {
    let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = (*score - most).exp();
        sum += *score;
    }
    scores.iter_mut().for_each(|score| *score /= sum);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_right_at_every_length() {
        for length in [0, 1, 7, 8, 9, 64, 67] {
            let a: Vec<f32> = (0..length).map(|i| i as f32).collect();
            let expected: f32 = a.iter().map(|a| a * a).sum();
            assert_eq!(dot(&a, &a), expected, "{length}");
        }
    }

    #[test]
    fn softmax_is_a_distribution_even_of_large_scores() {
        let mut scores = [1000.0, 1000.0, -1000.0];
        softmax(&mut scores);
        assert_eq!(scores, [0.5, 0.5, 0.0]);
    }
}
