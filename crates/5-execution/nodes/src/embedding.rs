//! EMBEDDING: turns text into vectors.

use domain::Json;
use serde::Deserialize;
use serde_json::json;
use workflow::{Answer, Call, EmbedCall, Failure, FailureKind, Next, Node, NodeContext, NodeType};

use crate::{chat_model::text, model::Model};

pub(crate) struct Embedding;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    model: Model,
    input: Option<Json>,
    dimensions: Option<u32>,
}

impl Node for Embedding {
    fn kind(&self) -> NodeType {
        NodeType::Embedding
    }
    fn schema(&self) -> Json {
        let properties = json!({
            "model": crate::schema::model(),
            "input": crate::schema::input("A text or a list of texts."),
            "dimensions": { "title": "Dimensions", "type": "integer", "minimum": 1, "maximum": 16_384 }
        });
        crate::schema::object("Embedding", "Turns text into vectors.", &["model"], properties)
    }
    fn verbatim(&self) -> &'static [&'static str] {
        &["model"]
    }
    fn next(&self, cx: &NodeContext<'_>, answers: &[Answer]) -> Result<Next, Failure> {
        let p: Parameters = cx.read()?;
        let texts: Vec<String> = match p.input.unwrap_or_else(|| cx.input.json.clone()) {
            Json::Array(items) => items.iter().map(text).collect(),
            one => vec![text(&one)],
        };
        if texts.is_empty() || texts.len() > 2048 {
            return Err(cx.bad("between 1 and 2048 texts are embedded at once"));
        }
        match answers.first() {
            None => {
                let call = EmbedCall { model: p.model.reference(), texts, dimensions: p.dimensions };
                Ok(Next::Call(Call::Embed(call)))
            }
            Some(Answer::Embed(answer)) if answer.vectors.len() != texts.len() => {
                let message = format!("node {:?}: {} texts gave {} vectors", cx.id, texts.len(), answer.vectors.len());
                Err(Failure::new(FailureKind::Call, message))
            }
            Some(Answer::Embed(answer)) => {
                Ok(cx.done(json!({ "vectors": answer.vectors, "model": answer.model, "usage": answer.usage })))
            }
            Some(other) => Err(crate::unexpected(cx, other)),
        }
    }
}
