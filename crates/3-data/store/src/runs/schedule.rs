//! What is started by the clock. A schedule fires in the same transaction that moves it on, so of several servers that
//! see it due exactly one starts the run.

use domain::{Environment, Json, Principal, Scope, TeamId, Timestamp, WorkflowId};

use crate::{
    Result,
    kernel::{sql::binds, tx::Tx},
};

/// A schedule trigger of a published version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSchedule {
    /// The trigger's id in the definition.
    pub node: String,
    /// When, and in which time zone: the trigger's parameters.
    pub parameters: Json,
    pub next_at: Timestamp,
}

/// A schedule whose time has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueSchedule {
    pub scope: Scope,
    pub workflow: WorkflowId,
    pub node: String,
    pub version: String,
    /// Whose rights its runs have.
    pub publisher: Principal,
    pub parameters: Json,
    pub next_at: Timestamp,
}

/// The schedules of a workflow in an environment are these from now on; call it in the change that publishes a version
/// (or takes it back: then with none). A schedule that stays the same keeps its next time.
pub(crate) async fn replace(
    tx: &mut Tx,
    scope: Scope,
    workflow: WorkflowId,
    version: &str,
    publisher: Principal,
    schedules: &[NewSchedule],
) -> Result<()> {
    tx.run(
        "delete from schedules where workflow = $1 and environment = $2 and version <> $3",
        binds![workflow, scope.environment, version],
    )
    .await?;
    for schedule in schedules {
        tx.run(
            "insert into schedules (workflow, environment, node, team, version, publisher, parameters, next_at) \
             values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (workflow, environment, node) do update set \
             publisher = excluded.publisher",
            binds![
                workflow,
                scope.environment,
                &schedule.node,
                scope.team,
                version,
                serde_json::json!(publisher),
                &schedule.parameters,
                schedule.next_at,
            ],
        )
        .await?;
    }
    Ok(())
}

/// Nothing is started by the clock any more.
pub(crate) async fn remove(tx: &mut Tx, workflow: WorkflowId, environment: Environment) -> Result<()> {
    tx.run("delete from schedules where workflow = $1 and environment = $2", binds![workflow, environment]).await?;
    Ok(())
}

pub(crate) const DUE: &str = "select workflow, environment, node, team, version, publisher, parameters, next_at \
    from schedules where next_at <= $1 order by next_at limit $2";

impl DueSchedule {
    pub(crate) fn read(row: &crate::kernel::row::Row) -> Result<Self> {
        Ok(Self {
            scope: Scope { team: row.get::<TeamId>("team")?, environment: row.get("environment")? },
            workflow: row.get("workflow")?,
            node: row.get("node")?,
            version: row.get("version")?,
            publisher: row.json("publisher")?,
            parameters: row.get("parameters")?,
            next_at: row.get("next_at")?,
        })
    }
}

/// Moves a due schedule on to `next`; `false`: another server was first, and starts the run.
pub(crate) async fn advance(tx: &mut Tx, due: &DueSchedule, next: Timestamp) -> Result<bool> {
    let moved = tx
        .run(
            "update schedules set next_at = $5, last_at = $4 where workflow = $1 and environment = $2 and node = $3 \
             and next_at = $4",
            binds![due.workflow, due.scope.environment, &due.node, due.next_at, next],
        )
        .await?;
    Ok(moved == 1)
}
