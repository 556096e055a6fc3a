//! The rooms of this server, opened once and handed to whoever needs them: the one place where arrows that would turn
//! upwards are wired through the ports of the lower room.

mod account_records;
mod identity_records;
mod months;
mod plans;
mod post;
mod running;
mod safety;
mod team_guards;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use authz::{
    Actor, Permit,
    action::{UseCredential, ViewWorkflow},
};
use domain::{Clock, Principal, Scope, Secret, TeamId, Timestamp, WorkflowId};
use edge::Arrived;
use engine::{
    Engine,
    ports::{Rights as _, Runnable, Versions as _},
};
use identity::Identity;
use recorder::{Checkpoints, Progress, Recorder, RefusedRequest, Report, VerifierKey};
use sandbox::Sandbox;
use store::Store;
use tokio_util::sync::CancellationToken;
use vault::{Named, Use, Vault};
use workflow::Registry;

use crate::{
    Config,
    problems::{Kind, Problem},
};

pub use identity_records::{StoredIdentities, slug, stored_key};
pub use months::{Billing, Months, month_of};
pub use plans::{Hook, Plans, address as hook_address};
pub use post::{Delivery, Post, texts};
pub use running::{RightsNow, Trail};
pub use safety::{learned, ports};
pub use team_guards::TeamGuards;

/// Everything a handler may need. Cheap to clone.
#[derive(Clone)]
pub struct Rooms(Arc<Inner>);

/// See [`Rooms`].
pub struct Inner {
    pub config: Config,
    pub clock: Clock,
    pub store: Store,
    pub vault: Vault,
    /// Makes OAuth connections and keeps them alive.
    pub connections: connections::Connections,
    /// For testing a database credential.
    pub customer_sql: customer_sql::CustomerSql,
    pub identity: Identity,
    pub recorder: Recorder,
    /// The way to people's mailboxes.
    pub post: Post,
    pub checkpoints: Checkpoints,
    /// Delivery to the teams' SIEM destinations.
    pub siem: siem::Siem,
    pub guardrails: TeamGuards,
    /// Prices, limits, and what is used of them.
    pub months: Months,
    pub registry: Arc<Registry>,
    pub plans: Plans,
    pub engine: Engine,
    /// Absent when `sandbox.enabled` is off.
    pub sandbox: Option<Sandbox>,
    pub windows: Arc<dyn edge::Windows>,
    /// Used when the shared windows are away.
    pub spare_windows: edge::Local,
    pub shutdown: CancellationToken,
    pub slugs: Slugs,
    /// Verifications of the audit trail that are under way.
    pub verifying: Verifying,
    /// Who holds how many live streams.
    pub streams: crate::limits::Streams,
}

impl std::ops::Deref for Rooms {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Rooms {
    pub fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    /// The team that an address names by id or by slug.
    ///
    /// # Errors
    /// [`Kind::StorageUnavailable`].
    pub async fn team(&self, named: &str) -> Result<Option<TeamId>, Problem> {
        if let Ok(id) = named.parse() {
            return Ok(Some(id));
        }
        let now = self.clock.now();
        if let Some(known) = self.slugs.get(named, now) {
            return Ok(known);
        }
        let system = authz::act_as_system("an address names its team before it is known who asks");
        let team = self.store.team_by_slug(system, named).await?.map(|team| team.id);
        self.slugs.put(named, team, now);
        Ok(team)
    }

    /// The same; for an address that names none, a team that nobody can belong to.
    ///
    /// # Errors
    /// [`Kind::StorageUnavailable`].
    pub async fn team_or_nobodys(&self, named: &str) -> Result<TeamId, Problem> {
        Ok(self.team(named).await?.unwrap_or_else(|| TeamId::new(Timestamp::from_micros(0), [0; 10])))
    }

    /// The slug of a team that exists.
    ///
    /// # Errors
    /// [`Kind::NotFound`], [`Kind::StorageUnavailable`].
    pub async fn slug_of(&self, team: TeamId) -> Result<String, Problem> {
        let system = authz::act_as_system("a team's addresses are shown with its slug");
        let teams = self.store.teams(system).await?;
        teams.into_iter().find(|known| known.id == team).map(|team| team.slug).ok_or_else(|| Kind::NotFound.into())
    }

    /// What a run is started from: the version that is named, else the one published here.
    ///
    /// # Errors
    /// [`Kind::NotFound`], [`Kind::NotPublished`].
    pub async fn runnable(
        &self,
        view: &Permit<ViewWorkflow>,
        workflow: WorkflowId,
        version: Option<&str>,
    ) -> Result<Runnable, Problem> {
        self.store.workflow(view, workflow).await?.ok_or(Kind::NotFound)?;
        match version {
            Some(version) => {
                let plan = self.plans.plan(view.scope(), workflow, version).await?.ok_or(Kind::NotFound)?;
                Ok(Runnable { workflow, version: version.to_owned(), plan })
            }
            None => {
                let published = self.plans.published_with_publisher(view.scope(), workflow).await?;
                published.map(|(runnable, _)| runnable).ok_or_else(|| Kind::NotPublished.into())
            }
        }
    }

    /// What `principal` may do now; for those who act without being here, such as whoever published a webhook.
    ///
    /// # Errors
    /// [`Kind::StorageUnavailable`].
    pub async fn actor_of(&self, principal: Principal, scope: Scope) -> Result<Option<Actor>, Problem> {
        Ok(RightsNow(self.store.clone(), self.clock.clone()).actor(principal, scope).await?)
    }

    /// The secret that a webhook's callers sign with, opened with the rights of whoever published it.
    ///
    /// # Errors
    /// [`Kind::NotFound`] when the credential is gone, and those of the vault.
    pub async fn webhook_secret(
        &self,
        scope: Scope,
        publisher: Principal,
        credential: &str,
    ) -> Result<Secret<String>, Problem> {
        let actor = self.actor_of(publisher, scope).await?.ok_or(Kind::NotPublished)?;
        let permit = actor.may::<UseCredential>()?;
        let lease = self.vault.lease(&permit, Named(credential), &Use { host: None }, self.clock.now()).await?;
        Ok(lease.value().main().clone())
    }

    /// Verifies the chains of a team (those whose name begins with its id) and all checkpoints, with those that were
    /// filed beside the database.
    ///
    /// # Errors
    /// [`Kind::AuditUnavailable`] when it could not be read.
    pub async fn verify_audit(&self, team: &str) -> Result<Report, Problem> {
        let key = VerifierKey::parse(&self.checkpoints.verifier_key())
            .map_err(|_| Problem::internal("our own key does not read"))?;
        let mut filed =
            std::fs::File::open(self.config.data.folder.join("checkpoints.jsonl")).ok().map(std::io::BufReader::new);
        let filed = filed.as_mut().map(|lines| lines as _);
        let progress = self.verifying.begin(team);
        recorder::verify_told(&self.store, key, &[], filed, Some(team), &progress).await.map_err(|error| {
            tracing::error!(%error, "the audit trail could not be verified");
            Problem::new(Kind::AuditUnavailable)
        })
    }

    /// Counts a refusal of somebody unknown; the audit trail gets one entry a minute and source for all of them.
    pub fn refused_anonymously(&self, arrived: &Arrived, kind: Kind) {
        self.recorder.refused_anonymously(RefusedRequest { address: arrived.client, status: kind.status().as_u16() });
    }
}

/// The newest verification of each team, for as long as it goes on.
#[derive(Default)]
pub struct Verifying(Mutex<HashMap<String, Weak<Progress>>>);

impl Verifying {
    fn begin(&self, team: &str) -> Arc<Progress> {
        let progress = Arc::new(Progress::default());
        if let Ok(mut known) = self.0.lock() {
            known.retain(|_, other| other.strong_count() > 0);
            known.insert(team.to_owned(), Arc::downgrade(&progress));
        }
        progress
    }

    /// That of `team`, if one is under way in this process.
    pub fn of(&self, team: &str) -> Option<Arc<Progress>> {
        self.0.lock().ok()?.get(team)?.upgrade()
    }
}

/// Slugs asked for lately, and whose they are. A slug never changes hands, so this may be a little old.
#[derive(Default)]
pub struct Slugs(Mutex<HashMap<String, (Option<TeamId>, Timestamp)>>);

impl Slugs {
    const LIFE: Duration = Duration::from_secs(10);
    const MOST: usize = 10_000;

    fn get(&self, slug: &str, now: Timestamp) -> Option<Option<TeamId>> {
        let known = self.0.lock().ok()?;
        known.get(slug).filter(|(_, at)| now.since(*at) < Self::LIFE).map(|(team, _)| *team)
    }
    /// After a team was made or has ended.
    pub fn forget(&self) {
        if let Ok(mut known) = self.0.lock() {
            known.clear();
        }
    }
    fn put(&self, slug: &str, team: Option<TeamId>, now: Timestamp) {
        if let Ok(mut known) = self.0.lock() {
            if known.len() >= Self::MOST {
                known.clear();
            }
            known.insert(slug.to_owned(), (team, now));
        }
    }
}
