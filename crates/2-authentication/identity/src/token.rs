//! Opaque random tokens: what is shown, and the hash that is stored.

use std::fmt;

use aws_lc_rs::{digest, rand};
use domain::Secret;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// SHA-256 of a token; the only form in which one is stored. The tokens are random, so no salt is needed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// Hashes what was presented.
    pub fn of(token: &str) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
        Self(hash)
    }
    /// For storage.
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
    /// From storage.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}
impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenHash({:02x}{:02x}..)", self.0[0], self.0[1])
    }
}

/// `length` random characters of base 62 (5.95 bits each), without bias.
pub(crate) fn random_text(length: usize) -> Secret<String> {
    let mut text = String::with_capacity(length);
    while text.len() < length {
        for byte in random::<64>() {
            // 248 is the largest multiple of 62 that fits: what lies above would favour the first letters
            if byte < 248 && text.len() < length {
                text.push(char::from(BASE62[usize::from(byte % 62)]));
            }
        }
    }
    Secret::new(text)
}

/// `N` random bytes from the provider's generator.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    if rand::fill(&mut bytes).is_err() {
        // an operating system without random numbers: going on would hand out guessable secrets
        std::process::abort();
    }
    bytes
}

/// Six characters of base 62 that catch typing errors and let secret scanners recognise a key.
pub(crate) fn checksum(text: &str) -> String {
    let mut crc = u32::MAX;
    for byte in text.bytes() {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    let mut left = !crc;
    let mut out = [b'0'; 6];
    for slot in out.iter_mut().rev() {
        *slot = BASE62[(left % 62) as usize];
        left /= 62;
    }
    out.iter().map(|b| char::from(*b)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_ordinary_crc32() {
        // 0xCBF43926, in base 62
        assert_eq!(checksum("123456789"), "3jZRME");
    }

    #[test]
    fn random_text_has_its_length_and_differs() {
        let (a, b) = (random_text(43), random_text(43));
        assert!(a.expose().len() == 43 && a.expose() != b.expose());
    }
}
