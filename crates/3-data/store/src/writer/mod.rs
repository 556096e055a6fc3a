//! The one writer of this process. Changes arrive on a queue; whatever waits is performed in one transaction, with all
//! audit entries and events of the batch appended in a few statements, and committed once.
//!
//! A change that fails never hurts its neighbours: the batch is rolled back, what stood before it is performed again
//! as a batch, it alone in its own transaction, and what stood after it as a batch. Order is kept. While the database
//! is away, changes are tried again until their window has passed; nothing is answered before its commit.

mod attempt;
mod op;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]
mod tests;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use tokio::{
    sync::{Mutex, broadcast, mpsc},
    time::Instant,
};
use tracing::{debug, warn};

use self::attempt::{Attempt, Fault};
pub(crate) use self::op::{Op, Work, told, typed};
use crate::{
    Error, Result,
    audit::Linker,
    events::News,
    kernel::{conn::Target, tx::Effects},
};

/// The way in.
#[derive(Clone)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Box<dyn Op>>,
    /// The transaction's room: the task is in it while it works, and a caller may be while it does not.
    attempt: Arc<Mutex<Attempt>>,
    at_once: bool,
    pub window: Duration,
}

pub(crate) struct Settings {
    pub target: Target,
    pub linker: Arc<dyn Linker>,
    pub news: broadcast::Sender<News>,
    pub batch: usize,
    pub queue: usize,
    pub window: Duration,
    pub timeout: Duration,
}

impl Writer {
    /// Starts the task. It ends, with everything in the queue performed, when the last `Writer` is dropped.
    pub fn start(settings: Settings) -> (Self, tokio::task::JoinHandle<()>) {
        let (queue, arrivals) = mpsc::channel(settings.queue.max(1));
        let (batch, window) = (settings.batch.max(1), settings.window);
        let at_once = matches!(settings.target, Target::Sqlite(_));
        let attempt = Arc::new(Mutex::new(Attempt::new(settings)));
        let task = tokio::spawn(serve(attempt.clone(), arrivals, batch, window));
        (Self { queue, attempt, at_once, window }, task)
    }

    /// Stores entries that stand alone on the caller's own thread, if nobody waits in the queue and nobody is at work:
    /// then there is no group to commit with, and two hand-overs between threads are saved. Says whether they are
    /// stored; if not, they must be queued.
    pub fn record_at_once(&self, effects: &Effects) -> bool {
        let alone = effects.events.is_empty() && effects.violations.is_empty() && !effects.audit.is_empty();
        let idle = self.queue.capacity() == self.queue.max_capacity();
        if !(self.at_once && alone && idle) {
            return false;
        }
        self.attempt.try_lock().is_ok_and(|mut attempt| attempt.record_at_once(effects.audit.clone()))
    }

    /// Queues a change; waits while the queue is full, at most for the window.
    pub async fn send(&self, op: Box<dyn Op>) -> Result<()> {
        match self.queue.try_send(op) {
            Ok(()) => Ok(()),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(Error::Closed),
            Err(mpsc::error::TrySendError::Full(op)) => match self.queue.send_timeout(op, self.window).await {
                Ok(()) => Ok(()),
                Err(mpsc::error::SendTimeoutError::Closed(_)) => Err(Error::Closed),
                Err(mpsc::error::SendTimeoutError::Timeout(_)) => Err(Error::away("too many changes are waiting")),
            },
        }
    }
}

async fn serve(
    attempt: Arc<Mutex<Attempt>>,
    mut arrivals: mpsc::Receiver<Box<dyn Op>>,
    batch: usize,
    window: Duration,
) {
    let mut arrived = Vec::with_capacity(batch);
    while arrivals.recv_many(&mut arrived, batch).await > 0 {
        let mut attempt = attempt.lock().await;
        settle(&mut attempt, std::mem::take(&mut arrived), window).await;
    }
    attempt.lock().await.close().await;
}

type Group = Vec<Box<dyn Op>>;

/// Answers every op of `ops`.
async fn settle(attempt: &mut Attempt, ops: Group, window: Duration) {
    let mut groups = VecDeque::from([ops]);
    let mut pause = FIRST_PAUSE;
    while let Some(mut group) = groups.pop_front() {
        if group.is_empty() {
            continue;
        }
        match attempt.perform(&mut group).await {
            Ok(()) => {
                pause = FIRST_PAUSE;
                group.into_iter().for_each(|op| op.answer(Ok(())));
            }
            Err(Fault::Away { why, at }) => {
                debug!(%why, waiting = group.len(), "the database is away");
                match at {
                    // One op keeps meeting a lock or a limit: the others need not share its fate.
                    Some(culprit) if group.len() > 1 && pause > PATIENCE => isolate(&mut groups, group, culprit),
                    _ => groups.push_front(expire(group, window, &why)),
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            Err(Fault::Uncertain(trace)) => match attempt.look_up(trace, deadline(&group, window)).await {
                Some(true) => group.into_iter().for_each(|op| op.answer(Ok(()))),
                Some(false) => groups.push_front(group),
                None => group.into_iter().for_each(|op| op.answer(Err(Error::Uncertain))),
            },
            Err(Fault::Of(_, error) | Fault::Whole(error)) if group.len() == 1 => {
                if let Some(op) = group.pop() {
                    op.answer(Err(error));
                }
            }
            Err(Fault::Of(culprit, _)) => isolate(&mut groups, group, culprit),
            Err(Fault::Whole(error)) => {
                warn!(%error, waiting = group.len(), "a batch could not be stored; its changes are tried one by one");
                for op in group.into_iter().rev() {
                    groups.push_front(vec![op]);
                }
            }
        }
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// What stands before the culprit, the culprit alone, what stands after it.
fn isolate(groups: &mut VecDeque<Group>, mut before: Group, culprit: usize) {
    let mut alone = before.split_off(culprit);
    let after = alone.split_off(1);
    for part in [after, alone, before] {
        groups.push_front(part);
    }
}

/// Tells the ops whose window has passed; the others go on.
fn expire(group: Group, window: Duration, why: &str) -> Group {
    let now = Instant::now();
    let (late, waiting): (Group, Group) = group.into_iter().partition(|op| op.since() + window <= now);
    late.into_iter().for_each(|op| op.answer(Err(Error::away(why))));
    waiting
}

/// When the last of them gives up, but not at once.
fn deadline(group: &Group, window: Duration) -> Instant {
    let last = group.iter().map(|op| op.since()).max().unwrap_or_else(Instant::now);
    (last + window).max(Instant::now() + Duration::from_secs(1))
}
