//! A small sentence encoder on eight-bit integers, in this process, on one core: text in, vector and probabilities out.
//! It is what lets guardrails judge a sentence that no rule has ever seen, and compare meanings instead of letters.
//!
//! What it promises: the same weights and text give the same answer, one run like the next; sums are exact, so every
//! instruction path agrees; a weight file that is missing, damaged or of another format is an [`Error`], and a result
//! that is not a number is one too.
//! What it never does: download, invent a score, keep a text, use more than the calling thread, or fall back to a
//! smaller model without saying so.
//!
//! Start reading in [`Encoder::load`] and [`Encoder::encode`]; then `network` and, for how the time is spent, `kernel`.
//! `unsafe` stands in `kernel` alone, each block with its reason.

mod error;
mod head;
#[allow(unsafe_code, reason = "vector instructions; every block says why it is sound")]
pub mod kernel;
mod math;
mod network;
mod tokenizer;
mod weights;

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

pub use error::Error;
pub use head::{Head, Label};
use kernel::Path;
use network::{Network, Scratch};
pub use tokenizer::{Token, Tokenizer};
pub use weights::{FORMAT, MOST_BYTES, Sizes, load as read_file};

/// A loaded network with its vocabulary and heads.
pub struct Encoder {
    network: Network,
    tokenizer: Tokenizer,
    heads: BTreeMap<String, Head>,
    version: String,
    max_tokens: usize,
    sizes: Sizes,
    /// Working memory of passes that are over.
    spare: Mutex<Vec<Scratch>>,
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encoder")
            .field("version", &self.version)
            .field("sizes", &self.sizes)
            .field("path", &self.network.path)
            .finish_non_exhaustive()
    }
}

impl Encoder {
    /// From the bytes of a weight file and of a vocabulary, laid out for the fastest path of this processor.
    ///
    /// # Errors
    /// Whatever does not fit is named; nothing is guessed. Retrying with the same bytes fails again.
    pub fn load(weights: &[u8], vocabulary: &str) -> Result<Self, Error> {
        Self::load_for(weights, vocabulary, Path::best())
    }

    /// The same, laid out for `path`, which the processor must have (see [`Path::available`]).
    pub fn load_for(weights: &[u8], vocabulary: &str, path: Path) -> Result<Self, Error> {
        let tokenizer = Tokenizer::new(vocabulary)?;
        let contents = weights::read(weights, path)?;
        if tokenizer.size() > contents.sizes.vocabulary {
            return Err(Error::Vocabulary(format!(
                "{} pieces, but vectors for {}",
                tokenizer.size(),
                contents.sizes.vocabulary
            )));
        }
        Ok(Self {
            network: contents.network,
            tokenizer,
            heads: contents.heads,
            version: contents.version,
            max_tokens: contents.max_tokens,
            sizes: contents.sizes,
            spare: Mutex::new(Vec::new()),
        })
    }

    /// The version that the file gives itself.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Tokens of one window, the marks for start and end included.
    pub fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    pub fn sizes(&self) -> Sizes {
        self.sizes
    }

    /// The head of that name.
    pub fn head(&self, name: &str) -> Option<&Head> {
        self.heads.get(name)
    }

    /// All heads by name.
    pub fn heads(&self) -> impl Iterator<Item = (&str, &Head)> {
        self.heads.iter().map(|(name, head)| (name.as_str(), head))
    }

    /// The tokens of `text`, without marks for start and end, each with its place in `text`.
    pub fn tokens(&self, text: &str) -> Vec<Token> {
        self.tokenizer.tokens(text)
    }

    /// The mean state of each window; a window is a run of [`tokens`](Self::tokens), marks are added here.
    ///
    /// # Errors
    /// [`Error::TooLong`]: a window holds more tokens than the network has places for.
    /// [`Error::NotFinite`]: the weights led to something that is not a number.
    pub fn encode(&self, windows: &[&[Token]]) -> Result<Vec<Vec<f32>>, Error> {
        let known = self.sizes.vocabulary as u32;
        let mut sequences = Vec::with_capacity(windows.len());
        for window in windows {
            let mut ids = Vec::with_capacity(window.len() + 2);
            ids.push(self.tokenizer.start);
            ids.extend(window.iter().map(|token| token.id));
            ids.push(self.tokenizer.end);
            if ids.len() > self.network.places() {
                return Err(Error::TooLong { length: ids.len(), most: self.network.places() });
            }
            if ids.iter().any(|id| *id >= known) {
                return Err(Error::UnknownToken);
            }
            sequences.push(ids);
        }
        let spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut scratch = spare.unwrap_or_else(|| Scratch::new(self.network.path));
        let sequences: Vec<&[u32]> = sequences.iter().map(Vec::as_slice).collect();
        let pooled = self.network.pooled(&sequences, &mut scratch);
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < 4 {
            spare.push(scratch);
        }
        if pooled.iter().flatten().any(|x| !x.is_finite()) { Err(Error::NotFinite) } else { Ok(pooled) }
    }

    /// The vector of a text that fits into one window, of length one; the rest of a longer text is left out, so cut it
    /// into windows first.
    pub fn embed(&self, text: &str) -> Result<Vec<f32>, Error> {
        let tokens = self.tokens(text);
        let window = &tokens[..tokens.len().min(self.max_tokens - 2)];
        let mut vector = self.encode(&[window])?.pop().unwrap_or_default();
        unit(&mut vector);
        Ok(vector)
    }
}

/// Makes a vector's length one, unless it is nought.
pub fn unit(vector: &mut [f32]) {
    let size = math::dot(vector, vector).sqrt();
    if size > 0.0 {
        vector.iter_mut().for_each(|x| *x /= size);
    }
}

/// The cosine of the angle between two vectors of length one.
pub fn cosine(a: &[f32], b: &[f32]) -> f32 {
    math::dot(a, b)
}
