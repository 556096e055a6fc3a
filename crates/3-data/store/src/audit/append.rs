//! Appends a transaction's audit entries: heads are read (and locked), drafts linked, rows and heads written, each in
//! one statement for all chains.

use std::collections::BTreeMap;

use super::{AuditRowDraft, ChainHead, ChainKey, Linker};
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
    conn.run_rows(dialect::INSERT_AUDIT_ENTRIES, linked.rows).await?;
    conn.run_rows(dialect::MOVE_AUDIT_HEADS, linked.ends).await?;
    Ok(linked.heads)
}

/// Where chains end.
pub(crate) type Heads = BTreeMap<ChainKey, ChainHead>;

/// A whole SQLite transaction that holds audit entries and nothing else, in one go: the heads are those of the last
/// commit, as this process remembers them. Answers where the chains end then, or nothing when a chain is not remembered
/// or when somebody else wrote it meanwhile (its next sequence is taken): then nothing was stored.
pub(crate) async fn record(
    conn: &mut Conn,
    linker: &dyn Linker,
    remembered: &Heads,
    drafts: Vec<AuditRowDraft>,
) -> Result<Option<Heads>> {
    let chains = by_chain(drafts);
    if chains.keys().any(|chain| !remembered.contains_key(chain)) {
        return Ok(None);
    }
    let linked = link(linker, chains, remembered)?;
    match conn.run_two(RECORD, &linked.rows, &linked.ends).await {
        Ok(()) => Ok(Some(linked.heads)),
        Err(Error::Taken { .. }) => {
            conn.script("ROLLBACK").await?;
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// SQLite's alone: PostgreSQL's heads are read and locked.
const RECORD: &str = "BEGIN IMMEDIATE; \
    INSERT INTO audit_entries \
    (chain, seq, id, at, operation, target, result, request, intent, subject, entry, hash) \
    SELECT value ->> 0, value ->> 1, unhex(value ->> 2), value ->> 3, value ->> 4, value ->> 5, value ->> 6, \
    unhex(value ->> 7), unhex(value ->> 8), unhex(value ->> 9), unhex(value ->> 10), unhex(value ->> 11) \
    FROM json_each($1); \
    INSERT INTO audit_heads (chain, seq, hash, tree) \
    SELECT value ->> 0, value ->> 1, unhex(value ->> 2), unhex(value ->> 3) FROM json_each($2) WHERE true \
    ON CONFLICT (chain) DO UPDATE SET seq = excluded.seq, hash = excluded.hash, tree = excluded.tree; \
    COMMIT";

fn by_chain(drafts: Vec<AuditRowDraft>) -> BTreeMap<ChainKey, Vec<AuditRowDraft>> {
    let mut chains: BTreeMap<ChainKey, Vec<AuditRowDraft>> = BTreeMap::new();
    for draft in drafts {
        chains.entry(draft.chain).or_default().push(draft);
    }
    chains
}

/// Rows to be stored.
struct Linked {
    rows: Vec<Vec<Bind>>,
    ends: Vec<Vec<Bind>>,
    heads: Heads,
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
