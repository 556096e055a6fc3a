//! Teams: the tenants.

use authz::{
    Permit, SystemPermit,
    action::{ManageTeam, ViewWorkflow},
};
use domain::{TeamId, Timestamp};

use crate::{
    Effects, Error, Result, Store,
    kernel::{row::Row, sql::binds},
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

impl Store {
    /// Makes a team: the command line and the set-up do.
    pub async fn add_team(&self, _system: SystemPermit, team: Team, effects: Effects) -> Result<()> {
        self.write(effects, team, |team, tx| {
            Box::pin(async move {
                tx.run(
                    "INSERT INTO teams (id, slug, name, created_at) VALUES ($1, $2, $3, $4)",
                    binds![team.id, &team.slug, &team.name, team.created_at],
                )
                .await?;
                Ok(())
            })
        })
        .await
    }

    /// All teams, by id.
    pub async fn teams(&self, _system: SystemPermit) -> Result<Vec<Team>> {
        let rows = self.db().all("SELECT id, slug, name, created_at FROM teams ORDER BY id", binds![]).await?;
        rows.iter().map(team).collect()
    }

    /// The team that an address names, before it is known who asks.
    pub async fn team_by_slug(&self, _system: SystemPermit, slug: &str) -> Result<Option<Team>> {
        let sql = "SELECT id, slug, name, created_at FROM teams WHERE slug = $1";
        self.db().optional(sql, binds![slug]).await?.as_ref().map(team).transpose()
    }

    /// The permit's team.
    pub async fn team(&self, permit: &Permit<ViewWorkflow>) -> Result<Option<Team>> {
        let sql = "SELECT id, slug, name, created_at FROM teams WHERE id = $1";
        self.db().optional(sql, binds![permit.scope().team]).await?.as_ref().map(team).transpose()
    }

    /// Gives the permit's team another name.
    pub async fn rename_team(&self, permit: &Permit<ManageTeam>, name: String, effects: Effects) -> Result<()> {
        self.write(effects, (permit.scope().team, name), |(team, name), tx| {
            Box::pin(async move {
                let rows = tx.run("UPDATE teams SET name = $2 WHERE id = $1", binds![*team, name]).await?;
                Error::unless_touched(rows, "the team")
            })
        })
        .await
    }
}

fn team(row: &Row) -> Result<Team> {
    Ok(Team { id: row.get("id")?, slug: row.get("slug")?, name: row.get("name")?, created_at: row.get("created_at")? })
}
