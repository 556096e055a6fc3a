//! Reading the trail for display: found by keyed pseudonym, opened for whoever may see it.

use std::net::IpAddr;

use authz::{Permit, SystemPermit, act_as_system, action::ViewAudit};
use chain::verify::{decode, unpack};
use domain::{AuditId, AuditResult, AuditSubject, Json, RequestId, ServiceAccountId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use store::{AuditFilter, ChainKey, Facets, Page, PageRequest, StoredEntry};

use crate::{
    Error, Recorder,
    index::Facet,
    subjects::{machine_name, person_name},
};

const SYSTEM: SystemPermit = act_as_system("a search reads the chain that its permit names");

/// Who did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// Whatever this person did, with whatever key or trigger.
    Person(UserId),
    /// An account for machines.
    Machine(ServiceAccountId),
    /// NodeLoom itself.
    System,
}

/// Which entries; everything absent means "any".
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Search {
    pub operation: Option<String>,
    pub target: Option<String>,
    pub result: Option<AuditResult>,
    pub who: Option<Who>,
    pub address: Option<IpAddr>,
    pub request: Option<RequestId>,
    pub from: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

impl Search {
    /// Whether every entry fits.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }
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
        // without a question, the order of the chain itself will do, and nothing needs to be taken over
        let found = if search.is_everything() {
            self.rooms.store.audit_entries(permit, &AuditFilter::default(), page).await?
        } else {
            self.find(&ChainKey::Of(permit.scope()), search, page).await?
        };
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
        match self.stored_entry(&ChainKey::Of(permit.scope()), id).await? {
            Some(stored) => Ok(Some(self.show(stored).await?)),
            None => Ok(None),
        }
    }

    /// An entry by its id: ids begin with the time, and an entry's time is its id's.
    pub(crate) async fn stored_entry(&self, chain: &ChainKey, id: AuditId) -> Result<Option<StoredEntry>, Error> {
        let bytes = id.uuid().into_bytes();
        let millis = bytes[..6].iter().fold(0_i64, |millis, byte| millis << 8 | i64::from(*byte));
        let from = Timestamp::from_micros(millis * 1_000);
        let until = Timestamp::from_micros((millis + 1) * 1_000);
        let search = Search { from: Some(from), until: Some(until), ..Search::default() };
        let mut page = PageRequest::first(store::LARGEST_PAGE);
        loop {
            let found = self.find(chain, &search, &page).await?;
            if let Some(stored) = found.items.into_iter().find(|stored| stored.id == id) {
                return Ok(Some(stored));
            }
            let Some(next) = found.next else { return Ok(None) };
            page.after = Some(next);
        }
    }

    /// What fits, as it is stored.
    pub(crate) async fn find(
        &self,
        chain: &ChainKey,
        search: &Search,
        page: &PageRequest,
    ) -> Result<Page<StoredEntry>, Error> {
        self.index(chain).await?;
        let name = chain.to_string();
        let pseudonym = search.who.map(|who| {
            self.rooms.vault.pseudonym(&match who {
                Who::Person(id) => person_name(id),
                Who::Machine(id) => machine_name(id),
                Who::System => "system".to_owned(),
            })
        });
        let mut facets: Vec<Facet<'_>> = Vec::new();
        facets.extend(search.request.map(|id| Facet::Request(id.uuid().into_bytes())));
        facets.extend(search.target.as_deref().map(Facet::Touched));
        facets.extend(search.operation.as_deref().map(Facet::Operation));
        facets.extend(search.result.map(|result| Facet::Result(result.as_str())));
        facets.extend(pseudonym.as_ref().map(Facet::Who));
        facets.extend(search.address.map(Facet::Address));
        if facets.is_empty() {
            facets.push(Facet::Any);
        }
        let all_of = facets.into_iter().map(|facet| self.facet(&name, facet)).collect();
        let facets = Facets { all_of, from: search.from, until: search.until };
        let mut found = self.rooms.store.find_audit_entries(SYSTEM, chain, &facets, page).await?;
        // postings only lead here: what an entry says is what counts
        found.items.retain(|stored| {
            search.target.as_ref().is_none_or(|target| stored.target.as_ref() == Some(target))
                && search.operation.as_ref().is_none_or(|operation| stored.operation == *operation)
                && search.result.is_none_or(|result| stored.result == result)
                && search.request.is_none_or(|request| stored.request == Some(request))
                && pseudonym.is_none_or(|pseudonym| stored.subject == Some(pseudonym))
        });
        Ok(found)
    }

    pub(crate) async fn show(&self, stored: StoredEntry) -> Result<ShownEntry, Error> {
        let (bytes, _, detail) = unpack(&stored.entry).ok_or(Error::Corrupt("an entry"))?;
        let entry = decode(bytes).map_err(|_| Error::Corrupt("an entry"))?;
        let subject = self.subject_of(&entry).await?;
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
