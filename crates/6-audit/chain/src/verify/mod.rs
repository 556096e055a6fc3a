//! The verifier: reads what the writer wrote, with nothing of the writer's code.
//!
//! [`ChainVerifier`] takes a chain's entries one after the other in flat memory and names the first bad one;
//! [`CheckpointVerifier`] takes the signed notes and says which heads they vouch for; [`verify_bundle`] does both for
//! an exported file. Nothing here trusts a stored hash, a stored sequence or a stored column: all are compared with
//! the entry's own bytes.

mod bundle;
mod cbor;
mod chain;
mod checkpoint;
mod csv;
mod document;
mod entry;
mod note;
mod proof;
mod report;
mod tree;

pub use bundle::{BundleError, verify_bundle};
pub use chain::{Anchor, ChainVerifier, Columns, Examined, Item, PURGE, StoredHead, examine};
pub use checkpoint::{Checked, CheckpointVerifier, Covered, HeadLine, parse_heads, witnessed};
pub use document::{
    Consistency, EXPORT, Inclusion, PROOF, Proof, ShownCheckpoint, ShownHead, verify_document, verify_proof,
};
pub use entry::{Entry, Malformed, decode, unpack};
pub use note::{NoteError, VerifierKey, WitnessKey, open as open_note};
pub use proof::{consistent, included};
pub use report::{Bad, ChainReport, CheckpointBad, CheckpointFault, Purged, Report, Tamper, Witnessed};
pub use tree::leaf_hash;
