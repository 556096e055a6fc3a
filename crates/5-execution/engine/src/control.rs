//! What people ask of runs: cancel, pause, resume, try again, decide; and waiting for an end.

use std::{sync::Arc, time::Duration};

use authz::{
    Permit,
    action::{DecideApproval, ExecuteWorkflow, ViewWorkflow},
};
use domain::{AuditDraft, Json, Role, RunId, RunStatus, UserId};
use store::{
    Effects as Beside,
    runs::{Approval, ApprovalStatus, Ballot, RunRecord},
};
use workflow::{Answer, ApprovalAnswer, answer::Decision};

use crate::{Engine, Error, Finished, Handle, Start, Started, ports::Runnable, seal, start::AuditOfStart};

/// Who decides about an approval, and what.
#[derive(Debug, Clone)]
pub struct Vote {
    pub by: UserId,
    /// Their role in this team: approvers may be named by role.
    pub role: Role,
    /// Their verified address, if approvers are named by address.
    pub address: Option<String>,
    pub approve: bool,
    pub comment: String,
}

impl Engine {
    /// Ends a run, its children, and whatever of it is in flight. Returns the status before; the run is `cancelled` soon
    /// after, in whichever process it is.
    ///
    /// # Errors
    /// [`Error::Missing`]; a run that is over stays as it is.
    pub async fn cancel(
        &self,
        permit: Permit<ExecuteWorkflow>,
        run: RunId,
        audit: Vec<AuditDraft>,
    ) -> Result<RunStatus, Error> {
        let inner = &self.inner;
        let beside = Beside::audited(inner.audit.rows(audit).await?);
        let reason = format!("cancelled by {}", permit.principal());
        let status = inner.store.cancel_run(permit, run, reason.clone(), inner.clock.now(), beside).await?;
        inner.active.ask(run, |asked| asked.cancel = Some(reason));
        inner.wake.notify_one();
        Ok(status)
    }

    /// Stops a run before its next step; effects in flight come to their end first.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::State`] when it is over.
    pub async fn pause(
        &self,
        permit: Permit<ExecuteWorkflow>,
        run: RunId,
        audit: Vec<AuditDraft>,
    ) -> Result<RunStatus, Error> {
        let inner = &self.inner;
        let beside = Beside::audited(inner.audit.rows(audit).await?);
        let status = inner.store.pause_run(permit, run, beside).await?;
        inner.active.ask(run, |asked| asked.pause = true);
        Ok(status)
    }

    /// Lets a paused run go on.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::State`] when it is not paused.
    pub async fn resume(
        &self,
        permit: Permit<ExecuteWorkflow>,
        run: RunId,
        audit: Vec<AuditDraft>,
    ) -> Result<RunStatus, Error> {
        let inner = &self.inner;
        let beside = Beside::audited(inner.audit.rows(audit).await?);
        let status = inner.store.resume_run(permit, run, inner.clock.now(), beside).await?;
        inner.active.ask(run, |asked| asked.pause = false);
        inner.wake.notify_one();
        Ok(status)
    }

    /// A new run of the same version, after one that did not succeed. The raw input of the first is gone with its key:
    /// without `input` the new run gets the screened one, redactions included.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::NotFailed`], and those of [`Engine::start`].
    pub async fn retry(
        &self,
        view: &Permit<ViewWorkflow>,
        permit: &Permit<ExecuteWorkflow>,
        run: RunId,
        input: Option<Json>,
        audit: AuditOfStart,
    ) -> Result<Started, Error> {
        let inner = &self.inner;
        let record = inner.store.run(view, run).await?.ok_or(Error::Missing { what: "the run" })?;
        let RunRecord { workflow, version, status, view: shown, .. } = record;
        if !matches!(status, RunStatus::Failed | RunStatus::Blocked | RunStatus::Cancelled) {
            return Err(Error::NotFailed { status });
        }
        let plan = inner.plan(permit.scope(), workflow, &version).await?;
        let input = input.or_else(|| shown.map(|mut shown| shown["input"].take())).unwrap_or_default();
        let start = Start {
            runnable: Runnable { workflow, version, plan },
            input,
            trigger: "retry",
            trigger_node: None,
            idempotency: None,
            wants_reply: false,
        };
        self.start(permit, start, audit).await
    }

    /// A person's vote. The last one that is needed wakes the run.
    ///
    /// # Errors
    /// [`Error::Missing`]; [`Error::State`] when the approval is closed, the person is not among the approvers, started
    /// the run, or has voted already.
    pub async fn decide_approval(
        &self,
        view: &Permit<ViewWorkflow>,
        permit: Permit<DecideApproval>,
        id: uuid::Uuid,
        vote: Vote,
        audit: Vec<AuditDraft>,
    ) -> Result<Approval, Error> {
        let inner = &self.inner;
        let approval = inner.store.approval(view, id).await?.ok_or(Error::Missing { what: "the approval" })?;
        if !may_vote(&approval, &vote) {
            return Err(Error::State { why: "this person is not among the approvers" });
        }
        let (scope, run) = (permit.scope(), approval.step.run);
        let wrapped = inner.store.sealed_run_key(scope, run).await?;
        let wrapped = wrapped.ok_or(Error::State { why: "the run is over" })?;
        let key = inner.vault.run_key(scope, run, &wrapped).map_err(|_| Error::Sealed)?;
        let seal_decision = Arc::new(move |decided: &Approval| {
            let decision = |ballot: &Ballot| Decision {
                by: ballot.by,
                approved: ballot.approved,
                comment: ballot.comment.clone(),
                at: ballot.at,
            };
            let answer = Answer::Approval(ApprovalAnswer {
                approved: decided.status == ApprovalStatus::Approved,
                timed_out: false,
                decisions: decided.ballots.iter().map(decision).collect(),
            });
            seal::answer(&key, &decided.step, &answer).ok()
        });
        let ballot = Ballot {
            by: vote.by,
            approved: vote.approve,
            comment: inner.mask.text(&vote.comment).into_owned(),
            at: inner.clock.now(),
        };
        let beside = Beside::audited(inner.audit.rows(audit).await?);
        let decided = inner.store.vote(permit, id, ballot, seal_decision, beside).await?;
        if decided.status != ApprovalStatus::Open {
            inner.active.ask(run, |asked| asked.look += 1);
            inner.wake.notify_one();
        }
        Ok(decided)
    }

    /// Waits for the end of a run that was started with `wants_reply`; `None`: it has not ended in time, and goes on.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn wait(
        &self,
        view: &Permit<ViewWorkflow>,
        mut handle: Handle,
        timeout: Duration,
    ) -> Result<Option<Finished>, Error> {
        let end = handle.end.take();
        let here = async {
            match end {
                Some(end) => match end.await {
                    Ok(finished) => finished,
                    Err(_) => std::future::pending().await,
                },
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            finished = here => Ok(Some(finished)),
            finished = self.wait_for(view, handle.run, timeout) => finished,
        }
    }

    /// Waits for the end of any run of this scope by looking at the database, a few times a second. The output is there
    /// when the run was started with `wants_reply` and nobody took it yet; else the screened one of its view.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Store`].
    pub async fn wait_for(
        &self,
        view: &Permit<ViewWorkflow>,
        run: RunId,
        timeout: Duration,
    ) -> Result<Option<Finished>, Error> {
        let inner = &self.inner;
        let deadline = tokio::time::Instant::now() + timeout;
        // A process that drives nothing itself hears of an end only by looking: often at first, then seldom.
        let mut pause = Duration::from_millis(if inner.settings.capacity == 0 { 8 } else { 100 });
        loop {
            // First the pause: a run that is driven here is told of by its handle, without any read.
            tokio::time::sleep_until(deadline.min(tokio::time::Instant::now() + pause)).await;
            let record = inner.store.run(view, run).await?.ok_or(Error::Missing { what: "the run" })?;
            if record.status.is_final() {
                return self.ended(view, record).await.map(Some);
            }
            if tokio::time::Instant::now() >= deadline {
                return Ok(None);
            }
            pause = (pause * 2).min(Duration::from_millis(500));
        }
    }

    async fn ended(&self, view: &Permit<ViewWorkflow>, record: RunRecord) -> Result<Finished, Error> {
        let inner = &self.inner;
        if let Some((wrapped, sealed)) = inner.store.take_reply(record.id).await? {
            let key = inner.vault.run_key(view.scope(), record.id, &wrapped).map_err(|_| Error::Sealed)?;
            return seal::open_reply(&key, &sealed);
        }
        let mut shown = record.view.unwrap_or_default();
        let output = shown.get_mut("output").map(Json::take);
        let failure = shown.get_mut("failure").map(Json::take);
        Ok(Finished {
            run: record.id,
            status: record.status,
            output,
            response: None,
            failure: failure.and_then(|failure| serde_json::from_value(failure).ok()),
            usage: record.usage,
        })
    }
}

/// Named by id, by address or by role; when nobody is named, everybody who may decide approvals.
fn may_vote(approval: &Approval, vote: &Vote) -> bool {
    let (id, role) = (vote.by.to_string(), format!("role:{}", vote.role));
    approval.approvers.is_empty()
        || approval.approvers.iter().any(|named| {
            *named == id
                || *named == role
                || vote.address.as_ref().is_some_and(|address| named.eq_ignore_ascii_case(address))
        })
}
