//! The vault itself: data keys unwrapped in memory, and what is sealed with them.

mod credentials;
mod rotation;

pub use credentials::{Named, NewCredential, check};
pub use rotation::{KeyStatus, Pace, rotate, status};

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

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
    pub(crate) fn read(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == word)
    }
}

/// Seals and opens. Cheap to clone; all clones share the keys.
#[derive(Clone)]
pub struct Vault {
    keys: Arc<RwLock<Arc<Keys>>>,
    roots: Arc<RootKeys>,
    pub(crate) store: Store,
}

/// The data keys of one moment.
pub(crate) struct Keys {
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
            // the one that seals, and one that stands by: a rotation can only move on to a key that every server has
            for active in [true, false] {
                if !rotation::has(&rows, purpose, active) {
                    // another server may have made it at the same moment; theirs counts then
                    store.keep_data_key(system, rotation::fresh(roots, &rows, purpose, active)?).await?;
                    rows = store.data_keys(system).await?;
                }
            }
        }
        let keys = Keys::unwrap(roots, rows)?;
        // What only has to be counted is: a key that is missing is found now and not by whoever needs a value.
        for column in store::SEALED_COLUMNS.iter().filter(|column| column.purpose == "credentials") {
            for (key, _) in store.seals_of(system, column).await? {
                if !keys.by_id.contains_key(&key) {
                    return Err(OpenError::KeyNotLoaded { key }.into());
                }
            }
        }
        let keys = Arc::new(RwLock::new(Arc::new(keys)));
        Ok(Self { keys, roots: Arc::new(roots.clone()), store })
    }

    /// Reads the data keys again: after a rotation elsewhere, this is how a server that runs learns of it. Call it
    /// every few seconds; [`rotate`] waits for as long as [`Pace::settle`] says.
    ///
    /// # Errors
    /// As [`Vault::start`]; the keys that are loaded stay.
    pub async fn refresh(&self) -> Result<(), Error> {
        let rows = self.store.data_keys(act_as_system("the vault looks for new data keys")).await?;
        let keys = Arc::new(Keys::unwrap(&self.roots, rows)?);
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(())
    }

    /// Seals `plain` for the place `bound`.
    ///
    /// # Errors
    /// [`Error::Random`].
    pub fn seal(&self, purpose: Purpose, bound: &Bound<'_>, plain: &[u8]) -> Result<Vec<u8>, Error> {
        self.keys().active(purpose)?.key.seal(&bound.associated_data(), plain)
    }
    /// Opens what [`Vault::seal`] made for the same purpose and place.
    ///
    /// # Errors
    /// [`OpenError`] says why it does not open; nothing of the value is returned.
    pub fn open(&self, purpose: Purpose, bound: &Bound<'_>, blob: &[u8]) -> Result<Secret<Vec<u8>>, OpenError> {
        self.keys().key_of(purpose, blob)?.key.open(&bound.associated_data(), blob)
    }

    /// A new key for a run that begins.
    ///
    /// # Errors
    /// [`Error::Random`].
    pub fn new_run_key(&self, scope: Scope, run: RunId) -> Result<RunKey, Error> {
        let keys = self.keys();
        let key = keys.active(Purpose::Runs)?;
        RunKey::new((key.key.id(), key.bytes.expose()), scope, run, seal::random_key()?).ok_or(Error::Random)
    }
    /// The key of a run, from its stored form.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn run_key(&self, scope: Scope, run: RunId, wrapped: &[u8]) -> Result<RunKey, OpenError> {
        let keys = self.keys();
        let key = keys.key_of(Purpose::Runs, wrapped)?;
        RunKey::unwrap((key.key.id(), key.bytes.expose()), scope, run, wrapped)
    }

    /// The keyed pseudonym of a subject, such as `user:user_0190…`: what entries are searched by.
    pub fn pseudonym(&self, subject: &str) -> [u8; 32] {
        self.keyed_hash("subject", subject.as_bytes())
    }
    /// A keyed hash, for telling whether a secret changed without keeping it. `what` keeps unlike things apart.
    pub fn keyed_hash(&self, what: &str, value: &[u8]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.keys().pseudonyms);
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

    fn keys(&self) -> Arc<Keys> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Keys {
    /// Unwraps every key.
    fn unwrap(roots: &RootKeys, rows: Vec<DataKeyRow>) -> Result<Self, Error> {
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
        Ok(Self { by_id, active, pseudonyms })
    }
    pub(crate) fn active(&self, purpose: Purpose) -> Result<&DataKey, Error> {
        let id = self.active.get(&purpose).ok_or(OpenError::Destroyed)?;
        Ok(self.by_id.get(id).ok_or(OpenError::KeyNotLoaded { key: *id })?)
    }
    pub(crate) fn key_of(&self, purpose: Purpose, blob: &[u8]) -> Result<&DataKey, OpenError> {
        let id = seal::key_id(blob)?;
        let key = self.by_id.get(&id).filter(|key| key.purpose == purpose);
        key.ok_or(OpenError::KeyNotLoaded { key: id })
    }
}
impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Vault({} data keys)", self.keys().by_id.len())
    }
}

fn subject_bound(pseudonym: &[u8; 32]) -> Bound<'_> {
    Bound { table: "subject_keys", field: "wrapped", scope: None, row: pseudonym, version: 1 }
}
