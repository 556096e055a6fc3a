//! Where a model lives and how long to wait for it.

use std::{fmt, str::FromStr, time::Duration};

use domain::Secret;
use egress::{Domains, Url};
use serde::{Deserialize, Serialize};

/// How to speak to a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// Anything with OpenAI's chat completions: OpenAI, vLLM, llama.cpp, LM Studio.
    #[serde(alias = "openai")]
    OpenAi,
    Anthropic,
    Ollama,
    /// The small model in this process.
    Local,
}

impl Provider {
    /// All four.
    pub const ALL: [Self; 4] = [Self::OpenAi, Self::Anthropic, Self::Ollama, Self::Local];
    /// The word on the wire and in storage.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "open_ai",
            Self::Anthropic => "anthropic",
            Self::Ollama => "ollama",
            Self::Local => "local",
        }
    }
    /// Where the provider lives when the connection does not say; `None` for `local`.
    pub const fn default_base_url(self) -> Option<&'static str> {
        match self {
            Self::OpenAi => Some("https://api.openai.com/v1"),
            Self::Anthropic => Some("https://api.anthropic.com"),
            Self::Ollama => Some("http://localhost:11434"),
            Self::Local => None,
        }
    }
}
impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OpenAi => "the OpenAI-compatible provider",
            Self::Anthropic => "Anthropic",
            Self::Ollama => "Ollama",
            Self::Local => "the local model",
        })
    }
}

/// A word that names no provider.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected open_ai, anthropic, ollama or local")]
pub struct UnknownProvider;

impl FromStr for Provider {
    type Err = UnknownProvider;
    fn from_str(text: &str) -> Result<Self, UnknownProvider> {
        if text == "openai" {
            return Ok(Self::OpenAi);
        }
        Self::ALL.into_iter().find(|provider| provider.as_str() == text).ok_or(UnknownProvider)
    }
}

/// One model's address and key, for as long as a call.
#[derive(Debug, Clone)]
pub struct Connection {
    pub provider: Provider,
    /// `None` means the provider's own. For OpenAI-compatible servers it ends where `/chat/completions` begins.
    pub base_url: Option<Url>,
    /// Absent for servers that ask for none.
    pub api_key: Option<Secret<String>>,
    /// Where the workflow's policy lets the call go.
    pub domains: Domains,
    pub limits: Limits,
}

impl Connection {
    /// The provider's own address, no key, default limits.
    pub fn new(provider: Provider) -> Self {
        Self { provider, base_url: None, api_key: None, domains: Domains::any(), limits: Limits::default() }
    }
}

/// Bounds of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Streamed calls: until the answer's head, per attempt, and the longest silence between two pieces of it. A call
    /// that is not streamed is silent until its answer is whole, so there only `total` counts. Default 30 s.
    pub first_byte: Duration,
    /// All attempts, waits and the body. Default 120 s.
    pub total: Duration,
    /// Calls in all. Default 3.
    pub max_attempts: u32,
    /// No single wait before a retry is longer. A provider that asks for more gets its error told at once. Default 20 s.
    pub max_wait: Duration,
    /// Default 16 MiB.
    pub max_response_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            first_byte: Duration::from_secs(30),
            total: Duration::from_secs(120),
            max_attempts: 3,
            max_wait: Duration::from_secs(20),
            max_response_bytes: 16 << 20,
        }
    }
}
