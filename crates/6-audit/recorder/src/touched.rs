//! Who touched something: every entry about it, and every entry whose detail names it, gathered by whoever acted.

use std::collections::BTreeMap;

use authz::{Permit, SystemPermit, act_as_system, action::ViewAudit};
use domain::{AuditSubject, Timestamp};
use store::{ChainKey, Facets, LARGEST_PAGE, PageRequest};

use crate::{Error, Recorder, index::Facet};

const SYSTEM: SystemPermit = act_as_system("a search reads the chain that its permit names");
/// The newest so many entries are gathered; the answer says when there are more.
const MOST: usize = 10_000;

/// Everyone who touched a target.
#[derive(Debug, Clone, PartialEq)]
pub struct Touched {
    /// How many entries were gathered.
    pub entries: u64,
    /// Whether these are all there are.
    pub complete: bool,
    /// Whoever touched it last comes first.
    pub by: Vec<TouchedBy>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq)]
pub struct TouchedBy {
    /// In hexadecimal.
    pub pseudonym: String,
    /// As the newest entry has it; `None` when the person was erased.
    pub subject: Option<AuditSubject>,
    pub entries: u64,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
    /// (operation, result) and how often, outcomes and refusals only where there are such.
    pub operations: BTreeMap<(String, &'static str), u64>,
}

impl Recorder {
    /// Who touched `target` in the permit's team and environment.
    ///
    /// # Errors
    /// As [`Recorder::entries`].
    pub async fn touched(&self, permit: &Permit<ViewAudit>, target: &str) -> Result<Touched, Error> {
        let chain = ChainKey::Of(permit.scope());
        self.index(&chain).await?;
        let facet = self.facet(&chain.to_string(), Facet::Touched(target));
        let facets = Facets { all_of: vec![facet], from: None, until: None };
        let mut page = PageRequest::first(LARGEST_PAGE);
        let mut by: BTreeMap<[u8; 32], TouchedBy> = BTreeMap::new();
        let (mut entries, mut complete) = (0, true);
        loop {
            let found = self.rooms.store.find_audit_entries(SYSTEM, &chain, &facets, &page).await?;
            // reading the trail about something does not touch it
            for stored in found.items.into_iter().filter(|stored| !stored.operation.starts_with("audit.")) {
                let pseudonym = stored.subject.unwrap_or_default();
                let (at, operation, result) = (stored.at, stored.operation.clone(), stored.result.as_str());
                entries += 1;
                let known = match by.entry(pseudonym) {
                    std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
                    std::collections::btree_map::Entry::Vacant(free) => free.insert(TouchedBy {
                        pseudonym: hex::encode(pseudonym),
                        subject: self.show(stored).await?.subject,
                        entries: 0,
                        first_at: at,
                        last_at: at,
                        operations: BTreeMap::new(),
                    }),
                };
                known.entries += 1;
                known.first_at = known.first_at.min(at);
                known.last_at = known.last_at.max(at);
                *known.operations.entry((operation, result)).or_default() += 1;
            }
            let Some(next) = found.next else { break };
            if entries as usize >= MOST {
                complete = false;
                break;
            }
            page.after = Some(next);
        }
        let mut by: Vec<TouchedBy> = by.into_values().collect();
        by.sort_by_key(|one| std::cmp::Reverse(one.last_at));
        Ok(Touched { entries, complete, by })
    }
}
