//! What a verification found, for machines and for people.

use std::fmt::Write;

use serde::Serialize;

/// What was done to a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tamper {
    /// An entry, or something stored beside it, is not what it was.
    Edited,
    /// An entry is missing from its place.
    Deleted,
    /// An entry stands where none was written.
    Inserted,
    /// Entries stand in another order.
    Reordered,
    /// The last entries are gone.
    Truncated,
    /// The chain was written anew after a checkpoint had left: it is consistent with itself and not with the checkpoint.
    Recomputed,
    /// An entry of another chain.
    Foreign,
    /// Bytes that are not an entry.
    Malformed,
    /// The stored head, or the point at which the chain begins, is not what the entries say.
    HeadAltered,
    /// What is stored for making proofs is not what the entries say.
    TreeAltered,
}

/// The first bad entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bad {
    /// Sequence of the first bad entry.
    pub first: u64,
    /// Equal to `first` where it is known exactly; with a recomputed chain, the first bad entry is one of
    /// `first..=last`, from the last checkpoint that holds to the first that does not.
    pub last: u64,
    pub kind: Tamper,
    /// A sentence.
    pub why: String,
}

/// The first entries of a chain were purged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Purged {
    /// The last of them.
    pub through: u64,
    /// The entry that says so; a part of a chain need not hold it.
    pub told_by: Option<u64>,
}

/// One chain, verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChainReport {
    pub chain: String,
    /// How many entries were read.
    pub entries: u64,
    /// Sequence of the last good entry.
    pub size: u64,
    /// Hash of the last good entry, in hexadecimal.
    pub head: String,
    /// Number of the newest checkpoint that vouches for this chain, and the size it vouches for.
    pub checkpoint: Option<(u64, u64)>,
    /// How often the server's clock went backwards between entries. That is allowed, and worth knowing.
    pub clock_steps_back: u64,
    /// The entries before the first that is there: a checkpoint vouches for all of them together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purged: Option<Purged>,
    pub bad: Option<Bad>,
}

/// What is wrong with a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckpointFault {
    /// Not a note, or not a checkpoint.
    Malformed,
    /// Not signed by the expected key, or its text was changed.
    BadSignature,
    /// Its number is not the next.
    Missing,
    /// It does not continue the checkpoints before it.
    Inconsistent,
    /// The heads stored beside it are not those that were signed.
    HeadsAltered,
    /// A witness whose key was given did not sign what stands over its name.
    BadCosignature,
}

/// A bad checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckpointBad {
    /// The number it should have, or has.
    pub number: u64,
    pub fault: CheckpointFault,
}

/// What a witness signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Witnessed {
    pub witness: String,
    /// Number of the newest checkpoint under which its signature holds; 0 when there is none.
    pub newest: u64,
    /// How many checkpoints it signed.
    pub signed: u64,
}

/// A whole verification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct Report {
    pub chains: Vec<ChainReport>,
    /// How many checkpoints hold.
    pub checkpoints: u64,
    /// The first bad checkpoint.
    pub bad_checkpoint: Option<CheckpointBad>,
    /// Witnesses whose key was given, each with the newest checkpoint that it signed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub witnesses: Vec<Witnessed>,
    /// Whether the key was given by whoever verifies; otherwise it came with the data and proves less.
    pub key_was_given: bool,
}

impl Report {
    /// Whether nothing bad was found. An empty report is not intact: nothing was checked.
    pub fn is_intact(&self) -> bool {
        self.bad_checkpoint.is_none()
            && self.chains.iter().all(|chain| chain.bad.is_none())
            && !(self.chains.is_empty() && self.checkpoints == 0)
    }
    /// The report for people, one chain a line.
    pub fn render(&self) -> String {
        let mut out = String::new();
        for chain in &self.chains {
            let _ = write!(out, "{:<52} {:>9} entries  head {}", chain.chain, chain.entries, &chain.head[..16]);
            let _ = match chain.checkpoint {
                Some((number, size)) => write!(out, "  checkpoint {number} covers {size}"),
                None => write!(out, "  no checkpoint yet"),
            };
            let _ = match &chain.bad {
                None => writeln!(out, "  OK"),
                Some(bad) if bad.first == bad.last => writeln!(out, "  BAD at entry {}: {}", bad.first, bad.why),
                Some(bad) => writeln!(out, "  BAD from an entry between {} and {}: {}", bad.first, bad.last, bad.why),
            };
            let _ = match chain.purged {
                None => Ok(()),
                Some(Purged { through, told_by: Some(by) }) => {
                    writeln!(out, "    note: entries 1 to {through} were purged, as entry {by} says")
                }
                Some(Purged { through, told_by: None }) => {
                    writeln!(out, "    note: begins after entry {through}; the entries before are not here")
                }
            };
            if chain.clock_steps_back > 0 {
                let _ = writeln!(out, "    note: the server's clock went backwards {} times", chain.clock_steps_back);
            }
        }
        let _ = match &self.bad_checkpoint {
            None => writeln!(out, "{} checkpoints  OK", self.checkpoints),
            Some(bad) => writeln!(out, "checkpoint {} BAD: {}", bad.number, bad.fault.sentence()),
        };
        for witness in &self.witnesses {
            let _ = match witness.newest {
                0 => writeln!(out, "witness {}: signed none of the checkpoints here", witness.witness),
                newest => writeln!(
                    out,
                    "witness {}: signed {} checkpoints, the newest is {newest}",
                    witness.witness, witness.signed
                ),
            };
        }
        if !self.key_was_given && self.checkpoints > 0 {
            out.push_str("note: the public key came with the data; give the key you trust to be sure whose it is\n");
        }
        out.push_str(if self.is_intact() {
            "OK: the audit trail is intact\n"
        } else {
            "FAILED: the audit trail was tampered with\n"
        });
        out
    }
}

impl CheckpointFault {
    const fn sentence(self) -> &'static str {
        match self {
            Self::Malformed => "it does not have the form of a checkpoint",
            Self::BadSignature => "it is not signed by the expected key, or its text was changed",
            Self::Missing => "it is missing",
            Self::Inconsistent => "it does not continue the checkpoints before it",
            Self::HeadsAltered => "the heads stored beside it are not those that were signed",
            Self::BadCosignature => "a witness did not sign what stands over its name",
        }
    }
}
