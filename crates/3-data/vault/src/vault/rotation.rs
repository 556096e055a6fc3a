//! What `nodeloom keys status` and `nodeloom keys rotate` do.

use std::collections::BTreeMap;

use authz::act_as_system;
use store::{DataKeyRow, Effects, Store};

use super::Purpose;
use crate::{Error, RootKeys, data_key::DataKey, seal};

/// Which keys are loaded and which the database needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyStatus {
    /// The present root key.
    pub present: u32,
    /// Ids of the previous root keys that were given.
    pub previous: Vec<u32>,
    /// How many data keys each root key wraps.
    pub wrapped_by: BTreeMap<u32, usize>,
    /// Root keys that data keys need and that were not given: the server does not start without them.
    pub missing: Vec<u32>,
}

impl KeyStatus {
    /// Whether the previous keys can be taken out of the configuration.
    pub fn is_rotated(&self) -> bool {
        self.wrapped_by.keys().all(|id| *id == self.present)
    }
}

/// Reads which keys the database needs; opens nothing.
///
/// # Errors
/// [`Error::Store`]; [`Error::Open`] when a stored key is not a sealed value.
pub async fn status(roots: &RootKeys, store: &Store) -> Result<KeyStatus, Error> {
    let mut wrapped_by = BTreeMap::new();
    for row in store.data_keys(act_as_system("keys status counts data keys")).await? {
        *wrapped_by.entry(seal::key_id(&row.wrapped)?).or_insert(0) += 1;
    }
    let missing = wrapped_by.keys().copied().filter(|id| roots.find(*id).is_none()).collect();
    let ids = roots.ids();
    Ok(KeyStatus { present: ids[0], previous: ids[1..].to_vec(), wrapped_by, missing })
}

/// Wraps every data key under the present root key, in one transaction; sealed values need no change, so servers that
/// run with both keys serve on. Afterwards the previous root key is needed by nothing.
///
/// # Errors
/// [`Error::Open`] when a data key does not open: nothing was changed.
pub async fn rotate(roots: &RootKeys, store: &Store, effects: Effects) -> Result<KeyStatus, Error> {
    let system = act_as_system("keys rotate wraps data keys anew");
    let mut rows = Vec::new();
    for row in store.data_keys(system).await? {
        if seal::key_id(&row.wrapped)? == roots.present().id() {
            continue;
        }
        let purpose = Purpose::read(&row.purpose).unwrap_or(Purpose::Settings);
        let wrapped = DataKey::unwrap(roots, row.id, purpose, &row.wrapped)?.wrap(roots)?;
        rows.push(DataKeyRow { wrapped, ..row });
    }
    store.rewrap_data_keys(system, rows, effects).await?;
    status(roots, store).await
}
