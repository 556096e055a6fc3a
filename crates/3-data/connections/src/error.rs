//! What can go wrong, by what somebody would do about it.

/// What the provider's answer was, when it was not a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// Asking again later may help; the grant stays what it is.
    #[error("{provider} does not answer as it should at the moment ({why})")]
    Unavailable { provider: String, why: String, retry_after_seconds: Option<u64> },
    /// The grant is gone: somebody has to connect again.
    #[error("{provider} no longer accepts the grant ({code}); connect again")]
    InvalidGrant { provider: String, code: String },
    /// Client id or secret are not right.
    #[error("{provider} does not accept the client ({code}); check its id and secret")]
    ClientRefused { provider: String, code: String },
    #[error("{provider} refused ({code})")]
    Refused { provider: String, code: String },
    #[error("{provider} answered with a web page (status {status}) where a token is expected")]
    Html { provider: String, status: u16 },
    #[error("{provider} answered with something that cannot be read (status {status})")]
    Unreadable { provider: String, status: u16 },
    #[error("{provider} answered without an access token")]
    NoToken { provider: String },
    #[error("{provider} answered with a token that has expired already")]
    ExpiredToken { provider: String },
    #[error("{provider} redirects its token address to {host}; secrets are not sent after it")]
    Redirected { provider: String, host: String },
    #[error("{provider} names {host} as the place of its API, which is none of its own")]
    ForeignInstance { provider: String, host: String },
    #[error("{provider} granted nothing that can be used ({why})")]
    NothingGranted { provider: String, why: &'static str },
}

impl ProviderError {
    /// A word for each, for whoever counts them.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unavailable { .. } => "provider_unavailable",
            Self::InvalidGrant { .. } => "invalid_grant",
            Self::ClientRefused { .. } => "client_refused",
            Self::Refused { .. } => "refused",
            Self::Html { .. } => "html",
            Self::Unreadable { .. } => "unreadable",
            Self::NoToken { .. } => "no_token",
            Self::ExpiredToken { .. } => "expired_token",
            Self::Redirected { .. } => "redirected",
            Self::ForeignInstance { .. } => "foreign_instance",
            Self::NothingGranted { .. } => "nothing_granted",
        }
    }
    /// Whether the same call may succeed later.
    pub const fn may_retry(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Html { .. } | Self::Unreadable { .. })
    }
}

/// Why a connection was not made, kept or used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no provider {name:?}")]
    UnknownProvider { name: String },
    #[error("no client is registered for {provider} here; an admin enters its id and secret first")]
    NoClient { provider: String },
    #[error("the client's settings are not right: {why}")]
    Client { why: String },
    #[error("the service account's key file cannot be used: {why}")]
    KeyFile { why: String },
    #[error("{name} is not right: {why}")]
    Parameter { name: String, why: String },
    #[error("a scope is not right: {why}")]
    Scope { why: String },
    #[error("this connection was not begun here, was finished before, or took longer than ten minutes; begin again")]
    State,
    #[error("this connection was begun in another browser; begin again in this one")]
    OtherBrowser,
    #[error("this connection was begun by somebody else; begin again")]
    OtherSession,
    #[error("the provider said no ({code})")]
    Denied { code: String },
    #[error("the way back from the provider is not right: {why}")]
    Callback { why: &'static str },
    #[error(transparent)]
    Provider(#[from] ProviderError),
    #[error("the credential is no connection")]
    NotAConnection,
    #[error("the connection's token has expired and cannot be refreshed; connect again")]
    Expired,
    #[error("the connection was revoked at the provider; connect again")]
    Revoked,
    #[error("the connection must be made again ({reason})")]
    Reauthorize { reason: String },
    #[error(transparent)]
    Vault(#[from] vault::Error),
    #[error("the store did not answer")]
    Store(#[from] store::Error),
    #[error("the call could not be made")]
    Egress(#[from] egress::Error),
}

impl Error {
    /// A word for each, for whoever shows them.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownProvider { .. } => "unknown_provider",
            Self::NoClient { .. } => "no_client",
            Self::Client { .. } => "bad_client",
            Self::KeyFile { .. } => "bad_key_file",
            Self::Parameter { .. } => "bad_parameter",
            Self::Scope { .. } => "bad_scope",
            Self::State => "bad_state",
            Self::OtherBrowser => "other_browser",
            Self::OtherSession => "other_session",
            Self::Denied { .. } => "denied",
            Self::Callback { .. } => "bad_callback",
            Self::Provider(error) => error.code(),
            Self::NotAConnection => "not_a_connection",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Reauthorize { .. } => "reauthorization_required",
            Self::Vault(_) => "vault",
            Self::Store(_) => "storage",
            Self::Egress(_) => "egress",
        }
    }
    /// Whether the same call may succeed later.
    pub fn may_retry(&self) -> bool {
        match self {
            Self::Provider(error) => error.may_retry(),
            Self::Store(error) | Self::Vault(vault::Error::Store(error)) => error.is_unavailable(),
            Self::Egress(error) => error.may_retry(),
            _ => false,
        }
    }
}
