//! Approvals that runs wait for.

use authz::action::{DecideApproval, ViewWorkflow};
use axum::Json;
use engine::Vote;
use serde::Deserialize;
use serde_json::json;
use store::runs::{Approval, ApprovalStatus};

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
        run: approval.step.run.to_string(),
        node: approval.step.node,
        message: approval.message,
        required: approval.required,
        approved: u32::try_from(approval.ballots.iter().filter(|ballot| ballot.approved).count()).unwrap_or(u32::MAX),
        status: match approval.status {
            ApprovalStatus::Open => "pending",
            ApprovalStatus::Expired => "timed_out",
            decided => decided.as_str(),
        }
        .to_owned(),
        deadline: approval.deadline.map(|at| at.to_string()),
    }
}

pub async fn list(
    request: Identified,
    Asked(asked): Asked<show::Paging>,
) -> Result<Json<api::Page<api::Approval>>, Problem> {
    let permit = request.may::<ViewWorkflow>()?;
    let (before, limit) = show::before(asked.limit, asked.cursor)?;
    let found = request.rooms.store.approvals(&permit, None, before, limit + 1).await?;
    Ok(Json(show::part(found, limit, |approval| approval.id.to_string(), shown)))
}

#[derive(Deserialize)]
pub struct OfApproval {
    id: String,
}

/// Nobody decides about a run that acts for them.
pub async fn decide(
    request: Identified,
    At(at): At<OfApproval>,
    Body(body): Body<api::Decide>,
) -> Result<Json<api::Approval>, Problem> {
    let id = show::id(&at.id)?;
    if body.comment.as_ref().is_some_and(|comment| comment.len() > 2000) {
        return Err(Problem::new(Kind::BadParameter).detail("comment: at most 2,000 characters"));
    }
    let decided = request
        .audited(Operation::DecideApproval, Some(at.id), json!({ "approve": body.approve }), async |rooms| {
            let permit = request.may::<DecideApproval>()?;
            let view = request.may::<ViewWorkflow>()?;
            let by = request
                .caller
                .user()
                .ok_or_else(|| Problem::new(Kind::ApprovalRefused).detail("only a person decides an approval"))?;
            let system = authz::act_as_system("approvers may be named by their verified address");
            let address = rooms
                .store
                .user(system, by)
                .await?
                .filter(|user| user.email_verified_at.is_some())
                .map(|user| user.email);
            let vote = Vote {
                by,
                role: request.actor()?.role(),
                address,
                approve: body.approve,
                comment: body.comment.unwrap_or_default(),
            };
            rooms.engine.decide_approval(&view, permit, id, vote, Vec::new()).await.map_err(|error| match error {
                engine::Error::State { why } => Problem::new(Kind::ApprovalRefused).detail(why),
                error => error.into(),
            })
        })
        .await?;
    Ok(Json(shown(decided)))
}
