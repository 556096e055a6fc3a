//! The file format `nodeloom/workflow/v1`, read and written.
//!
//! A [`Definition`] only exists after [`Definition::parse`] found nothing wrong with it, so whoever holds one need not
//! check it again. Reading lives in `read`, checking in `validate`.

use std::collections::BTreeMap;

use domain::Json;
use serde_json::{Map, json};

use crate::{Defect, Error, NodeType, Policies, Port, Registry, VersionId, canonical_json, limits, read, validate};

/// What stands in the `format` field.
pub const FORMAT: &str = "nodeloom/workflow/v1";

/// A workflow as its author wrote it, with what may be left out filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    pub name: String,
    pub description: String,
    pub graph: Graph,
    pub settings: Settings,
    pub policies: Policies,
}

/// Nodes and edges: a whole workflow, or the body of a FOR_EACH.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Graph {
    pub nodes: Vec<NodeSpec>,
    pub edges: Vec<Edge>,
}

/// One node.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeSpec {
    /// Unique in the whole document, bodies included.
    pub id: String,
    pub kind: NodeType,
    pub name: Option<String>,
    /// An object, expressions not filled in yet; without `body`.
    pub parameters: Json,
    /// FOR_EACH only.
    pub body: Option<Graph>,
    pub retry: Retry,
    /// For one attempt of one step.
    pub timeout_ms: Option<u64>,
    /// As written; [`Plan`](crate::Plan) knows what holds when it is absent.
    pub on_error: Option<OnError>,
    /// Where the editor draws it.
    pub position: Option<Json>,
    /// What the editor's "try this node" uses.
    pub test_data: Option<Json>,
}

/// From one node's port to another node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    pub from: String,
    pub output: Port,
    pub to: String,
}

/// Attempts of a step that failed in a way another attempt may mend. Default: one attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct Retry {
    /// The first one included.
    pub max_attempts: u32,
    pub initial_delay_ms: u64,
    pub multiplier: f64,
    pub max_delay_ms: u64,
}

impl Default for Retry {
    fn default() -> Self {
        Self { max_attempts: 1, initial_delay_ms: 200, multiplier: 2.0, max_delay_ms: 30_000 }
    }
}

impl Retry {
    /// How long to wait after attempt `attempt` (1 is the first) before the next; `None` when there is no next.
    pub fn delay_after(&self, attempt: u32) -> Option<std::time::Duration> {
        if attempt >= self.max_attempts {
            return None;
        }
        let factor = self.multiplier.powi(attempt.saturating_sub(1).min(64) as i32);
        let millis = (self.initial_delay_ms as f64 * factor).min(self.max_delay_ms as f64).max(0.0);
        Some(std::time::Duration::from_millis(millis as u64))
    }
}

/// What happens when a node fails. A guardrail's block, a policy and a budget are never caught.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OnError {
    /// The run fails.
    Fail,
    /// The run goes on; the node's output is `{"error": {…}}`.
    Continue,
    /// The run goes on along the edges with `"output": "error"`.
    Branch,
}

impl OnError {
    /// The word in the file format.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Continue => "continue",
            Self::Branch => "branch",
        }
    }
}

/// Limits of the workflow as a whole; absent means the server's default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    pub max_concurrent_runs: Option<u32>,
    pub timeout_ms: Option<u64>,
    /// Tokens that one run may use (R202).
    pub token_budget: Option<u64>,
}

impl Definition {
    /// Reads and checks a definition.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every defect found, each with its path, the first [`limits::DEFECTS`] of them.
    pub fn parse(document: &Json, registry: &Registry) -> Result<Self, Error> {
        let mut defects = Vec::new();
        let draft = read::definition(document, &mut defects);
        if let Some(draft) = draft {
            validate::definition(&draft, registry, &mut defects);
            if defects.is_empty() {
                return Ok(draft.into_definition());
            }
        }
        Err(Error::Invalid(in_order(defects)))
    }

    /// Reads a definition from the bytes of a file or a request.
    ///
    /// # Errors
    /// As [`Definition::parse`]; too long, not UTF-8, not JSON and too deep are defects of the whole document.
    pub fn from_bytes(bytes: &[u8], registry: &Registry) -> Result<Self, Error> {
        let document = read::document(bytes).map_err(|defect| Error::Invalid(vec![defect]))?;
        Self::parse(&document, registry)
    }

    /// The document with every implied part written out. `parse(to_json(d)) == d`.
    pub fn to_json(&self) -> Json {
        let mut document = Map::new();
        document.insert("format".into(), json!(FORMAT));
        document.insert("name".into(), json!(self.name));
        if !self.description.is_empty() {
            document.insert("description".into(), json!(self.description));
        }
        let Json::Object(graph) = self.graph.to_json() else { return Json::Object(document) };
        document.extend(graph);
        insert(&mut document, "settings", self.settings.to_json());
        insert(&mut document, "policies", self.policies.to_json());
        Json::Object(document)
    }

    /// The content hash that names this version: SHA-256 over the canonical JSON.
    pub fn version(&self) -> VersionId {
        VersionId::of(&canonical_json(&self.to_json()))
    }

    /// Every node, bodies included, in the order of the document.
    pub fn nodes(&self) -> Vec<&NodeSpec> {
        let mut all = Vec::new();
        collect(&self.graph, &mut all);
        all
    }

    /// The node with this id, wherever it stands.
    pub fn node(&self, id: &str) -> Option<&NodeSpec> {
        self.nodes().into_iter().find(|node| node.id == id)
    }
}

fn collect<'a>(graph: &'a Graph, all: &mut Vec<&'a NodeSpec>) {
    for node in &graph.nodes {
        all.push(node);
        if let Some(body) = &node.body {
            collect(body, all);
        }
    }
}

fn insert(into: &mut Map<String, Json>, key: &str, value: Json) {
    let empty = match &value {
        Json::Null => true,
        Json::Object(map) => map.is_empty(),
        _ => false,
    };
    if !empty {
        into.insert(key.to_owned(), value);
    }
}

/// Sorted as the document reads (numbers as numbers), without repeats, and not endless.
fn in_order(mut defects: Vec<Defect>) -> Vec<Defect> {
    let key = |d: &Defect| -> Vec<(u64, String)> {
        d.path.split('/').map(|part| (part.parse().unwrap_or(u64::MAX), part.to_owned())).collect()
    };
    defects.sort_by_cached_key(|d| (key(d), d.code.clone(), d.message.clone()));
    defects.dedup();
    let more = defects.len().saturating_sub(limits::DEFECTS);
    if more > 0 {
        defects.truncate(limits::DEFECTS);
        defects.push(Defect::new("", "more_errors", format!("and {more} more errors")));
    }
    defects
}

impl Graph {
    /// `{nodes, edges}`.
    pub fn to_json(&self) -> Json {
        let nodes: Vec<Json> = self.nodes.iter().map(NodeSpec::to_json).collect();
        let edges: Vec<Json> = self.edges.iter().map(Edge::to_json).collect();
        json!({ "nodes": nodes, "edges": edges })
    }
}

impl Edge {
    fn to_json(&self) -> Json {
        match self.output {
            Port::Main => json!({ "from": self.from, "to": self.to }),
            ref port => json!({ "from": self.from, "output": port, "to": self.to }),
        }
    }
}

impl NodeSpec {
    /// As in the file.
    pub fn to_json(&self) -> Json {
        let mut node = Map::new();
        node.insert("id".into(), json!(self.id));
        node.insert("type".into(), json!(self.kind));
        if let Some(name) = &self.name {
            node.insert("name".into(), json!(name));
        }
        let mut parameters = self.parameters.clone();
        if let (Some(body), Some(map)) = (&self.body, parameters.as_object_mut()) {
            map.insert("body".into(), body.to_json());
        }
        insert(&mut node, "parameters", parameters);
        if self.retry != Retry::default() {
            let Retry { max_attempts, initial_delay_ms, multiplier, max_delay_ms } = self.retry;
            node.insert(
                "retry".into(),
                json!({ "max_attempts": max_attempts, "initial_delay_ms": initial_delay_ms,
                        "multiplier": multiplier, "max_delay_ms": max_delay_ms }),
            );
        }
        if let Some(timeout) = self.timeout_ms {
            node.insert("timeout_ms".into(), json!(timeout));
        }
        if let Some(on_error) = self.on_error {
            node.insert("on_error".into(), json!(on_error.as_str()));
        }
        insert(&mut node, "position", self.position.clone().unwrap_or_default());
        insert(&mut node, "test_data", self.test_data.clone().unwrap_or_default());
        Json::Object(node)
    }
}

impl Settings {
    fn to_json(&self) -> Json {
        let fields = BTreeMap::from([
            ("max_concurrent_runs", self.max_concurrent_runs.map(u64::from)),
            ("timeout_ms", self.timeout_ms),
            ("token_budget", self.token_budget),
        ]);
        Json::Object(fields.into_iter().filter_map(|(k, v)| Some((k.to_owned(), json!(v?)))).collect())
    }
}
