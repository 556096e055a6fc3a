//! What a caller would handle differently.

/// Why the SIEM room did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What the destination's settings say does not fit; the sentence names the member.
    #[error(transparent)]
    Invalid(#[from] crate::Invalid),
    #[error("there is no such destination here")]
    NotFound,
    #[error("the event is not there any more: it was purged")]
    Gone,
    /// Retrying is safe.
    #[error("the store did not answer")]
    Store(#[from] store::Error),
    #[error("the destination's secrets could not be sealed or opened")]
    Vault(#[from] vault::Error),
    #[error("the trail could not be read")]
    Trail(#[from] recorder::Error),
}

impl From<vault::OpenError> for Error {
    fn from(error: vault::OpenError) -> Self {
        Self::Vault(error.into())
    }
}
