//! What guardrails found in this team's traffic, and what they would find at another threshold.

use std::time::Duration;

use authz::action::{ViewIncidents, ViewWorkflow};
use axum::Json;
use domain::{Channel, Enforcement, RunId, Timestamp, WorkflowId};
use engine::ports::Guards as _;
use guardrails::{CheckOutcome, Context, GuardrailConfig, Status, checks::prompt_injection};
use serde::Deserialize;
use serde_json::json;
use store::{
    records::{ViolationFilter, ViolationKind},
    runs::RunFilter,
};

use crate::{
    extract::Asked,
    problems::{Kind, Problem},
    request::Identified,
    routes::show,
};

/// Days that are counted when nothing is said, and at most.
const DAYS: u32 = 30;
const MOST_DAYS: u32 = 366;
/// Runs that are looked at when nothing is said, and at most.
const RUNS: u32 = 100;
const MOST_RUNS: u32 = 200;
/// How long one request may keep the checks busy.
const PATIENCE: Duration = Duration::from_secs(4);
const DAY_MICROS: i64 = 86_400_000_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    limit: Option<u32>,
    cursor: Option<String>,
    run: Option<RunId>,
    workflow: Option<WorkflowId>,
    name: Option<String>,
    kind: Option<String>,
}

pub async fn violations(
    request: Identified,
    Asked(asked): Asked<Which>,
) -> Result<Json<api::Page<api::GuardrailViolation>>, Problem> {
    let permit = request.may::<ViewIncidents>()?;
    let kind = match asked.kind.as_deref() {
        None => None,
        Some("guardrail") => Some(ViolationKind::Guardrail),
        Some("policy") => Some(ViolationKind::Policy),
        Some(_) => return Err(Problem::new(Kind::BadParameter).detail("kind: expected guardrail or policy")),
    };
    let filter = ViolationFilter { kind, run: asked.run, workflow: asked.workflow, name: asked.name };
    let found = request.rooms.store.violations(&permit, &filter, &show::paging(asked.limit, asked.cursor)?).await?;
    Ok(Json(show::page(found, |one| api::GuardrailViolation {
        id: one.id.to_string(),
        kind: one.kind.as_str().to_owned(),
        workflow: one.workflow.map(|id| id.to_string()),
        run: one.run.map(|id| id.to_string()),
        node: one.node,
        name: one.name,
        severity: one.severity.as_str().to_owned(),
        enforcement: word(one.enforcement),
        detail: one.detail,
        at: one.at.to_string(),
    })))
}

fn word(enforcement: Enforcement) -> String {
    enforcement.as_str().to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Since {
    days: Option<u32>,
}

pub async fn activity(
    request: Identified,
    Asked(asked): Asked<Since>,
) -> Result<Json<api::GuardrailActivity>, Problem> {
    let permit = request.may::<ViewIncidents>()?;
    let days = asked.days.unwrap_or(DAYS);
    if !(1..=MOST_DAYS).contains(&days) {
        return Err(Problem::new(Kind::BadParameter).detail("days: expected 1 to 366"));
    }
    let today = request.arrived.at.micros() / DAY_MICROS * DAY_MICROS;
    let from = Timestamp::from_micros(today - i64::from(days - 1) * DAY_MICROS);
    let counted = request.rooms.store.violations_by_day(&permit, from).await?;
    let days = counted.into_iter().map(|one| api::GuardrailDay {
        day: date(one.day),
        kind: one.kind.as_str().to_owned(),
        name: one.name,
        enforcement: word(one.enforcement),
        found: one.found,
    });
    Ok(Json(api::GuardrailActivity { from: date(from), days: days.collect() }))
}

fn date(at: Timestamp) -> String {
    at.to_string().chars().take(10).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Effect {
    check: String,
    runs: Option<u32>,
}

/// Screens what is kept of recent inputs again, from score nought on. Nothing is stored and nothing halts.
pub async fn scores(request: Identified, Asked(asked): Asked<Effect>) -> Result<Json<api::GuardrailScores>, Problem> {
    request.may::<ViewIncidents>()?;
    let view = request.may::<ViewWorkflow>()?;
    let wrong = |text: &str| Problem::new(Kind::BadParameter).detail(text.to_owned());
    let default_threshold = match asked.check.as_str() {
        "PROMPT_INJECTION" => prompt_injection::default_threshold(Channel::User),
        "CONTENT_FILTER" => 0.5,
        _ => return Err(wrong("check: expected PROMPT_INJECTION or CONTENT_FILTER")),
    };
    let runs = asked.runs.unwrap_or(RUNS);
    if !(1..=MOST_RUNS).contains(&runs) {
        return Err(wrong("runs: expected 1 to 200"));
    }
    let mut check = json!({ "type": asked.check, "threshold": 0.0 });
    if asked.check == "CONTENT_FILTER" {
        // Nobody outside is asked about texts that are only looked at again.
        check["provider"] = json!("local");
    }
    let config = GuardrailConfig::parse(&json!({ "severity": "LOG", "checks": [check] }))
        .map_err(|_| Problem::internal("our own parameters do not read"))?
        .in_shadow();
    let context = Context { now: Some(request.arrived.at), ..Context::default() };
    let store = &request.rooms.store;
    let guardrails = request.rooms.guardrails.of(view.scope()).await?;
    let recent = store.runs(&view, &RunFilter::default(), None, runs).await?;
    let until = tokio::time::Instant::now() + PATIENCE;
    let (mut items, mut left_out) = (Vec::with_capacity(recent.len()), 0);
    for summary in recent {
        let late = tokio::time::Instant::now() > until;
        let record = if late { None } else { store.run(&view, summary.id).await? };
        let input =
            record.and_then(|record| record.view).and_then(|mut view| view.get_mut("input").map(domain::Json::take));
        let Some(input) = input.filter(|input| !input.is_null()) else {
            left_out += 1;
            continue;
        };
        let outcome = guardrails.screen(&config, &input, &context).await;
        let report = outcome.report();
        if report.checks.iter().any(|check| matches!(check.outcome, CheckOutcome::NotEvaluated { .. })) {
            left_out += 1;
            continue;
        }
        let counts = report.violations.iter().filter(|violation| violation.status != Status::Allowed);
        items.push(api::GuardrailScore {
            run: summary.id.to_string(),
            workflow: summary.workflow.to_string(),
            status: summary.status.as_str().to_owned(),
            at: summary.created_at.to_string(),
            score: counts.map(|violation| violation.finding.score).fold(0.0, f32::max),
        });
    }
    let system = authz::act_as_system("a team is shown its own guardrail settings");
    let (stored, ..) = store.guardrails_of(system, view.scope()).await?;
    let threshold = stored.and_then(|value| value["thresholds"][&asked.check].as_f64()).map(|share| share as f32);
    Ok(Json(api::GuardrailScores { check: asked.check, default_threshold, threshold, items, left_out }))
}
