//! How a run ended, as its caller is told.

use domain::{Json, RunFailure, RunId, RunStatus, Usage};
use serde::{Deserialize, Serialize};
use workflow::{Outcome, Response};

/// A run that is over, and on disk. The output is the run's own, not the screened view of it: it goes to the caller and
/// is never stored like this.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finished {
    pub run: RunId,
    pub status: RunStatus,
    pub output: Option<Json>,
    /// What a RESPOND node said the caller of a webhook should hear.
    pub response: Option<Response>,
    pub failure: Option<RunFailure>,
    pub usage: Usage,
}

impl Finished {
    pub(crate) fn of(run: RunId, outcome: &Outcome, failure: Option<RunFailure>, usage: Usage) -> Self {
        let (output, response) = match outcome {
            Outcome::Succeeded { output, response } => (Some(output.json.clone()), response.clone()),
            Outcome::Failed { .. } => (None, None),
        };
        Self { run, status: outcome.status(), output, response, failure, usage }
    }
}

/// What became of a start.
#[derive(Debug)]
pub enum Started {
    /// It is over already.
    Finished(Finished),
    /// This process drives it; with `wants_reply`, the handle hears its end.
    Running(Handle),
    /// A worker will take it.
    Queued(Handle),
    /// The same idempotency word has started this run before.
    Already(RunId),
}

impl Started {
    /// Which run.
    pub const fn run(&self) -> RunId {
        match self {
            Self::Finished(finished) => finished.run,
            Self::Running(handle) | Self::Queued(handle) => handle.run,
            Self::Already(run) => *run,
        }
    }
}

/// A run that goes on.
#[derive(Debug)]
pub struct Handle {
    pub run: RunId,
    pub(crate) end: Option<tokio::sync::oneshot::Receiver<Finished>>,
}
