//! Guardrails for agents that live elsewhere, and what the sandbox promises here.

pub mod moderations;
pub mod team;
pub mod traffic;

use authz::action::ExecuteWorkflow;
use axum::Json;
use domain::Channel;
use engine::ports::Guards as _;
use guardrails::{CheckOutcome, CheckReport, Context, GuardrailConfig, Outcome, Report};
use serde_json::json;

use super::show;
use crate::{
    extract::Body,
    operation::Operation,
    problems::{Kind, Problem},
    request::Identified,
};

/// Screens the input and says what may go on; nothing of it is stored.
pub async fn check(
    request: Identified,
    Body(body): Body<api::CheckGuardrails>,
) -> Result<Json<api::GuardrailVerdict>, Problem> {
    let (config, context) = read(&body, &request)?;
    request
        .audited(Operation::CheckGuardrails, None, json!({}), async |rooms| {
            request.may::<ExecuteWorkflow>()?;
            let guardrails = rooms.guardrails.of(request.actor()?.scope()).await?;
            let outcome = guardrails.screen(&config, &body.input, &context).await;
            Ok(Json(verdict(outcome)))
        })
        .await
}

/// Everything that every check finds, with how long each took: nothing halts, nothing is redacted, nothing is stored. It
/// changes nothing, and is asked while somebody types: it is a read, and leaves no entry in the trail.
pub async fn playground(
    request: Identified,
    Body(body): Body<api::CheckGuardrails>,
) -> Result<Json<api::GuardrailFindings>, Problem> {
    let (config, context) = read(&body, &request)?;
    request.may::<ExecuteWorkflow>()?;
    let guardrails = request.rooms.guardrails.of(request.actor()?.scope()).await?;
    let outcome = guardrails.screen(&config.in_shadow(), &body.input, &context).await;
    let report = outcome.report();
    let enforced = guardrails.screen(&config, &body.input, &context).await;
    Ok(Json(api::GuardrailFindings {
        would: verdict(enforced).action,
        findings: report.violations.iter().map(found).collect(),
        checks: report.checks.iter().map(|check| json!(check)).collect(),
    }))
}

fn found(violation: &guardrails::Violation) -> api::GuardrailFinding {
    api::GuardrailFinding {
        name: violation.name.clone(),
        pointer: violation.pointer.clone(),
        excepted: violation.status == guardrails::Status::Allowed,
        finding: show::violation(&violation.finding),
    }
}

/// What is to be checked, and how.
fn read(body: &api::CheckGuardrails, request: &Identified) -> Result<(GuardrailConfig, Context), Problem> {
    let channel = match body.channel.as_deref() {
        None | Some("user") => Channel::User,
        Some("data") => Channel::Data,
        Some(_) => return Err(Problem::new(Kind::BadParameter).detail("channel: expected user or data")),
    };
    let parameters = body
        .parameters
        .clone()
        .unwrap_or_else(|| json!({ "checks": ["PROMPT_INJECTION", "PII_REDACTION"], "severity": "BLOCK" }));
    let config = GuardrailConfig::parse(&parameters).map_err(|errors| {
        Problem::new(Kind::BadGuardrail).with(
            "errors",
            errors
                .iter()
                .map(|e| api::Defect { path: e.path.clone(), code: e.code.to_owned(), message: e.message.clone() })
                .collect::<Vec<_>>(),
        )
    })?;
    Ok((config, Context { channel, now: Some(request.arrived.at) }))
}

fn verdict(outcome: Outcome) -> api::GuardrailVerdict {
    let (action, output, report) = match outcome {
        Outcome::Passed(screened) => {
            let (json, report) = screened.into_parts();
            let action = match () {
                () if report.redactions > 0 => "redact",
                () if !report.warnings.is_empty() => "warn",
                () => "pass",
            };
            (action, Some(json), report)
        }
        Outcome::Halted(report) => ("block", None, report),
    };
    api::GuardrailVerdict {
        action: action.to_owned(),
        output,
        findings: report.findings().iter().map(show::violation).collect(),
        not_evaluated: not_evaluated(&report),
    }
}

fn not_evaluated(report: &Report) -> Vec<String> {
    let missing = |check: &&CheckReport| matches!(check.outcome, CheckOutcome::NotEvaluated { .. });
    report.checks.iter().filter(missing).map(|check| check.name.clone()).collect()
}

/// The table that `nodeloom sandbox probe` prints.
pub async fn sandbox(request: Identified) -> Result<Json<domain::Json>, Problem> {
    let Some(sandbox) = &request.rooms.sandbox else {
        return Ok(Json(json!({ "enabled": false, "guarantees": [] })));
    };
    let refused = sandbox.ready().err().map(|error| error.to_string());
    let choice = sandbox.choice();
    Ok(Json(json!({
        "enabled": true, "ready": refused.is_none(), "why_not": refused, "backend": choice.backend, "why": choice.why,
        "asked": choice.asked, "considered": choice.considered, "guarantees": sandbox.guarantees(),
    })))
}
