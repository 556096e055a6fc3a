//! The audit trail as stored rows. What an entry says and how it is hashed is `6-audit`'s business, reached through
//! the port [`Linker`]; appending happens at the end of every transaction of the writer ([`append`]).

pub(crate) mod append;
mod find;
mod index;
mod keys;
pub(crate) mod lane;
mod purge;
mod read;
mod scan;
mod witness;

pub use find::{Facets, MOST_FACETS};
pub use index::{IndexBlock, Posting, Tile};
pub use purge::AuditAnchor;
pub use read::{AuditFilter, Checkpoint, StoredEntry};
pub use scan::RawEntry;
pub use witness::{Cosignature, MOST_SEARCHES, SavedSearch};

use std::fmt;

use domain::{AuditId, AuditResult, RequestId, Scope, Timestamp};

/// Which chain: one per team and environment, and the system's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ChainKey {
    System,
    Of(Scope),
}

impl fmt::Display for ChainKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("system"),
            Self::Of(scope) => write!(f, "{}/{}", scope.team, scope.environment),
        }
    }
}

impl ChainKey {
    /// The team and environment; `None` for the system's chain.
    pub const fn scope(&self) -> Option<Scope> {
        match self {
            Self::System => None,
            Self::Of(scope) => Some(*scope),
        }
    }
    /// Reads what [`Display`](fmt::Display) writes.
    pub fn read(text: &str) -> Option<Self> {
        if text == "system" {
            return Some(Self::System);
        }
        let (team, environment) = text.split_once('/')?;
        Some(Self::Of(Scope { team: team.parse().ok()?, environment: environment.parse().ok()? }))
    }
}

/// Where a chain ends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChainHead {
    /// The last entry's number; 0 before the first, so that entries count from 1.
    pub seq: i64,
    /// The last entry's hash; zeroes before the first.
    pub hash: [u8; 32],
    /// Whatever the linker needs to go on with its tree; empty before the first.
    pub tree: Vec<u8>,
}

/// An entry as the recorder prepared it: everything but its place in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRowDraft {
    pub chain: ChainKey,
    pub id: AuditId,
    pub at: Timestamp,
    // searchable; nothing personal stands here in the clear
    pub operation: String,
    pub target: Option<String>,
    pub result: AuditResult,
    pub request: Option<RequestId>,
    /// The intent that this is the outcome of.
    pub intent: Option<AuditId>,
    /// The keyed pseudonym of whoever acted.
    pub subject: Option<[u8; 32]>,
    /// What the linker makes the entry from; the recorder's own format, sealed subject and detail included.
    pub body: Vec<u8>,
}

/// A linked entry, ready to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    pub draft: AuditRowDraft,
    pub seq: i64,
    /// The canonical bytes that are hashed and kept.
    pub entry: Vec<u8>,
    pub hash: [u8; 32],
}

/// Port: turns drafts into linked entries. Pure; it is called again when a transaction is.
pub trait Linker: Send + Sync {
    /// Links `drafts` (all of `chain`, in order) after `head` and says where the chain ends then.
    fn link(&self, chain: &ChainKey, head: &ChainHead, drafts: Vec<AuditRowDraft>) -> (Vec<AuditRow>, ChainHead);
}
