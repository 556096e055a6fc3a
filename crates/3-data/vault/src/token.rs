//! Reversible tokens for values that were taken out of a text: sealed under a key of the team and environment, so that
//! a later step there may put them back and nobody else may.
//!
//! The nonce is made of the value itself (as in SIV), so the same value gives the same token and a model that is handed
//! tokens can still tell who is who; that two values are equal is all that a token tells.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{Scope, Secret};

use crate::Vault;

/// Makes and opens the tokens of one team and environment.
pub struct Tokens {
    nonces: hmac::Key,
    key: LessSafeKey,
    place: String,
}

impl Vault {
    /// The tokens of a team and environment. They outlive runs and the rotation of keys.
    pub fn tokens(&self, scope: Scope) -> Option<Tokens> {
        let place = format!("{}/{}", scope.team, scope.environment.as_str());
        let key = self.keyed_hash("pii-token-key/v1", place.as_bytes());
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).ok()?);
        let nonces = self.keyed_hash("pii-token-nonce/v1", place.as_bytes());
        Some(Tokens { nonces: hmac::Key::new(hmac::HMAC_SHA256, &nonces), key, place })
    }
}

impl Tokens {
    fn bound(&self, kind: &str) -> Vec<u8> {
        let mut out = Vec::with_capacity(96);
        for part in ["nodeloom/pii-token/v1", self.place.as_str(), kind] {
            out.extend_from_slice(&(part.len() as u64).to_be_bytes());
            out.extend_from_slice(part.as_bytes());
        }
        out
    }

    /// `value` sealed, in letters, digits, `-` and `_`.
    pub fn seal(&self, kind: &str, value: &str) -> Option<String> {
        let bound = self.bound(kind);
        let mut context = hmac::Context::with_key(&self.nonces);
        context.update(&bound);
        context.update(value.as_bytes());
        let nonce: [u8; NONCE_LEN] = context.sign().as_ref()[..NONCE_LEN].try_into().ok()?;
        let mut sealed = value.as_bytes().to_vec();
        self.key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(&bound), &mut sealed).ok()?;
        Some(URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat()))
    }

    /// What [`Tokens::seal`] was given for the same kind here; `None` for anything else.
    pub fn open(&self, kind: &str, token: &str) -> Option<Secret<String>> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN)?;
        let nonce: [u8; NONCE_LEN] = nonce.try_into().ok()?;
        let mut sealed = sealed.to_vec();
        let plain = self
            .key
            .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(self.bound(kind)), &mut sealed)
            .ok()?;
        String::from_utf8(plain.to_vec()).ok().map(Secret::new)
    }
}
impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tokens({})", self.place)
    }
}
