//! Credentials, opened for one call with the rights of the run's principal at this moment. That it was used is on disk before
//! it goes anywhere.

use authz::{Permit, action::UseCredential};
use connections::Error;
use domain::{AuditDraft, AuditId, AuditResult, AuditSubject, Secret};
use serde_json::json;
use store::runs::RunSecrets;
use uuid::Uuid;
use vault::{Lease, Named, Use};
use workflow::{Failure, FailureKind};

use super::World;
use crate::{
    ports::{EffectContext, Entropy},
    seal,
};

impl World {
    /// The principal's right to use credentials here.
    pub(super) async fn may_use(&self, cx: &EffectContext) -> Result<Permit<UseCredential>, Failure> {
        let actor = self.rights.actor(cx.principal, cx.scope).await.map_err(|error| {
            let failure = Failure::new(FailureKind::Internal, format!("rights could not be checked: {error}"));
            if error.is_unavailable() { failure.retryable() } else { failure }
        })?;
        let refused = || {
            let message = "whoever started the run may not use credentials here";
            Failure::new(FailureKind::Policy, message)
        };
        actor.ok_or_else(refused)?.may::<UseCredential>().map_err(|_| refused())
    }

    /// Opens what the node names; `host` is where it will be sent, checked against the credential's own list (R099). A
    /// connection's token is refreshed first when it is near its end.
    pub(super) async fn lease(&self, cx: &EffectContext, named: &str, host: Option<&str>) -> Result<Lease, Failure> {
        let permit = self.may_use(cx).await?;
        let lease = self.connections.lease(&permit, Named(named), &Use { host }, self.clock.now()).await;
        let lease = lease.map_err(|error| {
            let kind = match &error {
                Error::Vault(vault::Error::HostNotBound { .. }) => FailureKind::Policy,
                _ => FailureKind::Call,
            };
            let failure = Failure::new(kind, format!("the credential {named:?} could not be used: {error}"));
            if error.may_retry() { failure.retryable() } else { failure }
        })?;
        self.secrets.add(cx.run, &lease);
        self.used(cx, &lease, host).await?;
        Ok(lease)
    }

    /// Every use is entered in the audit trail; what cannot be entered is not used.
    async fn used(&self, cx: &EffectContext, lease: &Lease, host: Option<&str>) -> Result<(), Failure> {
        let at = self.clock.now();
        let draft = AuditDraft {
            id: AuditId::new(at, Entropy::of_the_system().bytes()),
            scope: Some(cx.scope),
            at,
            subject: AuditSubject { principal: cx.principal, address: None, session: None, user_agent: None },
            request: None,
            operation: "credential.use".to_owned(),
            target: Some(lease.id().to_string()),
            result: AuditResult::Succeeded,
            intent: None,
            duration_micros: None,
            detail: json!({ "run": cx.run, "node": cx.step.node, "host": host, "version": lease.version() }),
        };
        let failed = |error: store::Error| {
            Failure::new(FailureKind::Internal, format!("the use of a credential could not be entered: {error}"))
                .retryable()
        };
        let entry = store::Effects::audited(self.audit.rows(vec![draft]).await.map_err(failed)?);
        // Another process may go on with the run, and must know what to hide.
        let Some((count, new)) = self.secrets.unkept(cx.run) else {
            return self.store.record(entry).await.map_err(failed);
        };
        let secrets = self.sealed(cx, &new).await?;
        self.store.keep_run_secrets(secrets, entry).await.map_err(failed)?;
        self.secrets.kept(cx.run, count);
        Ok(())
    }

    /// Secrets under the run's own key.
    async fn sealed(&self, cx: &EffectContext, values: &[Secret<String>]) -> Result<RunSecrets, Failure> {
        let wrapped = self.store.sealed_run_key(cx.scope, cx.run).await;
        let wrapped = wrapped.map_err(|error| Failure::new(FailureKind::Internal, error.to_string()).retryable())?;
        let over = || Failure::new(FailureKind::Internal, "the run has ended, or its key does not open");
        let key = self.connections.vault().run_key(cx.scope, cx.run, &wrapped.ok_or_else(over)?).map_err(|_| over())?;
        let id = Uuid::from_bytes(Entropy::of_the_system().bytes());
        let sealed = seal::secrets(&key, id, values).map_err(|_| over())?;
        Ok(RunSecrets { run: cx.run, id, sealed })
    }
}
