//! Destinations of the installation itself: they get the system's chain, which belongs to no team, and are made on the
//! command line, by whoever runs the server.

use authz::SystemPermit;
use domain::{Environment, Scope, SiemId, TeamId};
use uuid::Uuid;

use super::{Cursors, Destination, DestinationSettings, SiemStream};
use crate::{ChainKey, Effects, Result, Store, kernel::sql::binds};

/// Stands where a team's scope would; no team has this id, for ids hold the time at which they were made.
pub const INSTALLATION: Scope = Scope { team: TeamId::from_uuid(Uuid::nil()), environment: Environment::Production };

/// Whether a destination is the installation's.
pub fn is_installation(scope: Scope) -> bool {
    scope == INSTALLATION
}

/// The chain that is delivered.
pub fn chain_of(scope: Scope) -> ChainKey {
    if is_installation(scope) { ChainKey::System } else { ChainKey::Of(scope) }
}

impl Store {
    /// The installation's destinations, by name.
    pub async fn installation_siems(&self, _system: SystemPermit) -> Result<Vec<Destination>> {
        self.destinations_of(INSTALLATION).await
    }

    /// Adds one.
    ///
    /// # Errors
    /// As [`Store::add_siem_destination`].
    pub async fn add_installation_siem(
        &self,
        _system: SystemPermit,
        id: SiemId,
        new: DestinationSettings,
        from: Cursors,
        effects: Effects,
    ) -> Result<()> {
        self.add_destination(INSTALLATION, "system".to_owned(), (id, new, from), effects).await
    }

    /// Forgets one and its dead letters.
    ///
    /// # Errors
    /// [`Error::Missing`](crate::Error::Missing).
    pub async fn delete_installation_siem(&self, _system: SystemPermit, id: SiemId, effects: Effects) -> Result<()> {
        self.drop_destination(INSTALLATION, id, effects).await
    }

    /// As [`Store::move_siem_cursor`].
    ///
    /// # Errors
    /// [`Error::Missing`](crate::Error::Missing).
    pub async fn move_installation_siem(
        &self,
        _system: SystemPermit,
        id: SiemId,
        to: Option<(SiemStream, i64, String)>,
        effects: Effects,
    ) -> Result<()> {
        self.move_cursor(INSTALLATION, id, to, effects).await
    }

    /// Names of destinations that are to get a chain's entries, are not switched off, and do not have entry `seq` yet,
    /// with the last entry that each has.
    pub async fn siem_without_entry(
        &self,
        _system: SystemPermit,
        chain: &ChainKey,
        seq: i64,
    ) -> Result<Vec<(String, i64)>> {
        let sql = "SELECT name, audit_seq FROM siem_destinations \
                   WHERE chain = $1 AND enabled AND wants_audit AND audit_seq < $2 ORDER BY name";
        let rows = self.db().all(sql, binds![chain.to_string(), seq]).await?;
        rows.iter().map(|row| Ok((row.get("name")?, row.get("audit_seq")?))).collect()
    }
}
