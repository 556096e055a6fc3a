//! The windows that requests are counted in: by address before we know who asks, by principal and by webhook after.

use std::time::Duration;

use domain::{Principal, Timestamp};
use edge::{Arrived, Verdict, Window, WindowName, rate_limit::Key};

use crate::{
    problems::{Kind, Problem},
    rooms::Rooms,
};

const MINUTE: Duration = Duration::from_secs(60);

fn verdict(verdict: &Verdict) -> Result<(), Problem> {
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

/// Layer 1, before identity.
///
/// # Errors
/// [`Kind::TooManyRequests`] with Retry-After.
pub async fn by_address(rooms: &Rooms, arrived: &Arrived) -> Result<(), Problem> {
    let window = Window::new(WindowName::Address, rooms.config.limits.address_per_minute, MINUTE);
    let counted = take(rooms, window, Key::address(arrived.client), arrived.at).await;
    if counted.is_err() {
        rooms.refused_anonymously(arrived, Kind::TooManyRequests);
    }
    counted
}

/// After identity.
///
/// # Errors
/// As [`by_address`].
pub async fn by_principal(rooms: &Rooms, principal: &Principal, at: Timestamp) -> Result<(), Problem> {
    let window = Window::new(WindowName::Api, rooms.config.limits.api_per_minute, MINUTE);
    take(rooms, window, Key::of(&["principal", &principal.to_string()]), at).await
}

/// Sign-in, set-up, reset: counted exactly, by address.
///
/// # Errors
/// As [`by_address`].
pub async fn authentication(rooms: &Rooms, arrived: &Arrived) -> Result<(), Problem> {
    let window = Window::new(WindowName::Authentication, rooms.config.limits.authentication_per_minute, MINUTE);
    let counted = take(rooms, window, Key::address(arrived.client), arrived.at).await;
    if counted.is_err() {
        rooms.refused_anonymously(arrived, Kind::TooManyRequests);
    }
    counted
}

/// Calls of one webhook.
///
/// # Errors
/// As [`by_address`].
pub async fn webhook(rooms: &Rooms, hook: &str, at: Timestamp) -> Result<(), Problem> {
    let window = Window::new(WindowName::Webhooks, rooms.config.limits.webhook_per_minute, MINUTE);
    take(rooms, window, Key::of(&["webhook", hook]), at).await
}
