use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Json;

/// An entry of the audit trail, its personal part opened for the reader.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    pub id: String,
    /// `team_…/environment` or `system`.
    pub chain: String,
    pub sequence: u64,
    pub at: String,
    pub operation: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// `intent`, `succeeded`, `refused`, `failed` or `blocked`.
    pub result: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_micros: Option<u64>,
    /// Who and from where; absent when that person's data was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<Json>,
    pub detail: Json,
    /// SHA-256 of the entry, hexadecimal.
    pub hash: String,
}

/// What a verification found.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AuditVerification {
    /// Whether every chain holds.
    pub intact: bool,
    pub chains: Vec<ChainVerification>,
}

/// One chain's part of a verification.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ChainVerification {
    pub chain: String,
    pub entries: u64,
    /// SHA-256 of the last entry, hexadecimal.
    pub head: String,
    /// The first bad entry, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_bad: Option<String>,
}
