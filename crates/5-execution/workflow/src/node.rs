//! What a node is to the engine: a pure function from its parameters, its input and the answers so far to the next
//! thing it wants.

use std::{collections::BTreeMap, sync::Arc};

use domain::{Finding, Json, Label, Labels, Origin, RunId, Timestamp, Value};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{Answer, Call, Defect, Failure, FailureKind, NodeType, Port, Wait};

/// One type of node.
pub trait Node: Send + Sync {
    /// Which type this is.
    fn kind(&self) -> NodeType;

    /// JSON Schema (2020-12) of its parameters, with title, description, default and examples for each field: the
    /// editor builds its forms from it. A string that holds an expression is accepted in place of any other type.
    fn schema(&self) -> Json;

    /// What the schema cannot say. Paths are relative to the parameters (`/rules/0/pattern`). Expressions are not
    /// filled in yet: skip strings that hold `{{`.
    fn check(&self, parameters: &Json) -> Vec<Defect> {
        let _ = parameters;
        Vec::new()
    }

    /// Top-level parameters that are taken as they are written, braces included: code, SQL, patterns, schemas.
    fn verbatim(&self) -> &'static [&'static str] {
        &[]
    }

    /// The ports that an edge may leave by, apart from `error`.
    fn ports(&self, parameters: &Json) -> Vec<Port> {
        let _ = parameters;
        vec![Port::Main]
    }

    /// The next thing this node wants. Pure: the same context and the same answers give the same result.
    ///
    /// `answers` are those of its earlier steps in the order in which it asked; it is asked again only when every
    /// step it asked for has its answer.
    ///
    /// # Errors
    /// The node fails; `on_error` decides what becomes of the run.
    fn next(&self, cx: &NodeContext<'_>, answers: &[Answer]) -> Result<Next, Failure>;
}

/// What is known of the run itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunInfo {
    pub id: RunId,
    /// Fixed at the start, so that a replay sees the same time.
    pub started_at: Timestamp,
    /// Development, staging or production.
    pub environment: domain::Environment,
    /// The workflow's name.
    pub workflow: String,
}

/// What a node sees.
#[derive(Debug)]
pub struct NodeContext<'a> {
    pub run: &'a RunInfo,
    /// Its id in the definition.
    pub id: &'a str,
    /// With expressions filled in, except the node's verbatim ones.
    pub parameters: &'a Json,
    /// Output of its predecessor; an object by node id when several arrived; the run's input when there is none.
    pub input: &'a Arc<Value>,
    /// What arrived, by the predecessor's id, in the order of the definition.
    pub arrived: &'a [(String, Arc<Value>)],
    /// Everything it read, for the labels of what it makes.
    pub sources: &'a [Arc<Value>],
    /// Ports that have an edge.
    pub wired: &'a [Port],
}

impl NodeContext<'_> {
    /// The parameters as a struct.
    ///
    /// # Errors
    /// [`FailureKind::Parameters`], when an expression yielded something that does not fit.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_value(self.parameters.clone())
            .map_err(|e| Failure::new(FailureKind::Parameters, format!("the parameters of {:?}: {e}", self.id)))
    }
    /// A value made here out of what was read: it inherits every label.
    pub fn value(&self, json: Json) -> Value {
        Value::derived(json, self.id, self.sources.iter().map(AsRef::as_ref))
    }
    /// Done, by the usual way out.
    pub fn done(&self, json: Json) -> Next {
        Next::Done(Output::new(Port::Main, self.value(json)))
    }
    /// Done, with something that came from outside.
    pub fn done_untrusted(&self, json: Json) -> Next {
        Next::Done(Output::new(Port::Main, self.value(json).labelled(Label::Untrusted)))
    }
    /// A failure about the parameters.
    pub fn bad(&self, message: impl std::fmt::Display) -> Failure {
        Failure::new(FailureKind::Parameters, format!("node {:?}: {message}", self.id))
    }
}

/// What a node wants next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// It has finished.
    Done(Output),
    /// One effect; one answer.
    Call(Call),
    /// Several effects at once; an answer for each, in this order.
    Calls(Vec<Call>),
    /// Time or people; one answer.
    Wait(Wait),
    /// Children; an answer for each, in this order, at most `max_parallel` under way at once.
    /// With `fail_fast` the first that fails ends the others, which then count as failed with kind `cancelled`.
    Spawn { children: Vec<Child>, max_parallel: usize, fail_fast: bool },
}

/// Work that is a graph of its own.
#[derive(Debug, Clone, PartialEq)]
pub enum Child {
    /// The node's body for one item (FOR_EACH).
    Body { item: Json, index: usize },
    /// One of the node's tools, by its name (AI_AGENT); `arguments` are `args` in its expressions.
    Tool { name: String, arguments: Json },
    /// A run of another workflow, by id or name.
    Workflow { workflow: String, input: Json },
}

/// What a node made.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    pub port: Port,
    pub value: Value,
    /// Attached for later nodes (`nodes.<id>` stays as it is; `warnings.<id>` reads them) and for the log (R188).
    pub warnings: Vec<Warning>,
    /// What the caller of the run is answered (RESPOND).
    pub response: Option<Response>,
    /// What checks found, blocked or not: for the log, incidents and events (R187, R192).
    pub findings: Vec<Finding>,
}

impl Output {
    /// Without warnings.
    pub const fn new(port: Port, value: Value) -> Self {
        Self { port, value, warnings: Vec::new(), response: None, findings: Vec::new() }
    }
    /// A value that nothing was read for.
    pub fn plain(port: Port, json: Json, node: &str) -> Self {
        Self::new(port, Value { json, labels: Labels::new(), origin: Origin::Node { node: node.to_owned() } })
    }
}

/// Something that later nodes should know of a value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Warning {
    /// Stable word: `guardrail_violation`, `guardrail_not_evaluated`, `truncated` …
    pub code: String,
    pub message: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

/// What a webhook's caller is answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Response {
    pub status: u16,
    /// Lower-case names; checked so that no name or value can split a response.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// A string is sent as it is when `content-type` is not JSON; everything else as JSON.
    pub body: Json,
}
