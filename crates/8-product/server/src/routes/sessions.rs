//! One's own sessions: a list, and their end.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use domain::SessionId;
use identity::session::Method;
use serde::Deserialize;
use serde_json::json;

use super::{show, sign_in::set_cookies};
use crate::{
    extract::At,
    operation::Operation,
    problems::{Kind, Problem},
    request::Identified,
};

pub async fn list(request: Identified) -> Result<Json<api::Sessions>, Problem> {
    request.person()?;
    let found = request.rooms.identity.sessions_of(&request.caller, request.arrived.at).await?;
    let current = request.caller.session();
    let shown = |session: identity::session::SessionRecord| api::Session {
        id: session.id.to_string(),
        client: session.client.to_string(),
        user_agent: session.user_agent,
        method: match session.method {
            Method::Password => "password",
            Method::SecondFactor => "second_factor",
            Method::Organisation => "organisation",
        }
        .to_owned(),
        created_at: session.created_at.to_string(),
        last_seen_at: session.last_seen_at.map(|at| at.to_string()),
        expires_at: session.expires_at.to_string(),
        current: Some(session.id) == current,
    };
    Ok(Json(api::Sessions { items: found.into_iter().map(shown).collect() }))
}

#[derive(Deserialize)]
pub struct OfSession {
    id: String,
}

/// A session of somebody else is not there.
pub async fn end(request: Identified, At(at): At<OfSession>) -> Result<Response, Problem> {
    request.person()?;
    let id: SessionId = show::id(&at.id)?;
    request
        .audited(Operation::EndSession, Some(id.to_string()), json!({}), async |rooms| {
            let own = rooms.identity.sessions_of(&request.caller, request.arrived.at).await?;
            own.iter().find(|session| session.id == id).ok_or(Kind::NotFound)?;
            Ok(rooms.identity.end_session(id, request.arrived.at).await?)
        })
        .await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    if request.caller.session() == Some(id) {
        set_cookies(&mut response, identity::cookies::cleared());
    }
    Ok(response)
}

pub async fn end_others(request: Identified) -> Result<StatusCode, Problem> {
    let user = request.person()?;
    request
        .audited(Operation::EndOtherSessions, None, json!({}), async |rooms| {
            Ok(rooms.identity.end_other_sessions(user, request.caller.session(), request.arrived.at).await?)
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
