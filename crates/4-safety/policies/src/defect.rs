//! What is wrong with a policy's text.

/// One mistake and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
pub struct Defect {
    /// RFC 6901 pointer inside the `policies` object.
    pub path: String,
    pub message: String,
}
