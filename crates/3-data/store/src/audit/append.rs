//! Appends a transaction's audit entries: heads are read (and locked), drafts linked, rows and heads written, each in
//! one statement for all chains.

use std::collections::BTreeMap;

use super::{AuditRowDraft, ChainHead, ChainKey, Linker};
use crate::{
    Error, Result, dialect,
    kernel::{conn::Conn, row::Row, sql::binds},
};

/// Links and stores `drafts`. On PostgreSQL the heads stay locked until the commit, so several servers write one chain
/// in turn; chains are locked in one order, so they do not wait for each other in a circle.
pub(crate) async fn append(conn: &mut Conn, linker: &dyn Linker, drafts: Vec<AuditRowDraft>) -> Result<()> {
    if drafts.is_empty() {
        return Ok(());
    }
    let mut chains: BTreeMap<ChainKey, Vec<AuditRowDraft>> = BTreeMap::new();
    for draft in drafts {
        chains.entry(draft.chain).or_default().push(draft);
    }
    let mut heads = lock_heads(conn, chains.keys()).await?;
    let (mut rows, mut ends) = (Vec::new(), Vec::new());
    for (chain, drafts) in chains {
        let name = chain.to_string();
        let head = heads.remove(&chain).unwrap_or_default();
        let count = drafts.len();
        let (linked, end) = linker.link(&chain, &head, drafts);
        if linked.len() != count || end.seq != head.seq + i64::try_from(count).unwrap_or(i64::MAX) {
            return Err(Error::Refused { what: "the linker did not link every entry once" });
        }
        for row in linked {
            let draft = row.draft;
            rows.push(binds![
                name.as_str(),
                row.seq,
                draft.id,
                draft.at,
                draft.operation,
                draft.target,
                draft.result,
                draft.request,
                draft.intent,
                draft.subject,
                row.entry,
                row.hash
            ]);
        }
        ends.push(binds![name, end.seq, end.hash, end.tree]);
    }
    conn.run_rows(dialect::INSERT_AUDIT_ENTRIES, rows).await?;
    conn.run_rows(dialect::MOVE_AUDIT_HEADS, ends).await?;
    Ok(())
}

async fn lock_heads(conn: &mut Conn, chains: impl Iterator<Item = &ChainKey>) -> Result<BTreeMap<ChainKey, ChainHead>> {
    let names: Vec<_> = chains.map(|chain| binds![chain.to_string()]).collect();
    let wanted = names.len();
    let mut found = conn.all_rows(dialect::LOCK_AUDIT_HEADS, names.clone()).await?;
    if found.len() < wanted && conn.is_postgres() {
        // A row that is not there cannot be locked, and two servers may begin the same chain.
        conn.run_rows(dialect::BEGIN_AUDIT_HEADS, names.clone()).await?;
        found = conn.all_rows(dialect::LOCK_AUDIT_HEADS, names).await?;
    }
    found.iter().map(read_head).collect()
}

pub(super) fn read_head(row: &Row) -> Result<(ChainKey, ChainHead)> {
    let name: String = row.get("chain")?;
    let chain = ChainKey::read(&name).ok_or_else(|| Error::corrupt("chain", "it names no chain"))?;
    Ok((chain, ChainHead { seq: row.get("seq")?, hash: row.get("hash")?, tree: row.get("tree")? }))
}
