//! Teams: made by somebody who is an admin already, changed and ended by their own.

use authz::action::{ManageTeam, ViewWorkflow};
use axum::{Json, http::StatusCode};
use domain::{Role, TeamId};
use serde::Deserialize;
use serde_json::json;
use store::{Effects, people::Team};

use crate::{
    extract::{At, Body},
    operation::Operation,
    problems::{Kind, Problem},
    request::Identified,
    rooms::{Rooms, slug},
};

fn shown(team: &Team, require_second_factor: bool) -> api::Team {
    api::Team {
        id: team.id.to_string(),
        slug: team.slug.clone(),
        name: team.name.clone(),
        require_second_factor,
        created_at: team.created_at.to_string(),
    }
}

fn name(text: &str) -> Result<String, Problem> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > 100 || text.chars().any(char::is_control) {
        return Err(Problem::new(Kind::BadParameter).detail("name: expected 1 to 100 characters"));
    }
    Ok(text.to_owned())
}

/// There is no open way to a team of one's own: whoever makes one is an admin somewhere.
pub async fn create(
    request: Identified,
    Body(body): Body<api::CreateTeam>,
) -> Result<(StatusCode, Json<api::Team>), Problem> {
    let person = request.person()?;
    let name = name(&body.name)?;
    let now = request.arrived.at;
    let id = TeamId::new(now, rand::random());
    let team = request
        .audited(Operation::CreateTeam, Some(id.to_string()), json!({ "name": name }), async |rooms| {
            if !request.caller.teams().await?.iter().any(|(_, role)| *role == Role::Admin) {
                return Err(Problem::new(Kind::Forbidden).detail("only an admin of a team makes another"));
            }
            let system = authz::act_as_system("an admin makes another team");
            let plain = slug(&name);
            let taken = rooms.store.team_by_slug(system, &plain).await?.is_some();
            let slug = if taken { with_end(&plain) } else { plain.clone() };
            let mut team = Team { id, slug, name: name.clone(), created_at: now };
            match rooms.store.add_team_of(system, team.clone(), person, Effects::none()).await {
                // A team that has ended keeps its slug, and so does one that was made just now.
                Err(store::Error::Taken { .. }) => {
                    team.slug = with_end(&plain);
                    rooms.store.add_team_of(system, team.clone(), person, Effects::none()).await?;
                }
                done => done?,
            }
            rooms.identity.forget_memberships();
            rooms.slugs.forget();
            Ok(team)
        })
        .await?;
    Ok((StatusCode::CREATED, Json(shown(&team, false))))
}

fn with_end(slug: &str) -> String {
    format!("{slug}-{:06x}", rand::random::<u32>() & 0x00ff_ffff)
}

pub async fn show(request: Identified) -> Result<Json<api::Team>, Problem> {
    let permit = request.may::<ViewWorkflow>()?;
    read(&request.rooms, permit.scope().team).await.map(Json)
}

async fn read(rooms: &Rooms, id: TeamId) -> Result<api::Team, Problem> {
    let system = authz::act_as_system("a team's members see what it is and what it demands of them");
    let team = rooms.store.teams(system).await?.into_iter().find(|team| team.id == id).ok_or(Kind::NotFound)?;
    let demands = rooms.store.team_demands(system, id).await?;
    Ok(shown(&team, demands.second_factor))
}

pub async fn change(request: Identified, Body(body): Body<api::ChangeTeam>) -> Result<Json<api::Team>, Problem> {
    let name = body.name.as_deref().map(name).transpose()?;
    let demand = body.require_second_factor;
    let answer = request
        .audited(Operation::ChangeTeam, None, json!({ "name": name, "require_second_factor": demand }), async |rooms| {
            let permit = request.may::<ManageTeam>()?;
            if let (Some(true), Some(person)) = (demand, request.caller.user())
                && !rooms.identity.has_second_factor(person, request.arrived.at).await?
            {
                let why = "enrol a second factor yourself first: you would shut yourself out";
                return Err(Problem::new(Kind::Conflict).detail(why));
            }
            rooms.store.change_team(&permit, name.clone(), demand, Effects::none()).await?;
            rooms.identity.forget_second_factors();
            read(rooms, permit.scope().team).await
        })
        .await?;
    Ok(Json(answer))
}

#[derive(Deserialize)]
pub struct OfTeam {
    team: String,
}

/// For the last admin there is no way out but another admin, or the team's end.
pub async fn leave(request: Identified, At(at): At<OfTeam>) -> Result<StatusCode, Problem> {
    let person = request.person()?;
    let team = request.rooms.team_or_nobodys(&at.team).await?;
    request
        .audited(Operation::LeaveTeam, Some(team.to_string()), json!({}), async |rooms| {
            let system = authz::act_as_system("a person leaves a team by themselves");
            rooms.store.leave_team(system, team, person, Effects::none()).await?;
            rooms.identity.forget_memberships();
            rooms.identity.forget_sessions();
            rooms.identity.forget_api_keys();
            Ok(())
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn delete(request: Identified) -> Result<StatusCode, Problem> {
    request
        .audited(Operation::DeleteTeam, None, json!({}), async |rooms| {
            let permit = request.may::<ManageTeam>()?;
            rooms.store.delete_team(&permit, Effects::none()).await?;
            rooms.identity.forget_memberships();
            rooms.identity.forget_api_keys();
            rooms.slugs.forget();
            Ok(())
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
