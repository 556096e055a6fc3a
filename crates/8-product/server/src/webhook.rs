//! The way in for the world: a webhook starts a run of the version that is published at its path.
//!
//! There is no caller: the run acts for whoever published the workflow, with the rights that this principal has now.

use std::time::Duration;

use authz::{
    Permit,
    action::{ExecuteWorkflow, ViewWorkflow},
};
use axum::{
    body::Bytes,
    extract::{OriginalUri, State, rejection::BytesRejection},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{AuditResult, Json, RunStatus, Scope};
use edge::Arrived;
use engine::{Finished, Start, Started, ports::StartOutcome};
use recorder::Act;
use serde_json::{Map, json};

use crate::{
    extract::{At, broken, parse},
    limits,
    operation::Operation,
    problems::{Kind, Problem},
    request::{nobody, together},
    rooms::Rooms,
    routes::idempotency_key,
    signature,
};

/// Receives one call of a webhook.
pub async fn receive(
    State(rooms): State<Rooms>,
    axum::Extension(arrived): axum::Extension<Arrived>,
    At((team, environment, path)): At<(String, String, String)>,
    method: Method,
    uri: OriginalUri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let body = body.map_err(|_| broken())?;
    let environment = environment.parse().map_err(|_| Problem::new(Kind::NotPublished))?;
    let team = rooms.team(&team).await?.ok_or(Kind::NotPublished)?;
    let scope = Scope { team, environment };
    let Some(hook) = rooms.plans.hook(scope, &path).await? else {
        rooms.refused_anonymously(&arrived, Kind::NotPublished);
        return Err(Kind::NotPublished.into());
    };
    limits::webhook(&rooms, &hook.key, arrived.at).await?;
    if !hook.methods.iter().any(|allowed| allowed == method.as_str()) {
        return Err(Kind::MethodNotAllowed.into());
    }
    signature::check(&rooms, scope, &hook, &headers, &body).await?;
    let input = input(&headers, uri.query(), &body)?;
    let act = Act {
        scope: Some(scope),
        subject: domain::AuditSubject { principal: hook.principal, ..nobody(Some(arrived.client)) },
        request: Some(arrived.request_id),
        operation: Operation::StartWebhookRun.name().to_owned(),
        target: Some(hook.runnable.workflow.to_string()),
        // Every use of a credential is entered, one that checks a signature too.
        detail: hook.signature.as_ref().map_or(json!({}), |signed| json!({ "credential": signed.credential })),
    };
    let idempotency = idempotency_key(&headers)?;
    let (started, view) = together(&rooms, act, Ok(()), async |rooms, together| {
        let actor = rooms.actor_of(hook.principal, scope).await?.ok_or_else(|| {
            Problem::new(Kind::Forbidden).detail("whoever published this workflow may no longer run it")
        })?;
        let permit = actor.may::<ExecuteWorkflow>()?;
        let start = Start {
            runnable: hook.runnable.clone(),
            input,
            trigger: "webhook",
            trigger_node: Some(hook.node.clone()),
            idempotency,
            wants_reply: hook.waits,
        };
        let audit = Box::new(move |outcome: &StartOutcome| {
            together.drafts(result(outcome.status), json!({ "run": outcome.run, "status": outcome.status }))
        });
        Ok((rooms.engine.start(&permit, start, audit).await?, actor.may::<ViewWorkflow>()?))
    })
    .await?;
    answer(&rooms, &view, started, hook.waits.then_some(hook.timeout)).await
}

const fn result(status: RunStatus) -> AuditResult {
    match status {
        RunStatus::Blocked => AuditResult::Blocked,
        RunStatus::Failed => AuditResult::Failed,
        _ => AuditResult::Succeeded,
    }
}

/// JSON as it is; a form or a text as a text; nothing as the query's parameters.
fn input(headers: &HeaderMap, query: Option<&str>, body: &[u8]) -> Result<Json, Problem> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if body.is_empty() {
        let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        return Ok(Json::Object(
            pairs.map(|(name, value)| (name.into_owned(), Json::String(value.into_owned()))).collect::<Map<_, _>>(),
        ));
    }
    match kind {
        "application/json" => parse(body),
        "application/x-www-form-urlencoded" => {
            let pairs = url::form_urlencoded::parse(body);
            Ok(Json::Object(pairs.map(|(name, value)| (name.into_owned(), Json::String(value.into_owned()))).collect()))
        }
        kind if kind.ends_with("+json") => parse(body),
        "text/plain" => std::str::from_utf8(body)
            .map(|text| Json::String(text.to_owned()))
            .map_err(|_| Problem::new(Kind::NotJson).detail("the text is not UTF-8")),
        _ => Err(Problem::new(Kind::UnsupportedMediaType).detail("expected application/json, text/plain or a form")),
    }
}

async fn answer(
    rooms: &Rooms,
    view: &Permit<ViewWorkflow>,
    started: Started,
    wait: Option<Duration>,
) -> Result<Response, Problem> {
    let run = started.run();
    let finished = match (started, wait) {
        (Started::Finished(finished), Some(_)) => Some(finished),
        (Started::Running(handle) | Started::Queued(handle), Some(wait)) => {
            rooms.engine.wait(view, handle, wait).await?
        }
        _ => None,
    };
    match finished {
        Some(finished) => shown(finished),
        None => Ok((StatusCode::ACCEPTED, axum::Json(json!({ "run": run }))).into_response()),
    }
}

/// A run that failed is answered 4xx like one that was blocked: 5xx would say that the server is ill, and proxies and
/// clients repeat such calls by themselves, which starts another run each time.
fn shown(finished: Finished) -> Result<Response, Problem> {
    let run = finished.run;
    match (finished.status, finished.failure) {
        (RunStatus::Succeeded, _) => {
            let mut response = match finished.response {
                Some(response) => said(response)?,
                None => axum::Json(finished.output.unwrap_or_default()).into_response(),
            };
            if let Ok(run) = HeaderValue::from_str(&run.to_string()) {
                response.headers_mut().insert("x-nodeloom-run", run);
            }
            Ok(response)
        }
        (RunStatus::Blocked, Some(failure)) if !failure.violations.is_empty() => {
            Err(Problem::new(Kind::GuardrailViolation)
                .detail(failure.message)
                .with("node", failure.node)
                .with("violations", failure.violations)
                .with("run", run))
        }
        (_, failure) => {
            let mut problem = Problem::new(Kind::RunFailed).with("run", run);
            if let Some(failure) = failure {
                problem = problem.detail(failure.message).with("node", failure.node).with("run_code", failure.code);
            }
            Err(problem)
        }
    }
}

/// What a RESPOND node said.
fn said(response: workflow::Response) -> Result<Response, Problem> {
    let status = StatusCode::from_u16(response.status).map_err(Problem::internal)?;
    let mut headers = response.headers;
    let kind = headers.get("content-type").map(|kind| kind.to_ascii_lowercase());
    let mut answer = match (&response.body, kind.as_deref()) {
        (Json::String(text), Some(kind)) if !kind.contains("json") => {
            let (text, kind) = rendered(text, kind)?;
            headers.insert("content-type".to_owned(), kind);
            text.into_response()
        }
        // A value that is not text is JSON, whatever the workflow calls it.
        (body, kind) => {
            if kind.is_some_and(|kind| !kind.contains("json")) {
                headers.remove("content-type");
            }
            axum::Json(body).into_response()
        }
    };
    *answer.status_mut() = status;
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            answer.headers_mut().insert(name, value);
        }
    }
    Ok(answer)
}

/// R125: what a browser would render goes through the API's own pass; what it would run, or render by rules of its own,
/// is plain text.
fn rendered(text: &str, kind: &str) -> Result<(String, String), Problem> {
    let too_large = |error: markup::TooLarge| Problem::new(Kind::RunFailed).detail(error.to_string());
    let essence = kind.split(';').next().unwrap_or_default().trim();
    Ok(match essence {
        "text/html" => (markup::html(text).map_err(too_large)?, "text/html; charset=utf-8".to_owned()),
        "text/css" => (markup::css(text).map_err(too_large)?, "text/css; charset=utf-8".to_owned()),
        "text/plain" | "text/csv" | "text/markdown" | "text/calendar" => (text.to_owned(), kind.to_owned()),
        active
            if active.contains("xml") || active.contains("script") || active.contains("html") || active.is_empty() =>
        {
            (text.to_owned(), "text/plain; charset=utf-8".to_owned())
        }
        _ => (text.to_owned(), kind.to_owned()),
    })
}
