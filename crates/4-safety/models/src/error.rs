//! What can go wrong with a model. Messages never hold a key, and a provider's own words only after scrubbing.

use std::time::Duration;

use crate::Provider;

/// Which deadline passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The provider had not begun to answer.
    FirstByte,
    /// It had begun and did not finish, or no time was left for another attempt.
    Total,
}

/// Why there is no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    #[error("{provider} does not accept the credential")]
    Unauthorized { provider: Provider },
    #[error("{provider} does not let this credential use the model")]
    Forbidden { provider: Provider },
    #[error("{provider} does not know the model \"{model}\"")]
    UnknownModel { provider: Provider, model: String },
    #[error("{provider} limits the rate of calls")]
    RateLimited { provider: Provider, retry_after: Option<Duration> },
    #[error("{provider} says the account has no credit left")]
    NoCredit { provider: Provider },
    #[error("{provider} is overloaded or failing (status {status})")]
    Unavailable { provider: Provider, status: u16 },
    #[error("the conversation is longer than the model can read")]
    TooLong { provider: Provider },
    #[error("{provider} refused the request (status {status}): {message}")]
    Rejected { provider: Provider, status: u16, message: String },
    #[error("{provider} did not answer in time")]
    TimedOut { provider: Provider, phase: Phase },
    #[error("{provider} could not be called")]
    Egress {
        provider: Provider,
        #[source]
        source: egress::Error,
    },
    #[error("{provider} answered with something that is not its format: {what}")]
    Garbage { provider: Provider, what: &'static str },
    #[error("the stream of {provider} ended before the answer did")]
    CutOff { provider: Provider },
    #[error("the answer of {provider} is larger than {limit} bytes")]
    TooLarge { provider: Provider, limit: u64 },
    #[error("{provider} cannot do this: {what}")]
    Unsupported { provider: Provider, what: &'static str },
    #[error("the connection to {provider} is not complete: {what}")]
    Misconfigured { provider: Provider, what: &'static str },
    #[error("the local model is busy and its queue is full")]
    Busy,
    #[error("the local model could not be used: {what}")]
    Local { what: String },
}

impl Error {
    /// The same call may succeed later. (Retries inside the call's deadline have been made already.)
    pub const fn may_retry(&self) -> bool {
        match self {
            Self::RateLimited { .. }
            | Self::Unavailable { .. }
            | Self::TimedOut { .. }
            | Self::CutOff { .. }
            | Self::Garbage { .. }
            | Self::Busy => true,
            Self::Egress { source, .. } => source.may_retry(),
            _ => false,
        }
    }

    /// A rule of ours or the operator's refused the address.
    pub const fn is_refusal(&self) -> bool {
        matches!(self, Self::Egress { source, .. } if source.is_refusal())
    }
}
