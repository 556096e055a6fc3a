//! Whose data: one team, one environment. A request acts in exactly one of each, named in its path.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::TeamId;

/// Where a workflow lives; each holds its own published version, credentials, policies and audit chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// The default: try things (R263).
    Development,
    /// Validation before production (R264).
    Staging,
    /// Live (R265).
    Production,
}

impl Environment {
    /// All three, in the order of promotion.
    pub const ALL: [Self; 3] = [Self::Development, Self::Staging, Self::Production];
    /// The word on the wire and in storage.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Staging => "staging",
            Self::Production => "production",
        }
    }
}
impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names none of the three environments.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected development, staging or production")]
pub struct UnknownEnvironment;

impl FromStr for Environment {
    type Err = UnknownEnvironment;
    fn from_str(text: &str) -> Result<Self, UnknownEnvironment> {
        Self::ALL.into_iter().find(|e| e.as_str() == text).ok_or(UnknownEnvironment)
    }
}

/// One team's data in one environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Scope {
    /// The tenant.
    pub team: TeamId,
    /// Development, staging or production.
    pub environment: Environment,
}
