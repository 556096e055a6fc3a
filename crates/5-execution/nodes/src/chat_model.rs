//! CHAT_MODEL: one call of a chat model. An answer that must follow a schema and does not goes back to the model with
//! everything that is wrong with it, as often as `repair_attempts` allows; then the node fails.

use domain::{Json, Usage};
use serde::Deserialize;
use serde_json::json;
use workflow::{Answer, Call, ChatCall, ChatMessage, Failure, Next, Node, NodeContext, NodeType};

use crate::{model::Model, wanted};

pub(crate) struct ChatModel;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    model: Model,
    system: Option<String>,
    prompt: Json,
    response_schema: Option<Json>,
    #[serde(default)]
    repair_attempts: u32,
}

impl Node for ChatModel {
    fn kind(&self) -> NodeType {
        NodeType::ChatModel
    }
    fn schema(&self) -> Json {
        let mut properties = json!({
            "model": crate::schema::model(),
            "system": { "title": "System prompt", "type": "string", "maxLength": 200_000, "x-editor": "expression" },
            "prompt": { "title": "Prompt", "x-editor": "expression", "examples": ["{{ input.question }}"] }
        });
        for (name, field) in wanted::fields() {
            properties[name] = field;
        }
        crate::schema::object("Chat model", "Asks a model once.", &["model", "prompt"], properties)
    }
    /// Which model, where and with which key is never taken from data.
    fn verbatim(&self) -> &'static [&'static str] {
        &["model", "response_schema", "repair_attempts"]
    }
    fn check(&self, parameters: &Json) -> Vec<workflow::Defect> {
        wanted::check(parameters).into_iter().collect()
    }
    fn next(&self, cx: &NodeContext<'_>, answers: &[Answer]) -> Result<Next, Failure> {
        let p: Parameters = cx.read()?;
        let system = p.system.clone().filter(|s| !s.is_empty()).map(|content| ChatMessage::System { content });
        let asked = ChatMessage::User { content: text(&p.prompt) };
        let mut messages: Vec<ChatMessage> = system.into_iter().chain([asked]).collect();
        let schema = wanted::schema(cx, p.response_schema.as_ref())?;
        let mut usage = Usage::default();
        for (attempt, answer) in answers.iter().enumerate() {
            let Answer::Chat(answer) = answer else { return Err(crate::unexpected(cx, answer)) };
            usage += answer.usage;
            let mut json =
                json!({ "text": answer.text, "model": answer.model, "finish": answer.finish, "usage": usage });
            let Some(schema) = &schema else { return Ok(cx.done_untrusted(json)) };
            let wrong = match wanted::read(&answer.text, schema, answer.finish) {
                Ok(parsed) => {
                    json["json"] = parsed;
                    if attempt > 0 {
                        json["repairs"] = json!(attempt);
                    }
                    return Ok(cx.done_untrusted(json));
                }
                Err(wrong) => wrong,
            };
            if attempt >= p.repair_attempts as usize {
                return Err(wanted::refused(cx, attempt, &wrong));
            }
            messages.extend(wanted::again(&answer.text, &wrong));
        }
        Ok(Next::Call(Call::Chat(ChatCall {
            model: p.model.reference(),
            messages,
            tools: Vec::new(),
            temperature: p.model.temperature,
            max_tokens: p.model.max_tokens,
            response_schema: p.response_schema,
        })))
    }
}

/// Text as it is, everything else as JSON.
pub(crate) fn text(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
