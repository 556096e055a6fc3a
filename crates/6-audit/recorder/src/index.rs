//! Takes stored entries over into postings (to find them by) and tiles (to prove them with), a block of 256 at a time,
//! after they were stored: whoever appends does not wait for it. A search or a proof first takes over what is missing.

use std::time::Duration;

use authz::{SystemPermit, act_as_system};
use chain::{
    entry,
    tiles::{Place, WIDTH, root_of_row},
    verify::{Entry, decode, unpack},
};
use domain::{AuditSubject, Json};
use store::{ChainKey, IndexBlock, Posting, StoredEntry, Tile};

use crate::{Error, Recorder};

const SYSTEM: SystemPermit = act_as_system("the audit index takes entries over");
const BLOCK: i64 = WIDTH as i64;
/// Rows of the tree that are new or grew.
type Rows = std::collections::BTreeMap<Place, Vec<chain::Hash>>;

/// Ids in a detail by which an entry is found too.
const MOST_IDS: usize = 8;
/// So far behind, larger parts are taken over at a time.
const FAR: i64 = 100_000;
/// How long the background work pauses when there is nothing to do.
const PAUSE: Duration = Duration::from_millis(500);

/// By what an entry can be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Facet<'a> {
    /// Every entry, for ranges of time.
    Any,
    Operation(&'a str),
    /// What it was done to, and ids that its detail names.
    Touched(&'a str),
    Result(&'a str),
    /// By pseudonym.
    Who(&'a [u8; 32]),
    Address(std::net::IpAddr),
    Request([u8; 16]),
}

impl Recorder {
    pub(crate) fn facet(&self, chain: &str, facet: Facet<'_>) -> i64 {
        let (kind, value): (&str, Vec<u8>) = match facet {
            Facet::Any => ("any", Vec::new()),
            Facet::Operation(name) => ("operation", name.into()),
            Facet::Touched(id) => ("touched", id.into()),
            Facet::Result(word) => ("result", word.into()),
            Facet::Who(pseudonym) => ("who", pseudonym.to_vec()),
            Facet::Address(address) => ("address", address.to_canonical().to_string().into()),
            Facet::Request(id) => {
                // ids of requests begin with the time, so their postings do too, and are written at the end of the table
                let hash = self.rooms.vault.keyed_hash("request", &[chain.as_bytes(), b"\0", &id].concat());
                let time = id[..6].iter().fold(0_i64, |time, byte| time << 8 | i64::from(*byte));
                return time << 15 | i64::from(u16::from_be_bytes([hash[0], hash[1]]) >> 1);
            }
        };
        let named = [chain.as_bytes(), b"\0", &value].concat();
        let hash = self.rooms.vault.keyed_hash(kind, &named);
        i64::from_be_bytes(*hash.first_chunk().unwrap_or(&[0; 8]))
    }

    /// All postings of an entry. What is personal and erased has none.
    pub(crate) async fn postings(&self, chain: &str, stored: &StoredEntry) -> Result<Vec<Posting>, Error> {
        let (bytes, _, detail) = unpack(&stored.entry).ok_or(Error::Corrupt("an entry"))?;
        let entry = decode(bytes).map_err(|_| Error::Corrupt("an entry"))?;
        let mut facets = vec![Facet::Any, Facet::Operation(&entry.operation), Facet::Result(&entry.result)];
        facets.push(Facet::Who(&entry.pseudonym));
        facets.extend(entry.target.as_deref().map(Facet::Touched));
        facets.extend(entry.request.map(Facet::Request));
        let detail: Option<Json> = serde_json::from_slice(detail).ok();
        let mut ids = Vec::new();
        // what somebody asked the trail about was not touched by that
        if let Some(detail) = detail.as_ref().filter(|_| !entry.operation.starts_with("audit.")) {
            ids_in(detail, &mut ids);
        }
        facets.extend(ids.into_iter().map(Facet::Touched));
        let subject = self.subject_of(&entry).await?;
        facets.extend(subject.and_then(|subject| subject.address).map(Facet::Address));
        let mut postings: Vec<Posting> = facets
            .into_iter()
            .map(|facet| Posting { facet: self.facet(chain, facet), at: entry.at_micros, seq: stored.seq })
            .collect();
        postings.sort_unstable_by_key(|posting| posting.facet);
        postings.dedup_by_key(|posting| posting.facet);
        Ok(postings)
    }

    /// Who and from where, if that was not erased.
    pub(crate) async fn subject_of(&self, entry: &Entry) -> Result<Option<AuditSubject>, Error> {
        let key = self.rooms.subjects.key_to_read(entry.pseudonym).await?;
        match key.map(|key| key.open(&entry.chain, &entry.id, &entry.subject)) {
            None | Some(Err(vault::OpenError::KeyNotLoaded { .. })) => Ok(None),
            Some(Ok(plain)) => {
                serde_json::from_slice(plain.expose()).map(Some).map_err(|_| Error::Corrupt("an entry's subject"))
            }
            Some(Err(error)) => Err(Error::Seal(error.into())),
        }
    }

    /// Takes over every entry of a chain that is stored now. Answers the last one's sequence.
    ///
    /// # Errors
    /// [`Error::Unavailable`]; [`Error::Corrupt`] when an entry cannot be read: verify the trail.
    pub async fn index(&self, chain: &ChainKey) -> Result<i64, Error> {
        let store = &self.rooms.store;
        let head = store.audit_head(SYSTEM, chain).await?.map_or(0, |head| head.seq);
        if store.audit_indexed(SYSTEM, chain).await? >= head {
            return Ok(head);
        }
        // one at a time in this process; of several servers, whoever moves the mark first wins
        let _turn = self.rooms.indexing.lock().await;
        loop {
            let mark = store.audit_indexed(SYSTEM, chain).await?;
            if mark >= head {
                return Ok(head);
            }
            let more = if head - mark > FAR { 31 } else { 7 };
            self.index_blocks(chain, mark, head, more).await?;
        }
    }

    /// Takes over the rest of the block in which `mark` stands, and up to `more` blocks after it.
    async fn index_blocks(&self, chain: &ChainKey, mark: i64, head: i64, more: i64) -> Result<(), Error> {
        let store = &self.rooms.store;
        let begin = mark / BLOCK * BLOCK;
        let to = (begin + BLOCK * (more + 1)).min(head);
        let name = chain.to_string();
        // a purge that ended inside this block left the hashes of what it took away
        let mut leaves = self.row(chain, (0, place_of(begin))).await?;
        let known = begin + i64::try_from(leaves.len()).unwrap_or(0);
        let stored = store.audit_part(SYSTEM, chain, known.min(mark) + 1, to + 1).await?;
        let (mut postings, mut rows) = (Vec::new(), Rows::new());
        let mut row = begin;
        for entry in &stored {
            let (bytes, ..) = unpack(&entry.entry).ok_or(Error::Corrupt("an entry"))?;
            if entry.seq > known {
                if entry.seq != row + i64::try_from(leaves.len()).unwrap_or(0) + 1 {
                    return Err(Error::Corrupt("a chain with a gap"));
                }
                leaves.push(entry::hash(bytes));
            }
            if entry.seq > mark {
                postings.extend(self.postings(&name, entry).await?);
            }
            if entry.seq == row + BLOCK {
                self.rows_above(chain, place_of(row), std::mem::take(&mut leaves), &mut rows).await?;
                row += BLOCK;
            }
        }
        if stored.last().is_none_or(|last| last.seq != to) {
            return Err(Error::Corrupt("a chain with a gap"));
        }
        let tiles = rows.into_iter().map(|((level, place), row)| Tile { level, place, hashes: row.concat() }).collect();
        store.keep_audit_index(SYSTEM, IndexBlock { chain: *chain, from: mark, to, postings, tiles }).await?;
        Ok(())
    }

    /// The full row of leaves at `place`, and the rows above it that grow with it.
    async fn rows_above(
        &self,
        chain: &ChainKey,
        mut place: u64,
        leaves: Vec<chain::Hash>,
        rows: &mut Rows,
    ) -> Result<(), Error> {
        let mut row = leaves;
        for level in 0.. {
            let root = root_of_row(&row);
            rows.insert((level, place), row);
            let Some(root) = root else { break };
            let (above, within) = (place / WIDTH, place % WIDTH);
            row = match rows.get(&(level + 1, above)) {
                Some(row) => row.clone(),
                None => self.row(chain, (level + 1, above)).await?,
            };
            if row.len() as u64 != within {
                return Err(Error::Corrupt("a chain's tree"));
            }
            row.push(root);
            place = above;
        }
        Ok(())
    }

    /// A row of the tree as far as it is stored.
    pub(crate) async fn row(&self, chain: &ChainKey, place: Place) -> Result<Vec<chain::Hash>, Error> {
        let known = self.rooms.store.audit_tiles(SYSTEM, chain, &[place]).await?;
        Ok(known.first().map(|tile| tile.hashes.as_chunks::<32>().0.to_vec()).unwrap_or_default())
    }

    /// Takes entries over as they come, until `stop`. It leaves the writer to others for twice as long as it used it.
    pub async fn run_index(self, stop: impl Future<Output = ()> + Send) {
        tokio::pin!(stop);
        if let Err(error) = self.finish_purges().await {
            tracing::warn!(%error, "a purge that was interrupted was not finished; the next one will");
        }
        loop {
            let pause = match self.index_some().await {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::warn!(%error, "audit entries were not taken over into the index; they will be");
                    PAUSE * 10
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = &mut stop => return,
            }
        }
    }

    /// One block of every chain that is behind.
    async fn index_some(&self) -> Result<Duration, Error> {
        let behind = self.rooms.store.audit_behind(SYSTEM).await?;
        let mut failed = None;
        let mut used = Duration::ZERO;
        for (chain, head, _) in behind {
            let begun = tokio::time::Instant::now();
            let _turn = self.rooms.indexing.lock().await;
            let mark = self.rooms.store.audit_indexed(SYSTEM, &chain).await?;
            // a chain that cannot be read does not keep the others from being taken over
            if mark < head
                && let Err(error) = self.index_blocks(&chain, mark, head, 1).await
            {
                failed = Some(error);
            }
            used += begun.elapsed();
        }
        match failed {
            Some(error) => Err(error),
            None if used.is_zero() => Ok(PAUSE),
            None => Ok(used * 2),
        }
    }
}

/// Ids such as `run_0190…` anywhere in a detail.
fn ids_in<'a>(detail: &'a Json, found: &mut Vec<&'a str>) {
    match detail {
        Json::String(text) if is_id(text) && found.len() < MOST_IDS => found.push(text),
        Json::Array(items) => items.iter().for_each(|item| ids_in(item, found)),
        Json::Object(map) => map.values().for_each(|value| ids_in(value, found)),
        _ => {}
    }
}

pub(crate) fn is_id(text: &str) -> bool {
    text.split_once('_').is_some_and(|(kind, rest)| {
        (2..=12).contains(&kind.len())
            && kind.bytes().all(|byte| byte.is_ascii_lowercase())
            && rest.len() == 32
            && rest.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// The place of the row of leaves that begins after this entry.
fn place_of(begin: i64) -> u64 {
    u64::try_from(begin / BLOCK).unwrap_or(0)
}
