//! What the machine and the engine say to each other.

use std::{sync::Arc, time::Duration};

use domain::{Finding, Json, NodeStatus, RunStatus, StepAddress, Value};
use serde::{Deserialize, Serialize};

use crate::{Call, Failure, NodeType, Port, Response, Retry, RunInfo, Wait, Warning};

/// Which step of this run. With the run's id it is a [`StepAddress`], the base of the idempotency key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StepKey {
    /// The node's id; for an agent's tool, the tool's name.
    pub node: String,
    /// Empty at the top, `each[3]/` inside the fourth item of `each`, `agent[2]/` inside the tool that the agent's
    /// step 2 called, and so on inwards.
    pub path: String,
    /// Counts the node's steps, from 0.
    pub index: u32,
}

impl StepKey {
    /// With the run.
    pub fn address(&self, run: &RunInfo) -> StepAddress {
        StepAddress { run: run.id, node: self.node.clone(), path: self.path.clone(), index: self.index }
    }
}

/// A step that the engine is to perform.
#[derive(Debug, Clone, PartialEq)]
pub struct Work {
    pub step: StepKey,
    pub kind: NodeType,
    pub task: Task,
    pub retry: Retry,
    /// For one attempt; absent means the engine's default for this kind of task.
    pub timeout: Option<Duration>,
}

/// What is to be performed.
#[derive(Debug, Clone, PartialEq)]
pub enum Task {
    Call(Call),
    Wait(Wait),
    /// A run of another workflow; the answer is [`Answer::Child`](crate::Answer::Child) or `Failed`.
    Workflow {
        workflow: String,
        input: Value,
    },
}

/// A node that began or ended; what the run's log is written from. Values are raw: screen them first.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    pub node: String,
    pub path: String,
    pub kind: NodeType,
    /// `Running` once when it began (nodes that end at once have none), then one final status.
    pub status: NodeStatus,
    /// What it read, at the start or when it ended at once.
    pub input: Option<Arc<Value>>,
    pub output: Option<Arc<Value>>,
    pub port: Option<Port>,
    pub warnings: Vec<Warning>,
    pub findings: Vec<Finding>,
    pub failure: Option<Failure>,
    /// Steps it took.
    pub steps: u32,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    Succeeded {
        output: Value,
        response: Option<Response>,
    },
    /// Also blocked and cancelled: [`Outcome::status`] tells by the failure's kind.
    Failed {
        node: Option<String>,
        failure: Failure,
    },
}

impl Outcome {
    /// The run's final status.
    pub const fn status(&self) -> RunStatus {
        use crate::FailureKind::{Blocked, Budget, Cancelled, Policy};
        match self {
            Self::Succeeded { .. } => RunStatus::Succeeded,
            Self::Failed { failure, .. } => match failure.kind {
                Blocked | Policy | Budget => RunStatus::Blocked,
                Cancelled => RunStatus::Cancelled,
                _ => RunStatus::Failed,
            },
        }
    }
    /// The output, if there is one.
    pub const fn output(&self) -> Option<&Json> {
        match self {
            Self::Succeeded { output, .. } => Some(&output.json),
            Self::Failed { .. } => None,
        }
    }
}

/// Something that the engine asked of the machine and cannot have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MachineError {
    /// Answered before, never asked for, or of a run that has ended. The answer was not used.
    #[error("step {0:?} does not wait for an answer")]
    NotOutstanding(StepKey),
    /// The run was to start at a node that is no trigger of this workflow.
    #[error("{0:?} is not a trigger of this workflow")]
    NoSuchTrigger(String),
}

impl Change {
    pub(super) fn new(spec: &crate::NodeSpec, path: &str, status: NodeStatus) -> Self {
        Self {
            node: spec.id.clone(),
            path: path.to_owned(),
            kind: spec.kind,
            status,
            input: None,
            output: None,
            port: None,
            warnings: Vec::new(),
            findings: Vec::new(),
            failure: None,
            steps: 0,
        }
    }
}
