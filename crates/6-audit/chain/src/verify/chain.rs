//! The streaming verifier of one chain. It holds one entry back, because whom to blame for a broken link shows only in
//! the entry after it.

use std::collections::BTreeMap;

use super::{
    Covered,
    entry::{View, view},
    report::{Bad, ChainReport, Purged, Tamper},
    tree::{Tree, digest, leaf_hash},
};

/// The copy of an entry's fields that a database keeps for searching; it must say what the entry says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Columns<'a> {
    pub id: [u8; 16],
    pub at_micros: i64,
    pub operation: &'a str,
    pub target: Option<&'a str>,
    pub result: &'a str,
    pub request: Option<[u8; 16]>,
    pub intent: Option<[u8; 16]>,
    pub pseudonym: Option<&'a [u8]>,
}

/// An entry as it was found.
#[derive(Debug, Clone, Copy, Default)]
pub struct Item<'a> {
    /// The sequence by which it was stored; absent in a bundle.
    pub stored_sequence: Option<u64>,
    /// The hash stored beside it; absent in a bundle.
    pub stored_hash: Option<&'a [u8]>,
    pub columns: Option<Columns<'a>>,
    pub entry: &'a [u8],
    pub detail: &'a [u8],
    pub detail_salt: &'a [u8],
}

/// Where a chain's entries begin when the older ones were purged or not exported. It is believed only if a checkpoint
/// vouches for exactly this size, hash and root.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Anchor {
    pub size: u64,
    pub hash: [u8; 32],
    /// Roots of the complete subtrees, largest first.
    pub peaks: Vec<[u8; 32]>,
}

/// The head that is stored beside the entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredHead {
    pub size: u64,
    pub hash: Vec<u8>,
    /// The roots of the complete subtrees, if they are stored.
    pub state: Option<Vec<u8>>,
}

/// An item of which is known what can be known without its neighbours. Made in any order and on any thread; taken by
/// [`ChainVerifier::take`] in the order of the chain.
pub struct Examined {
    place: Result<Place, &'static str>,
    hash: [u8; 32],
    stored_sequence: Option<u64>,
    /// What already contradicts the entry's own bytes.
    contradiction: Option<&'static str>,
    /// The last entry that this one says was purged.
    purged_through: Option<u64>,
}

/// What an entry says of its own place.
#[derive(Clone, Copy)]
struct Place {
    /// Whether it names another chain than the one that it was found in.
    foreign: bool,
    sequence: u64,
    previous: [u8; 32],
    at_micros: i64,
}

type Held = Examined;

impl Examined {
    /// The hash of the item's bytes.
    pub const fn hash(&self) -> &[u8; 32] {
        &self.hash
    }
}

/// The operation of the entry that a purge leaves; its detail names the last entry purged as `purged_through`.
pub const PURGE: &str = "audit.purge";

/// Verifies the entries of one chain, in the order in which they are stored.
pub struct ChainVerifier {
    chain: String,
    covered: BTreeMap<u64, Covered>,
    tree: Tree,
    last: [u8; 32],
    before_last: Option<[u8; 32]>,
    start: u64,
    held: Option<Held>,
    /// Whether the stored head names the last entry.
    vouched_last: bool,
    entries: u64,
    last_at: i64,
    steps_back: u64,
    checkpoint: Option<(u64, u64)>,
    /// The newest entry that says where the chain begins.
    purge_told: Option<u64>,
    must_tell_purge: bool,
    bad: Option<Bad>,
}

impl ChainVerifier {
    /// `covered`: every head of this chain that good checkpoints vouch for, in any order.
    pub fn new(chain: &str, covered: impl IntoIterator<Item = Covered>, anchor: &Anchor) -> Self {
        let mut verifier = Self {
            chain: chain.to_owned(),
            covered: BTreeMap::new(),
            tree: Tree::default(),
            last: anchor.hash,
            before_last: None,
            start: anchor.size,
            held: None,
            vouched_last: false,
            entries: 0,
            last_at: i64::MIN,
            steps_back: 0,
            checkpoint: None,
            purge_told: None,
            must_tell_purge: false,
            bad: None,
        };
        for head in covered {
            if head.chain != chain {
                continue;
            }
            if let Some(other) = verifier.covered.get(&head.size)
                && (other.hash != head.hash || other.root != head.root)
            {
                verifier.fail(
                    head.size,
                    head.size,
                    Tamper::Recomputed,
                    "two checkpoints vouch for different entries here",
                );
            }
            // the first is kept: it is the one that may have left the machine before anything was changed
            verifier.covered.entry(head.size).or_insert(head);
        }
        verifier.begin(anchor);
        verifier
    }

    fn begin(&mut self, anchor: &Anchor) {
        if anchor.size == 0 {
            if anchor.hash != [0; 32] || !anchor.peaks.is_empty() {
                self.fail(1, 1, Tamper::HeadAltered, "the chain does not begin where a chain begins");
            }
            return;
        }
        let vouched = self.covered.get(&anchor.size);
        match (Tree::resume(anchor.size, &anchor.peaks), vouched) {
            (Some(tree), Some(head)) if head.hash == anchor.hash && head.root == tree.root() => {
                self.checkpoint = Some((head.number, head.size));
                self.tree = tree;
            }
            _ => self.fail(
                1,
                anchor.size,
                Tamper::HeadAltered,
                "no checkpoint vouches for the point at which the entries begin",
            ),
        }
    }

    /// Demands that a chain which does not begin with its first entry holds the entry that says so: where the whole
    /// chain should be, a beginning that is gone without a word was taken away.
    #[must_use]
    pub const fn whole(mut self) -> Self {
        self.must_tell_purge = true;
        self
    }
    /// How many entries hold so far, those before the beginning included.
    pub const fn size(&self) -> u64 {
        self.tree.size
    }
    /// Takes the next entry.
    pub fn entry(&mut self, item: &Item<'_>) {
        let examined = examine(item, &self.chain);
        self.take(examined);
    }
    /// Takes the next entry, which was examined before.
    pub fn take(&mut self, next: Examined) {
        self.entries += 1;
        if self.bad.is_some() {
            return;
        }
        if let Some(held) = self.held.take() {
            self.judge(held, Some(&next));
        }
        self.held = Some(next);
    }

    /// Ends the chain. `head`: what is stored about it, if anything is.
    pub fn finish(mut self, head: Option<&StoredHead>) -> ChainReport {
        if let Some(held) = self.held.take() {
            self.vouched_last = head.is_some_and(|head| head.hash == held.hash);
            self.judge(held, None);
        }
        if self.bad.is_none() {
            self.check_end(head);
        }
        if self.start > 0 && self.must_tell_purge && self.purge_told.is_none() {
            self.fail(
                1,
                self.start,
                Tamper::Deleted,
                "the first entries are gone, and no entry says that they were purged",
            );
        }
        let purged = (self.start > 0).then_some(Purged { through: self.start, told_by: self.purge_told });
        ChainReport {
            chain: self.chain,
            entries: self.entries,
            size: self.tree.size,
            head: hex::encode(self.last),
            checkpoint: self.checkpoint,
            clock_steps_back: self.steps_back,
            purged,
            bad: self.bad,
        }
    }

    fn check_end(&mut self, head: Option<&StoredHead>) {
        let size = self.tree.size;
        let promised = self.covered.keys().next_back().copied().unwrap_or(0);
        if promised > size {
            return self.fail(
                size + 1,
                size + 1,
                Tamper::Truncated,
                "a checkpoint vouches for entries that are not there",
            );
        }
        let Some(head) = head else { return };
        if head.size > size {
            self.fail(size + 1, size + 1, Tamper::Truncated, "the stored head counts entries that are not there");
        } else if head.size < size {
            self.fail(head.size + 1, head.size + 1, Tamper::Inserted, "the stored head does not know this entry");
        } else if head.hash != self.last {
            let at = size.max(1);
            self.fail(at, at, Tamper::Edited, "the last entry is not the one that the stored head names");
        } else if let Some(state) = &head.state
            && Tree::resume(size, state.as_chunks::<32>().0).is_none_or(|tree| tree.root() != self.tree.root())
        {
            self.fail(size.max(1), size.max(1), Tamper::HeadAltered, "the stored tree is not that of the entries");
        }
    }

    fn judge(&mut self, held: Held, next: Option<&Held>) {
        if self.bad.is_some() {
            return;
        }
        let expected = self.tree.size + 1;
        let entry = match &held.place {
            Ok(entry) => *entry,
            Err(why) => return self.fail(expected, expected, Tamper::Malformed, why),
        };
        if entry.foreign {
            return self.fail(expected, expected, Tamper::Foreign, "the entry belongs to another chain");
        }
        if let Some((at, kind, why)) = self.misplaced(&entry, &held, next, expected) {
            return self.fail(at, at, kind, why);
        }
        if let Some(why) = held.contradiction {
            return self.fail(expected, expected, Tamper::Edited, why);
        }
        if entry.previous != self.last {
            let (at, kind, why) = self.blame(&held, &entry, next, expected);
            return self.fail(at, at, kind, why);
        }
        if entry.at_micros < self.last_at {
            self.steps_back += 1;
        }
        self.last_at = entry.at_micros;
        if self.start > 0 && held.purged_through == Some(self.start) {
            self.purge_told = Some(expected);
        }
        self.tree.add(held.hash);
        self.before_last = Some(std::mem::replace(&mut self.last, held.hash));
        self.compare_with_checkpoint(expected);
    }

    fn misplaced(
        &self,
        entry: &Place,
        held: &Held,
        next: Option<&Held>,
        expected: u64,
    ) -> Option<(u64, Tamper, &'static str)> {
        let gone = "the entry that belongs here is missing";
        if let Some(stored) = held.stored_sequence
            && stored != entry.sequence
        {
            let follows = |next: &Place| next.sequence == entry.sequence.saturating_add(1);
            return Some(if stored > expected {
                (expected, Tamper::Deleted, gone)
            } else if entry.sequence < expected {
                self.inserted(entry, held, expected)
            } else if entry.previous == self.last {
                (expected, Tamper::Edited, "the entry names another sequence than its own")
            } else if next.and_then(|next| next.place.as_ref().ok()).is_none_or(follows) {
                (expected, Tamper::Deleted, gone)
            } else {
                (expected, Tamper::Reordered, "the entry that stands here belongs further down")
            });
        }
        if entry.sequence == expected {
            return None;
        }
        if entry.sequence < expected {
            return Some(self.inserted(entry, held, expected));
        }
        if entry.previous == self.last {
            return Some((expected, Tamper::Edited, "the entry names another sequence than its own"));
        }
        let later = next.and_then(|next| next.place.as_ref().ok()).map(|next| next.sequence);
        Some(match later {
            Some(later) if (expected..entry.sequence).contains(&later) => {
                (expected, Tamper::Reordered, "the entry that stands here belongs further down")
            }
            _ => (expected, Tamper::Deleted, gone),
        })
    }

    /// An entry with an earlier sequence stands here: is it the intruder, or was it pushed down by one?
    fn inserted(&self, entry: &Place, held: &Held, expected: u64) -> (u64, Tamper, &'static str) {
        if held.hash != self.last && entry.sequence == expected - 1 && self.before_last == Some(entry.previous) {
            return (expected - 1, Tamper::Inserted, "the entry after it continues the entry before it");
        }
        (expected, Tamper::Inserted, "an entry with an earlier sequence stands here")
    }

    /// The link is broken between the last entry and this one: which of the two was changed?
    fn blame(&self, held: &Held, entry: &Place, next: Option<&Held>, expected: u64) -> (u64, Tamper, &'static str) {
        if self.tree.size == self.start {
            return (expected, Tamper::Edited, "the entry does not begin the chain");
        }
        if self.before_last == Some(entry.previous) {
            return (expected - 1, Tamper::Inserted, "the entry after it continues the entry before it");
        }
        let vouched = match next {
            Some(next) => next.place.as_ref().is_ok_and(|next| next.previous == held.hash),
            None => self.vouched_last || self.covered.get(&expected).is_some_and(|head| head.hash == held.hash),
        };
        if vouched {
            (expected - 1, Tamper::Edited, "the entry after it, which holds, links to other bytes")
        } else {
            (expected, Tamper::Edited, "the entry does not link to the entry before it")
        }
    }

    fn compare_with_checkpoint(&mut self, size: u64) {
        let Some(head) = self.covered.get(&size) else { return };
        if head.hash == self.last && head.root == self.tree.root() {
            self.checkpoint = Some((head.number, size));
            return;
        }
        let from = self.checkpoint.map_or(self.start, |(_, size)| size) + 1;
        self.fail(from, size, Tamper::Recomputed, "the entries agree with each other but not with a signed checkpoint");
    }

    fn fail(&mut self, first: u64, last: u64, kind: Tamper, why: &str) {
        if self.bad.is_none() {
            self.bad = Some(Bad { first, last, kind, why: why.to_owned() });
        }
    }
}

/// What can be said of an item by itself, which was found in this chain.
pub fn examine(item: &Item<'_>, chain: &str) -> Examined {
    let hash = leaf_hash(item.entry);
    let entry = view(item.entry).map_err(|malformed| malformed.0);
    let (mut contradiction, mut purged_through) = (None, None);
    if let Ok(entry) = &entry {
        let detail = digest(&[b"nodeloom/audit/detail/v1\0", item.detail_salt, item.detail]);
        if item.stored_hash.is_some_and(|stored| stored != hash) {
            contradiction = Some("the entry's bytes do not have the hash that was stored with them");
        } else if detail != entry.detail {
            contradiction = Some("the detail is not the one that the entry commits to");
        } else if item.columns.is_some_and(|columns| columns != of(entry)) {
            contradiction = Some("the columns for searching do not say what the entry says");
        } else if entry.operation == PURGE {
            let detail: Option<serde_json::Value> = serde_json::from_slice(item.detail).ok();
            purged_through = detail.and_then(|detail| detail.get("purged_through")?.as_u64());
        }
    }
    let place = entry.map(|entry| Place {
        foreign: entry.chain != chain,
        sequence: entry.sequence,
        previous: entry.previous,
        at_micros: entry.at_micros,
    });
    Examined { place, hash, stored_sequence: item.stored_sequence, contradiction, purged_through }
}

fn of<'a>(entry: &'a View<'_>) -> Columns<'a> {
    Columns {
        id: entry.id,
        at_micros: entry.at_micros,
        operation: entry.operation,
        target: entry.target,
        result: entry.result,
        request: entry.request,
        intent: entry.intent,
        pseudonym: Some(&entry.pseudonym),
    }
}
