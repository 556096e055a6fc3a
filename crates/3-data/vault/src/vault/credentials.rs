//! Credentials: kept sealed, listed without their values, leased for one use (R087–R099).

use authz::{
    Permit,
    action::{ManageCredential, UseCredential},
};
use domain::{CredentialId, Scope, Secret, Timestamp};
use store::{CredentialChange, CredentialRow, Effects, NewCredentialRow, OldVersion};

use super::{Purpose, Vault};
use crate::{
    Bound, CredentialKind, CredentialValue, Error, Lease, OpenError, Use,
    lease::{host_is_bound, is_host_pattern},
};

/// `last_used` is exact to this many seconds, so that a credential that is used a thousand times a second does not
/// cost a thousand writes.
const TOUCH_EVERY: u64 = 60;
const MAX_NAME: usize = 100;
const MAX_HOSTS: usize = 50;

/// A credential to be kept.
#[derive(Debug)]
pub struct NewCredential {
    pub id: CredentialId,
    /// Unique within team and environment; workflows refer to it.
    pub name: String,
    /// Where it may be sent: `api.example.com`, `*.example.com`, or `*`.
    pub hosts: Vec<String>,
    pub value: CredentialValue,
    /// When its value should be replaced by a new one; a reminder, it goes on working.
    pub rotation_due_at: Option<Timestamp>,
}

/// How a credential is named in a workflow.
#[derive(Debug, Clone, Copy)]
pub struct Named<'a>(pub &'a str);

impl Vault {
    /// Seals and keeps a credential; `effects` are stored with it.
    ///
    /// # Errors
    /// [`Error::Value`] for a name or a host that cannot be; [`Error::Store`] with `Taken` when the name is.
    pub async fn keep_credential(
        &self,
        permit: &Permit<ManageCredential>,
        new: NewCredential,
        effects: Effects,
    ) -> Result<CredentialRow, Error> {
        let kind = new.value.kind();
        check(kind, &new.name, &new.hosts)?;
        let sealed = self.seal_value(permit.scope(), new.id, 1, &new.value)?;
        let kind = kind.as_str().to_owned();
        let row = NewCredentialRow {
            id: new.id,
            name: new.name,
            kind,
            hosts: new.hosts,
            sealed,
            provider: None,
            rotation_due_at: new.rotation_due_at,
        };
        Ok(self.store.add_credential(permit, row, effects).await?)
    }
    /// All credentials of the team and environment; never a value (R094).
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn credentials(&self, permit: &Permit<UseCredential>) -> Result<Vec<CredentialRow>, Error> {
        Ok(self.store.credentials(permit).await?)
    }
    /// Gives a credential its next value.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Value`] when the new value is of another kind; [`Error::Store`] with `Missing`
    /// when somebody else was faster.
    pub async fn replace_credential(
        &self,
        permit: &Permit<ManageCredential>,
        reading: &Permit<UseCredential>,
        id: CredentialId,
        value: &CredentialValue,
        effects: Effects,
    ) -> Result<(), Error> {
        let found = self.store.sealed_credential(reading, Some(id), "").await?.ok_or(Error::NotFound)?;
        if found.shown.kind != value.kind().as_str() {
            return Err(Error::Value {
                kind: value.kind().as_str(),
                why: "the credential is of another kind".to_owned(),
            });
        }
        let version = found.shown.version + 1;
        let sealed = self.seal_value(permit.scope(), id, version, value)?;
        Ok(self.store.replace_credential(permit, id, version, sealed, effects).await?)
    }
    /// Gives a credential the value again that it had as `version`; that becomes its next version.
    ///
    /// # Errors
    /// [`Error::NoSuchVersion`]; otherwise as [`Vault::replace_credential`].
    pub async fn roll_back_credential(
        &self,
        permit: &Permit<ManageCredential>,
        reading: &Permit<UseCredential>,
        id: CredentialId,
        version: u32,
        effects: Effects,
    ) -> Result<u32, Error> {
        let found = self.store.sealed_credential(reading, Some(id), "").await?.ok_or(Error::NotFound)?;
        let old = self.store.sealed_version(permit, id, version).await?.ok_or(Error::NoSuchVersion { version })?;
        let shown = CredentialRow { version, ..found.shown.clone() };
        let value = self.open_value(permit.scope(), &shown, &old)?;
        let next = found.shown.version + 1;
        let sealed = self.seal_value(permit.scope(), id, next, &value)?;
        self.store.replace_credential(permit, id, next, sealed, effects).await?;
        Ok(next)
    }
    /// The values before the present one that can be rolled back to, newest first; never what they are.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn credential_versions(
        &self,
        permit: &Permit<UseCredential>,
        id: CredentialId,
    ) -> Result<Vec<OldVersion>, Error> {
        self.credential(permit, id).await?;
        Ok(self.store.credential_versions(permit, id).await?)
    }
    /// What may be shown of a credential.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn credential(&self, permit: &Permit<UseCredential>, id: CredentialId) -> Result<CredentialRow, Error> {
        Ok(self.store.sealed_credential(permit, Some(id), "").await?.ok_or(Error::NotFound)?.shown)
    }
    /// Changes name, hosts or the time when it is due for rotation.
    ///
    /// # Errors
    /// [`Error::Value`] for a name or a host that cannot be; [`Error::NotFound`]; [`Error::Store`] with `Taken`.
    pub async fn change_credential(
        &self,
        permit: &Permit<ManageCredential>,
        reading: &Permit<UseCredential>,
        id: CredentialId,
        change: CredentialChange,
        effects: Effects,
    ) -> Result<(), Error> {
        let shown = self.credential(reading, id).await?;
        let kind = CredentialKind::read(&shown.kind).unwrap_or(CredentialKind::CustomSecret);
        let (name, hosts) =
            (change.name.as_ref().unwrap_or(&shown.name), change.hosts.as_ref().unwrap_or(&shown.hosts));
        check(kind, name, hosts)?;
        Ok(self.store.change_credential(permit, id, change, effects).await?)
    }
    /// Deletes a credential; `effects` (the audit entry, R099) are stored in the same transaction.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn delete_credential(
        &self,
        permit: &Permit<ManageCredential>,
        id: CredentialId,
        effects: Effects,
    ) -> Result<(), Error> {
        self.store.delete_credential(permit, id, effects).await.map_err(|error| match error {
            store::Error::Missing { .. } => Error::NotFound,
            error => Error::Store(error),
        })
    }
    /// Opens a credential for one use. Team and environment are those of the permit and part of what the value is
    /// sealed for, so a credential of development does not open in production even if its row is copied there (R097).
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::NotActive`], [`Error::HostNotBound`], [`Error::Open`].
    pub async fn lease(
        &self,
        permit: &Permit<UseCredential>,
        named: Named<'_>,
        wanted: &Use<'_>,
        now: Timestamp,
    ) -> Result<Lease, Error> {
        let id: Option<CredentialId> = named.0.parse().ok();
        let found = self.store.sealed_credential(permit, id, named.0).await?.ok_or(Error::NotFound)?;
        let shown = found.shown;
        match shown.status.as_str() {
            "active" => {}
            "expired" => return Err(Error::NotActive { status: "expired" }),
            "revoked" => return Err(Error::NotActive { status: "revoked" }),
            "reauthorization_required" => return Err(Error::NotActive { status: "to be connected again" }),
            _ => return Err(Error::NotActive { status: "out of order" }),
        }
        if let Some(host) = wanted.host
            && !host_is_bound(&shown.hosts, host)
        {
            return Err(Error::HostNotBound { host: host.to_owned() });
        }
        let value = match self.open_value(permit.scope(), &shown, &found.sealed) {
            // Sealed by a server that has moved on to another data key already.
            Err(Error::Open(OpenError::KeyNotLoaded { .. })) => {
                self.refresh().await?;
                self.open_value(permit.scope(), &shown, &found.sealed)?
            }
            opened => opened?,
        };
        if shown.last_used_at.is_none_or(|last| now.since(last).as_secs() >= TOUCH_EVERY) {
            self.store.touch_credential(permit, shown.id, now).await?;
        }
        Ok(Lease::new(shown.id, shown.name, shown.scope, shown.hosts, shown.version, value))
    }

    /// Seals a value for `version` of a credential, for whoever stores it (`connections`).
    ///
    /// # Errors
    /// [`Error::Random`].
    pub fn seal_value(
        &self,
        scope: Scope,
        id: CredentialId,
        version: u32,
        value: &CredentialValue,
    ) -> Result<Vec<u8>, Error> {
        let id = id.uuid().into_bytes();
        self.seal(Purpose::Credentials, &bound(scope, &id, version), value.to_plain().expose())
    }
    /// Opens a stored credential in its own team and environment, for NodeLoom's own work on it (`connections`).
    ///
    /// # Errors
    /// [`Error::Open`].
    pub fn open_value(&self, scope: Scope, shown: &CredentialRow, sealed: &[u8]) -> Result<CredentialValue, Error> {
        let kind = CredentialKind::read(&shown.kind)
            .ok_or_else(|| Error::Value { kind: "credential", why: "its kind is not known".to_owned() })?;
        let id = shown.id.uuid().into_bytes();
        let plain: Secret<Vec<u8>> = self.open(Purpose::Credentials, &bound(scope, &id, shown.version), sealed)?;
        CredentialValue::from_plain(kind, &plain)
    }
}

fn bound(scope: Scope, id: &[u8; 16], version: u32) -> Bound<'_> {
    Bound { table: "credentials", field: "sealed", scope: Some(scope), row: id, version }
}

/// Whether a name and hosts can be those of a credential.
pub fn check(kind: CredentialKind, name: &str, hosts: &[String]) -> Result<(), Error> {
    let refuse = |why: String| Err(Error::Value { kind: kind.as_str(), why });
    let plain = |c: char| c.is_alphanumeric() || " ._-/".contains(c);
    if name.trim() != name || name.is_empty() || name.chars().count() > MAX_NAME || !name.chars().all(plain) {
        return refuse(format!("a name has 1 to {MAX_NAME} letters, digits, spaces and . _ - /"));
    }
    if name.parse::<CredentialId>().is_ok() {
        return refuse("a name must not look like an id".to_owned());
    }
    if hosts.len() > MAX_HOSTS {
        return refuse(format!("it may be bound to at most {MAX_HOSTS} hosts"));
    }
    match hosts.iter().find(|host| !is_host_pattern(host)) {
        Some(bad) => refuse(format!(
            "{bad:?} is not a host; write api.example.com or *.example.com, without scheme, port or path"
        )),
        None => Ok(()),
    }
}
