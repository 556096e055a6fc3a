use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

const fn yes() -> bool {
    true
}

/// Where audit entries and security events are delivered to, by kind.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum SiemTo {
    SplunkHec {
        /// Without the path: `https://splunk.example.com:8088`.
        url: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        index: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        host: Option<String>,
        /// Wait until the indexer has it; the token must have acknowledgement enabled.
        #[serde(default)]
        acknowledge: bool,
        #[serde(default)]
        gzip: bool,
    },
    Datadog {
        /// `datadoghq.com` and its sisters; or `url`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        site: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        url: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        service: Option<String>,
        /// `key:value`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tags: Vec<String>,
        #[serde(default)]
        gzip: bool,
    },
    Elasticsearch {
        url: String,
        /// The last part of the data streams' names; the environment when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        namespace: Option<String>,
        #[serde(default)]
        gzip: bool,
    },
    Webhook {
        url: String,
    },
}

/// What is delivered.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SiemStreams {
    #[serde(default = "yes")]
    pub audit: bool,
    /// Violations, findings, incidents, anomalies and alerts; everything but the ordinary life of runs.
    #[serde(default = "yes")]
    pub security: bool,
    #[serde(default = "yes")]
    pub checkpoints: bool,
}

impl Default for SiemStreams {
    fn default() -> Self {
        Self { audit: true, security: true, checkpoints: true }
    }
}

/// How much goes at once; a receiver's own limits are kept in any case.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SiemBatch {
    /// 1 to 1,000. Default 500.
    pub events: u32,
    /// 10,000 to 4,000,000. Default 1,000,000.
    pub bytes: u32,
}

impl Default for SiemBatch {
    fn default() -> Self {
        Self { events: 500, bytes: 1_000_000 }
    }
}

/// A destination as it is asked for.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SaveSiemDestination {
    pub name: String,
    #[serde(default = "yes")]
    pub enabled: bool,
    pub to: SiemTo,
    #[serde(default)]
    pub streams: SiemStreams,
    #[serde(default)]
    pub batch: SiemBatch,
    /// `token` (Splunk), `api_key` (Datadog), `api_key` or `username` and `password` or `bearer` (Elasticsearch),
    /// `secret` and, while it is being changed, `previous` (webhook). Never shown again. Left out in a change, those
    /// that are kept stay, unless the address leads elsewhere.
    #[serde(default)]
    pub secrets: BTreeMap<String, String>,
    /// Where a new destination begins: `now` (the default) or `beginning`.
    #[serde(default)]
    pub start: Option<String>,
}

impl std::fmt::Debug for SaveSiemDestination {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SaveSiemDestination").field("name", &self.name).field("to", &self.to).finish_non_exhaustive()
    }
}

/// A number for each stream.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
pub struct SiemNumbers {
    pub audit: i64,
    pub security: i64,
    pub checkpoints: i64,
}

/// How delivery stands.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SiemStatus {
    /// `ok`, `lagging` (tries fail, or much waits), `held` (set up wrongly) or `broken` (refused).
    pub state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub since: String,
    /// The last sequence that was delivered.
    pub cursors: SiemNumbers,
    /// How many sequences are not delivered yet.
    pub behind: SiemNumbers,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest_waiting_seconds: Option<u64>,
    /// Failures since the last success.
    pub attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_delivered_at: Option<String>,
    pub delivered: u64,
    pub retries: u64,
    /// Dead letters ever.
    pub dead_letters: u64,
}

/// A destination as it is shown: names of its secrets, never their values.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SiemDestination {
    pub id: String,
    pub name: String,
    pub enabled: bool,
    pub to: SiemTo,
    pub streams: SiemStreams,
    pub batch: SiemBatch,
    pub secrets: Vec<String>,
    pub created_by: String,
    pub created_at: String,
    pub updated_at: String,
    pub status: SiemStatus,
}

/// A destination that was just made.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NewSiemDestination {
    pub destination: SiemDestination,
    /// A webhook's signing secret, when NodeLoom made it; shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// What became of an event that was sent by hand.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SiemTest {
    pub delivered: bool,
    /// What the receiver said, or why it was not reached.
    pub answer: String,
}

/// Sends a stream again.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplaySiem {
    /// `audit`, `security` or `checkpoints`.
    pub stream: String,
    /// The sequence that is sent next; 1 for everything.
    pub from: i64,
}

/// An event that a receiver refused for good.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SiemDeadLetter {
    pub id: String,
    pub stream: String,
    pub sequence: i64,
    /// The event's own id.
    pub event: String,
    pub reason: String,
    /// How often it was refused.
    pub tries: u32,
    pub at: String,
}
