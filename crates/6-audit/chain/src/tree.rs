//! RFC 6962 tree over a chain's entries, as the writer keeps it: only the roots of its complete subtrees.

use crate::{Hash, entry::sha256};

fn node(left: &Hash, right: &Hash) -> Hash {
    sha256(&[&[0x01], left, right])
}

/// The part of a tree that is enough to append to it and to know its root: one hash for each bit that is set in the
/// size, largest subtree first. At most 64 hashes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CompactRange {
    size: u64,
    peaks: Vec<Hash>,
}

/// A stored state that no tree of that size can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{bytes} bytes cannot be the state of a tree of {size} entries")]
pub struct BadState {
    pub size: u64,
    pub bytes: usize,
}

impl CompactRange {
    /// From storage.
    ///
    /// # Errors
    /// When `state` cannot belong to a tree of `size` leaves.
    pub fn restore(size: u64, state: &[u8]) -> Result<Self, BadState> {
        let (peaks, rest) = state.as_chunks::<32>();
        if !rest.is_empty() || peaks.len() != size.count_ones() as usize {
            return Err(BadState { size, bytes: state.len() });
        }
        Ok(Self { size, peaks: peaks.to_vec() })
    }
    /// For storage; the size is stored beside it.
    pub fn state(&self) -> Vec<u8> {
        self.peaks.concat()
    }
    pub const fn size(&self) -> u64 {
        self.size
    }
    /// Appends a leaf by its hash, see [`crate::entry::hash`].
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                hash = node(&left, &hash);
            }
        }
        self.peaks.push(hash);
        self.size += 1;
    }
    /// The root; for no leaves it is the SHA-256 of nothing, as RFC 6962 says.
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else { return sha256(&[]) };
        peaks.fold(*last, |right, left| node(left, &right))
    }
}

/// A whole tree in memory, 64 bytes a leaf, for making proofs.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    /// `levels[0]` are the leaves; `levels[k]` the roots of complete subtrees of 2^k leaves.
    levels: Vec<Vec<Hash>>,
}

impl Tree {
    pub fn size(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| leaves.len() as u64)
    }
    /// Appends a leaf by its hash.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            self.levels[level].push(hash);
            let nodes = &self.levels[level];
            if nodes.len() % 2 == 1 {
                break;
            }
            hash = node(&nodes[nodes.len() - 2], &nodes[nodes.len() - 1]);
        }
    }
    /// The root over the first `size` leaves.
    pub fn root(&self, size: u64) -> Hash {
        if size == 0 { sha256(&[]) } else { self.range(0, size) }
    }
    /// Proof that leaf `index` (from 0) is in the tree of the first `size` leaves; `None` if it is not.
    pub fn inclusion(&self, index: u64, size: u64) -> Option<Vec<Hash>> {
        (index < size && size <= self.size()).then(|| {
            let mut proof = Vec::new();
            self.path(index, 0, size, &mut proof);
            proof
        })
    }
    /// Proof that the tree of `new` leaves begins with the tree of `old` leaves; `None` unless `0 < old <= new <= size`.
    pub fn consistency(&self, old: u64, new: u64) -> Option<Vec<Hash>> {
        (0 < old && old <= new && new <= self.size()).then(|| {
            let mut proof = Vec::new();
            self.subproof(old, 0, new, true, &mut proof);
            proof
        })
    }

    /// The root of the leaves `from..from + count`, where `from` is a multiple of the largest power of two in `count`.
    fn range(&self, from: u64, count: u64) -> Hash {
        if count.is_power_of_two() {
            return self.levels[count.trailing_zeros() as usize][(from / count) as usize];
        }
        let half = split(count);
        node(&self.range(from, half), &self.range(from + half, count - half))
    }
    fn path(&self, index: u64, from: u64, count: u64, proof: &mut Vec<Hash>) {
        if count == 1 {
            return;
        }
        let half = split(count);
        if index < half {
            self.path(index, from, half, proof);
            proof.push(self.range(from + half, count - half));
        } else {
            self.path(index - half, from + half, count - half, proof);
            proof.push(self.range(from, half));
        }
    }
    fn subproof(&self, old: u64, from: u64, count: u64, whole: bool, proof: &mut Vec<Hash>) {
        if old == count {
            if !whole {
                proof.push(self.range(from, count));
            }
            return;
        }
        let half = split(count);
        if old <= half {
            self.subproof(old, from, half, whole, proof);
            proof.push(self.range(from + half, count - half));
        } else {
            self.subproof(old - half, from + half, count - half, false, proof);
            proof.push(self.range(from, half));
        }
    }
}

/// The largest power of two below `count`, which is at least 2.
const fn split(count: u64) -> u64 {
    1 << (63 - (count - 1).leading_zeros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compact_range_has_the_root_of_the_whole_tree_and_restores() {
        let (mut range, mut tree) = (CompactRange::default(), Tree::default());
        for size in 1..=300_u64 {
            let leaf = crate::entry::hash(&size.to_be_bytes());
            range.push(leaf);
            tree.push(leaf);
            assert_eq!(range.root(), tree.root(size));
            assert_eq!(CompactRange::restore(size, &range.state()).as_ref(), Ok(&range));
        }
    }

    #[test]
    fn a_state_of_another_size_is_refused() {
        assert!(CompactRange::restore(3, &[0; 32]).is_err());
        assert!(CompactRange::restore(1, &[0; 33]).is_err());
    }
}
