//! One run, driven: the machine says what it wants, the world answers, and between the two a checkpoint is on disk.
//!
//! The order of one turn: take in what the machine wants (`enlist`), honour what is asked (cancel, pause), see whose
//! time has come, write the checkpoint, only then begin the effects, and wait for the first thing to happen.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use domain::{Timestamp, Usage};
use futures::{StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use store::runs::{Checkpoint, Parked, Parking};
use tokio::sync::{OwnedSemaphorePermit, watch};
use vault::RunKey;
use workflow::{Change, Failure, FailureKind, Machine, Work, machine::StepKey};

use crate::{
    active::{Asked, note},
    engine::Inner,
    facts::Facts,
    found::Screening,
    ports::Performed,
    settle::{Settled, settle},
    view::RunLog,
};

/// A step that the machine waits for.
pub(crate) struct Outstanding {
    pub work: Work,
    /// Attempts begun so far.
    pub attempts: u32,
    pub state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Its effect may begin.
    Ready,
    /// Its effect is under way.
    InFlight,
    /// Something happens by itself at this time: the wait ends, or the next attempt begins.
    Until(Timestamp),
    /// Somebody else will answer.
    Outside,
}

pub(crate) type Flight = BoxFuture<'static, (StepKey, Result<Performed, Failure>)>;

/// A run in the hands of this process.
pub(crate) struct Drive {
    pub engine: Arc<Inner>,
    pub facts: Arc<Facts>,
    pub key: RunKey,
    pub machine: Machine,
    pub log: RunLog,
    pub usage: Usage,
    /// Place of the next answer in the order of the run.
    pub ordinal: u64,
    pub steps: HashMap<StepKey, Outstanding>,
    pub asked: watch::Receiver<Asked>,
    pub flights: FuturesUnordered<Flight>,
    /// What the next checkpoint holds.
    pub next: Checkpoint,
    /// Guardrails that have looked since the last checkpoint.
    pub screenings: Vec<Screening>,
    /// The last hint that has been followed.
    pub looked: u64,
    pub slot: Option<OwnedSemaphorePermit>,
}

impl Drive {
    /// Until the run ends, is parked or is lost.
    pub(crate) async fn go(mut self) {
        self.turns().await;
        if self.machine.outcome().is_some() {
            self.engine.effects.forget(self.facts.lease.run);
        }
        self.engine.active.leave(self.facts.lease.run, self.facts.lease.epoch);
        drop(self.slot.take());
        self.engine.wake.notify_one();
    }

    async fn turns(&mut self) {
        loop {
            self.take_in().await;
            let now = self.engine.clock.now();
            let asked = self.asked.borrow_and_update().clone();
            if asked.lost {
                return;
            }
            if self.machine.outcome().is_none() {
                if let Some(reason) = &asked.cancel {
                    self.machine.halt(Failure::new(FailureKind::Cancelled, reason.clone()));
                } else if now >= self.facts.deadline {
                    self.machine.halt(Failure::new(FailureKind::Timeout, "the run took longer than it may"));
                }
                self.settle_changes(now);
            }
            if self.machine.outcome().is_some() {
                return self.end().await;
            }
            if asked.look != self.looked {
                self.looked = asked.look;
                if self.may_be_answered_outside() && self.look_outside().await {
                    continue;
                }
            }
            if self.times_up(now).await {
                continue;
            }
            let held = asked.pause || asked.drain;
            let launch = if held { Vec::new() } else { self.ready() };
            if launch.is_empty() && self.flights.is_empty() && (held || self.nothing_soon(now)) {
                match self.park(&asked, now).await {
                    Some(Parked::NotYet(beat)) => {
                        let mut also = self.asked.borrow().clone();
                        note(&mut also, &beat);
                        self.engine.active.ask(self.facts.lease.run, |asked| *asked = also);
                        self.look_outside().await;
                        continue;
                    }
                    Some(Parked::Parked | Parked::Lost) | None => return,
                }
            }
            if !self.write_checkpoint().await {
                return;
            }
            for step in launch {
                self.launch(step);
            }
            self.wait(now).await;
        }
    }

    /// Takes in what the machine wants now.
    async fn take_in(&mut self) {
        loop {
            let now = self.engine.clock.now();
            let Settled { work, changes, screenings } =
                settle(&mut self.machine, &*self.engine.effects, self.facts.scope, &mut self.log, &|| {
                    self.engine.clock.now()
                });
            self.screenings.extend(screenings);
            self.tell(&changes, now);
            if work.is_empty() || self.machine.outcome().is_some() {
                return self.forget_given_up();
            }
            for work in work {
                self.enlist(work, now).await;
            }
        }
    }

    /// Steps of a branch that was given up: nobody waits for their answers any more.
    fn forget_given_up(&mut self) {
        let wanted: HashSet<&StepKey> = self.machine.outstanding().map(|work| &work.step).collect();
        if wanted.len() != self.steps.len() {
            self.steps.retain(|step, _| wanted.contains(step));
        }
    }

    /// Notes changes that a halt has caused.
    fn settle_changes(&mut self, now: Timestamp) {
        let changes = self.machine.changes();
        for change in &changes {
            self.log.note(change, now);
        }
        self.tell(&changes, now);
    }

    /// Events and violations of these changes go with the next checkpoint.
    pub(crate) fn tell(&mut self, changes: &[Change], now: Timestamp) {
        let screenings = std::mem::take(&mut self.screenings);
        let (violations, events) = self.facts.found(&self.engine, changes, &screenings, now);
        self.next.events.extend(events);
        self.next.events.extend(self.facts.node_events(changes, now));
        self.next.violations.extend(violations);
    }

    /// Steps whose effects may begin; they are in the checkpoint from here on.
    fn ready(&mut self) -> Vec<StepKey> {
        let mut launch = Vec::new();
        for (step, outstanding) in &mut self.steps {
            if outstanding.state == State::Ready {
                outstanding.state = State::InFlight;
                outstanding.attempts += 1;
                self.next.started.push((self.facts.address(step), outstanding.attempts));
                launch.push(step.clone());
            }
        }
        launch
    }

    /// When something happens by itself.
    pub(crate) fn next_time(&self) -> Option<Timestamp> {
        let times = self.steps.values().filter_map(|step| match step.state {
            State::Until(at) => Some(at),
            _ => None,
        });
        times.min()
    }

    fn nothing_soon(&self, now: Timestamp) -> bool {
        self.next_time().is_none_or(|at| at.since(now) > self.engine.settings.longest_pause_in_memory)
    }

    /// Until an effect has ended, something is asked, or a time has come.
    async fn wait(&mut self, now: Timestamp) {
        let next = self.next_time().map_or(self.facts.deadline, |at| at.min(self.facts.deadline));
        let pause = next.since(now).min(Duration::from_secs(3600));
        tokio::select! {
            biased;
            Some((step, result)) = self.flights.next(), if !self.flights.is_empty() => self.landed(&step, result),
            changed = self.asked.changed() => {
                if changed.is_err() {
                    // Nobody can ask any more: another has taken this run's place here.
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
            () = tokio::time::sleep(pause) => {}
        }
    }

    /// Lets go of the run until something wakes it.
    async fn park(&mut self, asked: &Asked, now: Timestamp) -> Option<Parked> {
        use domain::{EventKind, RunStatus};
        let (status, due_at, kind) = if asked.pause {
            (RunStatus::Paused, None, Some(EventKind::RunPaused))
        } else if asked.drain {
            (RunStatus::Queued, Some(now), None)
        } else {
            let wake = self.next_time().map_or(self.facts.deadline, |at| at.min(self.facts.deadline));
            (RunStatus::Waiting, Some(wake), Some(EventKind::RunWaiting))
        };
        if let Some(kind) = kind {
            self.next.events.push(self.facts.event(kind, now, serde_json::json!({})));
        }
        let parking = Parking {
            status,
            due_at,
            usage: self.usage,
            view: self.log.render(&self.engine.mask_of(self.facts.lease.run), None, None),
            limited: self.facts.limited.then_some((self.facts.workflow, self.facts.scope.environment)),
        };
        let checkpoint = Arc::new(std::mem::take(&mut self.next));
        let (engine, lease) = (Arc::clone(&self.engine), self.facts.lease);
        let write = || {
            let (store, checkpoint, parking) = (engine.store.clone(), Arc::clone(&checkpoint), parking.clone());
            let now = engine.clock.now();
            let until = now + engine.settings.lease;
            async move { store.park_run(lease, now, until, checkpoint, parking).await }
        };
        let parked = engine.persist(lease.run, write).await;
        if !checkpoint.children.is_empty() {
            self.engine.wake.notify_one();
        }
        parked
    }

    /// Puts what was collected on disk; `false`: the run is lost. Without anything to write nothing is written.
    async fn write_checkpoint(&mut self) -> bool {
        if self.next.is_empty() {
            return true;
        }
        let checkpoint = Arc::new(std::mem::take(&mut self.next));
        let (engine, lease) = (Arc::clone(&self.engine), self.facts.lease);
        let write = || {
            let (store, checkpoint) = (engine.store.clone(), Arc::clone(&checkpoint));
            let now = engine.clock.now();
            let until = now + engine.settings.lease;
            async move { store.checkpoint(lease, now, until, checkpoint).await }
        };
        let written = engine.persist(lease.run, write).await;
        if !checkpoint.children.is_empty() {
            self.engine.wake.notify_one();
        }
        match written {
            Some(Some(beat)) => {
                if beat.wish.is_some() {
                    self.engine.active.ask(lease.run, |asked| note(asked, &beat));
                }
                true
            }
            Some(None) | None => false,
        }
    }
}
