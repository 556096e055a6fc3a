//! Nodes and edges.

use std::collections::BTreeSet;

use domain::Json;
use serde_json::Map;

use super::{
    fields::{Fields, kind},
    unknown_type,
};
use crate::{Defect, Edge, Graph, NodeSpec, NodeType, OnError, Port, Retry, limits};

pub(super) struct Reader<'d> {
    defects: &'d mut Vec<Defect>,
    pub untyped: BTreeSet<String>,
    /// Ids that are written down or were given.
    taken: BTreeSet<String>,
    count: usize,
}

const NODE: &[&str] = &[
    "id",
    "type",
    "name",
    "parameters",
    "retry",
    "timeout_ms",
    "on_error",
    "position",
    "test_data",
    "schemaValidation",
];

impl<'d> Reader<'d> {
    pub fn new(defects: &'d mut Vec<Defect>) -> Self {
        Self { defects, untyped: BTreeSet::new(), taken: BTreeSet::new(), count: 0 }
    }

    /// A document that is one node (the guardrails page writes them so).
    pub fn single(&mut self, document: &Json) -> Graph {
        self.claim_ids(std::slice::from_ref(document));
        let node = self.node(document, "");
        Graph { nodes: vec![node], edges: Vec::new() }
    }

    /// `{nodes, edges}` at `path`. `None` when there are too many nodes or no list of them.
    pub fn graph(&mut self, value: &Json, path: &str, top: bool) -> Option<Graph> {
        let nodes = match value.get("nodes") {
            Some(Json::Array(nodes)) if nodes.is_empty() => {
                self.defects.push(Defect::new(format!("{path}/nodes"), "no_nodes", "there is no node to run"));
                return None;
            }
            Some(Json::Array(nodes)) => nodes,
            Some(other) => {
                let message = format!("expected a list of nodes, found {}", kind(other));
                self.defects.push(Defect::new(format!("{path}/nodes"), "wrong_type", message));
                return None;
            }
            None => {
                self.defects.push(Defect::new(path, "missing_field", "\"nodes\" is missing"));
                return None;
            }
        };
        self.count += nodes.len();
        if self.count > limits::NODES {
            let message = format!("a workflow has at most {} nodes, bodies included", limits::NODES);
            self.defects.push(Defect::new(format!("{path}/nodes"), "too_many_nodes", message));
            return None;
        }
        if top {
            self.claim_ids(nodes);
        }
        let nodes: Vec<_> = (0..).zip(nodes).map(|(i, node)| self.node(node, &format!("{path}/nodes/{i}"))).collect();
        let edges = match value.get("edges") {
            None | Some(Json::Null) => implied(&nodes),
            Some(Json::Array(edges)) if edges.len() > limits::EDGES => {
                let message = format!("a workflow has at most {} edges", limits::EDGES);
                self.defects.push(Defect::new(format!("{path}/edges"), "too_many_edges", message));
                return None;
            }
            Some(Json::Array(edges)) => {
                (0..).zip(edges).filter_map(|(i, edge)| self.edge(edge, &format!("{path}/edges/{i}"))).collect()
            }
            Some(other) => {
                let message = format!("expected a list of edges, found {}", kind(other));
                self.defects.push(Defect::new(format!("{path}/edges"), "wrong_type", message));
                Vec::new()
            }
        };
        Some(Graph { nodes, edges })
    }

    /// Ids that are written down are taken before any is made up, so that none made up collides.
    fn claim_ids(&mut self, nodes: &[Json]) {
        let mut open: Vec<&Json> = nodes.iter().collect();
        while let Some(node) = open.pop() {
            if let Some(id) = node.get("id").and_then(Json::as_str) {
                self.taken.insert(id.to_owned());
            }
            if let Some(Json::Array(inner)) = node.pointer("/parameters/body/nodes") {
                open.extend(inner);
            }
        }
    }

    fn made_up(&mut self, word: &str) -> String {
        let stem: String = word.chars().take(40).collect::<String>().to_lowercase();
        let mut id = stem.clone();
        let mut n = 2_usize;
        while !self.taken.insert(id.clone()) {
            id = format!("{stem}_{n}");
            n += 1;
        }
        id
    }

    fn node(&mut self, value: &Json, path: &str) -> NodeSpec {
        let empty = Map::new();
        let map = value.as_object().unwrap_or(&empty);
        if !value.is_object() {
            let message = format!("expected a node, found {}", kind(value));
            self.defects.push(Defect::new(path, "wrong_type", message));
            self.untyped.insert(path.to_owned());
        }
        let mut fields = Fields::new(map, path, self.defects);
        let kind = match fields.text("type", 100) {
            Some(word) => match word.parse::<NodeType>() {
                Ok(kind) => Some(kind),
                Err(_) => {
                    fields.defect("type", "unknown_node_type", unknown_type(&word));
                    None
                }
            },
            None if value.is_object() && !map.contains_key("type") => {
                fields.require(&["type"]);
                None
            }
            None => None,
        };
        fields.only(NODE);
        let id = fields.text("id", 64);
        if id.as_deref().is_some_and(|id| !is_id(id)) {
            let message = "an id starts with a letter or _ and holds letters, digits, _ and - only";
            fields.defect("id", "bad_id", message);
        }
        let name = fields.text("name", 200);
        let timeout_ms = fields.integer("timeout_ms", 1, limits::STEP_TIMEOUT_MS);
        let on_error = fields
            .word("on_error", &[("fail", OnError::Fail), ("continue", OnError::Continue), ("branch", OnError::Branch)]);
        let position = map.get("position").filter(|p| !p.is_null()).cloned();
        if position.as_ref().is_some_and(|p| !p.is_object()) {
            fields.defect("position", "wrong_type", "expected an object such as {\"x\": 0, \"y\": 0}");
        }
        let test_data = map.get("test_data").filter(|t| !t.is_null()).cloned();
        let mut parameters = match map.get("parameters") {
            None | Some(Json::Null) => Map::new(),
            Some(Json::Object(map)) => map.clone(),
            Some(_) => {
                fields.defect("parameters", "wrong_type", "expected an object");
                Map::new()
            }
        };
        if let Some(schema) = map.get("schemaValidation") {
            if kind.is_some_and(|kind| kind != NodeType::Guardrail) {
                fields.defect("schemaValidation", "unknown_field", "only a GUARDRAIL has a schemaValidation");
            } else if parameters.contains_key("schemaValidation") {
                fields.defect("schemaValidation", "duplicate_field", "it stands in the parameters as well");
            } else {
                parameters.insert("schemaValidation".into(), schema.clone());
            }
        }
        let retry = match map.get("retry") {
            None | Some(Json::Null) => Retry::default(),
            Some(value) => retry(value, &format!("{path}/retry"), self.defects),
        };
        if kind.is_none() {
            self.untyped.insert(path.to_owned());
        }
        let body = match (kind, parameters.get("body")) {
            (Some(NodeType::ForEach), Some(Json::Object(map))) => {
                let at = format!("{path}/parameters/body");
                Fields::new(map, &at, self.defects).only(&["nodes", "edges"]);
                let body = parameters.remove("body").unwrap_or_default();
                self.graph(&body, &at, false).or_else(|| Some(Graph::default()))
            }
            _ => None,
        };
        let id = id.unwrap_or_else(|| self.made_up(kind.map_or("node", NodeType::as_str)));
        let kind = kind.unwrap_or(NodeType::Transform);
        let parameters = Json::Object(parameters);
        NodeSpec { id, kind, name, parameters, body, retry, timeout_ms, on_error, position, test_data }
    }

    fn edge(&mut self, value: &Json, path: &str) -> Option<Edge> {
        let mut fields = Fields::of(value, path, self.defects)?;
        fields.only(&["from", "output", "to"]);
        fields.require(&["from", "to"]);
        let output = fields.text("output", 64).map_or(Port::Main, |word| Port::parse(&word));
        let (from, to) = (fields.text("from", 64), fields.text("to", 64));
        Some(Edge { from: from?, output, to: to? })
    }
}

fn is_id(id: &str) -> bool {
    let mut chars = id.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

fn retry(value: &Json, path: &str, defects: &mut Vec<Defect>) -> Retry {
    let usual = Retry::default();
    let Some(mut fields) = Fields::of(value, path, defects) else { return usual };
    fields.only(&["max_attempts", "initial_delay_ms", "multiplier", "max_delay_ms"]);
    Retry {
        max_attempts: fields.integer("max_attempts", 1, 20).map_or(usual.max_attempts, |n| n as u32),
        initial_delay_ms: fields.integer("initial_delay_ms", 0, 3_600_000).unwrap_or(usual.initial_delay_ms),
        multiplier: fields.number("multiplier", 1.0, 10.0).unwrap_or(usual.multiplier),
        max_delay_ms: fields.integer("max_delay_ms", 0, 86_400_000).unwrap_or(usual.max_delay_ms),
    }
}

/// Without edges the nodes run in the order in which they are listed; every trigger leads to the first of them.
fn implied(nodes: &[NodeSpec]) -> Vec<Edge> {
    let edge = |from: &NodeSpec, to: &NodeSpec| {
        let output = if from.kind == NodeType::Condition { Port::True } else { Port::Main };
        Edge { from: from.id.clone(), output, to: to.id.clone() }
    };
    let (triggers, rest): (Vec<_>, Vec<_>) = nodes.iter().partition(|node| node.kind.is_trigger());
    let starts = triggers.iter().filter_map(|trigger| Some(edge(trigger, rest.first()?)));
    starts.chain(rest.windows(2).map(|pair| edge(pair[0], pair[1]))).collect()
}
