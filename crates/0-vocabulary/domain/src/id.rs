//! Ids: UUIDv7 inside, a readable prefix on the wire (`wf_0190…`), so that an id in a log or a URL says what it names.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::Timestamp;

/// An id that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an id that starts with \"{expected}_\" followed by 32 hexadecimal digits")]
pub struct InvalidId {
    /// The prefix that ids of this kind carry.
    pub expected: &'static str,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl $name {
            /// What stands before the underscore on the wire.
            pub const PREFIX: &'static str = $prefix;

            /// A new id; ids made later sort later. `entropy` is 10 random bytes.
            pub fn new(now: Timestamp, entropy: [u8; 10]) -> Self {
                let millis = (now.micros() / 1000).max(0) as u64;
                Self(uuid::Builder::from_unix_timestamp_millis(millis, &entropy).into_uuid())
            }
            /// The bare UUID, for storage.
            pub const fn uuid(self) -> Uuid { self.0 }
            /// From storage.
            pub const fn from_uuid(uuid: Uuid) -> Self { Self(uuid) }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), self.0.simple())
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { fmt::Display::fmt(self, f) }
        }
        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let bad = InvalidId { expected: $prefix };
                let rest = text.strip_prefix(concat!($prefix, "_")).ok_or(bad.clone())?;
                if rest.len() != 32 { return Err(bad); }
                Uuid::try_parse(rest).map(Self).map_err(|_| bad)
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> { s.collect_str(self) }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// A tenant.
    TeamId = "team";
    /// A person.
    UserId = "user";
    /// An account that is not a person.
    ServiceAccountId = "sa";
    /// A key that stands for a user or a service account.
    ApiKeyId = "key";
    /// An invitation into a team.
    InvitationId = "inv";
    /// A signed-in browser.
    SessionId = "ses";
    /// One request as it arrived.
    RequestId = "req";
    /// A workflow over all its versions.
    WorkflowId = "wf";
    /// One execution of a workflow.
    RunId = "run";
    /// The public address of a webhook trigger.
    WebhookId = "hook";
    /// A vault entry.
    CredentialId = "cred";
    /// Something that a check found.
    FindingId = "find";
    /// An audit entry.
    AuditId = "aud";
    /// A worker's claim on work.
    LeaseId = "lease";
    /// Where a team's audit entries and security events are delivered to.
    SiemId = "siem";
    /// An event that a receiver refused.
    DeadLetterId = "dead";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_from_its_wire_form() {
        let id = WorkflowId::new(Timestamp::from_micros(1_700_000_000_000_000), [7; 10]);
        assert_eq!(id.to_string().parse::<WorkflowId>(), Ok(id));
    }

    #[test]
    fn an_id_of_another_kind_is_refused() {
        let id = RunId::new(Timestamp::from_micros(0), [1; 10]).to_string();
        assert_eq!(id.parse::<WorkflowId>(), Err(InvalidId { expected: "wf" }));
    }

    #[test]
    fn later_ids_sort_later() {
        let early = RunId::new(Timestamp::from_micros(1_000_000), [255; 10]);
        let late = RunId::new(Timestamp::from_micros(2_000_000), [0; 10]);
        assert!(early < late && early.to_string() < late.to_string());
    }
}
