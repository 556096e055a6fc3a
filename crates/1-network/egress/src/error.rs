//! What can go wrong on the way out. Hosts are named, because the person who wrote the call needs them;
//! paths, queries, headers and bodies are not, because they may hold secrets.

use std::sync::Arc;

use crate::Class;

/// Why a call did not happen or did not finish.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    #[error("the address is not a valid URL")]
    InvalidUrl,
    #[error("only http and https addresses may be called, not {scheme}")]
    Scheme { scheme: String },
    #[error("the address holds a user name or password; put it into a credential instead")]
    Userinfo,
    #[error("a header name or value holds characters that HTTP does not allow")]
    InvalidHeader,
    #[error("{host} is not on the list of allowed domains")]
    DomainNotAllowed { host: String },
    #[error("{host} is on the list of blocked domains")]
    DomainBlocked { host: String },
    #[error("{host} leads to a {class} address, which the operator has not allowed")]
    AddressRefused { host: String, class: Class },
    #[error("the name {host} could not be resolved")]
    Unresolvable {
        host: String,
        #[source]
        source: Arc<std::io::Error>,
    },
    #[error("could not connect to {host} in time")]
    ConnectTimedOut { host: String },
    #[error("could not connect to {host}")]
    Unreachable {
        host: String,
        #[source]
        source: Arc<std::io::Error>,
    },
    #[error("the secure connection to {host} could not be set up")]
    Tls {
        host: String,
        #[source]
        source: Arc<std::io::Error>,
    },
    #[error("{host} did not answer in time")]
    TimedOut { host: String },
    #[error("the connection to {host} broke: {reason}")]
    Interrupted { host: String, reason: String },
    #[error("more than {limit} redirects")]
    TooManyRedirects { limit: u8 },
    #[error("{host} redirects to something that is not an address")]
    BadRedirect { host: String },
    #[error("{host} redirects from https to http")]
    Downgrade { host: String },
    #[error("the answer of {host} is larger than {limit} bytes")]
    ResponseTooLarge { host: String, limit: u64 },
    #[error("the request is larger than {limit} bytes")]
    RequestTooLarge { limit: u64 },
    #[error("a certificate given as an additional authority could not be read")]
    InvalidAuthority,
}

impl Error {
    /// The call was refused by a rule of ours: nothing left this machine for that host, and asking again changes nothing.
    pub const fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Scheme { .. }
                | Self::Userinfo
                | Self::DomainNotAllowed { .. }
                | Self::DomainBlocked { .. }
                | Self::AddressRefused { .. }
                | Self::Downgrade { .. }
        )
    }
    /// The other side or the network failed; the same call may succeed later.
    pub const fn may_retry(&self) -> bool {
        matches!(
            self,
            Self::Unresolvable { .. }
                | Self::ConnectTimedOut { .. }
                | Self::Unreachable { .. }
                | Self::TimedOut { .. }
                | Self::Interrupted { .. }
        )
    }
}
