#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod attest;
mod backend;
mod choice;
pub mod cli;
mod config;
mod docker;
mod engine_profile;
mod error;
mod executable;
mod guarantees;
mod kept;
mod language;
mod native;
mod oci;
mod outcome;
mod probe;
mod sandbox;
mod spec;
pub mod tree;
#[cfg(test)]
mod trial;

pub use choice::{BackendChoice, Choice, Considered};
pub use config::SandboxConfig;
pub use error::Error;
pub use guarantees::{Guarantee, Guarantees, Measured, Strength};
pub use outcome::{Attestation, Captured, Exit, Failure, Outcome, Usage};
pub use sandbox::Sandbox;
pub use spec::{Language, Limits, Program, Root, Spec};

/// The JavaScript runner that every container gets: for comparisons with other ways to run it.
pub const fn javascript_runner() -> &'static [u8] {
    backend::JAVASCRIPT
}
