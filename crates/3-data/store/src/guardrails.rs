//! What a team has set for its guardrails: exceptions with an owner and an end, and references for the semantic check.
//! Thresholds stand in [`settings`](crate::records::SettingOf) under the name [`GUARDRAIL_SETTING`].

use authz::{
    Permit, SystemPermit,
    action::{ManageGuardrail, ViewWorkflow},
};
use domain::{Json, Principal, Scope, Timestamp};
use uuid::Uuid;

use crate::{
    Effects, Error, Result, Store,
    kernel::{row::Row, sql::binds},
    records::SettingOf,
};

/// The name of the setting that holds a team's thresholds in one environment.
pub const GUARDRAIL_SETTING: &str = "guardrails";
/// Rows of each table that one team and environment may have.
pub const MOST_ROWS: u32 = 2_000;

/// Something that was found and is allowed.
#[derive(Debug, Clone, PartialEq)]
pub struct GuardrailException {
    pub id: Uuid,
    /// The check whose findings it covers; every check's when absent.
    pub kind: Option<String>,
    /// `{"text"}`, `{"pattern"}` or `{"families"}`, as `guardrails` reads it.
    pub matcher: Json,
    /// Who answers for it.
    pub owner: String,
    pub reason: String,
    pub expires_at: Timestamp,
    pub created_by: Principal,
    pub created_at: Timestamp,
}

/// A text that others are compared with.
#[derive(Debug, Clone, PartialEq)]
pub struct GuardrailReference {
    pub id: Uuid,
    /// `safe` or `attack`.
    pub kind: String,
    /// Which attack; empty for a safe one.
    pub category: String,
    pub content: String,
    pub created_by: Principal,
    pub created_at: Timestamp,
}

const EXCEPTIONS: &str = "SELECT id, kind, matcher, owner, reason, expires_at, created_by, created_at \
     FROM guardrail_exceptions WHERE team = $1 AND environment = $2 ORDER BY id";
const REFERENCES: &str = "SELECT id, kind, category, content, created_by, created_at \
     FROM guardrail_references WHERE team = $1 AND environment = $2 ORDER BY id";

impl Store {
    /// All exceptions of the permit's team and environment, ended ones too.
    pub async fn guardrail_exceptions(&self, permit: &Permit<ViewWorkflow>) -> Result<Vec<GuardrailException>> {
        self.exceptions_in(permit.scope()).await
    }

    /// All references of the permit's team and environment.
    pub async fn guardrail_references(&self, permit: &Permit<ViewWorkflow>) -> Result<Vec<GuardrailReference>> {
        self.references_in(permit.scope()).await
    }

    /// The three together, for whoever screens: thresholds as they were set, exceptions, references.
    pub async fn guardrails_of(
        &self,
        system: SystemPermit,
        scope: Scope,
    ) -> Result<(Option<Json>, Vec<GuardrailException>, Vec<GuardrailReference>)> {
        let of = SettingOf::Environment(scope.team, scope.environment);
        let settings = self.setting(system, of, GUARDRAIL_SETTING).await?;
        Ok((settings, self.exceptions_in(scope).await?, self.references_in(scope).await?))
    }

    async fn exceptions_in(&self, scope: Scope) -> Result<Vec<GuardrailException>> {
        self.db().all(EXCEPTIONS, binds![scope.team, scope.environment]).await?.iter().map(exception).collect()
    }

    async fn references_in(&self, scope: Scope) -> Result<Vec<GuardrailReference>> {
        self.db().all(REFERENCES, binds![scope.team, scope.environment]).await?.iter().map(reference).collect()
    }

    /// Sets the team's thresholds in the permit's environment.
    pub async fn set_guardrail_settings(
        &self,
        permit: &Permit<ManageGuardrail>,
        value: Json,
        effects: Effects,
    ) -> Result<()> {
        let row = (permit.scope(), permit.principal().to_string(), value, self.now());
        self.write(effects, row, |(scope, by, value, now), tx| {
            Box::pin(async move {
                tx.run(
                    "INSERT INTO settings (team, environment, name, value, updated_by, updated_at) \
                     VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (team, environment, name) DO UPDATE \
                     SET value = excluded.value, updated_by = excluded.updated_by, updated_at = excluded.updated_at",
                    binds![scope.team, scope.environment, GUARDRAIL_SETTING, value, by, *now],
                )
                .await?;
                Ok(())
            })
        })
        .await
    }

    /// Keeps an exception; one that is there by this id is replaced. [`Error::Refused`] when there are too many.
    pub async fn put_guardrail_exception(
        &self,
        permit: &Permit<ManageGuardrail>,
        new: GuardrailException,
        effects: Effects,
    ) -> Result<()> {
        self.write(effects, (permit.scope(), new), |(scope, new), tx| {
            Box::pin(async move {
                let counted = tx
                    .one(
                        "SELECT count(*) AS n FROM guardrail_exceptions WHERE team = $1 AND environment = $2 AND id <> $3",
                        binds![scope.team, scope.environment, new.id],
                    )
                    .await?;
                if counted.get::<u32>("n")? >= MOST_ROWS {
                    return Err(Error::Refused { what: "a team may keep 2,000 exceptions" });
                }
                tx.run(
                    "INSERT INTO guardrail_exceptions (id, team, environment, kind, matcher, owner, reason, expires_at, \
                     created_by, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
                     ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, matcher = excluded.matcher, \
                     owner = excluded.owner, reason = excluded.reason, expires_at = excluded.expires_at \
                     WHERE guardrail_exceptions.team = excluded.team \
                     AND guardrail_exceptions.environment = excluded.environment",
                    binds![
                        new.id,
                        scope.team,
                        scope.environment,
                        new.kind.as_deref(),
                        &new.matcher,
                        &new.owner,
                        &new.reason,
                        new.expires_at,
                        serde_json::json!(new.created_by),
                        new.created_at
                    ],
                )
                .await?;
                Ok(())
            })
        })
        .await
    }

    /// Keeps references. [`Error::Refused`] when there would be too many.
    pub async fn add_guardrail_references(
        &self,
        permit: &Permit<ManageGuardrail>,
        new: Vec<GuardrailReference>,
        effects: Effects,
    ) -> Result<()> {
        self.write(effects, (permit.scope(), new), |(scope, new), tx| {
            Box::pin(async move {
                let counted = tx
                    .one(
                        "SELECT count(*) AS n FROM guardrail_references WHERE team = $1 AND environment = $2",
                        binds![scope.team, scope.environment],
                    )
                    .await?;
                if counted.get::<u64>("n")? + new.len() as u64 > u64::from(MOST_ROWS) {
                    return Err(Error::Refused { what: "a team may keep 2,000 references" });
                }
                for one in new {
                    tx.run(
                        "INSERT INTO guardrail_references (id, team, environment, kind, category, content, created_by, \
                         created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                        binds![
                            one.id,
                            scope.team,
                            scope.environment,
                            &one.kind,
                            &one.category,
                            &one.content,
                            serde_json::json!(one.created_by),
                            one.created_at
                        ],
                    )
                    .await?;
                }
                Ok(())
            })
        })
        .await
    }

    /// Ends an exception. [`Error::Missing`] when there is none by this id here.
    pub async fn delete_guardrail_exception(
        &self,
        permit: &Permit<ManageGuardrail>,
        id: Uuid,
        effects: Effects,
    ) -> Result<()> {
        self.write(effects, (permit.scope(), id), |(scope, id), tx| {
            Box::pin(async move {
                let gone = tx
                    .run(
                        "DELETE FROM guardrail_exceptions WHERE team = $1 AND environment = $2 AND id = $3",
                        binds![scope.team, scope.environment, *id],
                    )
                    .await?;
                if gone == 0 { Err(Error::Missing { what: "this exception" }) } else { Ok(()) }
            })
        })
        .await
    }

    /// Deletes a reference. [`Error::Missing`] when there is none by this id here.
    pub async fn delete_guardrail_reference(
        &self,
        permit: &Permit<ManageGuardrail>,
        id: Uuid,
        effects: Effects,
    ) -> Result<()> {
        self.write(effects, (permit.scope(), id), |(scope, id), tx| {
            Box::pin(async move {
                let gone = tx
                    .run(
                        "DELETE FROM guardrail_references WHERE team = $1 AND environment = $2 AND id = $3",
                        binds![scope.team, scope.environment, *id],
                    )
                    .await?;
                if gone == 0 { Err(Error::Missing { what: "this reference" }) } else { Ok(()) }
            })
        })
        .await
    }
}

fn exception(row: &Row) -> Result<GuardrailException> {
    Ok(GuardrailException {
        id: row.get("id")?,
        kind: row.get("kind")?,
        matcher: row.get("matcher")?,
        owner: row.get("owner")?,
        reason: row.get("reason")?,
        expires_at: row.get("expires_at")?,
        created_by: row.json("created_by")?,
        created_at: row.get("created_at")?,
    })
}

fn reference(row: &Row) -> Result<GuardrailReference> {
    Ok(GuardrailReference {
        id: row.get("id")?,
        kind: row.get("kind")?,
        category: row.get("category")?,
        content: row.get("content")?,
        created_by: row.json("created_by")?,
        created_at: row.get("created_at")?,
    })
}
