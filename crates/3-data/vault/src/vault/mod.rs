//! The vault itself: data keys unwrapped in memory, and what is sealed with them.

mod credentials;
mod rotation;

pub use credentials::{Named, NewCredential};
pub use rotation::{KeyStatus, rotate, status};

use std::{collections::BTreeMap, sync::Arc};

use authz::act_as_system;
use aws_lc_rs::hmac;
use domain::{RunId, Scope, Secret};
use store::{DataKeyRow, Store};

use crate::{Bound, Error, OpenError, RootKeys, RunKey, SubjectKey, data_key::DataKey, seal};

/// What a data key is for; a key of one purpose never seals for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Purpose {
    /// Customers' credentials.
    Credentials,
    /// Runs' own keys.
    Runs,
    /// Keys of persons in the audit trail, and their pseudonyms.
    Subjects,
    /// Everything else that a setting keeps secret: sign-on, SIEM destinations, second factors.
    Settings,
}

impl Purpose {
    pub const ALL: [Self; 4] = [Self::Credentials, Self::Runs, Self::Subjects, Self::Settings];
    /// The word in storage.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Credentials => "credentials",
            Self::Runs => "runs",
            Self::Subjects => "subjects",
            Self::Settings => "settings",
        }
    }
    fn read(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == word)
    }
}

/// Seals and opens. Cheap to clone; all clones share the keys.
#[derive(Clone)]
pub struct Vault {
    keys: Arc<Keys>,
    store: Store,
}

struct Keys {
    by_id: BTreeMap<u32, DataKey>,
    active: BTreeMap<Purpose, u32>,
    pseudonyms: hmac::Key,
}

impl Vault {
    /// Unwraps every data key in the database, and makes those that are missing on the first start.
    ///
    /// # Errors
    /// [`OpenError::KeyNotLoaded`] when a data key was wrapped by a root key that is not given: start with the earlier
    /// key among the previous ones. [`Error::Store`] when the database does not answer; retrying is safe.
    pub async fn start(roots: &RootKeys, store: Store) -> Result<Self, Error> {
        let system = act_as_system("the vault unwraps its data keys");
        let mut rows = store.data_keys(system).await?;
        for purpose in Purpose::ALL {
            if !rows.iter().any(|row| row.active && row.purpose == purpose.as_str()) {
                let id = rows.iter().map(|row| row.id).max().unwrap_or(0) + 1;
                let fresh = DataKey::new(id, purpose, seal::random_key()?)?;
                let row =
                    DataKeyRow { id, purpose: purpose.as_str().to_owned(), wrapped: fresh.wrap(roots)?, active: true };
                // another server may have made it at the same moment; theirs counts then
                store.keep_data_key(system, row).await?;
                rows = store.data_keys(system).await?;
            }
        }
        let mut by_id = BTreeMap::new();
        let mut active = BTreeMap::new();
        for row in rows {
            let Some(purpose) = Purpose::read(&row.purpose) else { continue };
            by_id.insert(row.id, DataKey::unwrap(roots, row.id, purpose, &row.wrapped)?);
            if row.active {
                active.insert(purpose, row.id);
            }
        }
        // pseudonyms are searched by, so they come from the first key of their purpose for ever
        let first = by_id.values().find(|key| key.purpose == Purpose::Subjects).ok_or(OpenError::Destroyed)?;
        let derived =
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, first.bytes.expose()), b"nodeloom/audit/pseudonyms/v1");
        let pseudonyms = hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref());
        Ok(Self { keys: Arc::new(Keys { by_id, active, pseudonyms }), store })
    }

    /// Seals `plain` for the place `bound`.
    ///
    /// # Errors
    /// [`Error::Random`].
    pub fn seal(&self, purpose: Purpose, bound: &Bound<'_>, plain: &[u8]) -> Result<Vec<u8>, Error> {
        self.active(purpose)?.key.seal(&bound.associated_data(), plain)
    }
    /// Opens what [`Vault::seal`] made for the same purpose and place.
    ///
    /// # Errors
    /// [`OpenError`] says why it does not open; nothing of the value is returned.
    pub fn open(&self, purpose: Purpose, bound: &Bound<'_>, blob: &[u8]) -> Result<Secret<Vec<u8>>, OpenError> {
        self.key_of(purpose, blob)?.key.open(&bound.associated_data(), blob)
    }

    /// A new key for a run that begins.
    ///
    /// # Errors
    /// [`Error::Random`].
    pub fn new_run_key(&self, scope: Scope, run: RunId) -> Result<RunKey, Error> {
        let key = self.active(Purpose::Runs)?;
        RunKey::new((key.key.id(), key.bytes.expose()), scope, run, seal::random_key()?).ok_or(Error::Random)
    }
    /// The key of a run, from its stored form.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn run_key(&self, scope: Scope, run: RunId, wrapped: &[u8]) -> Result<RunKey, OpenError> {
        let key = self.key_of(Purpose::Runs, wrapped)?;
        RunKey::unwrap((key.key.id(), key.bytes.expose()), scope, run, wrapped)
    }

    /// The keyed pseudonym of a subject, such as `user:user_0190…`: what entries are searched by.
    pub fn pseudonym(&self, subject: &str) -> [u8; 32] {
        self.keyed_hash("subject", subject.as_bytes())
    }
    /// A keyed hash, for telling whether a secret changed without keeping it. `what` keeps unlike things apart.
    pub fn keyed_hash(&self, what: &str, value: &[u8]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.keys.pseudonyms);
        context.update(&(what.len() as u64).to_be_bytes());
        context.update(what.as_bytes());
        context.update(value);
        let mut out = [0; 32];
        out.copy_from_slice(context.sign().as_ref());
        out
    }
    /// A new key for a subject, and its wrapped form to be stored.
    ///
    /// # Errors
    /// [`Error::Random`].
    pub fn new_subject_key(&self, pseudonym: &[u8; 32]) -> Result<(SubjectKey, Vec<u8>), Error> {
        let key = SubjectKey::new(seal::random_key()?).ok_or(Error::Random)?;
        let wrapped = self.seal(Purpose::Subjects, &subject_bound(pseudonym), key.bytes().expose())?;
        Ok((key, wrapped))
    }
    /// A subject's key, from its stored form.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn subject_key(&self, pseudonym: &[u8; 32], wrapped: &[u8]) -> Result<SubjectKey, OpenError> {
        SubjectKey::new(self.open(Purpose::Subjects, &subject_bound(pseudonym), wrapped)?).ok_or(OpenError::Tampered)
    }

    fn active(&self, purpose: Purpose) -> Result<&DataKey, Error> {
        let id = self.keys.active.get(&purpose).ok_or(OpenError::Destroyed)?;
        Ok(self.keys.by_id.get(id).ok_or(OpenError::KeyNotLoaded { key: *id })?)
    }
    fn key_of(&self, purpose: Purpose, blob: &[u8]) -> Result<&DataKey, OpenError> {
        let id = seal::key_id(blob)?;
        let key = self.keys.by_id.get(&id).filter(|key| key.purpose == purpose);
        key.ok_or(OpenError::KeyNotLoaded { key: id })
    }
}
impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Vault({} data keys)", self.keys.by_id.len())
    }
}

fn subject_bound(pseudonym: &[u8; 32]) -> Bound<'_> {
    Bound { table: "subject_keys", field: "wrapped", scope: None, row: pseudonym, version: 1 }
}
