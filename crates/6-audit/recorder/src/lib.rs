//! Records who did what: an intent before the act, an outcome after it, both linked into a chain that an outsider can
//! check.
//!
//! [`Recorder`] seals the personal part of an entry under the person's key, commits to its detail and hands it to the
//! store, which links it in the same transaction as the act (through [`ChainLinker`]). If an intent cannot be stored,
//! the act must not happen: every failure here is an error, and none is swallowed. [`Checkpoints`] signs where all
//! chains stand, [`export`] writes a bundle, [`verify_online`] checks the database itself.
//!
//! This crate never decides what is allowed, never writes a personal field unsealed, and never has SQL.
//! Start reading in [`Act`], then docs/life-of-an-entry.md.

mod act;
mod anonymous;
mod body;
mod change;
mod checkpoints;
mod erase;
mod error;
mod export;
mod index;
mod linker;
mod proof;
mod purge;
mod read;
mod recorder;
mod ship;
mod stored_tree;
mod subjects;
mod touched;
mod verify;

pub use act::{Act, Intent, Open};
pub use anonymous::RefusedRequest;
pub use chain::{
    note::SigningKey,
    verify::{BundleError, Proof, Report, VerifierKey, WitnessKey, verify_bundle, verify_document},
};
pub use checkpoints::{Checkpoints, CheckpointsConfig};
pub use erase::Erased;
pub use error::Error;
pub use export::{ExportFormat, csv_line, export, export_chains};
pub use linker::ChainLinker;
pub use proof::{CosignError, EntryNamed, ShownCheckpoint};
pub use purge::{PurgeRefused, PurgeRules, Purged};
pub use read::{Search, ShownEntry, Who};
pub use recorder::{MAX_DETAIL, Recorder};
pub use ship::Linked;
pub use touched::{Touched, TouchedBy};
pub use verify::{Progress, VerifyError, verify_online, verify_told, verify_witnessed};
