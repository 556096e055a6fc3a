//! Set-up, sign-in, sessions and API keys.

use std::time::Duration;

use authz::{Permission, action::ManageTeam};
use axum::{
    Extension, Form, Json,
    extract::{State, rejection::FormRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{ApiKeyId, AuditSubject, Principal, Role, Secret};
use edge::Arrived;
use identity::{KeyOwner, NewApiKey, SignedIn, session::Browser};
use recorder::Act;
use serde::Deserialize;
use serde_json::json;
use store::{Effects, people::Membership};

use super::show;
use crate::{
    extract::{Asked, At, Body},
    limits,
    operation::Operation,
    pages,
    problems::{Kind, Problem},
    request::{Identified, nobody},
    rooms::{Rooms, stored_key},
};

const KEY_DAYS: u32 = 90;
const DAY: Duration = Duration::from_secs(24 * 3600);

#[derive(Deserialize)]
pub struct Link {
    #[serde(default)]
    token: String,
}

pub async fn set_up_page(Asked(link): Asked<Link>) -> Response {
    pages::set_up(&link.token, None)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetUpForm {
    token: String,
    email: String,
    password: String,
}

/// The form of the set-up page: makes the first admin, signs in, shows a key for the command line.
pub async fn set_up(
    State(rooms): State<Rooms>,
    Extension(arrived): Extension<Arrived>,
    headers: HeaderMap,
    form: Result<Form<SetUpForm>, FormRejection>,
) -> Result<Response, Problem> {
    limits::by_address(&rooms, &arrived).await?;
    limits::authentication(&rooms, &arrived).await?;
    let Form(form) = form.map_err(|error| match error {
        FormRejection::InvalidFormContentType(_) => {
            Problem::new(Kind::UnsupportedMediaType).detail("expected application/x-www-form-urlencoded")
        }
        error => Problem::new(Kind::BadParameter).detail(error.body_text()),
    })?;
    let token = form.token.clone();
    let email = form.email.clone();
    let done = audited_stranger(&rooms, &arrived, Operation::SetUp, async |rooms| {
        let form = identity::setup::SetUp {
            token: Secret::new(form.token),
            name: form.email.split('@').next().unwrap_or_default().to_owned(),
            email: form.email,
            password: Secret::new(form.password),
            team_name: "Main".to_owned(),
        };
        let done = rooms.identity.set_up(form, &headers, browser(&arrived, &headers), arrived.at).await?;
        let system = authz::act_as_system("the first admin joins the teams that the first start made");
        for team in rooms.store.teams(system).await? {
            let membership = Membership {
                team: team.id,
                member: store::people::Member::User(done.user),
                role: Role::Admin,
                source: "setup".to_owned(),
                created_at: arrived.at,
            };
            rooms.store.put_membership(system, membership, Effects::none()).await?;
        }
        let new = NewApiKey {
            name: "first key".to_owned(),
            team: rooms.team("demo").await?.unwrap_or(done.team),
            owner: KeyOwner::User(done.user),
            permissions: None,
            environments: None,
            addresses: Vec::new(),
            life: Some(DAY * KEY_DAYS),
        };
        let (value, record) = new.make(arrived.at);
        rooms.store.add_own_api_key(system, stored_key(&record), Effects::none()).await?;
        rooms.identity.forget_memberships();
        Ok((done.signed_in, value))
    })
    .await;
    match done {
        Ok((signed_in, key)) => {
            let mut response = pages::set_up_done(&email, key.expose());
            set_cookies(&mut response, signed_in.cookies());
            Ok(response)
        }
        Err(problem) if problem.kind() == Kind::SetupUsed => Ok(pages::set_up_gone()),
        Err(problem) => match problem.kind() {
            Kind::WeakPassword | Kind::BadParameter => Ok(pages::set_up(&token, Some(&problem.sentence()))),
            _ => Err(problem),
        },
    }
}

fn browser(arrived: &Arrived, headers: &HeaderMap) -> Browser {
    let agent = headers.get(header::USER_AGENT).map(|agent| String::from_utf8_lossy(agent.as_bytes()).into_owned());
    Browser { client: arrived.client, user_agent: agent }
}

fn set_cookies(response: &mut Response, cookies: Vec<HeaderValue>) {
    for cookie in cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

/// The audit wrapper for acts before there is a caller.
async fn audited_stranger<T>(
    rooms: &Rooms,
    arrived: &Arrived,
    operation: Operation,
    act: impl AsyncFnOnce(&Rooms) -> Result<T, Problem>,
) -> Result<T, Problem> {
    let subject: AuditSubject = nobody(Some(arrived.client));
    let wanted = Act {
        scope: None,
        subject,
        request: Some(arrived.request_id),
        operation: operation.name().to_owned(),
        target: None,
        detail: json!({}),
    };
    let intent = rooms.recorder.intent(wanted).await?;
    let done = act(rooms).await;
    let (result, detail) = crate::request::outcome(&done);
    intent.outcome(result, detail).await?;
    done
}

pub async fn sign_in(
    State(rooms): State<Rooms>,
    Extension(arrived): Extension<Arrived>,
    headers: HeaderMap,
    Body(body): Body<api::SignIn>,
) -> Result<Response, Problem> {
    limits::by_address(&rooms, &arrived).await?;
    limits::authentication(&rooms, &arrived).await?;
    let signed_in = audited_stranger(&rooms, &arrived, Operation::SignIn, async |rooms| {
        let browser = browser(&arrived, &headers);
        Ok(rooms.identity.sign_in(&body.email, Secret::new(body.password), &headers, browser, arrived.at).await?)
    })
    .await?;
    Ok(session_answer(&rooms, &arrived, &signed_in))
}

pub async fn refresh(
    State(rooms): State<Rooms>,
    Extension(arrived): Extension<Arrived>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    limits::by_address(&rooms, &arrived).await?;
    limits::authentication(&rooms, &arrived).await?;
    let signed_in = audited_stranger(&rooms, &arrived, Operation::RefreshSession, async |rooms| {
        Ok(rooms.identity.refresh(&headers, arrived.at).await?)
    })
    .await?;
    Ok(session_answer(&rooms, &arrived, &signed_in))
}

fn session_answer(rooms: &Rooms, arrived: &Arrived, signed_in: &SignedIn) -> Response {
    let body = api::SignedIn {
        user: signed_in.user.to_string(),
        csrf_token: signed_in.csrf.clone(),
        expires_at: (arrived.at + rooms.identity.policy().access_life).to_string(),
    };
    let mut response = Json(body).into_response();
    set_cookies(&mut response, signed_in.cookies());
    response
}

pub async fn sign_out(request: Identified) -> Result<Response, Problem> {
    request
        .audited(Operation::SignOut, None, json!({}), async |rooms| match request.caller.session() {
            Some(session) => Ok(rooms.identity.end_session(session, request.arrived.at).await?),
            None => Err(Problem::new(Kind::BadParameter).detail("an API key has no session to end")),
        })
        .await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    set_cookies(&mut response, identity::cookies::cleared());
    Ok(response)
}

pub async fn me(request: Identified) -> Result<Json<api::Me>, Problem> {
    let system = authz::act_as_system("a caller asks which teams it belongs to");
    let all = request.rooms.store.teams(system).await?;
    let teams = request.caller.teams().await?;
    let known = |id| all.iter().find(|team| team.id == id);
    let email = match request.caller.principal() {
        Principal::User { id } => request.rooms.store.user(system, id).await?.map(|user| user.email),
        _ => None,
    };
    Ok(Json(api::Me {
        principal: request.caller.principal().to_string(),
        email,
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

fn shown(key: &store::people::ApiKeyShown) -> api::ApiKey {
    api::ApiKey {
        id: key.id.to_string(),
        name: key.name.clone(),
        prefix: key.prefix.clone(),
        created_at: key.created_at.to_string(),
        expires_at: key.expires_at.map(|at| at.to_string()),
        last_used_at: key.last_used_at.map(|at| at.to_string()),
    }
}

pub async fn list_keys(
    request: Identified,
    Asked(asked): Asked<show::Paging>,
) -> Result<Json<api::Page<api::ApiKey>>, Problem> {
    let permit = request.may::<ManageTeam>()?;
    let page = request.rooms.store.api_keys(&permit, &show::paging(asked.limit, asked.cursor)?).await?;
    Ok(Json(show::page(page, |key| shown(&key))))
}

/// The key that asks, when it is one.
async fn bounds_of(request: &Identified) -> Result<Option<store::people::ApiKeyShown>, Problem> {
    let Some(id) = request.caller.api_key() else { return Ok(None) };
    let system = authz::act_as_system("a key that makes another hands on its own bounds");
    Ok(Some(request.rooms.store.api_key_by_id(system, id).await?.ok_or(Kind::NotSignedIn)?))
}

/// What is wished, or else what the asking key has; never more than that.
fn within<T: Copy + PartialEq>(own: Option<&[T]>, wanted: Option<Vec<T>>) -> Result<Option<Vec<T>>, Problem> {
    match (own, wanted) {
        (Some(own), Some(wanted)) if !wanted.iter().all(|one| own.contains(one)) => {
            Err(Problem::new(Kind::Forbidden).detail("a key cannot make one that may more than itself"))
        }
        (Some(own), None) => Ok(Some(own.to_vec())),
        (_, wanted) => Ok(wanted),
    }
}

/// A key of the caller's own: it never may more than its owner, nor than the key that makes it.
pub async fn create_key(
    request: Identified,
    Body(body): Body<api::CreateApiKey>,
) -> Result<(StatusCode, Json<api::NewApiKey>), Problem> {
    let bad = |text: String| Problem::new(Kind::BadParameter).detail(text);
    let owner = match request.caller.principal() {
        Principal::User { id } | Principal::ApiKey { owner: id, .. } => KeyOwner::User(id),
        Principal::ServiceAccount { id } => KeyOwner::ServiceAccount(id),
        Principal::Trigger { .. } | Principal::System => return Err(Kind::Forbidden.into()),
    };
    let days = body.expires_in_days.unwrap_or(KEY_DAYS);
    if !(1..=365).contains(&days) {
        return Err(bad("expires_in_days: expected 1 to 365".into()));
    }
    if body.name.trim().is_empty() || body.name.len() > 100 {
        return Err(bad("name: expected 1 to 100 characters".into()));
    }
    let permissions = body
        .permissions
        .map(|names| {
            let read = |name: String| {
                Permission::ALL
                    .iter()
                    .find(|p| p.name() == name)
                    .copied()
                    .ok_or_else(|| bad(format!("permissions: there is no {name:?}")))
            };
            names.into_iter().map(read).collect::<Result<Vec<_>, _>>()
        })
        .transpose()?;
    let environments = body
        .environments
        .map(|names| {
            names
                .iter()
                .map(|name| {
                    name.parse()
                        .map_err(|error: domain::scope::UnknownEnvironment| bad(format!("environments: {error}")))
                })
                .collect::<Result<Vec<_>, _>>()
        })
        .transpose()?;
    if matches!(owner, KeyOwner::ServiceAccount(_)) && (permissions.is_some() || environments.is_some()) {
        // What such a key starts acts for the account: a narrower key would promise what its runs do not keep.
        return Err(bad("permissions, environments: a key of an account for machines has that account's whole role; \
                        give the account a smaller role, or make a narrower key of a person"
            .into()));
    }
    let bounds = bounds_of(&request).await?;
    let new = NewApiKey {
        name: body.name,
        team: request.actor()?.scope().team,
        owner,
        permissions: within(bounds.as_ref().and_then(|own| own.permissions.as_deref()), permissions)?,
        environments: within(bounds.as_ref().and_then(|own| own.environments.as_deref()), environments)?,
        addresses: bounds
            .iter()
            .flat_map(|own| &own.addresses)
            .map(|range| range.parse().map_err(Problem::internal))
            .collect::<Result<_, _>>()?,
        life: Some(DAY * days),
    };
    let (value, record) = new.make(request.arrived.at);
    let stored = stored_key(&record);
    let answer = api::NewApiKey { key: shown(&stored.shown), value: value.expose().clone() };
    request
        .audited(Operation::CreateApiKey, Some(record.id.to_string()), json!({ "name": record.name }), async |rooms| {
            let permit = request.may::<ManageTeam>()?;
            Ok(rooms.store.add_api_key(&permit, stored, Effects::none()).await?)
        })
        .await?;
    Ok((StatusCode::CREATED, Json(answer)))
}

#[derive(Deserialize)]
pub struct OfKey {
    id: String,
}

pub async fn revoke_key(request: Identified, At(at): At<OfKey>) -> Result<StatusCode, Problem> {
    let id: ApiKeyId = show::id(&at.id)?;
    request
        .audited(Operation::RevokeApiKey, Some(id.to_string()), json!({}), async |rooms| {
            let permit = request.may::<ManageTeam>()?;
            Ok(rooms.store.revoke_api_key(&permit, id, Effects::none()).await?)
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
