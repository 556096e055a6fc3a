#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod attest;
pub mod cli;
mod config;
mod error;
mod executable;
mod guarantees;
mod language;
mod native;
mod outcome;
mod probe;
mod sandbox;
mod spec;

pub use config::SandboxConfig;
pub use error::Error;
pub use guarantees::{Guarantee, Guarantees, Measured, Strength};
pub use outcome::{Attestation, Captured, Exit, Failure, Outcome, Usage};
pub use sandbox::Sandbox;
pub use spec::{Language, Limits, Program, Root, Spec};
