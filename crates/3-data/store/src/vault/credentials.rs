//! Customers' credentials: sealed values, and what may be shown of them.

use authz::{
    Permit, SystemPermit,
    action::{ManageCredential, UseCredential},
};
use domain::{CredentialId, Principal, Scope, Timestamp};
use uuid::Uuid;

use crate::{
    Effects, Error, Result, Store,
    kernel::{row::Row, sql::binds, tx::Tx},
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
    /// The OAuth provider it came from.
    pub provider: Option<String>,
    /// When its value should be replaced by a new one.
    pub rotation_due_at: Option<Timestamp>,
    pub tested_at: Option<Timestamp>,
    /// How the last test ended: `ok`, or why not.
    pub test_result: Option<String>,
}

/// What may be shown of a value that was replaced and is kept sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldVersion {
    pub version: u32,
    pub replaced_by: String,
    pub replaced_at: Timestamp,
}

/// What may be changed of a credential besides its value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CredentialChange {
    pub name: Option<String>,
    pub hosts: Option<Vec<String>>,
    /// `Some(None)`: no longer due.
    pub rotation_due_at: Option<Option<Timestamp>>,
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
    pub provider: Option<String>,
    pub rotation_due_at: Option<Timestamp>,
}

macro_rules! columns {
    ($more:literal) => {
        concat!(
            "SELECT id, team, environment, name, kind, hosts, status, version, created_by, created_at, updated_at, ",
            "last_used_at, provider, rotation_due_at, tested_at, test_result",
            $more
        )
    };
}
const LIST: &str = columns!(" FROM credentials WHERE team = $1 AND environment = $2 ORDER BY name");
// Two questions, because "this id or that name" is answered by reading every credential of the team.
const SEALED_BY_ID: &str = columns!(", sealed FROM credentials WHERE team = $1 AND environment = $2 AND id = $3");
const SEALED_BY_NAME: &str = columns!(", sealed FROM credentials WHERE team = $1 AND environment = $2 AND name = $3");
const BY_ID: &str = columns!(", sealed FROM credentials WHERE id = $1");
/// Old values of one credential that are kept, sealed.
const KEPT_VERSIONS: u32 = 10;

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
            provider: new.provider,
            rotation_due_at: new.rotation_due_at,
            tested_at: None,
            test_result: None,
        };
        self.write(effects, (shown, new.sealed), |(c, sealed), tx| {
            Box::pin(async move {
                insert(tx, c, sealed).await?;
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

    /// One credential with its sealed value: by id when there is one, else by name.
    pub async fn sealed_credential(
        &self,
        permit: &Permit<UseCredential>,
        id: Option<CredentialId>,
        name: &str,
    ) -> Result<Option<SealedCredential>> {
        let Scope { team, environment } = permit.scope();
        let row = match id {
            Some(id) => self.db().optional(SEALED_BY_ID, binds![team, environment, id]).await?,
            None => self.db().optional(SEALED_BY_NAME, binds![team, environment, name]).await?,
        };
        row.map(|row| Ok(SealedCredential { shown: shown(&row)?, sealed: row.get("sealed")? })).transpose()
    }

    /// One credential with its sealed value, for NodeLoom's own work on it.
    pub async fn sealed_credential_of(
        &self,
        _system: SystemPermit,
        id: CredentialId,
    ) -> Result<Option<SealedCredential>> {
        let row = self.db().optional(BY_ID, binds![id]).await?;
        row.map(|row| Ok(SealedCredential { shown: shown(&row)?, sealed: row.get("sealed")? })).transpose()
    }

    /// Replaces a credential's value: `sealed` was made for `version`, which must be the next. The value before it is
    /// kept, sealed as it was; of those that are older than the last ten the oldest goes.
    pub async fn replace_credential(
        &self,
        permit: &Permit<ManageCredential>,
        id: CredentialId,
        version: u32,
        sealed: Vec<u8>,
        effects: Effects,
    ) -> Result<()> {
        let given = (permit.scope(), id, version, sealed, permit.principal().to_string(), self.now(), Uuid::now_v7());
        self.write(effects, given, |(scope, id, version, sealed, by, now, row), tx| {
            Box::pin(async move {
                tx.run(
                    "INSERT INTO credential_versions \
                     (id, credential, team, environment, version, sealed, replaced_by, replaced_at) \
                     SELECT $5, id, team, environment, version, sealed, $6, $7 FROM credentials \
                     WHERE team = $1 AND environment = $2 AND id = $3 AND version = $4 - 1",
                    binds![scope.team, scope.environment, *id, *version, *row, by, *now],
                )
                .await?;
                let touched = tx
                    .run(
                        "UPDATE credentials SET sealed = $5, version = $4, updated_at = $6, status = 'active', \
                         tested_at = NULL, test_result = NULL \
                         WHERE team = $1 AND environment = $2 AND id = $3 AND version = $4 - 1",
                        binds![scope.team, scope.environment, *id, *version, sealed, *now],
                    )
                    .await?;
                tx.run(
                    "DELETE FROM credential_versions WHERE credential = $1 AND version < $2 - $3",
                    binds![*id, *version, KEPT_VERSIONS],
                )
                .await?;
                if touched == 0 { Err(Error::Missing { what: "the credential" }) } else { Ok(()) }
            })
        })
        .await
    }

    /// The values before the present one that are kept, newest first.
    pub async fn credential_versions(
        &self,
        permit: &Permit<UseCredential>,
        id: CredentialId,
    ) -> Result<Vec<OldVersion>> {
        let Scope { team, environment } = permit.scope();
        let sql = "SELECT version, replaced_by, replaced_at FROM credential_versions \
                   WHERE team = $1 AND environment = $2 AND credential = $3 ORDER BY version DESC";
        let rows = self.db().all(sql, binds![team, environment, id]).await?;
        let read = |row: &Row| {
            Ok(OldVersion {
                version: row.get("version")?,
                replaced_by: row.get("replaced_by")?,
                replaced_at: row.get("replaced_at")?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// One of them, sealed.
    pub async fn sealed_version(
        &self,
        permit: &Permit<ManageCredential>,
        id: CredentialId,
        version: u32,
    ) -> Result<Option<Vec<u8>>> {
        let Scope { team, environment } = permit.scope();
        let sql = "SELECT sealed FROM credential_versions \
                   WHERE team = $1 AND environment = $2 AND credential = $3 AND version = $4";
        let row = self.db().optional(sql, binds![team, environment, id, version]).await?;
        row.map(|row| row.get("sealed")).transpose()
    }

    /// Changes what is not the value.
    pub async fn change_credential(
        &self,
        permit: &Permit<ManageCredential>,
        id: CredentialId,
        change: CredentialChange,
        effects: Effects,
    ) -> Result<()> {
        self.write(effects, (permit.scope(), id, change, self.now()), |(scope, id, change, now), tx| {
            Box::pin(async move {
                let due = change.rotation_due_at.flatten();
                let touched = tx
                    .run(
                        "UPDATE credentials SET name = COALESCE($4, name), hosts = COALESCE($5, hosts), \
                         rotation_due_at = CASE WHEN $6 THEN $7 ELSE rotation_due_at END, updated_at = $8 \
                         WHERE team = $1 AND environment = $2 AND id = $3",
                        binds![
                            scope.team,
                            scope.environment,
                            *id,
                            change.name.as_ref(),
                            change.hosts.as_ref().map(|hosts| serde_json::json!(hosts)),
                            change.rotation_due_at.is_some(),
                            due,
                            *now
                        ],
                    )
                    .await?;
                if touched == 0 { Err(Error::Missing { what: "the credential" }) } else { Ok(()) }
            })
        })
        .await
    }

    /// Remembers how a test of a credential ended.
    pub async fn credential_tested(
        &self,
        permit: &Permit<UseCredential>,
        id: CredentialId,
        result: String,
        effects: Effects,
    ) -> Result<()> {
        self.write(effects, (permit.scope(), id, result, self.now()), |(scope, id, result, now), tx| {
            Box::pin(async move {
                tx.run(
                    "UPDATE credentials SET tested_at = $4, test_result = $5 \
                     WHERE team = $1 AND environment = $2 AND id = $3",
                    binds![scope.team, scope.environment, *id, *now, result],
                )
                .await?;
                Ok(())
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
                tx.run("DELETE FROM credential_versions WHERE credential = $1", binds![*id]).await?;
                tx.run("DELETE FROM oauth_grants WHERE credential = $1", binds![*id]).await?;
                if touched == 0 { Err(Error::Missing { what: "the credential" }) } else { Ok(()) }
            })
        })
        .await
    }
}

/// A row of `credentials`, new.
pub(super) async fn insert(tx: &mut Tx, c: &CredentialRow, sealed: &Vec<u8>) -> Result<()> {
    tx.run(
        "INSERT INTO credentials (id, team, environment, name, kind, hosts, status, version, sealed, created_by, \
         created_at, updated_at, provider, rotation_due_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $9, $10, $11, $12, $13)",
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
            c.updated_at,
            c.provider.as_ref(),
            c.rotation_due_at
        ],
    )
    .await?;
    Ok(())
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
        provider: row.get("provider")?,
        rotation_due_at: row.get("rotation_due_at")?,
        tested_at: row.get("tested_at")?,
        test_result: row.get("test_result")?,
    })
}
