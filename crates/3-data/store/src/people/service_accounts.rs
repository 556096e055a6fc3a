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
    /// Its role in its team.
    pub role: Option<Role>,
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
        let account = ServiceAccount { id, team, name, created_at: self.now(), disabled_at: None, role: Some(role) };
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
        let sql = "SELECT s.id, s.team, s.name, s.created_at, s.disabled_at, m.role FROM service_accounts AS s \
                   LEFT JOIN memberships AS m ON m.team = s.team AND m.member_kind = 'service_account' \
                   AND m.member = s.id WHERE s.team = $1 ORDER BY s.name";
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
        role: row.get("role")?,
    })
}
