//! Guardrails as each team has set them: thresholds, exceptions, references and the key of its tokens, read once and
//! looked at again while they are used.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use authz::act_as_system;
use domain::{Clock, Json, Scope, Timestamp};
use engine::ports::Guards;
use guardrails::{Guardrails, TeamRules, ports::Ports};
use serde_json::json;
use store::Store;
use vault::Vault;

/// A change made on another machine counts after this.
const FRESH: Duration = Duration::from_secs(5);
/// What is older was not used for a while, and is asked for again before it is.
const KEPT: Duration = Duration::from_secs(60);
const MOST: usize = 10_000;

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct TeamGuards(Arc<Inner>);

struct Inner {
    guardrails: Guardrails,
    store: Store,
    vault: Vault,
    clock: Clock,
    known: Mutex<HashMap<Scope, Known>>,
}

#[derive(Clone)]
struct Known {
    guardrails: Guardrails,
    at: Timestamp,
    refreshing: bool,
    /// What they were made of: the same again keeps what was compiled.
    rules: Arc<Json>,
}

/// The vault's tokens, as `pii` asks for them.
struct VaultTokens(vault::Tokens);

impl pii::Tokens for VaultTokens {
    fn seal(&self, kind: pii::Kind, value: &str) -> Option<String> {
        self.0.seal(kind.as_str(), value)
    }
    fn open(&self, kind: pii::Kind, sealed: &str) -> Option<String> {
        self.0.open(kind.as_str(), sealed).map(|value| value.expose().clone())
    }
}

impl TeamGuards {
    pub fn new(guardrails: Guardrails, store: Store, vault: Vault, clock: Clock) -> Self {
        Self(Arc::new(Inner { guardrails, store, vault, clock, known: Mutex::default() }))
    }

    /// A team has changed its settings here: they are read anew.
    pub fn forget(&self, scope: Scope) {
        self.known().remove(&scope);
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<Scope, Known>> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn read(&self, scope: Scope) -> Result<Guardrails, store::Error> {
        let system = act_as_system("a team's text is screened as the team has set it");
        let (settings, exceptions, references) = self.0.store.guardrails_of(system, scope).await?;
        let rules = Arc::new(rules(settings, &exceptions, &references));
        let now = self.0.clock.now();
        if let Some(known) = self.known().get_mut(&scope).filter(|known| known.rules == rules) {
            known.at = now;
            known.refreshing = false;
            return Ok(known.guardrails.clone());
        }
        // What is stored was read before it was stored; a later release may know less of it, and then nothing is
        // excepted.
        let team = TeamRules::parse(&rules).unwrap_or_else(|errors| {
            tracing::error!(%scope.team, first = ?errors.first(), "a team's guardrail settings cannot be read");
            TeamRules::default()
        });
        let secret = self.0.vault.keyed_hash("pii-hash/v1", scope.team.uuid().as_bytes());
        let tokens = self.0.vault.tokens(scope).map(|tokens| Arc::new(VaultTokens(tokens)) as Arc<dyn pii::Tokens>);
        let ports = Ports { hash_key: pii::HashKey::new(&secret), tokens, ..self.0.guardrails.ports().clone() };
        let guardrails = self.0.guardrails.with_ports(ports).for_team(Arc::new(team));
        let mut all = self.known();
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(scope, Known { guardrails: guardrails.clone(), at: now, refreshing: false, rules });
        Ok(guardrails)
    }
}

#[async_trait]
impl Guards for TeamGuards {
    fn now(&self, scope: Scope) -> Option<Guardrails> {
        let now = self.0.clock.now();
        let mut all = self.known();
        let known = all.get_mut(&scope).filter(|known| now.since(known.at) < KEPT)?;
        if now.since(known.at) >= FRESH && !known.refreshing {
            known.refreshing = true;
            let this = self.clone();
            tokio::spawn(async move {
                if let Err(error) = this.read(scope).await {
                    tracing::warn!(%error, "a team's guardrail settings could not be looked at");
                    if let Some(known) = this.known().get_mut(&scope) {
                        known.refreshing = false;
                    }
                }
            });
        }
        Some(known.guardrails.clone())
    }

    async fn of(&self, scope: Scope) -> Result<Guardrails, store::Error> {
        match self.now(scope) {
            Some(known) => Ok(known),
            None => self.read(scope).await,
        }
    }
}

/// As [`TeamRules::parse`] reads it.
fn rules(
    settings: Option<Json>,
    exceptions: &[store::GuardrailException],
    references: &[store::GuardrailReference],
) -> Json {
    let thresholds = settings.and_then(|mut settings| settings.get_mut("thresholds").map(Json::take));
    let exceptions: Vec<Json> = exceptions
        .iter()
        .map(|exception| {
            let mut one = exception.matcher.clone();
            one["check"] = json!(exception.kind);
            one["owner"] = json!(exception.owner);
            one["expires"] = json!(exception.expires_at.to_string());
            one
        })
        .collect();
    let of = |kind: &'static str| references.iter().filter(move |reference| reference.kind == kind);
    let safe: Vec<&str> = of("safe").map(|reference| reference.content.as_str()).collect();
    let mut attacks = json!({});
    for reference in of("attack") {
        match attacks.get_mut(&reference.category).and_then(Json::as_array_mut) {
            Some(texts) => texts.push(json!(reference.content)),
            None => attacks[&reference.category] = json!([reference.content]),
        }
    }
    json!({
        "thresholds": thresholds.filter(Json::is_object).unwrap_or_else(|| json!({})),
        "exceptions": exceptions,
        "references": { "safe": safe, "attacks": attacks },
    })
}
