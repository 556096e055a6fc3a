//! Approvals that runs wait for.

use authz::action::{DecideApproval, ViewWorkflow};
use axum::Json;
use serde::Deserialize;
use serde_json::json;
use store::runs::Approval;

use super::show;
use crate::{
    extract::{Asked, At, Body},
    operation::Operation,
    problems::{Kind, Problem},
    request::Identified,
};

fn shown(approval: Approval) -> api::Approval {
    api::Approval {
        id: approval.id.to_string(),
        run: approval.run.to_string(),
        node: approval.node,
        message: approval.message,
        required: approval.required,
        approved: u32::try_from(approval.decisions.iter().filter(|decision| decision.approve).count()).unwrap_or(u32::MAX),
        status: approval.status.as_str().to_owned(),
        deadline: approval.deadline.map(|at| at.to_string()),
    }
}

pub async fn list(request: Identified, Asked(asked): Asked<show::Paging>) -> Result<Json<api::Page<api::Approval>>, Problem> {
    let permit = request.may::<ViewWorkflow>()?;
    let page = request.rooms.store.approvals(&permit, None, &show::paging(asked.limit, asked.cursor)?).await?;
    Ok(Json(show::page(page, shown)))
}

#[derive(Deserialize)]
pub struct OfApproval {
    id: String,
}

/// Nobody decides about a run that acts for them.
pub async fn decide(request: Identified, At(at): At<OfApproval>, Body(body): Body<api::Decide>) -> Result<Json<api::Approval>, Problem> {
    let id = show::id(&at.id)?;
    if body.comment.as_ref().is_some_and(|comment| comment.len() > 2000) {
        return Err(Problem::new(Kind::BadParameter).detail("comment: at most 2,000 characters"));
    }
    let decided = request
        .audited(Operation::DecideApproval, Some(at.id), json!({ "approve": body.approve }), async |rooms| {
            let permit = request.may::<DecideApproval>()?;
            Ok(rooms.engine.decide_approval(&permit, id, body.approve, body.comment).await?)
        })
        .await?;
    Ok(Json(shown(decided)))
}
