//! Executions, as the rest of the house talks about them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{Finding, RunId};

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Accepted, waiting for a worker.
    Queued,
    /// A worker has it.
    Running,
    /// Waits for a time, an approval or a child; no worker has it.
    Waiting,
    /// Stopped by a person; goes on when resumed.
    Paused,
    /// Finished with an output.
    Succeeded,
    /// Finished with an error.
    Failed,
    /// A guardrail or a policy halted it.
    Blocked,
    /// Cancelled by a person or because its principal lost the right to run it.
    Cancelled,
}

impl RunStatus {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Queued,
        Self::Running,
        Self::Waiting,
        Self::Paused,
        Self::Succeeded,
        Self::Failed,
        Self::Blocked,
        Self::Cancelled,
    ];
    /// Nothing will change any more.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Blocked | Self::Cancelled)
    }
    /// The word on the wire and in storage.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Paused => "paused",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Blocked => "blocked",
            Self::Cancelled => "cancelled",
        }
    }
}
impl fmt::Display for RunStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no run status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected one of queued, running, waiting, paused, succeeded, failed, blocked, cancelled")]
pub struct UnknownStatus;

impl FromStr for RunStatus {
    type Err = UnknownStatus;
    fn from_str(text: &str) -> Result<Self, UnknownStatus> {
        Self::ALL.into_iter().find(|s| s.as_str() == text).ok_or(UnknownStatus)
    }
}

/// Where a node of a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeStatus {
    Pending,
    Running,
    Waiting,
    Succeeded,
    Failed,
    /// A guardrail halted the run here.
    Blocked,
    /// Not reached: the branch was not taken.
    Skipped,
    Cancelled,
}

/// Which step of which run: what a checkpoint is about and what an idempotency key is made from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StepAddress {
    pub run: RunId,
    /// The node's id in the definition.
    pub node: String,
    /// Iteration path: empty at the top, `for_each[3]/` inside the fourth item, and so on inwards.
    #[serde(default)]
    pub path: String,
    /// Counts the node's effects, from 0.
    pub index: u32,
}

/// Why a run did not succeed; shown to people, so it never holds unscreened text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunFailure {
    /// Stable code such as `NL-2104`, explained in docs/reference/errors.
    pub code: String,
    /// A sentence that says what to do.
    pub message: String,
    /// The node at which it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// What a guardrail found, when a guardrail halted the run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<Finding>,
}
