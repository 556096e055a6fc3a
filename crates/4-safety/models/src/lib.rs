//! The one place where a model is called: chat, embeddings and moderation, one file per provider.
//!
//! What it promises: every call has a deadline, ends in an answer with its token use or in one named [`Error`], asks
//! the provider not to store or train where its API can say so (R109), and keeps the key out of every error and log.
//! What it never does: screen a text (`guardrails` does), run a tool, hold a credential longer than the call, or
//! decide which model a customer may use.
//!
//! Start reading in [`chat`] (what is asked and answered), then [`Models::connect`] and [`Client::chat`].

pub mod chat;
mod client;
mod connection;
mod embedding;
mod error;
mod estimate;
mod local;
mod moderation;
mod provider;
mod stream;
mod transport;

pub use chat::{
    AnswerFormat, Arguments, ChatRequest, ChatResponse, Deltas, Finish, Message, TokenCount, Tool, ToolCall, ToolChoice,
};
pub use client::{Client, Models};
pub use connection::{Connection, Limits, Provider, UnknownProvider};
pub use embedding::{EmbedRequest, EmbedResponse};
pub use error::{Error, Phase};
pub use estimate::estimate_tokens;
pub use local::LocalChat;
pub use moderation::{Moderation, ModerationRequest, ModerationResponse};
