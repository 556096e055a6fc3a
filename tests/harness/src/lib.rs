//! What tests stand on: a private PostgreSQL and a private Redis, a migrated database for each test, and short ways to
//! say "this team", "this permit", "this moment".
//!
//! `make test` runs `harness start` first and passes the servers' addresses in NODELOOM_TEST_POSTGRES and
//! NODELOOM_TEST_REDIS (and in NODELOOM_TEST_DOCKER that of an engine, where one can be had), then `harness stop`.
//! Without the first two the first test that needs a server starts one, the others find it, and a watcher stops it when no
//! test has used it for some minutes.
//! Never part of the product. Start reading in [`on_both`].

#![allow(clippy::disallowed_methods, reason = "the harness starts servers and reads where they are")]
#![allow(clippy::unwrap_used, reason = "a harness that cannot do its work should stop the test")]

mod database;
mod engine;
mod fixtures;
mod linker;
pub mod servers;

pub use database::{Ground, on_both, on_postgres, on_sqlite, postgres_database, sqlite_database};
pub use fixtures::{TestClock, permit, permit_for, scope, system, team, user, uuid};
pub use linker::PlainLinker;
