//! The built program as its users have it: a command line, a server process that may be killed, its disk and its
//! database taken away. These tests need `cargo build -p nodeloom -p hammer` and say so when it was not done.

#![allow(clippy::unwrap_used, reason = "a journey that cannot go on has failed")]

mod backup;
mod cli;
mod database_away;
mod disk_full;
mod perimeter;
mod secrets;
mod siem;
mod support;
mod torture;
