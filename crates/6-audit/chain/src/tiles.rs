//! The tree as it is stored for making proofs: rows of 256 hashes, as in C2SP tlog-tiles. A row of level 0 holds leaf
//! hashes, a row of level n + 1 the roots of full rows of level n. A proof over a million entries reads about six rows.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Hash,
    tree::{Nodes, node},
};

/// Hashes in a full row.
pub const WIDTH: u64 = 256;
const HEIGHT: u32 = 8;

/// A row: its level, and its place among those of its level.
pub type Place = (u32, u64);

/// Rows in memory, enough of them for the proofs that are wanted.
#[derive(Debug, Clone, Default)]
pub struct Tiles {
    rows: BTreeMap<Place, Vec<Vec<Hash>>>,
}

impl Tiles {
    /// Adds a row; it may be a part of one, from its beginning.
    pub fn put(&mut self, place: Place, hashes: Vec<Hash>) {
        self.rows.insert(place, vec![hashes]);
    }
    pub fn has(&self, place: Place) -> bool {
        self.rows.contains_key(&place)
    }
    /// Forgets the rows of leaves but those in `wanted`, so that proofs of many entries stay within little memory.
    pub fn forget_leaves_but(&mut self, wanted: &BTreeSet<Place>) {
        self.rows.retain(|place, _| place.0 > 0 || wanted.contains(place));
    }
}

impl Nodes for Tiles {
    fn node(&mut self, height: u32, index: u64) -> Option<Hash> {
        let (row, within) = place_of(height, index);
        let pyramid = self.rows.get_mut(&row)?;
        let rise = (height % HEIGHT) as usize;
        while pyramid.len() <= rise {
            let below = pyramid.last()?;
            let above = below.as_chunks::<2>().0.iter().map(|[left, right]| node(left, right)).collect();
            pyramid.push(above);
        }
        pyramid[rise].get(usize::try_from(within).ok()?).copied()
    }
}

/// In which row the node is, and where in the row.
const fn place_of(height: u32, index: u64) -> (Place, u64) {
    let width = WIDTH >> (height % HEIGHT);
    ((height / HEIGHT, index / width), index % width)
}

/// Which rows a proof needs.
#[derive(Debug, Clone, Default)]
pub struct Wanted(pub BTreeSet<Place>);

impl Nodes for Wanted {
    fn node(&mut self, height: u32, index: u64) -> Option<Hash> {
        self.0.insert(place_of(height, index).0);
        Some([0; 32])
    }
}

/// The root of a full row.
pub fn root_of_row(hashes: &[Hash]) -> Option<Hash> {
    let mut row = hashes.to_vec();
    (row.len() as u64 == WIDTH).then_some(())?;
    while row.len() > 1 {
        row = row.as_chunks::<2>().0.iter().map(|[left, right]| node(left, right)).collect();
    }
    row.first().copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{Tree, consistency, inclusion, root};

    /// Rows as the indexer stores them.
    fn rows(leaves: &[Hash]) -> Tiles {
        let mut tiles = Tiles::default();
        let mut level = leaves.to_vec();
        for number in 0.. {
            if level.is_empty() {
                return tiles;
            }
            for (place, row) in level.chunks(WIDTH as usize).enumerate() {
                tiles.put((number, place as u64), row.to_vec());
            }
            level = level.chunks(WIDTH as usize).filter_map(root_of_row).collect();
        }
        tiles
    }

    #[test]
    fn rows_give_the_proofs_of_the_whole_tree() {
        let leaves: Vec<Hash> = (0..70_000_u64).map(|n| crate::entry::hash(&n.to_be_bytes())).collect();
        let mut tree = Tree::default();
        leaves.iter().for_each(|leaf| tree.push(*leaf));
        let mut tiles = rows(&leaves);
        for size in [1, 2, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537, 69_999, 70_000] {
            assert_eq!(root(&mut tiles, size), Some(tree.root(size)), "{size}");
            for index in [0, 1, 255, 256, 300, 65_535, 65_536, 69_998] {
                assert_eq!(inclusion(&mut tiles, index, size), tree.inclusion(index, size), "{index} of {size}");
                assert_eq!(consistency(&mut tiles, index, size), tree.consistency(index, size), "{index} to {size}");
            }
        }
    }

    #[test]
    fn a_proof_over_a_million_needs_few_rows() {
        let mut wanted = Wanted::default();
        let path = inclusion(&mut wanted, 654_321, 1_000_000).unwrap_or_default();
        assert!(path.len() <= 20 && wanted.0.len() <= 6, "{} {:?}", path.len(), wanted.0);
    }

    #[test]
    fn a_row_that_is_missing_gives_no_proof() {
        let mut tiles = Tiles::default();
        tiles.put((0, 0), vec![[1; 32]; 200]);
        assert!(inclusion(&mut tiles, 5, 200).is_some() && inclusion(&mut tiles, 5, 201).is_none());
    }
}
