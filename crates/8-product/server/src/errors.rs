//! What each room's errors are to a client. The cause goes to the log, never into the answer.

use crate::problems::{Kind, Problem};

fn logged(error: &dyn std::error::Error) {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    tracing::warn!(error = %text, "a request failed");
}

impl From<authz::Refused> for Problem {
    fn from(refused: authz::Refused) -> Self {
        Self::new(Kind::Forbidden).detail(format!("this needs the permission {}", refused.permission.name()))
    }
}

impl From<identity::Error> for Problem {
    fn from(error: identity::Error) -> Self {
        use identity::Error as E;
        match error {
            E::NotIdentified(_) | E::RefreshReused { .. } => Self::new(Kind::NotSignedIn),
            E::WrongCredentials => Self::new(Kind::WrongCredentials),
            E::Csrf(fault) => Self::new(Kind::BadCsrf).detail(fault.to_string()),
            E::AddressNotAllowed => Self::new(Kind::Forbidden).detail("this API key may not be used from this address"),
            E::NotAMember => Self::new(Kind::NotFound),
            E::EmailNotVerified { .. } => Self::new(Kind::EmailNotVerified),
            E::Link => Self::new(Kind::LinkUsed),
            E::WrongCode => Self::new(Kind::WrongCode),
            E::SecondFactorRequired => Self::new(Kind::SecondFactorRequired),
            E::SecondFactorExists => Self::new(Kind::Conflict).detail("there is a second factor already"),
            E::NoSecondFactor => Self::new(Kind::Conflict).detail("there is no second factor"),
            E::EmailTaken => Self::new(Kind::Conflict).detail("this address belongs to another account"),
            E::CoolingDown { .. } => Self::new(Kind::CoolingDown).retry_after(30),
            E::Password(fault) => Self::new(Kind::WeakPassword).detail(fault.to_string()).with("reason", fault.code()),
            E::Email => Self::new(Kind::BadParameter).detail("this is no e-mail address"),
            E::SetupToken => Self::new(Kind::SetupUsed),
            E::Busy => Self::new(Kind::TooBusy).retry_after(2),
            E::Unavailable(_) => {
                logged(&error);
                Self::new(Kind::StorageUnavailable).retry_after(2)
            }
            E::Configuration(_) => Self::internal(error),
        }
    }
}

impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        use store::Error as E;
        match &error {
            E::Taken { what } => Self::new(Kind::Conflict).detail(format!("{what} exists already")),
            E::Missing { .. } => Self::new(Kind::NotFound),
            E::Refused { what } => Self::new(Kind::Conflict).detail((*what).to_owned()),
            E::BadCursor => Self::new(Kind::BadParameter).detail("cursor: not one that this list gave"),
            _ if error.is_unavailable() => {
                logged(&error);
                Self::new(Kind::StorageUnavailable).retry_after(2)
            }
            _ => {
                logged(&error);
                Self::new(Kind::Internal)
            }
        }
    }
}

impl From<recorder::Error> for Problem {
    fn from(error: recorder::Error) -> Self {
        // Reading the trail: the caller's mistake, and no outage.
        if let recorder::Error::Unavailable(error @ store::Error::BadCursor) = error {
            return error.into();
        }
        logged(&error);
        Self::new(Kind::AuditUnavailable).retry_after(2)
    }
}

impl From<vault::Error> for Problem {
    fn from(error: vault::Error) -> Self {
        logged(&error);
        match error {
            vault::Error::Open(vault::OpenError::KeyNotLoaded { .. }) => Self::new(Kind::KeyNotLoaded),
            vault::Error::NotFound => Self::new(Kind::NotFound),
            vault::Error::Store(error) => error.into(),
            error => Self::new(Kind::CredentialRefused).detail(error.to_string()),
        }
    }
}

impl From<workflow::Error> for Problem {
    fn from(error: workflow::Error) -> Self {
        Self::new(Kind::InvalidWorkflow).with("errors", error.defects())
    }
}

impl From<engine::Error> for Problem {
    fn from(error: engine::Error) -> Self {
        use engine::Error as E;
        match error {
            E::Store(error) => error.into(),
            E::Refused(refused) => refused.into(),
            E::Missing { .. } => Self::new(Kind::NotFound),
            E::State { .. } | E::NotFailed { .. } => Self::new(Kind::WrongState).detail(error.to_string()),
            E::TooManyRuns { window_seconds, .. } => {
                Self::new(Kind::TooManyRequests).detail(error.to_string()).retry_after(window_seconds)
            }
            E::MonthSpent { ends_at, .. } => {
                let problem = Self::new(Kind::MonthSpent).detail(error.to_string());
                ends_at.into_iter().fold(problem, |problem, at| problem.with("ends_at", at))
            }
            E::NoSuchTrigger { .. } => Self::new(Kind::BadParameter).detail(error.to_string()),
            error => Self::internal(error),
        }
    }
}
