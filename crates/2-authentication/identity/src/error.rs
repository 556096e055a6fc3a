use domain::{SessionId, Timestamp, UserId};

use crate::ports::Unavailable;

/// Why a request is not let further. The client is told the kind; the reason inside is for the audit trail.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// 401.
    #[error("the request carries no valid credentials ({0})")]
    NotIdentified(NotIdentified),
    /// 401; the same for an unknown user, a wrong password and a disabled account.
    #[error("wrong e-mail address or password")]
    WrongCredentials,
    /// 401, and an audit event: a refresh token came back after its grace, so its session has been ended.
    #[error("refresh token of session {session} was used again; the session has ended")]
    RefreshReused { session: SessionId, user: UserId },
    /// 403 `csrf`.
    #[error("the request does not prove that our own pages sent it ({0})")]
    Csrf(CsrfFault),
    /// 403; the key is right but not usable from here.
    #[error("this API key may not be used from this address")]
    AddressNotAllowed,
    /// 404: whoever is no member is not told whether the team exists.
    #[error("not a member of this team")]
    NotAMember,
    /// 403: the password was right, but the address has not been confirmed (R040).
    #[error("the e-mail address of {user} is not verified yet")]
    EmailNotVerified { user: UserId },
    /// 429 with Retry-After (R041).
    #[error("too many failed attempts; the next one is possible at {until}")]
    CoolingDown { until: Timestamp },
    /// 422.
    #[error("the password is not acceptable ({0})")]
    Password(PasswordFault),
    /// 422.
    #[error("this is no e-mail address")]
    Email,
    /// 403: unknown, used, or past its 24 hours; which of them is not told.
    #[error("the set-up link is not valid any more")]
    SetupToken,
    /// 410: a mailed link that is unknown, used, taken back or over; which of them is not told.
    #[error("the link is not valid any more")]
    Link,
    /// 401: a code that is wrong, was used before, or came too late or too often; which of them is not told.
    #[error("the code is not right")]
    WrongCode,
    /// 403: the team demands a second factor, and this person has none.
    #[error("the team demands a second factor")]
    SecondFactorRequired,
    /// 409.
    #[error("there is a second factor already")]
    SecondFactorExists,
    /// 409.
    #[error("there is no second factor")]
    NoSecondFactor,
    /// 409: another account has the address.
    #[error("the e-mail address belongs to another account")]
    EmailTaken,
    /// 503, may be retried: too many passwords are being checked at once.
    #[error("too many passwords are being checked at once")]
    Busy,
    /// 503, may be retried.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// Stops a start.
    #[error("{0}")]
    Configuration(&'static str),
}

/// Why nobody was recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum NotIdentified {
    #[error("nothing presented")]
    Missing,
    #[error("presented twice")]
    Ambiguous,
    #[error("malformed")]
    Malformed,
    #[error("token not signed by us")]
    BadSignature,
    #[error("expired")]
    Expired,
    #[error("unknown")]
    Unknown,
    #[error("revoked or ended")]
    Revoked,
}

/// What was wrong with the proof that our own page sent a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum CsrfFault {
    #[error("token missing")]
    Missing,
    #[error("token does not belong to this session")]
    Mismatch,
    #[error("sent by a page of another origin")]
    ForeignOrigin,
}

/// What is wrong with a new password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum PasswordFault {
    #[error("shorter than {} characters", crate::password::MIN_CHARACTERS)]
    TooShort,
    #[error("longer than {} bytes, past which bcrypt would not look", crate::password::MAX_BYTES)]
    TooLong,
    #[error("contains a NUL character")]
    Nul,
    #[error("too common or too regular, or known from a breach")]
    Common,
}

impl PasswordFault {
    /// The stable word for clients.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooShort => "password_too_short",
            Self::TooLong => "password_too_long",
            Self::Nul => "password_nul",
            Self::Common => "password_common",
        }
    }
}

impl From<NotIdentified> for Error {
    fn from(why: NotIdentified) -> Self {
        Self::NotIdentified(why)
    }
}
impl From<CsrfFault> for Error {
    fn from(fault: CsrfFault) -> Self {
        Self::Csrf(fault)
    }
}
impl From<PasswordFault> for Error {
    fn from(fault: PasswordFault) -> Self {
        Self::Password(fault)
    }
}
