//! What a definition must be beyond its shape. Every check adds to one list, so that an author sees all at once.

mod graph;
mod parameters;

use std::{
    cell::OnceCell,
    collections::{BTreeMap, BTreeSet},
};

use crate::{Defect, Graph, NodeSpec, NodeType, Port, Registry, expression::Expressions, plan, read::Draft};

pub(crate) fn definition(draft: &Draft, registry: &Registry, defects: &mut Vec<Defect>) {
    let mut check = Check { registry, untyped: &draft.untyped, defects, ids: BTreeMap::new() };
    let top = &draft.definition().graph;
    check.ids(top, "", draft.single);
    check.graph(top, "", draft.single, None);
}

struct Check<'a> {
    registry: &'a Registry,
    untyped: &'a BTreeSet<String>,
    defects: &'a mut Vec<Defect>,
    /// Every id with the path where it stands first.
    ids: BTreeMap<String, String>,
}

/// Where a node stands: what has run before it, here and around.
struct Place<'a> {
    shape: &'a graph::Shape<'a>,
    index: usize,
    /// By index; worked out when first asked.
    ancestors: OnceCell<Vec<bool>>,
    outer: Option<&'a Place<'a>>,
}

impl Place<'_> {
    fn inside_body(&self) -> bool {
        self.outer.is_some()
    }
    fn after(&self, id: &str) -> bool {
        let here = self.shape.index(id);
        let ancestors = || self.ancestors.get_or_init(|| self.shape.ancestors(self.index));
        here.is_some_and(|i| ancestors()[i]) || self.outer.is_some_and(|outer| outer.after(id))
    }
}

fn node_path(path: &str, single: bool, index: usize) -> String {
    if single { String::new() } else { format!("{path}/nodes/{index}") }
}

impl Check<'_> {
    fn ids(&mut self, graph: &Graph, path: &str, single: bool) {
        for (i, node) in graph.nodes.iter().enumerate() {
            let at = node_path(path, single, i);
            match self.ids.get(&node.id) {
                Some(first) => {
                    let message = format!("the id {:?} is taken by the node at {first:?}", node.id);
                    self.defects.push(Defect::new(format!("{at}/id"), "duplicate_id", message));
                }
                None => {
                    self.ids.insert(node.id.clone(), at.clone());
                }
            }
            if let Some(body) = &node.body {
                self.ids(body, &format!("{at}/parameters/body"), false);
            }
        }
    }

    fn graph(&mut self, graph: &Graph, path: &str, single: bool, outer: Option<&Place<'_>>) {
        let shape = graph::Shape::new(graph);
        for (i, edge) in graph.edges.iter().enumerate() {
            self.edge(&shape, edge, &format!("{path}/edges/{i}"));
        }
        if let Some(cycle) = shape.cycle() {
            let names: Vec<_> = cycle.iter().map(|i| graph.nodes[*i].id.as_str()).collect();
            let message = format!("the edges go round in a circle: {} → {}", names.join(" → "), names[0]);
            self.defects.push(Defect::new(format!("{path}/edges"), "cycle", message));
        }
        for i in shape.unreachable() {
            let message = format!("no trigger leads to {:?}", graph.nodes[i].id);
            self.defects.push(Defect::new(node_path(path, single, i), "unreachable_node", message));
        }
        for (i, node) in graph.nodes.iter().enumerate() {
            let at = node_path(path, single, i);
            if self.untyped.contains(&at) {
                continue;
            }
            let place = Place { shape: &shape, index: i, ancestors: OnceCell::new(), outer };
            self.node(node, &at, &place);
        }
    }

    fn edge(&mut self, shape: &graph::Shape<'_>, edge: &crate::Edge, path: &str) {
        let mut end = |key: &str, id: &str| {
            let found = shape.index(id);
            if found.is_none() {
                let known: Vec<_> = shape.graph.nodes.iter().take(500).map(|n| n.id.as_str()).collect();
                let hint =
                    crate::read::nearest(id, &known).map(|n| format!("; did you mean {n:?}?")).unwrap_or_default();
                let message = format!("there is no node {id:?} here{hint}");
                self.defects.push(Defect::new(format!("{path}/{key}"), "unknown_node", message));
            }
            found
        };
        let (from, to) = (end("from", &edge.from), end("to", &edge.to));
        if let Some(to) = to
            && shape.graph.nodes[to].kind.is_trigger()
        {
            let message = format!("{:?} is a trigger; nothing leads to it", edge.to);
            self.defects.push(Defect::new(format!("{path}/to"), "trigger_has_input", message));
        }
        if shape.repeated(edge) {
            self.defects.push(Defect::new(path, "duplicate_edge", "this edge stands here twice"));
        }
        let Some(from) = from.map(|i| &shape.graph.nodes[i]) else { return };
        let Some(node) = self.registry.get(from.kind) else { return };
        let ports = node.ports(&from.parameters);
        if edge.output != Port::Error && !ports.contains(&edge.output) && !shape.untyped(from, self.untyped, self) {
            let known: Vec<_> = ports.iter().map(Port::as_str).chain(["error"]).collect();
            let message =
                format!("{} has no output {:?}; it has {}", from.kind, edge.output.as_str(), known.join(", "));
            self.defects.push(Defect::new(format!("{path}/output"), "bad_port", message));
        }
    }

    fn node(&mut self, node: &NodeSpec, at: &str, place: &Place<'_>) {
        if place.inside_body() && (node.kind.is_trigger() || node.kind == NodeType::Respond) {
            let message = format!("a {} cannot stand in the body of a FOR_EACH", node.kind);
            self.defects.push(Defect::new(format!("{at}/type"), "not_in_body", message));
        }
        let error_edge = place.shape.graph.edges.iter().any(|e| e.from == node.id && e.output == Port::Error);
        match node.on_error {
            Some(crate::OnError::Branch) if !error_edge => {
                let message = "\"branch\" needs an edge with \"output\": \"error\"";
                self.defects.push(Defect::new(format!("{at}/on_error"), "missing_error_branch", message));
            }
            Some(crate::OnError::Fail | crate::OnError::Continue) if error_edge => {
                let message = "an edge leaves by \"error\", so this must be \"branch\" or absent";
                self.defects.push(Defect::new(format!("{at}/on_error"), "error_branch_unused", message));
            }
            _ => {}
        }
        self.parameters(node, &format!("{at}/parameters"), place, false);
        for (n, (_, tool)) in plan::tools(node).enumerate() {
            let path = format!("{at}/parameters/tools/{n}/node");
            let fits = !tool.kind.is_trigger()
                && !matches!(tool.kind, NodeType::ForEach | NodeType::Respond | NodeType::AiAgent | NodeType::Merge);
            if !fits {
                let message = format!("a {} cannot be a tool", tool.kind);
                self.defects.push(Defect::new(format!("{path}/type"), "not_a_tool", message));
            }
            self.parameters(&tool, &format!("{path}/parameters"), place, true);
        }
        if node.kind == NodeType::ForEach {
            let path = format!("{at}/parameters/body");
            match &node.body {
                Some(body) => self.graph(body, &path, false, Some(place)),
                None if node.parameters.get("body").is_none() => {
                    let message = "\"body\" is missing: the nodes that run for each item";
                    self.defects.push(Defect::new(format!("{at}/parameters"), "missing_field", message));
                }
                None => {}
            }
        }
    }

    /// Compiles every expression once, only to see what is wrong with it.
    fn expressions(&mut self, node: &NodeSpec, path: &str, place: &Place<'_>, tool: bool) {
        let verbatim = self.registry.get(node.kind).map(|node| node.verbatim()).unwrap_or_default();
        let (_, reads, found) = plan::compile(&node.parameters, verbatim, &mut Expressions::new());
        self.defects.extend(found.into_iter().map(|defect| defect.under(path)));
        for (id, at) in &reads.nodes {
            let (code, message) = if !self.ids.contains_key(id) {
                ("unknown_node", format!("there is no node {id:?}"))
            } else if !place.after(id) {
                ("runs_later", format!("{id:?} has not run when {:?} begins", node.id))
            } else {
                continue;
            };
            self.defects.push(Defect::new(format!("{path}{at}"), code, message));
        }
        let mut out_of_place = |names: &[&str], fits: bool, place: &str| {
            for name in names.iter().filter(|name| !fits && reads.variables.contains(**name)) {
                self.defects.push(Defect::new(path, "unknown_variable", format!("{name:?} exists only {place}")));
            }
        };
        out_of_place(&["item", "item_index"], place.inside_body(), "in the body of a FOR_EACH");
        out_of_place(&["args"], tool, "in the tools of an AI_AGENT");
    }
}
