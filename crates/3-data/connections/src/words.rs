//! Random words, their hashes, and the challenge of PKCE.

use aws_lc_rs::{digest, rand};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::Secret;

use crate::Error;

/// 256 random bits as 43 characters: a state, a verifier, what a browser holds.
pub(crate) fn random() -> Result<Secret<String>, Error> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).map_err(|_| vault::Error::Random)?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes)))
}

/// SHA-256.
pub(crate) fn hash(word: &str) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, word.as_bytes()).as_ref());
    out
}

/// RFC 7636, S256.
pub(crate) fn challenge(verifier: &Secret<String>) -> String {
    URL_SAFE_NO_PAD.encode(hash(verifier.expose()))
}

/// A code as providers give it, fit to be shown: letters, digits and `_ - .`, and not long.
pub(crate) fn code(text: &str) -> String {
    let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let code: String = text.chars().take(64).filter(plain).collect();
    if code.is_empty() { "unnamed".to_owned() } else { code }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7636, appendix B.
    #[test]
    fn the_challenge_is_s256() {
        let verifier = Secret::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned());
        assert_eq!(challenge(&verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }
}
