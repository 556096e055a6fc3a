//! A definition compiled for running: who follows whom by which port, and every expression ready to evaluate.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use domain::Json;

use crate::{
    Defect, Definition, Error, Graph, NodeSpec, NodeType, OnError, Port, Registry, VersionId,
    expression::{Compiler, Expressions, Reads, Template},
};

/// One version of a workflow, ready to run. Make it once per version and share it; it is immutable.
#[derive(Debug)]
pub struct Plan {
    definition: Arc<Definition>,
    version: VersionId,
    registry: Arc<Registry>,
    pub(crate) expressions: Expressions,
    pub(crate) top: Arc<GraphPlan>,
}

/// The compiled form of a [`Graph`].
#[derive(Debug, Default)]
pub(crate) struct GraphPlan {
    pub nodes: Vec<PlanNode>,
    pub index: BTreeMap<String, usize>,
}

#[derive(Debug)]
pub(crate) struct PlanNode {
    pub spec: NodeSpec,
    pub template: Template,
    pub reads: Reads,
    /// Predecessors with the port by which they lead here, in the order of the definition.
    pub incoming: Vec<(usize, Port)>,
    /// Successors, and which of their incoming edges this is.
    pub outgoing: Vec<Outgoing>,
    pub wired: Vec<Port>,
    pub on_error: OnError,
    pub body: Option<Arc<GraphPlan>>,
    pub tools: BTreeMap<String, Arc<GraphPlan>>,
    /// MERGE in mode `first`: runs when the first predecessor is done.
    pub first_wins: bool,
}

#[derive(Debug)]
pub(crate) struct Outgoing {
    pub port: Port,
    pub to: usize,
    pub edge: usize,
}

impl Plan {
    /// Compiles a definition.
    ///
    /// # Errors
    /// [`Error::Invalid`], when a node type of the definition is not in this registry.
    pub fn new(definition: Arc<Definition>, registry: Arc<Registry>) -> Result<Self, Error> {
        let mut expressions = Expressions::new();
        let mut defects = Vec::new();
        let top = graph(&definition.graph, &registry, &mut expressions, &mut defects);
        if !defects.is_empty() {
            return Err(Error::Invalid(defects));
        }
        let version = definition.version();
        Ok(Self { definition, version, registry, expressions, top: Arc::new(top) })
    }
    /// What was compiled.
    pub fn definition(&self) -> &Arc<Definition> {
        &self.definition
    }
    /// The content hash of what was compiled.
    pub const fn version(&self) -> &VersionId {
        &self.version
    }
    /// Whose nodes it runs.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }
    /// The trigger nodes. None means that the workflow is started by hand only.
    pub fn triggers(&self) -> impl Iterator<Item = &NodeSpec> {
        self.definition.graph.nodes.iter().filter(|node| node.kind.is_trigger())
    }
    /// Every node type that a run may start, those in bodies and tools included.
    pub fn kinds(&self) -> BTreeSet<NodeType> {
        let mut kinds = BTreeSet::new();
        self.top.kinds(&mut kinds);
        kinds
    }
}

impl GraphPlan {
    fn kinds(&self, into: &mut BTreeSet<NodeType>) {
        for node in &self.nodes {
            into.insert(node.spec.kind);
            node.body.iter().chain(node.tools.values()).for_each(|inner| inner.kinds(into));
        }
    }
}

fn graph(source: &Graph, registry: &Registry, expressions: &mut Expressions, defects: &mut Vec<Defect>) -> GraphPlan {
    let index: BTreeMap<String, usize> = source.nodes.iter().enumerate().map(|(i, n)| (n.id.clone(), i)).collect();
    let mut nodes: Vec<_> = source.nodes.iter().map(|spec| node(spec, registry, expressions, defects)).collect();
    for edge in &source.edges {
        let (Some(&from), Some(&to)) = (index.get(&edge.from), index.get(&edge.to)) else { continue };
        let number = nodes[to].incoming.len();
        nodes[to].incoming.push((from, edge.output.clone()));
        nodes[from].outgoing.push(Outgoing { port: edge.output.clone(), to, edge: number });
        if !nodes[from].wired.contains(&edge.output) {
            nodes[from].wired.push(edge.output.clone());
        }
    }
    for node in &mut nodes {
        let branch = node.wired.contains(&Port::Error);
        node.on_error = node.spec.on_error.unwrap_or(if branch { OnError::Branch } else { OnError::Fail });
    }
    GraphPlan { nodes, index }
}

fn node(spec: &NodeSpec, registry: &Registry, expressions: &mut Expressions, defects: &mut Vec<Defect>) -> PlanNode {
    let verbatim = registry.get(spec.kind).map(|node| node.verbatim());
    if verbatim.is_none() {
        let message = format!("this server cannot run {}", spec.kind);
        defects.push(Defect::new("", "unknown_node_type", message));
    }
    let (template, reads, _) = compile(&spec.parameters, verbatim.unwrap_or_default(), expressions);
    let body = spec.body.as_ref().map(|body| Arc::new(graph(body, registry, expressions, defects)));
    let tools = tools(spec).map(|(name, tool)| {
        let inner = Graph { nodes: vec![tool], edges: Vec::new() };
        (name, Arc::new(graph(&inner, registry, expressions, defects)))
    });
    let tools = tools.collect();
    let first_wins =
        spec.kind == NodeType::Merge && spec.parameters.get("mode").and_then(Json::as_str) == Some("first");
    PlanNode {
        spec: spec.clone(),
        template,
        reads,
        incoming: Vec::new(),
        outgoing: Vec::new(),
        wired: Vec::new(),
        on_error: OnError::Fail,
        body,
        tools,
        first_wins,
    }
}

/// Compiles parameters, leaving the verbatim ones as they are written.
pub(crate) fn compile(
    parameters: &Json,
    verbatim: &[&str],
    expressions: &mut Expressions,
) -> (Template, Reads, Vec<Defect>) {
    let mut compiler = Compiler::new(expressions);
    let fields = parameters.as_object().into_iter().flatten().map(|(key, value)| {
        let plain = verbatim.contains(&key.as_str());
        let path = crate::read::pointer("", key);
        (key.clone(), if plain { Template::Plain(value.clone()) } else { compiler.compile(value, &path) })
    });
    let template = Template::Map(fields.collect());
    (template, compiler.reads, compiler.defects)
}

/// An agent's tools that are nodes, as nodes named like the tool.
pub(crate) fn tools(spec: &NodeSpec) -> impl Iterator<Item = (String, NodeSpec)> {
    let listed = match spec.kind {
        NodeType::AiAgent => spec.parameters.get("tools").and_then(Json::as_array),
        _ => None,
    };
    listed.into_iter().flatten().filter_map(|tool| {
        let name = tool.get("name")?.as_str()?.to_owned();
        let kind = tool.pointer("/node/type")?.as_str()?.parse().ok()?;
        let parameters = tool.pointer("/node/parameters").cloned().unwrap_or_else(|| Json::Object(Default::default()));
        let node = NodeSpec {
            id: name.clone(),
            kind,
            name: None,
            parameters,
            body: None,
            retry: spec.retry.clone(),
            timeout_ms: spec.timeout_ms,
            on_error: None,
            position: None,
            test_data: None,
        };
        Some((name, node))
    })
}
