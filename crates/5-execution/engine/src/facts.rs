//! What does not change while a run is driven.

use std::sync::Arc;

use domain::{
    Enforcement, EventKind, FindingId, Json, NewEvent, NodeStatus, Principal, RunFailure, Scope, Severity, StepAddress,
    Timestamp, WorkflowId,
};
use serde_json::json;
use store::{
    records::{Violation, ViolationKind},
    runs::{Claimed, RunLease},
};
use workflow::{Change, FailureKind, Plan, Policies, machine::StepKey};

use crate::{Settings, engine::Inner, ports::Mask, view};

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
    pub(crate) fn of(claimed: &Claimed, plan: &Plan, settings: &Settings) -> Self {
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
            policies: Arc::new(plan.definition().policies.clone()),
        }
    }

    pub(crate) fn address(&self, step: &StepKey) -> StepAddress {
        StepAddress { run: self.lease.run, node: step.node.clone(), path: step.path.clone(), index: step.index }
    }

    pub(crate) fn event(&self, kind: EventKind, at: Timestamp, payload: Json) -> NewEvent {
        NewEvent { scope: self.scope, at, kind, workflow: Some(self.workflow), run: Some(self.lease.run), payload }
    }

    /// What live views are told of nodes; no values, only how they went. `every` off: only what guardrails and policies
    /// found.
    pub(crate) fn node_events(&self, mask: &dyn Mask, changes: &[Change], at: Timestamp, every: bool) -> Vec<NewEvent> {
        let mut events = Vec::new();
        for change in changes {
            let head =
                json!({ "node": change.node, "path": change.path, "type": change.kind, "status": change.status });
            if !change.findings.is_empty() {
                let mut payload = head.clone();
                payload["findings"] = json!(change.findings);
                payload["blocked"] = json!(change.status == NodeStatus::Blocked);
                events.push(self.event(EventKind::GuardrailViolation, at, payload));
            }
            if let Some(failure) = &change.failure
                && matches!(failure.kind, FailureKind::Policy | FailureKind::Budget)
            {
                let mut payload = head.clone();
                payload["failure"] = json!(view::screened_failure(mask, failure, &change.node));
                payload["blocked"] = json!(true);
                events.push(self.event(EventKind::PolicyViolation, at, payload));
            }
            if every {
                let running = change.status == NodeStatus::Running;
                let kind = if running { EventKind::NodeStarted } else { EventKind::NodeFinished };
                events.push(self.event(kind, at, head));
            }
        }
        events
    }

    /// What guardrails and policies found, to be kept (R191, R201).
    pub(crate) fn violations(&self, engine: &Inner, changes: &[Change], at: Timestamp) -> Vec<Violation> {
        let mut kept = Vec::new();
        for change in changes {
            let blocked = change.status == NodeStatus::Blocked;
            let mut keep = |kind, name: String, severity, enforcement, detail| {
                kept.push(Violation {
                    id: FindingId::new(at, engine.entropy.bytes()),
                    kind,
                    scope: self.scope,
                    workflow: Some(self.workflow),
                    run: Some(self.lease.run),
                    node: Some(change.node.clone()),
                    name,
                    severity,
                    enforcement,
                    detail,
                    at,
                });
            };
            if let Some(worst) = change.findings.iter().max_by_key(|finding| finding.severity) {
                let enforcement = match (blocked, change.warnings.is_empty()) {
                    (true, _) => Enforcement::Block,
                    (false, false) => Enforcement::Warn,
                    (false, true) => Enforcement::Log,
                };
                let detail = json!({ "findings": change.findings, "blocked": blocked, "path": change.path });
                keep(ViolationKind::Guardrail, worst.check.to_string(), worst.severity, enforcement, detail);
            }
            if let Some(failure) = &change.failure
                && matches!(failure.kind, FailureKind::Policy | FailureKind::Budget)
            {
                let failure_shown = view::screened_failure(&*engine.mask, failure, &change.node);
                let detail = json!({ "failure": failure_shown, "blocked": true, "path": change.path });
                let name = if failure.kind == FailureKind::Budget { "token_budget" } else { "workflow_policy" };
                keep(ViolationKind::Policy, name.to_owned(), Severity::High, Enforcement::Block, detail);
            }
        }
        kept
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
