//! How a connection does, as people see it.

use authz::{Permit, action::UseCredential};
use domain::{CredentialId, Timestamp};
use std::time::Duration;
use store::grants::Grant;

use crate::{Connections, Error, refresh};

/// A refresh token that ends within this time is shown as expiring.
const SOON: Duration = Duration::from_secs(7 * 86_400);

/// R078.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Active,
    /// The token is near its end: about to be refreshed, or about to end for good.
    Expiring,
    Expired,
    Revoked,
    ReauthorizationRequired,
}

impl Status {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Expiring => "expiring",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::ReauthorizationRequired => "reauthorization_required",
        }
    }
    fn of(grant: &Grant, now: Timestamp) -> Self {
        match grant.status.as_str() {
            "expired" => Self::Expired,
            "revoked" => Self::Revoked,
            "active" => {
                let over = grant.expires_at.is_some_and(|at| now >= at);
                let ends = grant.refresh_expires_at.is_some_and(|at| at.since(now) < SOON);
                match () {
                    () if over && !grant.refreshable => Self::Expired,
                    () if refresh::is_due(grant, now) || (grant.refreshable && ends) => Self::Expiring,
                    () => Self::Active,
                }
            }
            _ => Self::ReauthorizationRequired,
        }
    }
}

/// A connection as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Connection {
    pub credential: CredentialId,
    pub status: Status,
    pub grant: Grant,
}

impl Connections {
    /// All connections of a team and environment.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn connections(&self, permit: &Permit<UseCredential>) -> Result<Vec<Connection>, Error> {
        let now = self.clock.now();
        let grants = self.store.grants(permit).await?;
        let shown = |grant: Grant| Connection { credential: grant.credential, status: Status::of(&grant, now), grant };
        Ok(grants.into_iter().map(shown).collect())
    }
    /// One of them.
    ///
    /// # Errors
    /// [`Error::Vault`] when there is no such credential here, [`Error::NotAConnection`].
    pub async fn connection(&self, permit: &Permit<UseCredential>, id: CredentialId) -> Result<Connection, Error> {
        self.vault.credential(permit, id).await?;
        let system = authz::act_as_system("a connection that was found in its team is shown");
        let grant = self.store.grant(system, id).await?.ok_or(Error::NotAConnection)?;
        Ok(Connection { credential: id, status: Status::of(&grant, self.clock.now()), grant })
    }
}
