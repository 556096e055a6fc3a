//! The stored rows of a chain's tree, from which proofs are made, held against its entries.

use std::collections::VecDeque;

use authz::{SystemPermit, act_as_system};
use chain::{
    tiles,
    verify::{Bad, Tamper},
};
use store::{ChainKey, Store};

use crate::verify::VerifyError;

const SYSTEM: SystemPermit = act_as_system("audit verify reads the stored tree");
/// Rows of the tree that are read at a time.
const ROWS: u32 = 64;

/// Holds the stored rows of the tree against the entries as they come by.
pub(crate) struct Rows {
    store: Store,
    chain: ChainKey,
    /// The rows that grow: level by level.
    levels: Vec<Vec<[u8; 32]>>,
    /// The place of the next full row of leaves.
    place: u64,
    /// Rows of leaves as they are stored, read ahead.
    stored: VecDeque<store::Tile>,
    /// Whether there may be more to read ahead.
    more: bool,
    pub bad: Option<Bad>,
}

impl Rows {
    /// From an anchor on, the row in which it stands and those above it are taken as they are: if they are not what
    /// they were, no proof made of them holds, and the rows that follow do not fit them.
    pub async fn begin(store: &Store, chain: ChainKey, size: u64) -> Result<Self, VerifyError> {
        let place = size / tiles::WIDTH;
        let mut levels = vec![Vec::new()];
        let within = usize::try_from(size % tiles::WIDTH).unwrap_or(0);
        if within > 0 {
            let row = store.audit_tiles(SYSTEM, &chain, &[(0, place)]).await?;
            let row = row.first().map(|row| row.hashes.as_chunks::<32>().0.to_vec()).unwrap_or_default();
            levels[0] = row.into_iter().take(within).collect();
        }
        let mut rows =
            Self { store: store.clone(), chain, levels, place, stored: VecDeque::new(), more: true, bad: None };
        if rows.levels[0].len() != within {
            rows.fail(size, "the stored tree lacks what was purged");
        }
        Ok(rows)
    }

    pub async fn leaf(&mut self, hash: &[u8; 32]) -> Result<(), VerifyError> {
        if !self.more && self.stored.is_empty() || self.bad.is_some() {
            return Ok(());
        }
        self.levels[0].push(*hash);
        if self.levels[0].len() as u64 == tiles::WIDTH {
            let row = std::mem::take(&mut self.levels[0]);
            if self.stored.is_empty() {
                let read = self.store.audit_tile_range(SYSTEM, &self.chain, 0, self.place, ROWS).await?;
                self.more = read.len() == ROWS as usize;
                self.stored = read.into();
            }
            let last = (self.place + 1) * tiles::WIDTH;
            match self.stored.pop_front() {
                // not taken over yet
                None => return Ok(()),
                Some(stored) if stored.place != self.place => self.fail(last, "a row of the stored tree is missing"),
                Some(stored) if stored.hashes != row.concat() => {
                    self.fail(last, "the stored tree is not that of the entries");
                }
                Some(_) => self.check_above(&row).await?,
            }
            self.place += 1;
        }
        Ok(())
    }

    /// The root of a row stands in the row above it.
    async fn check_above(&mut self, row: &[[u8; 32]]) -> Result<(), VerifyError> {
        let Some(mut root) = tiles::root_of_row(row) else { return Ok(()) };
        let mut place = self.place;
        for level in 1.. {
            while self.levels.len() <= level {
                self.levels.push(Vec::new());
            }
            let (above, within) = (place / tiles::WIDTH, usize::try_from(place % tiles::WIDTH).unwrap_or(0));
            // read once for all 256 roots that it holds, unless it still grows
            if self.levels[level].len() <= within || within == 0 {
                let wanted = [(u32::try_from(level).unwrap_or(u32::MAX), above)];
                let stored = self.store.audit_tiles(SYSTEM, &self.chain, &wanted).await?;
                self.levels[level] =
                    stored.first().map(|row| row.hashes.as_chunks::<32>().0.to_vec()).unwrap_or_default();
            }
            if self.levels[level].get(within) != Some(&root) {
                self.fail(
                    (self.place + 1) * tiles::WIDTH,
                    "an upper row of the stored tree is not that of the entries",
                );
                return Ok(());
            }
            if within as u64 + 1 < tiles::WIDTH {
                return Ok(());
            }
            let Some(next) = tiles::root_of_row(&self.levels[level]) else { return Ok(()) };
            (root, place) = (next, above);
        }
        Ok(())
    }

    fn fail(&mut self, last: u64, why: &str) {
        let first = last.saturating_sub(tiles::WIDTH - 1).max(1);
        let kind = Tamper::TreeAltered;
        self.bad.get_or_insert_with(|| Bad { first, last: last.max(1), kind, why: why.to_owned() });
    }
}
