//! Runs, their steps, and what wakes them.
//!
//! A worker holds a [`RunLease`]; everything that it writes about a run begins with [`lease::fence`], so that a worker
//! that was thought dead and comes back writes nothing. `runs.due_at` is the one column that claiming looks at.

mod approval;
mod asks;
mod change;
mod claim;
mod ending;
mod lease;
mod listing;
mod row;
mod schedule;
mod secrets;
mod step;
mod token_usage;
mod wish;

pub use approval::{Approval, ApprovalStatus, Ballot, NewApproval, SealDecision};
pub use change::{Checkpoint, Fired, Parked, Rate, StartRun, StartedAs};
pub use claim::Claimed;
pub use ending::{Ending, ParentAnswer, Parking};
pub use lease::{Beat, RunLease};
pub use listing::{RunFilter, RunRecord};
pub(crate) use row::Inserted;
pub use row::NewRun;
pub use schedule::{DueSchedule, NewSchedule};
pub(crate) use schedule::{remove as remove_schedules, replace as replace_schedules};
pub use secrets::RunSecrets;
pub use step::{StepRow, StepState};
pub use token_usage::TokenUsage;
pub use wish::Wish;

use crate::{Error, Result};

fn to_json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|source| Error::encoding(Box::new(source)))
}
