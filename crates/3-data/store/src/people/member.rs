//! A member of a team: a person or a machine.

use domain::{ServiceAccountId, UserId};
use uuid::Uuid;

use crate::{Error, Result, kernel::row::Row};

/// Who can be in a team, and who can own a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Member {
    User(UserId),
    ServiceAccount(ServiceAccountId),
}

impl Member {
    pub(super) const fn kind(self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::ServiceAccount(_) => "service_account",
        }
    }
    pub(super) const fn id(self) -> Uuid {
        match self {
            Self::User(id) => id.uuid(),
            Self::ServiceAccount(id) => id.uuid(),
        }
    }
    pub(super) fn read(row: &Row, kind: &str, id: &str) -> Result<Self> {
        match row.get::<String>(kind)?.as_str() {
            "user" => row.get(id).map(Self::User),
            "service_account" => row.get(id).map(Self::ServiceAccount),
            _ => Err(Error::corrupt(kind, "it names no kind of member")),
        }
    }
}
