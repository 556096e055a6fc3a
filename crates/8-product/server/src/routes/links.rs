//! Links that go out by mail: an address is confirmed, a password is set anew. Whoever asks for a mail gets the same
//! answer in the same time, whether the address has an account or not: what depends on it happens after the answer.

use axum::{
    Extension, Form, Json,
    extract::{State, rejection::FormRejection},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use domain::{Secret, Timestamp};
use edge::Arrived;
use identity::{Email, cooldown::CooldownAction, mail_links::MailLink};
use serde::Deserialize;

use super::sign_in::{Link, audited_stranger, form, told};
use crate::{
    extract::{Asked, Body},
    operation::Operation,
    pages,
    problems::{Kind, Problem},
    rooms::{Rooms, texts},
};

/// Sends the link, if there is one to send.
async fn mail(rooms: &Rooms, found: Result<Option<MailLink>, identity::Error>, page: &str) {
    match found {
        Ok(Some(link)) => {
            let address = rooms.post.link(page, &link.token);
            let to = link.to.as_str();
            let mail =
                if page == "reset-password" { texts::reset(to, &address) } else { texts::verification(to, &address) };
            rooms.post.send(mail).await;
        }
        Ok(None) => {}
        Err(error) => tracing::warn!(%error, "a link was not made"),
    }
}

/// Mails a link that confirms the address of an account that awaits it.
pub(super) async fn mail_verification(rooms: Rooms, to: Email, now: Timestamp) {
    if rooms.post.is_there() {
        let link = rooms.identity.verification_link(&to, now).await;
        mail(&rooms, link, "verify-email").await;
    }
}

async fn mail_reset(rooms: Rooms, to: Email, now: Timestamp) {
    if rooms.post.is_there() {
        let link = rooms.identity.reset_link(&to, now).await;
        mail(&rooms, link, "reset-password").await;
    } else {
        tracing::info!(
            "a new password was asked for and no mail server is set: `nodeloom user reset-link` prints a link"
        );
    }
}

/// Mails a link that makes this address the account's.
pub(super) async fn mail_change(rooms: &Rooms, found: Result<Option<MailLink>, identity::Error>) {
    mail(rooms, found, "verify-email").await;
}

/// R031: each mail begins a pause, for addresses without an account too.
async fn asked(
    rooms: &Rooms,
    arrived: &Arrived,
    headers: &HeaderMap,
    email: &str,
    action: CooldownAction,
) -> Result<Email, Problem> {
    rooms.identity.require_own_origin(headers)?;
    let email: Email = email.parse()?;
    rooms.identity.may_mail(action, &email, arrived.at).await.map_err(told(arrived.at))?;
    Ok(email)
}

pub async fn ask_verification(
    State(rooms): State<Rooms>,
    Extension(arrived): Extension<Arrived>,
    headers: HeaderMap,
    Body(body): Body<api::ToAddress>,
) -> Result<(StatusCode, Json<api::Taken>), Problem> {
    let email = audited_stranger(&rooms, &arrived, Operation::AskVerification, async |rooms| {
        asked(rooms, &arrived, &headers, &body.email, CooldownAction::Resend).await
    })
    .await?;
    tokio::spawn(mail_verification(rooms, email, arrived.at));
    Ok((StatusCode::ACCEPTED, Json(api::Taken {})))
}

pub async fn ask_reset(
    State(rooms): State<Rooms>,
    Extension(arrived): Extension<Arrived>,
    headers: HeaderMap,
    Body(body): Body<api::ToAddress>,
) -> Result<(StatusCode, Json<api::Taken>), Problem> {
    let email = audited_stranger(&rooms, &arrived, Operation::AskReset, async |rooms| {
        asked(rooms, &arrived, &headers, &body.email, CooldownAction::Reset).await
    })
    .await?;
    tokio::spawn(mail_reset(rooms, email, arrived.at));
    Ok((StatusCode::ACCEPTED, Json(api::Taken {})))
}

async fn confirmed(rooms: &Rooms, arrived: &Arrived, headers: &HeaderMap, token: String) -> Result<(), Problem> {
    audited_stranger(rooms, arrived, Operation::ConfirmEmail, async |rooms| {
        rooms.identity.require_own_origin(headers)?;
        Ok(rooms.identity.confirm_email(&Secret::new(token), arrived.at).await?)
    })
    .await
    .map(drop)
}

pub async fn confirm_email(
    State(rooms): State<Rooms>,
    Extension(arrived): Extension<Arrived>,
    headers: HeaderMap,
    Body(body): Body<api::LinkToken>,
) -> Result<StatusCode, Problem> {
    confirmed(&rooms, &arrived, &headers, body.token).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn set_anew(
    rooms: &Rooms,
    arrived: &Arrived,
    headers: &HeaderMap,
    token: String,
    password: String,
) -> Result<(), Problem> {
    let user = audited_stranger(rooms, arrived, Operation::ResetPassword, async |rooms| {
        let (token, password) = (Secret::new(token), Secret::new(password));
        Ok(rooms.identity.reset_password(&token, password, headers, arrived.at).await?)
    })
    .await?;
    let rooms = rooms.clone();
    tokio::spawn(async move { tell(&rooms, user, "Your password was set anew. Every session has ended.").await });
    Ok(())
}

pub async fn reset_password(
    State(rooms): State<Rooms>,
    Extension(arrived): Extension<Arrived>,
    headers: HeaderMap,
    Body(body): Body<api::ResetPassword>,
) -> Result<StatusCode, Problem> {
    set_anew(&rooms, &arrived, &headers, body.token, body.password).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tells a person what happened to their account, by mail where that is possible.
pub(super) async fn tell(rooms: &Rooms, user: domain::UserId, what: &str) {
    let system = authz::act_as_system("a person is told of a change to their account");
    if !rooms.post.is_there() {
        return;
    }
    match rooms.store.user(system, user).await {
        Ok(Some(user)) => drop(rooms.post.send(texts::changed(&user.email, what)).await),
        Ok(None) => {}
        Err(error) => tracing::warn!(%error, "a person was not told of a change"),
    }
}

pub async fn verify_page(Asked(link): Asked<Link>) -> Response {
    pages::verify_email(&link.token)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifyForm {
    token: String,
}

/// The form of the page: a mail scanner that opens the link confirms nothing.
pub async fn verify_form(
    State(rooms): State<Rooms>,
    Extension(arrived): Extension<Arrived>,
    headers: HeaderMap,
    sent: Result<Form<VerifyForm>, FormRejection>,
) -> Result<Response, Problem> {
    let sent = form(sent)?;
    match confirmed(&rooms, &arrived, &headers, sent.token).await {
        Ok(()) => Ok(pages::told("Address confirmed", "Your e-mail address is confirmed. You can sign in now.")),
        Err(problem) if problem.kind() == Kind::LinkUsed => Ok(pages::link_gone()),
        Err(problem) => Err(problem),
    }
}

pub async fn reset_page(
    State(rooms): State<Rooms>,
    Extension(arrived): Extension<Arrived>,
    Asked(link): Asked<Link>,
) -> Result<Response, Problem> {
    match rooms.identity.reset_link_is_good(&Secret::new(link.token.clone()), arrived.at).await {
        Ok(()) => Ok(pages::reset_password(&link.token, None)),
        Err(identity::Error::Link) => Ok(pages::link_gone()),
        Err(error) => Err(error.into()),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResetForm {
    token: String,
    password: String,
}

pub async fn reset_form(
    State(rooms): State<Rooms>,
    Extension(arrived): Extension<Arrived>,
    headers: HeaderMap,
    sent: Result<Form<ResetForm>, FormRejection>,
) -> Result<Response, Problem> {
    let sent = form(sent)?;
    let token = sent.token.clone();
    match set_anew(&rooms, &arrived, &headers, sent.token, sent.password).await {
        Ok(()) => Ok(pages::told("Password set", "Your new password is set. Sign in with it now.")),
        Err(problem) if problem.kind() == Kind::LinkUsed => Ok(pages::link_gone()),
        Err(problem) if problem.kind() == Kind::WeakPassword => {
            Ok(pages::reset_password(&token, Some(&problem.sentence())))
        }
        Err(problem) => Err(problem),
    }
}
