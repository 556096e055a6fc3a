//! What guardrails and policies found in a run, as it is kept (R191, R201) and told: who found it, how bad it is, what
//! was done about it, and why. Never the text that it was found in.

use domain::{Enforcement, EventKind, FindingId, Json, NewEvent, Severity, StepAddress, Timestamp};
use guardrails::{CheckOutcome, Report, Status};
use serde_json::json;
use store::{
    Effects as Beside,
    records::{Violation, ViolationKind},
};
use workflow::{Answer, Change, Failure, FailureKind, machine::StepKey};

use crate::{engine::Inner, facts::Facts, ports::Mask as _};

/// Places of one kind of finding that are listed.
const PLACES: usize = 10;

/// A guardrail has looked.
#[derive(Debug, Clone)]
pub(crate) struct Screening {
    node: String,
    path: String,
    report: Json,
}

impl Screening {
    /// Out of an answer that has something to keep.
    pub fn of(step: &StepKey, answer: &Answer) -> Option<Self> {
        let Answer::Screen(screen) = answer else { return None };
        let something = screen.blocked
            || !screen.findings.is_empty()
            || screen.report["checks"].as_array().is_some_and(|checks| {
                checks.iter().any(|check| check["outcome"] == "not_evaluated" || check["outcome"] == "found")
            });
        something.then(|| Self { node: step.node.clone(), path: step.path.clone(), report: screen.report.clone() })
    }
}

/// Findings of one kind by one rule, which are one row: a long list of addresses is one thing that happened.
struct Kind {
    name: String,
    severity: Severity,
    /// As it was in effect: what runs in shadow or is excepted is only recorded.
    enforcement: Enforcement,
    detail: Json,
    count: usize,
}

impl Facts {
    /// Violations and their events, to be stored with the run's own change.
    pub(crate) fn found(
        &self,
        engine: &Inner,
        changes: &[Change],
        screenings: &[Screening],
        at: Timestamp,
    ) -> (Vec<Violation>, Vec<NewEvent>) {
        let (mut kept, mut told) = (Vec::new(), Vec::new());
        for screening in screenings {
            self.screened(engine, screening, at, &mut kept, &mut told);
        }
        for change in changes {
            if let Some(failure) = &change.failure
                && matches!(failure.kind, FailureKind::Policy | FailureKind::Budget)
            {
                let (violation, event) = self.refused(engine, &change.node, &change.path, failure, at);
                kept.push(violation);
                told.push(event);
            }
        }
        (kept, told)
    }

    fn screened(
        &self,
        engine: &Inner,
        screening: &Screening,
        at: Timestamp,
        kept: &mut Vec<Violation>,
        told: &mut Vec<NewEvent>,
    ) {
        let Ok(report) = serde_json::from_value::<Report>(screening.report.clone()) else {
            tracing::error!(run = %self.lease.run, node = screening.node, "a guardrail's report cannot be read");
            return;
        };
        let mut worth_telling = Vec::new();
        for mut kind in kinds(&report) {
            kind.detail["path"] = json!(screening.path);
            kind.detail["count"] = json!(kind.count);
            // Places are named by the members of the screened value, and a member may be named after a person.
            engine.mask_of(self.lease.run).json(&mut kind.detail);
            if kind.enforcement >= Enforcement::Warn {
                let mut shown = kind.detail.clone();
                shown["name"] = json!(kind.name);
                shown["severity"] = json!(kind.severity);
                shown["enforcement"] = json!(kind.enforcement);
                worth_telling.push(shown);
            }
            kept.push(Violation {
                id: FindingId::new(at, engine.entropy.bytes()),
                kind: ViolationKind::Guardrail,
                scope: self.scope,
                workflow: Some(self.workflow),
                run: Some(self.lease.run),
                node: Some(screening.node.clone()),
                name: kind.name,
                severity: kind.severity,
                enforcement: kind.enforcement,
                detail: kind.detail,
                at,
            });
        }
        // What is only logged is kept and not told: it may be most of the traffic.
        if !worth_telling.is_empty() {
            let payload = json!({ "node": screening.node, "path": screening.path, "blocked": report.halted,
                "findings": worth_telling });
            told.push(self.event(EventKind::GuardrailViolation, at, payload));
        }
    }

    fn refused(
        &self,
        engine: &Inner,
        node: &str,
        path: &str,
        failure: &Failure,
        at: Timestamp,
    ) -> (Violation, NewEvent) {
        let violation = serde_json::from_value(failure.detail.clone()).unwrap_or_else(|_| policies::Violation {
            policy: policies::Policy::ToolWhitelist,
            severity: Severity::High,
            blocked: true,
            code: "refused".to_owned(),
            message: failure.message.clone(),
            detail: Json::Null,
        });
        let step = StepAddress { run: self.lease.run, node: node.to_owned(), path: path.to_owned(), index: 0 };
        let (mut violation, mut event) = policy(engine, self.scope, self.workflow, Some(&step), &violation, at);
        if failure.detail.get("policy").is_none() {
            // Refused elsewhere: by the principal's rights, by a provider.
            violation.name = "refused".to_owned();
            violation.detail["policy"] = json!("refused");
            event.payload["violation"]["policy"] = json!("refused");
        }
        (violation, event)
    }
}

/// A policy that was not kept, as it is stored, and as it is told.
pub(crate) fn policy(
    engine: &Inner,
    scope: domain::Scope,
    workflow: domain::WorkflowId,
    step: Option<&StepAddress>,
    violation: &policies::Violation,
    at: Timestamp,
) -> (Violation, NewEvent) {
    let mut detail = json!(violation);
    let name = detail["policy"].as_str().unwrap_or_default().to_owned();
    if let Some(step) = step {
        detail["path"] = json!(step.path);
    }
    match step {
        Some(step) => engine.mask_of(step.run).json(&mut detail),
        None => engine.mask.json(&mut detail),
    }
    let (run, node) = (step.map(|step| step.run), step.map(|step| step.node.clone()));
    let payload = json!({ "node": node, "blocked": violation.blocked, "violation": detail });
    let event = NewEvent { scope, at, kind: EventKind::PolicyViolation, workflow: Some(workflow), run, payload };
    let stored = Violation {
        id: FindingId::new(at, engine.entropy.bytes()),
        kind: ViolationKind::Policy,
        scope,
        workflow: Some(workflow),
        run,
        node,
        name,
        severity: violation.severity,
        enforcement: if violation.blocked { Enforcement::Block } else { Enforcement::Log },
        detail,
        at,
    };
    (stored, event)
}

/// The same, beside a change.
pub(crate) fn beside(
    engine: &Inner,
    scope: domain::Scope,
    workflow: domain::WorkflowId,
    violation: &policies::Violation,
    at: Timestamp,
) -> Beside {
    let (violation, event) = policy(engine, scope, workflow, None, violation, at);
    Beside { audit: Vec::new(), events: vec![event], violations: vec![violation] }
}

fn kinds(report: &Report) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = Vec::new();
    for violation in &report.violations {
        let enforced = violation.status == Status::Enforced;
        let enforcement = if enforced { violation.enforcement } else { Enforcement::Log };
        let finding = &violation.finding;
        let place = json!({ "pointer": violation.pointer, "in_key": violation.in_key, "span": finding.span,
            "score": finding.score });
        let same = |kind: &&mut Kind| {
            (&kind.name, kind.severity, kind.enforcement) == (&violation.name, finding.severity, enforcement)
                && kind.detail["family"] == *finding.family
                && kind.detail["by"] == *finding.by
                && kind.detail["status"] == json!(violation.status)
        };
        if let Some(known) = kinds.iter_mut().find(same) {
            known.count += 1;
            if let Some(places) = known.detail["places"].as_array_mut().filter(|places| places.len() < PLACES) {
                places.push(place);
            }
            continue;
        }
        kinds.push(Kind {
            name: violation.name.clone(),
            severity: finding.severity,
            enforcement,
            count: 1,
            detail: json!({
                "check": finding.check,
                "family": finding.family,
                "by": finding.by,
                "why": finding.why,
                "status": violation.status,
                "configured": violation.enforcement,
                "blocked": report.halted && enforced && violation.enforcement == Enforcement::Block,
                "places": [place],
            }),
        });
    }
    // A check that could not run has not passed, and is no finding either.
    for check in &report.checks {
        if let CheckOutcome::NotEvaluated { why } = &check.outcome {
            kinds.push(Kind {
                name: check.name.clone(),
                severity: Severity::Medium,
                enforcement: if report.not_evaluated { Enforcement::Block } else { Enforcement::Warn },
                count: 1,
                detail: json!({
                    "check": check.check,
                    "family": "not_evaluated",
                    "by": check.name,
                    "why": why,
                    "status": "not_evaluated",
                    "configured": check.enforcement,
                    "blocked": report.not_evaluated,
                }),
            });
        }
    }
    kinds
}
