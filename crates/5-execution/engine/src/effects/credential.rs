//! Credentials, opened for one call with the rights of the run's principal at this moment.

use authz::action::UseCredential;
use vault::{Lease, Named, Use};
use workflow::{Failure, FailureKind};

use super::World;
use crate::ports::EffectContext;

impl World {
    /// Opens what the node names; `host` is where it will be sent, checked against the credential's own list (R099).
    pub(super) async fn lease(&self, cx: &EffectContext, named: &str, host: Option<&str>) -> Result<Lease, Failure> {
        let actor = self.rights.actor(cx.principal, cx.scope).await.map_err(|error| {
            let failure = Failure::new(FailureKind::Internal, format!("rights could not be checked: {error}"));
            if error.is_unavailable() { failure.retryable() } else { failure }
        })?;
        let refused = || {
            let message = "whoever started the run may not use credentials here";
            Failure::new(FailureKind::Policy, message)
        };
        let permit = actor.ok_or_else(refused)?.may::<UseCredential>().map_err(|_| refused())?;
        let lease = self.vault.lease(&permit, Named(named), &Use { host }, self.clock.now()).await;
        lease.map_err(|error| {
            let failure =
                Failure::new(FailureKind::Call, format!("the credential {named:?} could not be used: {error}"));
            if matches!(&error, vault::Error::Store(cause) if cause.is_unavailable()) {
                failure.retryable()
            } else {
                failure
            }
        })
    }
}

/// A failure with the credential's values hidden, whoever quoted them.
pub(super) fn masked(lease: Option<&Lease>, mut failure: Failure) -> Failure {
    if let Some(lease) = lease {
        let masker = lease.masker();
        failure.message = masker.text(&failure.message).into_owned();
        masker.json(&mut failure.detail);
    }
    failure
}
