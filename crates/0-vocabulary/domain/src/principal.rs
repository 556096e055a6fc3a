//! Who acts.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{ApiKeyId, ServiceAccountId, UserId, WorkflowId};

/// Whoever a request or a run acts for. A run stores its principal; a worker derives its rights anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Principal {
    /// A person in a browser or a CLI session.
    User { id: UserId },
    /// A key; it acts with its own, narrower rights, on behalf of its owner.
    ApiKey { id: ApiKeyId, owner: UserId },
    /// An account for machines, through a key whose narrower rights it acts with. Without one (NodeLoom's own command
    /// line at the first start) it acts with all of the account's role.
    ServiceAccount {
        id: ServiceAccountId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<ApiKeyId>,
    },
    /// A webhook or a schedule: acts with the rights of whoever published the workflow.
    Trigger { workflow: WorkflowId, publisher: UserId },
    /// NodeLoom itself: migration, retention, recovery.
    System,
}

impl Principal {
    /// The person who answers for the act, if there is one.
    pub const fn person(&self) -> Option<UserId> {
        match *self {
            Self::User { id } | Self::ApiKey { owner: id, .. } | Self::Trigger { publisher: id, .. } => Some(id),
            Self::ServiceAccount { .. } | Self::System => None,
        }
    }
}
impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User { id } => id.fmt(f),
            Self::ApiKey { id, .. } => id.fmt(f),
            Self::ServiceAccount { id, .. } => id.fmt(f),
            Self::Trigger { workflow, .. } => write!(f, "trigger:{workflow}"),
            Self::System => f.write_str("system"),
        }
    }
}

/// The five built-in roles, in the order of the security overview's table (R051).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Admin,
    Builder,
    Operator,
    Viewer,
    ComplianceOfficer,
}

impl Role {
    /// All five, in the order of the table.
    pub const ALL: [Self; 5] = [Self::Admin, Self::Builder, Self::Operator, Self::Viewer, Self::ComplianceOfficer];
    /// The word on the wire and in storage.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Builder => "builder",
            Self::Operator => "operator",
            Self::Viewer => "viewer",
            Self::ComplianceOfficer => "compliance_officer",
        }
    }
}
impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names none of the five roles.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected admin, builder, operator, viewer or compliance_officer")]
pub struct UnknownRole;

impl FromStr for Role {
    type Err = UnknownRole;
    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL.into_iter().find(|r| r.as_str() == text).ok_or(UnknownRole)
    }
}
