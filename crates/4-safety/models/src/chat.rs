//! What is asked of a chat model and what it answers, the same for every provider. All of it serialises, because the
//! engine keeps answers as checkpoints.

use domain::{Json, Usage};
use serde::{Deserialize, Serialize};

/// A request to a chat model. Fields that are `None` are left to the provider's default.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ChatRequest {
    /// As the provider names it; ignored by `local`, which holds one model.
    pub model: String,
    pub messages: Vec<Message>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<Tool>,
    #[serde(default)]
    pub tool_choice: ToolChoice,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f32>,
    /// Most tokens to write. Anthropic must be told; it is told 4096 when this is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    #[serde(default)]
    pub format: AnswerFormat,
    /// Sent as `Idempotency-Key`; the step's key, the same on every attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

impl ChatRequest {
    /// A question to `model`, with nothing else said.
    pub fn new(model: impl Into<String>, messages: Vec<Message>) -> Self {
        Self { model: model.into(), messages, ..Self::default() }
    }
}

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "snake_case")]
pub enum Message {
    System {
        text: String,
    },
    User {
        text: String,
    },
    Assistant {
        #[serde(default)]
        text: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tool_calls: Vec<ToolCall>,
    },
    /// What a tool answered.
    Tool {
        call_id: String,
        name: String,
        text: String,
        #[serde(default)]
        is_error: bool,
    },
}

impl Message {
    /// What the builder of the workflow says.
    pub fn system(text: impl Into<String>) -> Self {
        Self::System { text: text.into() }
    }
    /// What the user says.
    pub fn user(text: impl Into<String>) -> Self {
        Self::User { text: text.into() }
    }
    /// What the model said before.
    pub fn assistant(text: impl Into<String>) -> Self {
        Self::Assistant { text: text.into(), tool_calls: Vec::new() }
    }
    /// The text of the turn, without its tool calls.
    pub fn text(&self) -> &str {
        match self {
            Self::System { text } | Self::User { text } | Self::Assistant { text, .. } | Self::Tool { text, .. } => {
                text
            }
        }
    }
}

/// A tool that the model may ask for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tool {
    /// At most 64 of `[A-Za-z0-9_-]`.
    pub name: String,
    pub description: String,
    /// JSON Schema of its arguments; an object.
    pub parameters: Json,
}

/// Whether the model must ask for a tool.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolChoice {
    #[default]
    Auto,
    None,
    Required,
    /// This one.
    Named(String),
}

/// The form of the answer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum AnswerFormat {
    #[default]
    Text,
    /// Some JSON object. A provider that cannot be told this is not told; the caller checks anyway.
    Json,
    /// JSON of this schema; the same holds.
    Schema { name: String, schema: Json },
}

/// A tool that the model asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// Unique within its answer; made here when the provider gives none.
    pub id: String,
    pub name: String,
    pub arguments: Arguments,
}

/// A tool call's arguments. Invalid JSON is a fact about the model that the agent can tell it, not an error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case")]
pub enum Arguments {
    Json(Json),
    /// What the model wrote instead of JSON.
    Invalid(String),
}

impl Arguments {
    /// Reads what a model wrote; nothing at all means no arguments.
    pub fn parse(text: &str) -> Self {
        match text.trim() {
            "" => Self::Json(Json::Object(serde_json::Map::new())),
            text => match serde_json::from_str(text) {
                Ok(json) => Self::Json(json),
                Err(_) => Self::Invalid(text.to_owned()),
            },
        }
    }
    /// As text, the way OpenAI sends it back.
    pub fn to_text(&self) -> String {
        match self {
            Self::Json(json) => json.to_string(),
            Self::Invalid(text) => text.clone(),
        }
    }
}

/// A model's answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChatResponse {
    /// The model that answered, as the provider names it.
    pub model: String,
    pub text: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    pub finish: Finish,
    pub usage: TokenCount,
    /// The provider's id of the answer, for support requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<String>,
    /// Calls made until this answer came, the last one included.
    pub attempts: u32,
}

impl ChatResponse {
    /// The turn to append to the conversation.
    pub fn to_message(&self) -> Message {
        Message::Assistant { text: self.text.clone(), tool_calls: self.tool_calls.clone() }
    }
}

/// Why the model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    Stop,
    /// The limit of tokens was reached; the text is cut.
    Length,
    ToolCalls,
    /// The provider's own filter withheld it, or the model refused.
    ContentFilter,
    Other,
}

/// Token use of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TokenCount {
    pub usage: Usage,
    /// Part of the input that the provider had cached (cheaper at most providers).
    #[serde(default)]
    pub cached_input_tokens: u64,
    /// The provider gave no count, so this one was estimated from the length of the text.
    #[serde(default)]
    pub estimated: bool,
}

/// Where pieces of the answer's text go as they arrive. Giving one asks the provider to stream. A receiver that is
/// gone does not end the call; dropping the call's future does.
pub type Deltas = tokio::sync::mpsc::Sender<String>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_arguments_keep_their_text() {
        assert_eq!(Arguments::parse("{\"a\":1}"), Arguments::Json(serde_json::json!({"a": 1})));
        assert_eq!(Arguments::parse("{\"a\":"), Arguments::Invalid("{\"a\":".into()));
        assert_eq!(Arguments::parse(" "), Arguments::Json(serde_json::json!({})));
    }

    #[test]
    fn an_answer_reads_back_from_its_checkpoint() {
        let call = ToolCall { id: "1".into(), name: "f".into(), arguments: Arguments::Invalid("{".into()) };
        let message = Message::Assistant { text: String::new(), tool_calls: vec![call] };
        let text = serde_json::to_string(&message).unwrap();
        assert_eq!(serde_json::from_str::<Message>(&text).unwrap(), message);
    }
}
