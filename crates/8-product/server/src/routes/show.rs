//! Nouns as they stand on the wire.

use domain::{Finding, Json};
use serde::Deserialize;
use store::{Cursor, Page, PageRequest, runs::RunRecord};

use crate::problems::{Kind, Problem};

/// `limit` and `cursor` of a list.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paging {
    pub limit: Option<u32>,
    pub cursor: Option<String>,
}

/// A page that was asked for; 1 to 200 items, default 50.
pub fn paging(limit: Option<u32>, cursor: Option<String>) -> Result<PageRequest, Problem> {
    let limit = limit.unwrap_or(50);
    if !(1..=200).contains(&limit) {
        return Err(Problem::new(Kind::BadParameter).detail("limit: expected 1 to 200"));
    }
    Ok(PageRequest { after: cursor.map(Cursor::from_wire), limit })
}

/// The same for lists that go on before the last item's id; `T` is that id.
pub fn before<T: std::str::FromStr>(limit: Option<u32>, cursor: Option<String>) -> Result<(Option<T>, u32), Problem> {
    let limit = paging(limit, None)?.limit;
    let bad = |_| Problem::new(Kind::BadParameter).detail("cursor: not one that this list gave");
    Ok((cursor.map(|text| text.parse().map_err(bad)).transpose()?, limit))
}

/// What was found when one more than `limit` was asked for.
pub fn part<T, U>(mut found: Vec<T>, limit: u32, id: impl Fn(&T) -> String, show: impl Fn(T) -> U) -> api::Page<U> {
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next = found.last().filter(|_| more).map(id);
    api::Page { next, items: found.into_iter().map(show).collect() }
}

pub fn page<T, U>(page: Page<T>, show: impl Fn(T) -> U) -> api::Page<U> {
    api::Page {
        next: page.next.map(|next| next.as_str().to_owned()),
        items: page.items.into_iter().map(show).collect(),
    }
}

/// An id of the address; one that cannot be an id names nothing that is here.
pub fn id<T: std::str::FromStr>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| Kind::NotFound.into())
}

pub fn run_summary(run: &RunRecord) -> api::RunSummary {
    let end = run.finished_at;
    api::RunSummary {
        id: run.id.to_string(),
        workflow: run.workflow.to_string(),
        version: run.version.clone(),
        status: run.status.as_str().to_owned(),
        trigger: run.trigger.clone(),
        created_at: run.created_at.to_string(),
        finished_at: end.map(|at| at.to_string()),
        duration_ms: end.map(|at| u64::try_from(at.since(run.created_at).as_millis()).unwrap_or(u64::MAX)),
    }
}

pub fn run(record: RunRecord) -> api::Run {
    let summary = run_summary(&record);
    let mut view = record.view.unwrap_or_default();
    let mut part = |name: &str| view.get_mut(name).map(Json::take).filter(|json| !json.is_null());
    api::Run {
        summary,
        principal: record.principal.to_string(),
        input: part("input"),
        output: part("output"),
        failure: part("failure"),
        nodes: part("nodes").unwrap_or_else(|| Json::Array(Vec::new())),
        usage: api::TokenUsage { input_tokens: record.usage.input_tokens, output_tokens: record.usage.output_tokens },
        cost: None,
    }
}

pub fn violation(finding: &Finding) -> api::Violation {
    api::Violation {
        check: finding.check.as_str().to_owned(),
        family: finding.family.clone(),
        severity: finding.severity.as_str().to_owned(),
        score: finding.score,
        span: finding.span.and_then(|span| serde_json::to_value(span).ok()),
        by: finding.by.clone(),
        why: finding.why.clone(),
    }
}
