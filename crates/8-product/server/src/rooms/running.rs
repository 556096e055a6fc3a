//! What the engine asks of others: rights, the audit trail, and what must not be stored readable.

use async_trait::async_trait;
use authz::{Actor, Narrowing, act_as_system};
use domain::{AuditDraft, Clock, Principal, Scope};
use engine::ports::{AuditSink, Rights};
use recorder::Recorder;
use store::{AuditRowDraft, Store, people::Member};

/// Derives a principal's rights anew, from storage.
pub struct RightsNow(pub Store, pub Clock);

#[async_trait]
impl Rights for RightsNow {
    async fn actor(&self, principal: Principal, scope: Scope) -> Result<Option<Actor>, store::Error> {
        let system = act_as_system("a worker derives the rights of a run's principal anew");
        let (member, key) = match principal {
            Principal::User { id } | Principal::Trigger { publisher: id, .. } => (Member::User(id), None),
            Principal::ServiceAccount { id, key } => (Member::ServiceAccount(id), key),
            Principal::ApiKey { id, owner } => (Member::User(owner), Some(id)),
            // NodeLoom itself starts no runs of its own.
            Principal::System => return Ok(None),
        };
        let narrowing = match key {
            None => Narrowing::default(),
            Some(id) => {
                let Some(key) = self.0.api_key_by_id(system, id).await? else { return Ok(None) };
                let over = key.revoked_at.is_some() || key.expires_at.is_some_and(|at| at <= self.1.now());
                if over || key.team != scope.team || key.owner != member {
                    return Ok(None);
                }
                Narrowing { permissions: key.permissions, environments: key.environments }
            }
        };
        let role = self.0.role_of(system, member, scope.team).await?;
        Ok(role.map(|role| Actor::new(principal, scope, role, narrowing)))
    }
}

/// The engine's own acts go into the trail like everybody's.
pub struct Trail(pub Recorder);

#[async_trait]
impl AuditSink for Trail {
    async fn rows(&self, drafts: Vec<AuditDraft>) -> Result<Vec<AuditRowDraft>, store::Error> {
        self.0.prepare(drafts).await.map_err(|error| match error {
            recorder::Error::Unavailable(error) => error,
            error => {
                tracing::error!(%error, "audit entries of a run could not be made");
                store::Error::Refused { what: "the audit entries could not be made" }
            }
        })
    }
}
