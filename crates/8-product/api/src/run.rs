use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Json;

/// Starts a run.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartRun {
    /// The run's input, any JSON. Default null.
    #[serde(default)]
    pub input: Json,
    /// Version to run; absent means the one published in this environment.
    #[serde(default)]
    pub version: Option<String>,
    /// Seconds to wait for the end, 0 to 60. Default 0: the answer is 202 and the run goes on.
    #[serde(default)]
    pub wait_seconds: Option<u64>,
}

/// Repeats a run that did not succeed.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryRun {
    /// Input of the new run; absent means the stored input of the old one, in which personal data is redacted.
    #[serde(default)]
    pub input: Option<Json>,
}

/// A run in a list.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RunSummary {
    pub id: String,
    pub workflow: String,
    pub version: String,
    /// `queued`, `running`, `waiting`, `paused`, `succeeded`, `failed`, `blocked` or `cancelled`.
    pub status: String,
    /// `manual`, `webhook`, `schedule`, `sub_workflow` or `retry`.
    pub trigger: String,
    pub created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
}

/// A run with all that is kept of it: screened texts only.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Run {
    #[serde(flatten)]
    pub summary: RunSummary,
    pub principal: String,
    /// Absent until the run ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Json>,
    /// Per-node log: status, times, input, output, warnings, tokens.
    pub nodes: Json,
    pub usage: TokenUsage,
    /// What its tokens cost at the prices that are set now. Only for those who may manage billing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<RunCost>,
}

/// What a run cost.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
pub struct RunCost {
    /// Millionths of a US dollar, of the tokens that have a price.
    pub cost_micros: u64,
    /// Tokens of models that have no price.
    pub unpriced_tokens: u64,
}

/// Tokens used.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
pub struct TokenUsage {
    pub input_tokens: u64,
    pub output_tokens: u64,
}

/// A pending or decided approval.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Approval {
    pub id: String,
    pub run: String,
    pub node: String,
    #[serde(serialize_with = "crate::display::shown")]
    pub message: String,
    pub required: u32,
    pub approved: u32,
    /// `pending`, `approved`, `rejected`, `timed_out`, or `cancelled` when the run ended before.
    pub status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<String>,
}

/// Decides an approval.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Decide {
    pub approve: bool,
    /// Shown in the run's record; at most 2,000 characters.
    #[serde(default)]
    pub comment: Option<String>,
}
