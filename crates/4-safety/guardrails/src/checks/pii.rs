//! Personal data and secrets (R143–R152), found by the `pii` crate.

use std::collections::BTreeSet;

use domain::{CheckKind, Finding, Json, Severity};
use pii::{Action, Detector, Kind};

use super::{Found, Unchecked, finding};
use crate::Ports;

/// How found data is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Marker,
    Mask { keep: usize },
    Hash,
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
    /// `kinds`: only these; everything when `None`.
    pub fn new(kinds: Option<BTreeSet<Kind>>, mode: Mode, block_on_detection: bool) -> Self {
        Self { detector: kinds.map_or_else(Detector::standard, Detector::only), mode, block_on_detection }
    }
}

pub(crate) fn check(json: &Json, options: &PiiOptions) -> Vec<Found> {
    options
        .detector
        .redact_json(&mut json.clone(), &Action::Marker)
        .into_iter()
        .map(|located| Found { finding: to_finding(&located.entity), pointer: located.pointer, in_key: located.in_key })
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
        _ => Severity::High,
    }
}

/// Redacts what was found and is not excepted.
pub(crate) fn redact(
    value: &mut Json,
    options: &PiiOptions,
    found: &[Found],
    ports: &Ports,
) -> Result<usize, Unchecked> {
    let action = match options.mode {
        Mode::Marker => Action::Marker,
        Mode::Mask { keep } => Action::Mask { keep },
        Mode::Hash => Action::Hash(
            ports
                .hash_key
                .clone()
                .ok_or_else(|| Unchecked::new("redaction by hash needs a key, and none is configured"))?,
        ),
    };
    let wanted: BTreeSet<(&str, bool, Option<domain::Span>)> =
        found.iter().map(|one| (one.pointer.as_str(), one.in_key, one.finding.span)).collect();
    let keep =
        |pointer: &str, in_key: bool, entity: &pii::Entity| wanted.contains(&(pointer, in_key, Some(entity.span)));
    Ok(options.detector.redact_json_where(value, &action, &keep).len())
}
