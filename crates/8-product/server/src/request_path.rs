//! The request path: layers 1, 2 and 6 as one stack, from the outside in. Layers 2 to 5 stand in the handlers.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension, Router,
    extract::{DefaultBodyLimit, State},
    http::Method,
    response::{IntoResponse, Response},
};
use edge::{Arrived, Cors, Front, Refusal, RoutePolicy, Surface, TrustedProxies, front::Guarding};

use crate::{
    commands::Error,
    limits,
    problems::{Kind, Problem},
    rooms::Rooms,
    routes,
};

/// Everything between the socket and a handler.
///
/// # Errors
/// Settings that the network layer cannot follow.
pub fn service(rooms: &Rooms) -> Result<Guarding, Error> {
    let config = &rooms.config;
    // 1 network: on every request and every answer, whatever route it is for, or none.
    let mut front = Front::new(rooms.clock.clone());
    front.proxies = TrustedProxies::new(&config.server.trusted_proxies)?;
    front.cors = Cors::new(&config.server.cors_origins)?;
    let (body, time) =
        (config.server.max_body_bytes as u64, Duration::from_secs(config.server.request_timeout_seconds));
    front.policies = Arc::new(move |method, path| policy(method, path, body, time));
    front.render = Arc::new(|refusal, _| render(refusal));
    Ok(front.around(router(rooms)))
}

/// The same without layer 1 around it; served by nobody, asked by the test that takes that layer away (R002).
pub fn router(rooms: &Rooms) -> Router {
    // 1: every route counts its requests by address before anything of them is read (`limits::counted`), and so do
    // addresses that no route has. 2 (who, and may they) and 6 (intent before, outcome after) are what a handler's
    // `Identified` and `audited` are made of: see request.rs. A route without facts does not answer.
    let table = routes::table();
    let router = table.into_iter().fold(Router::new(), |router, route| route.mount(router, rooms));
    router
        .fallback(async |State(rooms): State<Rooms>, Extension(arrived): Extension<Arrived>| -> Problem {
            if let Err(problem) = limits::by_address(&rooms, &arrived).await {
                return problem;
            }
            rooms.refused_anonymously(&arrived, Kind::NoSuchRoute);
            Problem::new(Kind::NoSuchRoute)
        })
        .method_not_allowed_fallback(
            async |State(rooms): State<Rooms>, Extension(arrived): Extension<Arrived>| -> Problem {
                limits::by_address(&rooms, &arrived).await.err().unwrap_or(Problem::new(Kind::MethodNotAllowed))
            },
        )
        .layer(axum::middleware::from_fn(limits::tell))
        // The front counts body bytes, per route; axum's own limit would come first.
        .layer(DefaultBodyLimit::disable())
        .with_state(rooms.clone())
}

/// Webhooks and runs may wait for a workflow; pages have headers of their own.
fn policy(_method: &Method, path: &str, max_body_bytes: u64, time: Duration) -> RoutePolicy {
    const PAGES: &[&str] = &[
        "/",
        "/sign-in",
        "/account",
        "/setup",
        "/invitation",
        "/verify-email",
        "/reset-password",
        "/security",
        "/assets/page.css",
    ];
    const FOLDERS: &[&str] = &["/docs/", "/assets/", "/t/"];
    let page = PAGES.contains(&path) || FOLDERS.iter().any(|folder| path.starts_with(folder));
    let surface = if page { Surface::Page } else { Surface::Api };
    let waits = path.starts_with("/hooks/") || path.ends_with("/runs") || path.ends_with("/verification");
    let time = if waits { time.max(Duration::from_secs(310)) } else { time };
    RoutePolicy { surface, max_body_bytes, time }
}

fn render(refusal: Refusal) -> Response {
    let problem = match refusal {
        Refusal::BodyTooLarge { max_bytes } => {
            Problem::new(Kind::BodyTooLarge).detail(format!("at most {max_bytes} bytes"))
        }
        Refusal::EncodedBody => Problem::new(Kind::UnsupportedMediaType).detail("compressed bodies are not accepted"),
        Refusal::TimedOut => Problem::new(Kind::TookTooLong),
        Refusal::BodyTooSlow => Problem::new(Kind::BodyTooSlow),
        Refusal::UriTooLong => Problem::new(Kind::UriTooLong),
        Refusal::HeadersTooLarge => Problem::new(Kind::HeadTooLarge),
        Refusal::UnknownHost => Problem::new(Kind::UnknownHost),
        Refusal::Crashed => Problem::internal("a handler panicked"),
        Refusal::BadHead(why) => Problem::new(Kind::BadParameter).detail(why),
        _ => Problem::new(Kind::BadParameter),
    };
    problem.into_response()
}
