//! The server: settings, the rooms and their wiring, the request path, the routes, and what an error is to a client.
//!
//! Start reading in [`request_path`] (layers 1, 2 and 6 as one stack) and then in any file under `routes/` (layers 2 to 5
//! as one block). This crate never holds SQL, never looks for attacks itself and never decides about a role: it asks the
//! room that does.

mod audit_retention;
mod clock;
mod code;
pub mod commands;
mod config;
mod demo;
mod errors;
mod extract;
mod idempotency;
mod limits;
pub mod openapi;
pub mod operation;
mod pages;
pub mod problems;
mod request;
pub mod request_path;
pub mod rooms;
pub mod route;
pub mod routes;
mod siem;
mod signature;
mod start;
mod stream;
mod webhook;
mod workers;

pub use clock::system as clock;
pub use config::{Config, ConfigError, reference as config_reference};
pub use start::{Role as ProcessRole, rooms as open_rooms};
