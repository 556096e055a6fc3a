//! What people ask of a run that is under way: cancel, pause, resume. A wish is written into the run's row and honoured
//! by whichever worker has the run, or takes it next; so it reaches a run in any process and survives a crash.

use authz::{Permit, action::ExecuteWorkflow};
use domain::{RunId, RunStatus, Timestamp};

use crate::{
    Error, Result,
    kernel::{row::Row, sql::binds, tx::Tx},
};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    Cancel,
    Pause,
}

impl Wish {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Pause => "pause",
        }
    }
    pub(super) fn read(row: &Row) -> Result<Option<(Self, String)>> {
        let reason = row.get::<Option<String>>("wish_reason")?.unwrap_or_default();
        match row.get::<Option<String>>("wish")?.as_deref() {
            None => Ok(None),
            Some("cancel") => Ok(Some((Self::Cancel, reason))),
            Some("pause") => Ok(Some((Self::Pause, reason))),
            Some(_) => Err(Error::corrupt("wish", "expected cancel or pause")),
        }
    }
}

async fn status_of(tx: &mut Tx, permit: &Permit<ExecuteWorkflow>, run: RunId) -> Result<RunStatus> {
    tx.optional(
        "select status from runs where id = $1 and team = $2 and environment = $3",
        binds![run, permit.scope().team, permit.scope().environment],
    )
    .await?
    .ok_or(Error::Missing { what: "the run" })?
    .get("status")
}

/// Asks for the run's end. A run that no worker has becomes due at once, so that one takes it and ends it properly; a
/// run that is over stays as it is. Returns the status before.
pub(crate) async fn cancel(
    tx: &mut Tx,
    permit: &Permit<ExecuteWorkflow>,
    run: RunId,
    reason: &str,
    now: Timestamp,
) -> Result<RunStatus> {
    let status = status_of(tx, permit, run).await?;
    if !status.is_final() {
        tx.run(
            "update runs set wish = $2, wish_reason = $3, due_at = case when status = 'running' then due_at else $4 end \
             where id = $1 and status in ('queued', 'running', 'waiting', 'paused')",
            binds![run, Wish::Cancel.as_str(), reason, now],
        )
        .await?;
    }
    Ok(status)
}

/// By whose rights runs live that nobody drives: in line, waiting for a time, a person or a child, paused. One after
/// another, in order, so that a look costs as much as there are principals, however many runs there are.
pub(super) const NEXT_PARKED: &str = "select principal, team, environment from runs \
    where status in ('queued', 'waiting', 'paused') and (principal, team, environment) > ($1, $2, $3) \
    order by principal, team, environment limit 1";
/// Asks for the end of all of them; each becomes due, so that a worker takes it and ends it properly.
pub(super) const END_PARKED: &str = "update runs set wish = 'cancel', wish_reason = $4, due_at = $5 \
    where status in ('queued', 'waiting', 'paused') and principal = $1 and team = $2 and environment = $3 \
    and (wish is null or wish = 'pause')";

/// Asks that no further step begins. Returns the status after.
///
/// # Errors
/// `Refused` when the run is over.
pub(crate) async fn pause(tx: &mut Tx, permit: &Permit<ExecuteWorkflow>, run: RunId) -> Result<RunStatus> {
    match status_of(tx, permit, run).await? {
        RunStatus::Paused => Ok(RunStatus::Paused),
        RunStatus::Running => {
            tx.run(
                "update runs set wish = 'pause', wish_reason = null where id = $1 and status = 'running' \
                 and wish is null",
                binds![run],
            )
            .await?;
            Ok(RunStatus::Running)
        }
        RunStatus::Queued | RunStatus::Waiting => {
            tx.run(
                "update runs set status = 'paused', due_at = null where id = $1 and status in ('queued', 'waiting') \
                 and wish is null",
                binds![run],
            )
            .await?;
            Ok(RunStatus::Paused)
        }
        _ => Err(Error::Refused { what: "the run is over and cannot be paused" }),
    }
}

/// Lets a paused run go on, in line with others of its workflow. Returns the status after.
///
/// # Errors
/// `Refused` when the run is not paused.
pub(crate) async fn resume(
    tx: &mut Tx,
    permit: &Permit<ExecuteWorkflow>,
    run: RunId,
    now: Timestamp,
) -> Result<RunStatus> {
    match status_of(tx, permit, run).await? {
        RunStatus::Paused => {
            tx.run(
                "update runs set status = 'queued', due_at = $2 where id = $1 and status = 'paused'",
                binds![run, now],
            )
            .await?;
            Ok(RunStatus::Queued)
        }
        RunStatus::Running => {
            tx.run("update runs set wish = null where id = $1 and wish = 'pause'", binds![run]).await?;
            Ok(RunStatus::Running)
        }
        _ => Err(Error::Refused { what: "the run is not paused" }),
    }
}
