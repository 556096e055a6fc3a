//! Starting a run. A run that needs nothing from the world ends here and is stored once, ended; any other is stored as
//! running, with the checkpoints of its first effects, and driven on in the background.

use std::{collections::HashMap, sync::Arc};

use authz::{Permit, action::ExecuteWorkflow};
use domain::{AuditDraft, EventKind, Json, Principal, RunId, RunStatus, Scope, Timestamp, Usage, Value};
use policies::Policies;
use serde_json::json;
use store::{
    Effects as Beside,
    runs::{Checkpoint, NewRun, RunLease, StartRun, StartedAs},
};
use tokio::sync::OwnedSemaphorePermit;
use vault::RunKey;
use workflow::{Failure, Machine, MachineError, NodeType, Outcome, Plan, RunInfo, Task};

use crate::{
    Engine, Error, Finished, Handle, Started,
    active::Asked,
    drive::{Drive, State},
    engine::Inner,
    facts::{self, Facts},
    ports::{Runnable, StartOutcome},
    rules, seal,
    settle::{Settled, settle},
    view::{self, RunLog},
};

/// A run that is asked for.
pub struct Start {
    pub runnable: Runnable,
    pub input: Json,
    /// `manual`, `webhook`, `schedule`, `api` …
    pub trigger: &'static str,
    /// The trigger node's id; `None` for the workflow's only one, or none at all.
    pub trigger_node: Option<String>,
    /// Two starts of a workflow with the same word are one run.
    pub idempotency: Option<String>,
    /// The caller waits for the output: see [`Engine::wait`].
    pub wants_reply: bool,
}

/// Makes the audit drafts of a start (intent and outcome) out of how it went; stored with the run or not at all.
pub type AuditOfStart = Box<dyn FnOnce(&StartOutcome) -> Vec<AuditDraft> + Send>;

/// A machine at its start, its nodes admitted by the workflow's policies (R193).
pub(crate) fn machine(
    plan: &Arc<Plan>,
    policies: &Result<Arc<Policies>, Failure>,
    info: RunInfo,
    input: Json,
    trigger: Option<&str>,
) -> Result<Machine, Error> {
    let mut machine = Machine::new(Arc::clone(plan), info, Value::from_outside(input), trigger).map_err(|error| {
        let node = match error {
            MachineError::NoSuchTrigger(node) => node,
            MachineError::NotOutstanding(step) => step.node,
        };
        Error::NoSuchTrigger { node }
    })?;
    match policies.clone() {
        Err(unreadable) => machine.admit(Arc::new(move |_: NodeType, _: &str| Err(unreadable.clone()))),
        Ok(policies) if plan.definition().policies.allowed_nodes.is_some() => {
            machine.admit(Arc::new(move |kind: NodeType, node: &str| {
                policies.tool(node, kind.as_str()).map_err(rules::refusal)
            }));
        }
        Ok(_) => {}
    }
    Ok(machine)
}

impl Engine {
    /// Starts a run for whom the permit was made.
    ///
    /// # Errors
    /// Nothing was started and nothing stored: [`Error::TooManyRuns`], [`Error::MonthSpent`],
    /// [`Error::NoSuchTrigger`], [`Error::Store`].
    pub async fn start(
        &self,
        permit: &Permit<ExecuteWorkflow>,
        start: Start,
        audit: AuditOfStart,
    ) -> Result<Started, Error> {
        let inner = &self.inner;
        let month = inner.months.of(permit.scope()).await?;
        if let Some(limit) = month.runs.reached() {
            return Err(Error::MonthSpent { limit, ends_at: month.ends_at });
        }
        let now = inner.clock.now();
        let id = RunId::new(now, inner.entropy.bytes());
        let policies = inner.rules.of(&start.runnable.plan);
        let facts = inner.new_facts(permit.principal(), permit.scope(), id, &start, &policies, now);
        let definition = start.runnable.plan.definition();
        let info =
            RunInfo { id, started_at: now, environment: facts.scope.environment, workflow: definition.name.clone() };
        let slot = Arc::clone(&inner.slots).try_acquire_owned().ok().filter(|_| !inner.stopping.is_cancelled());
        let trigger_node = start.trigger_node.as_deref();
        let mut machine = machine(&start.runnable.plan, &policies, info, start.input, trigger_node)?;
        machine.handles(inner.handles(facts.scope, id));
        let mut log = RunLog::new(Arc::clone(machine.input()));
        let settled = settle(&mut machine, &*inner.effects, facts.scope, &mut log, &|| inner.clock.now());
        let rate = facts.policies.rate_window();
        let run = NewRun {
            id,
            scope: facts.scope,
            workflow: facts.workflow,
            version: start.runnable.version,
            principal: facts.principal,
            trigger: start.trigger,
            trigger_node: start.trigger_node,
            status: RunStatus::Queued,
            lease: None,
            due_at: Some(now),
            max_concurrent: definition.settings.max_concurrent_runs,
            parent: None,
            depth: 0,
            sealed_key: None,
            sealed_input: None,
            wants_reply: start.wants_reply,
            idempotency: start.idempotency,
            created_at: now,
            started_at: None,
            finished_at: None,
            usage: Usage::default(),
            view: None,
        };
        let new = StartRun {
            run,
            begin: Vec::new(),
            rate: inner.rate(&facts.policies, facts.scope, facts.workflow, now, None),
            events: Vec::new(),
            violations: Vec::new(),
            queued: vec![facts.event(EventKind::RunQueued, now, json!({ "trigger": facts.trigger }))],
        };
        let begun = Begun { facts, machine, log, settled, slot };
        let started = match begun.machine.outcome().cloned() {
            Some(outcome) => inner.store_ended(begun, new, &outcome, audit, now).await,
            None => inner.store_running(begun, new, audit, now).await,
        }?;
        started.ok_or_else(|| {
            let (max_runs, window) = rate.unwrap_or_default();
            Error::TooManyRuns { max_runs, window_seconds: window.as_secs() }
        })
    }
}

/// A run that was taken as far as it goes without the world.
struct Begun {
    facts: Facts,
    machine: Machine,
    log: RunLog,
    settled: Settled,
    slot: Option<OwnedSemaphorePermit>,
}

impl Inner {
    fn new_facts(
        &self,
        principal: Principal,
        scope: Scope,
        id: RunId,
        start: &Start,
        policies: &Result<Arc<Policies>, Failure>,
        now: Timestamp,
    ) -> Facts {
        let definition = start.runnable.plan.definition();
        Facts {
            lease: RunLease { run: id, owner: self.owner, epoch: 1 },
            scope,
            workflow: start.runnable.workflow,
            version: start.runnable.version.clone(),
            principal,
            trigger: start.trigger.to_owned(),
            parent: None,
            depth: 0,
            wants_reply: start.wants_reply,
            limited: definition.settings.max_concurrent_runs.is_some(),
            started_at: now,
            budget: definition.settings.token_budget,
            deadline: facts::deadline(&start.runnable.plan, now, &self.settings),
            policies: facts::readable(policies),
        }
    }

    /// The fast path: everything about the run is one change. `None`: the workflow has had as many runs as it may.
    async fn store_ended(
        &self,
        begun: Begun,
        mut new: StartRun,
        outcome: &Outcome,
        audit: AuditOfStart,
        now: Timestamp,
    ) -> Result<Option<Started>, Error> {
        let Begun { facts, log, settled, .. } = begun;
        let ended = self.clock.now();
        let failure = view::run_failure(&*self.mask, outcome);
        let finished = Finished::of(facts.lease.run, outcome, failure, Usage::default());
        new.run.status = finished.status;
        new.run.due_at = None;
        new.run.started_at = Some(now);
        new.run.finished_at = Some(ended);
        new.run.view = Some(log.render(&*self.mask, Some(outcome), finished.failure.as_ref()));
        new.events.push(facts.event(EventKind::RunStarted, now, json!({ "trigger": facts.trigger })));
        let (violations, events) = facts.found(self, &settled.changes, &settled.screenings, ended);
        new.violations = violations;
        new.events.extend(events);
        new.events.push(facts.finished_event(finished.status, finished.failure.as_ref(), ended));
        let outcome = StartOutcome { run: finished.run, status: finished.status, failure: finished.failure.clone() };
        match self.store.start_run(new, Beside::audited(self.audit.rows(audit(&outcome)).await?)).await? {
            StartedAs::TooMany => Ok(None),
            StartedAs::Already(run) => Ok(Some(Started::Already(run))),
            StartedAs::Asked | StartedAs::InLine => Ok(Some(Started::Finished(finished))),
        }
    }

    /// The other path: the run is on disk before anything happens, and goes on after.
    async fn store_running(
        self: &Arc<Self>,
        begun: Begun,
        mut new: StartRun,
        audit: AuditOfStart,
        now: Timestamp,
    ) -> Result<Option<Started>, Error> {
        let Begun { facts, machine, log, settled, slot } = begun;
        let (run, scope) = (facts.lease.run, facts.scope);
        let key = self.vault.new_run_key(scope, run).map_err(|_| Error::Sealed)?;
        new.run.sealed_key = Some(key.wrapped().map_err(|_| Error::Sealed)?);
        new.run.sealed_input = Some(seal::input(&key, &machine.input().json)?);
        let here = slot.is_some();
        let mut drive = self.new_drive(facts, key, machine, log, slot);
        if here {
            new.run.status = RunStatus::Running;
            new.run.lease = Some(self.owner);
            new.run.due_at = Some(now + self.settings.lease);
            new.run.started_at = Some(now);
            new.events.push(drive.facts.event(EventKind::RunStarted, now, json!({ "trigger": drive.facts.trigger })));
            let (violations, events) = drive.facts.found(self, &settled.changes, &settled.screenings, now);
            new.violations = violations;
            new.events.extend(events);
            new.events.extend(drive.facts.node_events(&settled.changes, now));
            drive.begin_with(settled, &mut new, now).await;
        } else {
            new.events = new.queued.clone();
        }
        let outcome = StartOutcome { run, status: new.run.status, failure: None };
        let end = new.run.wants_reply.then(|| self.active.wait(run));
        let handle = Handle { run, end };
        match self.store.start_run(new, Beside::audited(self.audit.rows(audit(&outcome)).await?)).await? {
            StartedAs::TooMany => Ok(None),
            StartedAs::Already(run) => Ok(Some(Started::Already(run))),
            StartedAs::Asked if here => {
                drive.asked = self.enter(&drive.facts, Asked::default());
                let begun = drive.steps.iter().filter(|(_, step)| step.state == State::InFlight);
                for step in begun.map(|(step, _)| step.clone()).collect::<Vec<_>>() {
                    drive.launch(step);
                }
                self.tasks.spawn(drive.go());
                Ok(Some(Started::Running(handle)))
            }
            StartedAs::Asked | StartedAs::InLine => {
                self.wake.notify_one();
                Ok(Some(Started::Queued(handle)))
            }
        }
    }

    pub(crate) fn enter(&self, facts: &Facts, already: Asked) -> tokio::sync::watch::Receiver<Asked> {
        self.active.enter(facts.lease.run, facts.lease.epoch, facts.principal, facts.scope, already)
    }

    pub(crate) fn new_drive(
        self: &Arc<Self>,
        facts: Facts,
        key: RunKey,
        machine: Machine,
        log: RunLog,
        slot: Option<OwnedSemaphorePermit>,
    ) -> Drive {
        Drive {
            engine: Arc::clone(self),
            facts: Arc::new(facts),
            key,
            machine,
            log,
            usage: Usage::default(),
            ordinal: 1,
            steps: HashMap::new(),
            asked: tokio::sync::watch::channel(Asked::default()).1,
            flights: futures::stream::FuturesUnordered::new(),
            next: Checkpoint::default(),
            screenings: Vec::new(),
            looked: 0,
            slot,
        }
    }
}

impl Drive {
    /// Takes up the first work; effects that may begin at once have their checkpoint in the run's first change.
    async fn begin_with(&mut self, settled: Settled, new: &mut StartRun, now: Timestamp) {
        for work in settled.work {
            let call = matches!(work.task, Task::Call(_));
            let step = work.step.clone();
            self.enlist(work, now).await;
            if let (true, Some(outstanding)) = (call, self.steps.get_mut(&step)) {
                (outstanding.attempts, outstanding.state) = (1, State::InFlight);
                new.begin.push(self.facts.address(&step));
            }
        }
    }
}
