//! Screens what goes into and comes out of models: prompt injection, personal data, harmful content, schemas, SQL,
//! similarity to known attacks, and the customer's own rules.
//!
//! It never stores, never talks to a network itself (what it needs from outside stands in [`ports`]), never invents a
//! score, and never lets "could not be checked" pass for "clean". Start reading in [`Guardrails::screen`]; the JSON of
//! a GUARDRAIL node is read by [`GuardrailConfig::parse`]; each check lives in its own file under `checks/`.

mod allow;
pub mod checks;
pub mod cli;
mod config;
pub mod eval;
mod framework;
pub mod learned;
mod normalise;
pub mod ports;
mod redaction;
mod report;
mod stream;
mod team;
mod texts;

pub use config::{CheckConfig, CheckSpec, ConfigError, GuardrailConfig, WhenNotEvaluated};
pub use domain::Channel;
pub use framework::{Context, Guardrails};
pub use learned::Learned;
pub use normalise::{Normalised, View, normalise};
pub use ports::{Embedder, Judge, ModerationScore, Moderator, PortError, Ports, Question, Script, ScriptRunner};
pub use report::{CheckOutcome, CheckReport, Outcome, Report, Screened, Status, Violation, Warning};
pub use stream::{Piece, StreamScreen};
pub use team::{TeamReferences, TeamRules};

/// The version that findings carry beside the rule's name.
pub const RULES_VERSION: &str = "2026.11";

/// The README's example is compiled and run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
