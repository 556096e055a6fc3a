//! What does not change while a run is driven.

use std::sync::Arc;

use domain::{EventKind, Json, NewEvent, NodeStatus, Principal, RunFailure, Scope, StepAddress, Timestamp, WorkflowId};
use policies::Policies;
use serde_json::json;
use store::runs::{Claimed, RunLease};
use workflow::{Change, Failure, Plan, machine::StepKey};

use crate::Settings;

/// A run under way.
#[derive(Clone)]
pub(crate) struct Facts {
    pub lease: RunLease,
    pub scope: Scope,
    pub workflow: WorkflowId,
    pub version: String,
    pub principal: Principal,
    pub trigger: String,
    pub parent: Option<StepAddress>,
    pub depth: u32,
    pub wants_reply: bool,
    pub limited: bool,
    pub started_at: Timestamp,
    /// Tokens that it may use.
    pub budget: Option<u64>,
    /// When it has taken too long.
    pub deadline: Timestamp,
    pub policies: Arc<Policies>,
}

impl Facts {
    pub(crate) fn of(
        claimed: &Claimed,
        plan: &Plan,
        policies: &Result<Arc<Policies>, Failure>,
        settings: &Settings,
    ) -> Self {
        let started_at = claimed.started_at.unwrap_or(claimed.created_at);
        Self {
            lease: claimed.lease,
            scope: claimed.scope,
            workflow: claimed.workflow,
            version: claimed.version.clone(),
            principal: claimed.principal,
            trigger: claimed.trigger.clone(),
            parent: claimed.parent.clone(),
            depth: claimed.depth,
            wants_reply: claimed.wants_reply,
            limited: claimed.limited,
            started_at,
            budget: plan.definition().settings.token_budget,
            deadline: deadline(plan, started_at, settings),
            policies: readable(policies),
        }
    }

    pub(crate) fn address(&self, step: &StepKey) -> StepAddress {
        StepAddress { run: self.lease.run, node: step.node.clone(), path: step.path.clone(), index: step.index }
    }

    pub(crate) fn event(&self, kind: EventKind, at: Timestamp, payload: Json) -> NewEvent {
        NewEvent { scope: self.scope, at, kind, workflow: Some(self.workflow), run: Some(self.lease.run), payload }
    }

    /// What live views are told of nodes; no values, only how they went.
    pub(crate) fn node_events(&self, changes: &[Change], at: Timestamp) -> Vec<NewEvent> {
        let told = changes.iter().map(|change| {
            let running = change.status == NodeStatus::Running;
            let kind = if running { EventKind::NodeStarted } else { EventKind::NodeFinished };
            let payload =
                json!({ "node": change.node, "path": change.path, "type": change.kind, "status": change.status });
            self.event(kind, at, payload)
        });
        told.collect()
    }

    pub(crate) fn finished_event(
        &self,
        status: domain::RunStatus,
        failure: Option<&RunFailure>,
        at: Timestamp,
    ) -> NewEvent {
        let took = at.since(self.started_at).as_millis() as u64;
        let mut payload = json!({ "status": status, "duration_ms": took, "trigger": self.trigger });
        if let Some(failure) = failure {
            payload["failure"] = json!(failure);
        }
        self.event(EventKind::RunFinished, at, payload)
    }
}

/// When a run that started then has taken too long.
pub(crate) fn deadline(plan: &Plan, started_at: Timestamp, settings: &Settings) -> Timestamp {
    let own = plan.definition().settings.timeout_ms.map(std::time::Duration::from_millis);
    started_at + own.unwrap_or(settings.run_timeout)
}

/// Policies that cannot be read let no node begin (`start::machine`), so nothing is asked of these.
pub(crate) fn readable(policies: &Result<Arc<Policies>, Failure>) -> Arc<Policies> {
    policies.as_ref().map(Arc::clone).unwrap_or_default()
}
