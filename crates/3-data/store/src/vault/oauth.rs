//! OAuth: the clients that a team has registered with providers, and connections that are being made.

use authz::{
    Permit, SystemPermit,
    action::{ManageCredential, UseCredential},
};
use domain::{Json, Scope, Timestamp};
use uuid::Uuid;

use super::{
    credentials::{CredentialRow, NewCredentialRow, insert},
    grants::{Grant, put},
};
use crate::{
    Effects, Error, Result, Store,
    kernel::{row::Row, sql::binds},
};

/// A client registered with a provider, for one team and environment.
#[derive(Debug, Clone, PartialEq)]
pub struct OauthClient {
    pub id: Uuid,
    pub scope: Scope,
    pub provider: String,
    pub client_id: String,
    /// The sealed secret; a public client has none.
    pub sealed: Option<Vec<u8>>,
    /// Addresses and other things that differ from the provider's own.
    pub settings: Json,
    pub updated_at: Timestamp,
}

/// A connection that somebody has begun to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OauthRequest {
    pub state_hash: [u8; 32],
    pub scope: Scope,
    pub provider: String,
    /// Verifier and whatever else is needed at the end.
    pub sealed: Vec<u8>,
    /// Of the word that the browser holds.
    pub binding_hash: [u8; 32],
    pub session: String,
    pub expires_at: Timestamp,
}

impl Store {
    /// Keeps a client; one per provider.
    pub async fn put_oauth_client(
        &self,
        permit: &Permit<ManageCredential>,
        client: OauthClient,
        effects: Effects,
    ) -> Result<()> {
        let given = (permit.scope(), client, permit.principal().to_string(), self.now());
        self.write(effects, given, |(scope, client, by, now), tx| {
            Box::pin(async move {
                // The seal is bound to the id, so a client that is given anew has a new one.
                let sql = "DELETE FROM oauth_clients WHERE team = $1 AND environment = $2 AND provider = $3";
                tx.run(sql, binds![scope.team, scope.environment, &client.provider]).await?;
                tx.run(
                    "INSERT INTO oauth_clients \
                     (id, team, environment, provider, client_id, sealed, settings, created_by, updated_at) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                    binds![
                        client.id,
                        scope.team,
                        scope.environment,
                        &client.provider,
                        &client.client_id,
                        client.sealed.as_ref(),
                        &client.settings,
                        by,
                        *now
                    ],
                )
                .await?;
                Ok(())
            })
        })
        .await
    }

    /// Forgets a client. [`Error::Missing`] when there is none.
    pub async fn delete_oauth_client(
        &self,
        permit: &Permit<ManageCredential>,
        provider: String,
        effects: Effects,
    ) -> Result<()> {
        self.write(effects, (permit.scope(), provider), |(scope, provider), tx| {
            Box::pin(async move {
                let sql = "DELETE FROM oauth_clients WHERE team = $1 AND environment = $2 AND provider = $3";
                match tx.run(sql, binds![scope.team, scope.environment, &*provider]).await? {
                    0 => Err(Error::Missing { what: "the client" }),
                    _ => Ok(()),
                }
            })
        })
        .await
    }

    /// The clients of a team and environment, by provider.
    pub async fn oauth_clients(&self, permit: &Permit<UseCredential>) -> Result<Vec<OauthClient>> {
        let Scope { team, environment } = permit.scope();
        let sql = "SELECT id, team, environment, provider, client_id, sealed, settings, updated_at \
                   FROM oauth_clients WHERE team = $1 AND environment = $2 ORDER BY provider";
        self.db().all(sql, binds![team, environment]).await?.iter().map(client).collect()
    }

    /// The client that a refresh needs.
    pub async fn oauth_client(
        &self,
        _system: SystemPermit,
        scope: Scope,
        provider: &str,
    ) -> Result<Option<OauthClient>> {
        let sql = "SELECT id, team, environment, provider, client_id, sealed, settings, updated_at \
                   FROM oauth_clients WHERE team = $1 AND environment = $2 AND provider = $3";
        let row = self.db().optional(sql, binds![scope.team, scope.environment, provider]).await?;
        row.as_ref().map(client).transpose()
    }

    /// Remembers that a connection is being made, and forgets those that nobody finished.
    pub async fn begin_connection(
        &self,
        _permit: &Permit<ManageCredential>,
        request: OauthRequest,
        effects: Effects,
    ) -> Result<()> {
        self.write(effects, (request, self.now()), |(request, now), tx| {
            Box::pin(async move {
                tx.run("DELETE FROM oauth_requests WHERE expires_at < $1", binds![*now]).await?;
                tx.run(
                    "INSERT INTO oauth_requests \
                     (state_hash, team, environment, provider, sealed, binding_hash, session, expires_at) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                    binds![
                        &request.state_hash,
                        request.scope.team,
                        request.scope.environment,
                        &request.provider,
                        &request.sealed,
                        &request.binding_hash,
                        &request.session,
                        request.expires_at
                    ],
                )
                .await?;
                Ok(())
            })
        })
        .await
    }

    /// What was begun under this state; it stays.
    pub async fn begun_connection(
        &self,
        _system: SystemPermit,
        state_hash: [u8; 32],
        now: Timestamp,
    ) -> Result<Option<OauthRequest>> {
        let sql = "SELECT state_hash, team, environment, provider, sealed, binding_hash, session, expires_at \
                   FROM oauth_requests WHERE state_hash = $1 AND used_at IS NULL AND expires_at > $2";
        let row = self.db().optional(sql, binds![state_hash, now]).await?;
        let read = |row: Row| {
            Ok(OauthRequest {
                state_hash: row.get("state_hash")?,
                scope: Scope { team: row.get("team")?, environment: row.get("environment")? },
                provider: row.get("provider")?,
                sealed: row.get("sealed")?,
                binding_hash: row.get("binding_hash")?,
                session: row.get("session")?,
                expires_at: row.get("expires_at")?,
            })
        };
        row.map(read).transpose()
    }

    /// Uses up a state; `false`: it was used before.
    pub async fn use_state(&self, _system: SystemPermit, state_hash: [u8; 32], now: Timestamp) -> Result<bool> {
        self.write(Effects::none(), (state_hash, now), |(state_hash, now), tx| {
            Box::pin(async move {
                let sql = "UPDATE oauth_requests SET used_at = $2 WHERE state_hash = $1 AND used_at IS NULL";
                Ok(tx.run(sql, binds![&*state_hash, *now]).await? > 0)
            })
        })
        .await
    }

    /// Keeps a credential and its grant, both or neither.
    pub async fn add_connection(
        &self,
        permit: &Permit<ManageCredential>,
        new: NewCredentialRow,
        grant: Grant,
        effects: Effects,
    ) -> Result<CredentialRow> {
        let now = self.now();
        let shown = CredentialRow {
            id: new.id,
            scope: permit.scope(),
            name: new.name,
            kind: new.kind,
            hosts: new.hosts,
            status: "active".to_owned(),
            version: 1,
            created_by: permit.principal(),
            created_at: now,
            updated_at: now,
            last_used_at: None,
            provider: new.provider,
            rotation_due_at: new.rotation_due_at,
            tested_at: None,
            test_result: None,
        };
        self.write(effects, (shown, new.sealed, grant), |(shown, sealed, grant), tx| {
            Box::pin(async move {
                insert(tx, shown, sealed).await?;
                put(tx, grant).await?;
                Ok(shown.clone())
            })
        })
        .await
    }

    /// Gives a connection new tokens: `sealed` was made for `version`, which must be the next.
    pub async fn renew_connection(
        &self,
        permit: &Permit<ManageCredential>,
        version: u32,
        sealed: Vec<u8>,
        hosts: Vec<String>,
        grant: Grant,
        effects: Effects,
    ) -> Result<()> {
        let given = (permit.scope(), version, sealed, hosts, grant, self.now());
        self.write(effects, given, |(scope, version, sealed, hosts, grant, now), tx| {
            Box::pin(async move {
                let touched = tx
                    .run(
                        "UPDATE credentials SET sealed = $5, version = $4, hosts = $6, updated_at = $7, \
                         status = 'active' WHERE team = $1 AND environment = $2 AND id = $3 AND version = $4 - 1",
                        binds![
                            scope.team,
                            scope.environment,
                            grant.credential,
                            *version,
                            sealed,
                            serde_json::json!(hosts),
                            *now
                        ],
                    )
                    .await?;
                if touched == 0 {
                    return Err(Error::Missing { what: "the credential" });
                }
                put(tx, grant).await
            })
        })
        .await
    }
}

fn client(row: &Row) -> Result<OauthClient> {
    Ok(OauthClient {
        id: row.get("id")?,
        scope: Scope { team: row.get("team")?, environment: row.get("environment")? },
        provider: row.get("provider")?,
        client_id: row.get("client_id")?,
        sealed: row.get("sealed")?,
        settings: row.get("settings")?,
        updated_at: row.get("updated_at")?,
    })
}
