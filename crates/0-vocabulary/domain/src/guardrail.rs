//! What a check found, how bad it is, and — kept apart — what the customer wants done about it (D1).

use std::fmt;

use serde::{Deserialize, Serialize};

/// How bad a finding is. Judged by the check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Low,
    Medium,
    High,
    Critical,
}

impl Severity {
    /// All four, mildest first.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];
    /// The word on the wire and in storage.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}
impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What we do about a finding. Chosen by the customer; mildest first.
///
/// The guardrails page spells this `"severity": "LOG" | "WARNING" | "BLOCK"`; both spellings are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Enforcement {
    /// Record it and go on.
    #[serde(alias = "LOG")]
    Log,
    /// Record it and attach a warning that later nodes can read.
    #[serde(alias = "WARN", alias = "WARNING", alias = "warning")]
    Warn,
    /// Record it and raise an alert.
    #[serde(alias = "FLAG")]
    Flag,
    /// Strip the sensitive part and go on.
    #[serde(alias = "REDACT")]
    Redact,
    /// Halt the run.
    #[serde(alias = "BLOCK")]
    Block,
}

impl Enforcement {
    /// The word on the wire and in storage.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Warn => "warn",
            Self::Flag => "flag",
            Self::Redact => "redact",
            Self::Block => "block",
        }
    }
}

/// The checks a guardrail can run; spelt as in the documented node JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CheckKind {
    PromptInjection,
    PiiRedaction,
    ContentFilter,
    SchemaValidation,
    SemanticSimilarity,
    SqlInjection,
    CustomRule,
}

impl CheckKind {
    /// All seven.
    pub const ALL: [Self; 7] = [
        Self::PromptInjection,
        Self::PiiRedaction,
        Self::ContentFilter,
        Self::SchemaValidation,
        Self::SemanticSimilarity,
        Self::SqlInjection,
        Self::CustomRule,
    ];
    /// The word on the wire and in storage.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PromptInjection => "PROMPT_INJECTION",
            Self::PiiRedaction => "PII_REDACTION",
            Self::ContentFilter => "CONTENT_FILTER",
            Self::SchemaValidation => "SCHEMA_VALIDATION",
            Self::SemanticSimilarity => "SEMANTIC_SIMILARITY",
            Self::SqlInjection => "SQL_INJECTION",
            Self::CustomRule => "CUSTOM_RULE",
        }
    }
}
impl fmt::Display for CheckKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a text comes from. What is an ordinary request from a user is an attack when it sits in data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// Written by the person whom the agent serves.
    #[default]
    User,
    /// Retrieved: a document, a page, a tool's answer.
    Data,
}

/// Byte offsets into the original text, `start..end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

/// Something that a check found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Which check.
    pub check: CheckKind,
    /// Which kind within the check: `instruction_override`, `EMAIL_ADDRESS`, `hate/threatening` …
    pub family: String,
    /// How bad.
    pub severity: Severity,
    /// 0 to 1; a rule without a score of its own says 1.
    pub score: f32,
    /// Where in the original text; absent when the finding is about the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<Span>,
    /// Rule or model, with its version.
    pub by: String,
    /// Why, in words a person understands. Never quotes personal data or a secret.
    pub why: String,
}
