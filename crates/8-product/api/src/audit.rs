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

/// Which entries. Everything absent means any.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AuditQuery {
    /// Such as `workflow.publish`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// What it was done to, such as `wf_…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// `intent`, `succeeded`, `refused`, `failed` or `blocked`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// `user_…` (with whatever key or trigger), `sa_…` or `system`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// The client's IP address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// `req_…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// From this moment on (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Before this moment (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// A search that was kept under a name.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AuditSearch {
    pub name: String,
    pub query: AuditQuery,
    /// Who kept it last.
    pub updated_by: String,
    pub updated_at: String,
}

/// Everyone who touched something.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AuditTouched {
    pub target: String,
    /// How many entries were gathered.
    pub entries: u64,
    /// Whether these are all; else they are the newest.
    pub complete: bool,
    /// Whoever touched it last comes first.
    pub by: Vec<AuditTouchedBy>,
}

/// One of those who touched something.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AuditTouchedBy {
    /// The same for everything one person did; it says nothing about who that is.
    pub pseudonym: String,
    /// As the newest entry has it; absent when that person's data was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<Json>,
    pub entries: u64,
    pub first_at: String,
    pub last_at: String,
    pub operations: Vec<AuditTouch>,
}

/// What one of them did, and how often.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AuditTouch {
    pub operation: String,
    pub result: String,
    pub count: u64,
}

/// A signed checkpoint, with what it says about this chain.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AuditCheckpoint {
    pub number: u64,
    pub at: String,
    /// The signed note, with the lines of witnesses.
    pub note: String,
    /// The chain's line, its place among all heads and the proof of that; absent when the chain had no entry then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<Json>,
    pub cosignatures: Vec<AuditCosignature>,
}

/// Who else signed a checkpoint.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AuditCosignature {
    pub witness: String,
    pub at: String,
}

/// A witness's signature under a checkpoint (C2SP tlog-cosignature).
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Cosign {
    /// The signature line: `— <name> <base64>`.
    pub cosignature: String,
}

/// A proof that anybody can verify with the public key: `nodeloom audit verify --bundle FILE --public-key KEY`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AuditProof {
    /// `nodeloom/audit-proof/v1`; docs/life-of-an-entry.md describes it.
    pub format: String,
    pub key: String,
    pub chain: String,
    /// `{note, head}`.
    pub checkpoint: Json,
    /// `{cbor, salt, detail, path}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inclusion: Option<Json>,
    /// `{older, path, log}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consistency: Option<Json>,
}

/// The key that checkpoints are verified with.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AuditKey {
    /// `<name>+<id>+<base64>`.
    pub key: String,
}

/// Entries before a moment go.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PurgeAudit {
    /// RFC 3339. Whole sealed segments before it go.
    pub before: String,
}

/// What was purged.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AuditPurged {
    /// How many entries went now.
    pub entries: u64,
    /// The last entry that is gone, of all purges; 0 when none is.
    pub through: u64,
    /// The checkpoint that vouches for what is gone.
    pub checkpoint: u64,
}

/// A person's data in the trail becomes unreadable.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EraseFromAudit {
    /// `user_…`.
    pub person: String,
}

/// What became of an erasure.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AuditErased {
    /// Whether there was something to erase.
    pub erased: bool,
}

/// What a verification found.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AuditVerification {
    /// Whether every chain and every checkpoint holds.
    pub intact: bool,
    /// How many checkpoints hold.
    pub checkpoints: u64,
    /// The first bad checkpoint, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bad_checkpoint: Option<String>,
    pub chains: Vec<ChainVerification>,
}

/// How far the verification that is under way for this team has come.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AuditProgress {
    /// Whether one is under way here; another server's are not known to this one.
    pub running: bool,
    /// Entries examined so far.
    pub read: u64,
    /// Entries that there are; 0 until they are counted.
    pub entries: u64,
}

/// One chain's part of a verification.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ChainVerification {
    pub chain: String,
    pub entries: u64,
    /// SHA-256 of the last entry, hexadecimal.
    pub head: String,
    /// The last entry that was purged, when some were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purged_through: Option<u64>,
    /// The first bad entry, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_bad: Option<String>,
}
