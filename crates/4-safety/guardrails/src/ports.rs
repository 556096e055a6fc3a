//! What guardrails need from other rooms, in their own words. `server` wires them; without a port the check that needs
//! it is "not evaluated", never "clean".

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use domain::Json;

/// Why a port gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    #[error("nothing is configured that could answer")]
    NotConfigured,
    #[error("no answer in time")]
    TimedOut,
    /// The text says why, for people; never quotes the screened text.
    #[error("{0}")]
    Failed(String),
}

/// A custom rule's function, to be run where customers' code runs: in a container, never in this process.
#[derive(Debug, Clone, PartialEq)]
pub struct Script {
    /// The body of a JavaScript function of one argument, `input`; it returns `true`/`false` or `{pass, reason}`.
    pub source: String,
    /// The value under inspection (already redacted when the node redacts).
    pub input: Json,
    pub timeout: Duration,
}

/// Runs a custom rule's function (R166).
#[async_trait]
pub trait ScriptRunner: Send + Sync {
    /// What the function returned.
    async fn run(&self, script: Script) -> Result<Json, PortError>;
}

/// A question to a model. Both halves are ready to send; the second holds the judged text inside a marked block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    pub system: String,
    pub user: String,
    /// The model asked for in the rule, when it names one.
    pub model: Option<String>,
    pub timeout: Duration,
}

/// Asks a chat model at temperature 0 (R167).
#[async_trait]
pub trait Judge: Send + Sync {
    /// The model's answer as text; this crate reads the verdict out of it and distrusts it.
    async fn ask(&self, question: Question) -> Result<String, PortError>;
}

/// A moderation service's scores for one text: category as OpenAI spells it, 0 to 1, and whether it flagged it.
#[derive(Debug, Clone, PartialEq)]
pub struct ModerationScore {
    pub category: String,
    pub score: f32,
    pub flagged: bool,
}

/// Calls a moderation service (R153).
#[async_trait]
pub trait Moderator: Send + Sync {
    /// Scores per text, in the order given.
    async fn moderate(&self, texts: &[String]) -> Result<Vec<Vec<ModerationScore>>, PortError>;
    /// Which service and model, for findings.
    fn name(&self) -> &str;
}

/// Turns texts into vectors for the semantic check.
#[async_trait]
pub trait Embedder: Send + Sync {
    /// One vector per text, all of one length.
    async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, PortError>;
    /// Which model, for findings.
    fn name(&self) -> &str;
}

/// The ports that are wired; an absent one makes the checks that need it "not evaluated".
#[derive(Clone, Default)]
pub struct Ports {
    pub script: Option<Arc<dyn ScriptRunner>>,
    pub judge: Option<Arc<dyn Judge>>,
    /// Absent: the local content filter decides alone.
    pub moderator: Option<Arc<dyn Moderator>>,
    /// Absent: the local tier of the semantic check decides alone.
    pub embedder: Option<Arc<dyn Embedder>>,
    /// The learned tier: the weights in this binary unless others are given.
    pub learned: crate::Learned,
    /// For redaction by keyed hash.
    pub hash_key: Option<pii::HashKey>,
    /// For redaction by reversible token, and for putting the values back.
    pub tokens: Option<Arc<dyn pii::Tokens>>,
}

impl std::fmt::Debug for Ports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ports")
            .field("script", &self.script.is_some())
            .field("judge", &self.judge.is_some())
            .field("moderator", &self.moderator.is_some())
            .field("embedder", &self.embedder.is_some())
            .field("hash_key", &self.hash_key.is_some())
            .field("tokens", &self.tokens.is_some())
            .finish()
    }
}
