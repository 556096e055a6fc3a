//! One's second factor, from enrolment to its end.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use domain::Secret;
use serde_json::json;

use super::{
    links,
    sign_in::{session_answer, set_cookies, shown, told},
};
use crate::{extract::Body, operation::Operation, problems::Problem, request::Identified};

fn exposed(codes: &[Secret<String>]) -> Vec<String> {
    codes.iter().map(|code| code.expose().clone()).collect()
}

pub async fn show(request: Identified) -> Result<Json<api::SecondFactor>, Problem> {
    request.person()?;
    let standing = request.rooms.identity.second_factor(&request.caller).await?;
    Ok(Json(api::SecondFactor {
        enabled: standing.confirmed_at.is_some(),
        confirmed_at: standing.confirmed_at.map(|at| at.to_string()),
        recovery_codes_left: standing.recovery_codes_left,
    }))
}

pub async fn enrol(request: Identified) -> Result<(StatusCode, Json<api::Enrolment>), Problem> {
    request.person()?;
    let made = request
        .audited(Operation::EnrolSecondFactor, None, json!({}), async |rooms| {
            Ok(rooms.identity.begin_second_factor(&request.caller, request.arrived.at).await?)
        })
        .await?;
    let answer = api::Enrolment { secret: made.secret.expose().clone(), uri: made.uri.expose().clone() };
    Ok((StatusCode::CREATED, Json(answer)))
}

pub async fn confirm(request: Identified, Body(body): Body<api::Code>) -> Result<Response, Problem> {
    let user = request.person()?;
    let now = request.arrived.at;
    let (codes, signed_in) = request
        .audited(Operation::ConfirmSecondFactor, None, json!({}), async |rooms| {
            let code = Secret::new(body.code);
            let done = rooms.identity.confirm_second_factor(&request.caller, &code, request.browser(), now).await;
            done.map_err(told(now))
        })
        .await?;
    let rooms = request.rooms.clone();
    tokio::spawn(async move { links::tell(&rooms, user, "A second factor was added to your account.").await });
    let session = shown(&request.rooms, &signed_in, now);
    let answer = api::Confirmed { recovery_codes: exposed(&codes), signed_in: session };
    let mut response = Json(answer).into_response();
    set_cookies(&mut response, signed_in.cookies());
    Ok(response)
}

pub async fn renew_codes(request: Identified) -> Result<Json<api::RecoveryCodes>, Problem> {
    request.person()?;
    let codes = request
        .audited(Operation::RenewRecoveryCodes, None, json!({}), async |rooms| {
            Ok(rooms.identity.new_recovery_codes(&request.caller).await?)
        })
        .await?;
    Ok(Json(api::RecoveryCodes { recovery_codes: exposed(&codes) }))
}

pub async fn end(request: Identified) -> Result<Response, Problem> {
    let user = request.person()?;
    let now = request.arrived.at;
    let signed_in = request
        .audited(Operation::EndSecondFactor, None, json!({}), async |rooms| {
            Ok(rooms.identity.end_second_factor(&request.caller, request.browser(), now).await?)
        })
        .await?;
    let rooms = request.rooms.clone();
    tokio::spawn(async move { links::tell(&rooms, user, "The second factor of your account was taken away.").await });
    Ok(session_answer(&request.rooms, &signed_in, now))
}
