//! Where a chain's entries begin after a purge, and taking away those before.

use authz::SystemPermit;
use domain::Timestamp;

use super::ChainKey;
use crate::{
    Effects, Result, Store,
    kernel::{row::Row, sql::binds},
};

/// The end of what was purged: the head of the chain then, for which a checkpoint vouches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditAnchor {
    /// The last entry that was purged.
    pub seq: i64,
    pub hash: [u8; 32],
    /// Roots of the complete subtrees.
    pub tree: Vec<u8>,
    /// The checkpoint that vouches for it.
    pub checkpoint: u64,
    pub at: Timestamp,
}

impl Store {
    /// Where a chain begins, if entries were purged.
    pub async fn audit_anchor(&self, _system: SystemPermit, chain: &ChainKey) -> Result<Option<AuditAnchor>> {
        let sql = "SELECT seq, hash, tree, checkpoint, at FROM audit_anchors WHERE chain = $1";
        self.db().optional(sql, binds![chain.to_string()]).await?.as_ref().map(anchor).transpose()
    }

    /// Declares everything up to the anchor purged; `effects` hold the entry that says so. Says whether the anchor
    /// moved on: one that stands further already stays.
    pub async fn move_audit_anchor(
        &self,
        _system: SystemPermit,
        chain: &ChainKey,
        anchor: AuditAnchor,
        effects: Effects,
    ) -> Result<bool> {
        self.write(Effects::none(), (chain.to_string(), anchor, effects), |(chain, a, effects), tx| {
            Box::pin(async move {
                let sql = "INSERT INTO audit_anchors (chain, seq, hash, tree, checkpoint, at) \
                           VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (chain) DO UPDATE SET seq = excluded.seq, \
                           hash = excluded.hash, tree = excluded.tree, checkpoint = excluded.checkpoint, \
                           at = excluded.at WHERE audit_anchors.seq < excluded.seq";
                let moved = tx.run(sql, binds![chain, a.seq, a.hash, &a.tree, a.checkpoint, a.at]).await?;
                if moved > 0 {
                    tx.tell(effects);
                }
                Ok(moved > 0)
            })
        })
        .await
    }

    /// Takes away the entries `from..=to` of a chain, as far as they stand before its anchor.
    pub async fn drop_purged_entries(
        &self,
        _system: SystemPermit,
        chain: &ChainKey,
        from: i64,
        to: i64,
    ) -> Result<u64> {
        self.write(Effects::none(), (chain.to_string(), from, to), |(chain, from, to), tx| {
            Box::pin(async move {
                let sql = "DELETE FROM audit_entries WHERE chain = $1 AND seq >= $2 AND seq <= $3 \
                           AND seq <= (SELECT seq FROM audit_anchors WHERE chain = $1)";
                tx.run(sql, binds![chain, *from, *to]).await
            })
        })
        .await
    }
}

fn anchor(row: &Row) -> Result<AuditAnchor> {
    Ok(AuditAnchor {
        seq: row.get("seq")?,
        hash: row.get("hash")?,
        tree: row.get("tree")?,
        checkpoint: row.get("checkpoint")?,
        at: row.get("at")?,
    })
}
