//! Teams: the tenants.

use authz::{
    Permit, SystemPermit,
    action::{ManageTeam, ViewWorkflow},
};
use domain::{TeamId, Timestamp};

use crate::{
    Effects, Error, Result, Store,
    kernel::{row::Row, sql::binds, tx::Tx},
};

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Team {
    pub id: TeamId,
    /// The name in addresses: lower-case letters, digits and dashes; unique in the instance.
    pub slug: String,
    pub name: String,
    pub created_at: Timestamp,
}

/// What a team demands of its members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TeamDemands {
    /// People without a second factor may only enrol one.
    pub second_factor: bool,
}

impl Store {
    /// What the team demands; nothing of a team that is not there.
    pub async fn team_demands(&self, _system: SystemPermit, team: TeamId) -> Result<TeamDemands> {
        let sql = "SELECT require_second_factor FROM teams WHERE id = $1";
        let row = self.db().optional(sql, binds![team]).await?;
        row.map_or(Ok(TeamDemands::default()), |row| {
            Ok(TeamDemands { second_factor: row.get("require_second_factor")? })
        })
    }

    /// Changes the permit's team: its name, and whether it demands a second factor.
    pub async fn change_team(
        &self,
        permit: &Permit<ManageTeam>,
        name: Option<String>,
        second_factor: Option<bool>,
        effects: Effects,
    ) -> Result<()> {
        self.write(effects, (permit.scope().team, name, second_factor), |(team, name, second_factor), tx| {
            Box::pin(async move {
                let sql = "UPDATE teams SET name = COALESCE($2, name), \
                           require_second_factor = COALESCE($3, require_second_factor) WHERE id = $1";
                let rows = tx.run(sql, binds![*team, name.clone(), *second_factor]).await?;
                Error::unless_touched(rows, "the team")
            })
        })
        .await
    }

    /// Ends the permit's team: from this moment it reads as absent to everybody, its members have no role in it, and
    /// what ran for them stops. Its rows stay, and its slug is not given to another team.
    pub async fn delete_team(&self, permit: &Permit<ManageTeam>, effects: Effects) -> Result<()> {
        self.write(effects, (permit.scope().team, self.now()), |(team, now), tx| {
            Box::pin(async move {
                let sql = "UPDATE teams SET deleted_at = $2 WHERE id = $1 AND deleted_at IS NULL";
                Error::unless_touched(tx.run(sql, binds![*team, *now]).await?, "the team")?;
                let sql = "UPDATE api_keys SET revoked_at = COALESCE(revoked_at, $2) WHERE team = $1";
                tx.run(sql, binds![*team, *now]).await?;
                let sql = "UPDATE invitations SET revoked_at = COALESCE(revoked_at, $2) WHERE team = $1";
                tx.run(sql, binds![*team, *now]).await?;
                Ok(())
            })
        })
        .await
    }

    /// Makes a team whose first member is its admin.
    pub async fn add_team_of(
        &self,
        _system: SystemPermit,
        team: Team,
        admin: domain::UserId,
        effects: Effects,
    ) -> Result<()> {
        self.write(effects, (team, admin), |(team, admin), tx| {
            Box::pin(async move {
                insert(tx, team).await?;
                let membership = super::Membership {
                    team: team.id,
                    member: super::Member::User(*admin),
                    role: domain::Role::Admin,
                    source: "founder".to_owned(),
                    created_at: team.created_at,
                };
                super::memberships::put(tx, &membership).await
            })
        })
        .await
    }

    /// Makes a team: the command line and the set-up do.
    pub async fn add_team(&self, _system: SystemPermit, team: Team, effects: Effects) -> Result<()> {
        self.write(effects, team, |team, tx| Box::pin(insert(tx, team))).await
    }

    /// All teams, by id.
    pub async fn teams(&self, _system: SystemPermit) -> Result<Vec<Team>> {
        let rows = self
            .db()
            .all("SELECT id, slug, name, created_at FROM teams WHERE deleted_at IS NULL ORDER BY id", binds![])
            .await?;
        rows.iter().map(team).collect()
    }

    /// The team that an address names, before it is known who asks.
    pub async fn team_by_slug(&self, _system: SystemPermit, slug: &str) -> Result<Option<Team>> {
        let sql = "SELECT id, slug, name, created_at FROM teams WHERE slug = $1 AND deleted_at IS NULL";
        self.db().optional(sql, binds![slug]).await?.as_ref().map(team).transpose()
    }

    /// The permit's team.
    pub async fn team(&self, permit: &Permit<ViewWorkflow>) -> Result<Option<Team>> {
        let sql = "SELECT id, slug, name, created_at FROM teams WHERE id = $1 AND deleted_at IS NULL";
        self.db().optional(sql, binds![permit.scope().team]).await?.as_ref().map(team).transpose()
    }
}

async fn insert(tx: &mut Tx, team: &Team) -> Result<()> {
    tx.run(
        "INSERT INTO teams (id, slug, name, created_at) VALUES ($1, $2, $3, $4)",
        binds![team.id, &team.slug, &team.name, team.created_at],
    )
    .await?;
    Ok(())
}

fn team(row: &Row) -> Result<Team> {
    Ok(Team { id: row.get("id")?, slug: row.get("slug")?, name: row.get("name")?, created_at: row.get("created_at")? })
}
