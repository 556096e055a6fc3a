//! The moves of the machine.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use domain::{Json, NodeStatus, Value};

use super::{
    Machine, Pending, TOP,
    frame::{Frame, FrameId, Parent, Phase},
    types::{Change, Outcome, StepKey, Task, Work},
};
use crate::{Answer, Child, Failure, FailureKind, Next, OnError, Output, Port, plan::PlanNode};

impl Machine {
    /// Makes the first nodes of a frame ready. Triggers other than the one that fired are passed over.
    pub(super) fn begin(&mut self, id: FrameId, trigger: Option<usize>) {
        let Some(frame) = self.frames.get(&id) else { return };
        let graph = frame.graph.clone();
        let mut passed = Vec::new();
        for (i, node) in graph.nodes.iter().enumerate() {
            if node.incoming.is_empty() {
                if node.spec.kind.is_trigger() && Some(i) != trigger {
                    passed.push(i);
                } else {
                    self.ready.push_back((id, i));
                }
            }
        }
        for node in passed {
            self.skip(id, node);
        }
    }

    /// Begins a node or goes on with it.
    pub(super) fn step(&mut self, id: FrameId, node: usize) {
        let Some(frame) = self.frames.get(&id) else { return };
        let graph = frame.graph.clone();
        let plan = &graph.nodes[node];
        if frame.nodes[node].phase == Phase::Final {
            return;
        }
        if frame.nodes[node].activation.is_none() {
            match self.activate(id, node, plan) {
                Ok(activation) => {
                    let Some(frame) = self.frames.get_mut(&id) else { return };
                    frame.nodes[node].phase = Phase::Active;
                    frame.nodes[node].activation = Some(Box::new(activation));
                }
                Err(failure) => return self.fail(id, node, failure),
            }
        }
        match self.ask(id, node, plan) {
            Ok(Next::Done(output)) => self.done(id, node, output),
            Ok(next) => self.batch(id, node, plan, next),
            Err(failure) => self.fail(id, node, failure),
        }
    }

    /// Hands out the steps a node asked for.
    fn batch(&mut self, id: FrameId, node: usize, plan: &PlanNode, next: Next) {
        let mut children = Vec::new();
        let mut tasks = Vec::new();
        let (mut max_parallel, mut stop_early) = (1, false);
        match next {
            Next::Call(call) => tasks.push(Task::Call(call)),
            Next::Calls(calls) => tasks.extend(calls.into_iter().map(Task::Call)),
            Next::Wait(wait) => tasks.push(Task::Wait(wait)),
            Next::Spawn { children: list, max_parallel: most, fail_fast } => {
                (children, max_parallel, stop_early) = (list, most.max(1), fail_fast);
            }
            Next::Done(_) => {}
        }
        let size = tasks.len() + children.len();
        if size == 0 {
            let message = format!("node {:?} asked for nothing", plan.spec.id);
            return self.fail(id, node, Failure::new(FailureKind::Internal, message));
        }
        let Some(frame) = self.frames.get_mut(&id) else { return };
        let Some(activation) = frame.nodes[node].activation.as_mut() else { return };
        let base = activation.answers.len();
        if base == 0 {
            let mut change = Change::new(&plan.spec, &frame.path, NodeStatus::Running);
            change.input = Some(activation.input.clone());
            self.changes.push(change);
        }
        activation.slots = vec![None; size];
        activation.missing = size;
        activation.queue = children.into_iter().enumerate().collect();
        activation.in_flight = 0;
        activation.max_parallel = max_parallel;
        activation.fail_fast = stop_early;
        for (slot, task) in tasks.into_iter().enumerate() {
            self.hand_out(id, node, plan, slot, base + slot, task);
        }
        self.launch(id, node, plan);
    }

    fn hand_out(&mut self, frame: FrameId, node: usize, plan: &PlanNode, slot: usize, index: usize, task: Task) {
        let path = self.frames[&frame].path.clone();
        let step = StepKey { node: plan.spec.id.clone(), path, index: index as u32 };
        let work = Work {
            step: step.clone(),
            kind: plan.spec.kind,
            task,
            retry: plan.spec.retry.clone(),
            timeout: plan.spec.timeout_ms.map(Duration::from_millis),
        };
        self.steps.insert(step.clone(), Pending { waits: Parent { frame, node, slot }, work });
        self.fresh.push(step);
    }

    /// Begins as many waiting children as may be under way.
    fn launch(&mut self, id: FrameId, node: usize, plan: &PlanNode) {
        loop {
            let Some(frame) = self.frames.get_mut(&id) else { return };
            let path = frame.path.clone();
            let Some(activation) = frame.nodes[node].activation.as_mut() else { return };
            if activation.in_flight >= activation.max_parallel {
                return;
            }
            let Some((slot, child)) = activation.queue.pop_front() else { return };
            activation.in_flight += 1;
            let index = activation.answers.len() + slot;
            let value = |json: Json| Value::derived(json, &plan.spec.id, activation.sources.iter().map(AsRef::as_ref));
            let (graph, start, item) = match child {
                Child::Workflow { workflow, input } => {
                    let input = value(input);
                    self.hand_out(id, node, plan, slot, index, Task::Workflow { workflow, input });
                    continue;
                }
                Child::Body { item, index } => (plan.body.clone(), Arc::new(value(item)), Some(index)),
                Child::Tool { name, arguments } => (plan.tools.get(&name).cloned(), Arc::new(value(arguments)), None),
            };
            let parent = Parent { frame: id, node, slot };
            let Some(graph) = graph else {
                let failure = Failure::new(FailureKind::Internal, format!("{:?} has no such child", plan.spec.id));
                self.answer(parent, Answer::Failed { failure });
                continue;
            };
            let path = format!("{path}{}[{index}]/", plan.spec.id);
            let mut frame = Frame::new(graph, path, Some(parent), start.clone());
            match item {
                Some(index) => frame.item = Some((start, index)),
                None => frame.args = Some(start),
            }
            let child = self.next_frame;
            self.next_frame += 1;
            self.frames.insert(child, frame);
            self.begin(child, None);
        }
    }

    /// Gives a node the answer of one of its steps.
    pub(super) fn answer(&mut self, to: Parent, answer: Answer) {
        let Some(frame) = self.frames.get_mut(&to.frame) else { return };
        let graph = frame.graph.clone();
        let plan = &graph.nodes[to.node];
        if let Answer::Failed { failure } = &answer
            && failure.kind.halts()
        {
            return self.fail(to.frame, to.node, failure.clone());
        }
        let Some(activation) = frame.nodes[to.node].activation.as_mut() else { return };
        let failed = matches!(answer, Answer::Failed { .. });
        activation.in_flight = activation.in_flight.saturating_sub(1);
        if activation.slots[to.slot].replace(answer).is_none() {
            activation.missing -= 1;
        }
        if failed && activation.fail_fast && activation.missing > 0 {
            for slot in &mut activation.slots {
                slot.get_or_insert_with(|| Answer::Failed {
                    failure: Failure::new(FailureKind::Cancelled, "given up because another item failed"),
                });
            }
            activation.missing = 0;
            activation.queue.clear();
            self.give_up(to.frame, to.node);
        }
        let Some(activation) = self.frames.get_mut(&to.frame).and_then(|f| f.nodes[to.node].activation.as_mut()) else {
            return;
        };
        if activation.missing == 0 {
            let batch = std::mem::take(&mut activation.slots);
            activation.answers.extend(batch.into_iter().flatten());
            self.ready.push_back((to.frame, to.node));
        } else {
            self.launch(to.frame, to.node, plan);
        }
    }

    /// A node has finished well.
    fn done(&mut self, id: FrameId, node: usize, output: Output) {
        let Output { port, value, warnings, response, findings } = output;
        let value = Arc::new(value);
        if let Some(response) = response
            && id == TOP
        {
            self.responses.insert(node, (response, value.clone()));
        }
        self.settle(id, node, |state, change| {
            change.status = NodeStatus::Succeeded;
            change.warnings.clone_from(&warnings);
            change.findings = findings;
            state.warnings = warnings;
            (Some(value), Some(port))
        });
    }

    /// A node has failed; its `on_error` decides what becomes of the run.
    fn fail(&mut self, id: FrameId, node: usize, failure: Failure) {
        let Some(frame) = self.frames.get(&id) else { return };
        let (plan, parent) = (&frame.graph.nodes[node], frame.parent);
        let (name, on_error) = (plan.spec.id.clone(), plan.on_error);
        let halts = failure.kind.halts();
        let port = match on_error {
            OnError::Continue if !halts => Some(Port::Main),
            OnError::Branch if !halts => Some(Port::Error),
            _ => None,
        };
        let blocked = failure.kind == FailureKind::Blocked || failure.kind == FailureKind::Policy;
        let told = failure.clone();
        self.give_up(id, node);
        let goes_on = port.is_some();
        self.settle_with(id, node, goes_on, |state, change| {
            change.status = if blocked { NodeStatus::Blocked } else { NodeStatus::Failed };
            change.findings.clone_from(&told.findings);
            let sources = state.activation.as_ref().map(|a| a.sources.as_slice()).unwrap_or_default();
            let json = serde_json::json!({ "error": told.to_json() });
            let value = Arc::new(Value::derived(json, &change.node, sources.iter().map(AsRef::as_ref)));
            change.failure = Some(told);
            (port.is_some().then_some(value), port)
        });
        if goes_on {
            return;
        }
        match parent {
            Some(parent) if !halts => {
                self.close(id);
                self.answer(parent, Answer::Failed { failure });
            }
            _ => self.finish(Some(name), failure),
        }
    }

    fn settle(
        &mut self,
        id: FrameId,
        node: usize,
        end: impl FnOnce(&mut super::frame::NodeState, &mut Change) -> (Option<Arc<Value>>, Option<Port>),
    ) {
        self.settle_with(id, node, true, end);
    }

    /// Writes down how a node ended, and leads on from it.
    fn settle_with(
        &mut self,
        id: FrameId,
        node: usize,
        lead_on: bool,
        end: impl FnOnce(&mut super::frame::NodeState, &mut Change) -> (Option<Arc<Value>>, Option<Port>),
    ) {
        let Some(frame) = self.frames.get_mut(&id) else { return };
        let graph = frame.graph.clone();
        let state = &mut frame.nodes[node];
        if state.phase == Phase::Final {
            return;
        }
        let mut change = Change::new(&graph.nodes[node].spec, &frame.path, NodeStatus::Succeeded);
        if let Some(activation) = &state.activation {
            change.steps = activation.answers.len() as u32;
            change.input = Some(activation.input.clone());
        }
        let (output, port) = end(state, &mut change);
        state.activation = None;
        state.phase = Phase::Final;
        state.output.clone_from(&output);
        state.port.clone_from(&port);
        change.output = output;
        change.port.clone_from(&port);
        self.changes.push(change);
        if lead_on {
            self.lead_on(id, vec![(node, port)]);
        }
    }

    fn skip(&mut self, id: FrameId, node: usize) {
        self.lead_on(id, vec![(node, None)]);
    }

    /// Decides the edges that leave ended nodes; nodes that no edge leads to any more are skipped in turn.
    fn lead_on(&mut self, id: FrameId, mut ended: Vec<(usize, Option<Port>)>) {
        let Some(frame) = self.frames.get_mut(&id) else { return };
        let graph = frame.graph.clone();
        while let Some((node, port)) = ended.pop() {
            frame.open -= 1;
            if port.is_none() {
                frame.nodes[node].phase = Phase::Final;
                self.changes.push(Change::new(&graph.nodes[node].spec, &frame.path, NodeStatus::Skipped));
            }
            for edge in &graph.nodes[node].outgoing {
                let taken = port.as_ref() == Some(&edge.port);
                frame.nodes[node].led_on |= taken;
                let target = &mut frame.nodes[edge.to];
                target.undecided -= 1;
                if target.phase != Phase::Pending {
                    continue;
                }
                target.taken[edge.edge] = taken;
                let any = target.taken.contains(&true);
                if (taken && graph.nodes[edge.to].first_wins) || (any && target.undecided == 0) {
                    target.phase = Phase::Active;
                    self.ready.push_back((id, edge.to));
                } else if target.undecided == 0 {
                    ended.push((edge.to, None));
                }
            }
        }
        if frame.open == 0 {
            self.complete(id);
        }
    }

    /// Every node of a frame has ended.
    fn complete(&mut self, id: FrameId) {
        let Some(frame) = self.frames.get(&id) else { return };
        let (output, parent) = (frame.output(), frame.parent);
        let Some(parent) = parent else {
            let (response, output) = match self.responses.first_key_value() {
                Some((_, (response, value))) => (Some(response.clone()), Value::clone(value)),
                None => (None, output),
            };
            self.frames.clear();
            self.outcome = Some(Outcome::Succeeded { output, response });
            return;
        };
        self.close(id);
        let json = output.json.clone();
        let waiting = self.frames.get_mut(&parent.frame).and_then(|f| f.nodes[parent.node].activation.as_mut());
        if let Some(activation) = waiting {
            let news = output.labels.iter().any(|l| !activation.sources.iter().any(|s| s.labels.contains(l)));
            if news {
                activation.sources.push(Arc::new(Value { json: Json::Null, ..output }));
            }
        }
        self.answer(parent, Answer::Child { output: json });
    }

    /// Forgets the steps and children of one node.
    fn give_up(&mut self, id: FrameId, node: usize) {
        self.steps.retain(|_, pending| (pending.waits.frame, pending.waits.node) != (id, node));
        let children: Vec<_> = self
            .frames
            .iter()
            .filter(|(_, frame)| frame.parent.is_some_and(|p| (p.frame, p.node) == (id, node)))
            .map(|(child, _)| *child)
            .collect();
        children.into_iter().for_each(|child| self.close(child));
    }

    /// Forgets a frame and everything inside it.
    fn close(&mut self, id: FrameId) {
        let mut gone = BTreeSet::from([id]);
        // a child's id is greater than its parent's
        for (child, frame) in self.frames.range(id + 1..) {
            if frame.parent.is_some_and(|parent| gone.contains(&parent.frame)) {
                gone.insert(*child);
            }
        }
        for id in &gone {
            if let Some(frame) = self.frames.remove(id) {
                for (state, node) in frame.nodes.iter().zip(&frame.graph.nodes) {
                    if state.phase == Phase::Active {
                        self.changes.push(Change::new(&node.spec, &frame.path, NodeStatus::Cancelled));
                    }
                }
            }
        }
        if !self.steps.is_empty() {
            self.steps.retain(|_, pending| !gone.contains(&pending.waits.frame));
        }
    }
}
