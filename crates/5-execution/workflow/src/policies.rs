//! A workflow's policies, as data. What they mean is decided in the crate `policies`; here they are read and written.

use std::collections::BTreeSet;

use domain::Json;
use serde::{Deserialize, Serialize};

use crate::NodeType;

/// What a workflow may do; absent means "not limited by this policy".
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Policies {
    /// R193: only these node types may execute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_nodes: Option<BTreeSet<NodeType>>,
    /// R194 to R196.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sql_scope: Option<SqlScope>,
    /// R197, R198.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpDomains>,
    /// R199: ids or names of vault entries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials: Option<BTreeSet<String>>,
    /// R200.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<RunRate>,
}

/// What SQL a workflow may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SqlScope {
    ReadOnly,
    ReadWrite,
    Full,
}

/// Domains, exact or `*.example.com`. An empty `allow` allows all that `block` does not name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct HttpDomains {
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub allow: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub block: BTreeSet<String>,
}

/// At most `max_runs` starts in any `window_seconds`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRate {
    pub max_runs: u64,
    pub window_seconds: u64,
}

impl Policies {
    /// As in the file.
    pub fn to_json(&self) -> Json {
        serde_json::to_value(self).unwrap_or_default()
    }
}
