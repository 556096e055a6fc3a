//! How a worker lets go of a run: it has ended, or it waits.

use domain::{Environment, RunStatus, StepAddress, Timestamp, Usage, WorkflowId};

use super::{RunLease, claim, secrets, step};
use crate::{
    Result,
    kernel::{sql::binds, tx::Tx},
};

/// What the waiting step of the parent run is told.
#[derive(Debug, Clone)]
pub struct ParentAnswer {
    pub step: StepAddress,
    /// Sealed under the parent's key.
    pub answer: Vec<u8>,
}

/// The end of a run.
#[derive(Debug, Clone)]
pub struct Ending {
    pub status: RunStatus,
    pub at: Timestamp,
    pub usage: Usage,
    /// Screened and masked JSON.
    pub view: String,
    /// The output sealed under the run's own key, when another process waits for it; the key then lives until the
    /// reply is taken or [`forget_replies`] comes by.
    pub sealed_reply: Option<Vec<u8>>,
    pub parent: Option<ParentAnswer>,
    pub limited: Option<(WorkflowId, Environment)>,
    /// It may have used credentials.
    pub used_credentials: bool,
}

/// Ends the run: status, view and totals are written, its key and everything sealed under it are forgotten, open
/// approvals and children are cancelled, the parent is woken and the next in line let in. `false`: the lease was lost
/// and nothing was written.
pub(crate) async fn end(tx: &mut Tx, lease: &RunLease, ending: &Ending) -> Result<bool> {
    let written = tx
        .run(
            "update runs set status = $4, finished_at = $5, view = $6, input_tokens = $7, output_tokens = $8, \
             sealed_reply = $9, sealed_key = case when $10 then sealed_key else null end, sealed_input = null, \
             lease_owner = null, due_at = null, wish = null, wish_reason = null \
             where id = $1 and lease_owner = $2 and lease_epoch = $3 and status = 'running'",
            binds![
                lease.run,
                lease.owner,
                lease.epoch,
                ending.status,
                ending.at,
                &ending.view,
                ending.usage.input_tokens,
                ending.usage.output_tokens,
                ending.sealed_reply.as_ref(),
                ending.sealed_reply.is_some(),
            ],
        )
        .await?;
    if written == 0 {
        return Ok(false);
    }
    step::forget(tx, lease.run).await?;
    if ending.used_credentials {
        secrets::forget(tx, lease.run).await?;
    }
    tx.run(
        "update approvals set status = 'cancelled', decided_at = $2 where run = $1 and status = 'open'",
        binds![lease.run, ending.at],
    )
    .await?;
    tx.run(
        "update runs set wish = 'cancel', wish_reason = 'the run that started it has ended', \
         due_at = case when status = 'running' then due_at else $2 end \
         where parent = $1 and status in ('queued', 'running', 'waiting', 'paused')",
        binds![lease.run, ending.at],
    )
    .await?;
    if let Some(parent) = &ending.parent {
        answer_step(tx, parent, ending.at).await?;
    }
    if let Some((workflow, environment)) = ending.limited {
        claim::let_next_in(tx, workflow, environment).await?;
    }
    Ok(true)
}

/// Finishes a step from outside its run (a child has ended, people have decided) and wakes the run. `false`: the run
/// has ended, or the step was finished already.
pub(crate) async fn answer_step(tx: &mut Tx, answer: &ParentAnswer, now: Timestamp) -> Result<bool> {
    // The row of the run first: a worker that parks the run holds it, and reads the steps after that.
    let alive = tx
        .run(
            "update runs set due_at = case when status = 'waiting' then $2 else due_at end \
             where id = $1 and status in ('queued', 'running', 'waiting', 'paused')",
            binds![answer.step.run, now],
        )
        .await?;
    Ok(alive == 1 && step::done(tx, &answer.step, &answer.answer, None, now).await?)
}

/// A run that lets go of its worker without ending.
#[derive(Debug, Clone)]
pub struct Parking {
    /// `Waiting`, `Paused`, or `Queued` to be taken again at once.
    pub status: RunStatus,
    /// When it wakes by itself.
    pub due_at: Option<Timestamp>,
    pub usage: Usage,
    /// What can be shown of it so far; screened and masked JSON.
    pub view: String,
    pub limited: Option<(WorkflowId, Environment)>,
}

/// Parks the run. `false`: the lease was lost and nothing was written.
pub(crate) async fn park(tx: &mut Tx, lease: &RunLease, parking: &Parking) -> Result<bool> {
    let written = tx
        .run(
            "update runs set status = $4, due_at = $5, view = $6, input_tokens = $7, output_tokens = $8, claims = 0, \
             lease_owner = null, wish = case when $4 = 'paused' then null else wish end \
             where id = $1 and lease_owner = $2 and lease_epoch = $3 and status = 'running'",
            binds![
                lease.run,
                lease.owner,
                lease.epoch,
                parking.status,
                parking.due_at,
                &parking.view,
                parking.usage.input_tokens,
                parking.usage.output_tokens,
            ],
        )
        .await?;
    if written == 1
        && let Some((workflow, environment)) = parking.limited
    {
        claim::let_next_in(tx, workflow, environment).await?;
    }
    Ok(written == 1)
}

/// The reply of an ended run, sealed under the run's key; both are forgotten as they are taken.
pub(crate) async fn take_reply(tx: &mut Tx, run: domain::RunId) -> Result<Option<(Vec<u8>, Vec<u8>)>> {
    let row = tx
        .optional(
            "select sealed_key, sealed_reply from runs where id = $1 and sealed_reply is not null \
             and sealed_key is not null",
            binds![run],
        )
        .await?;
    let Some(row) = row else { return Ok(None) };
    tx.run("update runs set sealed_key = null, sealed_reply = null where id = $1", binds![run]).await?;
    Ok(Some((row.get("sealed_key")?, row.get("sealed_reply")?)))
}

/// Forgets replies, and their keys, of runs that ended before `before`: nobody came for them.
pub(crate) async fn forget_replies(tx: &mut Tx, _permit: &authz::SystemPermit, before: Timestamp) -> Result<u64> {
    tx.run(
        "update runs set sealed_key = null, sealed_reply = null where sealed_reply is not null and finished_at < $1",
        binds![before],
    )
    .await
}
