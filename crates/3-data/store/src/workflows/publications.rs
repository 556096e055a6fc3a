//! Which version runs in which environment, and what ran there before.

use authz::{
    Permit, SystemPermit,
    action::{EditWorkflow, ExecuteWorkflow, Promote, ViewWorkflow},
};
use domain::{Environment, Principal, Scope, Timestamp, WorkflowId};

use super::{NewWebhook, Version, versions, webhooks};
use crate::{
    Effects, Error, Result, Store, dialect,
    kernel::{row::Row, sql::binds, tx::Tx},
    runs::{NewSchedule, remove_schedules, replace_schedules},
};

/// A version in an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    pub workflow: WorkflowId,
    pub environment: Environment,
    pub version: u32,
    /// The environment whose version this was, when it was promoted.
    pub promoted_from: Option<Environment>,
    pub published_by: Principal,
    pub at: Timestamp,
    /// When it was replaced or taken back; absent while it runs.
    pub ended_at: Option<Timestamp>,
}

/// What publishing puts in place besides the version.
#[derive(Debug, Clone, Default)]
pub struct Publish {
    pub webhooks: Vec<NewWebhook>,
    pub schedules: Vec<NewSchedule>,
}

const PUBLISHED: &str = "SELECT v.workflow, v.number, v.hash, v.definition, v.note, v.created_by, v.created_at, \
     p.published_by FROM publications AS p \
     JOIN workflow_versions AS v ON v.workflow = p.workflow AND v.number = p.version \
     WHERE p.team = $1 AND p.environment = $2 AND p.workflow = $3 AND p.ended_at IS NULL";
const HISTORY: &str = "SELECT workflow, environment, version, promoted_from, published_by, at, ended_at \
     FROM publications WHERE team = $1 AND workflow = $2 ORDER BY at DESC, count DESC LIMIT 200";

impl Store {
    /// Publishes a version in the permit's environment, in place of the one that runs there. New runs use it; runs that
    /// have begun keep theirs.
    pub async fn publish(
        &self,
        permit: &Permit<EditWorkflow>,
        workflow: WorkflowId,
        version: u32,
        with: Publish,
        effects: Effects,
    ) -> Result<Publication> {
        self.put(permit.scope(), permit.principal(), workflow, Wanted::Number(version), with, effects).await
    }

    /// Publishes in the permit's environment what runs in `from` (R266).
    ///
    /// # Errors
    /// [`Error::Missing`] when nothing runs there.
    pub async fn promote(
        &self,
        permit: &Permit<Promote>,
        workflow: WorkflowId,
        from: Environment,
        with: Publish,
        effects: Effects,
    ) -> Result<Publication> {
        self.put(permit.scope(), permit.principal(), workflow, Wanted::From(from), with, effects).await
    }

    async fn put(
        &self,
        scope: Scope,
        by: Principal,
        workflow: WorkflowId,
        wanted: Wanted,
        with: Publish,
        effects: Effects,
    ) -> Result<Publication> {
        let given = (scope, by, workflow, wanted, with, self.now());
        self.write(effects, given, |(scope, by, workflow, wanted, with, now), tx| {
            Box::pin(put(tx, *scope, *by, *workflow, *wanted, with, *now))
        })
        .await
    }

    /// Takes the published version of the permit's environment back: nothing starts it there any more.
    pub async fn unpublish(&self, permit: &Permit<EditWorkflow>, workflow: WorkflowId, effects: Effects) -> Result<()> {
        self.write(effects, (permit.scope(), workflow, self.now()), |(scope, workflow, now), tx| {
            Box::pin(async move {
                if tx.all(dialect::LOCK_WORKFLOW, binds![*workflow, scope.team]).await?.is_empty() {
                    return Err(Error::Missing { what: "the workflow" });
                }
                Error::unless_touched(end(tx, *workflow, scope.environment, *now).await?, "the publication")
            })
        })
        .await
    }

    /// The version that runs in the permit's environment.
    pub async fn workflow_to_run(
        &self,
        permit: &Permit<ExecuteWorkflow>,
        workflow: WorkflowId,
    ) -> Result<Option<Version>> {
        let Scope { team, environment } = permit.scope();
        let row = self.db().optional(PUBLISHED, binds![team, environment, workflow]).await?;
        row.as_ref().map(versions::version).transpose()
    }

    /// The same before there is a permit, with who published it: a webhook or a schedule acts with that person's rights.
    pub async fn published_version(
        &self,
        _system: SystemPermit,
        scope: Scope,
        workflow: WorkflowId,
    ) -> Result<Option<(Version, Principal)>> {
        let row = self.db().optional(PUBLISHED, binds![scope.team, scope.environment, workflow]).await?;
        row.map(|row| Ok((versions::version(&row)?, row.json("published_by")?))).transpose()
    }

    /// What ran where, newest first, the last 200.
    pub async fn publications(&self, permit: &Permit<ViewWorkflow>, workflow: WorkflowId) -> Result<Vec<Publication>> {
        let rows = self.db().all(HISTORY, binds![permit.scope().team, workflow]).await?;
        rows.iter().map(publication).collect()
    }
}

#[derive(Clone, Copy)]
enum Wanted {
    Number(u32),
    From(Environment),
}

async fn put(
    tx: &mut Tx,
    scope: Scope,
    by: Principal,
    workflow: WorkflowId,
    wanted: Wanted,
    with: &Publish,
    now: Timestamp,
) -> Result<Publication> {
    if tx.all(dialect::LOCK_WORKFLOW, binds![workflow, scope.team]).await?.is_empty() {
        return Err(Error::Missing { what: "the workflow" });
    }
    let found = match wanted {
        Wanted::Number(number) => {
            let sql = "SELECT number, hash FROM workflow_versions WHERE workflow = $1 AND number = $2";
            tx.optional(sql, binds![workflow, number]).await?
        }
        Wanted::From(environment) => {
            let sql = "SELECT v.number, v.hash FROM publications AS p \
                       JOIN workflow_versions AS v ON v.workflow = p.workflow AND v.number = p.version \
                       WHERE p.workflow = $1 AND p.environment = $2 AND p.ended_at IS NULL";
            tx.optional(sql, binds![workflow, environment]).await?
        }
    };
    let found = found.ok_or(Error::Missing { what: "the version" })?;
    let (version, hash): (u32, String) = (found.get("number")?, found.get("hash")?);
    let promoted_from = if let Wanted::From(environment) = wanted { Some(environment) } else { None };

    let sql = "UPDATE publications SET ended_at = $3 WHERE workflow = $1 AND environment = $2 AND ended_at IS NULL";
    tx.run(sql, binds![workflow, scope.environment, now]).await?;
    tx.run(
        "INSERT INTO publications (workflow, environment, count, team, version, promoted_from, published_by, at) \
         SELECT $1, $2, COALESCE(MAX(count), 0) + 1, $3, $4, $5, $6, $7 FROM publications \
         WHERE workflow = $1 AND environment = $2",
        binds![workflow, scope.environment, scope.team, version, promoted_from, serde_json::json!(by), now],
    )
    .await?;
    webhooks::replace(tx, scope, workflow, &with.webhooks, now).await?;
    replace_schedules(tx, scope, workflow, &hash, by, &with.schedules).await?;
    let environment = scope.environment;
    Ok(Publication { workflow, environment, version, promoted_from, published_by: by, at: now, ended_at: None })
}

/// Ends what runs; says how many rows that touched.
pub(super) async fn end(tx: &mut Tx, workflow: WorkflowId, environment: Environment, now: Timestamp) -> Result<u64> {
    webhooks::silence(tx, workflow, environment).await?;
    remove_schedules(tx, workflow, environment).await?;
    let sql = "UPDATE publications SET ended_at = $3 WHERE workflow = $1 AND environment = $2 AND ended_at IS NULL";
    tx.run(sql, binds![workflow, environment, now]).await
}

fn publication(row: &Row) -> Result<Publication> {
    Ok(Publication {
        workflow: row.get("workflow")?,
        environment: row.get("environment")?,
        version: row.get("version")?,
        promoted_from: row.get("promoted_from")?,
        published_by: row.json("published_by")?,
        at: row.get("at")?,
        ended_at: row.get("ended_at")?,
    })
}
