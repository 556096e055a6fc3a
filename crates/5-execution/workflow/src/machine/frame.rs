//! A graph under way: the top one, one item of a FOR_EACH, or one tool call of an agent.

use std::{collections::VecDeque, sync::Arc};

use domain::{Json, Value};

use crate::{Answer, Child, Port, Warning, plan::GraphPlan};

pub(super) type FrameId = u64;

/// One graph with the state of its nodes.
#[derive(Debug)]
pub(super) struct Frame {
    pub graph: Arc<GraphPlan>,
    pub path: String,
    pub parent: Option<Parent>,
    /// What a node without predecessors reads.
    pub start: Arc<Value>,
    pub item: Option<(Arc<Value>, usize)>,
    pub args: Option<Arc<Value>>,
    pub nodes: Vec<NodeState>,
    /// Nodes that are not final yet.
    pub open: usize,
}

/// Who waits for the frame, and for which of its steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parent {
    pub frame: FrameId,
    pub node: usize,
    pub slot: usize,
}

/// How one node of a frame stands.
#[derive(Debug, Default)]
pub(super) struct NodeState {
    pub phase: Phase,
    /// Incoming edges that may still be taken.
    pub undecided: usize,
    /// Which incoming edges were taken.
    pub taken: Vec<bool>,
    pub output: Option<Arc<Value>>,
    pub port: Option<Port>,
    pub warnings: Vec<Warning>,
    /// One of the outgoing edges was taken.
    pub led_on: bool,
    pub activation: Option<Box<Activation>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Phase {
    #[default]
    Pending,
    Active,
    Final,
}

/// A node that has begun.
#[derive(Debug)]
pub(super) struct Activation {
    pub input: Arc<Value>,
    pub arrived: Vec<(String, Arc<Value>)>,
    /// What it read, for labels.
    pub sources: Vec<Arc<Value>>,
    pub parameters: Json,
    /// Of the batches that are complete.
    pub answers: Vec<Answer>,
    /// Of the batch under way.
    pub slots: Vec<Option<Answer>>,
    pub missing: usize,
    /// Children that did not begin yet, by slot.
    pub queue: VecDeque<(usize, Child)>,
    pub in_flight: usize,
    pub max_parallel: usize,
    pub fail_fast: bool,
}

impl Frame {
    pub fn new(graph: Arc<GraphPlan>, path: String, parent: Option<Parent>, start: Arc<Value>) -> Self {
        let nodes: Vec<_> = graph
            .nodes
            .iter()
            .map(|node| NodeState {
                undecided: node.incoming.len(),
                taken: vec![false; node.incoming.len()],
                ..NodeState::default()
            })
            .collect();
        let open = nodes.len();
        Self { graph, path, parent, start, item: None, args: None, nodes, open }
    }

    /// The outputs of the last nodes: one as it is, several by id, none as null.
    pub fn output(&self) -> Value {
        let last: Vec<_> = self
            .nodes
            .iter()
            .enumerate()
            .filter(|(_, state)| !state.led_on)
            .filter_map(|(i, state)| Some((&self.graph.nodes[i].spec.id, state.output.as_ref()?)))
            .collect();
        match last.as_slice() {
            [] => Value::derived(Json::Null, "", []),
            [(_, value)] => Value::clone(value),
            several => {
                let json = several.iter().map(|(id, value)| (String::clone(id), value.json.clone())).collect();
                Value::derived(Json::Object(json), "", several.iter().map(|(_, value)| value.as_ref()))
            }
        }
    }
}
