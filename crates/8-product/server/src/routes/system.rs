//! The process itself: health, its description, its few pages.

use std::sync::LazyLock;

use axum::{
    Json,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::{
    extract::At,
    openapi, pages,
    problems::{Kind, Problem},
    rooms::Rooms,
};

pub async fn health() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// Ready means: the database answers and the server is not going down.
pub async fn ready(State(rooms): State<Rooms>) -> Result<Json<Value>, Problem> {
    if rooms.shutdown.is_cancelled() {
        return Err(Problem::new(Kind::TooBusy).detail("the server is going down"));
    }
    let system = authz::act_as_system("readiness asks whether the database answers");
    tokio::time::timeout(std::time::Duration::from_secs(3), rooms.store.audit_heads(system))
        .await
        .map_err(|_| Problem::new(Kind::StorageUnavailable))??;
    Ok(Json(json!({ "status": "ready" })))
}

pub async fn openapi() -> Response {
    static TEXT: LazyLock<String> = LazyLock::new(|| openapi::document(&super::table()).to_string());
    typed("application/json", TEXT.as_str())
}

pub async fn error_page(At(code): At<String>) -> Result<Response, Problem> {
    let kind = Kind::ALL.iter().find(|kind| kind.code() == code).ok_or(Kind::NotFound)?;
    let body = format!(
        "<h1>{}: {}</h1><p>{}</p><p class=\"hint\">HTTP status {}</p>",
        kind.code(),
        pages::escape(kind.title()),
        pages::escape(kind.help()),
        kind.status().as_u16()
    );
    Ok(pages::page(StatusCode::OK, kind.title(), &body))
}

pub async fn security() -> Response {
    pages::security()
}

/// RFC 9116; the contact is the server's own page, which says whom to write to.
pub async fn security_txt(State(rooms): State<Rooms>) -> Response {
    let expires = rooms.clock.now() + std::time::Duration::from_secs(180 * 24 * 3600);
    let url = &rooms.config.server.public_url;
    let text = format!(
        "Contact: {url}/security\nExpires: {expires}\nPreferred-Languages: en\nCanonical: {url}/.well-known/security.txt\nPolicy: {url}/security\n"
    );
    typed("text/plain; charset=utf-8", text)
}

pub async fn style() -> Response {
    let mut response = typed("text/css; charset=utf-8", pages::STYLE);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
    response
}

fn typed(kind: &'static str, body: impl IntoResponse) -> Response {
    let mut response = body.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
