//! The steps of a run that is driven: taken up, begun, answered, tried again.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use domain::{EventKind, RunId, RunStatus, Scope, Timestamp, Usage, Value};
use futures::FutureExt as _;
use serde_json::json;
use store::runs::{NewApproval, NewRun, StepState, TokenUsage};
use workflow::{
    Answer, ApprovalRequest, Call, Failure, FailureKind, Task, Wait, Work, call::OnTimeout, machine::StepKey,
};

use crate::{
    backoff,
    drive::{Drive, Outstanding, State},
    engine::Inner,
    found,
    found::Screening,
    ports::{EffectContext, Mask as _, ModelCall, Performed, Runnable},
    rules, seal,
    step_key::step_key,
};

fn asks_a_model(call: &Call) -> bool {
    matches!(call, Call::Chat(_) | Call::Embed(_))
}

/// A team whose month is spent calls no model any more.
async fn within_month(engine: &Inner, scope: Scope) -> Result<(), Failure> {
    let month = engine.months.of(scope).await.map_err(|error| {
        tracing::warn!(%error, "what a team has used this month could not be read");
        Failure::new(FailureKind::Internal, "what the team has used this month could not be read")
    })?;
    policies::month(month.tokens.used, month.tokens.limit).map_err(rules::refusal)
}

impl Drive {
    /// Takes up a new step.
    pub(crate) async fn enlist(&mut self, work: Work, now: Timestamp) {
        let state = match &work.task {
            Task::Call(call) => {
                let mut allowed = rules::ask(&self.facts.policies, call).and_then(|()| self.within_budget(call));
                if allowed.is_ok() && asks_a_model(call) {
                    allowed = within_month(&self.engine, self.facts.scope).await;
                }
                if let Err(failure) = allowed {
                    return self.answer(&work.step, Answer::Failed { failure });
                }
                State::Ready
            }
            Task::Wait(Wait::Until { at }) => self.wait_until(&work, Some(*at)),
            Task::Wait(Wait::For { duration }) => self.wait_until(&work, Some(now + *duration)),
            Task::Wait(Wait::Approval(request)) => {
                let deadline = request.timeout.map(|timeout| now + timeout);
                self.ask_people(&work, &request.clone(), deadline, now);
                self.wait_until(&work, deadline)
            }
            Task::Workflow { workflow, input } => {
                let found = match self.find(workflow.clone(), now).await {
                    Ok(found) => self.spawn(&work, &found, input, now),
                    Err(failure) => Err(failure),
                };
                match found {
                    Ok(()) => self.wait_until(&work, None),
                    Err(failure) => return self.answer(&work.step, Answer::Failed { failure }),
                }
            }
        };
        self.steps.insert(work.step.clone(), Outstanding { work, attempts: 0, state });
    }

    fn wait_until(&mut self, work: &Work, at: Option<Timestamp>) -> State {
        self.next.waiting.push((self.facts.address(&work.step), 1, at));
        at.map_or(State::Outside, State::Until)
    }

    /// R202: a run whose budget is used up calls no model any more.
    fn within_budget(&self, call: &Call) -> Result<(), Failure> {
        if asks_a_model(call) { self.budget_allows(1) } else { Ok(()) }
    }

    fn budget_allows(&self, wanted: u64) -> Result<(), Failure> {
        let used = self.usage.input_tokens.saturating_add(self.usage.output_tokens);
        policies::budget(used, wanted, self.facts.budget).map_err(rules::refusal)
    }

    fn ask_people(&mut self, work: &Work, request: &ApprovalRequest, deadline: Option<Timestamp>, now: Timestamp) {
        let mut subject = request.subject.clone();
        let mask = self.engine.mask_of(self.facts.lease.run);
        mask.json(&mut subject);
        let mut excluded = request.excluded.clone();
        if request.forbid_self_approval {
            excluded.extend(self.facts.principal.person());
        }
        let id = RunId::new(now, self.engine.entropy.bytes()).uuid();
        let step = self.facts.address(&work.step);
        let payload = json!({ "approval": id.simple().to_string(), "node": step.node, "path": step.path });
        self.next.events.push(self.facts.event(EventKind::ApprovalRequested, now, payload));
        self.next.questions.push(NewApproval {
            id,
            scope: self.facts.scope,
            workflow: self.facts.workflow,
            step,
            message: mask.text(&request.message).into_owned(),
            subject,
            approvers: request.approvers.clone(),
            required: request.required.max(1),
            excluded,
            deadline,
            on_timeout: match request.on_timeout {
                OnTimeout::Approve => "approve",
                OnTimeout::Reject => "reject",
                OnTimeout::Fail => "fail",
            },
            created_at: now,
        });
    }

    /// The workflow that a step wants to run.
    async fn find(&mut self, workflow: String, now: Timestamp) -> Result<Runnable, Failure> {
        if self.facts.depth >= self.engine.settings.max_depth {
            let message = format!("sub-workflows go deeper than {}", self.engine.settings.max_depth);
            return Err(Failure::new(FailureKind::TooLarge, message));
        }
        let mut pause = Duration::from_millis(100);
        loop {
            match self.engine.versions.published(self.facts.scope, &workflow).await {
                Ok(Some(found)) => return self.within_rate(found, now).await,
                Ok(None) => {
                    let message = format!("there is no published workflow {workflow:?} in this environment");
                    return Err(Failure::new(FailureKind::Child, message));
                }
                Err(error) if error.is_unavailable() && !self.engine.stopping.is_cancelled() => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(2));
                }
                Err(error) => return Err(Failure::new(FailureKind::Internal, error.to_string())),
            }
        }
    }

    /// R200: a sub-workflow is held to its own rate, too.
    async fn within_rate(&mut self, found: Runnable, now: Timestamp) -> Result<Runnable, Failure> {
        let policies = self.engine.rules.of(&found.plan)?;
        let Some((_, window)) = policies.rate_window() else { return Ok(found) };
        let made = self.engine.store.count_runs(self.facts.scope, found.workflow, now - window).await;
        let made = made.map_err(|error| Failure::new(FailureKind::Internal, error.to_string()))?;
        let Err(violation) = policies.rate(made) else { return Ok(found) };
        let told = found::beside(&self.engine, self.facts.scope, found.workflow, &violation, now);
        self.next.events.extend(told.events);
        self.next.violations.extend(told.violations);
        Err(Failure::new(FailureKind::Child, format!("the sub-workflow was not started: {violation}")))
    }

    /// A run of its own, under its own key; it is stored with the checkpoint and wakes this one when it ends.
    fn spawn(&mut self, work: &Work, found: &Runnable, input: &Value, now: Timestamp) -> Result<(), Failure> {
        let internal = |_| Failure::new(FailureKind::Internal, "the sub-workflow's input could not be sealed");
        let id = RunId::new(now, self.engine.entropy.bytes());
        let key = self.engine.vault.new_run_key(self.facts.scope, id).map_err(|_| crate::Error::Sealed);
        let key = key.map_err(internal)?;
        self.next.children.push(NewRun {
            id,
            scope: self.facts.scope,
            workflow: found.workflow,
            version: found.version.clone(),
            principal: self.facts.principal,
            trigger: "sub_workflow",
            trigger_node: None,
            status: RunStatus::Queued,
            lease: None,
            due_at: Some(now),
            max_concurrent: found.plan.definition().settings.max_concurrent_runs,
            parent: Some(self.facts.address(&work.step)),
            depth: self.facts.depth + 1,
            sealed_key: Some(key.wrapped().map_err(|_| crate::Error::Sealed).map_err(internal)?),
            sealed_input: Some(seal::input(&key, &input.json).map_err(internal)?),
            wants_reply: false,
            idempotency: None,
            created_at: now,
            started_at: None,
            finished_at: None,
            usage: Usage::default(),
            view: None,
        });
        Ok(())
    }

    /// Begins an effect; its checkpoint is on disk.
    pub(crate) fn launch(&mut self, step: StepKey) {
        let Some(outstanding) = self.steps.get(&step) else { return };
        let Task::Call(call) = outstanding.work.task.clone() else { return };
        let address = self.facts.address(&step);
        let timeout = outstanding.work.timeout.unwrap_or_else(|| usual_timeout(&call));
        let cx = EffectContext {
            scope: self.facts.scope,
            run: self.facts.lease.run,
            workflow: self.facts.workflow,
            principal: self.facts.principal,
            key: step_key(&address),
            step: address,
            attempt: outstanding.attempts,
            timeout,
            policies: Arc::clone(&self.facts.policies),
        };
        let effects = Arc::clone(&self.engine.effects);
        self.flights.push(Box::pin(async move {
            let work = AssertUnwindSafe(async move { effects.perform(cx, call).await }).catch_unwind();
            let result = match tokio::time::timeout(timeout, work).await {
                Ok(Ok(result)) => result,
                Ok(Err(_)) => Err(Failure::new(FailureKind::Internal, "the call met a defect of NodeLoom")),
                Err(_) => {
                    let message = format!("there was no answer within {} ms", timeout.as_millis());
                    Err(Failure::new(FailureKind::Timeout, message).retryable())
                }
            };
            (step, result)
        }));
    }

    /// An effect has ended.
    pub(crate) fn landed(&mut self, step: &StepKey, result: Result<Performed, Failure>) {
        let now = self.engine.clock.now();
        let Some(outstanding) = self.steps.get_mut(step) else { return };
        let attempts = outstanding.attempts;
        match result {
            Ok(Performed { answer, model_calls }) => {
                for (n, call) in model_calls.into_iter().enumerate() {
                    self.count(step, attempts, n, call, now);
                }
                // A call that went over the budget was the run's last.
                let answer = match self.budget_allows(0) {
                    Err(failure) if answer.usage() != Usage::default() => {
                        self.log.used(step, answer.usage());
                        Answer::Failed { failure }
                    }
                    _ => answer,
                };
                self.answer(step, answer);
            }
            Err(failure) => {
                let pause = failure.retryable.then(|| outstanding.work.retry.delay_after(attempts)).flatten();
                let Some(ceiling) = pause else { return self.answer(step, Answer::Failed { failure }) };
                let asked = Duration::from_millis(failure.retry_after_ms.unwrap_or(0));
                let pause = backoff::jittered(ceiling, self.engine.entropy.fraction()).max(asked);
                let at = now + pause;
                outstanding.state = State::Until(at);
                if pause > self.engine.settings.longest_pause_in_memory {
                    self.next.waiting.push((self.facts.address(step), attempts, Some(at)));
                }
            }
        }
    }

    /// R203: a row for every model call. `n`: the calls of one step are kept apart by their attempt number.
    fn count(&mut self, step: &StepKey, attempt: u32, n: usize, call: ModelCall, at: Timestamp) {
        self.usage += call.usage;
        self.next.usage.push(TokenUsage {
            step: self.facts.address(step),
            attempt: attempt.saturating_add((n as u32).saturating_mul(1000)),
            scope: self.facts.scope,
            workflow: self.facts.workflow,
            principal: self.facts.principal,
            provider: call.provider,
            model: call.model,
            usage: call.usage,
            cost_micros: call.cost_micros,
            at,
        });
    }

    /// Takes in an answer that this process has; it is in the next checkpoint.
    pub(crate) fn answer(&mut self, step: &StepKey, answer: Answer) {
        let address = self.facts.address(step);
        self.screenings.extend(Screening::of(step, &answer));
        match seal::answer(&self.key, &address, &answer) {
            Ok(sealed) => {
                self.next.done.push((address, sealed, self.ordinal));
                self.ordinal += 1;
                self.apply(step, answer);
            }
            Err(error) => {
                tracing::error!(run = %self.facts.lease.run, %error, "an answer could not be sealed");
                self.machine.halt(Failure::new(FailureKind::Internal, "an answer could not be sealed"));
            }
        }
    }

    fn apply(&mut self, step: &StepKey, answer: Answer) {
        let attempts = self.steps.remove(step).map_or(1, |outstanding| outstanding.attempts.max(1));
        self.log.answered(step, &answer, attempts, None);
        if let Err(error) = self.machine.apply(step, answer) {
            tracing::debug!(run = %self.facts.lease.run, %error, "an answer came too late");
        }
    }

    /// Waits that have ended and attempts that are due; `true`: the machine has an answer more.
    pub(crate) async fn times_up(&mut self, now: Timestamp) -> bool {
        let due: Vec<StepKey> = self
            .steps
            .iter()
            .filter(|(_, step)| matches!(step.state, State::Until(at) if at <= now))
            .map(|(key, _)| key.clone())
            .collect();
        let mut answered = false;
        for step in due {
            let Some(outstanding) = self.steps.get_mut(&step) else { continue };
            let answer = match &outstanding.work.task {
                Task::Call(_) => {
                    outstanding.state = State::Ready;
                    continue;
                }
                Task::Wait(Wait::Approval(request)) => {
                    let on_timeout = request.on_timeout;
                    // Somebody may have decided in the last moment.
                    answered |= self.look_outside().await;
                    if !self.steps.contains_key(&step) {
                        continue;
                    }
                    self.next.expired.push(self.facts.address(&step));
                    timed_out(on_timeout)
                }
                Task::Wait(_) => Answer::Waited { at: now },
                Task::Workflow { .. } => continue,
            };
            self.answer(&step, answer);
            answered = true;
        }
        answered
    }

    /// Whether anybody else may answer one of its steps.
    pub(crate) fn may_be_answered_outside(&self) -> bool {
        self.steps.values().any(|step| !matches!(step.work.task, Task::Call(_)))
    }

    /// Takes in what others have answered: a child has ended, people have decided. `true`: there was something.
    pub(crate) async fn look_outside(&mut self) -> bool {
        let (engine, lease) = (Arc::clone(&self.engine), self.facts.lease);
        let read = || {
            let store = engine.store.clone();
            async move { store.run_steps(&lease).await }
        };
        let Some(rows) = engine.persist(lease.run, read).await else { return false };
        let mut found = false;
        for row in rows.into_iter().filter(|row| row.state == StepState::Done && row.ordinal.is_none()) {
            let step =
                StepKey { node: row.address.node.clone(), path: row.address.path.clone(), index: row.address.index };
            let opened = seal::open_answer(&self.key, &row.address, &row.answer.unwrap_or_default());
            self.next.adopted.push((row.address, self.ordinal));
            self.ordinal += 1;
            found = true;
            match opened {
                Ok(answer) if self.steps.contains_key(&step) => self.apply(&step, answer),
                Ok(_) => {}
                Err(_) => {
                    let message = "an answer that was given to the run does not open";
                    self.machine.halt(Failure::new(FailureKind::Internal, message));
                }
            }
        }
        found
    }

    /// After a claim: steps that were outstanding before go on from where they were; others are taken up.
    pub(crate) async fn take_up_again(&mut self, rows: &[store::runs::StepRow], now: Timestamp) {
        let outstanding: Vec<Work> = self.machine.outstanding().cloned().collect();
        for work in outstanding {
            let address = self.facts.address(&work.step);
            let Some(row) = rows.iter().find(|row| row.address == address) else {
                self.enlist(work, now).await;
                continue;
            };
            let state = match (&work.task, row.due_at) {
                // In flight when its worker went away: performed again, with the same key.
                (Task::Call(_), None) => State::Ready,
                (_, Some(at)) => State::Until(at),
                (Task::Wait(_) | Task::Workflow { .. }, None) => State::Outside,
            };
            self.steps.insert(work.step.clone(), Outstanding { work, attempts: row.attempts, state });
        }
        self.looked = self.looked.wrapping_sub(1);
    }
}

/// What nobody's decision means.
fn timed_out(on_timeout: OnTimeout) -> Answer {
    use workflow::ApprovalAnswer;
    match on_timeout {
        OnTimeout::Fail => {
            Answer::Failed { failure: Failure::new(FailureKind::Timeout, "nobody decided about the approval in time") }
        }
        OnTimeout::Approve | OnTimeout::Reject => Answer::Approval(ApprovalAnswer {
            approved: on_timeout == OnTimeout::Approve,
            timed_out: true,
            decisions: Vec::new(),
        }),
    }
}

/// For calls whose node sets none.
const fn usual_timeout(call: &Call) -> Duration {
    match call {
        Call::Chat(_) => Duration::from_secs(120),
        Call::Code(code) => Duration::from_millis(code.timeout_ms.saturating_add(10_000)),
        Call::Embed(_) | Call::Screen(_) => Duration::from_secs(60),
        Call::Http(_) | Call::Sql(_) => Duration::from_secs(30),
    }
}
