//! Starting, reading and stopping runs.

use std::time::Duration;

use authz::{
    Permit,
    action::{ExecuteWorkflow, ManageBilling, ViewWorkflow},
};
use axum::{
    Json,
    http::{HeaderMap, StatusCode},
};
use domain::{AuditResult, RunId, RunStatus, WorkflowId};
use engine::{Start, Started, ports::StartOutcome};
use serde::Deserialize;
use serde_json::json;
use store::runs::RunFilter;

use super::show;
use crate::{
    extract::{Asked, At, Body},
    operation::Operation,
    problems::{Kind, Problem},
    request::Identified,
    rooms::Rooms,
};

#[derive(Deserialize)]
pub struct OfWorkflow {
    id: String,
}

#[derive(Deserialize)]
pub struct OfRun {
    run: String,
}

/// Starts a run and answers 202 with it; with `wait_seconds`, answers 200 once it has ended in time.
pub async fn start(
    request: Identified,
    At(at): At<OfWorkflow>,
    headers: HeaderMap,
    Body(body): Body<api::StartRun>,
) -> Result<(StatusCode, Json<api::Run>), Problem> {
    let workflow: WorkflowId = show::id(&at.id)?;
    let wait = Duration::from_secs(body.wait_seconds.unwrap_or(0).min(60));
    let idempotency = idempotency_key(&headers)?;
    let run = request
        .audited_together(Operation::StartRun, Some(workflow.to_string()), json!({}), async |rooms, together| {
            let actor = request.actor()?;
            let permit = actor.may::<ExecuteWorkflow>()?;
            let runnable = rooms.runnable(&actor.may::<ViewWorkflow>()?, workflow, body.version.as_deref()).await?;
            let start = Start {
                runnable,
                trigger: "manual",
                trigger_node: None,
                input: body.input,
                idempotency,
                wants_reply: !wait.is_zero(),
            };
            let audit = Box::new(move |outcome: &StartOutcome| {
                together.drafts(AuditResult::Succeeded, json!({ "run": outcome.run, "status": outcome.status }))
            });
            let started = rooms.engine.start(&permit, start, audit).await?;
            finish_waiting(rooms, &actor.may::<ViewWorkflow>()?, started, wait).await
        })
        .await?;
    let record = request.rooms.store.run(&request.may::<ViewWorkflow>()?, run).await?.ok_or(Kind::NotFound)?;
    let status = if record.status.is_final() { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, Json(show::run(record))))
}

/// The run's id, after its end or after `wait`.
async fn finish_waiting(
    rooms: &Rooms,
    view: &Permit<ViewWorkflow>,
    started: Started,
    wait: Duration,
) -> Result<RunId, Problem> {
    let run = started.run();
    if let (Started::Running(handle) | Started::Queued(handle), false) = (started, wait.is_zero()) {
        rooms.engine.wait(view, handle, wait).await?;
    }
    Ok(run)
}

/// `Idempotency-Key`, 1 to 200 visible characters.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    let text = key.to_str().unwrap_or_default();
    if text.is_empty() || text.len() > 200 {
        return Err(Problem::new(Kind::BadParameter).detail("Idempotency-Key: expected 1 to 200 visible characters"));
    }
    Ok(Some(text.to_owned()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    limit: Option<u32>,
    cursor: Option<String>,
    workflow: Option<WorkflowId>,
    status: Option<String>,
}

pub async fn list(
    request: Identified,
    Asked(asked): Asked<Filter>,
) -> Result<Json<api::Page<api::RunSummary>>, Problem> {
    let permit = request.may::<ViewWorkflow>()?;
    let status = asked
        .status
        .map(|word| {
            word.parse::<RunStatus>()
                .map_err(|error| Problem::new(Kind::BadParameter).detail(format!("status: {error}")))
        })
        .transpose()?;
    let filter = RunFilter { workflow: asked.workflow, status, ..RunFilter::default() };
    let (before, limit) = show::before(asked.limit, asked.cursor)?;
    let found = request.rooms.store.runs(&permit, &filter, before, limit + 1).await?;
    Ok(Json(show::part(found, limit, |run| run.id.to_string(), |run| show::run_summary(&run))))
}

pub async fn show(request: Identified, At(at): At<OfRun>) -> Result<Json<api::Run>, Problem> {
    let permit = request.may::<ViewWorkflow>()?;
    let run = request.rooms.store.run(&permit, show::id(&at.run)?).await?.ok_or(Kind::NotFound)?;
    let id = run.id;
    let mut shown = show::run(run);
    if let Ok(billing) = request.may::<ManageBilling>() {
        shown.cost = Some(cost(&request.rooms, &billing, id).await?);
    }
    Ok(Json(shown))
}

async fn cost(rooms: &Rooms, permit: &Permit<ManageBilling>, run: RunId) -> Result<api::RunCost, Problem> {
    let billing = rooms.months.billing(permit.scope()).await?;
    let mut sum = api::RunCost::default();
    for tokens in rooms.store.tokens_of_run(permit, run).await? {
        match billing.cost(&tokens.provider, &tokens.model, tokens.input_tokens, tokens.output_tokens) {
            Some(cost) => sum.cost_micros += cost,
            None => sum.unpriced_tokens += tokens.input_tokens + tokens.output_tokens,
        }
    }
    Ok(sum)
}

/// What a person may ask of a run that exists.
#[derive(Clone, Copy)]
enum Wish {
    Cancel,
    Pause,
    Resume,
}

pub async fn cancel(request: Identified, At(at): At<OfRun>) -> Result<Json<api::RunSummary>, Problem> {
    change(request, at, Operation::CancelRun, Wish::Cancel).await
}
pub async fn pause(request: Identified, At(at): At<OfRun>) -> Result<Json<api::RunSummary>, Problem> {
    change(request, at, Operation::PauseRun, Wish::Pause).await
}
pub async fn resume(request: Identified, At(at): At<OfRun>) -> Result<Json<api::RunSummary>, Problem> {
    change(request, at, Operation::ResumeRun, Wish::Resume).await
}

async fn change(
    request: Identified,
    at: OfRun,
    operation: Operation,
    wish: Wish,
) -> Result<Json<api::RunSummary>, Problem> {
    let run: RunId = show::id(&at.run)?;
    request
        .audited(operation, Some(run.to_string()), json!({}), async |rooms| {
            let permit = request.may::<ExecuteWorkflow>()?;
            match wish {
                Wish::Cancel => rooms.engine.cancel(permit, run, Vec::new()).await?,
                Wish::Pause => rooms.engine.pause(permit, run, Vec::new()).await?,
                Wish::Resume => rooms.engine.resume(permit, run, Vec::new()).await?,
            };
            Ok(())
        })
        .await?;
    let record = request.rooms.store.run(&request.may::<ViewWorkflow>()?, run).await?.ok_or(Kind::NotFound)?;
    Ok(Json(show::run_summary(&record)))
}

/// A new run with the input that is given, or with the screened input of the old one.
pub async fn retry(
    request: Identified,
    At(at): At<OfRun>,
    Body(body): Body<api::RetryRun>,
) -> Result<(StatusCode, Json<api::RunSummary>), Problem> {
    let run: RunId = show::id(&at.run)?;
    let new = request
        .audited(Operation::RetryRun, Some(run.to_string()), json!({}), async |rooms| {
            let permit = request.may::<ExecuteWorkflow>()?;
            let view = request.may::<ViewWorkflow>()?;
            Ok(rooms.engine.retry(&view, &permit, run, body.input, Box::new(|_| Vec::new())).await?.run())
        })
        .await?;
    let record = request.rooms.store.run(&request.may::<ViewWorkflow>()?, new).await?.ok_or(Kind::NotFound)?;
    Ok((StatusCode::ACCEPTED, Json(show::run_summary(&record))))
}
