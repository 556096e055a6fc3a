//! OAuth grants: what is known of a connection besides its sealed tokens, and who refreshes it at this moment.

use authz::{Permit, SystemPermit, action::UseCredential};
use domain::{CredentialId, Json, LeaseId, Scope, Timestamp};

use crate::{
    Effects, Error, Result, Store,
    kernel::{row::Row, sql::binds, tx::Tx},
};

/// A grant. Its tokens are in the credential's sealed value.
#[derive(Debug, Clone, PartialEq)]
pub struct Grant {
    pub credential: CredentialId,
    pub scope: Scope,
    pub provider: String,
    /// Whom or what the provider says it is for.
    pub account: Option<String>,
    /// The scopes that were asked for.
    pub requested: Vec<String>,
    /// The scopes that were granted.
    pub scopes: Vec<String>,
    /// What addresses are made of: shop, tenant, instance.
    pub parameters: Json,
    pub expires_at: Option<Timestamp>,
    pub refresh_expires_at: Option<Timestamp>,
    /// Whether there is a refresh token.
    pub refreshable: bool,
    /// `active`, `expired`, `revoked`, `reauthorization_required`.
    pub status: String,
    pub reason: Option<String>,
    /// Counts the tokens it has had since the first.
    pub refreshes: u64,
    pub refreshed_at: Timestamp,
    /// Refreshes that failed since the last that did not.
    pub failures: u32,
    /// Not before this time again.
    pub retry_at: Option<Timestamp>,
    pub lease_until: Option<Timestamp>,
}

/// A refresh that went well.
#[derive(Debug, Clone)]
pub struct Refreshed {
    pub credential: CredentialId,
    pub owner: LeaseId,
    /// The count that the refresh began with.
    pub seen: u64,
    /// The version that `sealed` was made for: the next.
    pub version: u32,
    pub sealed: Vec<u8>,
    pub scopes: Vec<String>,
    pub parameters: Json,
    pub expires_at: Option<Timestamp>,
    pub refresh_expires_at: Option<Timestamp>,
    pub refreshable: bool,
    pub at: Timestamp,
}

/// A refresh that did not go well.
#[derive(Debug, Clone)]
pub struct NotRefreshed {
    pub credential: CredentialId,
    pub owner: LeaseId,
    pub seen: u64,
    /// `None`: the provider is away, and the grant stays what it is.
    pub status: Option<&'static str>,
    pub reason: String,
    pub retry_at: Option<Timestamp>,
}

macro_rules! grants {
    ($where:literal) => {
        concat!(
            "SELECT credential, team, environment, provider, account, requested, scopes, parameters, expires_at, ",
            "refresh_expires_at, refreshable, status, reason, refreshes, refreshed_at, failures, retry_at, lease_until ",
            "FROM oauth_grants WHERE ",
            $where
        )
    };
}

impl Store {
    /// The grant of a credential.
    pub async fn grant(&self, _system: SystemPermit, credential: CredentialId) -> Result<Option<Grant>> {
        let row = self.db().optional(grants!("credential = $1"), binds![credential]).await?;
        row.as_ref().map(grant).transpose()
    }

    /// All grants of a team and environment.
    pub async fn grants(&self, permit: &Permit<UseCredential>) -> Result<Vec<Grant>> {
        let Scope { team, environment } = permit.scope();
        let sql = grants!("team = $1 AND environment = $2 ORDER BY credential");
        self.db().all(sql, binds![team, environment]).await?.iter().map(grant).collect()
    }

    /// Active grants that expire before then and may be tried now.
    pub async fn grants_due(
        &self,
        _system: SystemPermit,
        before: Timestamp,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Grant>> {
        let sql = grants!(
            "status = 'active' AND expires_at < $1 AND (retry_at IS NULL OR retry_at <= $2) \
             AND (lease_until IS NULL OR lease_until < $2) ORDER BY expires_at LIMIT $3"
        );
        self.db().all(sql, binds![before, now, limit]).await?.iter().map(grant).collect()
    }

    /// Takes the one place of whoever refreshes a grant; `false`: somebody else has it, or was faster altogether.
    pub async fn begin_refresh(
        &self,
        _system: SystemPermit,
        credential: CredentialId,
        seen: u64,
        owner: LeaseId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool> {
        self.write(Effects::none(), (credential, seen, owner, now, until), |(id, seen, owner, now, until), tx| {
            Box::pin(async move {
                let sql = "UPDATE oauth_grants SET lease_owner = $3, lease_until = $5 WHERE credential = $1 \
                           AND refreshes = $2 AND (lease_until IS NULL OR lease_until < $4)";
                Ok(tx.run(sql, binds![*id, *seen, *owner, *now, *until]).await? > 0)
            })
        })
        .await
    }

    /// Keeps the new tokens and gives the place back, in one change; `false`: the place was lost, and nothing was kept.
    pub async fn end_refresh(&self, _system: SystemPermit, done: Refreshed, effects: Effects) -> Result<bool> {
        let written = self
            .write(effects, done, |done, tx| {
                Box::pin(async move {
                    let kept = tx
                        .run(
                            "UPDATE oauth_grants SET scopes = $4, parameters = $5, expires_at = $6, \
                             refresh_expires_at = $7, refreshable = $8, status = 'active', reason = NULL, \
                             refreshes = refreshes + 1, refreshed_at = $9, failures = 0, retry_at = NULL, \
                             lease_owner = NULL, lease_until = NULL \
                             WHERE credential = $1 AND lease_owner = $2 AND refreshes = $3",
                            binds![
                                done.credential,
                                done.owner,
                                done.seen,
                                serde_json::json!(done.scopes),
                                &done.parameters,
                                done.expires_at,
                                done.refresh_expires_at,
                                done.refreshable,
                                done.at
                            ],
                        )
                        .await?;
                    let sql = "UPDATE credentials SET sealed = $3, version = $2, updated_at = $4, status = 'active' \
                               WHERE id = $1 AND version = $2 - 1";
                    let value = tx.run(sql, binds![done.credential, done.version, &done.sealed, done.at]).await?;
                    if kept == 0 || value == 0 { Err(Error::Missing { what: "the grant" }) } else { Ok(()) }
                })
            })
            .await;
        match written {
            Ok(()) => Ok(true),
            Err(Error::Missing { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Gives the place back without new tokens; says what became of the grant.
    pub async fn fail_refresh(&self, _system: SystemPermit, failed: NotRefreshed, effects: Effects) -> Result<bool> {
        self.write(effects, failed, |failed, tx| {
            Box::pin(async move {
                let touched = tx
                    .run(
                        "UPDATE oauth_grants SET status = COALESCE($4, status), reason = $5, \
                         failures = failures + 1, retry_at = $6, lease_owner = NULL, lease_until = NULL \
                         WHERE credential = $1 AND lease_owner = $2 AND refreshes = $3",
                        binds![
                            failed.credential,
                            failed.owner,
                            failed.seen,
                            failed.status,
                            &failed.reason,
                            failed.retry_at
                        ],
                    )
                    .await?;
                if touched > 0 && failed.status.is_some() {
                    mirror(tx, failed.credential, failed.status.unwrap_or("active")).await?;
                }
                Ok(touched > 0)
            })
        })
        .await
    }

    /// Says what became of a grant that nobody refreshed since; `false`: somebody did.
    pub async fn set_grant_status(
        &self,
        _system: SystemPermit,
        credential: CredentialId,
        seen: u64,
        status: &'static str,
        reason: String,
        effects: Effects,
    ) -> Result<bool> {
        self.write(effects, (credential, seen, status, reason), |(credential, seen, status, reason), tx| {
            Box::pin(async move {
                let sql = "UPDATE oauth_grants SET status = $3, reason = $4 WHERE credential = $1 AND refreshes = $2";
                let touched = tx.run(sql, binds![*credential, *seen, *status, &*reason]).await?;
                if touched > 0 {
                    mirror(tx, *credential, status).await?;
                }
                Ok(touched > 0)
            })
        })
        .await
    }
}

/// The credential shows its grant's status.
async fn mirror(tx: &mut Tx, credential: CredentialId, status: &str) -> Result<()> {
    tx.run("UPDATE credentials SET status = $2 WHERE id = $1", binds![credential, status]).await?;
    Ok(())
}

/// A grant that is new, or anew.
pub(super) async fn put(tx: &mut Tx, grant: &Grant) -> Result<()> {
    tx.run(
        "INSERT INTO oauth_grants (credential, team, environment, provider, account, requested, scopes, parameters, \
         expires_at, refresh_expires_at, refreshable, status, refreshes, refreshed_at, failures) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'active', 0, $12, 0) \
         ON CONFLICT (credential) DO UPDATE SET account = excluded.account, requested = excluded.requested, \
         scopes = excluded.scopes, parameters = excluded.parameters, expires_at = excluded.expires_at, \
         refresh_expires_at = excluded.refresh_expires_at, refreshable = excluded.refreshable, status = 'active', \
         reason = NULL, refreshes = oauth_grants.refreshes + 1, refreshed_at = excluded.refreshed_at, failures = 0, \
         retry_at = NULL, lease_owner = NULL, lease_until = NULL",
        binds![
            grant.credential,
            grant.scope.team,
            grant.scope.environment,
            &grant.provider,
            grant.account.as_ref(),
            serde_json::json!(grant.requested),
            serde_json::json!(grant.scopes),
            &grant.parameters,
            grant.expires_at,
            grant.refresh_expires_at,
            grant.refreshable,
            grant.refreshed_at
        ],
    )
    .await?;
    Ok(())
}

fn grant(row: &Row) -> Result<Grant> {
    Ok(Grant {
        credential: row.get("credential")?,
        scope: Scope { team: row.get("team")?, environment: row.get("environment")? },
        provider: row.get("provider")?,
        account: row.get("account")?,
        requested: row.json("requested")?,
        scopes: row.json("scopes")?,
        parameters: row.get("parameters")?,
        expires_at: row.get("expires_at")?,
        refresh_expires_at: row.get("refresh_expires_at")?,
        refreshable: row.get("refreshable")?,
        status: row.get("status")?,
        reason: row.get("reason")?,
        refreshes: row.get("refreshes")?,
        refreshed_at: row.get("refreshed_at")?,
        failures: row.get("failures")?,
        retry_at: row.get("retry_at")?,
        lease_until: row.get("lease_until")?,
    })
}
