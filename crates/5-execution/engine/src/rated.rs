//! How often a workflow may run (R200): the policy decides, the store counts inside the change that starts the run.
//!
//! A flood of refused starts must not become a flood of rows: a workflow's first refusal is stored at once, those of the
//! next second are counted and stored as one.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use domain::{Environment, Scope, Timestamp, WorkflowId};
use policies::Policies;
use serde_json::json;
use store::{AuditRowDraft, Effects as Beside, runs::Rate};

use crate::{engine::Inner, found};

const TOGETHER: Duration = Duration::from_secs(1);
/// Workflows whose refusals are counted.
const KEPT: usize = 4096;

struct Counted {
    told_at: Timestamp,
    since_then: u64,
    last: (Scope, policies::Violation),
}

/// Refused starts that are not stored yet.
#[derive(Default)]
pub(crate) struct Refusals(Mutex<HashMap<(WorkflowId, Environment), Counted>>);

impl Refusals {
    /// One more was refused. `Some`: so many are to be stored now, this one included.
    fn count(
        &self,
        scope: Scope,
        workflow: WorkflowId,
        violation: &policies::Violation,
        now: Timestamp,
    ) -> Option<u64> {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let line = (workflow, scope.environment);
        if let Some(known) = counted.get_mut(&line) {
            known.since_then += 1;
            if now.since(known.told_at) < TOGETHER {
                return None;
            }
            known.told_at = now;
            return Some(std::mem::take(&mut known.since_then));
        }
        if counted.len() < KEPT {
            counted.insert(line, Counted { told_at: now, since_then: 0, last: (scope, violation.clone()) });
        }
        Some(1)
    }

    /// What was counted a while ago and is still not stored.
    fn late(&self, now: Timestamp) -> Vec<(WorkflowId, Scope, policies::Violation, u64)> {
        let mut late = Vec::new();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|(workflow, _), counted| {
            let over = now.since(counted.told_at) >= TOGETHER;
            if over && counted.since_then > 0 {
                let (scope, violation) = counted.last.clone();
                late.push((*workflow, scope, violation, counted.since_then));
            }
            !over
        });
        late
    }
}

fn times(mut violation: policies::Violation, times: u64) -> policies::Violation {
    violation.detail["times"] = json!(times);
    violation
}

impl Inner {
    /// The question that the store asks before it starts a run; `audit` is kept with a refusal.
    pub(crate) fn rate(
        self: &Arc<Self>,
        policies: &Arc<Policies>,
        scope: Scope,
        workflow: WorkflowId,
        now: Timestamp,
        audit: Option<Vec<AuditRowDraft>>,
    ) -> Option<Rate> {
        let (_, window) = policies.rate_window()?;
        let (engine, policies) = (Arc::clone(self), Arc::clone(policies));
        let refusal = move |made: u64| {
            let violation = policies.rate(made).err()?;
            let mut told = match engine.refusals.count(scope, workflow, &violation, now) {
                Some(n) => found::beside(&engine, scope, workflow, &times(violation, n), now),
                None => Beside::none(),
            };
            told.audit.extend(audit.iter().flatten().cloned());
            Some(told)
        };
        Some(Rate { since: now - window, refusal: Arc::new(refusal) })
    }

    /// Stores what was counted and not told.
    pub(crate) async fn tell_late_refusals(&self) {
        let now = self.clock.now();
        let mut told = Beside::none();
        for (workflow, scope, violation, n) in self.refusals.late(now) {
            told = told.and(found::beside(self, scope, workflow, &times(violation, n), now));
        }
        if told.violations.is_empty() {
            return;
        }
        if let Err(error) = self.store.record(told).await {
            tracing::warn!(%error, "refused starts that were counted could not be stored");
        }
    }
}
