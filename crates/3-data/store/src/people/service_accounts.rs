//! Accounts for machines. They belong to one team and act through keys.

use authz::{Permit, action::ManageTeam};
use domain::{Role, ServiceAccountId, TeamId, Timestamp};

use super::{Member, Membership, memberships};
use crate::{
    Effects, Error, Result, Store,
    kernel::{row::Row, sql::binds},
};

/// An account that is not a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceAccount {
    pub id: ServiceAccountId,
    pub team: TeamId,
    pub name: String,
    pub created_at: Timestamp,
    pub disabled_at: Option<Timestamp>,
}

impl Store {
    /// Makes a service account in the permit's team, with a role there.
    pub async fn add_service_account(
        &self,
        permit: &Permit<ManageTeam>,
        id: ServiceAccountId,
        name: String,
        role: Role,
        effects: Effects,
    ) -> Result<()> {
        let team = permit.scope().team;
        let account = ServiceAccount { id, team, name, created_at: self.now(), disabled_at: None };
        let member = Member::ServiceAccount(id);
        let membership = Membership { team, member, role, source: "manual".to_owned(), created_at: account.created_at };
        let by = serde_json::json!(permit.principal());
        self.write(effects, (account, membership, by), |(account, membership, by), tx| {
            Box::pin(async move {
                tx.run(
                    "INSERT INTO service_accounts (id, team, name, created_by, created_at) VALUES ($1, $2, $3, $4, $5)",
                    binds![account.id, account.team, &account.name, by, account.created_at],
                )
                .await?;
                memberships::put(tx, membership).await
            })
        })
        .await
    }

    /// The service accounts of the permit's team, by name.
    pub async fn service_accounts(&self, permit: &Permit<ManageTeam>) -> Result<Vec<ServiceAccount>> {
        let sql = "SELECT id, team, name, created_at, disabled_at FROM service_accounts WHERE team = $1 ORDER BY name";
        self.db().all(sql, binds![permit.scope().team]).await?.iter().map(account).collect()
    }

    /// Disables a service account and revokes its keys.
    pub async fn disable_service_account(
        &self,
        permit: &Permit<ManageTeam>,
        id: ServiceAccountId,
        effects: Effects,
    ) -> Result<()> {
        self.write(effects, (permit.scope().team, id, self.now()), |(team, id, now), tx| {
            Box::pin(async move {
                let sql = "UPDATE service_accounts SET disabled_at = COALESCE(disabled_at, $3) \
                           WHERE team = $1 AND id = $2";
                Error::unless_touched(tx.run(sql, binds![*team, *id, *now]).await?, "the service account")?;
                tx.run(
                    "UPDATE api_keys SET revoked_at = $3 WHERE team = $1 AND owner_kind = 'service_account' \
                     AND owner = $2 AND revoked_at IS NULL",
                    binds![*team, *id, *now],
                )
                .await?;
                Ok(())
            })
        })
        .await
    }
}

fn account(row: &Row) -> Result<ServiceAccount> {
    Ok(ServiceAccount {
        id: row.get("id")?,
        team: row.get("team")?,
        name: row.get("name")?,
        created_at: row.get("created_at")?,
        disabled_at: row.get("disabled_at")?,
    })
}
