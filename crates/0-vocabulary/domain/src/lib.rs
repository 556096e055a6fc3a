//! The nouns of NodeLoom, and nothing that acts on them.
//!
//! Every other crate may use these types; this crate uses none of theirs. It never does I/O, never reads a clock
//! and never draws a random number by itself: time and randomness are parameters.
//! Start reading in [`scope`] (whose data), [`principal`] (who acts), [`value`] (what flows between nodes)
//! and [`guardrail`] (what a check found).

pub mod audit;
pub mod clock;
pub mod event;
pub mod guardrail;
pub mod id;
pub mod principal;
pub mod run;
pub mod scope;
pub mod secret;
pub mod time;
pub mod usage;
pub mod value;

pub use audit::{AuditDraft, AuditResult, AuditSubject};
pub use clock::Clock;
pub use event::{Event, EventKind, NewEvent};
pub use guardrail::{Channel, CheckKind, Enforcement, Finding, Severity, Span};
pub use id::{
    ApiKeyId, AuditId, CredentialId, DeadLetterId, FindingId, InvitationId, LeaseId, RequestId, RunId,
    ServiceAccountId, SessionId, SiemId, TeamId, UserId, WebhookId, WorkflowId,
};
pub use principal::{Principal, Role};
pub use run::{NodeStatus, RunFailure, RunStatus, StepAddress};
pub use scope::{Environment, Scope};
pub use secret::Secret;
pub use time::Timestamp;
pub use usage::Usage;
pub use value::{Label, Labels, Origin, Value};

/// JSON as it is everywhere in the house.
pub type Json = serde_json::Value;
