//! What the engine answers: the sealed results of steps, in the order of the node's calls.

use std::collections::BTreeMap;

use domain::{Finding, Json, Timestamp, Usage, UserId};
use serde::{Deserialize, Serialize};

use crate::{Failure, ToolCall};

/// The result of one step. `Failed` is final: retries are behind it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    Chat(ChatAnswer),
    Embed(EmbedAnswer),
    Http(HttpAnswer),
    Sql(SqlAnswer),
    Code(CodeAnswer),
    Screen(ScreenAnswer),
    /// The time has come.
    Waited {
        at: Timestamp,
    },
    Approval(ApprovalAnswer),
    /// A sub-workflow, an item or a tool is done.
    Child {
        output: Json,
    },
    Failed {
        failure: Failure,
    },
}

impl Answer {
    /// Which kind, for messages.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Chat(_) => "chat",
            Self::Embed(_) => "embed",
            Self::Http(_) => "http",
            Self::Sql(_) => "sql",
            Self::Code(_) => "code",
            Self::Screen(_) => "screen",
            Self::Waited { .. } => "waited",
            Self::Approval(_) => "approval",
            Self::Child { .. } => "child",
            Self::Failed { .. } => "failed",
        }
    }
    /// Tokens that the step used.
    pub fn usage(&self) -> Usage {
        match self {
            Self::Chat(a) => a.usage,
            Self::Embed(a) => a.usage,
            _ => Usage::default(),
        }
    }
}

/// Why a model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    Stop,
    /// Ran into `max_tokens`.
    Length,
    ToolCalls,
    /// The provider's own filter.
    ContentFilter,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChatAnswer {
    pub text: String,
    #[serde(default)]
    pub tool_calls: Vec<ToolCall>,
    pub finish: Finish,
    #[serde(default)]
    pub usage: Usage,
    /// The model that answered, as the provider names it.
    #[serde(default)]
    pub model: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EmbedAnswer {
    pub vectors: Vec<Vec<f32>>,
    #[serde(default)]
    pub usage: Usage,
    #[serde(default)]
    pub model: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HttpAnswer {
    pub status: u16,
    /// Lower-case names; several of one name joined by a comma.
    pub headers: BTreeMap<String, String>,
    pub body: Json,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SqlAnswer {
    pub columns: Vec<String>,
    /// Objects by column name.
    pub rows: Vec<Json>,
    pub rows_affected: u64,
    /// There were more rows than `max_rows`.
    #[serde(default)]
    pub truncated: bool,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct CodeAnswer {
    pub result: Json,
    /// What the code printed, cut to the sandbox's limit.
    #[serde(default)]
    pub logs: String,
    /// How the code was held, as the sandbox attests it; stands in the run's record.
    #[serde(default, skip_serializing_if = "Json::is_null")]
    pub attestation: Json,
}

/// What a guardrail decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScreenAnswer {
    /// The subject, same shape, redacted where a check redacts; absent when it was stopped.
    pub output: Option<Json>,
    /// The run halts here.
    pub blocked: bool,
    pub findings: Vec<Finding>,
    /// Every check's own result (R192: all are kept), as `guardrails::Report` spells it; holds no screened text.
    pub report: Json,
    /// What later nodes may read.
    pub warnings: Json,
}

/// What people decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApprovalAnswer {
    pub approved: bool,
    /// Nobody decided in time; `approved` says what `on_timeout` made of it. For `fail` the answer is `Failed`.
    #[serde(default)]
    pub timed_out: bool,
    #[serde(default)]
    pub decisions: Vec<Decision>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    pub by: UserId,
    pub approved: bool,
    #[serde(default)]
    pub comment: String,
    pub at: Timestamp,
}
