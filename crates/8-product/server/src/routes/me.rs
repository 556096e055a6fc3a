//! Whoever asks: who they are, their password, their address, and proof of both.

use authz::Permission;
use axum::{Json, http::StatusCode, response::Response};
use domain::{Principal, Role, Secret};
use identity::{Email, cooldown::CooldownAction, sign_in::Proof};
use serde_json::json;

use super::{
    links,
    sign_in::{session_answer, told},
};
use crate::{extract::Body, operation::Operation, problems::Problem, request::Identified};

pub async fn me(request: Identified) -> Result<Json<api::Me>, Problem> {
    let system = authz::act_as_system("a caller asks which teams it belongs to");
    let all = request.rooms.store.teams(system).await?;
    let teams = request.caller.teams().await?;
    let known = |id| all.iter().find(|team| team.id == id);
    let person = match request.caller.principal() {
        Principal::User { id } => request.rooms.store.user(system, id).await?,
        _ => None,
    };
    let second_factor = match &person {
        Some(person) => request.rooms.identity.has_second_factor(person.id, request.arrived.at).await?,
        None => false,
    };
    Ok(Json(api::Me {
        principal: request.caller.principal().to_string(),
        email: person.as_ref().map(|person| person.email.clone()),
        name: person.map(|person| person.name),
        second_factor,
        teams: teams
            .into_iter()
            .filter_map(|(id, role)| {
                let team = known(id)?;
                let permissions =
                    Permission::ALL.iter().filter(|p| authz::allows(role, **p)).map(|p| p.name().to_owned()).collect();
                Some(api::Membership {
                    team: id.to_string(),
                    slug: team.slug.clone(),
                    name: team.name.clone(),
                    role: role.to_string(),
                    permissions,
                })
            })
            .collect(),
    }))
}

/// R062: the table as it is enforced.
pub async fn permissions(_request: Identified) -> Json<api::PermissionTable> {
    let names = |roles: &mut dyn Iterator<Item = Role>| roles.map(|role| role.to_string()).collect();
    let row = |permission: &Permission| api::PermissionRow {
        name: permission.name().to_owned(),
        roles: names(&mut Role::ALL.into_iter().filter(|role| authz::allows(*role, *permission))),
    };
    Json(api::PermissionTable {
        roles: names(&mut Role::ALL.into_iter()),
        permissions: Permission::ALL.iter().map(row).collect(),
    })
}

pub async fn change_password(request: Identified, Body(body): Body<api::ChangePassword>) -> Result<Response, Problem> {
    let user = request.person()?;
    let now = request.arrived.at;
    let signed_in = request
        .audited(Operation::ChangePassword, None, json!({}), async |rooms| {
            let (old, new) = (Secret::new(body.current), Secret::new(body.password));
            let done = rooms.identity.change_password(&request.caller, old, new, request.browser(), now).await;
            done.map_err(told(now))
        })
        .await?;
    let rooms = request.rooms.clone();
    tokio::spawn(async move {
        links::tell(&rooms, user, "Your password was changed. Every other session has ended.").await;
    });
    Ok(session_answer(&request.rooms, &signed_in, now))
}

/// The same answer for every address; it becomes the account's when the link in the mail is opened.
pub async fn change_email(
    request: Identified,
    Body(body): Body<api::ToAddress>,
) -> Result<(StatusCode, Json<api::Taken>), Problem> {
    let user = request.person()?;
    let now = request.arrived.at;
    request
        .audited(Operation::ChangeEmail, None, json!({}), async |rooms| {
            if !rooms.post.is_there() {
                return Err(Problem::new(crate::problems::Kind::Conflict)
                    .detail("no mail server is configured, so an address cannot be confirmed"));
            }
            let email: Email = body.email.parse()?;
            rooms.identity.may_mail(CooldownAction::Resend, &email, now).await.map_err(told(now))?;
            let (rooms, caller) = (rooms.clone(), request.caller.clone());
            tokio::spawn(async move {
                links::mail_change(&rooms, rooms.identity.change_email_link(&caller, &email, now).await).await;
                links::tell(&rooms, user, "Another e-mail address was entered for your account.").await;
            });
            Ok(())
        })
        .await?;
    Ok((StatusCode::ACCEPTED, Json(api::Taken {})))
}

pub async fn step_up(request: Identified, Body(body): Body<api::StepUp>) -> Result<Response, Problem> {
    request.person()?;
    let now = request.arrived.at;
    let signed_in = request
        .audited(Operation::StepUp, None, json!({}), async |rooms| {
            let proof = Proof { password: body.password.map(Secret::new), code: body.code.map(Secret::new) };
            rooms.identity.step_up(&request.caller, proof, request.browser(), now).await.map_err(told(now))
        })
        .await?;
    Ok(session_answer(&request.rooms, &signed_in, now))
}
