//! The learned tier: a sentence encoder with a head per question, shared by the prompt-injection, content and
//! similarity checks.
//!
//! It reads the folded text in windows of whole sentences, as it was trained to. Results are remembered by a keyed
//! digest of the window's tokens, so that a text that comes again (a system prompt, a retrieved page, the second
//! check of one node) costs nothing; no text is kept. When the weights cannot be had, every question is answered with
//! why, and the check that asked is "not evaluated".

mod cache;
mod gate;
mod windows;

use std::{
    path::PathBuf,
    sync::{Arc, LazyLock, OnceLock},
    time::{Duration, Instant},
};

use encoder::{Encoder, Token};

use cache::Cache;
use gate::Gate;

/// The weights that ship, and what they must be.
mod shipped;

/// Windows of one text that are read; what is read of a longer text is chosen by `windows::plan`.
pub const MOST_WINDOWS: usize = 128;
/// Tokens that pass the network together.
const BATCH_TOKENS: usize = 256;

/// A handle to one set of weights, loaded at first use. Cheap to clone.
#[derive(Clone)]
pub struct Learned(Arc<Inner>);

struct Inner {
    source: Source,
    encoder: OnceLock<Result<Encoder, String>>,
    gate: Gate,
    judged: Cache<Vec<f32>>,
    vectors: Cache<Vec<f32>>,
}

enum Source {
    Shipped,
    File(PathBuf),
    Bytes(Vec<u8>, String),
    Absent(String),
}

impl Default for Learned {
    fn default() -> Self {
        Self::shipped()
    }
}

impl std::fmt::Debug for Learned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Learned").field(&self.0.encoder.get().map(|loaded| loaded.is_ok())).finish()
    }
}

/// What the loaded weights say about themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFacts {
    pub version: String,
    pub heads: Vec<String>,
    pub layers: usize,
}

/// A window and what each head says about it.
#[derive(Debug, Clone)]
pub(crate) struct Judged {
    /// In the reading.
    pub start: usize,
    pub end: usize,
    /// Probabilities in the order of the encoder's heads.
    pub shares: Arc<Vec<f32>>,
}

/// What was read of a text.
#[derive(Debug, Clone, Default)]
pub(crate) struct Read {
    pub windows: Vec<Judged>,
    /// Bytes of the reading that no window covers, because the text is too long.
    pub unread: usize,
}

impl Learned {
    /// The weights in this binary: one copy per process.
    pub fn shipped() -> Self {
        static SHIPPED: LazyLock<Learned> = LazyLock::new(|| Learned::of(Source::Shipped));
        SHIPPED.clone()
    }

    /// From a weight file; `vocab.txt` beside it is used when there is one, else the shipped vocabulary.
    pub fn from_file(path: impl Into<PathBuf>) -> Self {
        Self::of(Source::File(path.into()))
    }

    /// From bytes already read.
    pub fn from_bytes(weights: Vec<u8>, vocabulary: impl Into<String>) -> Self {
        Self::of(Source::Bytes(weights, vocabulary.into()))
    }

    /// None: every check that asks it is "not evaluated", for this reason.
    pub fn absent(why: impl Into<String>) -> Self {
        Self::of(Source::Absent(why.into()))
    }

    fn of(source: Source) -> Self {
        Self(Arc::new(Inner {
            source,
            encoder: OnceLock::new(),
            gate: Gate::new(std::thread::available_parallelism().map_or(1, usize::from)),
            judged: Cache::new(8_192),
            vectors: Cache::new(2_048),
        }))
    }

    /// The same weights.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Loads now what would be loaded at first use, and says what it is or why there is none.
    pub fn load(&self) -> Result<ModelFacts, String> {
        let encoder = self.encoder()?;
        Ok(ModelFacts {
            version: encoder.version().to_owned(),
            heads: encoder.heads().map(|(name, _)| name.to_owned()).collect(),
            layers: encoder.sizes().layers,
        })
    }

    pub(crate) fn encoder(&self) -> Result<&Encoder, String> {
        let loaded = self.0.encoder.get_or_init(|| {
            let vectors = |weights: &[u8], vocabulary: &str| {
                Encoder::load(weights, vocabulary).map_err(|error| error.to_string())
            };
            match &self.0.source {
                Source::Shipped => shipped::load(),
                Source::Absent(why) => Err(why.clone()),
                Source::Bytes(weights, vocabulary) => vectors(weights, vocabulary),
                Source::File(path) => {
                    let shown = path.display();
                    let weights = encoder::read_file(path).map_err(|error| format!("cannot read {shown}: {error}"))?;
                    let beside = path.with_file_name("vocab.txt");
                    let own = std::fs::read_to_string(&beside).ok();
                    let vocabulary = own.unwrap_or_else(|| shipped::vocabulary().to_owned());
                    vectors(&weights, &vocabulary).map_err(|why| format!("{shown}: {why}"))
                }
            }
        });
        loaded.as_ref().map_err(|why| format!("the learned model is not available: {why}"))
    }

    /// The place of a head's answer in [`Judged::shares`], and its threshold.
    pub(crate) fn head(&self, name: &str) -> Result<(usize, f32), String> {
        let found = self.encoder()?.heads().enumerate().find(|(_, (own, _))| *own == name);
        let label = found.and_then(|(index, (_, head))| Some((index, head.labels.first()?.threshold)));
        label.ok_or_else(|| format!("the learned model has no answer to `{name}`"))
    }

    /// Windows of `reading` (folded) with every head's probability. `rank` says how much a stretch of a text that is
    /// too long deserves to be read; `skip` leaves out windows that are decided already.
    pub(crate) fn read(
        &self,
        reading: &str,
        most: usize,
        rank: impl Fn(&str) -> f32,
        skip: impl Fn(usize, usize) -> bool,
        deadline: Instant,
    ) -> Result<Read, String> {
        let encoder = self.encoder()?;
        let plan = windows::plan(encoder, reading, most, rank);
        let mut out = Read { windows: Vec::with_capacity(plan.windows.len()), unread: plan.unread };
        let mut waiting: Vec<(usize, &[Token], u128)> = Vec::new();
        let mut shares: Vec<Option<Arc<Vec<f32>>>> = vec![None; plan.windows.len()];
        for (index, window) in plan.windows.iter().enumerate() {
            if skip(window.start, window.end) {
                continue;
            }
            let key = self.0.judged.key(window.tokens.iter().map(|token| token.id));
            match self.0.judged.get(key) {
                Some(known) => shares[index] = Some(known),
                None => waiting.push((index, &window.tokens, key)),
            }
        }
        let mut rest = waiting.as_slice();
        while let Some((first, _)) = rest.split_first() {
            let mut tokens = first.1.len();
            let mut count = 1;
            while count < rest.len() && tokens + rest[count].1.len() <= BATCH_TOKENS {
                tokens += rest[count].1.len();
                count += 1;
            }
            let (batch, behind) = rest.split_at(count);
            let _turn = self.0.gate.enter(deadline).ok_or_else(late)?;
            let pooled = encoder
                .encode(&batch.iter().map(|one| one.1).collect::<Vec<_>>())
                .map_err(|error| error.to_string())?;
            for ((index, _, key), pooled) in batch.iter().zip(pooled) {
                let judged: Vec<f32> = encoder
                    .heads()
                    .map(|(_, head)| head.probabilities(&pooled).first().copied().unwrap_or(0.0))
                    .collect();
                if judged.iter().any(|share| !share.is_finite()) {
                    return Err("the learned model's answer is not a number".to_owned());
                }
                shares[*index] = Some(self.0.judged.put(*key, judged));
            }
            rest = behind;
        }
        for (window, shares) in plan.windows.iter().zip(shares) {
            if let Some(shares) = shares {
                out.windows.push(Judged { start: window.start, end: window.end, shares });
            }
        }
        Ok(out)
    }

    /// Vectors of length one for texts that fit into a window each (the rest of a longer one is left out).
    pub(crate) fn vectors(&self, texts: &[&str], deadline: Instant) -> Result<Vec<Arc<Vec<f32>>>, String> {
        let encoder = self.encoder()?;
        let most = encoder.max_tokens() - 2;
        texts
            .iter()
            .map(|text| {
                let tokens = encoder.tokens(&crate::normalise::fold::fold(text).text);
                let tokens = &tokens[..tokens.len().min(most)];
                let key = self.0.vectors.key(tokens.iter().map(|token| token.id));
                if let Some(known) = self.0.vectors.get(key) {
                    return Ok(known);
                }
                let _turn = self.0.gate.enter(deadline).ok_or_else(late)?;
                let mut pooled = encoder.encode(&[tokens]).map_err(|error| error.to_string())?;
                let mut vector = pooled.pop().unwrap_or_default();
                encoder::unit(&mut vector);
                Ok(self.0.vectors.put(key, vector))
            })
            .collect()
    }

    /// Each head's highest probability over the windows of `text`, for measuring.
    pub fn shares(&self, text: &str) -> Result<Vec<(String, f32)>, String> {
        let folded = crate::normalise::fold::fold(text);
        let read = self.read(&folded.text, MOST_WINDOWS, |_| 0.0, |_, _| false, patience())?;
        let heads = self.encoder()?.heads().enumerate();
        Ok(heads
            .map(|(index, (name, _))| {
                let highest = read.windows.iter().map(|window| window.shares[index]).fold(0.0, f32::max);
                (name.to_owned(), highest)
            })
            .collect())
    }

    /// Which model, for findings.
    pub(crate) fn name(&self) -> String {
        self.encoder().map_or_else(|_| "absent".to_owned(), |encoder| format!("guard-{}", encoder.version()))
    }
}

fn late() -> String {
    "the learned model gave no answer in time".to_owned()
}

/// A deadline for callers that have none: long enough for the longest text on a slow machine.
pub(crate) fn patience() -> Instant {
    Instant::now() + Duration::from_secs(120)
}
