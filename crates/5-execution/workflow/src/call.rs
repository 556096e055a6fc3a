//! What a node may ask the engine to do. Each is one step: checkpointed before, retried, and keyed the same each time.

use std::time::Duration;

use domain::{Channel, Json, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// An effect on the world outside the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "call", rename_all = "snake_case")]
pub enum Call {
    Chat(ChatCall),
    Embed(EmbedCall),
    Http(HttpCall),
    Sql(SqlCall),
    Code(CodeCall),
    Screen(ScreenCall),
}

impl Call {
    /// The credentials that the call names: ids (`cred_…`) or names; a policy may forbid them.
    pub fn credential(&self) -> Option<&str> {
        match self {
            Self::Chat(c) => c.model.credential.as_deref(),
            Self::Embed(c) => c.model.credential.as_deref(),
            Self::Http(c) => c.credential.as_deref(),
            Self::Sql(c) => Some(&c.credential),
            Self::Code(_) | Self::Screen(_) => None,
        }
    }
}

/// Which model, and how to reach it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelRef {
    /// `local`, `openai`, `anthropic`, `ollama` …; `openai` with a `base_url` is any compatible server.
    pub provider: String,
    /// Empty means the provider's default.
    #[serde(default)]
    pub model: String,
    /// Vault entry with the provider's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
    /// Where the provider is, when not at its usual place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "snake_case")]
pub enum ChatMessage {
    System {
        content: String,
    },
    User {
        content: String,
    },
    Assistant {
        content: String,
        #[serde(default)]
        tool_calls: Vec<ToolCall>,
    },
    Tool {
        call_id: String,
        name: String,
        content: String,
        is_error: bool,
    },
}

/// A tool call as the model wrote it; `arguments` is text that may not be JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    pub id: String,
    pub name: String,
    pub arguments: String,
}

/// A tool as the model is told of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    pub name: String,
    pub description: String,
    /// JSON Schema of the arguments.
    pub schema: Json,
}

/// One call of a chat model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChatCall {
    pub model: ModelRef,
    pub messages: Vec<ChatMessage>,
    #[serde(default)]
    pub tools: Vec<ToolSpec>,
    #[serde(default)]
    pub temperature: Option<f64>,
    #[serde(default)]
    pub max_tokens: Option<u32>,
    /// JSON Schema that the answer should follow, for providers that can.
    #[serde(default)]
    pub response_schema: Option<Json>,
}

/// Text to vectors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EmbedCall {
    pub model: ModelRef,
    pub texts: Vec<String>,
    #[serde(default)]
    pub dimensions: Option<u32>,
}

/// How a response's body becomes JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseParse {
    /// JSON when the content type says so and it parses, else text.
    #[default]
    Auto,
    /// JSON or a failure.
    Json,
    /// Text, invalid UTF-8 replaced.
    Text,
    /// Base64 of the bytes.
    Base64,
}

/// What is sent as a body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpBody {
    pub content_type: String,
    pub text: String,
}

/// An HTTP request through egress.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HttpCall {
    /// Upper case.
    pub method: String,
    pub url: String,
    /// Checked for names and values that could split a request; no `Host`, no `Content-Length`.
    pub headers: Vec<(String, String)>,
    /// Appended to the URL, percent-encoded by the performer.
    pub query: Vec<(String, String)>,
    pub body: Option<HttpBody>,
    /// Vault entry; the performer adds the header it stands for.
    pub credential: Option<String>,
    pub follow_redirects: bool,
    pub parse: ResponseParse,
    /// A status of 400 and above is a failure (retryable for 408, 425, 429 and 5xx), its detail `{status, body}`.
    pub fail_on_status: bool,
    pub max_response_bytes: u64,
}

/// Which language a code node speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    Javascript,
    Python,
}

/// A customer's code, run once in a fresh container. An exception in it is a [`Failure`](crate::Failure) of kind `call`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CodeCall {
    pub language: Language,
    pub code: String,
    /// Handed to the code as `input`.
    pub input: Json,
    pub timeout_ms: u64,
    pub memory_mb: u64,
}

/// Which database is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SqlDialect {
    Postgres,
    Sqlite,
}

/// What the query may do; the workflow's policy may be narrower, and the narrower one holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SqlMode {
    #[default]
    ReadOnly,
    ReadWrite,
    Full,
}

/// One statement; its values are bound, never pasted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SqlCall {
    pub credential: String,
    pub dialect: SqlDialect,
    pub query: String,
    /// `$1`, `$2` … in order.
    pub parameters: Vec<Json>,
    pub mode: SqlMode,
    pub max_rows: u64,
}

/// Text or JSON to be screened; strings inside JSON are screened one by one and keep their place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScreenCall {
    pub subject: Json,
    pub channel: Channel,
    /// The node's parameters as they were written: guardrails read them.
    pub parameters: Json,
}

/// Something that takes time and no work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "wait", rename_all = "snake_case")]
pub enum Wait {
    Until {
        at: Timestamp,
    },
    /// Counted from the moment the step's checkpoint is written.
    For {
        duration: Duration,
    },
    Approval(ApprovalRequest),
}

/// What happens when nobody decides in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnTimeout {
    Approve,
    #[default]
    Reject,
    Fail,
}

/// People are asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApprovalRequest {
    /// Shown to the approvers; screen it first.
    pub message: String,
    /// Ids of people (`user_…`), addresses, or roles (`role:admin`). Empty: everyone who may decide approvals.
    pub approvers: Vec<String>,
    /// How many different people must approve; one refusal refuses.
    pub required: u32,
    /// Shown beside the message: what is approved; screen it first.
    pub subject: Json,
    pub timeout: Option<Duration>,
    pub on_timeout: OnTimeout,
    /// The person who started the run may not decide.
    pub forbid_self_approval: bool,
    /// People who may not decide, whatever else holds.
    #[serde(default)]
    pub excluded: Vec<UserId>,
}
