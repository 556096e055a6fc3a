use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// RFC 9457 problem document; `application/problem+json`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ProblemDocument {
    /// Address of the page that explains the code.
    pub r#type: String,
    pub title: String,
    pub status: u16,
    /// Stable code, such as `NL-3001`.
    pub code: String,
    /// What is particular to this occurrence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What to do about it.
    pub help: String,
    /// Every defect of a workflow, with its path (`NL-5001`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors: Option<Vec<super::Defect>>,
    /// What a guardrail found (`NL-4001`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub violations: Option<Vec<super::Violation>>,
    /// The run that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}
