//! Set-up, sign-in in one step or two, renewal and sign-out.

use std::time::Duration;

use axum::{
    Extension, Form, Json,
    extract::{State, rejection::FormRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{AuditSubject, Role, Secret, Timestamp};
use edge::Arrived;
use identity::{KeyOwner, NewApiKey, SignedIn, session::Browser, sign_in::Step};
use recorder::Act;
use serde::Deserialize;
use serde_json::json;
use store::{Effects, people::Membership};

use super::links;
use crate::{
    extract::{Asked, Body},
    operation::Operation,
    pages,
    problems::{Kind, Problem},
    request::{Identified, nobody},
    rooms::{Rooms, stored_key},
};

/// Days that the key of a set-up works.
const KEY_DAYS: u32 = 90;
const DAY: Duration = Duration::from_secs(24 * 3600);

#[derive(Deserialize)]
pub struct Link {
    #[serde(default)]
    pub token: String,
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

/// A form, or a problem like everywhere else.
pub(super) fn form<T>(form: Result<Form<T>, FormRejection>) -> Result<T, Problem> {
    form.map(|Form(form)| form).map_err(|error| match error {
        FormRejection::InvalidFormContentType(_) => {
            Problem::new(Kind::UnsupportedMediaType).detail("expected application/x-www-form-urlencoded")
        }
        error => Problem::new(Kind::BadParameter).detail(error.body_text()),
    })
}

/// The form of the set-up page: makes the first admin, signs in, shows a key for the command line.
pub async fn set_up(
    State(rooms): State<Rooms>,
    Extension(arrived): Extension<Arrived>,
    headers: HeaderMap,
    sent: Result<Form<SetUpForm>, FormRejection>,
) -> Result<Response, Problem> {
    let sent = form(sent)?;
    let (token, email) = (sent.token.clone(), sent.email.clone());
    let done = audited_stranger(&rooms, &arrived, Operation::SetUp, async |rooms| {
        let form = identity::setup::SetUp {
            token: Secret::new(sent.token),
            name: sent.email.split('@').next().unwrap_or_default().to_owned(),
            email: sent.email,
            password: Secret::new(sent.password),
            team_name: "Main".to_owned(),
            // With a mail server, the address is confirmed by a mail: what was mistyped might be a stranger's.
            verified: !rooms.post.is_there(),
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
        rooms.slugs.forget();
        Ok((done.signed_in, value))
    })
    .await;
    match done {
        Ok((signed_in, key)) => {
            if let (true, Ok(address)) = (rooms.post.is_there(), email.parse()) {
                tokio::spawn(links::mail_verification(rooms.clone(), address, arrived.at));
            }
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

pub(super) fn browser(arrived: &Arrived, headers: &HeaderMap) -> Browser {
    let agent = headers.get(header::USER_AGENT).map(|agent| String::from_utf8_lossy(agent.as_bytes()).into_owned());
    Browser { client: arrived.client, user_agent: agent }
}

pub(super) fn set_cookies(response: &mut Response, cookies: Vec<HeaderValue>) {
    for cookie in cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

/// The problem of an identity error, with the very seconds that a pause has left.
pub(super) fn told(now: Timestamp) -> impl Fn(identity::Error) -> Problem {
    move |error| match error {
        identity::Error::CoolingDown { until } => {
            Problem::new(Kind::CoolingDown).retry_after(until.since(now).as_secs().max(1))
        }
        error => error.into(),
    }
}

/// The audit wrapper for acts before there is a caller.
pub(super) async fn audited_stranger<T>(
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
    // Past the queue an attempt is counted and not entered: what comes faster than it can be judged fills no disk.
    let _turn =
        rooms.identity.passwords().turn().inspect_err(|_| rooms.refused_anonymously(&arrived, Kind::TooBusy))?;
    let step = audited_stranger(&rooms, &arrived, Operation::SignIn, async |rooms| {
        let (browser, password) = (browser(&arrived, &headers), Secret::new(body.password));
        rooms.identity.sign_in(&body.email, password, &headers, browser, arrived.at).await.map_err(told(arrived.at))
    })
    .await?;
    Ok(match step {
        Step::SignedIn(signed_in) => session_answer(&rooms, &signed_in, arrived.at),
        Step::SecondFactor(pending) => {
            let expires_at = pending.expires_at.to_string();
            let needed = api::SecondStepNeeded { pending: pending.token.expose().clone(), expires_at };
            Json(api::SignInAnswer::SecondStep(needed)).into_response()
        }
    })
}

pub async fn second_step(
    State(rooms): State<Rooms>,
    Extension(arrived): Extension<Arrived>,
    headers: HeaderMap,
    Body(body): Body<api::SecondStep>,
) -> Result<Response, Problem> {
    let signed_in = audited_stranger(&rooms, &arrived, Operation::SecondStep, async |rooms| {
        let (pending, code) = (Secret::new(body.pending), Secret::new(body.code));
        let browser = browser(&arrived, &headers);
        let done = rooms.identity.second_step(&pending, &code, &headers, browser, arrived.at).await;
        done.map_err(told(arrived.at))
    })
    .await?;
    Ok(session_answer(&rooms, &signed_in, arrived.at))
}

pub async fn refresh(
    State(rooms): State<Rooms>,
    Extension(arrived): Extension<Arrived>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let signed_in = audited_stranger(&rooms, &arrived, Operation::RefreshSession, async |rooms| {
        Ok(rooms.identity.refresh(&headers, arrived.at).await?)
    })
    .await?;
    Ok(session_answer(&rooms, &signed_in, arrived.at))
}

/// A session as its answer's body says it.
pub(super) fn shown(rooms: &Rooms, signed_in: &SignedIn, now: Timestamp) -> api::SignedIn {
    api::SignedIn {
        user: signed_in.user.to_string(),
        csrf_token: signed_in.csrf.clone(),
        expires_at: (now + rooms.identity.policy().access_life).to_string(),
    }
}

/// The same with its cookies.
pub(super) fn session_answer(rooms: &Rooms, signed_in: &SignedIn, now: Timestamp) -> Response {
    let mut response = Json(shown(rooms, signed_in, now)).into_response();
    set_cookies(&mut response, signed_in.cookies());
    response
}

pub async fn sign_out(request: Identified) -> Result<Response, Problem> {
    request
        .audited(Operation::SignOut, None, json!({}), async |rooms| match request.caller.session() {
            Some(session) => Ok(rooms.identity.end_session(session, request.arrived.at).await?),
            None => Err(Problem::new(Kind::Forbidden).detail("an API key has no session to end")),
        })
        .await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    set_cookies(&mut response, identity::cookies::cleared());
    Ok(response)
}
