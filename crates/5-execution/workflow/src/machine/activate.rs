//! How a node begins: what it reads, its expressions filled in, and the question what it wants.

use std::sync::Arc;

use domain::{Json, Origin, Value};

use super::{
    Machine,
    frame::{Activation, FrameId},
};
use crate::{
    Failure, FailureKind, Next, NodeContext,
    expression::{Lazy, Scope},
    plan::PlanNode,
};

impl Machine {
    /// What the node wants next.
    pub(super) fn ask(&self, id: FrameId, node: usize, plan: &PlanNode) -> Result<Next, Failure> {
        let internal = |what: &str| Failure::new(FailureKind::Internal, format!("node {:?}: {what}", plan.spec.id));
        let activation = self.frames.get(&id).and_then(|frame| frame.nodes[node].activation.as_ref());
        let activation = activation.ok_or_else(|| internal("was not begun"))?;
        let kind = self.plan.registry().get(plan.spec.kind).ok_or_else(|| internal("its type is not known"))?;
        let cx = NodeContext {
            run: &self.run,
            id: &plan.spec.id,
            parameters: &activation.parameters,
            input: &activation.input,
            arrived: &activation.arrived,
            sources: &activation.sources,
            wired: &plan.wired,
        };
        kind.next(&cx, &activation.answers)
    }

    /// Gathers what a node reads and fills in its expressions.
    pub(super) fn activate(&self, id: FrameId, node: usize, plan: &PlanNode) -> Result<Activation, Failure> {
        if let Some(admission) = &self.admission {
            admission(plan.spec.kind, &plan.spec.id)?;
        }
        let frame = &self.frames[&id];
        let state = &frame.nodes[node];
        let mut arrived: Vec<(String, Arc<Value>)> = Vec::new();
        for ((from, _), taken) in plan.incoming.iter().zip(&state.taken) {
            let sender = &frame.graph.nodes[*from].spec.id;
            if *taken
                && let Some(output) = &frame.nodes[*from].output
                && !arrived.iter().any(|(id, _)| id == sender)
            {
                arrived.push((sender.clone(), output.clone()));
            }
        }
        let input = match arrived.as_slice() {
            [] => frame.start.clone(),
            [(_, only)] => only.clone(),
            several => {
                let json = several.iter().map(|(id, value)| (id.clone(), value.json.clone())).collect();
                let joined = Value::derived(Json::Object(json), "", several.iter().map(|(_, v)| v.as_ref()));
                Arc::new(Value { origin: Origin::Node { node: plan.spec.id.clone() }, ..joined })
            }
        };
        let scope = self.scope(id, plan, &input);
        let mut sources = vec![input.clone()];
        sources.extend(scope.nodes.values().map(|lazy| lazy.source().clone()));
        if plan.reads.variables.contains("input") {
            sources.push(self.input.source().clone());
        }
        sources.extend(scope.item.iter().map(|(item, _)| item.source().clone()));
        sources.extend(scope.args.iter().map(|args| args.source().clone()));
        let context = scope.into_context();
        let parameters = plan.template.render(&self.plan.expressions.env, &context, &plan.spec.id)?;
        Ok(Activation {
            input,
            arrived,
            sources,
            parameters,
            answers: Vec::new(),
            slots: Vec::new(),
            missing: 0,
            queue: Default::default(),
            in_flight: 0,
            max_parallel: 1,
            fail_fast: false,
        })
    }

    /// What a node's expressions can see: its own frame and those around it.
    fn scope(&self, id: FrameId, plan: &PlanNode, previous: &Arc<Value>) -> Scope {
        let mut scope = Scope {
            run: self.run_mini.clone(),
            input: self.input.clone(),
            previous: Lazy::new(previous.clone()),
            nodes: Default::default(),
            warnings: Default::default(),
            item: None,
            args: None,
        };
        let wants_warnings = plan.reads.variables.contains("warnings");
        let mut around = Some(id);
        while let Some(frame) = around.and_then(|id| self.frames.get(&id)) {
            let mut add = |index: usize| {
                let (state, id) = (&frame.nodes[index], &frame.graph.nodes[index].spec.id);
                if let Some(output) = &state.output {
                    scope.nodes.entry(id.clone()).or_insert_with(|| Lazy::new(output.clone()));
                }
            };
            if plan.reads.all_nodes {
                (0..frame.nodes.len()).for_each(&mut add);
            } else {
                plan.reads.nodes.keys().filter_map(|id| frame.graph.index.get(id)).copied().for_each(&mut add);
            }
            if wants_warnings {
                for (state, node) in frame.nodes.iter().zip(&frame.graph.nodes) {
                    if state.output.is_some() {
                        scope.warnings.entry(node.spec.id.clone()).or_insert_with(|| state.warnings.clone());
                    }
                }
            }
            if let (None, Some((item, index))) = (&scope.item, &frame.item) {
                scope.item = Some((Lazy::new(item.clone()), *index));
            }
            if let (None, Some(args)) = (&scope.args, &frame.args) {
                scope.args = Some(Lazy::new(args.clone()));
            }
            around = frame.parent.map(|parent| parent.frame);
        }
        scope
    }
}
