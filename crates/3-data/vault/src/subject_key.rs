//! One key per person: what the audit trail says about a person is sealed under it, and destroying it is erasure.

use aws_lc_rs::hmac;
use domain::Secret;

use crate::{Error, OpenError, seal};

/// A person's (or a machine's) key in the audit trail. Cheap to keep; the recorder caches those in use.
pub struct SubjectKey {
    bytes: Secret<Vec<u8>>,
    key: seal::Key,
}

impl SubjectKey {
    pub(crate) fn new(bytes: Secret<Vec<u8>>) -> Option<Self> {
        let derive = |what: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, bytes.expose()), what);
        // from the key itself, so that an entry of an erased person is told from a damaged one even after that person
        // came back and was given a new key
        let id = derive(b"nodeloom/audit/subject-key-id/v1");
        let id = u32::from_be_bytes([id.as_ref()[0], id.as_ref()[1], id.as_ref()[2], id.as_ref()[3]]);
        let key = seal::Key::new(id, derive(b"nodeloom/audit/subject/v1").as_ref())?;
        Some(Self { bytes, key })
    }
    pub(crate) const fn bytes(&self) -> &Secret<Vec<u8>> {
        &self.bytes
    }
    /// Seals what an entry says about the subject. `chain` and `entry`: where and under which id it will stand.
    ///
    /// # Errors
    /// [`Error::Random`].
    pub fn seal(&self, chain: &str, entry: &[u8; 16], plain: &[u8]) -> Result<Vec<u8>, Error> {
        self.key.seal(&associated(chain, entry), plain)
    }
    /// # Errors
    /// [`OpenError::KeyNotLoaded`]: sealed under a key of this subject that was destroyed. Nothing is returned of a
    /// value that does not open.
    pub fn open(&self, chain: &str, entry: &[u8; 16], blob: &[u8]) -> Result<Secret<Vec<u8>>, OpenError> {
        self.key.open(&associated(chain, entry), blob)
    }
}
impl std::fmt::Debug for SubjectKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SubjectKey(..)")
    }
}

fn associated(chain: &str, entry: &[u8; 16]) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    for part in [b"nodeloom/audit/subject/v1".as_slice(), chain.as_bytes(), entry] {
        out.extend_from_slice(&(part.len() as u64).to_be_bytes());
        out.extend_from_slice(part);
    }
    out
}
