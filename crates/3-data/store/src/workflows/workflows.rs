//! A workflow over all its versions. It belongs to a team, and is seen in each of its environments.

use authz::{
    Permit, SystemPermit,
    action::{DeleteWorkflow, EditWorkflow, ViewWorkflow},
};
use domain::{Principal, TeamId, Timestamp, WorkflowId};

use super::{NewVersion, publications, versions};
use crate::{
    Effects, Error, Page, PageRequest, Result, Store, dialect,
    kernel::{row::Row, sql::binds},
    page::Cursor,
};

/// A workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workflow {
    pub id: WorkflowId,
    pub team: TeamId,
    /// Unique among the team's workflows.
    pub name: String,
    pub description: String,
    pub created_by: Principal,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// The newest version's number.
    pub latest: u32,
}

/// A workflow that is not stored yet, with its first version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWorkflow {
    pub id: WorkflowId,
    pub name: String,
    pub description: String,
    pub first: NewVersion,
}

const ONE: &str = "SELECT id, team, name, description, created_by, created_at, updated_at, \
     (SELECT MAX(number) FROM workflow_versions WHERE workflow = id) AS latest FROM workflows \
     WHERE team = $1 AND id = $2 AND deleted_at IS NULL";
const NAMED: &str = "SELECT id, team, name, description, created_by, created_at, updated_at, \
     (SELECT MAX(number) FROM workflow_versions WHERE workflow = id) AS latest FROM workflows \
     WHERE team = $1 AND name = $2 AND deleted_at IS NULL";
const PAGE: &str = "SELECT id, team, name, description, created_by, created_at, updated_at, \
     (SELECT MAX(number) FROM workflow_versions WHERE workflow = id) AS latest FROM workflows \
     WHERE team = $1 AND deleted_at IS NULL AND ($2 IS NULL OR id > $2) ORDER BY id LIMIT $3";

impl Store {
    /// Keeps a new workflow and its version 1. [`Error::Taken`] when the team has one of this name.
    pub async fn add_workflow(
        &self,
        permit: &Permit<EditWorkflow>,
        new: NewWorkflow,
        effects: Effects,
    ) -> Result<Workflow> {
        let now = self.now();
        let workflow = Workflow {
            id: new.id,
            team: permit.scope().team,
            name: new.name,
            description: new.description,
            created_by: permit.principal(),
            created_at: now,
            updated_at: now,
            latest: 1,
        };
        self.write(effects, (workflow, new.first), |(w, first), tx| {
            Box::pin(async move {
                tx.run(
                    "INSERT INTO workflows (id, team, name, description, created_by, created_at, updated_at) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7)",
                    binds![
                        w.id,
                        w.team,
                        &w.name,
                        &w.description,
                        serde_json::json!(w.created_by),
                        w.created_at,
                        w.updated_at
                    ],
                )
                .await?;
                versions::insert(tx, w.id, 1, first, &w.created_by, w.created_at).await?;
                Ok(w.clone())
            })
        })
        .await
    }

    /// A workflow of the permit's team.
    pub async fn workflow(&self, permit: &Permit<ViewWorkflow>, id: WorkflowId) -> Result<Option<Workflow>> {
        self.db().optional(ONE, binds![permit.scope().team, id]).await?.as_ref().map(workflow).transpose()
    }

    /// A workflow of the permit's team by its name.
    pub async fn workflow_named(&self, permit: &Permit<ViewWorkflow>, name: &str) -> Result<Option<Workflow>> {
        self.db().optional(NAMED, binds![permit.scope().team, name]).await?.as_ref().map(workflow).transpose()
    }

    /// The id of a team's workflow by its name, for runs that start others.
    pub async fn workflow_id_by_name(
        &self,
        _system: SystemPermit,
        team: TeamId,
        name: &str,
    ) -> Result<Option<WorkflowId>> {
        self.db().optional(NAMED, binds![team, name]).await?.map(|row| row.get("id")).transpose()
    }

    /// The workflows of the permit's team, oldest first.
    pub async fn workflows(&self, permit: &Permit<ViewWorkflow>, page: &PageRequest) -> Result<Page<Workflow>> {
        let binds = binds![permit.scope().team, page.after_id()?, page.to_read()];
        let items = self.db().all(PAGE, binds).await?.iter().map(workflow).collect::<Result<_>>()?;
        Ok(Page::cut(items, page, |workflow: &Workflow| Cursor::at_id(workflow.id.uuid())))
    }

    /// Changes name and description.
    pub async fn describe_workflow(
        &self,
        permit: &Permit<EditWorkflow>,
        id: WorkflowId,
        name: String,
        description: String,
        effects: Effects,
    ) -> Result<()> {
        let given = (permit.scope().team, id, name, description, self.now());
        self.write(effects, given, |(team, id, name, description, now), tx| {
            Box::pin(async move {
                let sql = "UPDATE workflows SET name = $3, description = $4, updated_at = $5 \
                           WHERE team = $1 AND id = $2 AND deleted_at IS NULL";
                let rows = tx.run(sql, binds![*team, *id, name, description, *now]).await?;
                Error::unless_touched(rows, "the workflow")
            })
        })
        .await
    }

    /// Takes a workflow away: nothing starts it any more; its versions and runs stay for the record.
    pub async fn delete_workflow(
        &self,
        permit: &Permit<DeleteWorkflow>,
        id: WorkflowId,
        effects: Effects,
    ) -> Result<()> {
        self.write(effects, (permit.scope().team, id, self.now()), |(team, id, now), tx| {
            Box::pin(async move {
                if tx.all(dialect::LOCK_WORKFLOW, binds![*id, *team]).await?.is_empty() {
                    return Err(Error::Missing { what: "the workflow" });
                }
                tx.run("UPDATE workflows SET deleted_at = $2 WHERE id = $1", binds![*id, *now]).await?;
                for environment in domain::Environment::ALL {
                    publications::end(tx, *id, environment, *now).await?;
                }
                Ok(())
            })
        })
        .await
    }
}

fn workflow(row: &Row) -> Result<Workflow> {
    Ok(Workflow {
        id: row.get("id")?,
        team: row.get("team")?,
        name: row.get("name")?,
        description: row.get("description")?,
        created_by: row.json("created_by")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        latest: row.get("latest")?,
    })
}
