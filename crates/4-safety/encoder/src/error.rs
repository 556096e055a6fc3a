/// Why there is no encoder, or no answer of one.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the weight file is not safetensors: {0}")]
    NotSafetensors(String),
    #[error("the weight file's format is {found:?}, this build reads {expected:?}")]
    Format { found: String, expected: &'static str },
    #[error("the weight file's {what} is missing, unreadable or does not fit")]
    Damaged { what: String },
    #[error("the vocabulary does not fit: {0}")]
    Vocabulary(String),
    #[error("the weights have SHA-256 {found}, expected {expected}")]
    Checksum { found: String, expected: String },
    #[error("a sequence of {length} tokens is longer than the network's {most}")]
    TooLong { length: usize, most: usize },
    #[error("the network's answer is not a number")]
    NotFinite,
    #[error("a token is not in the vocabulary")]
    UnknownToken,
}
