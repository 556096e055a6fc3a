//! A request whose sender is known, and the audit wrapper around everything it does.
//!
//! [`Identified`] is layers 2 (who, and in which team and environment) and again 1 (limits by key, principal and team) of
//! one request. [`Identified::audited`] is layer 6: the intent is on disk before the act, the outcome after,
//! and a refusal is recorded as surely as a success.

use std::sync::{Mutex, PoisonError};

use authz::{Action, Actor, Permit};
use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::{header, request::Parts},
};
use domain::{AuditDraft, AuditResult, AuditSubject, Clock, Environment, Json, Principal, Scope, UserId};
use edge::Arrived;
use identity::Caller;
use recorder::Act;
use serde_json::json;

use crate::{
    limits,
    operation::Operation,
    problems::{Kind, Problem},
    rooms::Rooms,
    route::{Access, Facts, Proof},
};

/// How long a proof of who one is counts for dangerous acts.
pub const PROOF_COUNTS: std::time::Duration = std::time::Duration::from_secs(600);

/// Who sent this request, and where it acts.
pub struct Identified {
    pub rooms: Rooms,
    pub caller: Caller,
    pub arrived: Arrived,
    facts: Facts,
    actor: Option<Actor>,
    user_agent: Option<String>,
    /// What the outcome's entry says, once the act knows it.
    told: Mutex<Option<Json>>,
}

impl FromRequestParts<Rooms> for Identified {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, rooms: &Rooms) -> Result<Self, Problem> {
        let facts = *parts.extensions.get::<Facts>().ok_or_else(|| Problem::internal("a route without facts"))?;
        let arrived =
            *parts.extensions.get::<Arrived>().ok_or_else(|| Problem::internal("a request that did not arrive"))?;
        let known = rooms.identity.authenticate(&parts.method, &parts.headers, arrived.client, arrived.at).await;
        let caller = known.map_err(|error| {
            let problem = Problem::from(error);
            rooms.refused_anonymously(&arrived, problem.kind());
            problem
        })?;
        let again = parts.extensions.insert(Counted).is_some();
        if !again {
            limits::by_caller(rooms, &caller, arrived.at).await?;
        }
        let params =
            RawPathParams::from_request_parts(parts, rooms).await.map_err(|_| Problem::new(Kind::BadParameter))?;
        let actor = match scope(rooms, &params).await? {
            Some(scope) => caller.actor(scope, arrived.at).await.map(Some),
            None => Ok(None),
        };
        if let (Ok(Some(actor)), false) = (&actor, again) {
            limits::by_team(rooms, actor.scope().team, arrived.at).await?;
        }
        let user_agent = parts
            .headers
            .get(header::USER_AGENT)
            .map(|agent| String::from_utf8_lossy(agent.as_bytes()).chars().take(300).collect());
        let told = Mutex::default();
        let mut identified = Self { rooms: rooms.clone(), caller, arrived, facts, actor: None, user_agent, told };
        match actor {
            Ok(actor) => identified.actor = actor,
            Err(error) => {
                // A stranger to the team: told that nothing is there, and entered in the system's chain.
                let entered = matches!(error, identity::Error::NotAMember | identity::Error::SecondFactorRequired);
                if let (true, Some(operation)) = (entered, facts.operation) {
                    rooms.recorder.refused(identified.act(operation, None, json!({}))).await?;
                }
                return Err(error.into());
            }
        }
        // Before the body is read: whoever may not is told so, and entered, whatever else they sent.
        if let Err(problem) = identified.allowed() {
            if let Some(operation) = facts.operation {
                let like_an_id = |text: &str| {
                    text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
                };
                let target = params.iter().find(|(name, value)| matches!(*name, "id" | "run") && like_an_id(value));
                let act = identified.act(operation, target.map(|(_, value)| value.to_owned()), json!({}));
                let entries = Together::new(rooms, act).drafts(outcome_of(problem.kind()), detail_of(&problem));
                rooms.recorder.record(entries).await?;
            }
            return Err(problem);
        }
        Ok(identified)
    }
}

/// A request whose sender has been counted: what stands around a handler may ask who it is before the handler does.
#[derive(Clone)]
struct Counted;

/// The team and environment that the address names. A team that is not there is one that nobody belongs to, so that it
/// takes the same way, the same time and the same entry in the trail as one that the caller does not belong to.
async fn scope(rooms: &Rooms, params: &RawPathParams) -> Result<Option<Scope>, Problem> {
    let find = |name: &str| params.iter().find(|(key, _)| *key == name).map(|(_, value)| value);
    let (Some(team), Some(environment)) = (find("team"), find("environment")) else { return Ok(None) };
    let environment: Environment = environment.parse().map_err(|error: domain::scope::UnknownEnvironment| {
        Problem::new(Kind::BadParameter).detail(format!("environment: {error}"))
    })?;
    Ok(Some(Scope { team: rooms.team_or_nobodys(team).await?, environment }))
}

impl Identified {
    /// The caller's standing in the team and environment of the address.
    ///
    /// # Errors
    /// An internal problem when the route's address names neither.
    pub fn actor(&self) -> Result<&Actor, Problem> {
        self.actor.as_ref().ok_or_else(|| Problem::internal("a route without team and environment asked for an actor"))
    }

    /// A permit, for reads that are not audited.
    ///
    /// # Errors
    /// [`Kind::Forbidden`], naming the permission.
    pub fn may<A: Action>(&self) -> Result<Permit<A>, Problem> {
        Ok(self.actor()?.may::<A>()?)
    }

    /// The same request acting in `scope`, for addresses that other services have made and that name no team.
    ///
    /// # Errors
    /// Whoever is not a member there.
    pub async fn acting_in(mut self, scope: Scope) -> Result<Self, Problem> {
        self.actor = Some(self.caller.actor(scope, self.arrived.at).await?);
        Ok(self)
    }

    /// Who and from where, for the audit trail.
    pub fn subject(&self) -> AuditSubject {
        AuditSubject {
            principal: self.caller.principal(),
            address: Some(self.arrived.client),
            session: self.caller.session(),
            user_agent: self.user_agent.clone(),
        }
    }

    fn act(&self, operation: Operation, target: Option<String>, detail: Json) -> Act {
        Act {
            scope: self.actor.as_ref().map(Actor::scope),
            subject: self.subject(),
            request: Some(self.arrived.request_id),
            operation: operation.name().to_owned(),
            target,
            detail,
        }
    }

    /// Refuses whoever the route's line in the table does not name; the handler's own `may` asks again.
    fn allowed(&self) -> Result<(), Problem> {
        match self.facts.access {
            Access::Needs(permission) if !self.actor()?.has(permission) => {
                Err(Problem::new(Kind::Forbidden).detail(format!("this needs the permission {}", permission.name())))
            }
            _ if self.facts.proof == Proof::Asked => self.proven(),
            _ => Ok(()),
        }
    }

    /// Refuses a person who has not proven lately who they are; keys have nothing to prove.
    ///
    /// # Errors
    /// [`Kind::ProofNeeded`].
    pub fn proven(&self) -> Result<(), Problem> {
        let in_person = self.caller.session().is_some();
        if in_person && !self.caller.recently_authenticated(PROOF_COUNTS, self.arrived.at) {
            return Err(Kind::ProofNeeded.into());
        }
        Ok(())
    }

    /// The person who is here in a session.
    ///
    /// # Errors
    /// [`Kind::Forbidden`] for keys.
    pub fn person(&self) -> Result<UserId, Problem> {
        let key = |_| Problem::new(Kind::Forbidden).detail("this is for a person in a session, not for an API key");
        self.caller.session_user().map_err(key)
    }

    /// From where a session is opened.
    pub fn browser(&self) -> identity::session::Browser {
        identity::session::Browser { client: self.arrived.client, user_agent: self.user_agent.clone() }
    }

    /// Runs `act` with its intent on disk before and its outcome after.
    ///
    /// # Errors
    /// [`Kind::AuditUnavailable`] when the intent could not be stored: then nothing was done. Otherwise those of `act`.
    pub async fn audited<T>(
        &self,
        operation: Operation,
        target: Option<String>,
        detail: Json,
        act: impl AsyncFnOnce(&Rooms) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        debug_assert_eq!(self.facts.operation, Some(operation), "the route table names another operation");
        let intent = self.rooms.recorder.intent(self.act(operation, target, detail)).await?;
        let done = match self.allowed() {
            Ok(()) => act(&self.rooms).await,
            Err(problem) => Err(problem),
        };
        let (result, mut detail) = outcome(&done);
        if let Some(told) = self.told.lock().unwrap_or_else(PoisonError::into_inner).take()
            && done.is_ok()
        {
            detail = told;
        }
        intent.outcome(result, detail).await?;
        done
    }

    /// What the act that is under way changed: the outcome's entry says before and after, secrets as keyed hashes.
    pub fn tell_change(&self, before: &Json, after: &Json) {
        let change = self.rooms.recorder.change(before, after);
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Some(change);
    }

    /// The intent alone, for an act that goes on after this request's handler: whoever takes it tells the outcome.
    ///
    /// # Errors
    /// [`Kind::AuditUnavailable`], and the refusal of whoever may not, which is entered.
    pub async fn intent(
        &self,
        operation: Operation,
        target: Option<String>,
        detail: Json,
    ) -> Result<recorder::Intent, Problem> {
        debug_assert_eq!(self.facts.operation, Some(operation), "the route table names another operation");
        let intent = self.rooms.recorder.intent(self.act(operation, target, detail)).await?;
        match self.allowed() {
            Ok(()) => Ok(intent),
            Err(problem) => {
                intent.outcome(outcome_of(problem.kind()), detail_of(&problem)).await?;
                Err(problem)
            }
        }
    }

    /// For the one hot act, starting a run: intent and outcome go into the act's own transaction. `act` is handed a
    /// function that makes both drafts once it knows how the act ended; refusals are recorded here.
    ///
    /// # Errors
    /// As [`Identified::audited`].
    pub async fn audited_together<T>(
        &self,
        operation: Operation,
        target: Option<String>,
        detail: Json,
        act: impl AsyncFnOnce(&Rooms, Together) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        debug_assert_eq!(self.facts.operation, Some(operation), "the route table names another operation");
        together(&self.rooms, self.act(operation, target, detail), self.allowed(), act).await
    }
}

/// Makes the entries of an act whose intent shares its transaction.
pub struct Together {
    intent: AuditDraft,
    open: recorder::Open,
    clock: Clock,
}

impl Together {
    pub fn new(rooms: &Rooms, act: Act) -> Self {
        let (intent, open) = rooms.recorder.open(act);
        Self { intent, open, clock: rooms.clock.clone() }
    }
    /// Intent and outcome, to be stored with the act or not at all.
    pub fn drafts(self, result: AuditResult, detail: Json) -> Vec<AuditDraft> {
        let outcome = self.open.outcome(self.clock.now(), result, detail);
        vec![self.intent, outcome]
    }
}

/// See [`Identified::audited_together`]; webhooks, which have no caller, use it directly.
pub async fn together<T>(
    rooms: &Rooms,
    act: Act,
    allowed: Result<(), Problem>,
    run: impl AsyncFnOnce(&Rooms, Together) -> Result<T, Problem>,
) -> Result<T, Problem> {
    let done = match allowed {
        Ok(()) => run(rooms, Together::new(rooms, act.clone())).await,
        Err(problem) => Err(problem),
    };
    if let Err(problem) = &done {
        // Nothing was stored by the act: the attempt gets a pair of entries of its own.
        let entries = Together::new(rooms, act).drafts(outcome_of(problem.kind()), detail_of(problem));
        rooms.recorder.record(entries).await?;
    }
    done
}

pub fn outcome<T>(done: &Result<T, Problem>) -> (AuditResult, Json) {
    match done {
        Ok(_) => (AuditResult::Succeeded, json!({})),
        Err(problem) => (outcome_of(problem.kind()), detail_of(problem)),
    }
}

const fn outcome_of(kind: Kind) -> AuditResult {
    match kind {
        Kind::Forbidden
        | Kind::NotSignedIn
        | Kind::WrongCredentials
        | Kind::BadCsrf
        | Kind::BadSignature
        | Kind::ProofNeeded
        | Kind::SecondFactorRequired
        | Kind::EmailNotVerified
        | Kind::WrongCode
        | Kind::ApprovalRefused
        | Kind::CoolingDown => AuditResult::Refused,
        Kind::GuardrailViolation => AuditResult::Blocked,
        _ => AuditResult::Failed,
    }
}

fn detail_of(problem: &Problem) -> Json {
    json!({ "code": problem.kind().code() })
}

/// NodeLoom's own acts, and those before there is a caller.
pub const fn nobody(address: Option<std::net::IpAddr>) -> AuditSubject {
    AuditSubject { principal: Principal::System, address, session: None, user_agent: None }
}
