//! What can go wrong between us and a mail server.

use std::fmt;

/// Why a mail was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Stops a start.
    #[error("{0}")]
    Settings(String),
    /// The mail has an address that cannot be one, or that this server cannot take.
    #[error("the mail server cannot be given this address")]
    Address,
    #[error("the mail could not be written")]
    Message(#[source] lettre::error::Error),
    /// No connection, or no handshake.
    #[error("the mail server was not reached")]
    Unreachable(#[source] egress::Error),
    #[error("the connection to the mail server broke")]
    Broken(#[source] std::io::Error),
    #[error("the mail server took too long")]
    TimedOut,
    /// STARTTLS is demanded and not offered. Nothing was sent.
    #[error("the mail server offers no encryption")]
    NoEncryption,
    /// A password is set and the server offers no way to give it. Nothing was sent.
    #[error("the mail server offers no way to sign in that is known here")]
    NoSignIn,
    /// What it said is not SMTP, or more than it was asked.
    #[error("the mail server broke the protocol: {0}")]
    Protocol(&'static str),
    /// 4xx: it may take it later.
    #[error("the mail server put {stage} off with {code}")]
    TryLater { stage: Stage, code: u16 },
    /// 5xx: it will not.
    #[error("the mail server refused {stage} with {code}")]
    Refused { stage: Stage, code: u16 },
}

impl Error {
    /// Whether the same mail may be taken later.
    pub const fn may_be_retried(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Broken(_) | Self::TimedOut | Self::TryLater { .. })
    }
}

/// What was being asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Greeting,
    Hello,
    Encryption,
    SignIn,
    Sender,
    Recipient,
    Content,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Greeting => "the connection",
            Self::Hello => "the greeting",
            Self::Encryption => "the encryption",
            Self::SignIn => "the sign-in",
            Self::Sender => "the sender",
            Self::Recipient => "the recipient",
            Self::Content => "the content",
        })
    }
}
