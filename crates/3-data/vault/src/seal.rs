//! The sealed value: `version(1) | key id(4) | nonce(12) | ciphertext | tag(16)`, AES-256-GCM with a random nonce.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    rand,
};
use domain::Secret;

use crate::{Error, OpenError};

const VERSION: u8 = 1;
const HEAD: usize = 1 + 4 + 12;
const TAG: usize = 16;
/// How much longer a sealed value is than the value.
pub const OVERHEAD: usize = HEAD + TAG;

/// Which key a sealed value needs.
///
/// # Errors
/// [`OpenError::NotSealed`].
pub fn key_id(blob: &[u8]) -> Result<u32, OpenError> {
    if blob.len() < OVERHEAD || blob[0] != VERSION {
        return Err(OpenError::NotSealed);
    }
    Ok(u32::from_be_bytes([blob[1], blob[2], blob[3], blob[4]]))
}

/// A key, ready for use.
pub(crate) struct Key {
    id: u32,
    aead: LessSafeKey,
}

impl Key {
    pub fn new(id: u32, bytes: &[u8]) -> Option<Self> {
        let aead = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, bytes).ok()?);
        Some(Self { id, aead })
    }
    pub const fn id(&self) -> u32 {
        self.id
    }
    pub fn seal(&self, associated: &[u8], plain: &[u8]) -> Result<Vec<u8>, Error> {
        let mut nonce = [0; 12];
        rand::fill(&mut nonce).map_err(|_| Error::Random)?;
        let mut blob = Vec::with_capacity(OVERHEAD + plain.len());
        blob.push(VERSION);
        blob.extend_from_slice(&self.id.to_be_bytes());
        blob.extend_from_slice(&nonce);
        blob.extend_from_slice(plain);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let sealed = self.aead.seal_in_place_separate_tag(nonce, Aad::from(associated), &mut blob[HEAD..]);
        // AES-GCM refuses only what is longer than 64 GiB
        let tag = sealed.map_err(|_| Error::Random)?;
        blob.extend_from_slice(tag.as_ref());
        Ok(blob)
    }
    pub fn open(&self, associated: &[u8], blob: &[u8]) -> Result<Secret<Vec<u8>>, OpenError> {
        let id = key_id(blob)?;
        if id != self.id {
            return Err(OpenError::KeyNotLoaded { key: id });
        }
        let nonce = Nonce::try_assume_unique_for_key(&blob[5..HEAD]).map_err(|_| OpenError::NotSealed)?;
        let mut plain = blob[HEAD..].to_vec();
        let length =
            self.aead.open_in_place(nonce, Aad::from(associated), &mut plain).map_err(|_| OpenError::Tampered)?.len();
        plain.truncate(length);
        Ok(Secret::new(plain))
    }
}
impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({:08x})", self.id)
    }
}

/// 32 random bytes for a new key.
pub(crate) fn random_key() -> Result<Secret<Vec<u8>>, Error> {
    let mut bytes = vec![0; 32];
    rand::fill(&mut bytes).map_err(|_| Error::Random)?;
    Ok(Secret::new(bytes))
}
