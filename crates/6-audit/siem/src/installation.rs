//! What whoever runs the server does with the installation's own destinations, which get the system's chain.

use authz::SystemPermit;
use domain::{Secret, SiemId};
use store::{
    Effects,
    siem::{Destination, INSTALLATION, SiemStream},
};

use crate::{Error, Secrets, Setup, Siem, Start, Status, Tried, siem::New};

impl Siem {
    /// Makes a destination for the system's chain. The rest as [`Siem::create`].
    ///
    /// # Errors
    /// As [`Siem::create`].
    pub async fn install(
        &self,
        system: SystemPermit,
        id: SiemId,
        setup: Setup,
        secrets: Secrets,
        start: Start,
        effects: Effects,
    ) -> Result<Option<Secret<String>>, Error> {
        let New { settings, from, made } = self.prepared(INSTALLATION, id, setup, secrets, start).await?;
        self.rooms.store.add_installation_siem(system, id, settings, from, effects).await?;
        Ok(made)
    }

    /// All of them, by name.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn installed(&self, system: SystemPermit) -> Result<Vec<Status>, Error> {
        let mut all = Vec::new();
        for destination in self.rooms.store.installation_siems(system).await? {
            all.push(self.status_of(destination).await?);
        }
        Ok(all)
    }

    /// The one with this name.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Store`].
    pub async fn installed_as(&self, system: SystemPermit, name: &str) -> Result<Destination, Error> {
        let all = self.rooms.store.installation_siems(system).await?;
        all.into_iter().find(|destination| destination.name == name).ok_or(Error::NotFound)
    }

    /// Forgets one.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn uninstall(&self, system: SystemPermit, id: SiemId, effects: Effects) -> Result<(), Error> {
        Ok(self.rooms.store.delete_installation_siem(system, id, effects).await?)
    }

    /// As [`Siem::replay`].
    ///
    /// # Errors
    /// As [`Siem::replay`].
    pub async fn replay_installed(
        &self,
        system: SystemPermit,
        id: SiemId,
        from: Option<(SiemStream, i64)>,
        effects: Effects,
    ) -> Result<(), Error> {
        let to = self.place(INSTALLATION, from).await?;
        Ok(self.rooms.store.move_installation_siem(system, id, to, effects).await?)
    }

    /// As [`Siem::test`].
    ///
    /// # Errors
    /// As [`Siem::test`].
    pub async fn test_installed(&self, destination: &Destination) -> Result<Tried, Error> {
        self.test_of(destination).await
    }
}
