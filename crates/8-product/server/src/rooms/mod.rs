//! The rooms of this server, opened once and handed to whoever needs them: the one place where arrows that would turn
//! upwards are wired through the ports of the lower room.

mod identity_records;
mod plans;
mod safety;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use domain::{Clock, TeamId, Timestamp};
use edge::Arrived;
use engine::Engine;
use guardrails::Guardrails;
use identity::Identity;
use recorder::{Recorder, RefusedRequest};
use sandbox::Sandbox;
use store::Store;
use tokio_util::sync::CancellationToken;
use vault::Vault;
use workflow::Registry;

use crate::{
    Config,
    problems::{Kind, Problem},
};

pub use identity_records::StoredIdentities;
pub use plans::{Plans, Published};
pub use safety::ports;

/// Everything a handler may need. Cheap to clone.
#[derive(Clone)]
pub struct Rooms(Arc<Inner>);

/// See [`Rooms`].
pub struct Inner {
    pub config: Config,
    pub clock: Clock,
    pub store: Store,
    pub vault: Vault,
    pub identity: Identity,
    pub recorder: Recorder,
    pub guardrails: Guardrails,
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
            return Ok(Some(known));
        }
        let system = authz::act_as_system("an address names its team before it is known who asks");
        let Some(team) = self.store.team_by_slug(system, named).await? else { return Ok(None) };
        self.slugs.put(named, team.id, now);
        Ok(Some(team.id))
    }

    /// Counts a refusal of somebody unknown; the audit trail gets one entry a minute and source for all of them.
    pub fn refused_anonymously(&self, arrived: &Arrived, kind: Kind) {
        self.recorder.refused_anonymously(RefusedRequest { address: arrived.client, status: kind.status().as_u16() });
    }
}

/// Slugs seen lately. A slug never changes hands, so this may be a little old.
#[derive(Default)]
pub struct Slugs(Mutex<HashMap<String, (TeamId, Timestamp)>>);

impl Slugs {
    const LIFE: Duration = Duration::from_secs(10);
    const MOST: usize = 10_000;

    fn get(&self, slug: &str, now: Timestamp) -> Option<TeamId> {
        let known = self.0.lock().ok()?;
        known.get(slug).filter(|(_, at)| now.since(*at) < Self::LIFE).map(|(team, _)| *team)
    }
    fn put(&self, slug: &str, team: TeamId, now: Timestamp) {
        if let Ok(mut known) = self.0.lock() {
            if known.len() >= Self::MOST {
                known.clear();
            }
            known.insert(slug.to_owned(), (team, now));
        }
    }
}
