//! Moderation: a provider's judgement of texts (R153). What to do when it fails is the caller's rule (R155).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Texts to judge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModerationRequest {
    /// `None` means the provider's latest (`omni-moderation-latest`).
    pub model: Option<String>,
    pub texts: Vec<String>,
}

/// One judgement per text, in their order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModerationResponse {
    pub model: String,
    pub results: Vec<Moderation>,
    pub attempts: u32,
}

/// What the provider says about one text. Categories are spelt as the provider does (`hate/threatening`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Moderation {
    pub flagged: bool,
    /// Categories that the model did not judge (`null` on the wire) are absent.
    pub categories: BTreeMap<String, bool>,
    pub scores: BTreeMap<String, f64>,
}
