//! A checkpoint: one signed note that covers the heads of all chains at one moment.
//!
//! The heads are lines, sorted, and the leaves of a small tree; the note says the root of that tree, so it stays the
//! same few lines for one chain or ten thousand, and a team can be shown its own head with a proof and nobody else's.
//! The notes themselves form a log: checkpoint n says the root of the tree over the statements of checkpoints 1 to n,
//! so it is a C2SP tlog checkpoint of size n, and no checkpoint can be dropped or changed without its successors
//! telling.

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::Timestamp;

use crate::{Hash, entry, note::SigningKey, tree::CompactRange};

/// Where one chain stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Head {
    pub chain: String,
    /// How many entries, which is the sequence of the last.
    pub size: u64,
    /// [`entry::hash`] of the last entry.
    pub hash: Hash,
    /// Root of the chain's tree.
    pub root: Hash,
}

impl Head {
    /// The head as a line, without its newline.
    pub fn line(&self) -> String {
        format!("{} {} {} {}", self.chain, self.size, STANDARD.encode(self.hash), STANDARD.encode(self.root))
    }
}

/// A signed checkpoint, ready to be stored and sent away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// Counts from 1.
    pub number: u64,
    /// Root of the log of checkpoints.
    pub root: Hash,
    pub note: String,
    /// The lines of all heads, sorted, each ended by a newline.
    pub heads: String,
}

/// The log of checkpoints as its writer keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Log {
    range: CompactRange,
}

/// A stored note that does not have the form of a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stored checkpoint {0} does not have the form of a checkpoint")]
pub struct NotACheckpoint(pub u64);

impl Log {
    /// How many checkpoints there are.
    pub const fn size(&self) -> u64 {
        self.range.size()
    }
    /// Signs the next checkpoint over `heads`. The log moves on with [`Log::accept`], once the note is stored.
    pub fn next(&self, key: &SigningKey, at: Timestamp, mut heads: Vec<Head>) -> Issued {
        heads.sort_unstable();
        let lines: Vec<String> = heads.iter().map(Head::line).collect();
        let mut tree = CompactRange::default();
        for line in &lines {
            tree.push(entry::hash(line.as_bytes()));
        }
        let statement = format!("at {at}\nheads {} {}\n", lines.len(), STANDARD.encode(tree.root()));
        let mut log = self.range.clone();
        log.push(entry::hash(statement.as_bytes()));
        let body = format!("{}\n{}\n{}\n{statement}", key.name(), log.size(), STANDARD.encode(log.root()));
        let heads = lines.into_iter().map(|line| line + "\n").collect();
        Issued { number: log.size(), root: log.root(), note: key.sign(&body), heads }
    }
    /// Moves on over a stored note, in order of their numbers.
    ///
    /// # Errors
    /// The note does not have the form of a checkpoint. Signatures are the verifier's business.
    pub fn accept(&mut self, note: &str) -> Result<(), NotACheckpoint> {
        self.range.push(statement_leaf(note).ok_or(NotACheckpoint(self.size() + 1))?);
        Ok(())
    }
}

/// The leaf of a note's statement in the log of checkpoints; `None` when it does not have the form of a checkpoint.
pub fn statement_leaf(note: &str) -> Option<Hash> {
    let (body, _) = note.split_once("\n\n")?;
    let statement = body.splitn(4, '\n').nth(3)?;
    Some(entry::hash(format!("{statement}\n").as_bytes()))
}
