//! Whole journeys: the real server, as `nodeloom serve` runs it, asked over TLS by clients that only know its address,
//! its certificate authority and a key.
//!
//! Start reading in [`Server`] and [`on_both`]. Never part of the product; nothing here reaches around the HTTP API
//! except to make people and teams, for which the API has no routes yet.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper that cannot do its work should stop the test")]

mod browser;
mod client;
pub mod doubles;
mod people;
mod post_box;
mod server;
mod socket;
pub mod workflows;

pub use browser::{Browser, PASSWORD};
pub use client::{Answer, Client, sent, tls};
pub use people::Person;
pub use post_box::PostBox;
pub use server::{Server, Settings, on_both, on_postgres, on_sqlite, postgres_url};
pub use socket::{Refused, Socket};

use std::{future::Future, time::Duration};

/// Asks `again` every 20 ms until it has an answer; stops the test after `deadline`.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, deadline: Duration, again: impl Fn() -> F) -> T {
    let end = tokio::time::Instant::now() + deadline;
    loop {
        if let Some(answer) = again().await {
            return answer;
        }
        assert!(tokio::time::Instant::now() < end, "{what}: not within {deadline:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
