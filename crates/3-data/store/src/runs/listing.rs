//! Reading runs: one, or a page of them, newest first.

use authz::{Permit, action::ViewWorkflow};
use domain::{Json, Principal, RunId, RunStatus, Timestamp, Usage, WorkflowId};
use uuid::Uuid;

use super::{Approval, ApprovalStatus, approval};
use crate::{
    Result, Store,
    kernel::{row::Row, sql::binds},
};

/// A run as people see it.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRecord {
    pub id: RunId,
    pub workflow: WorkflowId,
    pub version: String,
    pub principal: Principal,
    pub trigger: String,
    pub status: RunStatus,
    /// Somebody asked for its end and it has not come yet.
    pub cancelling: bool,
    pub parent: Option<RunId>,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    pub usage: Usage,
    /// Screened input, output, log of every node and the failure; there for a single run, as far as it has come.
    pub view: Option<Json>,
}

impl RunRecord {
    fn read(row: &Row, view: Option<Json>) -> Result<Self> {
        Ok(Self {
            id: row.get("id")?,
            workflow: row.get("workflow")?,
            version: row.get("version")?,
            principal: row.json("principal")?,
            trigger: row.get("trigger_kind")?,
            status: row.get("status")?,
            cancelling: row.get::<Option<String>>("wish")?.as_deref() == Some("cancel"),
            parent: row.get("parent")?,
            created_at: row.get("created_at")?,
            started_at: row.get("started_at")?,
            finished_at: row.get("finished_at")?,
            usage: Usage { input_tokens: row.get("input_tokens")?, output_tokens: row.get("output_tokens")? },
            view,
        })
    }
}

/// Which runs. Everything absent: all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunFilter {
    pub workflow: Option<WorkflowId>,
    pub status: Option<RunStatus>,
    pub trigger: Option<String>,
    /// Children of this run.
    pub parent: Option<RunId>,
    pub created_after: Option<Timestamp>,
    pub created_before: Option<Timestamp>,
}

const ONE: &str = "select id, workflow, version, principal, trigger_kind, status, wish, parent, created_at, started_at, \
    finished_at, input_tokens, output_tokens, view from runs where id = $1 and team = $2 and environment = $3";
/// Lists differ in the index that leads to their rows: neither database takes another one for a bound that may be null.
macro_rules! many {
    ($which:literal) => {
        concat!(
            "select id, workflow, version, principal, trigger_kind, status, wish, parent, created_at, started_at, \
             finished_at, input_tokens, output_tokens from runs where ",
            $which,
            " and id < $3 and ($6 is null or trigger_kind = $6) and ($7 is null or parent = $7) \
             and ($8 is null or created_at >= $8) and ($9 is null or created_at < $9) order by id desc limit $10"
        )
    };
}
const OF_TEAM: &str =
    many!("team = $1 and environment = $2 and ($4 is null or workflow = $4) and ($5 is null or status = $5)");
/// By `runs_by_state`, which says the second bound too; most runs succeed, and those are found without it.
const IN_STATE: &str =
    many!("team = $1 and environment = $2 and ($4 is null or workflow = $4) and status = $5 and status <> 'succeeded'");
/// By `runs_by_workflow`: what is written as a negation leads to no index.
const OF_WORKFLOW: &str =
    many!("workflow = $4 and not (team <> $1) and not (environment <> $2) and ($5 is null or status = $5)");

const fn listing(filter: &RunFilter) -> &'static str {
    match filter {
        RunFilter { status: Some(status), .. } if !matches!(status, RunStatus::Succeeded) => IN_STATE,
        RunFilter { workflow: Some(_), .. } => OF_WORKFLOW,
        _ => OF_TEAM,
    }
}

impl Store {
    /// One run, or `None` when this team has no such run here.
    pub async fn run(&self, permit: &Permit<ViewWorkflow>, id: RunId) -> Result<Option<RunRecord>> {
        let binds = binds![id, permit.scope().team, permit.scope().environment];
        let row = self.db().optional(ONE, binds).await?;
        row.map(|row| RunRecord::read(&row, row.get("view")?)).transpose()
    }

    /// Up to `limit` runs older than `before`, newest first, without their views.
    pub async fn runs(
        &self,
        permit: &Permit<ViewWorkflow>,
        filter: &RunFilter,
        before: Option<RunId>,
        limit: u32,
    ) -> Result<Vec<RunRecord>> {
        let binds = binds![
            permit.scope().team,
            permit.scope().environment,
            before.unwrap_or(RunId::from_uuid(Uuid::max())),
            filter.workflow,
            filter.status,
            filter.trigger.as_ref(),
            filter.parent,
            filter.created_after,
            filter.created_before,
            limit,
        ];
        let rows = self.db().all(listing(filter), binds).await?;
        rows.iter().map(|row| RunRecord::read(row, None)).collect()
    }

    /// One approval, or `None` when this team has no such approval here.
    pub async fn approval(&self, permit: &Permit<ViewWorkflow>, id: Uuid) -> Result<Option<Approval>> {
        let binds = binds![id, permit.scope().team, permit.scope().environment];
        let row = self.db().optional(approval::COLUMNS_OF_ONE, binds).await?;
        row.as_ref().map(Approval::read).transpose()
    }

    /// Up to `limit` approvals older than `before`, newest first.
    pub async fn approvals(
        &self,
        permit: &Permit<ViewWorkflow>,
        status: Option<ApprovalStatus>,
        before: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<Approval>> {
        let binds = binds![
            permit.scope().team,
            permit.scope().environment,
            status.map(ApprovalStatus::as_str),
            before.unwrap_or(Uuid::max()),
            limit,
        ];
        let rows = self.db().all(approval::COLUMNS_OF_MANY, binds).await?;
        rows.iter().map(Approval::read).collect()
    }
}
