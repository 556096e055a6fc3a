//! Small models in this process: a quantised Llama-architecture chat model from a GGUF file, so that an agent works
//! with no account anywhere and no text leaves the machine.
//!
//! What it promises: nothing is loaded before the first use; one conversation at a time, on a thread of its own, behind
//! a bounded queue; an answer ends at its token limit, its deadline or when the caller goes away; what a user writes
//! never becomes a control token. Tokenizer and chat template come from the file.
//! What it never does: download, keep a conversation after its answer (the state of one is never reused for another,
//! whose timing could tell what the first one said), or use tools.
//!
//! candle multiplies the quantised matrices; everything else of the network is plain arithmetic on slices in
//! [`network`], because at this size the bookkeeping of tensors costs more than the sums.
//!
//! Start reading in [`LocalModel`], then [`network`].

mod error;
mod generate;
mod model;
mod network;
mod sampling;
mod template;
mod tokenizer;
mod weights;
mod worker;

pub use error::Error;
pub use model::{LocalModel, Settings};
