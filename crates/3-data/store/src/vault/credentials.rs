//! Customers' credentials: sealed values, and what may be shown of them.

use authz::{
    Permit,
    action::{ManageCredential, UseCredential},
};
use domain::{CredentialId, Principal, Scope, Timestamp};

use crate::{
    Effects, Error, Result, Store,
    kernel::{row::Row, sql::binds},
};

/// What may be shown of a credential. Its value never is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialRow {
    pub id: CredentialId,
    pub scope: Scope,
    pub name: String,
    pub kind: String,
    /// Hosts it may be sent to; the vault judges them.
    pub hosts: Vec<String>,
    pub status: String,
    /// Counts the values it has had, from 1.
    pub version: u32,
    pub created_by: Principal,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
}

/// A credential with its sealed value, for the vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedCredential {
    pub shown: CredentialRow,
    pub sealed: Vec<u8>,
}

/// A credential that is not stored yet; its version is 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCredentialRow {
    pub id: CredentialId,
    pub name: String,
    pub kind: String,
    pub hosts: Vec<String>,
    pub sealed: Vec<u8>,
}

const LIST: &str = "SELECT id, team, environment, name, kind, hosts, status, version, created_by, created_at, updated_at, \
     last_used_at FROM credentials WHERE team = $1 AND environment = $2 ORDER BY name";
const SEALED: &str = "SELECT id, team, environment, name, kind, hosts, status, version, created_by, created_at, \
     updated_at, last_used_at, sealed FROM credentials \
     WHERE team = $1 AND environment = $2 AND (id = $3 OR name = $4)";

impl Store {
    /// Keeps a new credential. [`Error::Taken`] when its name is.
    pub async fn add_credential(
        &self,
        permit: &Permit<ManageCredential>,
        new: NewCredentialRow,
        effects: Effects,
    ) -> Result<CredentialRow> {
        let shown = CredentialRow {
            id: new.id,
            scope: permit.scope(),
            name: new.name,
            kind: new.kind,
            hosts: new.hosts,
            status: "active".to_owned(),
            version: 1,
            created_by: permit.principal(),
            created_at: self.now(),
            updated_at: self.now(),
            last_used_at: None,
        };
        self.write(effects, (shown, new.sealed), |(c, sealed), tx| {
            Box::pin(async move {
                tx.run(
                    "INSERT INTO credentials (id, team, environment, name, kind, hosts, status, version, sealed, \
                     created_by, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $9, $10, $11)",
                    binds![
                        c.id,
                        c.scope.team,
                        c.scope.environment,
                        &c.name,
                        &c.kind,
                        serde_json::json!(c.hosts),
                        &c.status,
                        sealed,
                        serde_json::json!(c.created_by),
                        c.created_at,
                        c.updated_at
                    ],
                )
                .await?;
                Ok(c.clone())
            })
        })
        .await
    }

    /// All credentials of the team and environment, by name.
    pub async fn credentials(&self, permit: &Permit<UseCredential>) -> Result<Vec<CredentialRow>> {
        let Scope { team, environment } = permit.scope();
        self.db().all(LIST, binds![team, environment]).await?.iter().map(shown).collect()
    }

    /// One credential with its sealed value, by id or by name.
    pub async fn sealed_credential(
        &self,
        permit: &Permit<UseCredential>,
        id: Option<CredentialId>,
        name: &str,
    ) -> Result<Option<SealedCredential>> {
        let Scope { team, environment } = permit.scope();
        let row = self.db().optional(SEALED, binds![team, environment, id, name]).await?;
        row.map(|row| Ok(SealedCredential { shown: shown(&row)?, sealed: row.get("sealed")? })).transpose()
    }

    /// Replaces a credential's value: `sealed` was made for `version`, which must be the next.
    pub async fn replace_credential(
        &self,
        permit: &Permit<ManageCredential>,
        id: CredentialId,
        version: u32,
        sealed: Vec<u8>,
        effects: Effects,
    ) -> Result<()> {
        let now = self.now();
        self.write(effects, (permit.scope(), id, version, sealed, now), |(scope, id, version, sealed, now), tx| {
            Box::pin(async move {
                let touched = tx
                    .run(
                        "UPDATE credentials SET sealed = $5, version = $4, updated_at = $6, status = 'active' \
                         WHERE team = $1 AND environment = $2 AND id = $3 AND version = $4 - 1",
                        binds![scope.team, scope.environment, *id, *version, sealed, *now],
                    )
                    .await?;
                if touched == 0 { Err(Error::Missing { what: "the credential" }) } else { Ok(()) }
            })
        })
        .await
    }

    /// Remembers that a credential was used.
    pub async fn touch_credential(
        &self,
        permit: &Permit<UseCredential>,
        id: CredentialId,
        at: Timestamp,
    ) -> Result<()> {
        self.write(Effects::none(), (permit.scope(), id, at), |(scope, id, at), tx| {
            Box::pin(async move {
                tx.run(
                    "UPDATE credentials SET last_used_at = $4 WHERE team = $1 AND environment = $2 AND id = $3",
                    binds![scope.team, scope.environment, *id, *at],
                )
                .await?;
                Ok(())
            })
        })
        .await
    }

    /// Deletes a credential. [`Error::Missing`] when it is not there, and then `effects` are not stored either.
    pub async fn delete_credential(
        &self,
        permit: &Permit<ManageCredential>,
        id: CredentialId,
        effects: Effects,
    ) -> Result<()> {
        self.write(effects, (permit.scope(), id), |(scope, id), tx| {
            Box::pin(async move {
                let touched = tx
                    .run(
                        "DELETE FROM credentials WHERE team = $1 AND environment = $2 AND id = $3",
                        binds![scope.team, scope.environment, *id],
                    )
                    .await?;
                if touched == 0 { Err(Error::Missing { what: "the credential" }) } else { Ok(()) }
            })
        })
        .await
    }
}

fn shown(row: &Row) -> Result<CredentialRow> {
    Ok(CredentialRow {
        id: row.get("id")?,
        scope: Scope { team: row.get("team")?, environment: row.get("environment")? },
        name: row.get("name")?,
        kind: row.get("kind")?,
        hosts: row.json("hosts")?,
        status: row.get("status")?,
        version: row.get("version")?,
        created_by: row.json("created_by")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        last_used_at: row.get("last_used_at")?,
    })
}
