//! The verifier's own RFC 6962 tree: a stack of subtrees, merged while the two on top are equally high.

use sha2::{Digest, Sha256};

/// By another implementation of SHA-256 than the writer's, and one that needs no memory for a digest.
pub(super) fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = Sha256::new();
    parts.iter().for_each(|part| context.update(part));
    context.finalize().into()
}

/// Hash of a leaf's data; for an entry it is also the link that the next entry carries.
pub fn leaf_hash(data: &[u8]) -> [u8; 32] {
    digest(&[b"\x00", data])
}

pub(super) fn parent(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    digest(&[b"\x01", left, right])
}

#[derive(Debug, Clone, Default)]
pub(super) struct Tree {
    /// (height, root) of complete subtrees, leftmost first.
    stack: Vec<(u32, [u8; 32])>,
    pub(super) size: u64,
}

impl Tree {
    /// A tree that begins with the subtrees of `size` leaves, as an anchor states them.
    pub(super) fn resume(size: u64, peaks: &[[u8; 32]]) -> Option<Self> {
        let heights: Vec<u32> = (0..64).rev().filter(|bit| size >> bit & 1 == 1).collect();
        (heights.len() == peaks.len())
            .then(|| Self { stack: heights.into_iter().zip(peaks.iter().copied()).collect(), size })
    }
    pub(super) fn add(&mut self, leaf: [u8; 32]) {
        self.stack.push((0, leaf));
        self.size += 1;
        while let [.., (a, left), (b, right)] = self.stack[..]
            && a == b
        {
            self.stack.truncate(self.stack.len() - 2);
            self.stack.push((a + 1, parent(&left, &right)));
        }
    }
    pub(super) fn root(&self) -> [u8; 32] {
        let mut root: Option<[u8; 32]> = None;
        for (_, peak) in self.stack.iter().rev() {
            root = Some(root.map_or(*peak, |right| parent(peak, &right)));
        }
        root.unwrap_or_else(|| digest(&[]))
    }
}
