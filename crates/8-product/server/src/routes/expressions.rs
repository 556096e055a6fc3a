//! Trying expressions with values while somebody writes them.

use std::collections::BTreeMap;

use authz::action::ViewWorkflow;
use axum::Json;
use domain::RunId;
use engine::ports::Entropy;
use workflow::{
    RunInfo,
    expression::{Sample, count, preview as fill_in},
};

use crate::{
    extract::Body,
    problems::{Kind, Problem},
    request::Identified,
};

/// Expressions of one request; each may cost as much as one in a run.
const MOST: usize = 40;
/// Longer values are shown by their beginning.
const MOST_BYTES: usize = 16 * 1024;

/// Pure: nothing is stored, and nothing of the team is in reach but what the request brings along.
pub async fn preview(
    request: Identified,
    Body(body): Body<api::PreviewExpressions>,
) -> Result<Json<api::PreviewedExpressions>, Problem> {
    let permit = request.may::<ViewWorkflow>()?;
    let api::PreviewExpressions { expressions, input, previous, nodes, item } = body;
    if expressions.len() > MOST || expressions.values().map(count).sum::<usize>() > MOST {
        return Err(Problem::new(Kind::BadParameter).detail(format!("expressions: at most {MOST}")));
    }
    let run = RunInfo {
        id: RunId::new(request.arrived.at, Entropy::of_the_system().bytes()),
        started_at: request.arrived.at,
        environment: permit.scope().environment,
        workflow: "preview".to_owned(),
    };
    let sample = Sample { input, previous, nodes, item };
    let work = move || {
        let one = |(name, template)| (name, shown(fill_in(&template, &sample, &run)));
        expressions.into_iter().map(one).collect::<BTreeMap<_, _>>()
    };
    let results = tokio::task::spawn_blocking(work).await.map_err(Problem::internal)?;
    Ok(Json(api::PreviewedExpressions { results }))
}

fn shown(result: Result<domain::Json, String>) -> api::PreviewedExpression {
    match result {
        Err(error) => api::PreviewedExpression { error: Some(error), ..Default::default() },
        Ok(value) => {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let cut = text.len() > MOST_BYTES;
            let value = if cut { text.chars().take(MOST_BYTES / 4).collect::<String>().into() } else { value };
            api::PreviewedExpression { value: Some(value), cut, error: None }
        }
    }
}
