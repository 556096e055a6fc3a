//! The windows that requests are counted in: by address before we know who asks, by key, principal, team and webhook
//! after.
//! Every answer says how much is left of the tightest of them ([`tell`]).

use std::{
    cell::Cell,
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Extension,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use domain::{Principal, TeamId, Timestamp};
use edge::{Arrived, Verdict, Window, WindowName, rate_limit::Key};
use identity::Caller;

use crate::{
    problems::{Kind, Problem},
    rooms::Rooms,
    route::Facts,
};

const MINUTE: Duration = Duration::from_secs(60);

tokio::task_local! {
    /// The tightest window that the request in hand was counted in.
    static TIGHTEST: Cell<Option<Verdict>>;
}

/// Writes `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10) on an answer whose request was
/// counted.
pub async fn tell(request: Request, next: Next) -> Response {
    let counted = async {
        let answer = next.run(request).await;
        (answer, TIGHTEST.with(Cell::get))
    };
    let (mut answer, tightest) = TIGHTEST.scope(Cell::new(None), counted).await;
    if let Some(verdict) = tightest {
        verdict.stamp(answer.headers_mut());
    }
    answer
}

fn remember(verdict: &Verdict) {
    let room = |v: &Verdict| (v.allowed, f64::from(v.remaining) / f64::from(v.window.limit.max(1)));
    // Outside of a request (a test that calls a handler) there is nobody to tell.
    _ = TIGHTEST.try_with(|tightest| {
        if tightest.get().is_none_or(|held| room(verdict) < room(&held)) {
            tightest.set(Some(*verdict));
        }
    });
}

fn verdict(verdict: &Verdict) -> Result<(), Problem> {
    remember(verdict);
    match verdict.retry_after() {
        Some(seconds) if !verdict.allowed => Err(Problem::new(Kind::TooManyRequests).retry_after(seconds)),
        _ => Ok(()),
    }
}

async fn take(rooms: &Rooms, window: Window, key: Key, at: Timestamp) -> Result<(), Problem> {
    match rooms.windows.take(window, key, at).await {
        Ok(found) => verdict(&found),
        // Shared counters are away: this process's own keep the limit, only not across processes.
        Err(_) => verdict(&rooms.spare_windows.take_now(window, key, at)),
    }
}

/// Layer 1, around every route: counts a request in the windows that the route's line names, by the address that it
/// comes from, before anything of it is read. So a body that is no JSON is counted like one that is.
pub async fn counted(
    State(rooms): State<Rooms>,
    Extension(arrived): Extension<Arrived>,
    request: Request,
    next: Next,
) -> Response {
    let windows = request.extensions().get::<Facts>().map_or(&[WindowName::Address][..], |facts| facts.windows);
    for name in windows {
        if let Err(problem) = by(&rooms, *name, &arrived).await {
            return problem.into_response();
        }
    }
    next.run(request).await
}

/// The same for what no route answers.
///
/// # Errors
/// [`Kind::TooManyRequests`] with Retry-After.
pub async fn by_address(rooms: &Rooms, arrived: &Arrived) -> Result<(), Problem> {
    by(rooms, WindowName::Address, arrived).await
}

async fn by(rooms: &Rooms, name: WindowName, arrived: &Arrived) -> Result<(), Problem> {
    let limits = &rooms.config.limits;
    let limit = match name {
        WindowName::Authentication => limits.authentication_per_minute,
        WindowName::Resend => limits.resend_per_minute,
        _ => limits.address_per_minute,
    };
    let counted = take(rooms, Window::new(name, limit, MINUTE), Key::address(arrived.client), arrived.at).await;
    if counted.is_err() {
        rooms.refused_anonymously(arrived, Kind::TooManyRequests);
    }
    counted
}

/// After identity: one key, then whoever holds it with everything they have. What a key is refused counts against nobody
/// else.
///
/// # Errors
/// As [`by_address`].
pub async fn by_caller(rooms: &Rooms, caller: &Caller, at: Timestamp) -> Result<(), Problem> {
    let limits = &rooms.config.limits;
    if let Some(key) = caller.api_key() {
        let window = Window::new(WindowName::Api, limits.of_a_key(), MINUTE);
        take(rooms, window, Key::of(&["key", &key.to_string()]), at).await?;
    }
    let principal = caller.principal();
    let who = principal.person().map_or_else(|| principal.to_string(), |person| person.to_string());
    let window = Window::new(WindowName::Api, limits.api_per_minute, MINUTE);
    take(rooms, window, Key::of(&["principal", &who]), at).await
}

/// After it is known that the caller belongs to `team`: everybody in it together.
///
/// # Errors
/// As [`by_address`].
pub async fn by_team(rooms: &Rooms, team: TeamId, at: Timestamp) -> Result<(), Problem> {
    let window = Window::new(WindowName::Api, rooms.config.limits.of_a_team(), MINUTE);
    take(rooms, window, Key::of(&["team", &team.to_string()]), at).await
}

/// Live streams that each principal holds open in this process: they cost a task and reads of the database each.
#[derive(Debug, Clone, Default)]
pub struct Streams(Arc<Mutex<HashMap<String, usize>>>);

/// A stream's place, given back when it ends.
#[derive(Debug)]
pub struct Place(Streams, String);

impl Streams {
    /// A place for one more stream of `principal`.
    ///
    /// # Errors
    /// [`Kind::TooManyRequests`] when it holds `most` already.
    pub fn open(&self, principal: &Principal, most: usize) -> Result<Place, Problem> {
        let key = principal.to_string();
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let held = open.get(&key).copied().unwrap_or_default();
        if held >= most {
            let why = format!("at most {most} live streams at a time; close one first");
            return Err(Problem::new(Kind::TooManyRequests).detail(why).retry_after(10));
        }
        open.insert(key.clone(), held + 1);
        Ok(Place(self.clone(), key))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = open.get_mut(&self.1) {
            *held = held.saturating_sub(1);
            if *held == 0 {
                open.remove(&self.1);
            }
        }
    }
}

/// Calls of one webhook.
///
/// # Errors
/// As [`by_address`].
pub async fn webhook(rooms: &Rooms, hook: &str, at: Timestamp) -> Result<(), Problem> {
    let window = Window::new(WindowName::Webhooks, rooms.config.limits.webhook_per_minute, MINUTE);
    take(rooms, window, Key::of(&["webhook", hook]), at).await
}
