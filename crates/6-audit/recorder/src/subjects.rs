//! Whose key seals an entry, and the keys in use.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use authz::act_as_system;
use domain::{AuditSubject, Principal, Timestamp};
use store::{Effects, Store};
use vault::{SubjectKey, Vault};

use crate::Error;

/// Keys kept in memory; beyond that, all are dropped and read anew.
const MAX_CACHED: usize = 10_000;

/// The name of a subject, as it goes into the pseudonym. Everything a person does, with whatever key or trigger, is
/// that person's. Requests of nobody in particular share a key that is a month's, so it can be destroyed with the month.
pub(crate) fn name(subject: &AuditSubject, at: Timestamp) -> String {
    match (subject.principal, subject.principal.person()) {
        (_, Some(person)) => person_name(person),
        (Principal::ServiceAccount { id, .. }, _) => machine_name(id),
        _ if subject.address.is_some() => format!("nobody:{:.7}", at.to_string()),
        _ => "system".to_owned(),
    }
}

pub(crate) fn person_name(person: domain::UserId) -> String {
    format!("person:{person}")
}

pub(crate) fn machine_name(machine: domain::ServiceAccountId) -> String {
    format!("machine:{machine}")
}

pub(crate) struct Subjects {
    store: Store,
    vault: Vault,
    cached: RwLock<HashMap<[u8; 32], Arc<SubjectKey>>>,
}

impl Subjects {
    pub fn new(store: Store, vault: Vault) -> Self {
        Self { store, vault, cached: RwLock::default() }
    }
    fn remember(&self, pseudonym: [u8; 32], key: SubjectKey) -> Arc<SubjectKey> {
        let key = Arc::new(key);
        let mut cached = self.cached.write().unwrap_or_else(PoisonError::into_inner);
        if cached.len() >= MAX_CACHED {
            cached.clear();
        }
        cached.insert(pseudonym, key.clone());
        key
    }
    fn known(&self, pseudonym: &[u8; 32]) -> Option<Arc<SubjectKey>> {
        self.cached.read().unwrap_or_else(PoisonError::into_inner).get(pseudonym).cloned()
    }
    /// The subject's key, made and stored when it has none.
    pub async fn key(&self, name: &str) -> Result<([u8; 32], Arc<SubjectKey>), Error> {
        let pseudonym = self.vault.pseudonym(name);
        if let Some(key) = self.known(&pseudonym) {
            return Ok((pseudonym, key));
        }
        let system = act_as_system("the recorder keeps a subject's key");
        let wrapped = match self.store.subject_key(system, pseudonym).await? {
            Some(wrapped) => wrapped,
            None => {
                let (_, wrapped) = self.vault.new_subject_key(&pseudonym)?;
                self.store.keep_subject_key(system, pseudonym, wrapped).await?
            }
        };
        let key = self.vault.subject_key(&pseudonym, &wrapped).map_err(vault::Error::from)?;
        Ok((pseudonym, self.remember(pseudonym, key)))
    }
    /// The key for reading; `None` when it was destroyed.
    pub async fn key_to_read(&self, pseudonym: [u8; 32]) -> Result<Option<Arc<SubjectKey>>, Error> {
        if let Some(key) = self.known(&pseudonym) {
            return Ok(Some(key));
        }
        let system = act_as_system("the recorder opens an entry for display");
        let Some(wrapped) = self.store.subject_key(system, pseudonym).await? else { return Ok(None) };
        let key = self.vault.subject_key(&pseudonym, &wrapped).map_err(vault::Error::from)?;
        Ok(Some(self.remember(pseudonym, key)))
    }
    /// Destroys the key; `effects` are stored in the same transaction. Says whether there was one.
    pub async fn forget(&self, pseudonym: [u8; 32], effects: Effects) -> Result<bool, Error> {
        let system = act_as_system("erasure destroys a subject's key");
        let there = self.store.forget_subject_key(system, pseudonym, effects).await?;
        self.cached.write().unwrap_or_else(PoisonError::into_inner).remove(&pseudonym);
        Ok(there)
    }
}
