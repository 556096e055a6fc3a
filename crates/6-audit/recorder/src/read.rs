//! Reading the trail for display: found by keyed pseudonym, opened for whoever may see it.

use authz::{Permit, action::ViewAudit};
use chain::verify::{decode, unpack};
use domain::{AuditId, AuditResult, AuditSubject, Json, RequestId, Timestamp, UserId};
use serde::Serialize;
use store::{AuditFilter, Page, PageRequest, StoredEntry};

use crate::{Error, Recorder, subjects::person_name};

/// Which entries; everything absent means "any".
#[derive(Debug, Clone, Default)]
pub struct Search {
    pub operation: Option<String>,
    pub target: Option<String>,
    pub result: Option<AuditResult>,
    /// Whatever this person did, with whatever key or trigger.
    pub person: Option<UserId>,
    pub request: Option<RequestId>,
    pub from: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

/// An entry, opened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ShownEntry {
    pub id: AuditId,
    pub sequence: u64,
    pub at: Timestamp,
    pub operation: String,
    pub target: Option<String>,
    pub result: AuditResult,
    pub request: Option<RequestId>,
    pub intent: Option<AuditId>,
    pub duration_micros: Option<u64>,
    /// `None` when the person was erased.
    pub subject: Option<AuditSubject>,
    pub detail: Json,
    /// In hexadecimal.
    pub hash: String,
}

impl Recorder {
    /// Entries of the permit's team and environment, newest first.
    ///
    /// # Errors
    /// [`Error::Unavailable`]; [`Error::Corrupt`] when an entry cannot be read: verify the trail.
    pub async fn entries(
        &self,
        permit: &Permit<ViewAudit>,
        search: &Search,
        page: &PageRequest,
    ) -> Result<Page<ShownEntry>, Error> {
        let filter = AuditFilter {
            operation: search.operation.clone(),
            target: search.target.clone(),
            result: search.result,
            subject: search.person.map(|person| self.rooms.vault.pseudonym(&person_name(person))),
            request: search.request,
            from: search.from,
            until: search.until,
        };
        let found = self.rooms.store.audit_entries(permit, &filter, page).await?;
        let mut items = Vec::with_capacity(found.items.len());
        for stored in found.items {
            items.push(self.show(stored).await?);
        }
        Ok(Page { items, next: found.next })
    }
    /// One entry.
    ///
    /// # Errors
    /// As [`Recorder::entries`].
    pub async fn entry(&self, permit: &Permit<ViewAudit>, id: AuditId) -> Result<Option<ShownEntry>, Error> {
        match self.rooms.store.audit_entry(permit, id).await? {
            Some(stored) => Ok(Some(self.show(stored).await?)),
            None => Ok(None),
        }
    }

    async fn show(&self, stored: StoredEntry) -> Result<ShownEntry, Error> {
        let (bytes, _, detail) = unpack(&stored.entry).ok_or(Error::Corrupt("an entry"))?;
        let entry = decode(bytes).map_err(|_| Error::Corrupt("an entry"))?;
        let key = self.rooms.subjects.key_to_read(entry.pseudonym).await?;
        let opened = key.map(|key| key.open(&entry.chain, &entry.id, &entry.subject));
        let subject = match opened {
            None | Some(Err(vault::OpenError::KeyNotLoaded { .. })) => None,
            Some(Ok(plain)) => {
                Some(serde_json::from_slice(plain.expose()).map_err(|_| Error::Corrupt("an entry's subject"))?)
            }
            Some(Err(error)) => return Err(Error::Seal(error.into())),
        };
        Ok(ShownEntry {
            id: stored.id,
            sequence: entry.sequence,
            at: stored.at,
            operation: stored.operation,
            target: stored.target,
            result: stored.result,
            request: stored.request,
            intent: stored.intent,
            duration_micros: entry.duration_micros,
            subject,
            detail: serde_json::from_slice(detail).map_err(|_| Error::Corrupt("an entry's detail"))?,
            hash: hex::encode(stored.hash),
        })
    }
}
