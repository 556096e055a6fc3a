//! What can go wrong, by what the caller would do about it.

use crate::KeyProblem;

/// A sealed value that was not opened. Nothing of it is returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    #[error("the value is not a sealed value: it is too short or of another version")]
    NotSealed,
    /// Start the server with the earlier key among the previous keys, or enter the value again.
    #[error("the value was sealed with key {key:08x}, which is not loaded: start with it in keys.previous")]
    KeyNotLoaded { key: u32 },
    /// Changed, or moved here from another place.
    #[error("the value failed authentication and was not opened")]
    Tampered,
    #[error("the key of the value was destroyed")]
    Destroyed,
}

/// What the vault answers when it does not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("an encryption key cannot be used: {0}")]
    Key(#[from] KeyProblem),
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Retrying is safe.
    #[error("the system gave no random bytes")]
    Random,
    /// Start the servers anew with this version, then rotate again.
    #[error("{values} values are still sealed with an earlier key: a server that runs goes on using it")]
    LeftBehind { values: u64 },
    #[error("the store did not answer the vault")]
    Store(#[from] store::Error),
    #[error("the credential's value does not have the fields of a {kind}: {why}")]
    Value { kind: &'static str, why: String },
    #[error("there is no such credential here")]
    NotFound,
    #[error("the credential is {status} and is not handed out")]
    NotActive { status: &'static str },
    #[error("the credential may not be sent to {host}")]
    HostNotBound { host: String },
    #[error("the policy of the credential's use does not name it")]
    NotAllowed,
    #[error("there is no version {version} of the credential's value any more")]
    NoSuchVersion { version: u32 },
}
