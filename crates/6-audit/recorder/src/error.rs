//! Why something was not recorded.

/// Nothing was recorded, so whatever it was about must not happen: the server answers 503.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store did not take the entry. Retrying is safe.
    #[error("the audit trail is not available")]
    Unavailable(#[source] store::Error),
    /// The personal part could not be sealed.
    #[error("the audit entry could not be sealed")]
    Seal(#[from] vault::Error),
    /// What is stored of the trail is not what was written; see `nodeloom audit verify`.
    #[error("the audit trail holds {0}, which cannot be read")]
    Corrupt(&'static str),
    /// The file for checkpoints could not be written; the checkpoint itself is in the database.
    #[error("the checkpoint file could not be written")]
    CheckpointFile(#[source] std::io::Error),
    /// Writing an export failed.
    #[error("the export could not be written")]
    Export(#[source] std::io::Error),
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Self::Unavailable(error)
    }
}
