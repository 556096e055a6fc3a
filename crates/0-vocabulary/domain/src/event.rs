//! The one stream of events per team. Live views, SIEM, notifications, monitoring and incidents read it by cursor.

use serde::{Deserialize, Serialize};

use crate::{Json, RunId, Scope, Timestamp, WorkflowId};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    RunQueued,
    RunStarted,
    NodeStarted,
    NodeFinished,
    /// Part of a model's answer, already screened.
    NodeOutput,
    RunWaiting,
    RunPaused,
    RunResumed,
    RunFinished,
    ApprovalRequested,
    ApprovalDecided,
    GuardrailViolation,
    PolicyViolation,
    WorkflowPublished,
    /// Delivery to a SIEM destination stopped, fell behind, or goes on.
    SiemState,
}

impl EventKind {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::RunQueued,
        Self::RunStarted,
        Self::NodeStarted,
        Self::NodeFinished,
        Self::NodeOutput,
        Self::RunWaiting,
        Self::RunPaused,
        Self::RunResumed,
        Self::RunFinished,
        Self::ApprovalRequested,
        Self::ApprovalDecided,
        Self::GuardrailViolation,
        Self::PolicyViolation,
        Self::WorkflowPublished,
        Self::SiemState,
    ];
    /// The word on the wire and in storage.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RunQueued => "run_queued",
            Self::RunStarted => "run_started",
            Self::NodeStarted => "node_started",
            Self::NodeFinished => "node_finished",
            Self::NodeOutput => "node_output",
            Self::RunWaiting => "run_waiting",
            Self::RunPaused => "run_paused",
            Self::RunResumed => "run_resumed",
            Self::RunFinished => "run_finished",
            Self::ApprovalRequested => "approval_requested",
            Self::ApprovalDecided => "approval_decided",
            Self::GuardrailViolation => "guardrail_violation",
            Self::PolicyViolation => "policy_violation",
            Self::WorkflowPublished => "workflow_published",
            Self::SiemState => "siem_state",
        }
    }
}

/// An event that is not stored yet. Its payload is screened text only.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    pub scope: Scope,
    pub at: Timestamp,
    pub kind: EventKind,
    pub workflow: Option<WorkflowId>,
    pub run: Option<RunId>,
    pub payload: Json,
}

/// An event as readers see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Counts within the team, without gaps, in the order of commit.
    pub sequence: i64,
    pub scope: Scope,
    pub at: Timestamp,
    pub kind: EventKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<WorkflowId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    pub payload: Json,
}
