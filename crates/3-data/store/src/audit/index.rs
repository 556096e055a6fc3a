//! What is made from entries after they were stored: postings to find them by, tiles to prove them with. A chain's
//! mark says how far; whoever moves it has stored everything up to it in the same transaction.

use authz::SystemPermit;

use super::ChainKey;
use crate::{Effects, Result, Store, dialect, kernel::sql::binds};

/// An entry can be found by `facet`, at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Posting {
    pub facet: i64,
    pub at: i64,
    pub seq: i64,
}

/// A row of a chain's tree: up to 256 hashes of 32 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tile {
    pub level: u32,
    pub place: u64,
    pub hashes: Vec<u8>,
}

/// What a run of entries makes.
#[derive(Debug, Clone)]
pub struct IndexBlock {
    pub chain: ChainKey,
    /// The mark as it was found; the block is dropped when somebody moved it meanwhile.
    pub from: i64,
    /// The mark as it will be.
    pub to: i64,
    pub postings: Vec<Posting>,
    pub tiles: Vec<Tile>,
}

const BEHIND: &str = "SELECT h.chain AS chain, h.seq AS seq, COALESCE(i.seq, 0) AS mark FROM audit_heads AS h \
     LEFT JOIN audit_indexed AS i ON i.chain = h.chain WHERE h.seq > COALESCE(i.seq, 0) ORDER BY h.chain";
const HASHES: &str =
    "SELECT hash FROM audit_entries WHERE chain = $1 AND seq >= $2 AND seq < $3 ORDER BY seq LIMIT 65536";

impl Store {
    /// Chains with entries beyond their mark: head and mark.
    pub async fn audit_behind(&self, _system: SystemPermit) -> Result<Vec<(ChainKey, i64, i64)>> {
        let rows = self.db().all(BEHIND, binds![]).await?;
        let mut behind = Vec::with_capacity(rows.len());
        for row in rows {
            if let Some(chain) = ChainKey::read(&row.get::<String>("chain")?) {
                behind.push((chain, row.get("seq")?, row.get("mark")?));
            }
        }
        Ok(behind)
    }

    /// How far a chain was taken over.
    pub async fn audit_indexed(&self, _system: SystemPermit, chain: &ChainKey) -> Result<i64> {
        let sql = "SELECT seq FROM audit_indexed WHERE chain = $1";
        let row = self.db().optional(sql, binds![chain.to_string()]).await?;
        row.map_or(Ok(0), |row| row.get("seq"))
    }

    /// Keeps a block and moves the mark; says whether the mark was still where the block begins.
    pub async fn keep_audit_index(&self, _system: SystemPermit, block: IndexBlock) -> Result<bool> {
        self.write(Effects::none(), block, |block, tx| {
            Box::pin(async move {
                let chain = block.chain.to_string();
                let moved = if block.from == 0 {
                    let sql = "INSERT INTO audit_indexed (chain, seq) VALUES ($1, $2) ON CONFLICT DO NOTHING";
                    tx.run(sql, binds![&chain, block.to]).await?
                } else {
                    let sql = "UPDATE audit_indexed SET seq = $2 WHERE chain = $1 AND seq = $3";
                    tx.run(sql, binds![&chain, block.to, block.from]).await?
                };
                if moved == 0 {
                    return Ok(false);
                }
                let postings = block.postings.iter().map(|p| binds![p.facet, p.at, p.seq]).collect();
                tx.conn.run_rows(dialect::INSERT_AUDIT_POSTINGS, postings).await?;
                let tiles = block.tiles.iter().map(|t| binds![&chain, t.level, t.place, &t.hashes]).collect();
                tx.conn.run_rows(dialect::PUT_AUDIT_TILES, tiles).await?;
                Ok(true)
            })
        })
        .await
    }

    /// Takes postings away again; a few thousand at a time.
    pub async fn drop_audit_postings(&self, _system: SystemPermit, postings: Vec<Posting>) -> Result<()> {
        self.write(Effects::none(), postings, |postings, tx| {
            Box::pin(async move {
                let rows = postings.iter().map(|p| binds![p.facet, p.at, p.seq]).collect();
                tx.conn.run_rows(dialect::DELETE_AUDIT_POSTINGS, rows).await.map(|_| ())
            })
        })
        .await
    }

    /// Those of the wanted tiles (level and place) that there are.
    pub async fn audit_tiles(
        &self,
        _system: SystemPermit,
        chain: &ChainKey,
        wanted: &[(u32, u64)],
    ) -> Result<Vec<Tile>> {
        let chain = chain.to_string();
        let rows = wanted.iter().map(|(level, place)| binds![&chain, *level, *place]).collect();
        self.db().all_rows(dialect::READ_AUDIT_TILES, rows).await?.iter().map(tile).collect()
    }

    /// Tiles of one level from `place` on, in order.
    pub async fn audit_tile_range(
        &self,
        _system: SystemPermit,
        chain: &ChainKey,
        level: u32,
        place: u64,
        limit: u32,
    ) -> Result<Vec<Tile>> {
        let sql = "SELECT level, place, hashes FROM audit_tiles WHERE chain = $1 AND level = $2 AND place >= $3 \
                   ORDER BY place LIMIT $4";
        self.db().all(sql, binds![chain.to_string(), level, place, limit]).await?.iter().map(tile).collect()
    }

    /// Hashes of the entries `from..to` as they are stored, at most 65,536.
    pub async fn audit_hashes(
        &self,
        _system: SystemPermit,
        chain: &ChainKey,
        from: i64,
        to: i64,
    ) -> Result<Vec<[u8; 32]>> {
        let rows = self.db().all(HASHES, binds![chain.to_string(), from, to]).await?;
        rows.iter().map(|row| row.get("hash")).collect()
    }
}

fn tile(row: &crate::kernel::row::Row) -> Result<Tile> {
    Ok(Tile { level: row.get("level")?, place: row.get("place")?, hashes: row.get("hashes")? })
}
