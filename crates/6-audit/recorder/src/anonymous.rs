//! Refusals of nobody in particular: counted, and entered in sum, so that a flood cannot fill the disk.

use std::{collections::HashMap, net::IpAddr, sync::PoisonError};

use domain::{AuditResult, AuditSubject, Principal};
use serde_json::json;

use crate::{Error, Recorder};

/// Sources told apart until the next entry; what goes beyond is counted together.
const MAX_SOURCES: usize = 1_000;

/// An anonymous request that was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RefusedRequest {
    pub address: IpAddr,
    /// 401, 404 or 429.
    pub status: u16,
}

#[derive(Debug, Default)]
pub(crate) struct Refusals {
    by_source: HashMap<RefusedRequest, u64>,
    others: u64,
}

impl Refusals {
    fn add(&mut self, request: RefusedRequest, count: u64) {
        if let Some(counted) = self.by_source.get_mut(&request) {
            *counted += count;
        } else if self.by_source.len() < MAX_SOURCES {
            self.by_source.insert(request, count);
        } else {
            self.others += count;
        }
    }
}

impl Recorder {
    /// Counts a refused anonymous request. Never waits and never fails; [`Recorder::enter_refusals`] enters the sums.
    pub fn refused_anonymously(&self, request: RefusedRequest) {
        self.rooms.refusals.lock().unwrap_or_else(PoisonError::into_inner).add(request, 1);
    }
    /// Enters what was counted since the last time, one entry for each source: call it once a minute and at the end.
    ///
    /// # Errors
    /// [`Error`]: nothing was entered, and nothing was forgotten.
    pub async fn enter_refusals(&self) -> Result<(), Error> {
        let counted = std::mem::take(&mut *self.rooms.refusals.lock().unwrap_or_else(PoisonError::into_inner));
        if counted.by_source.is_empty() {
            return Ok(());
        }
        let nobody = |address| AuditSubject { principal: Principal::System, address, session: None, user_agent: None };
        let mut drafts: Vec<_> = counted
            .by_source
            .iter()
            .map(|(request, count)| {
                let mut draft = self.draft(None, nobody(Some(request.address)), "request.refused");
                draft.detail = json!({"status": request.status, "count": count});
                draft
            })
            .collect();
        if counted.others > 0 {
            let mut draft = self.draft(None, nobody(None), "request.refused");
            draft.detail = json!({"other_sources": true, "count": counted.others});
            drafts.push(draft);
        }
        drafts.iter_mut().for_each(|draft| draft.result = AuditResult::Refused);
        let recorded = self.record(drafts).await;
        if recorded.is_err() {
            let mut refusals = self.rooms.refusals.lock().unwrap_or_else(PoisonError::into_inner);
            counted.by_source.into_iter().for_each(|(request, count)| refusals.add(request, count));
            refusals.others += counted.others;
        }
        recorded
    }
}
