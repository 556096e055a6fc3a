//! Reads the weight file: safetensors with its own format name, everything checked before anything is reckoned.

use std::{borrow::Cow, collections::BTreeMap};

use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

use crate::{
    Error,
    head::{Dense, Head},
    kernel::{Matrix, Path},
    network::{Embeddings, Layer, Network, Norm},
};

/// What the file must call itself.
pub const FORMAT: &str = "nodeloom/guard/v1";

/// Larger files are refused before they are read.
pub const MOST_BYTES: u64 = 256 << 20;
const MOST_LAYERS: usize = 48;
const MOST_HIDDEN: usize = 4096;

/// What a file holds.
pub struct Contents {
    pub network: Network,
    pub heads: BTreeMap<String, Head>,
    pub version: String,
    pub max_tokens: usize,
    pub sizes: Sizes,
}

/// How large the network is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    pub vocabulary: usize,
    pub layers: usize,
    pub hidden: usize,
    pub attention_heads: usize,
}

struct File<'f> {
    tensors: SafeTensors<'f>,
    facts: BTreeMap<String, String>,
    path: Path,
}

fn damaged(what: impl Into<String>) -> Error {
    Error::Damaged { what: what.into() }
}

/// Everything in `bytes`, laid out for `path`.
pub fn read(bytes: &[u8], path: Path) -> Result<Contents, Error> {
    let broken = |error: safetensors::SafeTensorError| Error::NotSafetensors(error.to_string());
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(broken)?;
    let facts = header.metadata().clone().unwrap_or_default().into_iter().collect();
    let file = File { tensors: SafeTensors::deserialize(bytes).map_err(broken)?, facts, path };
    let format = file.facts.get("format").cloned().unwrap_or_default();
    if format != FORMAT {
        return Err(Error::Format { found: format, expected: FORMAT });
    }
    let hidden = file.number("hidden", 1..=MOST_HIDDEN)?;
    let layers = file.number("layers", 1..=MOST_LAYERS)?;
    let heads = file.number("heads_count", 1..=hidden)?;
    if !hidden.is_multiple_of(heads) || hidden / heads > crate::network::HEAD {
        return Err(damaged("heads_count"));
    }
    let embeddings = file.embeddings(hidden)?;
    let vocabulary = embeddings.scales.len();
    let places = embeddings.positions.len() / hidden;
    let max_tokens = file.number("max_tokens", 3..=places)?;
    let layers: Vec<Layer> = (0..layers).map(|index| file.layer(index, hidden)).collect::<Result<_, _>>()?;
    let sizes = Sizes { vocabulary, layers: layers.len(), hidden, attention_heads: heads };
    Ok(Contents {
        heads: file.heads(hidden)?,
        version: file.fact("version")?.to_owned(),
        max_tokens,
        sizes,
        network: Network { hidden, heads, path, embeddings, layers },
    })
}

impl File<'_> {
    fn fact(&self, name: &str) -> Result<&str, Error> {
        self.facts.get(name).map(String::as_str).ok_or_else(|| damaged(format!("metadata `{name}`")))
    }

    fn number(&self, name: &str, range: std::ops::RangeInclusive<usize>) -> Result<usize, Error> {
        let number = self.fact(name)?.parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| damaged(format!("metadata `{name}`")))
    }

    fn bytes(&self, name: &str, dtype: Dtype, shape: &[usize]) -> Result<&[u8], Error> {
        let tensor = self.tensors.tensor(name).map_err(|_| damaged(name))?;
        if tensor.dtype() != dtype || tensor.shape() != shape {
            return Err(damaged(name));
        }
        Ok(tensor.data())
    }

    fn shape(&self, name: &str) -> Result<Vec<usize>, Error> {
        Ok(self.tensors.tensor(name).map_err(|_| damaged(name))?.shape().to_vec())
    }

    fn floats(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, Error> {
        let bytes = self.bytes(name, Dtype::F32, shape)?;
        let floats: Vec<f32> = bytes.as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect();
        // A bound, too: a sum of products of such numbers stays finite.
        if floats.iter().any(|x| !x.is_finite() || x.abs() > 1e6) { Err(damaged(name)) } else { Ok(floats) }
    }

    fn norm(&self, name: &str, hidden: usize) -> Result<Norm, Error> {
        Ok(Norm {
            weight: self.floats(&format!("{name}.weight"), &[hidden])?,
            bias: self.floats(&format!("{name}.bias"), &[hidden])?,
        })
    }

    fn embeddings(&self, hidden: usize) -> Result<Embeddings, Error> {
        let [count, _] = self.shape("embeddings.word.q")?[..] else { return Err(damaged("embeddings.word.q")) };
        let [places, _] = self.shape("embeddings.position")?[..] else { return Err(damaged("embeddings.position")) };
        let words = self.bytes("embeddings.word.q", Dtype::I8, &[count, hidden])?;
        let kind = self.floats("embeddings.type", &[hidden])?;
        let mut positions = self.floats("embeddings.position", &[places, hidden])?;
        for row in positions.chunks_exact_mut(hidden) {
            row.iter_mut().zip(&kind).for_each(|(value, kind)| *value += kind);
        }
        Ok(Embeddings {
            words: words.iter().map(|byte| *byte as i8).collect(),
            scales: self.floats("embeddings.word.scale", &[count])?,
            positions,
            norm: self.norm("embeddings.norm", hidden)?,
        })
    }

    /// Several matrices over one input, side by side.
    fn matrix(&self, names: &[String], inputs: usize) -> Result<Matrix, Error> {
        let (mut weights, mut scales, mut bias) = (Vec::new(), Vec::new(), Vec::new());
        for name in names {
            let [outputs, _] = self.shape(&format!("{name}.q"))?[..] else { return Err(damaged(name)) };
            let bytes = self.bytes(&format!("{name}.q"), Dtype::I8, &[outputs, inputs])?;
            weights.extend(bytes.iter().map(|byte| *byte as i8));
            scales.extend(self.floats(&format!("{name}.scale"), &[outputs])?);
            bias.extend(self.floats(&format!("{name}.bias"), &[outputs])?);
        }
        Matrix::new(self.path, &weights, inputs, scales, bias).ok_or_else(|| damaged(names.join(", ")))
    }

    fn layer(&self, index: usize, hidden: usize) -> Result<Layer, Error> {
        let name = |part: &str| format!("layers.{index}.{part}");
        let up = self.matrix(&[name("feed.up")], hidden)?;
        let layer = Layer {
            attention: self
                .matrix(&["query", "key", "value"].map(|part| name(&format!("attention.{part}"))), hidden)?,
            output: self.matrix(&[name("attention.output")], hidden)?,
            attention_norm: self.norm(&name("attention.norm"), hidden)?,
            down: self.matrix(&[name("feed.down")], up.outputs())?,
            up,
            feed_norm: self.norm(&name("feed.norm"), hidden)?,
        };
        let fits = layer.attention.outputs() == 3 * hidden
            && layer.output.outputs() == hidden
            && layer.down.outputs() == hidden;
        if fits { Ok(layer) } else { Err(damaged(name("attention and feed sizes"))) }
    }

    fn heads(&self, hidden: usize) -> Result<BTreeMap<String, Head>, Error> {
        let mut names: Vec<String> = self
            .tensors
            .names()
            .into_iter()
            .filter_map(|name| name.strip_prefix("heads.")?.strip_suffix(".weight").map(str::to_owned))
            .filter(|name| !name.contains('.'))
            .collect();
        names.sort();
        let tables = ["labels", "thresholds", "calibration", "grey"].map(|name| {
            self.facts.get(name).map_or(Ok(Value::Null), |text| {
                serde_json::from_str::<Value>(text).map_err(|_| damaged(format!("metadata `{name}`")))
            })
        });
        let [labels, thresholds, calibration, grey] = tables;
        let (labels, thresholds, calibration, grey) = (labels?, thresholds?, calibration?, grey?);
        let mut heads = BTreeMap::new();
        for name in names {
            let inner = format!("heads.{name}.hidden");
            let between = match self.tensors.tensor(&format!("{inner}.weight")) {
                Ok(_) => Some(self.dense(&inner, hidden)?),
                Err(_) => None,
            };
            let inputs = between.as_ref().map_or(hidden, Dense::outputs);
            let out = self.dense(&format!("heads.{name}"), inputs)?;
            let facts = [&labels, &thresholds, &calibration, &grey].map(|table| &table[name.as_str()]);
            let head =
                Head::new(&name, between, out, facts).map_err(|what| damaged(format!("{what} of head `{name}`")))?;
            heads.insert(name, head);
        }
        Ok(heads)
    }

    fn dense(&self, name: &str, inputs: usize) -> Result<Dense, Error> {
        let [outputs, _] = self.shape(&format!("{name}.weight"))?[..] else { return Err(damaged(name)) };
        if outputs == 0 || outputs > MOST_HIDDEN {
            return Err(damaged(name));
        }
        Ok(Dense {
            weight: self.floats(&format!("{name}.weight"), &[outputs, inputs])?,
            bias: self.floats(&format!("{name}.bias"), &[outputs])?,
        })
    }
}

/// The bytes of a file, no more than [`MOST_BYTES`].
pub fn load(path: &std::path::Path) -> std::io::Result<Cow<'static, [u8]>> {
    use std::io::Read;
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(std::io::Error::other(format!("longer than {MOST_BYTES} bytes")));
    }
    Ok(Cow::Owned(bytes))
}
