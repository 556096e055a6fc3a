//! Purging: whole sealed segments go, from the chain's beginning to a head that a checkpoint vouches for. Root and
//! checkpoint stay, an entry says what was purged, and the rest verifies.

use std::time::Duration;

use authz::{SystemPermit, act_as_system};
use chain::{
    entry,
    tree::CompactRange,
    verify::{Covered, PURGE, unpack},
};
use domain::{AuditResult, AuditSubject, RequestId, Timestamp};
use serde_json::json;
use store::{AuditAnchor, ChainKey, Effects, IndexBlock, Posting, Tile};

use crate::{Checkpoints, Error, Recorder, index::Facet, proof::Paths};

const SYSTEM: SystemPermit = act_as_system("a purge takes away what was declared purged");
/// Entries taken away in one transaction.
const CHUNK: i64 = 1_000;

/// What limits a purge.
#[derive(Debug, Clone, Copy)]
pub struct PurgeRules {
    /// Entries younger than this stay, whoever asks.
    pub minimum: Duration,
    /// Entries that a SIEM destination does not have yet stay, unless they are older than this; `None`: they stay.
    pub waits: Option<Timestamp>,
}

/// What was purged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Purged {
    /// How many entries went now.
    pub entries: u64,
    /// The last entry that is gone, of all purges.
    pub through: u64,
    /// The checkpoint that vouches for it.
    pub checkpoint: u64,
}

/// Why nothing was purged.
#[derive(Debug, thiserror::Error)]
pub enum PurgeRefused {
    /// The law, or whoever runs the server, wants younger entries kept.
    #[error("entries have to be kept for {days} days: nothing after {latest} can be purged")]
    TooYoung { days: u64, latest: Timestamp },
    /// The segment is not what its checkpoint says: purging it would take away the evidence.
    #[error("the entries up to {through} are not those that checkpoint {checkpoint} vouches for; verify the trail")]
    NotIntact { through: u64, checkpoint: u64 },
    /// Purging them now would leave a gap in what was delivered.
    #[error(
        "entries up to {through} were not delivered to {names} yet: wait, or pause or delete the destination first",
        names = destinations.join(", ")
    )]
    NotDelivered { destinations: Vec<String>, through: u64 },
    #[error("the purge could not be done")]
    Failed(#[from] Error),
}

impl Recorder {
    /// Purges a chain's entries before a moment, as far as whole segments reach. An entry in the chain says so.
    ///
    /// # Errors
    /// [`PurgeRefused`]; after [`PurgeRefused::Failed`] the purge may be half done, and is finished by the next one.
    pub async fn purge(
        &self,
        checkpoints: &Checkpoints,
        chain: &ChainKey,
        before: Timestamp,
        by: AuditSubject,
        request: Option<RequestId>,
        rules: PurgeRules,
    ) -> Result<Purged, PurgeRefused> {
        let latest = self.now() - rules.minimum;
        if before > latest {
            return Err(PurgeRefused::TooYoung { days: rules.minimum.as_secs() / 86_400, latest });
        }
        let store = &self.rooms.store;
        let begun = store.audit_anchor(SYSTEM, chain).await.map_err(Error::from)?;
        self.take_away(chain, begun.as_ref().map_or(0, |anchor| anchor.seq)).await?;
        let head = self.index(chain).await?;
        let any = self.facet(&chain.to_string(), Facet::Any);
        let young = store.first_audit_posting(SYSTEM, any, before).await.map_err(Error::from)?;
        let limit = young.map_or(head, |seq| seq - 1);
        let waited = match rules.waits {
            // of those that are older than that, no destination is waited for
            Some(until) => store.first_audit_posting(SYSTEM, any, until).await.map_err(Error::from)?,
            None => Some(1),
        };
        let lacking = store.siem_without_entry(SYSTEM, chain, limit).await.map_err(Error::from)?;
        let delivered = lacking.iter().map(|(_, last)| *last).min().unwrap_or(limit);
        let wanted = limit;
        let limit = limit.min(delivered.max(waited.map_or(limit, |seq| seq - 1)));
        let gone = begun.as_ref().map_or(Purged::default(), |anchor| Purged {
            entries: 0,
            through: anchor.seq.cast_unsigned(),
            checkpoint: anchor.checkpoint,
        });
        let sealed = self.sealed_before(checkpoints, chain, limit.cast_unsigned()).await?;
        let Some(sealed) = sealed.filter(|sealed| sealed.size > gone.through) else {
            if limit < wanted
                && let Some(more) = self.sealed_before(checkpoints, chain, wanted.cast_unsigned()).await?
                && more.size > gone.through
            {
                let destinations = lacking.into_iter().map(|(name, _)| name).collect();
                return Err(PurgeRefused::NotDelivered { destinations, through: more.size });
            }
            return Ok(gone);
        };
        let lost: Vec<&String> = lacking.iter().filter(|l| l.1 < sealed.size.cast_signed()).map(|l| &l.0).collect();
        let peaks = match self.check_segment(chain, begun.as_ref(), &sealed).await {
            Ok(peaks) => peaks,
            // another server purges too
            Err(PurgeRefused::NotIntact { .. })
                if store.audit_anchor(SYSTEM, chain).await.map_err(Error::from)? != begun =>
            {
                return Ok(gone);
            }
            Err(refused) => return Err(refused),
        };
        self.keep_last_row(chain, sealed.size, head).await?;
        let entries = sealed.size - gone.through;
        let mut draft = self.draft(chain.scope(), by, PURGE);
        draft.request = request;
        draft.result = AuditResult::Succeeded;
        draft.detail = json!({
            "purged_through": sealed.size,
            "entries": entries,
            "before": before.to_string(),
            "checkpoint": sealed.number,
            "root": hex::encode(sealed.root),
        });
        if !lost.is_empty() {
            draft.detail["not_delivered_to"] = json!(lost);
        }
        let rows = self.prepare(vec![draft]).await?;
        let (seq, tree, at) = (sealed.size.cast_signed(), peaks.concat(), self.now());
        let anchor = AuditAnchor { seq, hash: sealed.hash, tree, checkpoint: sealed.number, at };
        store.move_audit_anchor(SYSTEM, chain, anchor, Effects::audited(rows)).await.map_err(Error::from)?;
        self.take_away(chain, seq).await?;
        Ok(Purged { entries, through: sealed.size, checkpoint: sealed.number })
    }

    /// Takes away what was declared purged and is still there, because a server stopped in between.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn finish_purges(&self) -> Result<(), Error> {
        for (chain, _) in self.rooms.store.audit_heads(SYSTEM).await? {
            if let Some(anchor) = self.rooms.store.audit_anchor(SYSTEM, &chain).await? {
                self.take_away(&chain, anchor.seq).await?;
            }
        }
        Ok(())
    }

    /// The greatest head, of at most `limit` entries, that a checkpoint vouches for.
    async fn sealed_before(
        &self,
        checkpoints: &Checkpoints,
        chain: &ChainKey,
        limit: u64,
    ) -> Result<Option<Covered>, Error> {
        let last = self.rooms.store.last_checkpoint(SYSTEM, &ChainKey::System).await?;
        // heads only grow, so halving finds the last checkpoint whose head is within the limit
        let (mut low, mut high) = (0, last.map_or(0, |last| last.seq.cast_unsigned()));
        let mut found = None;
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            match checkpoints.head_in(chain, middle).await? {
                Some(head) if head.size > limit => high = middle - 1,
                head => {
                    found = head;
                    low = middle;
                }
            }
        }
        Ok(found)
    }

    /// Reads the segment once more and compares it with its checkpoint; answers the roots of its complete subtrees.
    async fn check_segment(
        &self,
        chain: &ChainKey,
        begun: Option<&AuditAnchor>,
        sealed: &Covered,
    ) -> Result<Vec<chain::Hash>, PurgeRefused> {
        let corrupt = |_| Error::Corrupt("a chain's anchor");
        let mut range = match begun {
            Some(anchor) => CompactRange::restore(anchor.seq.cast_unsigned(), &anchor.tree).map_err(corrupt)?,
            None => CompactRange::default(),
        };
        let bad = || PurgeRefused::NotIntact { through: sealed.size, checkpoint: sealed.number };
        let mut last = [0; 32];
        while range.size() < sealed.size {
            let from = range.size().cast_signed() + 1;
            let to = (from + CHUNK).min(sealed.size.cast_signed() + 1);
            let part = self.rooms.store.audit_part(SYSTEM, chain, from, to).await.map_err(Error::from)?;
            if part.is_empty() {
                return Err(bad());
            }
            for stored in part {
                let (bytes, salt, detail) = unpack(&stored.entry).ok_or_else(bad)?;
                let entry = chain::verify::decode(bytes).map_err(|_| bad())?;
                last = entry::hash(bytes);
                if entry::commit(salt, detail) != entry.detail {
                    return Err(bad());
                }
                range.push(last);
            }
        }
        let mut paths = Paths::new(self, *chain, sealed.size);
        let (peaks, root) = paths.peaks().await?;
        if last != sealed.hash || range.root() != sealed.root || root != sealed.root {
            return Err(bad());
        }
        Ok(peaks)
    }

    /// A row of leaves is stored once it is full; when the purge ends inside one, its hashes are kept now.
    async fn keep_last_row(&self, chain: &ChainKey, size: u64, head: i64) -> Result<(), Error> {
        let place = size / chain::tiles::WIDTH;
        let begin = (place * chain::tiles::WIDTH).cast_signed();
        if size.cast_signed() == begin {
            return Ok(());
        }
        let _turn = self.rooms.indexing.lock().await;
        let store = &self.rooms.store;
        let mut row = self.row(chain, (0, place)).await?;
        let known = begin + i64::try_from(row.len()).unwrap_or(0);
        if known >= size.cast_signed() {
            return Ok(());
        }
        row.extend(store.audit_hashes(SYSTEM, chain, known + 1, size.cast_signed() + 1).await?);
        if row.len() as i64 != size.cast_signed() - begin {
            return Err(Error::Corrupt("a chain with a gap"));
        }
        let tiles = vec![Tile { level: 0, place, hashes: row.concat() }];
        let mut mark = store.audit_indexed(SYSTEM, chain).await?;
        for _ in 0..8 {
            let block = IndexBlock { chain: *chain, from: mark, to: mark, postings: Vec::new(), tiles: tiles.clone() };
            // moved on meanwhile by another server: then it may have stored the full row already
            if store.keep_audit_index(SYSTEM, block).await? {
                return Ok(());
            }
            mark = store.audit_indexed(SYSTEM, chain).await?;
            if mark / chain::tiles::WIDTH.cast_signed() > place.cast_signed() {
                return Ok(());
            }
        }
        let _ = head;
        Err(Error::Unavailable(store::Error::Refused { what: "other servers take entries over all the time" }))
    }

    /// Takes away the entries up to `through`, and by what they are found.
    async fn take_away(&self, chain: &ChainKey, through: i64) -> Result<(), Error> {
        let store = &self.rooms.store;
        let name = chain.to_string();
        loop {
            let part = store.audit_range(SYSTEM, chain, i64::MIN, u32::try_from(CHUNK).unwrap_or(1)).await?;
            let part: Vec<_> = part.into_iter().take_while(|stored| stored.seq <= through).collect();
            let (Some(first), Some(last)) = (part.first(), part.last()) else { return Ok(()) };
            let (first, last) = (first.seq, last.seq);
            let mut postings: Vec<Posting> = Vec::new();
            for stored in &part {
                postings.extend(self.postings(&name, stored).await?);
            }
            store.drop_audit_postings(SYSTEM, postings).await?;
            if store.drop_purged_entries(SYSTEM, chain, first, last).await? == 0 {
                return Ok(());
            }
        }
    }
}
