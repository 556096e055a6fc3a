//! The loops of a worker: taking work, giving signs of life, and letting go in order.

use std::sync::Arc;

use authz::{SystemPermit, act_as_system, action::ExecuteWorkflow};
use domain::{RunFailure, RunStatus, Usage};
use store::runs::{Checkpoint, Claimed, Ending, StepState};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use workflow::{RunInfo, machine::StepKey};

use crate::{
    Engine, Error, Finished, active::Asked, end::end_draft, engine::Inner, facts::Facts, seal, settle::settle,
    start::machine, view::RunLog,
};

const CLAIMING: SystemPermit = act_as_system("claiming due runs");
/// Claims of one statement.
const BATCH: usize = 32;

impl Engine {
    /// Takes due runs and drives them, until `shutdown`; then lets the runs come to a stop between two steps, for the
    /// grace period at most, and hands everything back so that another worker may take it at once.
    pub async fn run_worker(&self, shutdown: CancellationToken) {
        let inner = &self.inner;
        let mut news = inner.store.news();
        while !shutdown.is_cancelled() {
            let took = if inner.settings.capacity == 0 { 0 } else { inner.take_work().await };
            if took >= BATCH {
                continue;
            }
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = inner.wake.notified() => {}
                () = heard_elsewhere(&mut news) => {
                    // Many commits of other processes are one reason to look.
                    tokio::time::sleep(std::time::Duration::from_millis(4)).await;
                }
                () = tokio::time::sleep(inner.settings.poll) => {}
            }
        }
        inner.stop().await;
    }

    /// Signs of life for everything that is driven here, and whatever people ask of it, until `shutdown` and until the
    /// last run has been let go.
    pub async fn run_heartbeat(&self, shutdown: CancellationToken) {
        let inner = &self.inner;
        loop {
            tokio::select! {
                () = tokio::time::sleep(inner.settings.heartbeat) => {}
                () = shutdown.cancelled() => {
                    if inner.active.len() == 0 {
                        return;
                    }
                    tokio::time::sleep(inner.settings.heartbeat.min(std::time::Duration::from_millis(250))).await;
                }
            }
            inner.beat().await;
            inner.end_parked().await;
        }
    }

    /// One sign of life.
    pub async fn beat(&self) {
        self.inner.beat().await;
    }

    /// Claims and starts what is due, once; returns how many runs were taken.
    pub async fn take_work(&self) -> usize {
        self.inner.take_work().await
    }
}

async fn heard_elsewhere(news: &mut tokio::sync::broadcast::Receiver<store::News>) {
    loop {
        match news.recv().await {
            Ok(store::News::Here { .. }) => {}
            Ok(store::News::Elsewhere) | Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => return,
            Err(tokio::sync::broadcast::error::RecvError::Closed) => return std::future::pending().await,
        }
    }
}

impl Inner {
    pub(crate) async fn take_work(self: &Arc<Self>) -> usize {
        let mut slots: Vec<OwnedSemaphorePermit> = Vec::new();
        while slots.len() < BATCH
            && let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned()
        {
            slots.push(slot);
        }
        if slots.is_empty() || self.stopping.is_cancelled() {
            return 0;
        }
        let now = self.clock.now();
        let claimed =
            self.store.claim_runs(CLAIMING, self.owner, now, now + self.settings.lease, slots.len() as u32).await;
        let claimed = claimed.unwrap_or_else(|error| {
            tracing::warn!(%error, "no work could be claimed");
            Vec::new()
        });
        let took = claimed.len();
        for claimed in claimed {
            let (inner, slot) = (Arc::clone(self), slots.pop());
            self.tasks.spawn(async move { inner.go_on(claimed, slot).await });
        }
        took
    }

    /// Goes on with a run that was claimed.
    async fn go_on(self: Arc<Self>, claimed: Claimed, slot: Option<OwnedSemaphorePermit>) {
        if let Err(error) = self.revive(&claimed, slot).await {
            self.active.leave(claimed.lease.run, claimed.lease.epoch);
            match error {
                Error::Store(_) => {
                    tracing::warn!(run = %claimed.lease.run, %error, "a claimed run could not be gone on with");
                    // If this fails too, the heartbeat finds it among the orphans.
                    _ = self.store.release_run(claimed.lease, self.clock.now() + self.settings.poll).await;
                }
                error => self.give_up(&claimed, "NL-5120", &error.to_string()).await,
            }
        }
    }

    async fn revive(self: &Arc<Self>, claimed: &Claimed, slot: Option<OwnedSemaphorePermit>) -> Result<(), Error> {
        if claimed.claims > self.settings.max_claims {
            let why = format!(
                "the run was taken {} times in a row and its worker went away each time without getting on; \
                 something in it ends the worker",
                claimed.claims - 1
            );
            self.give_up(claimed, "NL-5121", &why).await;
            return Ok(());
        }
        let plan = self.plan(claimed.scope, claimed.workflow, &claimed.version).await?;
        let policies = self.rules.of(&plan);
        let facts = Facts::of(claimed, &plan, &policies, &self.settings);
        let mut asked = Asked::default();
        match &claimed.wish {
            Some((store::runs::Wish::Cancel, reason)) => asked.cancel = Some(reason.clone()),
            Some((store::runs::Wish::Pause, _)) => asked.pause = true,
            None => {}
        }
        let actor = self.rights.actor(claimed.principal, claimed.scope).await?;
        if actor.is_none_or(|actor| actor.may::<ExecuteWorkflow>().is_err()) {
            asked.cancel = Some(LOST_RIGHT.to_owned());
        }
        let key = self.vault.run_key(claimed.scope, claimed.lease.run, &claimed.sealed_key);
        let key = key.map_err(|_| Error::Sealed)?;
        if claimed.resumed {
            self.recall(claimed.lease.run, &key).await?;
        }
        let input = seal::open_input(&key, &claimed.sealed_input)?;
        let info = RunInfo {
            id: claimed.lease.run,
            started_at: facts.started_at,
            environment: claimed.scope.environment,
            workflow: plan.definition().name.clone(),
        };
        let mut machine = machine(&plan, &policies, info, input, claimed.trigger_node.as_deref())?;
        machine.handles(self.handles(claimed.scope, claimed.lease.run));
        let log = RunLog::new(Arc::clone(machine.input()));
        let first = !claimed.resumed;
        let mut drive = self.new_drive(facts, key, machine, log, slot);
        drive.asked = self.enter(&drive.facts, asked);
        let rows = if first { Vec::new() } else { self.store.run_steps(&claimed.lease).await? };
        let now = self.clock.now();
        let kind = if first { domain::EventKind::RunStarted } else { domain::EventKind::RunResumed };
        let trigger = serde_json::json!({ "trigger": drive.facts.trigger });
        drive.next.events.push(drive.facts.event(kind, now, trigger));
        let then = drive.facts.started_at;
        let begun = settle(&mut drive.machine, &*self.effects, drive.facts.scope, &mut drive.log, &|| then);
        if rows.is_empty() && claimed.view.is_none() {
            // Whatever was found on the way to its first step has been kept by nobody yet.
            drive.screenings = begun.screenings;
            drive.tell(&begun.changes, now);
        }
        for row in rows.iter().filter(|row| row.state == StepState::Done && row.ordinal.is_some()) {
            let answer = seal::open_answer(&drive.key, &row.address, row.answer.as_deref().unwrap_or_default())?;
            let step =
                StepKey { node: row.address.node.clone(), path: row.address.path.clone(), index: row.address.index };
            drive.usage += answer.usage();
            drive.log.answered(&step, &answer, row.attempts, Some(row.started_at));
            drive.ordinal = drive.ordinal.max(row.ordinal.unwrap_or(0) + 1);
            if drive.machine.apply(&step, answer).is_err() {
                tracing::warn!(run = %claimed.lease.run, ?step, "a recorded answer was not asked for in the replay");
            }
            let then = row.finished_at.unwrap_or(now);
            settle(&mut drive.machine, &*self.effects, drive.facts.scope, &mut drive.log, &|| then);
        }
        if let Some(view) = &claimed.view {
            drive.log.remember(view);
        }
        drive.usage = Usage {
            input_tokens: drive.usage.input_tokens.max(claimed.usage.input_tokens),
            output_tokens: drive.usage.output_tokens.max(claimed.usage.output_tokens),
        };
        drive.take_up_again(&rows, now).await;
        drive.go().await;
        Ok(())
    }

    /// What the run has used before it came here is hidden here, too.
    async fn recall(&self, run: domain::RunId, key: &vault::RunKey) -> Result<(), Error> {
        let rows = self.store.run_secrets(run).await?;
        let mut secrets = Vec::new();
        for row in rows {
            secrets.extend(seal::open_secrets(key, row.id, &row.sealed)?);
        }
        if !secrets.is_empty() {
            self.effects.recall(run, secrets);
        }
        Ok(())
    }

    /// Ends a run that cannot be gone on with, without replaying it.
    async fn give_up(self: &Arc<Self>, claimed: &Claimed, code: &str, why: &str) {
        let now = self.clock.now();
        let failure = RunFailure { code: code.to_owned(), message: why.to_owned(), node: None, violations: Vec::new() };
        let mut view = claimed.view.clone().unwrap_or_else(|| serde_json::json!({ "nodes": [] }));
        view["failure"] = serde_json::json!(failure);
        let started_at = claimed.started_at.unwrap_or(claimed.created_at);
        let facts = Facts {
            lease: claimed.lease,
            scope: claimed.scope,
            workflow: claimed.workflow,
            version: claimed.version.clone(),
            principal: claimed.principal,
            trigger: claimed.trigger.clone(),
            parent: claimed.parent.clone(),
            depth: claimed.depth,
            wants_reply: false,
            limited: claimed.limited,
            started_at,
            budget: None,
            deadline: now,
            policies: Arc::default(),
        };
        let status = RunStatus::Failed;
        let events = vec![facts.finished_event(status, Some(&failure), now)];
        let parent = match &claimed.parent {
            None => None,
            Some(step) => match self.store.sealed_run_key(claimed.scope, step.run).await {
                Ok(Some(wrapped)) => self.vault.run_key(claimed.scope, step.run, &wrapped).ok().and_then(|key| {
                    let message = format!("the sub-workflow {} did not succeed: {why}", claimed.lease.run);
                    let failure = workflow::Failure::new(workflow::FailureKind::Child, message);
                    let answer = seal::answer(&key, step, &workflow::Answer::Failed { failure }).ok()?;
                    Some(store::runs::ParentAnswer { step: step.clone(), answer })
                }),
                Ok(None) | Err(_) => None,
            },
        };
        let ending = Ending {
            status,
            at: now,
            usage: claimed.usage,
            view: view.to_string(),
            sealed_reply: None,
            parent,
            limited: claimed.limited.then_some((claimed.workflow, claimed.scope.environment)),
            used_credentials: true,
        };
        let draft = end_draft(self, &facts, status, Some(&failure), now);
        let last = Arc::new(Checkpoint { events, ..Checkpoint::default() });
        let ended = match self.audit.rows(vec![draft]).await {
            Ok(rows) => self.store.end_run(claimed.lease, ending, last, store::Effects::audited(rows)).await,
            Err(error) => Err(error),
        };
        match ended {
            Ok(_) => {
                let usage = claimed.usage;
                let (run, output, response) = (claimed.lease.run, None, None);
                self.active.finished(Finished { run, status, output, response, failure: Some(failure), usage });
            }
            Err(error) => tracing::warn!(run = %claimed.lease.run, %error, "a run could not be given up"),
        }
    }

    pub(crate) async fn beat(&self) {
        let before = self.active.epochs();
        if before.is_empty() {
            return;
        }
        let until = self.clock.now() + self.settings.lease;
        match self.store.heartbeat(self.owner, until).await {
            Ok(beats) => {
                self.active.heard(&before, &beats);
                self.hand_back_orphans(&beats).await;
            }
            Err(error) => tracing::warn!(%error, "no sign of life could be given"),
        }
        for ((principal, scope), runs) in self.active.principals() {
            let Ok(actor) = self.rights.actor(principal, scope).await else { continue };
            if actor.is_none_or(|actor| actor.may::<ExecuteWorkflow>().is_err()) {
                for run in runs {
                    self.active.ask(run, |asked| asked.cancel = Some(LOST_RIGHT.to_owned()));
                }
            }
        }
    }

    /// Runs that nobody drives stop with the right of whoever started them too, now and not when they would have woken.
    async fn end_parked(&self) {
        let parked = match self.store.parked_principals(CLAIMING).await {
            Ok(parked) => parked,
            Err(error) => return tracing::warn!(%error, "nobody could be asked about runs that wait"),
        };
        for (principal, scope) in parked {
            let Ok(actor) = self.rights.actor(principal, scope).await else { continue };
            if actor.is_some_and(|actor| actor.may::<ExecuteWorkflow>().is_ok()) {
                continue;
            }
            match self.store.end_parked(CLAIMING, principal, scope, LOST_RIGHT, self.clock.now()).await {
                Ok(0) => {}
                Ok(_) => self.wake.notify_one(),
                Err(error) => tracing::warn!(%error, "runs of somebody who lost the right could not be ended"),
            }
        }
    }

    /// Runs whose lease is ours and that nobody here drives, twice in a row: their driver gave up without a word.
    async fn hand_back_orphans(&self, beats: &[store::runs::Beat]) {
        let driven = self.active.epochs();
        let now: Vec<_> =
            beats.iter().map(|beat| beat.lease).filter(|lease| driven.get(&lease.run) != Some(&lease.epoch)).collect();
        let before = std::mem::replace(
            &mut *self.orphans.lock().unwrap_or_else(std::sync::PoisonError::into_inner),
            now.clone(),
        );
        for lease in now.into_iter().filter(|lease| before.contains(lease)) {
            tracing::warn!(run = %lease.run, "a run that nobody drives is handed back");
            _ = self.store.release_run(lease, self.clock.now()).await;
        }
    }

    /// Runs stop between two steps; what has not stopped when the grace is over is dropped, and its steps are performed
    /// again elsewhere, with the same keys.
    async fn stop(&self) {
        self.active.ask_all(|asked| asked.drain = true);
        self.tasks.close();
        _ = tokio::time::timeout(self.settings.grace, async {
            while self.active.len() > 0 {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        })
        .await;
        self.stopping.cancel();
        self.active.ask_all(|asked| asked.lost = true);
        if let Err(error) = self.store.release_runs(self.owner, self.clock.now()).await {
            tracing::warn!(%error, "leases were not released; they run out by themselves");
        }
    }
}

/// Why a run was cancelled although nobody cancelled it.
pub(crate) const LOST_RIGHT: &str = "whoever started the run has lost the right to execute workflows here";
