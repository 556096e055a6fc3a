//! `POST /v1/moderations` as OpenAI shapes it, answered by this server's content filter. The key names the team; the
//! header `NodeLoom-Environment` the environment (production without it), `NodeLoom-Team` the team of a person who is
//! in several.

use authz::action::ExecuteWorkflow;
use axum::{
    Json,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use domain::{Environment, Scope};
use engine::ports::Guards as _;
use guardrails::{CheckOutcome, Context, GuardrailConfig, checks::content::CATEGORIES};
use serde_json::{Map, json};

use crate::{
    extract::Body,
    operation::Operation,
    problems::{Kind, Problem},
    request::Identified,
};

/// Texts of one request.
const MOST_TEXTS: usize = 64;
/// From which score a category counts.
const COUNTS: f32 = 0.5;

pub async fn create(request: Identified, headers: HeaderMap, Body(body): Body<api::Moderate>) -> Response {
    match moderate(request, &headers, body).await {
        Ok(answer) => Json(answer).into_response(),
        Err(problem) => as_openai(&problem),
    }
}

/// An error in the shape that clients of that API read.
fn as_openai(problem: &Problem) -> Response {
    let status = problem.kind().status();
    let kind = match status {
        StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
        StatusCode::UNAUTHORIZED => "authentication_error",
        StatusCode::FORBIDDEN => "permission_error",
        status if status.is_client_error() => "invalid_request_error",
        _ => "server_error",
    };
    let error = json!({ "message": problem.sentence(), "type": kind, "param": null, "code": problem.kind().code() });
    (status, Json(json!({ "error": error }))).into_response()
}

async fn moderate(request: Identified, headers: &HeaderMap, body: api::Moderate) -> Result<api::Moderation, Problem> {
    let wrong = |text: &str| Problem::new(Kind::BadParameter).detail(text.to_owned());
    let texts = texts(&body.input).map_err(wrong)?;
    let said = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let environment = match said("nodeloom-environment") {
        None => Environment::Production,
        Some(word) => word.parse().map_err(|_| wrong("NodeLoom-Environment names no environment"))?,
    };
    let team = match said("nodeloom-team") {
        Some(named) => request.rooms.team(named).await?.ok_or(Kind::NotFound)?,
        None => match request.caller.teams().await?.as_slice() {
            [(team, _)] => *team,
            _ => return Err(wrong("NodeLoom-Team: say which of your teams asks")),
        },
    };
    let request = request.acting_in(Scope { team, environment }).await?;
    let config = GuardrailConfig::parse(&json!({
        "checks": [{ "type": "CONTENT_FILTER", "threshold": 0.0 }], "severity": "LOG", "when_not_evaluated": "fail_closed"
    }))
    .map_err(|_| Problem::internal("our own parameters do not read"))?;
    let context = Context { now: Some(request.arrived.at), ..Context::default() };
    request
        .audited(Operation::Moderate, None, json!({ "texts": texts.len() }), async |rooms| {
            request.may::<ExecuteWorkflow>()?;
            let guardrails = rooms.guardrails.of(request.actor()?.scope()).await?;
            let mut results = Vec::with_capacity(texts.len());
            for text in &texts {
                let outcome = guardrails.screen(&config, &json!(text), &context).await;
                let report = outcome.report();
                // No score is ever invented for what could not be looked at.
                let missing =
                    report.checks.iter().any(|check| matches!(check.outcome, CheckOutcome::NotEvaluated { .. }));
                if missing {
                    return Err(Problem::new(Kind::TooBusy).detail("the content filter could not be evaluated"));
                }
                let score = |category: &str| {
                    let hits = report.violations.iter().filter(|hit| hit.finding.family == category);
                    hits.map(|hit| hit.finding.score).fold(0.0, f32::max)
                };
                results.push(result(score));
            }
            let id = format!("modr-{}", request.arrived.request_id.uuid().simple());
            Ok(api::Moderation { id, model: "nodeloom-content".to_owned(), results })
        })
        .await
}

fn result(score: impl Fn(&str) -> f32) -> api::ModerationResult {
    let (mut categories, mut scores, mut applied) = (Map::new(), Map::new(), Map::new());
    let mut flagged = false;
    for category in CATEGORIES {
        // A variant is its parent as well.
        let variants =
            CATEGORIES.iter().filter(|other| other.strip_prefix(category).is_some_and(|r| r.starts_with('/')));
        let score = variants.map(|variant| score(variant)).fold(score(category), f32::max);
        flagged |= score >= COUNTS;
        categories.insert(category.to_owned(), json!(score >= COUNTS));
        scores.insert(category.to_owned(), json!(score));
        applied.insert(category.to_owned(), json!(["text"]));
    }
    api::ModerationResult {
        flagged,
        categories: categories.into(),
        category_scores: scores.into(),
        category_applied_input_types: applied.into(),
    }
}

/// A text, a list of texts, or a list of parts. Pictures are refused: nobody looks at them here, and what nobody looked
/// at has not passed.
fn texts(input: &domain::Json) -> Result<Vec<String>, &'static str> {
    use domain::Json as J;
    const EXPECTED: &str =
        "input: expected a text, a list of texts, or a list of parts {\"type\": \"text\", \"text\": …}";
    let of = |part: &J| match part {
        J::String(text) => Ok(text.clone()),
        J::Object(part) => match part.get("type").and_then(J::as_str) {
            Some("text") => part.get("text").and_then(J::as_str).map(str::to_owned).ok_or(EXPECTED),
            Some("image_url") => Err("input: pictures are not looked at here"),
            _ => Err(EXPECTED),
        },
        _ => Err(EXPECTED),
    };
    let texts = match input {
        J::String(text) => vec![text.clone()],
        J::Array(parts) if parts.iter().all(J::is_object) && !parts.is_empty() => {
            // Parts are one message.
            vec![parts.iter().map(of).collect::<Result<Vec<_>, _>>()?.join("\n")]
        }
        J::Array(parts) => parts.iter().map(of).collect::<Result<_, _>>()?,
        _ => return Err(EXPECTED),
    };
    if texts.is_empty() || texts.len() > MOST_TEXTS { Err("input: expected 1 to 64 texts") } else { Ok(texts) }
}
