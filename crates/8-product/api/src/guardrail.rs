use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Json;

/// Screens a text or a JSON value outside of any workflow.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckGuardrails {
    /// What to screen: a text, or any JSON whose texts are screened.
    pub input: Json,
    /// The parameters of a GUARDRAIL node, such as `{"checks": ["PROMPT_INJECTION"], "severity": "BLOCK"}`.
    #[serde(default)]
    pub parameters: Option<Json>,
    /// `user` (written by the person whom the agent serves) or `data` (retrieved). Default `user`.
    #[serde(default)]
    pub channel: Option<String>,
}

/// What the checks found and what follows from it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct GuardrailVerdict {
    /// `pass`, `warn`, `redact` or `block`.
    pub action: String,
    /// The input as it may go on; absent when it was blocked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Json>,
    pub findings: Vec<Violation>,
    /// Checks that could not run. They count as not passed.
    pub not_evaluated: Vec<String>,
}

/// Something that a check found.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Violation {
    /// Which check, such as `PROMPT_INJECTION`.
    pub check: String,
    /// Which kind within the check, such as `instruction_override`.
    pub family: String,
    /// `low`, `medium`, `high` or `critical`.
    pub severity: String,
    /// 0 to 1.
    pub score: f32,
    /// Byte offsets into the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub span: Option<Json>,
    /// Rule or model, with its version.
    pub by: String,
    /// Why, in words.
    pub why: String,
}

/// Everything that the checks found, none of it obeyed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct GuardrailFindings {
    /// What would have become of the input: `pass`, `warn`, `redact` or `block`.
    pub would: String,
    pub findings: Vec<GuardrailFinding>,
    /// How each check went: `check`, `name`, `outcome` (`clean`, `found` or `not_evaluated` with `why`) and `micros`.
    pub checks: Vec<Json>,
}

/// A finding and where it is.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct GuardrailFinding {
    /// The check's name, or the custom rule's.
    pub name: String,
    /// RFC 6901 pointer of the string inside the input; empty for the input itself.
    pub pointer: String,
    /// An exception covers it.
    pub excepted: bool,
    pub finding: Violation,
}

/// What a team sets for its guardrails in one environment.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GuardrailSettings {
    /// From which score a check counts where its node says nothing, 0 to 1: `PROMPT_INJECTION`, `CONTENT_FILTER`,
    /// `SEMANTIC_SIMILARITY`.
    pub thresholds: Json,
}

/// Allows something that was found, until a day. One of `text`, `pattern` and `families` at least.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutGuardrailException {
    /// Only findings of this check, such as `PROMPT_INJECTION`.
    #[serde(default)]
    pub check: Option<String>,
    /// Findings whose whole text stands in this one.
    #[serde(default)]
    pub text: Option<String>,
    /// Findings whose whole text this pattern matches.
    #[serde(default)]
    pub pattern: Option<String>,
    /// Only findings of these families.
    #[serde(default)]
    pub families: Option<Vec<String>>,
    /// Who answers for it.
    pub owner: String,
    pub reason: String,
    /// When it ends, at most 366 days from now.
    pub expires_at: String,
}

/// Something that was found and is allowed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct GuardrailException {
    pub id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
    /// `text`, `pattern` and `families` as they were given.
    pub matcher: Json,
    pub owner: String,
    pub reason: String,
    pub expires_at: String,
    pub created_by: String,
    pub created_at: String,
}

/// Adds texts that others are compared with.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddGuardrailReferences {
    /// `safe` or `attack`.
    pub kind: String,
    /// Which attack, in small letters, such as `instruction_override`.
    #[serde(default)]
    pub category: Option<String>,
    /// 1 to 200 texts of at most 8 KiB.
    pub texts: Vec<String>,
}

/// A text that others are compared with.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct GuardrailReference {
    pub id: String,
    pub kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    pub text: String,
    pub created_by: String,
    pub created_at: String,
}

/// A moderation request as OpenAI shapes it.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct Moderate {
    /// A text, a list of texts, or a list of parts `{"type": "text", "text": …}`.
    pub input: Json,
    /// Read and passed over: this server's content filter answers.
    #[serde(default)]
    pub model: Option<String>,
}

/// Its answer.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Moderation {
    pub id: String,
    pub model: String,
    /// One for each text, in their order.
    pub results: Vec<ModerationResult>,
}

/// What was found in one text. The members of the three objects are OpenAI's thirteen categories.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ModerationResult {
    pub flagged: bool,
    pub categories: Json,
    pub category_scores: Json,
    pub category_applied_input_types: Json,
}

/// Something that a guardrail or a policy found in a run, without the text that it was found in.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct GuardrailViolation {
    pub id: String,
    /// `guardrail` or `policy`.
    pub kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The check, the rule or the policy.
    #[serde(serialize_with = "crate::display::shown")]
    pub name: String,
    /// `low`, `medium`, `high` or `critical`.
    pub severity: String,
    /// What was done: `log`, `warn`, `flag`, `redact` or `block`.
    pub enforcement: String,
    /// Why, by which rule, and in which places (pointer into the screened value, byte span, score).
    pub detail: Json,
    pub at: String,
}

/// Violations counted by day.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct GuardrailActivity {
    /// The first day that was counted, in UTC: `2027-01-31`.
    pub from: String,
    /// The newest day first; a day without violations is not there.
    pub days: Vec<GuardrailDay>,
}

/// How often one thing was found on one day.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct GuardrailDay {
    /// In UTC: `2027-01-31`.
    pub day: String,
    /// `guardrail` or `policy`.
    pub kind: String,
    #[serde(serialize_with = "crate::display::shown")]
    pub name: String,
    pub enforcement: String,
    pub found: u64,
}

/// What a check makes of recent runs: from these scores one sees what another threshold would stop.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct GuardrailScores {
    pub check: String,
    /// From which score the check counts where nothing else is said.
    pub default_threshold: f32,
    /// The team's own, if it has set one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f32>,
    /// The newest run first.
    pub items: Vec<GuardrailScore>,
    /// Runs that were left out: their input is not kept, the check could not run, or the time was up.
    pub left_out: u32,
}

/// The highest score that a check gives a run's input, as it is kept: screened and masked.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct GuardrailScore {
    pub run: String,
    pub workflow: String,
    pub status: String,
    pub at: String,
    /// 0 to 1.
    pub score: f32,
}
