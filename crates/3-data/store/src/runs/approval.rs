//! People are asked. A run waits at one of its steps; those who may decide vote; the last vote that is needed writes the
//! step's answer and wakes the run.

use std::sync::Arc;

use domain::{Json, RunId, Scope, StepAddress, Timestamp, UserId, WorkflowId};
use serde::{Deserialize, Serialize};

use super::{ParentAnswer, ending, to_json};
use crate::{
    Error, Result,
    kernel::{row::Row, sql::binds, tx::Tx},
};

/// Where an approval stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalStatus {
    Open,
    Approved,
    Rejected,
    /// Nobody decided in time.
    Expired,
    /// The run ended before.
    Cancelled,
}

impl ApprovalStatus {
    /// The word on the wire and in storage.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }
    fn parse(word: &str) -> Result<Self> {
        [Self::Open, Self::Approved, Self::Rejected, Self::Expired, Self::Cancelled]
            .into_iter()
            .find(|status| status.as_str() == word)
            .ok_or_else(|| Error::corrupt("status", "no approval has such a status"))
    }
}

/// One person's vote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ballot {
    pub by: UserId,
    pub approved: bool,
    /// Screened and masked.
    #[serde(default)]
    pub comment: String,
    pub at: Timestamp,
}

/// A question that is not stored yet.
#[derive(Debug, Clone, PartialEq)]
pub struct NewApproval {
    pub id: uuid::Uuid,
    pub scope: Scope,
    pub workflow: WorkflowId,
    pub step: StepAddress,
    /// Screened and masked.
    pub message: String,
    /// What is approved; screened and masked.
    pub subject: Json,
    /// People (`user_…` or an address) and roles (`role:admin`); empty for everyone who may decide approvals.
    pub approvers: Vec<String>,
    pub required: u32,
    /// May not decide.
    pub excluded: Vec<UserId>,
    pub deadline: Option<Timestamp>,
    pub on_timeout: &'static str,
    pub created_at: Timestamp,
}

/// A question as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Approval {
    pub id: uuid::Uuid,
    pub workflow: WorkflowId,
    pub step: StepAddress,
    pub status: ApprovalStatus,
    pub message: String,
    pub subject: Json,
    pub approvers: Vec<String>,
    pub required: u32,
    pub excluded: Vec<UserId>,
    pub ballots: Vec<Ballot>,
    pub deadline: Option<Timestamp>,
    pub on_timeout: String,
    pub created_at: Timestamp,
    pub decided_at: Option<Timestamp>,
}

pub(crate) const COLUMNS_OF_ONE: &str = "select id, workflow, run, node, path, step, status, message, subject, \
    approvers, required, excluded, decisions, deadline, on_timeout, created_at, decided_at from approvals \
    where id = $1 and team = $2 and environment = $3";
pub(crate) const COLUMNS_OF_MANY: &str = "select id, workflow, run, node, path, step, status, message, subject, \
    approvers, required, excluded, decisions, deadline, on_timeout, created_at, decided_at from approvals \
    where team = $1 and environment = $2 and ($3 is null or status = $3) and id < $4 order by id desc limit $5";

impl Approval {
    pub(crate) fn read(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.get("id")?,
            workflow: row.get("workflow")?,
            step: StepAddress {
                run: row.get::<RunId>("run")?,
                node: row.get("node")?,
                path: row.get("path")?,
                index: row.get("step")?,
            },
            status: ApprovalStatus::parse(&row.get::<String>("status")?)?,
            message: row.get("message")?,
            subject: row.json("subject")?,
            approvers: row.json("approvers")?,
            required: row.get("required")?,
            excluded: row.json("excluded")?,
            ballots: row.json("decisions")?,
            deadline: row.get("deadline")?,
            on_timeout: row.get("on_timeout")?,
            created_at: row.get("created_at")?,
            decided_at: row.get("decided_at")?,
        })
    }
}

/// Asks, once for each step.
pub(crate) async fn ask(tx: &mut Tx, new: &NewApproval) -> Result<()> {
    tx.run(
        "insert into approvals (id, team, environment, workflow, run, node, path, step, status, message, subject, \
         approvers, required, excluded, decisions, deadline, on_timeout, created_at) values ($1, $2, $3, $4, $5, $6, \
         $7, $8, 'open', $9, $10, $11, $12, $13, '[]', $14, $15, $16) on conflict do nothing",
        binds![
            new.id,
            new.scope.team,
            new.scope.environment,
            new.workflow,
            new.step.run,
            &new.step.node,
            &new.step.path,
            new.step.index,
            &new.message,
            &new.subject,
            to_json(&new.approvers)?,
            new.required,
            to_json(&new.excluded)?,
            new.deadline,
            new.on_timeout,
            new.created_at,
        ],
    )
    .await?;
    Ok(())
}

/// Makes the answer of the step out of what was decided, sealed under the run's key.
pub type SealDecision = Arc<dyn Fn(&Approval) -> Option<Vec<u8>> + Send + Sync>;

/// Adds a ballot. One refusal refuses; as many approvals as required approve; then the step is answered and its run
/// woken.
pub(crate) async fn vote(
    tx: &mut Tx,
    scope: Scope,
    id: uuid::Uuid,
    ballot: &Ballot,
    seal: &SealDecision,
) -> Result<Approval> {
    // Touches the row first, so that two votes of two processes come one after the other.
    tx.run(
        "update approvals set status = status where id = $1 and team = $2 and environment = $3",
        binds![id, scope.team, scope.environment],
    )
    .await?;
    let row = tx.optional(COLUMNS_OF_ONE, binds![id, scope.team, scope.environment]).await?;
    let mut approval = Approval::read(&row.ok_or(Error::Missing { what: "the approval" })?)?;
    if approval.status != ApprovalStatus::Open || approval.deadline.is_some_and(|deadline| deadline <= ballot.at) {
        return Err(Error::Refused { what: "the approval is closed" });
    }
    if approval.excluded.contains(&ballot.by) {
        return Err(Error::Refused { what: "whoever started the run may not approve it" });
    }
    if approval.ballots.iter().any(|earlier| earlier.by == ballot.by) {
        return Err(Error::Refused { what: "this person has decided already" });
    }
    approval.ballots.push(ballot.clone());
    let approvals = approval.ballots.iter().filter(|ballot| ballot.approved).count();
    if !ballot.approved {
        approval.status = ApprovalStatus::Rejected;
    } else if approvals >= approval.required.max(1) as usize {
        approval.status = ApprovalStatus::Approved;
    }
    let decided = approval.status != ApprovalStatus::Open;
    approval.decided_at = decided.then_some(ballot.at);
    tx.run(
        "update approvals set status = $2, decisions = $3, decided_at = $4 where id = $1",
        binds![id, approval.status.as_str(), to_json(&approval.ballots)?, approval.decided_at],
    )
    .await?;
    if decided {
        let answer = seal(&approval).ok_or(Error::Refused { what: "the run's key is gone" })?;
        ending::answer_step(tx, &ParentAnswer { step: approval.step.clone(), answer }, ballot.at).await?;
    }
    Ok(approval)
}

/// Nobody decided in time; only the worker that has the run says so. Returns the ballots cast until then.
pub(crate) async fn expire(tx: &mut Tx, step: &StepAddress, now: Timestamp) -> Result<()> {
    tx.run(
        "update approvals set status = 'expired', decided_at = $5 where run = $1 and node = $2 and path = $3 \
         and step = $4 and status = 'open'",
        binds![step.run, &step.node, &step.path, step.index, now],
    )
    .await?;
    Ok(())
}
