//! Versions: numbered from 1, named by the hash of their text, never changed.

use authz::{
    Permit, SystemPermit,
    action::{EditWorkflow, ViewWorkflow},
};
use domain::{Principal, Timestamp, WorkflowId};

use crate::{
    Effects, Error, Page, PageRequest, Result, Store, dialect,
    kernel::{row::Row, sql::binds, tx::Tx},
    page::Cursor,
};

/// A version that is not stored yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewVersion {
    /// Hash of the definition, in hexadecimal.
    pub hash: String,
    /// The definition's text, as it was validated.
    pub definition: String,
    /// Why, in the author's words.
    pub note: Option<String>,
}

/// A version with its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    pub shown: VersionShown,
    pub definition: String,
}

/// A version in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionShown {
    pub workflow: WorkflowId,
    pub number: u32,
    pub hash: String,
    pub note: Option<String>,
    pub created_by: Principal,
    pub created_at: Timestamp,
}

const BY_NUMBER: &str = "SELECT v.workflow, v.number, v.hash, v.definition, v.note, v.created_by, v.created_at \
     FROM workflow_versions AS v JOIN workflows AS w ON w.id = v.workflow \
     WHERE w.team = $1 AND v.workflow = $2 AND v.number = $3";
const BY_HASH: &str = "SELECT v.workflow, v.number, v.hash, v.definition, v.note, v.created_by, v.created_at \
     FROM workflow_versions AS v WHERE v.workflow = $1 AND v.hash = $2";
const PAGE: &str = "SELECT v.workflow, v.number, v.hash, v.note, v.created_by, v.created_at \
     FROM workflow_versions AS v JOIN workflows AS w ON w.id = v.workflow \
     WHERE w.team = $1 AND v.workflow = $2 AND v.number < $3 ORDER BY v.number DESC LIMIT $4";

impl Store {
    /// Adds a version and answers its number. The same text as an earlier version is that version: its number comes
    /// back and nothing is added.
    pub async fn add_version(
        &self,
        permit: &Permit<EditWorkflow>,
        workflow: WorkflowId,
        new: NewVersion,
        effects: Effects,
    ) -> Result<u32> {
        let given = (permit.scope().team, workflow, new, permit.principal(), self.now());
        self.write(effects, given, |(team, workflow, new, by, now), tx| {
            Box::pin(async move {
                if tx.all(dialect::LOCK_WORKFLOW, binds![*workflow, *team]).await?.is_empty() {
                    return Err(Error::Missing { what: "the workflow" });
                }
                if let Some(same) = tx.optional(BY_HASH, binds![*workflow, &new.hash]).await? {
                    return same.get("number");
                }
                let sql = "SELECT COALESCE(MAX(number), 0) + 1 AS next FROM workflow_versions WHERE workflow = $1";
                let number = tx.one(sql, binds![*workflow]).await?.get("next")?;
                insert(tx, *workflow, number, new, by, *now).await?;
                tx.run("UPDATE workflows SET updated_at = $2 WHERE id = $1", binds![*workflow, *now]).await?;
                Ok(number)
            })
        })
        .await
    }

    /// A version of a workflow of the permit's team.
    pub async fn version(
        &self,
        permit: &Permit<ViewWorkflow>,
        workflow: WorkflowId,
        number: u32,
    ) -> Result<Option<Version>> {
        let row = self.db().optional(BY_NUMBER, binds![permit.scope().team, workflow, number]).await?;
        row.as_ref().map(version).transpose()
    }

    /// A version by its hash, for the worker that goes on with a run.
    pub async fn version_by_hash(
        &self,
        _system: SystemPermit,
        workflow: WorkflowId,
        hash: &str,
    ) -> Result<Option<Version>> {
        self.db().optional(BY_HASH, binds![workflow, hash]).await?.as_ref().map(version).transpose()
    }

    /// The versions of a workflow of the permit's team, newest first.
    pub async fn versions(
        &self,
        permit: &Permit<ViewWorkflow>,
        workflow: WorkflowId,
        page: &PageRequest,
    ) -> Result<Page<VersionShown>> {
        let before = page.after_number()?.unwrap_or(i64::MAX);
        let binds = binds![permit.scope().team, workflow, before, page.to_read()];
        let items = self.db().all(PAGE, binds).await?.iter().map(shown).collect::<Result<_>>()?;
        Ok(Page::cut(items, page, |version: &VersionShown| Cursor::at_number(i64::from(version.number))))
    }
}

pub(super) async fn insert(
    tx: &mut Tx,
    workflow: WorkflowId,
    number: u32,
    new: &NewVersion,
    by: &Principal,
    at: Timestamp,
) -> Result<()> {
    tx.run(
        "INSERT INTO workflow_versions (workflow, number, hash, definition, note, created_by, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        binds![workflow, number, &new.hash, &new.definition, new.note.as_deref(), serde_json::json!(by), at],
    )
    .await?;
    Ok(())
}

pub(super) fn version(row: &Row) -> Result<Version> {
    Ok(Version { shown: shown(row)?, definition: row.get("definition")? })
}

fn shown(row: &Row) -> Result<VersionShown> {
    Ok(VersionShown {
        workflow: row.get("workflow")?,
        number: row.get("number")?,
        hash: row.get("hash")?,
        note: row.get("note")?,
        created_by: row.json("created_by")?,
        created_at: row.get("created_at")?,
    })
}
