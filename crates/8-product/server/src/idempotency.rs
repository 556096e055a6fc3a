//! `Idempotency-Key` on every POST of a team: the same request again gets the same answer and happens once.
//!
//! Answers are kept for 24 hours, sealed: one of them may show an API key. Starting a run keeps its own record of keys,
//! in the transaction that starts it, so those routes pass through.

use std::time::Duration;

use authz::Actor;
use aws_lc_rs::digest;
use axum::{
    body::{Body, to_bytes},
    extract::{FromRequestParts, Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use store::records::{Begun, KeptAnswer};
use vault::{Bound, Purpose};

use crate::{
    operation::Operation,
    problems::{Kind, Problem},
    request::Identified,
    rooms::Rooms,
    route::{Access, Facts},
    routes::idempotency_key,
};

const KEPT: Duration = Duration::from_secs(24 * 3600);
/// Answers are JSON documents of ours; this is far above the largest.
const LARGEST_ANSWER: usize = 8 * 1024 * 1024;

/// Stands around every route; does something only where there is a key.
pub async fn once(State(rooms): State<Rooms>, request: Request, next: Next) -> Response {
    match answer(rooms, request, next).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn answer(rooms: Rooms, request: Request, next: Next) -> Result<Response, Problem> {
    let facts = request.extensions().get::<Facts>().copied();
    let ours = facts.is_some_and(|facts| {
        matches!(facts.access, Access::Needs(_)) && !matches!(facts.operation, Some(Operation::StartRun))
    });
    let key = if ours && request.method() == Method::POST { idempotency_key(request.headers())? } else { None };
    let Some(key) = key else { return Ok(next.run(request).await) };

    let (mut parts, body) = request.into_parts();
    let asked = Identified::from_request_parts(&mut parts, &rooms).await?;
    let (actor, by) = (asked.actor()?.clone(), asked.caller.api_key().map(|key| key.to_string()).unwrap_or_default());
    let bytes = to_bytes(body, rooms.config.server.max_body_bytes).await.map_err(|_| crate::extract::broken())?;
    let fingerprint =
        fingerprint(&[parts.method.as_str().as_bytes(), parts.uri.path().as_bytes(), by.as_bytes(), &bytes]);
    match rooms.store.begin_once(&actor, key.clone(), fingerprint, rooms.clock.now() + KEPT).await? {
        Begun::New => {}
        Begun::InProgress => return Err(Problem::new(Kind::InProgress).retry_after(1)),
        Begun::OtherRequest => return Err(Kind::IdempotencyMismatch.into()),
        Begun::Done(kept) => return replay(&rooms, &actor, &key, &kept),
    }
    let response = next.run(Request::from_parts(parts, Body::from(bytes))).await;
    if response.status().is_server_error() {
        rooms.store.let_go(&actor, key).await?;
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, LARGEST_ANSWER).await.map_err(Problem::internal)?;
    let sealed = rooms.vault.seal(Purpose::Settings, &bound(&actor, &key), &bytes)?;
    let kept = KeptAnswer { status: u32::from(parts.status.as_u16()), body: sealed };
    rooms.store.keep_answer(&actor, key, kept).await?;
    Ok(Response::from_parts(parts, Body::from(bytes)))
}

fn bound<'a>(actor: &Actor, key: &'a str) -> Bound<'a> {
    Bound { table: "idempotency_keys", field: "response", scope: Some(actor.scope()), row: key.as_bytes(), version: 1 }
}

fn replay(rooms: &Rooms, actor: &Actor, key: &str, kept: &KeptAnswer) -> Result<Response, Problem> {
    let status = u16::try_from(kept.status).ok().and_then(|status| StatusCode::from_u16(status).ok());
    let status = status.ok_or_else(|| Problem::internal("a kept answer has no status"))?;
    let body = rooms.vault.open(Purpose::Settings, &bound(actor, key), &kept.body).map_err(Problem::internal)?;
    let mut response = (status, body.expose().clone()).into_response();
    let kind = if status.is_client_error() { "application/problem+json" } else { "application/json" };
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
    Ok(response)
}

fn fingerprint(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}
