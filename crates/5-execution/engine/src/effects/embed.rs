//! Embedding models.

use models::{EmbedRequest, EmbedResponse};
use workflow::{Answer, EmbedAnswer, EmbedCall, Failure};

use super::{World, chat::failed};
use crate::ports::{EffectContext, ModelCall, Performed};

impl World {
    pub(super) async fn embed(&self, cx: &EffectContext, call: EmbedCall) -> Result<Performed, Failure> {
        let (client, provider) = self.model(cx, &call.model).await?;
        let request = EmbedRequest {
            model: call.model.model,
            texts: call.texts,
            dimensions: call.dimensions,
            idempotency_key: Some(cx.key.clone()),
        };
        let response = client.embed(&request).await.map_err(|error| failed(&error))?;
        let EmbedResponse { model, vectors, usage, .. } = response;
        let usage = usage.usage;
        let model_call =
            ModelCall { provider: provider.as_str().to_owned(), model: model.clone(), usage, cost_micros: None };
        let answer = Answer::Embed(EmbedAnswer { vectors, usage, model });
        Ok(Performed { answer, model_calls: vec![model_call] })
    }
}
