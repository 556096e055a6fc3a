//! Matrices of eight-bit integers and their product with rows that are quantised as they come.
//!
//! `y[row][out] = scale(row) * scale(out) * Σ q(row) * w(out) + bias(out)`: the sum is exact in 32 bits, so every path
//! (AVX-512 VNNI, AVX2, plain) gives the same bits. The path is chosen once, when a matrix is packed.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod vnni;

/// How sums are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    /// Four products of bytes in one instruction, sixteen sums at a time.
    Vnni,
    /// Two products of 16-bit integers in one instruction, eight sums at a time.
    Avx2,
    /// No vector instructions of our own; the compiler's, where it finds some.
    Plain,
}

impl Path {
    /// The fastest one that this processor has.
    pub fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::is_x86_feature_detected as has;
            if has!("avx512f") && has!("avx512bw") && has!("avx512vnni") {
                return Self::Vnni;
            }
            if has!("avx2") {
                return Self::Avx2;
            }
        }
        Self::Plain
    }

    /// All that this processor has, the fastest first.
    pub fn available() -> Vec<Self> {
        let best = Self::best();
        [Self::Vnni, Self::Avx2, Self::Plain].into_iter().skip_while(|path| *path != best).collect()
    }

    /// Outputs that are reckoned side by side.
    const fn width(self) -> usize {
        match self {
            Self::Vnni => 32,
            Self::Avx2 => 16,
            Self::Plain => 1,
        }
    }

    /// Inputs that one instruction takes from a row.
    const fn depth(self) -> usize {
        match self {
            Self::Vnni => 4,
            Self::Avx2 => 2,
            Self::Plain => 1,
        }
    }

    /// Rows that are reckoned side by side.
    const fn rows(self) -> usize {
        match self {
            Self::Vnni => 12,
            Self::Avx2 => 6,
            Self::Plain => 4,
        }
    }
}

/// The sums of up to twelve rows and 32 outputs.
type Tile = [[i32; 32]; 12];

/// A matrix, laid out for one path.
pub struct Matrix {
    path: Path,
    inputs: usize,
    /// Inputs rounded up to the path's depth.
    stride: usize,
    outputs: usize,
    /// Panel after panel: for every step of inputs, the panel's outputs, each with its `depth` weights.
    packed: Vec<i8>,
    /// What each sum begins with (see `vnni`); one per output, rounded up to the width.
    start: Vec<i32>,
    scales: Vec<f32>,
    bias: Vec<f32>,
}

/// Rows of bytes with a scale each, laid out for one path.
pub struct Rows {
    path: Path,
    count: usize,
    stride: usize,
    bytes: Vec<u8>,
    words: Vec<i16>,
    scales: Vec<f32>,
}

impl Rows {
    pub fn new(path: Path) -> Self {
        Self { path, count: 0, stride: 0, bytes: Vec::new(), words: Vec::new(), scales: Vec::new() }
    }

    /// Takes over `values`, rows of `width`: each row is divided by its largest value and rounded to -127..=127.
    pub fn quantise(&mut self, values: &[f32], width: usize) {
        self.count = values.len().checked_div(width).unwrap_or(0);
        self.stride = width.next_multiple_of(4);
        self.scales.clear();
        match self.path {
            // The stretch behind a row stays what it is: its weights are zero.
            Path::Avx2 => self.words.resize(self.count * self.stride, 0),
            Path::Vnni | Path::Plain => self.bytes.resize(self.count * self.stride, 0),
        }
        // Adding this puts the nearest whole number into the low bits of the sum.
        const ROUND: f32 = 12_582_912.0;
        for (index, row) in values.chunks_exact(width).enumerate() {
            let most = crate::math::largest(row);
            let (scale, inverse) = if most > 0.0 { (most / 127.0, 127.0 / most) } else { (0.0, 0.0) };
            self.scales.push(scale);
            let at = index * self.stride;
            match self.path {
                Path::Vnni => {
                    for (to, value) in self.bytes[at..at + width].iter_mut().zip(row) {
                        *to = ((value * inverse + ROUND).to_bits() as u8) ^ 0x80;
                    }
                }
                Path::Plain => {
                    for (to, value) in self.bytes[at..at + width].iter_mut().zip(row) {
                        *to = (value * inverse + ROUND).to_bits() as u8;
                    }
                }
                Path::Avx2 => {
                    for (to, value) in self.words[at..at + width].iter_mut().zip(row) {
                        *to = i16::from((value * inverse + ROUND).to_bits() as u8 as i8);
                    }
                }
            }
        }
    }
}

impl Matrix {
    /// From rows of weights, one row per output. The three lengths must fit; answers none where they do not.
    pub fn new(path: Path, weights: &[i8], inputs: usize, scales: Vec<f32>, bias: Vec<f32>) -> Option<Self> {
        let outputs = scales.len();
        if inputs == 0 || outputs == 0 || bias.len() != outputs || weights.len() != outputs.checked_mul(inputs)? {
            return None;
        }
        let (width, depth) = (path.width(), path.depth());
        let stride = inputs.next_multiple_of(4);
        let panels = outputs.div_ceil(width);
        let mut packed = vec![0; panels * width * stride];
        let mut start = vec![0; panels * width];
        for (out, row) in weights.chunks_exact(inputs).enumerate() {
            let panel = (out / width) * width * stride;
            for (input, weight) in row.iter().enumerate() {
                let place = panel + (input / depth) * width * depth + (out % width) * depth + input % depth;
                packed[place] = *weight;
            }
            if path == Path::Vnni {
                // Bytes of rows are shifted by 128 to be unsigned; this takes the shift out again.
                start[out] = -128 * row.iter().map(|w| i32::from(*w)).sum::<i32>();
            }
        }
        Some(Self { path, inputs, stride, outputs, packed, start, scales, bias })
    }

    pub fn inputs(&self) -> usize {
        self.inputs
    }

    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Every row times this matrix into `out`, row after row. Rows must be laid out for the same path and be as long.
    pub fn multiply(&self, rows: &Rows, out: &mut [f32]) {
        self.tiles(rows, |first, count, column, width, tile| {
            let (scales, bias) = (&self.scales[column..column + width], &self.bias[column..column + width]);
            for (row, sums) in tile.iter().enumerate().take(count) {
                let scale = rows.scales[first + row];
                let at = (first + row) * self.outputs + column;
                for (((to, sum), of_out), bias) in out[at..at + width].iter_mut().zip(sums).zip(scales).zip(bias) {
                    *to = *sum as f32 * (scale * of_out) + bias;
                }
            }
        });
    }

    /// The bare sums, for comparing paths.
    pub fn sums(&self, rows: &Rows) -> Vec<i32> {
        let mut out = vec![0; rows.count * self.outputs];
        self.tiles(rows, |first, count, column, width, tile| {
            for (row, sums) in tile.iter().enumerate().take(count) {
                let at = (first + row) * self.outputs + column;
                out[at..at + width].copy_from_slice(&sums[..width]);
            }
        });
        out
    }

    /// Walks over the result panel by panel: a panel of weights stays in the cache while all rows pass it.
    fn tiles(&self, rows: &Rows, mut done: impl FnMut(usize, usize, usize, usize, &Tile)) {
        assert!(rows.path == self.path && rows.stride == self.stride, "rows are laid out for another matrix");
        let width = self.path.width();
        let mut tile: Tile = [[0; 32]; 12];
        for (index, panel) in self.packed.chunks_exact(width * self.stride).enumerate() {
            let column = index * width;
            let shown = width.min(self.outputs - column);
            let start = &self.start[column..column + width];
            let mut first = 0;
            while first < rows.count {
                let count = self.path.rows().min(rows.count - first);
                self.tile(rows, first, count, panel, start, &mut tile);
                done(first, count, column, shown, &tile);
                first += count;
            }
        }
    }

    fn tile(&self, rows: &Rows, first: usize, count: usize, panel: &[i8], start: &[i32], tile: &mut Tile) {
        let (from, to) = (first * self.stride, (first + count) * self.stride);
        match self.path {
            #[cfg(target_arch = "x86_64")]
            Path::Vnni => vnni::tile(&rows.bytes[from..to], count, panel, start, tile),
            #[cfg(target_arch = "x86_64")]
            Path::Avx2 => avx2::tile(&rows.words[from..to], count, panel, tile),
            _ => plain(&rows.bytes[from..to], self.stride, panel, tile),
        }
    }
}

fn plain(rows: &[u8], stride: usize, panel: &[i8], tile: &mut Tile) {
    for (row, sums) in rows.chunks_exact(stride).zip(tile.iter_mut()) {
        sums[0] = row.iter().zip(panel).map(|(a, w)| i32::from(*a as i8) * i32::from(*w)).sum();
    }
}
