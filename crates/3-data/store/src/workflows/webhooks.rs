//! Public addresses that start a published workflow. An address keeps its id over publications.

use authz::{Permit, SystemPermit, action::ViewWorkflow};
use domain::{Environment, Scope, Timestamp, WebhookId, WorkflowId};

use crate::{
    Result, Store,
    kernel::{row::Row, sql::binds, tx::Tx},
};

/// A webhook trigger of the version that is being published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWebhook {
    /// Used when the trigger has no id yet in this environment.
    pub id: WebhookId,
    /// The trigger's id in the definition.
    pub node: String,
    /// The whole address, unique in the instance; what a publication says counts from then on.
    pub path: String,
    /// The credential with which callers sign, by id or name.
    pub credential: Option<String>,
}

/// An address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    pub id: WebhookId,
    pub scope: Scope,
    pub workflow: WorkflowId,
    pub node: String,
    pub path: String,
    pub credential: Option<String>,
    /// Whether a published version listens there.
    pub active: bool,
}

const BY_PATH: &str = "SELECT id, team, environment, workflow, node, path, credential, active FROM webhooks \
                       WHERE path = $1 AND active";
const OF_WORKFLOW: &str = "SELECT id, team, environment, workflow, node, path, credential, active FROM webhooks \
                           WHERE team = $1 AND environment = $2 AND workflow = $3 ORDER BY node";

impl Store {
    /// Who listens at this address: before there is a permit.
    pub async fn webhook_at(&self, _system: SystemPermit, path: &str) -> Result<Option<Webhook>> {
        self.db().optional(BY_PATH, binds![path]).await?.as_ref().map(webhook).transpose()
    }

    /// The addresses of a workflow in the permit's environment.
    pub async fn webhooks(&self, permit: &Permit<ViewWorkflow>, workflow: WorkflowId) -> Result<Vec<Webhook>> {
        let Scope { team, environment } = permit.scope();
        self.db().all(OF_WORKFLOW, binds![team, environment, workflow]).await?.iter().map(webhook).collect()
    }
}

/// These triggers listen from now on, and no others of this workflow in this environment.
pub(super) async fn replace(
    tx: &mut Tx,
    scope: Scope,
    workflow: WorkflowId,
    webhooks: &[NewWebhook],
    now: Timestamp,
) -> Result<()> {
    silence(tx, workflow, scope.environment).await?;
    for new in webhooks {
        tx.run(
            "INSERT INTO webhooks (id, team, environment, workflow, node, path, credential, active, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, TRUE, $8) ON CONFLICT (workflow, environment, node) \
             DO UPDATE SET active = TRUE, path = excluded.path, credential = excluded.credential",
            binds![
                new.id,
                scope.team,
                scope.environment,
                workflow,
                &new.node,
                &new.path,
                new.credential.as_deref(),
                now
            ],
        )
        .await?;
    }
    Ok(())
}

/// Nobody listens any more.
pub(super) async fn silence(tx: &mut Tx, workflow: WorkflowId, environment: Environment) -> Result<()> {
    let sql = "UPDATE webhooks SET active = FALSE WHERE workflow = $1 AND environment = $2 AND active";
    tx.run(sql, binds![workflow, environment]).await?;
    Ok(())
}

fn webhook(row: &Row) -> Result<Webhook> {
    Ok(Webhook {
        id: row.get("id")?,
        scope: Scope { team: row.get("team")?, environment: row.get("environment")? },
        workflow: row.get("workflow")?,
        node: row.get("node")?,
        path: row.get("path")?,
        credential: row.get("credential")?,
        active: row.get("active")?,
    })
}
