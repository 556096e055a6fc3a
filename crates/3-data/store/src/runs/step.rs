//! Steps: what has been begun on the outside world, and what came of it.

use domain::{RunId, StepAddress, Timestamp};

use super::RunLease;
use crate::{
    Error, Result, Store,
    kernel::{sql::binds, tx::Tx},
};

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepState {
    /// Its effect may be in flight, or may have happened without our knowing.
    Started,
    /// It waits: for a time, a person or a child run, or to be tried again.
    Waiting,
    /// Its answer is here.
    Done,
}

impl StepState {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Waiting => "waiting",
            Self::Done => "done",
        }
    }
    fn parse(word: &str) -> Result<Self> {
        [Self::Started, Self::Waiting, Self::Done]
            .into_iter()
            .find(|state| state.as_str() == word)
            .ok_or_else(|| Error::corrupt("state", "expected started, waiting or done"))
    }
}

/// A step as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StepRow {
    pub address: StepAddress,
    pub state: StepState,
    /// How often its effect was begun.
    pub attempts: u32,
    /// Sealed under the run's key; there when it is done.
    pub answer: Option<Vec<u8>>,
    /// Counts the answers in the order in which the run took them in; absent while it has not.
    pub ordinal: Option<u64>,
    /// When a wait or a pause between attempts ends.
    pub due_at: Option<Timestamp>,
    pub started_at: Timestamp,
    pub finished_at: Option<Timestamp>,
}

/// Its effect is about to be performed for the `attempts`th time. A step that is done stays done.
pub(crate) async fn started(tx: &mut Tx, step: &StepAddress, attempts: u32, now: Timestamp) -> Result<()> {
    put(tx, step, StepState::Started, attempts, None, now).await
}

/// It waits until `due_at`, or until somebody else finishes it.
pub(crate) async fn waiting(
    tx: &mut Tx,
    step: &StepAddress,
    attempts: u32,
    due_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<()> {
    put(tx, step, StepState::Waiting, attempts, due_at, now).await
}

async fn put(
    tx: &mut Tx,
    step: &StepAddress,
    state: StepState,
    attempts: u32,
    due_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<()> {
    tx.run(
        "insert into run_steps (run, node, path, step, state, attempts, due_at, started_at) \
         values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (run, node, path, step) do update set \
         state = excluded.state, attempts = excluded.attempts, due_at = excluded.due_at \
         where run_steps.state <> 'done'",
        binds![step.run, &step.node, &step.path, step.index, state.as_str(), attempts, due_at, now],
    )
    .await?;
    Ok(())
}

/// Its answer is here. The first answer stays: whoever comes second writes nothing and hears `false`. `ordinal` is
/// given by the worker that has the run; an answer from outside gets its own when a worker [`adopted`] it.
pub(crate) async fn done(
    tx: &mut Tx,
    step: &StepAddress,
    answer: &[u8],
    ordinal: Option<u64>,
    now: Timestamp,
) -> Result<bool> {
    let written = tx
        .run(
            "insert into run_steps (run, node, path, step, state, attempts, answer, started_at, finished_at, ordinal) \
             values ($1, $2, $3, $4, 'done', 1, $5, $6, $6, $7) on conflict (run, node, path, step) do update set \
             state = 'done', answer = excluded.answer, due_at = null, finished_at = excluded.finished_at, \
             ordinal = excluded.ordinal \
             where run_steps.state <> 'done'",
            binds![step.run, &step.node, &step.path, step.index, answer, now, ordinal],
        )
        .await?;
    Ok(written == 1)
}

/// The run has taken in an answer that came from outside.
pub(crate) async fn adopted(tx: &mut Tx, step: &StepAddress, ordinal: u64) -> Result<()> {
    tx.run(
        "update run_steps set ordinal = $5 where run = $1 and node = $2 and path = $3 and step = $4",
        binds![step.run, &step.node, &step.path, step.index, ordinal],
    )
    .await?;
    Ok(())
}

impl Store {
    /// Every step of a run: first those whose answers it has taken in, in that order, then the others.
    pub async fn run_steps(&self, lease: &RunLease) -> Result<Vec<StepRow>> {
        let run = lease.run;
        let rows = self
            .db()
            .all(
                "select node, path, step, state, attempts, answer, due_at, started_at, finished_at, ordinal \
                 from run_steps where run = $1 order by coalesce(ordinal, 9000000000000000000), finished_at, node, \
                 path, step",
                binds![run],
            )
            .await?;
        rows.iter()
            .map(|row| {
                let (node, path, index) = (row.get("node")?, row.get("path")?, row.get("step")?);
                Ok(StepRow {
                    address: StepAddress { run, node, path, index },
                    state: StepState::parse(&row.get::<String>("state")?)?,
                    attempts: row.get("attempts")?,
                    answer: row.get("answer")?,
                    ordinal: row.get("ordinal")?,
                    due_at: row.get("due_at")?,
                    started_at: row.get("started_at")?,
                    finished_at: row.get("finished_at")?,
                })
            })
            .collect()
    }
}

/// Whether somebody has answered a step that the run has not taken in yet.
pub(crate) async fn news(tx: &mut Tx, run: RunId) -> Result<bool> {
    let row = tx
        .optional(
            "select node from run_steps where run = $1 and state = 'done' and ordinal is null limit 1",
            binds![run],
        )
        .await?;
    Ok(row.is_some())
}

/// The run has ended: its answers are forgotten together with the key that would open them.
pub(super) async fn forget(tx: &mut Tx, run: RunId) -> Result<()> {
    tx.run("delete from run_steps where run = $1", binds![run]).await?;
    Ok(())
}
