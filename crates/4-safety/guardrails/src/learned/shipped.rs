//! The weights inside this binary; models/README.md says how they were made.

use encoder::Encoder;
use sha2::{Digest, Sha256};

static WEIGHTS: &[u8] = include_bytes!("../../../../../models/guard-4.safetensors");
static VOCABULARY: &str = include_str!("../../../../../models/vocab.txt");
/// `digest  name` a line, as `sha256sum` writes and checks it.
static DIGESTS: &str = include_str!("../../../../../models/SHA256SUMS");

/// The encoder, once the bytes are what they were when they were measured.
pub fn load() -> Result<Encoder, String> {
    for (name, bytes) in [("guard-4.safetensors", WEIGHTS), ("vocab.txt", VOCABULARY.as_bytes())] {
        let line = DIGESTS.lines().find_map(|line| line.strip_suffix(name));
        let expected = line.map(str::trim).ok_or_else(|| format!("no digest of {name}"))?;
        let found: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        if found != expected {
            return Err(format!("{name} has SHA-256 {found}, expected {expected}"));
        }
    }
    Encoder::load(WEIGHTS, VOCABULARY).map_err(|error| error.to_string())
}

/// The vocabulary that the shipped weights were trained with.
pub fn vocabulary() -> &'static str {
    VOCABULARY
}
