//! Personal data and secrets (R143–R152), found by the `pii` crate.

use std::collections::BTreeSet;

use domain::{CheckKind, Finding, Json, Severity};
use pii::{Action, Detector, Kind, TokenKey};

use super::{Found, Unchecked, finding};
use crate::Ports;

/// How found data is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Marker,
    Mask {
        keep: usize,
    },
    Hash,
    /// By a token that a later node may turn back into the value.
    Token,
    /// The other way: tokens become what is sealed in them, and nothing is looked for.
    Restore,
}

/// What to look for and what to do about it.
#[derive(Debug, Clone)]
pub struct PiiOptions {
    detector: Detector,
    pub mode: Mode,
    /// Under BLOCK, halt instead of redacting.
    pub block_on_detection: bool,
}

impl PiiOptions {
    /// `kinds`: only these; everything when `None`, and with `names` those of people and places as well.
    pub fn new(kinds: Option<BTreeSet<Kind>>, names: bool, mode: Mode, block_on_detection: bool) -> Self {
        let detector = match kinds {
            Some(kinds) => {
                Detector::only(kinds.into_iter().chain([Kind::Person, Kind::Location].into_iter().filter(|_| names)))
            }
            None if names => Detector::with_names(),
            None => Detector::standard(),
        };
        Self { detector, mode, block_on_detection }
    }
}

pub(crate) fn check(json: &Json, options: &PiiOptions) -> Vec<Found> {
    if options.mode == Mode::Restore {
        return Vec::new();
    }
    options
        .detector
        .redact_json(&mut json.clone(), &Action::Marker)
        .into_iter()
        .map(|located| Found {
            finding: to_finding(&located.entity),
            pointer: located.pointer,
            in_key: located.in_key,
            visit: Some(located.visit),
        })
        .collect()
}

/// One text, for the command line and the evaluation.
pub fn check_text(text: &str, detector: &Detector) -> Vec<Finding> {
    detector.find(text).iter().map(to_finding).collect()
}

fn to_finding(entity: &pii::Entity) -> Finding {
    finding(
        CheckKind::PiiRedaction,
        entity.kind.as_str(),
        severity(entity.kind),
        entity.score,
        Some((entity.span.start, entity.span.end)),
        entity.rule,
        format!("the text holds {}", entity.kind.words()),
    )
}

fn severity(kind: Kind) -> Severity {
    match kind {
        Kind::ApiKey | Kind::Jwt => Severity::Critical,
        Kind::EmailAddress | Kind::PhoneNumber | Kind::IpAddress | Kind::Crypto => Severity::Medium,
        Kind::Person | Kind::Location => Severity::Low,
        _ => Severity::High,
    }
}

impl PiiOptions {
    /// What stands in the place of what was found.
    ///
    /// # Errors
    /// It needs a key that is not there.
    pub(crate) fn action(&self, ports: &Ports) -> Result<Action, Unchecked> {
        let missing = |what: &str| Unchecked::new(format!("redaction by {what} needs a key, and none is configured"));
        Ok(match self.mode {
            Mode::Marker | Mode::Restore => Action::Marker,
            Mode::Mask { keep } => Action::Mask { keep },
            Mode::Hash => Action::Hash(ports.hash_key.clone().ok_or_else(|| missing("hash"))?),
            Mode::Token => Action::Token(TokenKey::new(ports.tokens.clone().ok_or_else(|| missing("token"))?)),
        })
    }
}

/// Puts back what tokens hold (R143–R152).
pub(crate) fn restore(value: &mut Json, ports: &Ports) -> Result<usize, Unchecked> {
    let tokens = ports.tokens.as_ref().ok_or_else(|| Unchecked::new("tokens need a key, and none is configured"))?;
    pii::restore_json(value, tokens.as_ref()).map_err(|error| Unchecked::new(error.to_string()))
}
