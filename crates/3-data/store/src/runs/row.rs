//! A run as it is first written.

use domain::{LeaseId, Principal, RunId, RunStatus, Scope, StepAddress, Timestamp, Usage, WorkflowId};

use super::to_json;
use crate::{
    Result,
    kernel::{sql::binds, tx::Tx},
};

/// A run that is not stored yet.
#[derive(Debug, Clone)]
pub struct NewRun {
    pub id: RunId,
    pub scope: Scope,
    pub workflow: WorkflowId,
    /// The content hash of the version that runs.
    pub version: String,
    pub principal: Principal,
    /// `manual`, `webhook`, `schedule`, `sub_workflow` …
    pub trigger: &'static str,
    /// The trigger's id in the definition; a replay starts at the same one.
    pub trigger_node: Option<String>,
    pub status: RunStatus,
    /// Who drives it from the start; `None` when it is queued or already over.
    pub lease: Option<LeaseId>,
    /// From when it may be claimed; `None` for never.
    pub due_at: Option<Timestamp>,
    pub max_concurrent: Option<u32>,
    /// The step of another run that waits for this one.
    pub parent: Option<StepAddress>,
    /// How many ancestors it has.
    pub depth: u32,
    pub sealed_key: Option<Vec<u8>>,
    pub sealed_input: Option<Vec<u8>>,
    /// Somebody in another process waits for the output itself.
    pub wants_reply: bool,
    /// Two runs of a workflow with the same word are one run.
    pub idempotency: Option<String>,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    pub usage: Usage,
    /// Screened and masked JSON.
    pub view: Option<String>,
}

/// What became of an insert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserted {
    New,
    /// The same idempotency word stands for this run already; nothing was written.
    Already(RunId),
}

const INSERT: &str = "insert into runs (id, team, environment, workflow, version, principal, trigger_kind, status, \
    lease_owner, lease_epoch, due_at, claims, max_concurrent, parent, parent_node, parent_path, parent_index, depth, \
    sealed_key, sealed_input, wants_reply, idempotency, created_at, started_at, finished_at, input_tokens, \
    output_tokens, view, trigger_node) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, \
    $20, $21, $22, $23, $24, $25, $26, $27, $28, $29) on conflict do nothing";

/// Whether there is nothing to ask and nothing to seal: such runs are stored many in one statement.
fn is_plainly_over(run: &NewRun) -> bool {
    run.status.is_final()
        && run.lease.is_none()
        && run.due_at.is_none()
        && run.parent.is_none()
        && run.depth == 0
        && run.sealed_key.is_none()
        && run.sealed_input.is_none()
        && run.idempotency.is_none()
        && run.usage == Usage::default()
}

/// Writes the run, unless its idempotency word is taken.
pub(crate) async fn insert(tx: &mut Tx, run: &NewRun) -> Result<Inserted> {
    if is_plainly_over(run) {
        tx.ended_run(binds![
            run.id,
            run.scope.team,
            run.scope.environment,
            run.workflow,
            &run.version,
            to_json(&run.principal)?,
            run.trigger,
            run.trigger_node.as_ref(),
            run.status,
            run.max_concurrent,
            run.wants_reply,
            run.created_at,
            run.started_at,
            run.finished_at,
            run.view.as_ref(),
        ]);
        return Ok(Inserted::New);
    }
    let parent = run.parent.as_ref();
    let held = u32::from(run.lease.is_some());
    let binds = binds![
        run.id,
        run.scope.team,
        run.scope.environment,
        run.workflow,
        &run.version,
        to_json(&run.principal)?,
        run.trigger,
        run.status,
        run.lease,
        held,
        run.due_at,
        held,
        run.max_concurrent,
        parent.map(|step| step.run),
        parent.map(|step| &step.node),
        parent.map(|step| &step.path),
        parent.map(|step| step.index),
        run.depth,
        run.sealed_key.as_ref(),
        run.sealed_input.as_ref(),
        run.wants_reply,
        run.idempotency.as_ref(),
        run.created_at,
        run.started_at,
        run.finished_at,
        run.usage.input_tokens,
        run.usage.output_tokens,
        run.view.as_ref(),
        run.trigger_node.as_ref(),
    ];
    if tx.run(INSERT, binds).await? == 1 {
        return Ok(Inserted::New);
    }
    let earlier = tx
        .optional(
            "select id from runs where team = $1 and environment = $2 and workflow = $3 and idempotency = $4",
            binds![run.scope.team, run.scope.environment, run.workflow, run.idempotency.as_ref()],
        )
        .await?;
    match earlier {
        Some(row) => Ok(Inserted::Already(row.get("id")?)),
        // The id itself was taken: the same op ran before and its answer was lost, so it is the same run.
        None => Ok(Inserted::Already(run.id)),
    }
}
