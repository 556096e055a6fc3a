//! Which runs this process drives, and what is asked of them; who waits here for a run's end.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use domain::{Principal, RunId, Scope};
use store::runs::{Beat, Wish};
use tokio::sync::{oneshot, watch};

use crate::Finished;

/// What is asked of a run. Only ever grows, except `pause`, which a resume takes back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    pub cancel: Option<String>,
    pub pause: bool,
    /// The lease is gone: write nothing, say nothing.
    pub lost: bool,
    /// The process shuts down: begin nothing more and let go.
    pub drain: bool,
    /// Counts the hints that a step was answered from outside.
    pub look: u64,
}

struct ActiveRun {
    epoch: i64,
    principal: Principal,
    scope: Scope,
    asked: watch::Sender<Asked>,
}

/// The runs that are driven here.
#[derive(Default)]
pub(crate) struct Active {
    runs: Mutex<HashMap<RunId, ActiveRun>>,
    waiters: Mutex<HashMap<RunId, oneshot::Sender<Finished>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Active {
    /// From now on it is driven here.
    pub(crate) fn enter(
        &self,
        run: RunId,
        epoch: i64,
        principal: Principal,
        scope: Scope,
        already: Asked,
    ) -> watch::Receiver<Asked> {
        let (asked, receiver) = watch::channel(already);
        if let Some(before) = lock(&self.runs).insert(run, ActiveRun { epoch, principal, scope, asked }) {
            before.asked.send_modify(|asked| asked.lost = true);
        }
        receiver
    }

    /// No longer.
    pub(crate) fn leave(&self, run: RunId, epoch: i64) {
        let mut runs = lock(&self.runs);
        if runs.get(&run).is_some_and(|active| active.epoch == epoch) {
            runs.remove(&run);
        }
    }

    pub(crate) fn len(&self) -> usize {
        lock(&self.runs).len()
    }

    /// Asks a run that is driven here; `false`: it is not.
    pub(crate) fn ask(&self, run: RunId, change: impl FnOnce(&mut Asked)) -> bool {
        match lock(&self.runs).get(&run) {
            Some(active) => {
                active.asked.send_modify(change);
                true
            }
            None => false,
        }
    }

    pub(crate) fn ask_all(&self, change: impl Fn(&mut Asked)) {
        for active in lock(&self.runs).values() {
            active.asked.send_modify(&change);
        }
    }

    /// After a heartbeat that was sent when `before` was driven here: wishes reach their runs, and a run that was not
    /// among the answers is lost.
    pub(crate) fn heard(&self, before: &HashMap<RunId, i64>, beats: &[Beat]) {
        let runs = lock(&self.runs);
        let alive: HashMap<RunId, &Beat> = beats.iter().map(|beat| (beat.lease.run, beat)).collect();
        for (run, epoch) in before {
            let Some(active) = runs.get(run).filter(|active| active.epoch == *epoch) else { continue };
            match alive.get(run).filter(|beat| beat.lease.epoch == *epoch) {
                Some(beat) => active.asked.send_modify(|asked| note(asked, beat)),
                None => active.asked.send_modify(|asked| asked.lost = true),
            }
        }
    }

    /// What is driven here, with the epoch of each.
    pub(crate) fn epochs(&self) -> HashMap<RunId, i64> {
        lock(&self.runs).iter().map(|(run, active)| (*run, active.epoch)).collect()
    }

    /// On whose behalf runs are driven here.
    pub(crate) fn principals(&self) -> HashMap<(Principal, Scope), Vec<RunId>> {
        let mut all: HashMap<(Principal, Scope), Vec<RunId>> = HashMap::new();
        for (run, active) in lock(&self.runs).iter() {
            all.entry((active.principal, active.scope)).or_default().push(*run);
        }
        all
    }

    /// Somebody in this process waits for the end of a run.
    pub(crate) fn wait(&self, run: RunId) -> oneshot::Receiver<Finished> {
        let (sender, receiver) = oneshot::channel();
        let mut waiters = lock(&self.waiters);
        waiters.retain(|_, waiter| !waiter.is_closed());
        waiters.insert(run, sender);
        receiver
    }

    /// Whether somebody here still waits.
    pub(crate) fn awaited(&self, run: RunId) -> bool {
        lock(&self.waiters).get(&run).is_some_and(|waiter| !waiter.is_closed())
    }

    /// The run has ended, and that is on disk.
    pub(crate) fn finished(&self, finished: Finished) {
        if let Some(waiter) = lock(&self.waiters).remove(&finished.run) {
            // An error says that nobody waits any more.
            _ = waiter.send(finished);
        }
    }
}

/// What a beat says of wishes.
pub(crate) fn note(asked: &mut Asked, beat: &Beat) {
    match &beat.wish {
        Some((Wish::Cancel, reason)) => asked.cancel = Some(reason.clone()),
        Some((Wish::Pause, _)) => asked.pause = true,
        None => asked.pause = false,
    }
    asked.look += 1;
}
