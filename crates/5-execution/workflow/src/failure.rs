//! Why a step, a node or a run did not succeed.

use domain::{Finding, Json};
use serde::{Deserialize, Serialize};

/// The kinds that are handled differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// A parameter has a value that the node cannot use, after its expressions were filled in.
    Parameters,
    /// An expression could not be evaluated.
    Expression,
    /// A guardrail halted the run. No error branch catches it.
    Blocked,
    /// A workflow policy refused what the node wanted. No error branch catches it.
    Policy,
    /// The token budget is used up. No error branch catches it.
    Budget,
    /// A STOP_WITH_ERROR node.
    Stopped,
    /// An agent used up its steps.
    StepLimit,
    /// The outside call did not succeed.
    Call,
    /// The step, the wait or the run took too long.
    Timeout,
    /// The people asked said no, and there is no branch for it.
    Rejected,
    /// A sub-workflow failed.
    Child,
    /// The run was cancelled.
    Cancelled,
    /// More items, bytes or nesting than allowed.
    TooLarge,
    /// A defect of NodeLoom itself.
    Internal,
}

impl FailureKind {
    /// Stable code, explained in docs/reference/errors.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Parameters => "NL-5101",
            Self::Expression => "NL-5102",
            Self::Blocked => "NL-4101",
            Self::Policy => "NL-4201",
            Self::Budget => "NL-4202",
            Self::Stopped => "NL-5103",
            Self::StepLimit => "NL-5104",
            Self::Call => "NL-5105",
            Self::Timeout => "NL-5106",
            Self::Rejected => "NL-5107",
            Self::Child => "NL-5108",
            Self::Cancelled => "NL-5109",
            Self::TooLarge => "NL-5110",
            Self::Internal => "NL-5199",
        }
    }
    /// Halts the whole run at once, whatever `on_error` says.
    pub const fn halts(self) -> bool {
        matches!(self, Self::Blocked | Self::Policy | Self::Budget | Self::Cancelled)
    }
}

/// Why something did not succeed. `message` may quote what a workflow's author or a called service wrote: screen it
/// before it is stored or shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    pub kind: FailureKind,
    /// A sentence that says what happened and what to do.
    pub message: String,
    /// Whether another attempt may succeed; the engine asks this before it retries a step.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retryable: bool,
    /// Do not try again before this long (`Retry-After`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// What a guardrail found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// For the error branch: status and body of a refused HTTP call, the details given to STOP_WITH_ERROR …
    #[serde(default, skip_serializing_if = "Json::is_null")]
    pub detail: Json,
}

impl Failure {
    /// A failure that another attempt will not mend.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { kind, message, retryable: false, retry_after_ms: None, findings: Vec::new(), detail: Json::Null }
    }
    /// The same, worth another attempt.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }
    /// The same with details for the error branch.
    #[must_use]
    pub fn with_detail(mut self, detail: Json) -> Self {
        self.detail = detail;
        self
    }
    /// A guardrail's halt.
    pub fn blocked(message: impl Into<String>, findings: Vec<Finding>) -> Self {
        Self { findings, ..Self::new(FailureKind::Blocked, message) }
    }
    /// What an error branch or `on_error: continue` gets to see.
    pub fn to_json(&self) -> Json {
        let mut json = serde_json::json!({ "code": self.kind.code(), "kind": self.kind, "message": self.message });
        if !self.detail.is_null() {
            json["detail"] = self.detail.clone();
        }
        json
    }
}
