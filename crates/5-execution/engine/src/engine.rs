//! The handle, and what all parts of the engine share.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use domain::{Clock, LeaseId, RunId, Scope, WorkflowId};
use store::{Store, runs::RunLease};
use tokio::sync::{Notify, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use vault::Vault;
use workflow::Plan;

use crate::{
    Error, Settings,
    active::Active,
    ports::{AuditSink, Effects, Entropy, Mask, Months, Rights, RunMask, Versions},
    rated::Refusals,
    rules::Rules,
};

/// What an engine is made of.
pub struct EngineParts {
    pub store: Store,
    pub clock: Clock,
    pub entropy: Entropy,
    pub vault: Arc<Vault>,
    pub versions: Arc<dyn Versions>,
    pub rights: Arc<dyn Rights>,
    pub months: Arc<dyn Months>,
    pub effects: Arc<dyn Effects>,
    pub mask: Arc<dyn Mask>,
    pub audit: Arc<dyn AuditSink>,
    pub settings: Settings,
}

/// Runs workflows. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub store: Store,
    pub clock: Clock,
    pub entropy: Entropy,
    pub vault: Arc<Vault>,
    pub versions: Arc<dyn Versions>,
    pub rights: Arc<dyn Rights>,
    pub months: Arc<dyn Months>,
    pub effects: Arc<dyn Effects>,
    pub mask: Arc<dyn Mask>,
    pub audit: Arc<dyn AuditSink>,
    pub settings: Settings,
    /// Under which name this process holds its leases.
    pub owner: LeaseId,
    pub active: Active,
    pub slots: Arc<Semaphore>,
    /// Rung when there may be work to claim.
    pub wake: Notify,
    pub stopping: CancellationToken,
    pub tasks: TaskTracker,
    /// Leases that nobody here drove at the last heartbeat.
    pub orphans: Mutex<Vec<RunLease>>,
    pub rules: Rules,
    pub refusals: Arc<Refusals>,
    plans: Mutex<HashMap<String, Arc<Plan>>>,
}

/// Plans kept in memory; they are immutable, so an old one is only a waste of room.
const PLANS_KEPT: usize = 512;

impl Engine {
    /// An engine with nothing to do yet. Its loops are started by the caller: [`Engine::run_worker`],
    /// [`Engine::run_heartbeat`], [`Engine::run_timers`].
    pub fn new(parts: EngineParts) -> Self {
        let EngineParts { store, clock, entropy, vault, versions, rights, months, effects, mask, audit, settings } =
            parts;
        let owner = LeaseId::new(clock.now(), entropy.bytes());
        let slots = Arc::new(Semaphore::new(settings.capacity));
        Self {
            inner: Arc::new(Inner {
                store,
                clock,
                entropy,
                vault,
                versions,
                rights,
                months,
                effects,
                mask,
                audit,
                settings,
                owner,
                active: Active::default(),
                slots,
                wake: Notify::new(),
                stopping: CancellationToken::new(),
                tasks: TaskTracker::new(),
                orphans: Mutex::default(),
                rules: Rules::default(),
                refusals: Arc::default(),
                plans: Mutex::new(HashMap::new()),
            }),
        }
    }

    /// How many runs this process drives at this moment.
    pub fn busy(&self) -> usize {
        self.inner.active.len()
    }
}

impl Inner {
    /// What hides a run's secrets and personal data in whatever is written of it.
    pub(crate) fn mask_of(&self, run: RunId) -> RunMask<'_> {
        RunMask::new(&*self.mask, &*self.effects, run)
    }

    /// Makes the handles that a run's expressions see.
    pub(crate) fn handles(&self, scope: Scope, run: RunId) -> workflow::Handle {
        let vault = Arc::clone(&self.vault);
        Arc::new(move |name| vault.handles(scope, run).of(name))
    }

    /// The plan of a version, from memory when it has been used before.
    pub(crate) async fn plan(&self, scope: Scope, workflow: WorkflowId, version: &str) -> Result<Arc<Plan>, Error> {
        let known = self.plans.lock().unwrap_or_else(PoisonError::into_inner).get(version).cloned();
        if let Some(plan) = known {
            return Ok(plan);
        }
        let plan = self.versions.plan(scope, workflow, version).await?;
        let plan = plan.ok_or_else(|| Error::NoSuchVersion { version: version.to_owned() })?;
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        if plans.len() >= PLANS_KEPT {
            plans.clear();
        }
        plans.insert(version.to_owned(), Arc::clone(&plan));
        Ok(plan)
    }
}
