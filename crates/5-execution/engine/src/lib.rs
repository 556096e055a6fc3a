//! Runs workflows so that nothing that was acknowledged is lost.
//!
//! A run is a pure machine (`workflow::Machine`) and a driver. The machine says what it wants of the world; the driver
//! puts "started" on disk, performs the effect with an idempotency key that is the same on every attempt, puts the sealed
//! answer on disk, and goes on. Whoever takes the run over after a crash replays the machine from those answers. A run
//! that wants nothing of the world is stored once, when it is over. The engine owns leases, retries, timers, children and
//! concurrency.
//!
//! It never decides what a node does or a policy means (it asks `policies` before everything that is done), never talks to the world itself (`Effects` does), never writes raw text to disk
//! (`seal` before the end, `view` after it), and never writes about a run whose lease it has lost.
//! Start reading in `start` (the beginning of a run), then `drive` (its middle), `end`, and `worker` (taking over).

mod active;
mod backoff;
mod control;
mod drive;
pub mod effects;
mod end;
mod engine;
mod error;
mod facts;
mod finished;
mod found;
mod persist;
pub mod ports;
mod rated;
mod rules;
mod seal;
mod settings;
mod settle;
mod start;
mod step_key;
mod steps;
mod timers;
mod view;
mod worker;

pub use control::Vote;
pub use engine::{Engine, EngineParts};
pub use error::Error;
pub use finished::{Finished, Handle, Started};
pub use settings::Settings;
pub use start::{AuditOfStart, Start};
pub use step_key::step_key;
