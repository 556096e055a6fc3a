//! Embeddings.

use serde::{Deserialize, Serialize};

use crate::TokenCount;

/// Texts to embed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct EmbedRequest {
    pub model: String,
    /// At most 2,048.
    pub texts: Vec<String>,
    /// Only for models that can shorten their vectors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// One vector per text, in the order of the texts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EmbedResponse {
    pub model: String,
    pub vectors: Vec<Vec<f32>>,
    pub usage: TokenCount,
    pub attempts: u32,
}
