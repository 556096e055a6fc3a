//! CHAT_MODEL: one call of a chat model.

use domain::Json;
use serde::Deserialize;
use serde_json::json;
use workflow::{
    Answer, Call, ChatCall, ChatMessage, Failure, FailureKind, Next, Node, NodeContext, NodeType, answer::Finish,
};

use crate::model::Model;

pub(crate) struct ChatModel;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    model: Model,
    system: Option<String>,
    prompt: Json,
    response_schema: Option<Json>,
}

impl Node for ChatModel {
    fn kind(&self) -> NodeType {
        NodeType::ChatModel
    }
    fn schema(&self) -> Json {
        let properties = json!({
            "model": crate::schema::model(),
            "system": { "title": "System prompt", "type": "string", "maxLength": 200_000, "x-editor": "expression" },
            "prompt": { "title": "Prompt", "x-editor": "expression", "examples": ["{{ input.question }}"] },
            "response_schema": { "title": "Answer as JSON", "type": "object", "x-editor": "json",
                "description": "JSON Schema that the answer must follow; it is then in `json`." }
        });
        crate::schema::object("Chat model", "Asks a model once.", &["model", "prompt"], properties)
    }
    /// Which model, where and with which key is never taken from data.
    fn verbatim(&self) -> &'static [&'static str] {
        &["model", "response_schema"]
    }
    fn check(&self, parameters: &Json) -> Vec<workflow::Defect> {
        let schema = parameters.get("response_schema");
        let wrong = schema.and_then(|schema| jsonschema::draft202012::new(schema).err().map(|error| error.to_string()));
        let defect = |error| {
            workflow::Defect::new("/response_schema", "bad_schema", format!("this is not a JSON Schema: {error}"))
        };
        wrong.map(defect).into_iter().collect()
    }
    fn next(&self, cx: &NodeContext<'_>, answers: &[Answer]) -> Result<Next, Failure> {
        let p: Parameters = cx.read()?;
        let answer = match answers.first() {
            None => {
                let system = p.system.filter(|s| !s.is_empty()).map(|content| ChatMessage::System { content });
                let content = text(&p.prompt);
                return Ok(Next::Call(Call::Chat(ChatCall {
                    model: p.model.reference(),
                    messages: system.into_iter().chain([ChatMessage::User { content }]).collect(),
                    tools: Vec::new(),
                    temperature: p.model.temperature,
                    max_tokens: p.model.max_tokens,
                    response_schema: p.response_schema,
                })));
            }
            Some(Answer::Chat(answer)) => answer,
            Some(other) => return Err(crate::unexpected(cx, other)),
        };
        let mut json = json!({ "text": answer.text, "model": answer.model, "finish": answer.finish,
            "usage": answer.usage });
        if let Some(schema) = &p.response_schema {
            let parsed = parse(&answer.text, schema, answer.finish);
            json["json"] = parsed.map_err(|why| Failure::new(FailureKind::Call, format!("node {:?}: {why}", cx.id)))?;
        }
        Ok(cx.done_untrusted(json))
    }
}

/// Text as it is, everything else as JSON.
pub(crate) fn text(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn parse(text: &str, schema: &Json, finish: Finish) -> Result<Json, String> {
    if finish == Finish::Length {
        return Err("the model's answer was cut off by max_tokens".to_owned());
    }
    let bare = text.trim().trim_start_matches("```json").trim_start_matches("```").trim_end_matches("```");
    let json: Json = serde_json::from_str(bare.trim()).map_err(|_| "the model's answer is not JSON".to_owned())?;
    let validator = jsonschema::draft202012::new(schema).map_err(|e| format!("response_schema: {e}"))?;
    if let Some(error) = validator.iter_errors(&json).next() {
        return Err(format!("the model's answer does not follow the schema: {}", error.masked()));
    }
    Ok(json)
}
