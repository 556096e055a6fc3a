//! Signing notes in the C2SP signed-note form, so that witnesses and verifiers made by others can read them.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::Secret;

use crate::entry::sha256;

/// The algorithm byte for Ed25519.
const ED25519: u8 = 0x01;

/// A key that signs checkpoints.
pub struct SigningKey {
    name: String,
    pair: Ed25519KeyPair,
}

/// A signing key that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error(
        "the name of a checkpoint key must not be empty and must hold no space, no plus sign and no control character"
    )]
    Name,
    #[error("the seed of a checkpoint key must be 32 bytes")]
    Seed,
    #[error("the system gave no random bytes for a new checkpoint key")]
    Random,
}

impl SigningKey {
    /// The key with this seed (32 random bytes, kept private). `name` says whose it is, such as
    /// `nodeloom.example.com/audit`; it is also the origin of the checkpoints it signs.
    ///
    /// # Errors
    /// A name or a seed that the form does not allow.
    pub fn from_seed(name: &str, seed: &Secret<Vec<u8>>) -> Result<Self, KeyError> {
        if name.is_empty() || name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+') {
            return Err(KeyError::Name);
        }
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.expose()).map_err(|_| KeyError::Seed)?;
        Ok(Self { name: name.to_owned(), pair })
    }
    /// A new random seed.
    ///
    /// # Errors
    /// The operating system gave no random bytes.
    pub fn new_seed() -> Result<Secret<Vec<u8>>, KeyError> {
        let mut seed = vec![0; 32];
        aws_lc_rs::rand::fill(&mut seed).map_err(|_| KeyError::Random)?;
        Ok(Secret::new(seed))
    }
    pub fn name(&self) -> &str {
        &self.name
    }
    /// The public half in the form `<name>+<key id>+<key>`, to be given to whoever verifies.
    pub fn verifier_key(&self) -> String {
        format!("{}+{}+{}", self.name, hex::encode(self.id()), STANDARD.encode(self.public()))
    }
    /// `body` (lines, each ended by a newline) with a signature line below it.
    pub fn sign(&self, body: &str) -> String {
        let mut signature = self.id().to_vec();
        signature.extend_from_slice(self.pair.sign(body.as_bytes()).as_ref());
        format!("{body}\n\u{2014} {} {}\n", self.name, STANDARD.encode(signature))
    }

    fn public(&self) -> Vec<u8> {
        let mut key = vec![ED25519];
        key.extend_from_slice(self.pair.public_key().as_ref());
        key
    }
    fn id(&self) -> [u8; 4] {
        let hash = sha256(&[self.name.as_bytes(), b"\n", &self.public()]);
        [hash[0], hash[1], hash[2], hash[3]]
    }
}
impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", self.name)
    }
}
