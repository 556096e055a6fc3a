//! The network: embeddings, then layers of attention and feed-forward, each followed by a norm (BERT's order).

use crate::{
    kernel::{Matrix, Path, Rows},
    math,
};

/// Scale and shift of a norm.
pub struct Norm {
    pub weight: Vec<f32>,
    pub bias: Vec<f32>,
}

const EPSILON: f32 = 1e-12;

/// One layer.
pub struct Layer {
    /// Query, key and value side by side.
    pub attention: Matrix,
    pub output: Matrix,
    pub attention_norm: Norm,
    pub up: Matrix,
    pub down: Matrix,
    pub feed_norm: Norm,
}

/// Vectors of tokens and places.
pub struct Embeddings {
    pub words: Vec<i8>,
    pub scales: Vec<f32>,
    /// Of each place, with the token type's vector added.
    pub positions: Vec<f32>,
    pub norm: Norm,
}

/// All of it.
pub struct Network {
    pub hidden: usize,
    pub heads: usize,
    pub path: Path,
    pub embeddings: Embeddings,
    pub layers: Vec<Layer>,
}

/// Memory that one forward pass needs, kept for the next.
pub struct Scratch {
    rows: Rows,
    state: Vec<f32>,
    wide: Vec<f32>,
    mixed: Vec<f32>,
    heads: Heads,
}

impl Scratch {
    pub fn new(path: Path) -> Self {
        let none = Vec::new;
        Self { rows: Rows::new(path), state: none(), wide: none(), mixed: none(), heads: Heads::default() }
    }
}

impl Network {
    /// Places that the network knows; a longer sequence is refused before it gets here.
    pub fn places(&self) -> usize {
        self.embeddings.positions.len() / self.hidden
    }

    /// The mean of the last states of each sequence, one after another. Sequences share the matrices' work and see
    /// nothing of each other. Tokens must be known and sequences no longer than [`places`](Self::places).
    pub fn pooled(&self, sequences: &[&[u32]], s: &mut Scratch) -> Vec<Vec<f32>> {
        let hidden = self.hidden;
        let count: usize = sequences.iter().map(|tokens| tokens.len()).sum();
        s.state.clear();
        s.state.resize(count * hidden, 0.0);
        self.embed(sequences, &mut s.state);
        s.mixed.resize(count * hidden, 0.0);
        for layer in &self.layers {
            s.rows.quantise(&s.state, hidden);
            s.wide.resize(count * layer.attention.outputs(), 0.0);
            layer.attention.multiply(&s.rows, &mut s.wide);
            let mut at = 0;
            for tokens in sequences {
                let (from, to) = (at, at + tokens.len());
                let mixed = &mut s.mixed[from * hidden..to * hidden];
                let wide = &s.wide[from * 3 * hidden..to * 3 * hidden];
                self.attend(wide, mixed, &mut s.heads);
                at = to;
            }
            s.rows.quantise(&s.mixed, hidden);
            layer.output.multiply(&s.rows, &mut s.mixed);
            add_and_norm(&mut s.state, &s.mixed, &layer.attention_norm);
            s.rows.quantise(&s.state, hidden);
            s.wide.resize(count * layer.up.outputs(), 0.0);
            layer.up.multiply(&s.rows, &mut s.wide);
            math::gelu(&mut s.wide);
            s.rows.quantise(&s.wide, layer.up.outputs());
            layer.down.multiply(&s.rows, &mut s.mixed);
            add_and_norm(&mut s.state, &s.mixed, &layer.feed_norm);
        }
        let mut out = Vec::with_capacity(sequences.len());
        let mut rest = s.state.as_slice();
        for tokens in sequences {
            let (own, behind) = rest.split_at(tokens.len() * hidden);
            let mut mean = vec![0f32; hidden];
            for row in own.chunks_exact(hidden) {
                mean.iter_mut().zip(row).for_each(|(mean, value)| *mean += value);
            }
            mean.iter_mut().for_each(|mean| *mean /= tokens.len().max(1) as f32);
            out.push(mean);
            rest = behind;
        }
        out
    }

    fn embed(&self, sequences: &[&[u32]], state: &mut [f32]) {
        let hidden = self.hidden;
        let e = &self.embeddings;
        let places = sequences.iter().flat_map(|tokens| tokens.iter().enumerate());
        for ((place, token), row) in places.zip(state.chunks_exact_mut(hidden)) {
            let token = *token as usize;
            let scale = e.scales[token];
            let words = &e.words[token * hidden..(token + 1) * hidden];
            let positions = &e.positions[place * hidden..(place + 1) * hidden];
            for ((to, word), position) in row.iter_mut().zip(words).zip(positions) {
                *to = math::fma(f32::from(*word), scale, *position);
            }
            math::normalise(row, &e.norm.weight, &e.norm.bias, EPSILON);
        }
    }

    /// Every token looks at every token of its sequence. `wide` holds query, key and value of each.
    fn attend(&self, wide: &[f32], mixed: &mut [f32], heads: &mut Heads) {
        let (hidden, size) = (self.hidden, self.hidden / self.heads);
        let length = mixed.len() / hidden;
        let scale = 1.0 / (size as f32).sqrt();
        heads.scores.resize(ROWS * length.next_multiple_of(BLOCK), 0.0);
        for head in 0..self.heads {
            let at = |which: usize| which * hidden + head * size;
            heads.gather(wide, 3 * hidden, [at(0), at(1), at(2)], size);
            let (queries, _) = heads.queries.as_chunks::<ROWS>();
            for (group, queries) in queries.iter().enumerate() {
                let first = group * ROWS;
                let rows = ROWS.min(length - first);
                compare(queries, &heads.keys, &mut heads.scores);
                let width = heads.scores.len() / ROWS;
                for line in heads.scores.chunks_exact_mut(width).take(rows) {
                    math::softmax(&mut line[..length], scale);
                }
                let sums = blend(&heads.scores, &heads.values);
                for (row, sums) in sums.iter().enumerate().take(rows) {
                    mixed[(first + row) * hidden + head * size..][..size].copy_from_slice(&sums[..size]);
                }
            }
        }
    }
}

/// Queries that are compared side by side.
const ROWS: usize = 4;
/// Keys that are compared side by side.
const BLOCK: usize = 16;
/// The largest head; smaller ones are filled up with nought.
pub const HEAD: usize = 32;

/// One head's queries, keys and values, laid out for the two loops below.
#[derive(Default)]
struct Heads {
    queries: Vec<[f32; HEAD]>,
    /// Sixteen keys at a time, turned on their side.
    keys: Vec<[[f32; BLOCK]; HEAD]>,
    values: Vec<[f32; HEAD]>,
    /// `ROWS` lines.
    scores: Vec<f32>,
}

impl Heads {
    fn gather(&mut self, wide: &[f32], stride: usize, [query, key, value]: [usize; 3], size: usize) {
        let length = wide.len() / stride;
        self.queries.clear();
        self.values.clear();
        self.keys.clear();
        self.keys.resize(length.div_ceil(BLOCK), [[0.0; BLOCK]; HEAD]);
        let filled = |part: &[f32]| match part.first_chunk::<HEAD>() {
            Some(full) => *full,
            None => std::array::from_fn(|d| part.get(d).copied().unwrap_or(0.0)),
        };
        for (index, row) in wide.chunks_exact(stride).enumerate() {
            self.queries.push(filled(&row[query..query + size]));
            self.values.push(filled(&row[value..value + size]));
            let block = &mut self.keys[index / BLOCK];
            for (line, part) in block.iter_mut().zip(&row[key..key + size]) {
                line[index % BLOCK] = *part;
            }
        }
        self.queries.resize(length.next_multiple_of(ROWS), [0.0; HEAD]);
    }
}

/// Four queries with all keys; the loops have fixed ends, so sums stay in registers.
#[inline(never)]
fn compare(queries: &[[f32; HEAD]; ROWS], keys: &[[[f32; BLOCK]; HEAD]], scores: &mut [f32]) {
    let width = scores.len() / ROWS;
    for (index, block) in keys.iter().enumerate() {
        let mut sums = [[0f32; BLOCK]; ROWS];
        for (d, keys) in block.iter().enumerate() {
            for row in 0..ROWS {
                let query = queries[row][d];
                for lane in 0..BLOCK {
                    sums[row][lane] = math::fma(query, keys[lane], sums[row][lane]);
                }
            }
        }
        for (row, sums) in sums.iter().enumerate() {
            scores[row * width + index * BLOCK..][..BLOCK].copy_from_slice(sums);
        }
    }
}

/// The values, weighed by each of the four lines of scores.
#[inline(never)]
fn blend(scores: &[f32], values: &[[f32; HEAD]]) -> [[f32; HEAD]; ROWS] {
    let width = scores.len() / ROWS;
    let mut out = [[0f32; HEAD]; ROWS];
    for (pair, out) in out.as_chunks_mut::<2>().0.iter_mut().enumerate() {
        let (one, other) = (&scores[pair * 2 * width..][..width], &scores[(pair * 2 + 1) * width..][..width]);
        let mut sums = [[0f32; HEAD]; 2];
        for ((values, one), other) in values.iter().zip(one).zip(other) {
            for lane in 0..HEAD {
                sums[0][lane] = math::fma(*one, values[lane], sums[0][lane]);
                sums[1][lane] = math::fma(*other, values[lane], sums[1][lane]);
            }
        }
        *out = sums;
    }
    out
}

fn add_and_norm(state: &mut [f32], change: &[f32], norm: &Norm) {
    let hidden = norm.weight.len();
    for (row, change) in state.chunks_exact_mut(hidden).zip(change.chunks_exact(hidden)) {
        row.iter_mut().zip(change).for_each(|(value, change)| *value += change);
        math::normalise(row, &norm.weight, &norm.bias, EPSILON);
    }
}
