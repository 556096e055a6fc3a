//! The port for a model in this process. The crate `local_models` implements it, the server wires it; this crate does
//! not know candle.

use crate::{ChatRequest, ChatResponse, Deltas, Error};

/// A chat model in this process.
#[async_trait::async_trait]
pub trait LocalChat: Send + Sync {
    /// Loads the model now instead of at its first use.
    ///
    /// # Errors
    /// [`Local`](Error::Local): why it cannot be loaded.
    async fn warm_up(&self) -> Result<(), Error>;

    /// Answers. Dropping the future stops the model after the token at hand.
    ///
    /// # Errors
    /// [`Busy`](Error::Busy), [`TooLong`](Error::TooLong), [`TimedOut`](Error::TimedOut),
    /// [`Unsupported`](Error::Unsupported) (tools), [`Local`](Error::Local).
    async fn chat(&self, request: &ChatRequest, deltas: Option<Deltas>) -> Result<ChatResponse, Error>;
}
