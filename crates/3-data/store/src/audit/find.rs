//! Finding entries by their postings: the rarest facet leads, the others are asked about each of its entries.

use authz::SystemPermit;
use domain::Timestamp;

use super::{ChainKey, StoredEntry, read::stored};
use crate::{
    Cursor, Page, PageRequest, Result, Store, dialect,
    kernel::sql::{Sql, binds},
};

/// All of these, between these moments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facets {
    /// At least one, at most [`MOST_FACETS`].
    pub all_of: Vec<i64>,
    /// From this moment on.
    pub from: Option<Timestamp>,
    /// Before this moment.
    pub until: Option<Timestamp>,
}

/// So many facets one search may have.
pub const MOST_FACETS: usize = 6;
/// How far entries of a facet are counted; beyond the last, one is as common as another.
const COUNTED: &[i64] = &[1_000, 10_000, 100_000];

const FIND: &str = "SELECT a.at AS at, a.seq AS seq FROM audit_postings AS a \
     WHERE a.facet = $1 AND (a.at, a.seq) < ($2, $3) AND a.at >= $4 \
     AND ($5 IS NULL OR EXISTS (SELECT 1 FROM audit_postings AS b WHERE b.facet = $5 AND b.at = a.at AND b.seq = a.seq)) \
     AND ($6 IS NULL OR EXISTS (SELECT 1 FROM audit_postings AS b WHERE b.facet = $6 AND b.at = a.at AND b.seq = a.seq)) \
     AND ($7 IS NULL OR EXISTS (SELECT 1 FROM audit_postings AS b WHERE b.facet = $7 AND b.at = a.at AND b.seq = a.seq)) \
     AND ($8 IS NULL OR EXISTS (SELECT 1 FROM audit_postings AS b WHERE b.facet = $8 AND b.at = a.at AND b.seq = a.seq)) \
     AND ($9 IS NULL OR EXISTS (SELECT 1 FROM audit_postings AS b WHERE b.facet = $9 AND b.at = a.at AND b.seq = a.seq)) \
     ORDER BY a.at DESC, a.seq DESC LIMIT $10";
const COUNT: &str = "SELECT COUNT(*) AS n FROM (SELECT 1 AS one FROM audit_postings \
     WHERE facet = $1 AND at >= $2 AND at < $3 LIMIT $4) AS counted";

impl Store {
    /// Entries of a chain by their facets, newest first. A posting whose entry is gone is passed over, so that a page
    /// may hold fewer than were asked for and still have a next one.
    pub async fn find_audit_entries(
        &self,
        _system: SystemPermit,
        chain: &ChainKey,
        facets: &Facets,
        page: &PageRequest,
    ) -> Result<Page<StoredEntry>> {
        let from = facets.from.map_or(i64::MIN, Timestamp::micros);
        let until = facets.until.map_or(i64::MAX, Timestamp::micros);
        let (at, seq) = page.after_pair()?.map_or((until, i64::MIN), |pair| pair.min((until, i64::MIN)));
        let ordered = self.rarest_first(&facets.all_of, from, until).await?;
        let [first, b, c, d, e, f] = ordered;
        let binds = binds![first, at, seq, from, b, c, d, e, f, page.to_read()];
        let rows = self.db().all(FIND, binds).await?;
        let places: Vec<(i64, i64)> =
            rows.iter().map(|row| Ok((row.get("at")?, row.get("seq")?))).collect::<Result<_>>()?;
        let places = Page::cut(places, page, |(at, seq)| Cursor::at_pair(*at, *seq));
        let items = self.audit_entries_at(chain, places.items.iter().map(|(_, seq)| *seq)).await?;
        Ok(Page { items, next: places.next })
    }

    /// How many entries have this facet, counting no further than `most`.
    pub async fn count_audit_facet(&self, _system: SystemPermit, facet: i64, most: i64) -> Result<i64> {
        let row = self.db().one(COUNT, binds![facet, i64::MIN, i64::MAX, most]).await?;
        row.get("n")
    }

    /// The first entry of the chain (by sequence) among those of this facet that are from `at` on.
    pub async fn first_audit_posting(&self, _system: SystemPermit, facet: i64, at: Timestamp) -> Result<Option<i64>> {
        let sql = "SELECT MIN(seq) AS first FROM audit_postings WHERE facet = $1 AND at >= $2";
        self.db().one(sql, binds![facet, at]).await?.get("first")
    }

    async fn rarest_first(&self, facets: &[i64], from: i64, until: i64) -> Result<[Option<i64>; MOST_FACETS]> {
        let mut counted: Vec<(i64, i64)> = facets.iter().take(MOST_FACETS).map(|facet| (0, *facet)).collect();
        // counts no further than it takes to know the rarest
        for most in if counted.len() > 1 { COUNTED } else { &[] } {
            for (count, facet) in &mut counted {
                *count = self.db().one(COUNT, binds![*facet, from, until, *most]).await?.get("n")?;
            }
            if counted.iter().any(|(count, _)| count < most) {
                break;
            }
        }
        counted.sort_unstable();
        let mut ordered = [None; MOST_FACETS];
        for (slot, (_, facet)) in ordered.iter_mut().zip(counted) {
            *slot = Some(facet);
        }
        Ok(ordered)
    }

    /// The entries with these sequences, in this order; those that are not there are left out.
    async fn audit_entries_at(
        &self,
        chain: &ChainKey,
        wanted: impl Iterator<Item = i64> + Clone,
    ) -> Result<Vec<StoredEntry>> {
        let name = chain.to_string();
        let rows: Vec<_> = wanted.clone().map(|seq| binds![&name, seq]).collect();
        let found: Vec<StoredEntry> =
            self.db().all_rows(READ_AT, rows).await?.iter().map(stored).collect::<Result<_>>()?;
        let mut by_seq: std::collections::HashMap<i64, StoredEntry> = found.into_iter().map(|e| (e.seq, e)).collect();
        Ok(wanted.filter_map(|seq| by_seq.remove(&seq)).collect())
    }
}

const READ_AT: Sql = dialect::READ_AUDIT_ENTRIES_AT;
