//! A policy that was not kept (R201).

use std::fmt;

use domain::{Json, Severity};
use serde::{Deserialize, Serialize};

/// Which policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    ToolWhitelist,
    SqlScope,
    HttpDomain,
    CredentialScope,
    ExecutionRate,
    TokenBudget,
}

/// Everything that is stored about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Violation {
    pub policy: Policy,
    pub severity: Severity,
    /// Policies refuse; a violation that was only recorded says `false`.
    pub blocked: bool,
    /// A stable word such as `sql_write_in_read_only`.
    pub code: String,
    /// A sentence for people.
    pub message: String,
    /// What was asked for and what is allowed; no secrets, no payloads.
    pub detail: Json,
}

impl Violation {
    pub(crate) fn new(policy: Policy, severity: Severity, code: &str, message: String, detail: Json) -> Self {
        Self { policy, severity, blocked: true, code: code.to_owned(), message, detail }
    }
}
impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
impl std::error::Error for Violation {}
