//! What the vault keeps here: wrapped keys and sealed credentials. Nothing in these files can open either.

mod credentials;
mod data_keys;

pub use credentials::{CredentialRow, NewCredentialRow, SealedCredential};
pub use data_keys::DataKeyRow;
