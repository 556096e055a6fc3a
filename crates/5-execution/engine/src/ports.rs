//! What the engine needs of others, in its own words; `server/rooms.rs` wires it.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use authz::Actor;
use domain::{
    AuditDraft, Json, Principal, RunFailure, RunId, RunStatus, Scope, Secret, StepAddress, Usage, WorkflowId,
};
use guardrails::Guardrails;
use policies::Policies;
use store::AuditRowDraft;
use workflow::{Answer, Call, Failure, Plan};

/// Random bytes; tests hand in a counter.
#[derive(Clone)]
pub struct Entropy(Arc<dyn Fn(&mut [u8]) + Send + Sync>);

impl Entropy {
    /// Bytes as `fill` makes them.
    pub fn new(fill: impl Fn(&mut [u8]) + Send + Sync + 'static) -> Self {
        Self(Arc::new(fill))
    }
    /// From the operating system.
    pub fn of_the_system() -> Self {
        Self::new(|bytes| {
            use rand::RngCore as _;
            rand::rng().fill_bytes(bytes);
        })
    }
    /// The next `N` of them.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.0)(&mut bytes);
        bytes
    }
    /// From 0 to 1, for jitter.
    pub(crate) fn fraction(&self) -> f64 {
        f64::from(u32::from_be_bytes(self.bytes())) / f64::from(u32::MAX)
    }
}
impl std::fmt::Debug for Entropy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Entropy")
    }
}

/// A workflow's version, ready to run.
#[derive(Clone)]
pub struct Runnable {
    pub workflow: WorkflowId,
    /// The content hash of the version.
    pub version: String,
    pub plan: Arc<Plan>,
}

/// Where versions come from.
#[async_trait]
pub trait Versions: Send + Sync {
    /// The plan of one version. Versions never change: the engine keeps what it was given.
    async fn plan(&self, scope: Scope, workflow: WorkflowId, version: &str) -> Result<Option<Arc<Plan>>, store::Error>;
    /// What is published here under this id or name, for sub-workflows.
    async fn published(&self, scope: Scope, workflow: &str) -> Result<Option<Runnable>, store::Error>;
}

/// Who may do what, asked anew while a run goes on.
#[async_trait]
pub trait Rights: Send + Sync {
    /// The principal with the rights that it has at this moment; `None` when it is gone.
    async fn actor(&self, principal: Principal, scope: Scope) -> Result<Option<Actor>, store::Error>;
}

/// Turns audit drafts of the engine's own acts (a run has ended, a schedule has fired) into rows to be linked.
#[async_trait]
pub trait AuditSink: Send + Sync {
    /// # Errors
    /// The rows could not be made: the act must not happen.
    async fn rows(&self, drafts: Vec<AuditDraft>) -> Result<Vec<AuditRowDraft>, store::Error>;
}

/// The checks as a team has set them in one environment.
#[async_trait]
pub trait Guards: Send + Sync {
    /// What is known without asking anybody; `None`: it has to be asked.
    fn now(&self, scope: Scope) -> Option<Guardrails>;
    /// # Errors
    /// The team's settings could not be read: nothing is screened with others.
    async fn of(&self, scope: Scope) -> Result<Guardrails, store::Error>;
}

/// The same for everybody.
#[async_trait]
impl Guards for Guardrails {
    fn now(&self, _: Scope) -> Option<Guardrails> {
        Some(self.clone())
    }
    async fn of(&self, _: Scope) -> Result<Guardrails, store::Error> {
        Ok(self.clone())
    }
}

/// What a team has allowed itself for a calendar month (UTC) in one environment, and how much of it is used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Month {
    pub runs: Quota,
    pub tokens: Quota,
    /// When the next month begins.
    pub ends_at: Option<domain::Timestamp>,
}

/// So much of so much.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quota {
    /// Absent: as much as one likes; then nothing is counted either.
    pub limit: Option<u64>,
    pub used: u64,
}

impl Quota {
    /// The limit, when it is reached.
    pub fn reached(self) -> Option<u64> {
        self.limit.filter(|limit| self.used >= *limit)
    }
}

/// Asked before every start and every model call. What starts at the same moment may go over by a few.
#[async_trait]
pub trait Months: Send + Sync {
    /// # Errors
    /// The limits or the use could not be read: nothing is started.
    async fn of(&self, scope: Scope) -> Result<Month, store::Error>;
}

/// No limits.
#[async_trait]
impl Months for () {
    async fn of(&self, _: Scope) -> Result<Month, store::Error> {
        Ok(Month::default())
    }
}

/// Removes what must not be stored readable: personal data and secrets.
pub trait Mask: Send + Sync {
    /// All strings and keys, in place.
    fn json(&self, json: &mut Json);
    /// One text.
    fn text<'t>(&self, text: &'t str) -> std::borrow::Cow<'t, str>;
}

/// What an effect is told about the run that wants it.
#[derive(Clone)]
pub struct EffectContext {
    pub scope: Scope,
    pub run: RunId,
    pub workflow: WorkflowId,
    pub principal: Principal,
    pub step: StepAddress,
    /// The same on every attempt; goes outside.
    pub key: String,
    /// From 1.
    pub attempt: u32,
    pub timeout: Duration,
    pub policies: Arc<Policies>,
}

/// An effect that has been performed.
#[derive(Debug, Clone)]
pub struct Performed {
    pub answer: Answer,
    /// Model calls that it took, a guardrail's included.
    pub model_calls: Vec<ModelCall>,
}

impl From<Answer> for Performed {
    fn from(answer: Answer) -> Self {
        Self { answer, model_calls: Vec::new() }
    }
}

/// What a model call cost.
#[derive(Debug, Clone)]
pub struct ModelCall {
    pub provider: String,
    pub model: String,
    pub usage: Usage,
    /// Millionths of a US dollar; absent when the price is not known.
    pub cost_micros: Option<u64>,
}

/// Acts on the world. Dropping a future gives up.
#[async_trait]
pub trait Effects: Send + Sync {
    /// Performs a call that needs nothing from outside this process and takes microseconds: no checkpoint is written,
    /// and it is performed again in a replay. `None`: it is not of that kind.
    fn at_once(&self, scope: Scope, call: &Call) -> Option<Result<Performed, Failure>>;

    /// Performs a call. The workflow's policies were asked before; what is learned only on the way (a redirect, what a
    /// database makes of a statement) is held to them again.
    ///
    /// # Errors
    /// The failure, masked; its `retryable` says whether another attempt may help.
    async fn perform(&self, cx: EffectContext, call: Call) -> Result<Performed, Failure>;

    /// Hides the values of the credentials that were opened for this run here.
    fn secrets(&self, _run: RunId) -> vault::Masker {
        vault::Masker::default()
    }

    /// What the run has used in another process, or in this one before it was started anew: it is hidden from now on.
    fn recall(&self, _run: RunId, _secrets: Vec<Secret<String>>) {}

    /// Whether the run has used credentials, here or before it came here.
    fn has_used_credentials(&self, _run: RunId) -> bool {
        false
    }

    /// The run has ended: nothing more of it will be written.
    fn forget(&self, _run: RunId) {}
}

/// What a run's own credentials are hidden with, besides what is hidden everywhere.
pub(crate) struct RunMask<'a> {
    everywhere: &'a dyn Mask,
    secrets: vault::Masker,
}

impl<'a> RunMask<'a> {
    pub fn new(everywhere: &'a dyn Mask, effects: &dyn Effects, run: RunId) -> Self {
        Self { everywhere, secrets: effects.secrets(run) }
    }
}

impl Mask for RunMask<'_> {
    fn json(&self, json: &mut Json) {
        // Secrets first: what is taken out of a value's middle would leave its ends.
        self.secrets.json(json);
        self.everywhere.json(json);
    }
    fn text<'t>(&self, text: &'t str) -> std::borrow::Cow<'t, str> {
        match self.secrets.text(text) {
            std::borrow::Cow::Owned(masked) => self.everywhere.text(&masked).into_owned().into(),
            std::borrow::Cow::Borrowed(text) => self.everywhere.text(text),
        }
    }
}

/// How a start went, for its audit outcome.
#[derive(Debug, Clone)]
pub struct StartOutcome {
    pub run: RunId,
    /// `Running` or `Queued` when it goes on; a final status when it is over already.
    pub status: RunStatus,
    pub failure: Option<RunFailure>,
}
