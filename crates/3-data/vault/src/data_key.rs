//! Data keys: made by the vault, wrapped by a root key, kept in the database.

use domain::Secret;

use crate::{Bound, Error, OpenError, RootKeys, seal, vault::Purpose};

/// A data key, unwrapped.
pub(crate) struct DataKey {
    pub purpose: Purpose,
    pub bytes: Secret<Vec<u8>>,
    pub key: seal::Key,
}

fn bound(id: &[u8; 4]) -> Vec<u8> {
    Bound { table: "data_keys", field: "wrapped", scope: None, row: id, version: 1 }.associated_data()
}

impl DataKey {
    pub fn new(id: u32, purpose: Purpose, bytes: Secret<Vec<u8>>) -> Result<Self, OpenError> {
        let key = seal::Key::new(id, bytes.expose()).ok_or(OpenError::Tampered)?;
        Ok(Self { purpose, bytes, key })
    }
    /// Unwraps a stored key; the blob's key id names the root key.
    pub fn unwrap(roots: &RootKeys, id: u32, purpose: Purpose, wrapped: &[u8]) -> Result<Self, OpenError> {
        let root = seal::key_id(wrapped)?;
        let root = roots.find(root).ok_or(OpenError::KeyNotLoaded { key: root })?;
        let wrap = seal::Key::new(root.id(), root.wrapping_key().expose()).ok_or(OpenError::Tampered)?;
        Self::new(id, purpose, wrap.open(&bound(&id.to_be_bytes()), wrapped)?)
    }
    /// Wraps the key under the present root key, for storage.
    pub fn wrap(&self, roots: &RootKeys) -> Result<Vec<u8>, Error> {
        let root = roots.present();
        let wrap = seal::Key::new(root.id(), root.wrapping_key().expose()).ok_or(Error::Random)?;
        wrap.seal(&bound(&self.key.id().to_be_bytes()), self.bytes.expose())
    }
}
