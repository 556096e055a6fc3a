//! CHAT_MODEL: one call of a chat model. An answer that must follow a schema and does not goes back to the model with
//! everything that is wrong with it, as often as `repair_attempts` allows; then the node fails.

use domain::{Json, Usage};
use guardrails::checks::schema::{Schema, read_answer};
use serde::Deserialize;
use serde_json::json;
use workflow::{
    Answer, Call, ChatCall, ChatMessage, Failure, FailureKind, Next, Node, NodeContext, NodeType, answer::Finish,
};

use crate::model::Model;

pub(crate) struct ChatModel;

/// Errors in one answer that the model is told of.
const MOST_ERRORS: usize = 20;
/// Bytes of a wrong answer that go back to the model.
const MOST_QUOTED: usize = 32 * 1024;

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
        let properties = json!({
            "model": crate::schema::model(),
            "system": { "title": "System prompt", "type": "string", "maxLength": 200_000, "x-editor": "expression" },
            "prompt": { "title": "Prompt", "x-editor": "expression", "examples": ["{{ input.question }}"] },
            "response_schema": { "title": "Answer as JSON", "type": "object", "x-editor": "json",
                "description": "JSON Schema that the answer must follow; it is then in `json`." },
            "repair_attempts": { "title": "Asks again when the answer does not follow", "type": "integer",
                "minimum": 0, "maximum": 5, "default": 0,
                "description": "How often the model is told what is wrong and asked again." }
        });
        crate::schema::object("Chat model", "Asks a model once.", &["model", "prompt"], properties)
    }
    /// Which model, where and with which key is never taken from data.
    fn verbatim(&self) -> &'static [&'static str] {
        &["model", "response_schema", "repair_attempts"]
    }
    fn check(&self, parameters: &Json) -> Vec<workflow::Defect> {
        let wrong = parameters.get("response_schema").and_then(|schema| Schema::compile(schema).err());
        let defect = |error| {
            workflow::Defect::new("/response_schema", "bad_schema", format!("this is not a JSON Schema: {error}"))
        };
        wrong.map(defect).into_iter().collect()
    }
    fn next(&self, cx: &NodeContext<'_>, answers: &[Answer]) -> Result<Next, Failure> {
        let p: Parameters = cx.read()?;
        let system = p.system.clone().filter(|s| !s.is_empty()).map(|content| ChatMessage::System { content });
        let asked = ChatMessage::User { content: text(&p.prompt) };
        let mut messages: Vec<ChatMessage> = system.into_iter().chain([asked]).collect();
        let schema = p.response_schema.as_ref().map(Schema::compile).transpose();
        let schema = schema.map_err(|error| cx.bad(format!("response_schema: {error}")))?;
        let mut usage = Usage::default();
        for (attempt, answer) in answers.iter().enumerate() {
            let Answer::Chat(answer) = answer else { return Err(crate::unexpected(cx, answer)) };
            usage += answer.usage;
            let mut json =
                json!({ "text": answer.text, "model": answer.model, "finish": answer.finish, "usage": usage });
            let Some(schema) = &schema else { return Ok(cx.done_untrusted(json)) };
            let wrong = match parse(&answer.text, schema, answer.finish) {
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
                let times = if attempt == 0 { String::new() } else { format!(" after {attempt} repairs") };
                let message =
                    format!("node {:?}: the model's answer{times} cannot be used: {}", cx.id, wrong.join("; "));
                return Err(Failure::new(FailureKind::Call, message).with_detail(json!({ "errors": wrong })));
            }
            let quoted = cut(&answer.text, MOST_QUOTED);
            messages.push(ChatMessage::Assistant { content: quoted.to_owned(), tool_calls: Vec::new() });
            messages.push(ChatMessage::User { content: again(&wrong) });
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

fn again(wrong: &[String]) -> String {
    let listed: Vec<String> = wrong.iter().map(|error| format!("- {error}")).collect();
    format!(
        "Your answer cannot be used. What is wrong:\n{}\nAnswer again with the corrected JSON alone, nothing around it.",
        listed.join("\n")
    )
}

fn cut(text: &str, most: usize) -> &str {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Text as it is, everything else as JSON.
pub(crate) fn text(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn parse(text: &str, schema: &Schema, finish: Finish) -> Result<Json, Vec<String>> {
    if finish == Finish::Length {
        return Err(vec!["it was cut off by max_tokens".to_owned()]);
    }
    let json = read_answer(text).ok_or_else(|| vec!["it is not JSON".to_owned()])?;
    let wrong = schema.errors(&json, MOST_ERRORS);
    if wrong.is_empty() { Ok(json) } else { Err(wrong) }
}
