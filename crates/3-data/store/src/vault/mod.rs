//! What the vault keeps here: wrapped keys and sealed credentials. Nothing in these files can open either.

mod credentials;
mod data_keys;
pub mod grants;
pub mod oauth;
mod sealed_columns;

pub use credentials::{CredentialChange, CredentialRow, NewCredentialRow, OldVersion, SealedCredential};
pub use data_keys::DataKeyRow;
pub use sealed_columns::{SEALED_COLUMNS, SealedColumn, SealedKey, SealedKind, SealedRow, UNDER_A_RUNS_KEY};
