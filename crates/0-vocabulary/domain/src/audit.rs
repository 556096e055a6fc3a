//! What the audit trail is told, before it becomes a linked entry.

use serde::{Deserialize, Serialize};

use crate::{AuditId, Json, Principal, RequestId, Scope, SessionId, Timestamp};

/// How an operation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditResult {
    /// About to happen; on disk before the act.
    Intent,
    Succeeded,
    /// The principal had no right to it.
    Refused,
    Failed,
    /// A guardrail or policy halted it.
    Blocked,
}

impl AuditResult {
    /// The word on the wire and in storage.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Intent => "intent",
            Self::Succeeded => "succeeded",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Blocked => "blocked",
        }
    }
}

/// Who and from where: the personal part of an entry, sealed per subject before it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditSubject {
    pub principal: Principal,
    /// The client's address, after trusted proxies; absent for NodeLoom's own acts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<std::net::IpAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
}

/// An entry that is not linked yet.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditDraft {
    pub id: AuditId,
    /// Which chain: a team's environment, or the system's when `None`.
    pub scope: Option<Scope>,
    pub at: Timestamp,
    pub subject: AuditSubject,
    pub request: Option<RequestId>,
    /// Named operation, such as `workflow.publish`; the server's `Operation` spells it.
    pub operation: String,
    /// What it is done to, such as `wf_0190…`.
    pub target: Option<String>,
    pub result: AuditResult,
    /// The intent this is the outcome of.
    pub intent: Option<AuditId>,
    /// From intent to outcome, in microseconds; outcomes only.
    pub duration_micros: Option<u64>,
    /// Before and after, counts, reasons. Secrets as keyed hashes, never text that was not screened.
    pub detail: Json,
}
