//! How often. A window slides: at no moment have more than its limit been let through within its length.
//!
//! Two kinds with one face ([`Windows`]): an exact log of times where every attempt counts (authentication), and
//! 60 sub-buckets elsewhere, which forget a request a little later than the window's length and never earlier, so that
//! the limit is never exceeded. Refused requests do not count. Keys are hashes. Counts are in this process ([`Local`],
//! where time is a parameter) or shared by several ([`Redis`], whose time is Redis's).

mod local;
mod redis;

use std::time::Duration;

use aws_lc_rs::digest;
use domain::Timestamp;
use http::{HeaderMap, HeaderValue, header};

pub use local::Local;
pub use redis::Redis;

/// The windows, each with a limit of its own (R026–R031).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WindowName {
    /// Every request, by address, before we know who it is.
    Address,
    /// API requests, by principal, team and key.
    Api,
    /// Sign-in, refresh, reset.
    Authentication,
    Webhooks,
    Widget,
    /// By team (R030).
    Scim,
    /// Sending a verification mail again (R031).
    Resend,
}

impl WindowName {
    /// The word in headers and in shared storage.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Api => "api",
            Self::Authentication => "authentication",
            Self::Webhooks => "webhooks",
            Self::Widget => "widget",
            Self::Scim => "scim",
            Self::Resend => "resend",
        }
    }
    /// Whether each attempt is remembered by its time.
    pub const fn is_exact(self) -> bool {
        matches!(self, Self::Authentication | Self::Resend)
    }
}

/// At most `limit` within any `length`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    pub name: WindowName,
    pub limit: u32,
    pub length: Duration,
}

impl Window {
    /// `length` is at least a millisecond; a limit of 0 lets nothing through.
    pub const fn new(name: WindowName, limit: u32, length: Duration) -> Self {
        Self { name, limit, length }
    }
    /// In whole microseconds, never zero.
    fn micros(self) -> i64 {
        i64::try_from(self.length.as_micros()).unwrap_or(i64::MAX / 4).clamp(1000, i64::MAX / 4)
    }
}

/// Sub-buckets of a window that is not exact.
const SUB_BUCKETS: i64 = 60;

/// How time is cut: a count stands in a slot of `unit` microseconds and holds while it is younger than `span` slots.
#[derive(Debug, Clone, Copy)]
struct Slots {
    unit: i64,
    span: i64,
}

impl Window {
    /// A slot is a microsecond in an exact log and a sub-bucket elsewhere, held for one more of them than make up
    /// `length`: forgotten late, never early.
    const fn slots(self, length: i64) -> Slots {
        if self.name.is_exact() {
            Slots { unit: 1, span: length }
        } else {
            Slots { unit: length.saturating_add(SUB_BUCKETS - 1) / SUB_BUCKETS, span: SUB_BUCKETS + 1 }
        }
    }
}

/// Who is counted: a hash, so that nothing personal stands in memory or in Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key([u8; 16]);

impl Key {
    /// From its parts; `("ab", "c")` and `("a", "bc")` are different keys.
    pub fn of(parts: &[&str]) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        let mut key = [0; 16];
        key.copy_from_slice(&context.finish().as_ref()[..16]);
        Self(key)
    }
    /// One client: an IPv4 address or an IPv6 /64.
    pub fn address(address: std::net::IpAddr) -> Self {
        Self::of(&["address", &crate::address::counted_as(address).to_string()])
    }
    /// The raw hash.
    pub const fn bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// What a window said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    pub window: Window,
    /// Let it through?
    pub allowed: bool,
    /// How many more would be let through now.
    pub remaining: u32,
    /// Until when one more is let through if refused; until the window is whole again otherwise.
    pub wait: Duration,
}

impl Verdict {
    /// Whole seconds to wait, rounded up, at least 1; `None` when it was allowed.
    pub fn retry_after(&self) -> Option<u64> {
        (!self.allowed).then(|| seconds_up(self.wait).max(1))
    }
    /// Writes `RateLimit`, `RateLimit-Policy` and, when refused, `Retry-After`.
    pub fn stamp(&self, headers: &mut HeaderMap) {
        let name = self.window.name.as_str();
        let policy = format!("\"{name}\";q={};w={}", self.window.limit, seconds_up(self.window.length));
        let state = format!("\"{name}\";r={};t={}", self.remaining, seconds_up(self.wait));
        for (name, text) in [("ratelimit-policy", policy), ("ratelimit", state)] {
            if let Ok(value) = HeaderValue::try_from(text) {
                headers.append(name, value);
            }
        }
        if let Some(seconds) = self.retry_after() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
    }
}

fn seconds_up(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

/// The windows could not be asked (their Redis is away). The caller decides; authentication falls back to [`Local`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the shared rate limits could not be reached")]
pub struct Unavailable;

/// Where counts are kept: in this process or shared between several.
#[async_trait::async_trait]
pub trait Windows: Send + Sync {
    /// Counts one request against `window` for `key`, if there is room.
    async fn take(&self, window: Window, key: Key, now: Timestamp) -> Result<Verdict, Unavailable>;
}
