//! One key per run: what a run must keep until it ends is sealed under it, and gone when the key is.

use aws_lc_rs::hmac;
use domain::{RunId, Scope, Secret};

use crate::{Bound, Error, OpenError, seal};

/// A run's own key. Its wrapped form is stored in the run's row and set to NULL when the run ends; what was sealed
/// under it can then never be opened again.
pub struct RunKey {
    run: RunId,
    row: [u8; 16],
    scope: Scope,
    bytes: Secret<Vec<u8>>,
    key: seal::Key,
    wrap: seal::Key,
}

impl RunKey {
    /// `data_key`: id and bytes of the vault's key for runs. The wrapping key is derived for this run alone, so that
    /// millions of runs do not use up the nonces of one key.
    pub(crate) fn new(data_key: (u32, &[u8]), scope: Scope, run: RunId, bytes: Secret<Vec<u8>>) -> Option<Self> {
        let deriving = hmac::Key::new(hmac::HMAC_SHA256, data_key.1);
        let derived = hmac::sign(&deriving, &[b"nodeloom/run-wrap/v1".as_slice(), run.uuid().as_bytes()].concat());
        let wrap = seal::Key::new(data_key.0, derived.as_ref())?;
        let key = seal::Key::new(0, bytes.expose())?;
        Some(Self { run, row: run.uuid().into_bytes(), scope, bytes, key, wrap })
    }
    pub(crate) fn unwrap(data_key: (u32, &[u8]), scope: Scope, run: RunId, wrapped: &[u8]) -> Result<Self, OpenError> {
        let shell = Self::new(data_key, scope, run, Secret::new(vec![0; 32])).ok_or(OpenError::Tampered)?;
        let bytes = shell.wrap.open(&shell.bound("key", 0).associated_data(), wrapped)?;
        Self::new(data_key, scope, run, bytes).ok_or(OpenError::Tampered)
    }

    /// The same key, wrapped under another data key.
    pub(crate) fn rewrapped(&self, data_key: (u32, &[u8])) -> Option<Result<Vec<u8>, Error>> {
        Some(Self::new(data_key, self.scope, self.run, self.bytes.clone())?.wrapped())
    }
    /// The key in the form to be stored.
    ///
    /// # Errors
    /// [`Error::Random`].
    pub fn wrapped(&self) -> Result<Vec<u8>, Error> {
        self.wrap.seal(&self.bound("key", 0).associated_data(), self.bytes.expose())
    }
    /// Seals `plain` for this run, this field and this index (such as the number of a step's answer).
    ///
    /// # Errors
    /// [`Error::Random`].
    pub fn seal(&self, field: &str, index: u32, plain: &[u8]) -> Result<Vec<u8>, Error> {
        self.key.seal(&self.bound(field, index).associated_data(), plain)
    }
    /// Opens what [`RunKey::seal`] made for the same run, field and index.
    ///
    /// # Errors
    /// [`OpenError`]; nothing of the value is returned.
    pub fn open(&self, field: &str, index: u32, blob: &[u8]) -> Result<Secret<Vec<u8>>, OpenError> {
        self.key.open(&self.bound(field, index).associated_data(), blob)
    }
    pub const fn run(&self) -> RunId {
        self.run
    }

    fn bound<'a>(&'a self, field: &'a str, version: u32) -> Bound<'a> {
        Bound { table: "runs", field, scope: Some(self.scope), row: &self.row, version }
    }
}
impl std::fmt::Debug for RunKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RunKey({})", self.run)
    }
}
