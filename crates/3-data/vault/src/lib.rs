//! Seals what must not be readable on disk, and opens it for one use.
//!
//! A root key from the configuration wraps data keys; data keys seal values. Every sealed value is bound to the table,
//! field, team, environment, row and version it was sealed for, so a value that is moved does not open. A
//! [`Lease`] is a credential opened for one use; it is wiped when dropped, and [`Masker`] hides its values in whatever
//! comes back from outside.
//!
//! This crate never reads the environment or a file, never logs a value, and never returns an empty value for one that
//! does not open. Start reading in [`keys`] (which keys are accepted), then [`seal`] (the blob) and [`credential`].

pub mod bound;
pub mod credential;
mod data_key;
mod error;
pub mod handle;
pub mod keys;
mod lease;
mod mask;
mod mask_stream;
mod run_key;
pub mod seal;
mod subject_key;
mod token;
mod vault;

pub use bound::Bound;
pub use credential::{Carrier, CredentialKind, CredentialValue};
pub use error::{Error, OpenError};
pub use handle::Handles;
pub use keys::{KeyProblem, RootKey, RootKeys};
pub use lease::{Lease, Use};
pub use mask::{MASK, Masker};
pub use mask_stream::StreamMasker;
pub use run_key::RunKey;
pub use store::{CredentialChange, CredentialRow, OldVersion};
pub use subject_key::SubjectKey;
pub use token::Tokens;
pub use vault::{KeyStatus, Named, NewCredential, Pace, Purpose, Vault, check, rotate, status};
