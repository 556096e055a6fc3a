//! The members of a team, people and machines: their roles, and what is recorded against them.

use authz::action::ManageTeam;
use axum::{Json, http::StatusCode};
use domain::ServiceAccountId;
use serde::Deserialize;
use serde_json::json;
use store::{
    Effects, PageRequest,
    people::{Member, ServiceAccount, TeamMember},
};

use super::{invitations::role, show};
use crate::{
    extract::{Asked, At, Body},
    operation::Operation,
    problems::{Kind, Problem},
    request::Identified,
};

fn id_of(member: Member) -> String {
    match member {
        Member::User(id) => id.to_string(),
        Member::ServiceAccount(id) => id.to_string(),
    }
}

fn member(text: &str) -> Result<Member, Problem> {
    match text.parse() {
        Ok(id) => Ok(Member::User(id)),
        Err(_) => show::id(text).map(Member::ServiceAccount),
    }
}

fn shown(found: &TeamMember) -> api::Member {
    let TeamMember { membership, name, email, disabled, second_factor } = found;
    api::Member {
        id: id_of(membership.member),
        kind: match membership.member {
            Member::User(_) => "user",
            Member::ServiceAccount(_) => "service_account",
        }
        .to_owned(),
        name: name.clone(),
        email: email.clone(),
        role: membership.role.to_string(),
        source: membership.source.clone(),
        second_factor: *second_factor,
        disabled: *disabled,
        since: membership.created_at.to_string(),
    }
}

/// 200 at once, unless another limit is asked for.
pub async fn list(
    request: Identified,
    Asked(asked): Asked<show::Paging>,
) -> Result<Json<api::Page<api::Member>>, Problem> {
    let permit = request.may::<ManageTeam>()?;
    let page = show::paging(asked.limit.or(Some(200)), asked.cursor)?;
    let found = request.rooms.store.members(&permit, &page).await?;
    Ok(Json(show::page(found, |member| shown(&member))))
}

#[derive(Deserialize)]
pub struct OfMember {
    id: String,
}

/// What the trail says of a member: nothing that names a person beyond the entry's target.
fn standing(found: Option<&TeamMember>) -> serde_json::Value {
    json!(found.map(|found| {
        let TeamMember { membership, disabled, .. } = found;
        json!({ "role": membership.role.as_str(), "source": membership.source, "disabled": disabled })
    }))
}

/// What this process remembers of rights is forgotten at once; others follow within five seconds.
fn forget(request: &Identified) {
    request.rooms.identity.forget_memberships();
    request.rooms.identity.forget_sessions();
    request.rooms.identity.forget_api_keys();
}

pub async fn change_role(
    request: Identified,
    At(at): At<OfMember>,
    Body(body): Body<api::ChangeRole>,
) -> Result<Json<api::Member>, Problem> {
    let (who, role) = (member(&at.id)?, role(&body.role)?);
    let answer = request
        .audited(Operation::ChangeRole, Some(id_of(who)), json!({ "role": role.as_str() }), async |rooms| {
            let permit = request.may::<ManageTeam>()?;
            let before = standing(rooms.store.member(&permit, who).await?.as_ref());
            rooms.store.change_role(&permit, who, role, Effects::none()).await?;
            forget(&request);
            let found = rooms.store.member(&permit, who).await?.ok_or(Kind::NotFound)?;
            request.tell_change(&before, &standing(Some(&found)));
            Ok(shown(&found))
        })
        .await?;
    Ok(Json(answer))
}

pub async fn remove(request: Identified, At(at): At<OfMember>) -> Result<StatusCode, Problem> {
    let who = member(&at.id)?;
    request
        .audited(Operation::RemoveMember, Some(id_of(who)), json!({}), async |rooms| {
            let permit = request.may::<ManageTeam>()?;
            let before = standing(rooms.store.member(&permit, who).await?.as_ref());
            rooms.store.remove_member(&permit, who, Effects::none()).await?;
            forget(&request);
            request.tell_change(&before, &json!(null));
            Ok(())
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// R041, D7: pauses are visible to admins, and looking is recorded.
pub async fn cooldowns(request: Identified) -> Result<Json<api::MemberCooldowns>, Problem> {
    let items = request
        .audited(Operation::ViewCooldowns, None, json!({}), async |rooms| {
            let permit = request.may::<ManageTeam>()?;
            let mut items = Vec::new();
            let mut page = PageRequest::first(200);
            loop {
                let members = rooms.store.members(&permit, &page).await?;
                for found in &members.items {
                    let (Member::User(id), Some(email)) = (found.membership.member, &found.email) else { continue };
                    for (action, cooldown) in rooms.identity.cooldowns_of(id, &email.parse()?).await? {
                        items.push(api::MemberCooldown {
                            member: id.to_string(),
                            action: action.as_str().to_owned(),
                            failures: cooldown.failures,
                            last_failure: cooldown.last_failure.to_string(),
                            until: cooldown.until.to_string(),
                        });
                    }
                }
                match members.next {
                    Some(next) => page.after = Some(next),
                    None => return Ok(items),
                }
            }
        })
        .await?;
    Ok(Json(api::MemberCooldowns { items }))
}

fn machine(account: &ServiceAccount) -> api::ServiceAccount {
    api::ServiceAccount {
        id: account.id.to_string(),
        name: account.name.clone(),
        role: account.role.map(|role| role.to_string()),
        created_at: account.created_at.to_string(),
        disabled_at: account.disabled_at.map(|at| at.to_string()),
    }
}

pub async fn machines(request: Identified) -> Result<Json<api::ServiceAccounts>, Problem> {
    let permit = request.may::<ManageTeam>()?;
    let found = request.rooms.store.service_accounts(&permit).await?;
    Ok(Json(api::ServiceAccounts { items: found.iter().map(machine).collect() }))
}

pub async fn create_machine(
    request: Identified,
    Body(body): Body<api::CreateServiceAccount>,
) -> Result<(StatusCode, Json<api::ServiceAccount>), Problem> {
    let role = role(&body.role)?;
    let name = body.name.trim().to_owned();
    if name.is_empty() || name.len() > 100 || name.chars().any(char::is_control) {
        return Err(Problem::new(Kind::BadParameter).detail("name: expected 1 to 100 characters"));
    }
    let id = ServiceAccountId::new(request.arrived.at, rand::random());
    let answer = request
        .audited(
            Operation::CreateMachine,
            Some(id.to_string()),
            json!({ "name": name, "role": role.as_str() }),
            async |rooms| {
                let permit = request.may::<ManageTeam>()?;
                rooms.store.add_service_account(&permit, id, name.clone(), role, Effects::none()).await?;
                let all = rooms.store.service_accounts(&permit).await?;
                let made = all.iter().find(|account| account.id == id).map(machine).ok_or(Kind::NotFound)?;
                request.tell_change(&json!(null), &json!(made));
                Ok(made)
            },
        )
        .await?;
    Ok((StatusCode::CREATED, Json(answer)))
}

pub async fn delete_machine(request: Identified, At(at): At<OfMember>) -> Result<StatusCode, Problem> {
    let id: ServiceAccountId = show::id(&at.id)?;
    request
        .audited(Operation::DeleteMachine, Some(id.to_string()), json!({}), async |rooms| {
            let permit = request.may::<ManageTeam>()?;
            let found = |all: Vec<ServiceAccount>| all.iter().find(|account| account.id == id).map(machine);
            let before = json!(found(rooms.store.service_accounts(&permit).await?));
            rooms.store.disable_service_account(&permit, id, Effects::none()).await?;
            forget(&request);
            request.tell_change(&before, &json!(found(rooms.store.service_accounts(&permit).await?)));
            Ok(())
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
