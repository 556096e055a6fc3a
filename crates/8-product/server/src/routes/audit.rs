//! Reading and verifying the audit trail. Both are sensitive reads, so both leave entries themselves.

use authz::action::ViewAudit;
use axum::Json;
use domain::AuditResult;
use recorder::{Search, ShownEntry};
use serde::Deserialize;
use serde_json::json;

use super::show;
use crate::{
    extract::Asked,
    operation::Operation,
    problems::{Kind, Problem},
    request::Identified,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    limit: Option<u32>,
    cursor: Option<String>,
    operation: Option<String>,
    target: Option<String>,
    result: Option<String>,
}

pub async fn list(
    request: Identified,
    Asked(asked): Asked<Filter>,
) -> Result<Json<api::Page<api::AuditEntry>>, Problem> {
    let result = asked
        .result
        .map(|word| {
            serde_json::from_value::<AuditResult>(json!(word)).map_err(|_| {
                Problem::new(Kind::BadParameter)
                    .detail("result: expected intent, succeeded, refused, failed or blocked")
            })
        })
        .transpose()?;
    let search = Search { operation: asked.operation, target: asked.target, result, ..Search::default() };
    let paging = show::paging(asked.limit, asked.cursor)?;
    let scope = request.actor()?.scope();
    let chain = format!("{}/{}", scope.team, scope.environment);
    let page = request
        .audited(Operation::ViewAudit, None, json!({}), async |rooms| {
            let permit = request.may::<ViewAudit>()?;
            Ok(rooms.recorder.entries(&permit, &search, &paging).await?)
        })
        .await?;
    Ok(Json(show::page(page, |entry| shown(entry, &chain))))
}

fn shown(entry: ShownEntry, chain: &str) -> api::AuditEntry {
    api::AuditEntry {
        id: entry.id.to_string(),
        chain: chain.to_owned(),
        sequence: entry.sequence,
        at: entry.at.to_string(),
        operation: entry.operation,
        target: entry.target,
        result: entry.result.as_str().to_owned(),
        request: entry.request.map(|id| id.to_string()),
        intent: entry.intent.map(|id| id.to_string()),
        duration_micros: entry.duration_micros,
        subject: entry.subject.and_then(|subject| serde_json::to_value(subject).ok()),
        detail: entry.detail,
        hash: entry.hash,
    }
}

/// Verifies every chain; the answer names those of the caller's own team only.
pub async fn verify(request: Identified) -> Result<Json<api::AuditVerification>, Problem> {
    let team = request.actor()?.scope().team.to_string();
    request
        .audited(Operation::VerifyAudit, None, json!({}), async |rooms| {
            request.may::<ViewAudit>()?;
            let report = rooms.verify_audit().await?;
            let chains = report
                .chains
                .iter()
                .filter(|chain| chain.chain.starts_with(&team))
                .map(|chain| api::ChainVerification {
                    chain: chain.chain.clone(),
                    entries: chain.entries,
                    head: chain.head.clone(),
                    first_bad: chain.bad.as_ref().map(|bad| format!("entry {}: {}", bad.first, bad.why)),
                })
                .collect();
            Ok(Json(api::AuditVerification { intact: report.is_intact(), chains }))
        })
        .await
}
