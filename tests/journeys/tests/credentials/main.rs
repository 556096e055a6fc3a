//! Credentials and connections through the whole server: made, tested, replaced, used by runs, taken back; and the attacks.

#![allow(clippy::unwrap_used, reason = "a journey that cannot go on has failed")]

#[path = "../../../../crates/3-data/connections/tests/double/mod.rs"]
mod double;

mod canary;
mod handles;
mod kinds;
mod oauth;
mod oauth_bad;
mod oauth_runs;
mod robot;
mod support;
mod tampered;
