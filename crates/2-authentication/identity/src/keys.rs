//! The keys that sign access tokens and CSRF tokens, derived from the operator's master key, one per purpose.

use aws_lc_rs::{digest, hkdf, hmac};
use domain::Secret;

use crate::Error;

/// Signs with the newest master key and still believes the previous ones, so that a key can be changed without
/// signing everybody out.
#[derive(Clone)]
pub struct Keys {
    generations: Vec<Generation>,
}

#[derive(Clone)]
struct Generation {
    id: String,
    access: hmac::Key,
    csrf: hmac::Key,
    subject: hmac::Key,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.generations.iter().map(|g| &g.id)).finish()
    }
}

impl Keys {
    /// `current` signs; `previous` are still believed.
    ///
    /// # Errors
    /// [`Error::Configuration`] for a key of fewer than 32 bytes or with fewer than 8 different bytes.
    pub fn new(current: &Secret<Vec<u8>>, previous: &[Secret<Vec<u8>>]) -> Result<Self, Error> {
        let generations = std::iter::once(current).chain(previous).map(Generation::derive).collect::<Result<_, _>>()?;
        Ok(Self { generations })
    }

    /// The newest key's id and the key.
    pub(crate) fn access(&self) -> (&str, &hmac::Key) {
        (&self.generations[0].id, &self.generations[0].access)
    }
    pub(crate) fn access_by_id(&self, id: &str) -> Option<&hmac::Key> {
        self.generations.iter().find(|g| g.id == id).map(|g| &g.access)
    }
    pub(crate) fn csrf(&self) -> impl Iterator<Item = &hmac::Key> {
        self.generations.iter().map(|g| &g.csrf)
    }
    /// For pseudonyms of what people typed (cooldowns).
    pub(crate) fn pseudonym(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.generations[0].subject);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut out = [0; 32];
        out.copy_from_slice(context.sign().as_ref());
        out
    }
}

impl Generation {
    fn derive(master: &Secret<Vec<u8>>) -> Result<Self, Error> {
        const WEAK: Error =
            Error::Configuration("the session key must be at least 32 random bytes; make one with `nodeloom keys new`");
        let bytes = master.expose();
        let mut seen = [false; 256];
        bytes.iter().for_each(|b| seen[usize::from(*b)] = true);
        if bytes.len() < 32 || seen.iter().filter(|s| **s).count() < 8 {
            return Err(WEAK);
        }
        let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, b"nodeloom/identity/v1").extract(bytes);
        let derive = |purpose: &'static [u8]| -> Result<hmac::Key, Error> {
            let info = [purpose];
            let okm = extracted.expand(&info, hmac::HMAC_SHA256).map_err(|_| WEAK)?;
            Ok(hmac::Key::from(okm))
        };
        let mut id_bytes = [0; 16];
        extracted.expand(&[b"key id"], Length(16)).and_then(|okm| okm.fill(&mut id_bytes)).map_err(|_| WEAK)?;
        let id = digest::digest(&digest::SHA256, &id_bytes).as_ref()[..4].iter().map(|b| format!("{b:02x}")).collect();
        Ok(Self { id, access: derive(b"access token")?, csrf: derive(b"csrf token")?, subject: derive(b"subject")? })
    }
}

struct Length(usize);
impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_or_uniform_key_stops_the_start() {
        for weak in
            [vec![], (0..31).collect::<Vec<u8>>(), vec![7; 64], b"abcabcabcabcabcabcabcabcabcabcabcabc".to_vec()]
        {
            assert!(matches!(Keys::new(&Secret::new(weak), &[]), Err(Error::Configuration(_))));
        }
    }
}
