//! An event as every exporter is given it: one shape for audit entries, security events and checkpoints.

use aws_lc_rs::digest::{SHA256, digest};
use chain::{entry::canonical_json, verify::ShownHead};
use domain::{AuditResult, AuditSubject, EventKind, Json, Scope, Timestamp};
use recorder::Linked;
use serde::Serialize;
use serde_json::json;
use store::siem::{SiemStream, is_installation};

/// Names the shape, on every event and every webhook.
pub const SCHEMA: &str = "nodeloom.event.v1";

/// What stands for the hash before the first event.
pub(crate) const NOTHING: &str = "";

/// How bad an event is; the wire knows the word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Info,
    Low,
    Medium,
    High,
    Critical,
}

impl Level {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
    /// 1 to 10, as CEF and ECS count.
    pub const fn number(self) -> u8 {
        match self {
            Self::Info => 1,
            Self::Low => 3,
            Self::Medium => 5,
            Self::High => 8,
            Self::Critical => 10,
        }
    }
    fn read(word: &str) -> Option<Self> {
        [Self::Low, Self::Medium, Self::High, Self::Critical].into_iter().find(|level| level.as_str() == word)
    }
}

/// An event on its way out.
#[derive(Debug, Clone, Serialize)]
pub struct Event {
    pub schema: &'static str,
    /// The same on every repetition: what receivers tell repetitions by.
    pub id: String,
    pub stream: &'static str,
    /// In which order `sequence` counts.
    pub chain: String,
    pub team: String,
    pub environment: &'static str,
    pub sequence: i64,
    pub hash: String,
    /// The hash of the event before it in this chain.
    pub prev_hash: String,
    pub at: Timestamp,
    pub severity: Level,
    /// The operation, or the kind of event.
    pub action: String,
    /// `success`, `failure` or `unknown`.
    pub outcome: &'static str,
    pub message: String,
    #[serde(flatten)]
    pub content: Content,
}

/// What is particular to a stream.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    Audit(Audit),
    Security(Security),
    Checkpoint(Checkpoint),
    Test(Json),
}

#[derive(Debug, Clone, Serialize)]
pub struct Audit {
    pub operation: String,
    pub result: AuditResult,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// The intent that this is the outcome of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_micros: Option<u64>,
    /// Absent when the person was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<AuditSubject>,
    pub detail: Json,
}

#[derive(Debug, Clone, Serialize)]
pub struct Security {
    pub kind: EventKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    pub payload: Json,
}

#[derive(Debug, Clone, Serialize)]
pub struct Checkpoint {
    pub number: u64,
    /// The signed note, with the lines of witnesses.
    pub note: String,
    /// What it says of this chain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<ShownHead>,
}

/// Kinds that tell of the ordinary life of runs; everything else is a matter of security, kinds to come included.
const ORDINARY: [EventKind; 9] = [
    EventKind::RunQueued,
    EventKind::RunStarted,
    EventKind::NodeStarted,
    EventKind::NodeFinished,
    EventKind::NodeOutput,
    EventKind::RunWaiting,
    EventKind::RunPaused,
    EventKind::RunResumed,
    EventKind::RunFinished,
];

/// R236: violations, findings, incidents, anomalies, decisions, publications, and alerts of this room itself.
pub(crate) fn is_security(kind: EventKind) -> bool {
    !ORDINARY.contains(&kind)
}

/// The words of all of them.
pub(crate) fn security_kinds() -> Vec<&'static str> {
    EventKind::ALL.into_iter().filter(|kind| is_security(*kind)).map(EventKind::as_str).collect()
}

/// The hash of a security event: over the event as JSON with sorted keys and no spaces.
pub(crate) fn hash_of(event: &domain::Event) -> String {
    let json = serde_json::to_value(event).unwrap_or_default();
    hex::encode(digest(&SHA256, canonical_json(&json).as_bytes()))
}

/// The hash of a checkpoint: over its note as it was issued, without the lines of witnesses, which may come later.
pub(crate) fn hash_of_note(shown: &recorder::ShownCheckpoint) -> String {
    let witnesses: usize = shown.cosignatures.iter().map(|kept| kept.line.len()).sum();
    let issued = &shown.note.as_bytes()[..shown.note.len().saturating_sub(witnesses)];
    hex::encode(digest(&SHA256, issued))
}

/// Whose event it is, for people: `installation` for the system's chain.
pub(crate) fn team_word(scope: Scope) -> String {
    if is_installation(scope) { "installation".to_owned() } else { scope.team.to_string() }
}
/// Likewise; `system` for the system's chain.
pub(crate) fn environment_word(scope: Scope) -> &'static str {
    if is_installation(scope) { "system" } else { scope.environment.as_str() }
}

impl Event {
    pub(crate) fn audit(scope: Scope, chain: &str, linked: Linked) -> Self {
        let shown = linked.shown;
        let (severity, outcome) = match shown.result {
            AuditResult::Refused | AuditResult::Blocked => (Level::Medium, "failure"),
            AuditResult::Failed => (Level::Low, "failure"),
            AuditResult::Succeeded => (Level::Info, "success"),
            AuditResult::Intent => (Level::Info, "unknown"),
        };
        let target = shown.target.as_deref().map(|target| format!(" of {target}")).unwrap_or_default();
        Self {
            schema: SCHEMA,
            id: shown.id.to_string(),
            stream: SiemStream::Audit.as_str(),
            chain: chain.to_owned(),
            team: team_word(scope),
            environment: environment_word(scope),
            sequence: i64::try_from(shown.sequence).unwrap_or(i64::MAX),
            hash: shown.hash,
            prev_hash: linked.previous,
            at: shown.at,
            severity,
            message: format!("{}{target}: {}", shown.operation, shown.result.as_str()),
            action: shown.operation.clone(),
            outcome,
            content: Content::Audit(Audit {
                operation: shown.operation,
                result: shown.result,
                target: shown.target,
                request: shown.request.map(|id| id.to_string()),
                intent: shown.intent.map(|id| id.to_string()),
                duration_micros: shown.duration_micros,
                subject: shown.subject,
                detail: shown.detail,
            }),
        }
    }

    pub(crate) fn security(event: domain::Event, hash: String, previous: String) -> Self {
        let severity = severity_in(&event.payload).unwrap_or(Level::Medium);
        let blocked = event.payload.get("blocked").and_then(Json::as_bool);
        let team = event.scope.team.to_string();
        Self {
            schema: SCHEMA,
            id: format!("evt_{}_{}", event.scope.team.uuid().simple(), event.sequence),
            stream: SiemStream::Security.as_str(),
            chain: format!("{team}/{}/security", event.scope.environment),
            team,
            environment: event.scope.environment.as_str(),
            sequence: event.sequence,
            hash,
            prev_hash: previous,
            at: event.at,
            severity,
            message: event.kind.as_str().replace('_', " "),
            action: event.kind.as_str().to_owned(),
            outcome: match blocked {
                Some(true) => "failure",
                _ => "unknown",
            },
            content: Content::Security(Security {
                kind: event.kind,
                workflow: event.workflow.map(|id| id.to_string()),
                run: event.run.map(|id| id.to_string()),
                payload: event.payload,
            }),
        }
    }

    pub(crate) fn checkpoint(scope: Scope, shown: recorder::ShownCheckpoint, previous: String) -> Self {
        Self {
            schema: SCHEMA,
            id: format!("checkpoint_{}_{}_{}", scope.team.uuid().simple(), scope.environment, shown.number),
            stream: SiemStream::Checkpoints.as_str(),
            chain: "checkpoints".to_owned(),
            team: team_word(scope),
            environment: environment_word(scope),
            sequence: i64::try_from(shown.number).unwrap_or(i64::MAX),
            hash: hash_of_note(&shown),
            prev_hash: previous,
            at: shown.at,
            severity: Level::Info,
            message: format!("signed checkpoint {}", shown.number),
            action: "audit.checkpoint".to_owned(),
            outcome: "success",
            content: Content::Checkpoint(Checkpoint { number: shown.number, note: shown.note, head: shown.head }),
        }
    }

    /// An event that says nothing but that it arrived.
    pub(crate) fn test(scope: Scope, at: Timestamp, id: String) -> Self {
        Self {
            schema: SCHEMA,
            id,
            stream: "test",
            chain: "test".to_owned(),
            team: team_word(scope),
            environment: environment_word(scope),
            sequence: 0,
            hash: NOTHING.to_owned(),
            prev_hash: NOTHING.to_owned(),
            at,
            severity: Level::Info,
            message: "a test of this destination by NodeLoom".to_owned(),
            action: "siem.test".to_owned(),
            outcome: "success",
            content: Content::Test(json!({ "says": "this destination receives what NodeLoom sends" })),
        }
    }

    /// The event as JSON text, at most `most` bytes long: what is too long is told by its length and hash, for some
    /// receivers would cut it and say that all is well.
    pub(crate) fn text(&self, most: usize) -> String {
        let text = serde_json::to_string(self).unwrap_or_default();
        if text.len() <= most {
            return text;
        }
        let mut cut = self.clone();
        match &mut cut.content {
            Content::Audit(audit) => shorten(&mut audit.detail),
            Content::Security(security) => shorten(&mut security.payload),
            Content::Test(json) => shorten(json),
            Content::Checkpoint(checkpoint) => checkpoint.head = None,
        }
        serde_json::to_string(&cut).unwrap_or_default()
    }

    /// Who acted, for receivers that have a field for it.
    pub(crate) fn user(&self) -> Option<String> {
        let subject = self.subject()?;
        Some(subject.principal.person().map_or_else(|| subject.principal.to_string(), |person| person.to_string()))
    }
    pub(crate) fn subject(&self) -> Option<&AuditSubject> {
        match &self.content {
            Content::Audit(audit) => audit.subject.as_ref(),
            _ => None,
        }
    }
    pub(crate) fn audit_part(&self) -> Option<&Audit> {
        match &self.content {
            Content::Audit(audit) => Some(audit),
            _ => None,
        }
    }
}

fn shorten(json: &mut Json) {
    let text = json.to_string();
    let hash = hex::encode(digest(&SHA256, text.as_bytes()));
    *json = json!({ "too_long": true, "bytes": text.len(), "sha256": hash });
}

/// The worst severity that a payload names: its own, its violation's, or its findings'.
fn severity_in(payload: &Json) -> Option<Level> {
    let of = |json: &Json| json.get("severity").and_then(Json::as_str).and_then(Level::read);
    let findings = payload.get("findings").and_then(Json::as_array).into_iter().flatten().filter_map(of).max();
    [of(payload), payload.get("violation").and_then(of), findings].into_iter().flatten().max()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(payload: Json) -> Event {
        let scope = Scope {
            team: "team_00000000000000000000000000000001".parse().unwrap(),
            environment: domain::Environment::Production,
        };
        let kind = EventKind::GuardrailViolation;
        let at = Timestamp::from_micros(1_767_225_600_000_000);
        let event = domain::Event { sequence: 7, scope, at, kind, workflow: None, run: None, payload };
        let hash = hash_of(&event);
        Event::security(event, hash, "before".to_owned())
    }

    #[test]
    fn an_event_says_where_it_stands_and_how_bad_it_is() {
        let event = event(json!({"blocked": true, "findings": [{"severity": "low"}, {"severity": "critical"}]}));
        let json: Json = serde_json::from_str(&event.text(10_000)).unwrap();
        assert_eq!(json["sequence"], 7);
        assert_eq!(json["prev_hash"], "before");
        assert_eq!(json["severity"], "critical");
        assert_eq!(json["outcome"], "failure");
        assert_eq!(json["security"]["payload"]["blocked"], true);
        assert_eq!(json["hash"].as_str().unwrap().len(), 64);
    }

    #[test]
    fn what_is_too_long_is_told_by_length_and_hash() {
        let event = event(json!({"text": "x".repeat(5000)}));
        let json: Json = serde_json::from_str(&event.text(2000)).unwrap();
        assert_eq!(json["security"]["payload"]["too_long"], true);
        assert!(event.text(2000).len() < 2000);
    }

    /// R236: violations are matters of security, the life of a run is not.
    #[test]
    fn violations_are_security_events_and_node_starts_are_not() {
        assert!(is_security(EventKind::GuardrailViolation) && is_security(EventKind::PolicyViolation));
        assert!(!is_security(EventKind::NodeStarted));
    }
}
