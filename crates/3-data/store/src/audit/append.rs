//! Appends a transaction's audit entries: heads are read (and locked), drafts linked, rows and heads written, each in
//! one statement for all chains.

use std::collections::BTreeMap;

use super::{AuditRowDraft, ChainHead, ChainKey, Linker, lane::Lane};
use crate::{
    Error, Result, dialect,
    kernel::{
        conn::Conn,
        row::Row,
        sql::{Bind, binds},
    },
};

/// Links and stores `drafts`. On PostgreSQL the heads stay locked until the commit, so several servers write one chain
/// in turn; chains are locked in one order, so they do not wait for each other in a circle.
pub(crate) async fn append(conn: &mut Conn, linker: &dyn Linker, drafts: Vec<AuditRowDraft>) -> Result<Heads> {
    if drafts.is_empty() {
        return Ok(Heads::new());
    }
    let chains = by_chain(drafts);
    let heads = lock_heads(conn, chains.keys()).await?;
    let linked = link(linker, chains, &heads)?;
    let wanted = linked.rows.len() as u64;
    let stored = if conn.is_postgres() {
        conn.run_two(dialect::APPEND_AUDIT_ENTRIES, linked.rows, linked.ends).await?
    } else {
        let stored = conn.run_rows(dialect::INSERT_AUDIT_ENTRIES, linked.rows).await?;
        conn.run_rows(dialect::MOVE_AUDIT_HEADS, linked.ends).await?;
        stored
    };
    // A rule or a trigger that somebody put on the table can make an insert do nothing and say that all is well.
    if stored != wanted {
        return Err(Error::corrupt("audit_entries", "the database did not keep every entry"));
    }
    Ok(linked.heads)
}

/// Where chains end.
pub(crate) type Heads = BTreeMap<ChainKey, ChainHead>;

/// A whole transaction of PostgreSQL's that holds audit entries and nothing else, as one statement: the heads are those
/// of the last commit, as this process remembers them. Answers where the chains end then, or nothing when a chain is not
/// remembered or when somebody else wrote it meanwhile: then nothing was stored. For entries of one chain: of several,
/// two servers would lock the heads in any order.
pub(crate) async fn record(
    conn: &mut Conn,
    linker: &dyn Linker,
    remembered: &Heads,
    drafts: Vec<AuditRowDraft>,
) -> Result<Option<Heads>> {
    let chains = by_chain(drafts);
    if chains.len() > 1 || chains.keys().any(|chain| !remembered.contains_key(chain)) {
        return Ok(None);
    }
    let linked = link_on(linker, chains, remembered)?;
    let wanted = linked.rows.len() as u64;
    let stored = if wanted == 1 {
        let binds = linked.rows.into_iter().chain(linked.ends).flatten().collect();
        conn.run(dialect::RECORD_AUDIT_ENTRY, binds).await?
    } else {
        conn.run_two(dialect::RECORD_AUDIT_ENTRIES, linked.rows, linked.ends).await?
    };
    Ok((stored == wanted).then_some(linked.heads))
}

/// The same on SQLite's [`Lane`], on the caller's thread and for any number of chains.
pub(crate) fn record_at_once(
    lane: &Lane,
    linker: &dyn Linker,
    remembered: &Heads,
    drafts: Vec<AuditRowDraft>,
) -> Result<Option<Heads>> {
    let chains = by_chain(drafts);
    if chains.keys().any(|chain| !remembered.contains_key(chain)) {
        return Ok(None);
    }
    let linked = link_on(linker, chains, remembered)?;
    let stored = lane.record(&linked).map_err(|error| Error::away(error.to_string()))?;
    Ok(stored.then_some(linked.heads))
}

fn by_chain(drafts: Vec<AuditRowDraft>) -> BTreeMap<ChainKey, Vec<AuditRowDraft>> {
    let mut chains: BTreeMap<ChainKey, Vec<AuditRowDraft>> = BTreeMap::new();
    for draft in drafts {
        chains.entry(draft.chain).or_default().push(draft);
    }
    chains
}

/// Rows to be stored.
pub(crate) struct Linked {
    pub rows: Vec<Vec<Bind>>,
    /// Where each chain ends; from [`link_on`], also where it must end now.
    pub ends: Vec<Vec<Bind>>,
    heads: Heads,
}

fn link_on(linker: &dyn Linker, chains: BTreeMap<ChainKey, Vec<AuditRowDraft>>, remembered: &Heads) -> Result<Linked> {
    let mut linked = link(linker, chains, remembered)?;
    for (end, chain) in linked.ends.iter_mut().zip(linked.heads.keys()) {
        let before = remembered.get(chain).cloned().unwrap_or_default();
        end.extend(binds![before.seq, before.hash]);
    }
    Ok(linked)
}

fn link(linker: &dyn Linker, chains: BTreeMap<ChainKey, Vec<AuditRowDraft>>, heads: &Heads) -> Result<Linked> {
    let (mut rows, mut ends, mut moved) = (Vec::new(), Vec::new(), Heads::new());
    for (chain, drafts) in chains {
        let name = chain.to_string();
        let head = heads.get(&chain).cloned().unwrap_or_default();
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
        ends.push(binds![name, end.seq, end.hash, &end.tree]);
        moved.insert(chain, end);
    }
    Ok(Linked { rows, ends, heads: moved })
}

async fn lock_heads(conn: &mut Conn, chains: impl Iterator<Item = &ChainKey>) -> Result<Heads> {
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
