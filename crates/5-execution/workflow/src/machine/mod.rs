//! The pure run machine: a plan, an input and the answers so far give what is to be done next.
//!
//! It has no clock and does nothing itself. The engine performs what [`Machine::advance`] hands out and tells the
//! result to [`Machine::apply`]; after a crash it makes a new machine and tells it the recorded answers again.
//! Whatever the order in which answers arrive, the end is the same, except where the workflow itself is a race (MERGE
//! in mode `first`, two branches that both fail): there the order of the record decides, so it must be kept.

mod activate;
mod advance;
mod frame;
mod types;

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::Arc,
};

use domain::{NodeStatus, Value};
use frame::{Frame, FrameId, Parent, Phase};
pub use types::{Change, MachineError, Outcome, StepKey, Task, Work};

use crate::{
    Answer, Failure, NodeType, Plan, Response, RunInfo,
    expression::{Lazy, Scope},
};

/// Asked before a node starts: whether this workflow may run such a node.
pub type Admission = Arc<dyn Fn(NodeType, &str) -> Result<(), Failure> + Send + Sync>;

/// Makes the handle of a credential out of its name; the same name always gives the same handle within a run.
pub type Handle = Arc<dyn Fn(&str) -> String + Send + Sync>;

/// One run.
pub struct Machine {
    plan: Arc<Plan>,
    run: RunInfo,
    run_mini: minijinja::Value,
    input: Lazy,
    frames: BTreeMap<FrameId, Frame>,
    next_frame: FrameId,
    ready: VecDeque<(FrameId, usize)>,
    steps: BTreeMap<StepKey, Pending>,
    fresh: Vec<StepKey>,
    changes: Vec<Change>,
    /// By the position of the RESPOND node, so that the first in the definition wins.
    responses: BTreeMap<usize, (Response, Arc<Value>)>,
    outcome: Option<Outcome>,
    admission: Option<Admission>,
}

/// A step whose answer is awaited.
#[derive(Debug)]
struct Pending {
    waits: Parent,
    work: Work,
}

const TOP: FrameId = 0;

impl Machine {
    /// A run that has not begun. `trigger` is the id of the trigger node that started it; without one the manual
    /// trigger is meant, or the first trigger there is, or the nodes that nothing leads to.
    ///
    /// # Errors
    /// [`MachineError::NoSuchTrigger`].
    pub fn new(plan: Arc<Plan>, run: RunInfo, input: Value, trigger: Option<&str>) -> Result<Self, MachineError> {
        let top = plan.top.clone();
        let triggers = |kind: Option<NodeType>| {
            (0..)
                .zip(&top.nodes)
                .find(|(_, n)| n.spec.kind.is_trigger() && kind.is_none_or(|kind| n.spec.kind == kind))
                .map(|(i, _)| i)
        };
        let start = match trigger {
            Some(id) => {
                let found = top.index.get(id).copied().filter(|i| top.nodes[*i].spec.kind.is_trigger());
                Some(found.ok_or_else(|| MachineError::NoSuchTrigger(id.to_owned()))?)
            }
            None => triggers(Some(NodeType::ManualTrigger)).or_else(|| triggers(None)),
        };
        let input = Arc::new(input);
        let mut machine = Self {
            run_mini: Scope::run(&run),
            run,
            input: Lazy::new(input.clone()),
            frames: BTreeMap::new(),
            next_frame: TOP + 1,
            ready: VecDeque::new(),
            steps: BTreeMap::new(),
            fresh: Vec::new(),
            changes: Vec::new(),
            responses: BTreeMap::new(),
            outcome: None,
            admission: None,
            plan,
        };
        machine.frames.insert(TOP, Frame::new(top, String::new(), None, input));
        machine.begin(TOP, start);
        Ok(machine)
    }

    /// Asks `admission` before every node from here on; its failure is the node's.
    pub fn admit(&mut self, admission: Admission) {
        self.admission = Some(admission);
    }

    /// Expressions see `run.credentials.<name>` from here on: an opaque handle that only the way out can swap.
    pub fn handles(&mut self, handle: Handle) {
        self.run_mini = Scope::run_with_handles(&self.run, handle);
    }

    /// Runs everything that can run without an answer, and returns the steps that this made necessary.
    pub fn advance(&mut self) -> Vec<Work> {
        while self.outcome.is_none()
            && let Some((frame, node)) = self.ready.pop_front()
        {
            self.step(frame, node);
        }
        let fresh = std::mem::take(&mut self.fresh);
        fresh.iter().filter_map(|key| self.steps.get(key)).map(|pending| pending.work.clone()).collect()
    }

    /// Takes the answer of a step. Call [`Machine::advance`] afterwards.
    ///
    /// # Errors
    /// [`MachineError::NotOutstanding`]: nothing changed, and the answer can be dropped.
    pub fn apply(&mut self, step: &StepKey, answer: Answer) -> Result<(), MachineError> {
        match self.steps.remove(step) {
            Some(pending) if self.outcome.is_none() => {
                self.answer(pending.waits, answer);
                Ok(())
            }
            _ => Err(MachineError::NotOutstanding(step.clone())),
        }
    }

    /// Takes recorded answers in the order in which they were recorded and returns every step that is still open.
    /// Answers that nobody waits for are dropped.
    pub fn replay(&mut self, records: Vec<(StepKey, Answer)>) -> Vec<Work> {
        self.advance();
        let mut left = records;
        loop {
            let before = left.len();
            let mut later = Vec::new();
            for (step, answer) in left {
                if self.steps.contains_key(&step) {
                    let _ = self.apply(&step, answer);
                    self.advance();
                } else {
                    later.push((step, answer));
                }
            }
            if later.is_empty() || later.len() == before {
                return self.outstanding().cloned().collect();
            }
            left = later;
        }
    }

    /// Every step whose answer is awaited. Steps of a branch that was given up are no longer here.
    pub fn outstanding(&self) -> impl Iterator<Item = &Work> {
        self.steps.values().map(|pending| &pending.work)
    }

    /// Ends the run at once: cancelled, out of time, out of budget.
    pub fn halt(&mut self, failure: Failure) {
        if self.outcome.is_none() {
            self.finish(None, failure);
        }
    }

    /// How the run ended, once it has.
    pub const fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }

    /// What the caller is answered, as soon as a RESPOND node has run.
    pub fn response(&self) -> Option<&Response> {
        self.responses.values().next().map(|(response, _)| response)
    }

    /// What happened to nodes since the last call, in order.
    pub fn changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// What is known of the run.
    pub const fn run(&self) -> &RunInfo {
        &self.run
    }

    /// What it was given at its start.
    pub fn input(&self) -> &Arc<Value> {
        self.input.source()
    }

    /// What it runs.
    pub const fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// The run ends with a failure; whatever is under way is given up.
    fn finish(&mut self, node: Option<String>, failure: Failure) {
        for frame in self.frames.values() {
            for (state, node) in frame.nodes.iter().zip(&frame.graph.nodes) {
                if state.phase == Phase::Active {
                    self.changes.push(Change::new(&node.spec, &frame.path, NodeStatus::Cancelled));
                }
            }
        }
        self.frames.clear();
        self.ready.clear();
        self.steps.clear();
        self.fresh.clear();
        self.outcome = Some(Outcome::Failed { node, failure });
    }
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine")
            .field("run", &self.run.id)
            .field("frames", &self.frames.len())
            .field("outstanding", &self.steps.len())
            .field("outcome", &self.outcome.as_ref().map(Outcome::status))
            .finish_non_exhaustive()
    }
}
