//! Erasing a person: the key under which the personal part of their entries is sealed is destroyed. The entries stay,
//! every hash still fits, and an entry says that it was done.

use authz::{Permit, SystemPermit, act_as_system, action::PurgeData};
use domain::{AuditResult, AuditSubject, Principal, UserId};
use store::{ChainKey, Effects, Facets, LARGEST_PAGE, PageRequest, Posting};

use crate::{Error, Recorder, index::Facet, subjects::person_name};

const SYSTEM: SystemPermit = act_as_system("an erasure reads a person's entries in every chain");

/// What became of an erasure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Erased {
    /// The key is destroyed.
    Done,
    /// There was no key: nobody of that name is in the trail, or they were erased before.
    WasNotThere,
    /// The person's acts stand in another team's trail too, which one team cannot take from the other; whoever runs the
    /// server can (`nodeloom audit erase`).
    ElsewhereToo,
}

impl Recorder {
    /// Erases a person from the trail, on a team's behalf.
    ///
    /// # Errors
    /// [`Error`]: nothing was erased.
    pub async fn erase_for(
        &self,
        permit: &Permit<PurgeData>,
        person: UserId,
        by: AuditSubject,
    ) -> Result<Erased, Error> {
        let pseudonym = self.rooms.vault.pseudonym(&person_name(person));
        for (chain, _) in self.rooms.store.audit_heads(SYSTEM).await? {
            if matches!(chain, ChainKey::Of(scope) if scope.team != permit.scope().team) {
                self.index(&chain).await?;
                let who = self.facet(&chain.to_string(), Facet::Who(&pseudonym));
                if self.rooms.store.count_audit_facet(SYSTEM, who, 1).await? > 0 {
                    return Ok(Erased::ElsewhereToo);
                }
            }
        }
        Ok(if self.erase(person, by).await? { Erased::Done } else { Erased::WasNotThere })
    }

    /// Erases a person from the trail: destroys the key under which the personal part of every entry about them is
    /// sealed. The entries stay, and the chain still verifies. Leaves an entry itself.
    ///
    /// # Errors
    /// [`Error`]: nothing was erased.
    pub async fn erase(&self, person: UserId, by: AuditSubject) -> Result<bool, Error> {
        let pseudonym = self.rooms.vault.pseudonym(&person_name(person));
        let mut draft = self.draft(None, by, "person.erase");
        draft.target = Some(format!("pseudonym:{}", hex::encode(pseudonym)));
        draft.result = AuditResult::Succeeded;
        // what a person who erases themselves does last is about the erasure, not about the person
        if draft.subject.principal.person() == Some(person) {
            draft.subject =
                AuditSubject { principal: Principal::System, address: None, session: None, user_agent: None };
        }
        let rows = self.prepare(vec![draft]).await?;
        self.forget_addresses(&pseudonym).await?;
        self.rooms.subjects.forget(pseudonym, Effects::audited(rows)).await
    }

    /// Takes away the postings by which the person's entries are found by address: once the key is gone, nobody could
    /// tell any more which those were.
    async fn forget_addresses(&self, pseudonym: &[u8; 32]) -> Result<(), Error> {
        for (chain, _) in self.rooms.store.audit_heads(SYSTEM).await? {
            self.index(&chain).await?;
            let name = chain.to_string();
            let who = self.facet(&name, Facet::Who(pseudonym));
            let facets = Facets { all_of: vec![who], from: None, until: None };
            let mut page = PageRequest::first(LARGEST_PAGE);
            loop {
                let found = self.rooms.store.find_audit_entries(SYSTEM, &chain, &facets, &page).await?;
                let mut postings = Vec::new();
                for stored in found.items {
                    let (at, seq) = (stored.at.micros(), stored.seq);
                    let address = self.show(stored).await?.subject.and_then(|subject| subject.address);
                    let facet = address.map(|address| self.facet(&name, Facet::Address(address)));
                    postings.extend(facet.map(|facet| Posting { facet, at, seq }));
                }
                if !postings.is_empty() {
                    self.rooms.store.drop_audit_postings(SYSTEM, postings).await?;
                }
                let Some(next) = found.next else { break };
                page.after = Some(next);
            }
        }
        Ok(())
    }
}
