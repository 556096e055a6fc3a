//! Which version runs where, compiled once and kept: versions never change, and what is published is looked up again
//! after a second.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use authz::{SystemPermit, act_as_system};
use domain::{Clock, Principal, Scope, Timestamp, WorkflowId};
use engine::ports::{Runnable, Versions};
use nodes::webhook::{RespondWhen, Settings, Signature};
use store::Store;
use workflow::{Definition, NodeType, Plan, Registry};

/// How long what is published may be remembered.
const FRESH: Duration = Duration::from_secs(1);
const MOST: usize = 4096;

const fn system() -> SystemPermit {
    act_as_system("the engine and webhooks load the version that they run")
}

/// A published webhook, ready to be called.
#[derive(Clone)]
pub struct Hook {
    /// What its calls are counted under.
    pub key: String,
    pub runnable: Runnable,
    pub node: String,
    /// Whoever published it; runs act for them.
    pub principal: Principal,
    pub methods: Vec<String>,
    pub waits: bool,
    pub timeout: Duration,
    pub signature: Option<Signature>,
}

/// See the module.
#[derive(Clone)]
pub struct Plans(Arc<Inner>);

struct Inner {
    store: Store,
    registry: Arc<Registry>,
    clock: Clock,
    compiled: Mutex<HashMap<String, Arc<Plan>>>,
    hooks: Mutex<HashMap<String, (Timestamp, Option<Arc<Hook>>)>>,
}

impl Plans {
    pub fn new(store: Store, registry: Arc<Registry>, clock: Clock) -> Self {
        Self(Arc::new(Inner { store, registry, clock, compiled: Mutex::default(), hooks: Mutex::default() }))
    }

    /// The plan of a version whose text is at hand.
    fn compile(&self, hash: &str, text: &str) -> Result<Arc<Plan>, store::Error> {
        let mut compiled = self.0.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plan) = compiled.get(hash) {
            return Ok(plan.clone());
        }
        // It was validated before it was stored: a text that does not read now was damaged.
        let damaged = |_| store::Error::Refused { what: "the stored definition no longer validates" };
        let definition = Definition::from_bytes(text.as_bytes(), &self.0.registry).map_err(damaged)?;
        let plan = Arc::new(Plan::new(Arc::new(definition), self.0.registry.clone()).map_err(damaged)?);
        if compiled.len() >= MOST {
            compiled.clear();
        }
        compiled.insert(hash.to_owned(), plan.clone());
        Ok(plan)
    }

    /// What is published here.
    ///
    /// # Errors
    /// The store's.
    pub async fn published_with_publisher(
        &self,
        scope: Scope,
        workflow: WorkflowId,
    ) -> Result<Option<(Runnable, Principal)>, store::Error> {
        let Some((version, publisher)) = self.0.store.published_version(system(), scope, workflow).await? else {
            return Ok(None);
        };
        let plan = self.compile(&version.shown.hash, &version.definition)?;
        Ok(Some((Runnable { workflow, version: version.shown.hash, plan }, publisher)))
    }

    /// The webhook at `path`, remembered for a second.
    ///
    /// # Errors
    /// The store's.
    pub async fn hook(&self, scope: Scope, path: &str) -> Result<Option<Arc<Hook>>, store::Error> {
        let address = address(scope, path);
        let now = self.0.clock.now();
        let known = self.0.hooks.lock().unwrap_or_else(PoisonError::into_inner).get(&address).cloned();
        if let Some((at, hook)) = known
            && now.since(at) < FRESH
        {
            return Ok(hook);
        }
        let hook = self.read_hook(scope, &address).await?.map(Arc::new);
        let mut hooks = self.0.hooks.lock().unwrap_or_else(PoisonError::into_inner);
        if hooks.len() >= MOST {
            hooks.clear();
        }
        hooks.insert(address, (now, hook.clone()));
        Ok(hook)
    }

    async fn read_hook(&self, scope: Scope, address: &str) -> Result<Option<Hook>, store::Error> {
        let Some(found) = self.0.store.webhook_at(system(), address).await? else { return Ok(None) };
        if found.scope != scope {
            return Ok(None);
        }
        let Some((runnable, principal)) = self.published_with_publisher(scope, found.workflow).await? else {
            return Ok(None);
        };
        let node = runnable.plan.definition().node(&found.node).filter(|node| node.kind == NodeType::Webhook);
        let Some(Ok(settings)) = node.map(|node| Settings::parse(&node.parameters)) else { return Ok(None) };
        Ok(Some(Hook {
            key: address.to_owned(),
            runnable,
            node: found.node,
            principal,
            methods: settings.methods,
            waits: settings.respond == RespondWhen::WhenFinished,
            timeout: Duration::from_millis(settings.timeout_ms),
            signature: settings.signature,
        }))
    }

    /// Forgets what is published: something was, just now, through this process.
    pub fn forget(&self) {
        self.0.hooks.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// A webhook's address as storage keeps it, unique in the instance.
pub fn address(scope: Scope, path: &str) -> String {
    format!("{}/{}/{}", scope.team, scope.environment, path.trim_matches('/'))
}

#[async_trait]
impl Versions for Plans {
    async fn plan(
        &self,
        _scope: Scope,
        workflow: WorkflowId,
        version: &str,
    ) -> Result<Option<Arc<Plan>>, store::Error> {
        let found = self.0.store.version_by_hash(system(), workflow, version).await?;
        found.map(|found| self.compile(&found.shown.hash, &found.definition)).transpose()
    }

    async fn published(&self, scope: Scope, workflow: &str) -> Result<Option<Runnable>, store::Error> {
        let id = match workflow.parse() {
            Ok(id) => Some(id),
            Err(_) => self.0.store.workflow_id_by_name(system(), scope.team, workflow).await?,
        };
        let Some(id) = id else { return Ok(None) };
        Ok(self.published_with_publisher(scope, id).await?.map(|(runnable, _)| runnable))
    }
}
