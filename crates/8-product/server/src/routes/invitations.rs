//! Invitations: an admin's side, and the side of whoever has the link.

use authz::action::ManageTeam;
use axum::{
    Extension, Form, Json,
    extract::{State, rejection::FormRejection},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use domain::{InvitationId, Role, Secret};
use edge::Arrived;
use identity::{Email, cooldown::CooldownAction, invitation::Accept};
use serde::Deserialize;
use serde_json::json;
use store::{
    Effects,
    mails::MailState,
    people::{Invitation, InvitationLink},
};

use super::{
    show,
    sign_in::{Link, audited_stranger, browser, form, set_cookies, shown as shown_session, told},
};
use crate::{
    extract::{Asked, At, Body},
    operation::Operation,
    pages,
    problems::{Kind, Problem},
    request::Identified,
    rooms::{Delivery, Rooms, texts},
};

fn shown(found: &Invitation) -> api::Invitation {
    api::Invitation {
        id: found.id.to_string(),
        email: found.email.clone(),
        role: found.role.to_string(),
        created_at: found.created_at.to_string(),
        sent_at: found.sent_at.to_string(),
        expires_at: found.expires_at.to_string(),
        delivery: None,
        link: None,
    }
}

pub(super) fn role(text: &str) -> Result<Role, Problem> {
    text.parse().map_err(|error: domain::principal::UnknownRole| {
        Problem::new(Kind::BadParameter).detail(format!("role: {error}"))
    })
}

pub async fn list(request: Identified) -> Result<Json<api::Invitations>, Problem> {
    let permit = request.may::<ManageTeam>()?;
    let found = request.rooms.store.invitations(&permit).await?;
    let system = authz::act_as_system("an admin sees which invitations did not arrive");
    let mut items = Vec::with_capacity(found.len());
    for one in &found {
        let standing = request.rooms.store.mail_about(system, &one.id.to_string()).await?;
        let delivery = standing.map(|state| match state {
            MailState::Waiting => Delivery::Retrying.as_str().to_owned(),
            MailState::Dead => Delivery::Failed.as_str().to_owned(),
        });
        items.push(api::Invitation { delivery, ..shown(one) });
    }
    Ok(Json(api::Invitations { items }))
}

/// Hands the link over: by mail, or in the answer where no mail server is configured.
async fn hand_over(rooms: &Rooms, found: &Invitation, token: &Secret<String>) -> api::Invitation {
    let link = rooms.post.link("invitation", token);
    let mut answer = shown(found);
    if rooms.post.is_there() {
        let days = rooms.identity.policy().invitation_life.as_secs() / (24 * 3600);
        let mail = texts::invitation(&found.email, &found.team_name, found.role, &link, days);
        answer.delivery = Some(rooms.post.send_about(mail, found.id.to_string()).await.as_str().to_owned());
    } else {
        (answer.delivery, answer.link) = (Some("link".to_owned()), Some(link));
    }
    answer
}

pub async fn create(
    request: Identified,
    Body(body): Body<api::Invite>,
) -> Result<(StatusCode, Json<api::Invitation>), Problem> {
    let (email, role): (Email, Role) = (body.email.parse()?, role(&body.role)?);
    let now = request.arrived.at;
    let id = InvitationId::new(now, rand::random());
    let answer = request
        .audited(Operation::Invite, Some(id.to_string()), json!({ "role": role.as_str() }), async |rooms| {
            let permit = request.may::<ManageTeam>()?;
            let team = permit.scope().team.uuid();
            let key =
                rooms.identity.cooldown_key(CooldownAction::Invite, &[team.as_bytes(), email.as_str().as_bytes()]);
            rooms.identity.take_turn(&key, now).await.map_err(told(now))?;
            let (token, hash) = rooms.identity.new_link();
            let link = InvitationLink {
                hash: *hash.bytes(),
                by_mail: rooms.post.is_there(),
                expires_at: now + rooms.identity.policy().invitation_life,
            };
            rooms.store.invite(&permit, id, email.to_string(), role, link, Effects::none()).await?;
            let found = rooms.store.invitation(&permit, id).await?.ok_or(Kind::NotFound)?;
            Ok(hand_over(rooms, &found, &token).await)
        })
        .await?;
    Ok((StatusCode::CREATED, Json(answer)))
}

#[derive(Deserialize)]
pub struct OfInvitation {
    id: String,
}

pub async fn resend(request: Identified, At(at): At<OfInvitation>) -> Result<Json<api::Invitation>, Problem> {
    let id: InvitationId = show::id(&at.id)?;
    let now = request.arrived.at;
    let answer = request
        .audited(Operation::ResendInvitation, Some(id.to_string()), json!({}), async |rooms| {
            let permit = request.may::<ManageTeam>()?;
            let found = rooms.store.invitation(&permit, id).await?.ok_or(Kind::NotFound)?;
            let team = permit.scope().team.uuid();
            let key = rooms.identity.cooldown_key(CooldownAction::Invite, &[team.as_bytes(), found.email.as_bytes()]);
            rooms.identity.take_turn(&key, now).await.map_err(told(now))?;
            let (token, hash) = rooms.identity.new_link();
            let link = InvitationLink {
                hash: *hash.bytes(),
                by_mail: rooms.post.is_there(),
                expires_at: now + rooms.identity.policy().invitation_life,
            };
            rooms.store.renew_invitation(&permit, id, link, Effects::none()).await?;
            let found = rooms.store.invitation(&permit, id).await?.ok_or(Kind::NotFound)?;
            Ok(hand_over(rooms, &found, &token).await)
        })
        .await?;
    Ok(Json(answer))
}

pub async fn revoke(request: Identified, At(at): At<OfInvitation>) -> Result<StatusCode, Problem> {
    let id: InvitationId = show::id(&at.id)?;
    request
        .audited(Operation::RevokeInvitation, Some(id.to_string()), json!({}), async |rooms| {
            let permit = request.may::<ManageTeam>()?;
            rooms.store.revoke_invitation(&permit, id, Effects::none()).await?;
            rooms.post.forget(id.to_string()).await;
            Ok(())
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn look(
    State(rooms): State<Rooms>,
    Extension(arrived): Extension<Arrived>,
    Body(body): Body<api::LinkToken>,
) -> Result<Json<api::InvitedTo>, Problem> {
    let (found, has_account) = rooms.identity.invitation(&Secret::new(body.token), arrived.at).await?;
    Ok(Json(api::InvitedTo {
        team: found.team_name,
        email: found.email.to_string(),
        role: found.role.to_string(),
        expires_at: found.expires_at.to_string(),
        has_account,
    }))
}

async fn accepted(
    rooms: &Rooms,
    arrived: &Arrived,
    headers: &HeaderMap,
    accept: Accept,
) -> Result<identity::invitation::Joined, Problem> {
    audited_stranger(rooms, arrived, Operation::AcceptInvitation, async |rooms| {
        let done = rooms.identity.accept_invitation(accept, headers, browser(arrived, headers), arrived.at).await;
        done.map_err(told(arrived.at))
    })
    .await
}

pub async fn accept(
    State(rooms): State<Rooms>,
    Extension(arrived): Extension<Arrived>,
    headers: HeaderMap,
    Body(body): Body<api::AcceptInvitation>,
) -> Result<Response, Problem> {
    let name = body.name.unwrap_or_default();
    let form = Accept { token: Secret::new(body.token), name, password: Secret::new(body.password) };
    let joined = accepted(&rooms, &arrived, &headers, form).await?;
    let answer = api::Joined {
        team: joined.team.to_string(),
        role: joined.role.to_string(),
        email: joined.email.to_string(),
        signed_in: joined.signed_in.as_ref().map(|signed_in| shown_session(&rooms, signed_in, arrived.at)),
    };
    let mut response = Json(answer).into_response();
    if let Some(signed_in) = &joined.signed_in {
        set_cookies(&mut response, signed_in.cookies());
    }
    Ok(response)
}

pub async fn page(
    State(rooms): State<Rooms>,
    Extension(arrived): Extension<Arrived>,
    Asked(link): Asked<Link>,
) -> Result<Response, Problem> {
    match rooms.identity.invitation(&Secret::new(link.token.clone()), arrived.at).await {
        Ok((found, known)) => Ok(pages::invitation(&link.token, &found, known, None)),
        Err(identity::Error::Link) => Ok(pages::link_gone()),
        Err(error) => Err(error.into()),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcceptForm {
    token: String,
    #[serde(default)]
    name: String,
    password: String,
}

pub async fn page_form(
    State(rooms): State<Rooms>,
    Extension(arrived): Extension<Arrived>,
    headers: HeaderMap,
    sent: Result<Form<AcceptForm>, FormRejection>,
) -> Result<Response, Problem> {
    let sent = form(sent)?;
    let token = Secret::new(sent.token);
    let accept = Accept { token: token.clone(), name: sent.name, password: Secret::new(sent.password) };
    let problem = match accepted(&rooms, &arrived, &headers, accept).await {
        Ok(joined) => {
            let mut response = pages::told(
                "Welcome",
                match joined.signed_in {
                    Some(_) => "You have joined the team and are signed in.",
                    None => "You have joined the team. Sign in as always.",
                },
            );
            if let Some(signed_in) = &joined.signed_in {
                set_cookies(&mut response, signed_in.cookies());
            }
            return Ok(response);
        }
        Err(problem) => problem,
    };
    match problem.kind() {
        Kind::LinkUsed => Ok(pages::link_gone()),
        Kind::WeakPassword | Kind::WrongCredentials => {
            let (found, known) = rooms.identity.invitation(&token, arrived.at).await?;
            Ok(pages::invitation(token.expose(), &found, known, Some(&problem.sentence())))
        }
        _ => Err(problem),
    }
}
