//! Settings as JSON, by name: the instance's, a team's, or a team's in one environment.

use authz::{Permit, SystemPermit, action::ManageTeam};
use domain::{Environment, Json, TeamId};
use uuid::Uuid;

use crate::{Effects, Result, Store, kernel::sql::binds};

/// Whose setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingOf {
    Instance,
    Team(TeamId),
    Environment(TeamId, Environment),
}

impl SettingOf {
    fn key(self) -> (Uuid, &'static str) {
        match self {
            Self::Instance => (Uuid::nil(), ""),
            Self::Team(team) => (team.uuid(), ""),
            Self::Environment(team, environment) => (team.uuid(), environment.as_str()),
        }
    }
}

impl Store {
    /// A setting, for the room that acts by it.
    pub async fn setting(&self, _system: SystemPermit, of: SettingOf, name: &str) -> Result<Option<Json>> {
        let (team, environment) = of.key();
        let sql = "SELECT value FROM settings WHERE team = $1 AND environment = $2 AND name = $3";
        self.db().optional(sql, binds![team, environment, name]).await?.map(|row| row.get("value")).transpose()
    }

    /// Sets something of the permit's team, in all its environments or in the permit's only.
    pub async fn set_team_setting(
        &self,
        permit: &Permit<ManageTeam>,
        this_environment_only: bool,
        name: String,
        value: Json,
        effects: Effects,
    ) -> Result<()> {
        let scope = permit.scope();
        let of = if this_environment_only {
            SettingOf::Environment(scope.team, scope.environment)
        } else {
            SettingOf::Team(scope.team)
        };
        self.put_setting(of, name, value, permit.principal().to_string(), effects).await
    }

    /// Sets something for NodeLoom itself.
    pub async fn set_setting(
        &self,
        system: SystemPermit,
        of: SettingOf,
        name: String,
        value: Json,
        effects: Effects,
    ) -> Result<()> {
        self.put_setting(of, name, value, system.reason().to_owned(), effects).await
    }

    pub(crate) async fn put_setting(
        &self,
        of: SettingOf,
        name: String,
        value: Json,
        by: String,
        effects: Effects,
    ) -> Result<()> {
        self.write(
            effects,
            (of.key(), name, value, by, self.now()),
            |((team, environment), name, value, by, now), tx| {
                Box::pin(async move {
                    tx.run(
                        "INSERT INTO settings (team, environment, name, value, updated_by, updated_at) \
                     VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (team, environment, name) DO UPDATE \
                     SET value = excluded.value, updated_by = excluded.updated_by, updated_at = excluded.updated_at",
                        binds![*team, *environment, name, value, by, *now],
                    )
                    .await?;
                    Ok(())
                })
            },
        )
        .await
    }
}
