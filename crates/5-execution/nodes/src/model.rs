//! The `model` parameter of the nodes that call one.

use serde::Deserialize;
use workflow::ModelRef;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Model {
    provider: String,
    #[serde(default)]
    model: String,
    credential: Option<String>,
    base_url: Option<String>,
    pub temperature: Option<f64>,
    pub max_tokens: Option<u32>,
}

impl Model {
    pub fn reference(&self) -> ModelRef {
        let Self { provider, model, credential, base_url, .. } = self.clone();
        ModelRef { provider, model, credential, base_url }
    }
}
