//! RFC 6962 tree over a chain's entries, as the writer keeps it: only the roots of its complete subtrees.

use aws_lc_rs::digest;

use crate::{Hash, entry::sha256};

pub(crate) fn node(left: &Hash, right: &Hash) -> Hash {
    // at once and on the stack: a tree over a million entries has a million of them
    let mut both = [0x01; 65];
    both[1..33].copy_from_slice(left);
    both[33..].copy_from_slice(right);
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, &both).as_ref());
    out
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

/// Roots of complete subtrees, wherever they come from.
pub trait Nodes {
    /// The root of the `index`-th (from 0) subtree of `2^height` leaves; `None` when it is not known here.
    fn node(&mut self, height: u32, index: u64) -> Option<Hash>;
}

/// The root over the first `size` leaves.
pub fn root(nodes: &mut impl Nodes, size: u64) -> Option<Hash> {
    if size == 0 { Some(sha256(&[])) } else { range(nodes, 0, size) }
}

/// Proof that leaf `index` (from 0) is in the tree of the first `size` leaves; `None` if it is not, or if a node that
/// the proof needs is not known.
pub fn inclusion(nodes: &mut impl Nodes, index: u64, size: u64) -> Option<Vec<Hash>> {
    if index >= size {
        return None;
    }
    let mut proof = Vec::new();
    path(nodes, index, 0, size, &mut proof)?;
    Some(proof)
}

/// Proof that the tree of `new` leaves begins with the tree of `old` leaves; `None` unless `0 < old <= new`, or if a
/// node that the proof needs is not known.
pub fn consistency(nodes: &mut impl Nodes, old: u64, new: u64) -> Option<Vec<Hash>> {
    if old == 0 || old > new {
        return None;
    }
    let mut proof = Vec::new();
    subproof(nodes, old, 0, new, true, &mut proof)?;
    Some(proof)
}

/// The root of the leaves `from..from + count`, where `from` is a multiple of the largest power of two in `count`.
fn range(nodes: &mut impl Nodes, from: u64, count: u64) -> Option<Hash> {
    if count.is_power_of_two() {
        return nodes.node(count.trailing_zeros(), from / count);
    }
    let half = split(count);
    let left = range(nodes, from, half)?;
    Some(node(&left, &range(nodes, from + half, count - half)?))
}

fn path(nodes: &mut impl Nodes, index: u64, from: u64, count: u64, proof: &mut Vec<Hash>) -> Option<()> {
    if count == 1 {
        return Some(());
    }
    let half = split(count);
    if index < half {
        path(nodes, index, from, half, proof)?;
        proof.push(range(nodes, from + half, count - half)?);
    } else {
        path(nodes, index - half, from + half, count - half, proof)?;
        proof.push(range(nodes, from, half)?);
    }
    Some(())
}

fn subproof(nodes: &mut impl Nodes, old: u64, from: u64, count: u64, whole: bool, proof: &mut Vec<Hash>) -> Option<()> {
    if old == count {
        if !whole {
            proof.push(range(nodes, from, count)?);
        }
        return Some(());
    }
    let half = split(count);
    if old <= half {
        subproof(nodes, old, from, half, whole, proof)?;
        proof.push(range(nodes, from + half, count - half)?);
    } else {
        subproof(nodes, old - half, from + half, count - half, false, proof)?;
        proof.push(range(nodes, from, half)?);
    }
    Some(())
}

/// A whole tree in memory, 64 bytes a leaf, for making proofs over few leaves.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    /// `levels[0]` are the leaves; `levels[k]` the roots of complete subtrees of 2^k leaves.
    levels: Vec<Vec<Hash>>,
}

impl Nodes for &Tree {
    fn node(&mut self, height: u32, index: u64) -> Option<Hash> {
        self.levels.get(height as usize)?.get(usize::try_from(index).ok()?).copied()
    }
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
    /// The root over the first `size` leaves, which there must be.
    pub fn root(&self, size: u64) -> Hash {
        root(&mut &*self, size).unwrap_or_default()
    }
    /// See [`inclusion`].
    pub fn inclusion(&self, index: u64, size: u64) -> Option<Vec<Hash>> {
        inclusion(&mut &*self, index, size)
    }
    /// See [`consistency`].
    pub fn consistency(&self, old: u64, new: u64) -> Option<Vec<Hash>> {
        consistency(&mut &*self, old, new)
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
