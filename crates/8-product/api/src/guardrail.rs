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
