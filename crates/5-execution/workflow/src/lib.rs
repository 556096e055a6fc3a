//! What a workflow is: its file format, its validation, its compiled plan, and the pure machine that runs it.
//!
//! This crate never does I/O, never reads a clock, never draws a random number and calls nothing outside: the same
//! definition, input and answers give the same result, which is what lets a run be replayed after a crash.
//! Start reading in [`definition`] (the file), then [`node`] (what a node may ask for), [`plan`] (the compiled graph)
//! and [`machine`] (how a run goes on).

pub mod answer;
pub mod call;
pub mod canonical;
pub mod definition;
pub mod diff;
pub mod expression;
pub mod failure;
pub mod machine;
pub mod node;
pub mod node_type;
pub mod plan;
pub mod policies;
mod read;
pub mod registry;
mod validate;

pub use answer::{Answer, ApprovalAnswer, ChatAnswer, CodeAnswer, EmbedAnswer, HttpAnswer, ScreenAnswer, SqlAnswer};
pub use call::{
    ApprovalRequest, Call, ChatCall, ChatMessage, CodeCall, EmbedCall, HttpCall, Language, ModelRef, ScreenCall,
    SqlCall, SqlDialect, SqlMode, ToolCall, ToolSpec, Wait,
};
pub use canonical::{VersionId, canonical_json};
pub use definition::{Definition, Edge, Graph, NodeSpec, OnError, Retry, Settings};
pub use diff::{Diff, diff};
pub use failure::{Failure, FailureKind};
pub use machine::{Change, Handle, Machine, MachineError, Outcome, Task, Work};
pub use node::{Child, Next, Node, NodeContext, Output, Response, RunInfo, Warning};
pub use node_type::{NodeType, Port};
pub use plan::Plan;
pub use policies::{HttpDomains, Policies, RunRate, SqlScope};
pub use registry::Registry;

/// Limits of a definition. They are checked before anything that costs more than reading.
pub mod limits {
    /// Bytes of a definition's text.
    pub const TEXT_BYTES: usize = 4 * 1024 * 1024;
    /// Nesting of its JSON.
    pub const DEPTH: usize = 64;
    /// Nodes, those in nested bodies and in agents' tools included.
    pub const NODES: usize = 2_000;
    /// Edges.
    pub const EDGES: usize = 10_000;
    /// Errors told at once; the rest is counted.
    pub const DEFECTS: usize = 200;
    /// Bytes that one expression may yield.
    pub const EXPRESSION_BYTES: usize = 1024 * 1024;
    /// Instructions that one expression may take.
    pub const EXPRESSION_FUEL: u64 = 100_000;
    /// Items of one for-each.
    pub const ITEMS: usize = 10_000;
    /// Items of one for-each that may be under way at once.
    pub const MAX_PARALLEL: u64 = 64;
    /// The longest that one step may take.
    pub const STEP_TIMEOUT_MS: u64 = 60 * 60 * 1000;
    /// The longest that one run may take, waits included.
    pub const RUN_TIMEOUT_MS: u64 = 90 * 24 * 60 * 60 * 1000;
}

/// One thing that is wrong with a definition, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Defect {
    /// JSON pointer into the document as it was given; empty for the whole.
    pub path: String,
    /// Stable word, such as `unknown_node_type`.
    pub code: String,
    /// A sentence for the author.
    pub message: String,
}

impl Defect {
    /// A defect at `path`.
    pub fn new(path: impl Into<String>, code: &str, message: impl Into<String>) -> Self {
        Self { path: path.into(), code: code.to_owned(), message: message.into() }
    }
    /// The same defect, found inside the value at `prefix`.
    #[must_use]
    pub fn under(mut self, prefix: &str) -> Self {
        self.path.insert_str(0, prefix);
        self
    }
}

/// What can go wrong here before a run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Everything that is wrong with the definition, in the order of the document.
    #[error("the workflow definition has {} error(s); the first is at {:?}: {}", .0.len(), first(.0).0, first(.0).1)]
    Invalid(Vec<Defect>),
}

fn first(defects: &[Defect]) -> (&str, &str) {
    defects.first().map_or(("", ""), |d| (d.path.as_str(), d.message.as_str()))
}

impl Error {
    /// Every defect.
    pub fn defects(&self) -> &[Defect] {
        match self {
            Self::Invalid(defects) => defects,
        }
    }
}
