//! Reading the trail: a filtered page for people, a range for verification, heads and checkpoints.

use authz::{Permit, SystemPermit, action::ViewAudit};
use domain::{AuditId, AuditResult, RequestId, Timestamp};

use super::{ChainHead, ChainKey, append::read_head};
use crate::{
    Effects, Error, Page, PageRequest, Result, Store,
    kernel::{row::Row, sql::binds},
    page::Cursor,
};

/// Which entries. Everything absent means "any".
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    pub operation: Option<String>,
    pub target: Option<String>,
    pub result: Option<AuditResult>,
    pub subject: Option<[u8; 32]>,
    pub request: Option<RequestId>,
    /// From this moment on.
    pub from: Option<Timestamp>,
    /// Before this moment.
    pub until: Option<Timestamp>,
}

/// A stored entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEntry {
    pub chain: ChainKey,
    pub seq: i64,
    pub id: AuditId,
    pub at: Timestamp,
    pub operation: String,
    pub target: Option<String>,
    pub result: AuditResult,
    pub request: Option<RequestId>,
    pub intent: Option<AuditId>,
    pub subject: Option<[u8; 32]>,
    pub entry: Vec<u8>,
    pub hash: [u8; 32],
}

/// A signed statement of where a chain stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    pub seq: i64,
    pub at: Timestamp,
    pub root: [u8; 32],
    /// The signed note.
    pub note: Vec<u8>,
}

const PAGE: &str = "SELECT chain, seq, id, at, operation, target, result, request, intent, subject, entry, hash \
     FROM audit_entries WHERE chain = $1 AND seq < $2 \
     AND ($3 IS NULL OR operation = $3) AND ($4 IS NULL OR target = $4) AND ($5 IS NULL OR result = $5) \
     AND ($6 IS NULL OR subject = $6) AND ($7 IS NULL OR request = $7) \
     AND ($8 IS NULL OR at >= $8) AND ($9 IS NULL OR at < $9) ORDER BY seq DESC LIMIT $10";
const RANGE: &str = "SELECT chain, seq, id, at, operation, target, result, request, intent, subject, entry, hash \
     FROM audit_entries WHERE chain = $1 AND seq >= $2 ORDER BY seq LIMIT $3";
const PART: &str = "SELECT chain, seq, id, at, operation, target, result, request, intent, subject, entry, hash \
     FROM audit_entries WHERE chain = $1 AND seq >= $2 AND seq < $3 ORDER BY seq";
const BY_ID: &str = "SELECT chain, seq, id, at, operation, target, result, request, intent, subject, entry, hash \
     FROM audit_entries WHERE chain = $1 AND id = $2";

impl Store {
    /// Entries of the permit's team and environment that fit `filter`, newest first.
    pub async fn audit_entries(
        &self,
        permit: &Permit<ViewAudit>,
        filter: &AuditFilter,
        page: &PageRequest,
    ) -> Result<Page<StoredEntry>> {
        let f = filter.clone();
        let before = page.after_number()?.unwrap_or(i64::MAX);
        let binds = binds![
            ChainKey::Of(permit.scope()).to_string(),
            before,
            f.operation,
            f.target,
            f.result,
            f.subject,
            f.request,
            f.from,
            f.until,
            page.to_read()
        ];
        let rows = self.db().all(PAGE, binds).await?;
        let entries = rows.iter().map(stored).collect::<Result<_>>()?;
        Ok(Page::cut(entries, page, |entry: &StoredEntry| Cursor::at_number(entry.seq)))
    }

    /// One entry of the permit's team and environment.
    pub async fn audit_entry(&self, permit: &Permit<ViewAudit>, id: AuditId) -> Result<Option<StoredEntry>> {
        let chain = ChainKey::Of(permit.scope()).to_string();
        self.db().optional(BY_ID, binds![chain, id]).await?.as_ref().map(stored).transpose()
    }

    /// Up to `limit` entries of any chain from number `from` on, oldest first: for verification and export.
    pub async fn audit_range(
        &self,
        _system: SystemPermit,
        chain: &ChainKey,
        from: i64,
        limit: u32,
    ) -> Result<Vec<StoredEntry>> {
        self.db().all(RANGE, binds![chain.to_string(), from, limit]).await?.iter().map(stored).collect()
    }

    /// The entries `from..to` of a chain, oldest first: the same, for whoever knows where to stop, so that several
    /// parts can be read at a time.
    pub async fn audit_part(
        &self,
        _system: SystemPermit,
        chain: &ChainKey,
        from: i64,
        to: i64,
    ) -> Result<Vec<StoredEntry>> {
        self.db().all(PART, binds![chain.to_string(), from, to]).await?.iter().map(stored).collect()
    }

    /// Where a chain ends; nothing before its first entry.
    pub async fn audit_head(&self, _system: SystemPermit, chain: &ChainKey) -> Result<Option<ChainHead>> {
        let sql = "SELECT chain, seq, hash, tree FROM audit_heads WHERE chain = $1";
        let row = self.db().optional(sql, binds![chain.to_string()]).await?;
        row.as_ref().map(|row| Ok(read_head(row)?.1)).transpose()
    }

    /// All chains with their ends.
    pub async fn audit_heads(&self, _system: SystemPermit) -> Result<Vec<(ChainKey, ChainHead)>> {
        let sql = "SELECT chain, seq, hash, tree FROM audit_heads ORDER BY chain";
        self.db().all(sql, binds![]).await?.iter().map(read_head).collect()
    }

    /// Keeps a checkpoint. The same one again changes nothing.
    pub async fn keep_checkpoint(&self, _system: SystemPermit, chain: ChainKey, checkpoint: Checkpoint) -> Result<()> {
        self.write(Effects::none(), (chain, checkpoint), |(chain, c), tx| {
            Box::pin(async move {
                tx.run(
                    "INSERT INTO audit_checkpoints (chain, seq, at, root, note) VALUES ($1, $2, $3, $4, $5) \
                     ON CONFLICT (chain, seq) DO NOTHING",
                    binds![chain.to_string(), c.seq, c.at, c.root, &c.note],
                )
                .await?;
                Ok(())
            })
        })
        .await
    }

    /// Checkpoints of a chain from number `from` on, oldest first.
    pub async fn checkpoints(
        &self,
        _system: SystemPermit,
        chain: &ChainKey,
        from: i64,
        limit: u32,
    ) -> Result<Vec<Checkpoint>> {
        let sql = "SELECT seq, at, root, note FROM audit_checkpoints WHERE chain = $1 AND seq >= $2 \
                   ORDER BY seq LIMIT $3";
        self.db().all(sql, binds![chain.to_string(), from, limit]).await?.iter().map(checkpoint).collect()
    }

    /// The newest checkpoint of a chain.
    pub async fn last_checkpoint(&self, _system: SystemPermit, chain: &ChainKey) -> Result<Option<Checkpoint>> {
        let sql = "SELECT seq, at, root, note FROM audit_checkpoints WHERE chain = $1 ORDER BY seq DESC LIMIT 1";
        self.db().optional(sql, binds![chain.to_string()]).await?.as_ref().map(checkpoint).transpose()
    }
}

fn checkpoint(row: &Row) -> Result<Checkpoint> {
    Ok(Checkpoint { seq: row.get("seq")?, at: row.get("at")?, root: row.get("root")?, note: row.get("note")? })
}

pub(super) const RESULTS: [AuditResult; 5] =
    [AuditResult::Intent, AuditResult::Succeeded, AuditResult::Refused, AuditResult::Failed, AuditResult::Blocked];

pub(super) fn stored(row: &Row) -> Result<StoredEntry> {
    let chain: String = row.get("chain")?;
    let result: String = row.get("result")?;
    Ok(StoredEntry {
        chain: ChainKey::read(&chain).ok_or_else(|| Error::corrupt("chain", "it names no chain"))?,
        seq: row.get("seq")?,
        id: row.get("id")?,
        at: row.get("at")?,
        operation: row.get("operation")?,
        target: row.get("target")?,
        result: (RESULTS.into_iter().find(|known| known.as_str() == result))
            .ok_or_else(|| Error::corrupt("result", "it names no result"))?,
        request: row.get("request")?,
        intent: row.get("intent")?,
        subject: row.get("subject")?,
        entry: row.get("entry")?,
        hash: row.get("hash")?,
    })
}
