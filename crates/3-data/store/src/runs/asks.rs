//! The changes that people make: cancel, pause, resume, vote.

use authz::{
    Permit,
    action::{DecideApproval, ExecuteWorkflow},
};
use domain::{RunId, RunStatus, Timestamp};

use super::{Approval, Ballot, approval, approval::SealDecision, wish};
use crate::{Effects, Result, Store};

impl Store {
    /// Asks for a run's end; returns its status before.
    ///
    /// # Errors
    /// `Missing` when this team has no such run here.
    pub async fn cancel_run(
        &self,
        permit: Permit<ExecuteWorkflow>,
        run: RunId,
        reason: String,
        now: Timestamp,
        effects: Effects,
    ) -> Result<RunStatus> {
        self.write(effects, (permit, reason), move |(permit, reason), tx| {
            Box::pin(wish::cancel(tx, permit, run, reason, now))
        })
        .await
    }

    /// Asks that no further step begins; returns the status after.
    ///
    /// # Errors
    /// `Missing` when this team has no such run here, `Refused` when it is over.
    pub async fn pause_run(&self, permit: Permit<ExecuteWorkflow>, run: RunId, effects: Effects) -> Result<RunStatus> {
        self.write(effects, permit, move |permit, tx| Box::pin(wish::pause(tx, permit, run))).await
    }

    /// Lets a paused run go on; returns the status after.
    ///
    /// # Errors
    /// `Missing` when this team has no such run here, `Refused` when it is not paused.
    pub async fn resume_run(
        &self,
        permit: Permit<ExecuteWorkflow>,
        run: RunId,
        now: Timestamp,
        effects: Effects,
    ) -> Result<RunStatus> {
        self.write(effects, permit, move |permit, tx| Box::pin(wish::resume(tx, permit, run, now))).await
    }

    /// Adds a person's ballot to an approval.
    ///
    /// # Errors
    /// `Missing` when this team has no such approval here; `Refused` when it is closed, the person is excluded or has
    /// decided already.
    pub async fn vote(
        &self,
        permit: Permit<DecideApproval>,
        id: uuid::Uuid,
        ballot: Ballot,
        seal: SealDecision,
        effects: Effects,
    ) -> Result<Approval> {
        self.write(effects, (permit.scope(), ballot, seal), move |(scope, ballot, seal), tx| {
            Box::pin(approval::vote(tx, *scope, id, ballot, seal))
        })
        .await
    }
}
