//! Root keys: which are accepted, and the sentence for each that is not (R083–R086).

use aws_lc_rs::{digest, hkdf};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use domain::Secret;

use crate::Error;

/// The least length of a decoded key, in bytes.
pub const MIN_BYTES: usize = 32;
/// A random key of 32 bytes has 30 different bytes on average; fewer than 16 happens to nobody.
const MIN_DISTINCT: usize = 16;

/// Why a key is refused, in a sentence that says what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem {
    #[error(
        "it is missing; make one with `nodeloom keys generate` and put it into the configuration as encryption_key"
    )]
    Missing,
    #[error("it is neither hexadecimal nor base64; make one with `nodeloom keys generate`")]
    Unreadable,
    #[error("it decodes to {bytes} bytes and at least 32 are needed; make one with `nodeloom keys generate`")]
    TooShort { bytes: usize },
    #[error(
        "it is a published default or example value, which everybody knows; make your own with `nodeloom keys generate`"
    )]
    KnownDefault,
    #[error(
        "it is not random (too few different bytes, a repeated pattern, a sequence or readable text); make one with `nodeloom keys generate`"
    )]
    LowEntropy,
    #[error("the same key is given twice; previous keys are those used before the present one")]
    Twice,
}

/// A key from the configuration, accepted.
#[derive(Clone)]
pub struct RootKey {
    id: u32,
    wrap: Secret<Vec<u8>>,
}

impl RootKey {
    /// Reads a key from its text: hexadecimal or base64 of at least 32 random bytes.
    ///
    /// # Errors
    /// [`KeyProblem`] says what to do about it.
    pub fn parse(text: &Secret<String>) -> Result<Self, KeyProblem> {
        let text = text.expose().trim();
        if text.is_empty() {
            return Err(KeyProblem::Missing);
        }
        if is_known_text(text) {
            return Err(KeyProblem::KnownDefault);
        }
        let bytes = Secret::new(decode(text).ok_or(KeyProblem::Unreadable)?);
        let key = bytes.expose();
        if is_known_bytes(key) {
            return Err(KeyProblem::KnownDefault);
        }
        if key.len() < MIN_BYTES {
            return Err(KeyProblem::TooShort { bytes: key.len() });
        }
        if has_low_entropy(key) {
            return Err(KeyProblem::LowEntropy);
        }
        let id = derive(key, b"nodeloom/root-key-id/v1");
        let id = u32::from_be_bytes([id[0], id[1], id[2], id[3]]);
        Ok(Self { id, wrap: Secret::new(derive(key, b"nodeloom/root-key-wrap/v1").to_vec()) })
    }
    /// Names the key without telling it; derived from the key, so it is the same everywhere.
    pub const fn id(&self) -> u32 {
        self.id
    }
    pub(crate) const fn wrapping_key(&self) -> &Secret<Vec<u8>> {
        &self.wrap
    }
}
impl std::fmt::Debug for RootKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RootKey({:08x})", self.id)
    }
}

/// The present root key and those used before it.
#[derive(Debug, Clone)]
pub struct RootKeys {
    present: RootKey,
    previous: Vec<RootKey>,
}

impl RootKeys {
    /// # Errors
    /// A key that is refused, or the same key twice.
    pub fn new(present: &Secret<String>, previous: &[Secret<String>]) -> Result<Self, KeyProblem> {
        let present = RootKey::parse(present)?;
        let previous = previous.iter().map(RootKey::parse).collect::<Result<Vec<_>, _>>()?;
        let mut ids: Vec<u32> = previous.iter().map(RootKey::id).chain([present.id]).collect();
        ids.sort_unstable();
        if ids.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(KeyProblem::Twice);
        }
        Ok(Self { present, previous })
    }
    pub const fn present(&self) -> &RootKey {
        &self.present
    }
    pub fn find(&self, id: u32) -> Option<&RootKey> {
        std::iter::once(&self.present).chain(&self.previous).find(|key| key.id == id)
    }
    /// The ids of all, the present first.
    pub fn ids(&self) -> Vec<u32> {
        std::iter::once(&self.present).chain(&self.previous).map(RootKey::id).collect()
    }
}

/// A new key as text, 64 hexadecimal digits: what `nodeloom keys generate` prints.
///
/// # Errors
/// [`Error::Random`].
pub fn generate() -> Result<Secret<String>, Error> {
    let bytes = crate::seal::random_key()?;
    Ok(Secret::new(hex::encode(bytes.expose())))
}

fn decode(text: &str) -> Option<Vec<u8>> {
    if text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return hex::decode(text).ok();
    }
    [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD].into_iter().find_map(|engine| engine.decode(text).ok())
}

fn derive(key: &[u8], what: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    let info = [what];
    let expanded = hkdf::Salt::new(hkdf::HKDF_SHA256, b"nodeloom").extract(key);
    // 32 bytes are within what HKDF-SHA256 gives; a failure would leave zeros, so it must not be passed over
    let filled = expanded.expand(&info, hkdf::HKDF_SHA256).and_then(|okm| okm.fill(&mut out));
    assert!(filled.is_ok(), "HKDF gives 32 bytes");
    out
}

/// Words that stand in examples, whatever is put around them.
const KNOWN_WORDS: [&str; 14] = [
    "changeme",
    "change-me",
    "change_me",
    "change_this",
    "changethis",
    "password",
    "example",
    "insecure",
    "default",
    "placeholder",
    "your-secret",
    "your_secret",
    "yoursecret",
    "replace-me",
];

fn is_known_text(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    KNOWN_WORDS.iter().any(|word| text.contains(word)) || ["secret", "test", "key", "nodeloom"].contains(&text.as_str())
}

/// SHA-256 of keys printed in standards' test vectors and well-known documentation, so that the list does not look
/// like a list of keys; texts hidden in hexadecimal or base64 are looked for by their words.
fn is_known_bytes(key: &[u8]) -> bool {
    const KNOWN: [&str; 6] = [
        // 00 01 02 …, the AES-256 keys of SP 800-38A and of the GCM paper, zeros, ones, 01 02 03 …
        "630dcd2966c4336691125448bbb25b4ff412a49c732db2c8abc1b8581bd710dd",
        "b93c72b74bc8487d29827005f80d635918f91bc22b14d7ed05714d58f96702dd",
        "7f70dfd819c3c5826700c209d1633eb5af014210decb7d7ff6d6ebadfa9bad27",
        "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925",
        "af9613760f72635fbdb44a5a0a63c39f12af30f950a6ee5c971be188e89c4051",
        "ae216c2ef5247a3782c135efa279a3e4cdc61094270f5d2be58c6204b7a612c9",
    ];
    let hash = hex::encode(digest::digest(&digest::SHA256, key));
    KNOWN.contains(&hash.as_str()) || std::str::from_utf8(key).is_ok_and(is_known_text)
}

fn has_low_entropy(key: &[u8]) -> bool {
    let mut seen = [false; 256];
    key.iter().for_each(|byte| seen[usize::from(*byte)] = true);
    let distinct = seen.iter().filter(|there| **there).count();
    let repeats = (1..=key.len() / 2).any(|period| key.iter().zip(&key[period..]).all(|(a, b)| a == b));
    let step = |by: u8| key.windows(2).filter(|pair| pair[1] == pair[0].wrapping_add(by)).count();
    let sequence = step(1) * 2 > key.len() || step(255) * 2 > key.len();
    let readable = key.iter().all(|byte| (0x20..0x7f).contains(byte) || *byte == b'\n');
    distinct < MIN_DISTINCT || repeats || sequence || readable
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<u32, KeyProblem> {
        RootKey::parse(&Secret::new(text.to_owned())).map(|key| key.id())
    }
    fn random() -> Vec<u8> {
        (0..32_u8).map(|i| i.wrapping_mul(i).wrapping_mul(37).wrapping_add(i.wrapping_mul(11) ^ 0x5a)).collect()
    }

    /// R083: hexadecimal and base64 are the same key.
    #[test]
    fn a_key_reads_from_hex_and_base64() {
        let key = random();
        assert_eq!(parse(&hex::encode(&key)).unwrap(), parse(&STANDARD.encode(&key)).unwrap());
        assert_eq!(
            parse(&hex::encode(&key)).unwrap(),
            parse(&format!("  {}\n", URL_SAFE_NO_PAD.encode(&key))).unwrap()
        );
    }

    /// R085
    #[test]
    fn a_short_key_is_refused_with_its_length() {
        assert_eq!(parse(&hex::encode(&random()[..31])), Err(KeyProblem::TooShort { bytes: 31 }));
        assert_eq!(parse(""), Err(KeyProblem::Missing));
        assert_eq!(parse("not a key at all!"), Err(KeyProblem::Unreadable));
    }

    /// R086
    #[test]
    fn known_defaults_are_refused_in_every_spelling() {
        for text in ["changeme", "change-me-change-me-change-me-32", "your-secret-key-here", "password", "nodeloom"] {
            assert_eq!(parse(text), Err(KeyProblem::KnownDefault), "{text}");
            assert_eq!(parse(&hex::encode(text)), Err(KeyProblem::KnownDefault), "hex of {text}");
            assert_eq!(parse(&STANDARD.encode(text)), Err(KeyProblem::KnownDefault), "base64 of {text}");
        }
        assert_eq!(parse(&"00".repeat(32)), Err(KeyProblem::KnownDefault));
        assert_eq!(parse(&"ff".repeat(32)), Err(KeyProblem::KnownDefault));
        let sequence: Vec<u8> = (0..32).collect();
        assert_eq!(parse(&hex::encode(sequence)), Err(KeyProblem::KnownDefault));
    }

    /// R084
    #[test]
    fn a_key_without_entropy_is_refused() {
        let refused = |key: &[u8]| assert_eq!(parse(&hex::encode(key)), Err(KeyProblem::LowEntropy));
        refused(&[0xab; 32]);
        refused(&(100..132).collect::<Vec<u8>>());
        refused(&(100..140).rev().collect::<Vec<u8>>());
        refused(&[random()[..16].to_vec(), random()[..16].to_vec()].concat());
        refused(b"correct horse battery staple and some more words");
    }

    /// R084: every refusal says what to do.
    #[test]
    fn every_refusal_says_what_to_do() {
        use KeyProblem::*;
        for problem in [Missing, Unreadable, TooShort { bytes: 3 }, KnownDefault, LowEntropy] {
            assert!(problem.to_string().contains("nodeloom keys generate"), "{problem}");
        }
    }

    #[test]
    fn a_generated_key_is_accepted() {
        for _ in 0..200 {
            assert!(RootKey::parse(&generate().unwrap()).is_ok());
        }
    }

    #[test]
    fn the_same_key_twice_is_refused() {
        let key = generate().unwrap();
        assert_eq!(RootKeys::new(&key, std::slice::from_ref(&key)).unwrap_err(), KeyProblem::Twice);
    }
}
