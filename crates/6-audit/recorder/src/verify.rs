//! Checks the database itself: every checkpoint, every chain, every entry, every column.

use std::{
    collections::{BTreeMap, VecDeque},
    io::BufRead,
};

use authz::{SystemPermit, act_as_system};
use chain::{
    tiles,
    verify::{
        Anchor, Bad, ChainReport, ChainVerifier, CheckpointBad, CheckpointFault, CheckpointVerifier, Columns, Covered,
        Examined, Item, Report, StoredHead, Tamper, VerifierKey, WitnessKey, examine, unpack, witnessed,
    },
};
use store::{ChainHead, ChainKey, Store, StoredEntry};

use crate::checkpoints::{Record, read_record};

const SYSTEM: SystemPermit = act_as_system("audit verify reads all chains");
const PAGE: u32 = 2_000;
/// Parts of a chain that are read at a time.
const AHEAD: usize = 3;
/// Rows of the tree that are read at a time.
const ROWS: u32 = 64;

/// The verification could not be done. Tampering is not an error but a finding in the report.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error("the store did not answer")]
    Store(#[from] store::Error),
    #[error("the checkpoint file could not be read")]
    File(#[from] std::io::Error),
}

/// Verifies everything in the database against `key`, and against checkpoints that left the machine if there are any
/// (`filed`: lines of the checkpoint file). The server may go on writing meanwhile.
///
/// # Errors
/// [`VerifyError`]: nothing was found out. Retrying is safe.
pub async fn verify_online(
    store: &Store,
    key: VerifierKey,
    filed: Option<&mut (dyn BufRead + Send)>,
) -> Result<Report, VerifyError> {
    verify_witnessed(store, key, &[], filed, None).await
}

/// The same, with the keys of witnesses: the report says which checkpoints they signed. `only`: chains whose name begins
/// so, such as those of one team.
///
/// # Errors
/// As [`verify_online`].
pub async fn verify_witnessed(
    store: &Store,
    key: VerifierKey,
    witnesses: &[WitnessKey],
    filed: Option<&mut (dyn BufRead + Send)>,
    only: Option<&str>,
) -> Result<Report, VerifyError> {
    let mut report = Report { key_was_given: true, ..Report::default() };
    let filed = read_filed(filed)?;
    let mut covered = Heads::default();
    report.bad_checkpoint = walk_checkpoints(store, key, &filed, &mut covered, &mut report.checkpoints).await?;
    if !witnesses.is_empty() {
        walk_cosignatures(store, witnesses, &filed, &mut report).await?;
    }
    let mut names: Vec<String> = covered.by_chain.keys().cloned().collect();
    match store.audit_heads(SYSTEM).await {
        Ok(heads) => names.extend(heads.into_iter().map(|(chain, _)| chain.to_string())),
        Err(store::Error::Corrupt { .. }) => report.chains.push(unreadable_heads()),
        Err(error) => return Err(error.into()),
    }
    names.sort_unstable();
    names.dedup();
    names.retain(|name| only.is_none_or(|only| name.starts_with(only)));
    for name in names {
        // the names come from the store or from signed lines
        if let Some(chain) = ChainKey::read(&name) {
            let heads = covered.by_chain.remove(&name).unwrap_or_default();
            report.chains.push(walk_chain(store, chain, &name, heads).await?);
        }
    }
    Ok(report)
}

/// Holds what witnesses signed against the notes.
async fn walk_cosignatures(
    store: &Store,
    witnesses: &[WitnessKey],
    filed: &BTreeMap<u64, Record>,
    report: &mut Report,
) -> Result<(), VerifyError> {
    let mut next = 1;
    while next <= report.checkpoints {
        let last = (next + u64::from(PAGE) - 1).min(report.checkpoints);
        let mut lines: BTreeMap<u64, String> = BTreeMap::new();
        for cosigned in store.cosignatures(SYSTEM, next, last).await? {
            lines.entry(cosigned.checkpoint).or_default().push_str(&cosigned.line);
        }
        for kept in store.checkpoints(SYSTEM, &ChainKey::System, next.cast_signed(), PAGE).await? {
            let number = kept.seq.cast_unsigned();
            let note = filed.get(&number).map(|record| record.note.clone());
            let note = note.or_else(|| read_record(&kept.note).map(|record| record.note)).unwrap_or_default();
            if let Some(lines) = lines.get(&number) {
                witnessed(report, witnesses, number, &format!("{note}{lines}"));
            } else {
                witnessed(report, witnesses, number, &note);
            }
        }
        next = last + 1;
    }
    Ok(())
}

/// Every head that checkpoints vouch for, without repeating those that did not move.
#[derive(Default)]
struct Heads {
    by_chain: BTreeMap<String, Vec<Covered>>,
}

impl Heads {
    fn add(&mut self, heads: Vec<Covered>) {
        for head in heads {
            let known = self.by_chain.entry(head.chain.clone()).or_default();
            let same = |last: &Covered| last.size == head.size && last.hash == head.hash && last.root == head.root;
            if !known.last().is_some_and(same) {
                known.push(head);
            }
        }
    }
}

fn read_filed(filed: Option<&mut (dyn BufRead + Send)>) -> Result<BTreeMap<u64, Record>, VerifyError> {
    let mut records = BTreeMap::new();
    if let Some(lines) = filed {
        for line in lines.split(b'\n') {
            if let Some(record) = read_record(&line?) {
                records.entry(record.number).or_insert(record);
            }
        }
    }
    Ok(records)
}

/// Takes the checkpoints in order; where one was filed and one is stored, both must be the same, and the filed one
/// counts. Answers the first bad one.
async fn walk_checkpoints(
    store: &Store,
    key: VerifierKey,
    filed: &BTreeMap<u64, Record>,
    covered: &mut Heads,
    held: &mut u64,
) -> Result<Option<CheckpointBad>, VerifyError> {
    let mut verifier = CheckpointVerifier::new(key);
    let mut bad = None;
    let mut page: Vec<store::Checkpoint> = Vec::new();
    let mut ended = false;
    loop {
        let number = verifier.size() + 1;
        if page.is_empty() && !ended {
            page = store.checkpoints(SYSTEM, &ChainKey::System, number.cast_signed(), PAGE).await?;
            page.reverse();
            ended = page.is_empty();
        }
        let stored = page.pop();
        let record = stored.as_ref().and_then(|stored| read_record(&stored.note));
        let known = filed.get(&number);
        let fault = match (&stored, &record, known) {
            (None, _, None) if filed.keys().next_back().is_none_or(|last| *last < number) => break,
            (None, ..) => Some(CheckpointFault::Missing),
            (Some(stored), ..) if stored.seq != number.cast_signed() => Some(CheckpointFault::Missing),
            (_, Some(record), _) if record.number != number => Some(CheckpointFault::Missing),
            (_, None, _) => Some(CheckpointFault::Malformed),
            (_, Some(record), Some(known)) if record.note != known.note => Some(CheckpointFault::Inconsistent),
            _ => None,
        };
        if let Some(fault) = fault {
            bad.get_or_insert(CheckpointBad { number, fault });
        }
        // a checkpoint that left the machine vouches even for what the database no longer says
        let Some(record) = known.or(record.as_ref()).filter(|_| fault.is_none() || known.is_some()) else { break };
        match verifier.next(&record.note).and_then(|checked| checked.heads(&record.heads)) {
            Ok(heads) => covered.add(heads),
            Err(fault) => {
                bad.get_or_insert(CheckpointBad { number, fault });
                if verifier.size() < number {
                    break;
                }
            }
        }
    }
    *held = verifier.size();
    Ok(bad)
}

async fn walk_chain(
    store: &Store,
    chain: ChainKey,
    name: &str,
    covered: Vec<Covered>,
) -> Result<ChainReport, VerifyError> {
    let anchor = match store.audit_anchor(SYSTEM, &chain).await {
        Ok(anchor) => anchor.map(|anchor| Anchor {
            size: anchor.seq.cast_unsigned(),
            hash: anchor.hash,
            peaks: anchor.tree.as_chunks::<32>().0.to_vec(),
        }),
        Err(store::Error::Corrupt { .. }) => Some(Anchor { size: 1, ..Anchor::default() }),
        Err(error) => return Err(error.into()),
    };
    let anchor = anchor.unwrap_or_default();
    let mut rows = Rows::begin(store, chain, anchor.size).await?;
    let mut walk = Walk {
        store,
        chain,
        verifier: ChainVerifier::new(name, covered, &anchor).whole(),
        // what was purged and is still there, because a server stopped in between, counts no more
        next: if anchor.size == 0 { i64::MIN } else { anchor.size.cast_signed() + 1 },
    };
    walk.all(&mut rows).await?;
    // the head is read after the entries, so it can only be ahead of them; then what came meanwhile is read too
    let head = match store.audit_head(SYSTEM, &chain).await {
        Ok(head) => head.unwrap_or_default(),
        Err(store::Error::Corrupt { .. }) => {
            ChainHead { seq: walk.next.saturating_sub(1).max(0), ..ChainHead::default() }
        }
        Err(error) => return Err(error.into()),
    };
    while walk.next <= head.seq {
        let page = read_page(store, &chain, walk.next).await?;
        if page.is_empty() {
            break;
        }
        for found in page.into_iter().filter(|found| found.seq() <= head.seq) {
            walk.take(found, &mut rows).await?;
        }
    }
    let size = u64::try_from(head.seq).unwrap_or(0);
    let mut report = walk.verifier.finish(Some(&StoredHead { size, hash: head.hash.to_vec(), state: Some(head.tree) }));
    if report.bad.is_none() {
        report.bad = rows.bad;
    }
    Ok(report)
}

/// Reads a chain's entries: several parts at a time as long as each part is as full as it must be, one after the other
/// from the first that is not.
struct Walk<'a> {
    store: &'a Store,
    chain: ChainKey,
    verifier: ChainVerifier,
    next: i64,
}

impl Walk<'_> {
    async fn all(&mut self, rows: &mut Rows) -> Result<(), VerifyError> {
        let mut parts = VecDeque::new();
        let mut from = self.next.max(1);
        if self.next < from
            && !self.store.audit_part(SYSTEM, &self.chain, self.next, from).await.is_ok_and(|p| p.is_empty())
        {
            return self.one_by_one(rows).await;
        }
        loop {
            while parts.len() < AHEAD {
                let (store, chain) = (self.store.clone(), self.chain);
                parts.push_back(tokio::spawn(async move { read_part(&store, &chain, from).await }));
                from += i64::from(PAGE);
            }
            let Some(part) = parts.pop_front() else { return Ok(()) };
            let whole = match part.await {
                Ok(Ok(part)) if part.len() == PAGE as usize => Some(part),
                _ => None,
            };
            // the end, or a gap, or something that cannot be read
            let Some(part) = whole else {
                parts.iter().for_each(tokio::task::JoinHandle::abort);
                return self.one_by_one(rows).await;
            };
            for (seq, examined) in part {
                self.next = seq.saturating_add(1);
                rows.leaf(examined.hash()).await?;
                self.verifier.take(examined);
            }
        }
    }

    async fn one_by_one(&mut self, rows: &mut Rows) -> Result<(), VerifyError> {
        loop {
            let page = read_page(self.store, &self.chain, self.next).await?;
            if page.is_empty() {
                return Ok(());
            }
            for found in page {
                self.take(found, rows).await?;
            }
        }
    }

    async fn take(&mut self, found: Found, rows: &mut Rows) -> Result<(), VerifyError> {
        self.next = found.seq().saturating_add(1);
        let examined = match &found {
            Found::Entry(stored) => examine_stored(stored),
            Found::Unreadable(_) => examine(&Item::default()),
        };
        rows.leaf(examined.hash()).await?;
        self.verifier.take(examined);
        Ok(())
    }
}

/// A part of a chain, examined where it was read.
async fn read_part(store: &Store, chain: &ChainKey, from: i64) -> Result<Vec<(i64, Examined)>, store::Error> {
    let part = store.audit_part(SYSTEM, chain, from, from.saturating_add(i64::from(PAGE))).await?;
    Ok(part.iter().map(|stored| (stored.seq, examine_stored(stored))).collect())
}

/// Holds the stored rows of the tree against the entries as they come by.
struct Rows {
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
    bad: Option<Bad>,
}

impl Rows {
    /// From an anchor on, the row in which it stands and those above it are taken as they are: if they are not what
    /// they were, no proof made of them holds, and the rows that follow do not fit them.
    async fn begin(store: &Store, chain: ChainKey, size: u64) -> Result<Self, VerifyError> {
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

    async fn leaf(&mut self, hash: &[u8; 32]) -> Result<(), VerifyError> {
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

/// An entry of the database, or the place of one that cannot even be read.
enum Found {
    Entry(Box<StoredEntry>),
    Unreadable(i64),
}

impl Found {
    const fn seq(&self) -> i64 {
        match self {
            Self::Entry(entry) => entry.seq,
            Self::Unreadable(seq) => *seq,
        }
    }
}

async fn read_page(store: &Store, chain: &ChainKey, from: i64) -> Result<Vec<Found>, VerifyError> {
    let read = async |from, limit| store.audit_range(SYSTEM, chain, from, limit).await;
    match read(from, PAGE).await {
        Ok(page) => return Ok(page.into_iter().map(|entry| Found::Entry(Box::new(entry))).collect()),
        Err(store::Error::Corrupt { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    // a column of one of them cannot be read: find which, by reading fewer
    let mut limit = PAGE;
    while limit > 1 {
        limit /= 2;
        match read(from, limit).await {
            Ok(page) if !page.is_empty() => return Ok(page.into_iter().map(|e| Found::Entry(Box::new(e))).collect()),
            Ok(_) | Err(store::Error::Corrupt { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(vec![Found::Unreadable(from.max(1))])
}

fn examine_stored(stored: &StoredEntry) -> Examined {
    let (entry, salt, detail) = unpack(&stored.entry).unwrap_or_default();
    examine(&Item {
        stored_sequence: Some(u64::try_from(stored.seq).unwrap_or(0)),
        stored_hash: Some(&stored.hash),
        columns: Some(Columns {
            id: stored.id.uuid().into_bytes(),
            at_micros: stored.at.micros(),
            operation: &stored.operation,
            target: stored.target.as_deref(),
            result: stored.result.as_str(),
            request: stored.request.map(|id| id.uuid().into_bytes()),
            intent: stored.intent.map(|id| id.uuid().into_bytes()),
            pseudonym: stored.subject.as_ref().map(<[u8; 32]>::as_slice),
        }),
        entry,
        detail,
        detail_salt: salt,
    })
}

fn unreadable_heads() -> ChainReport {
    let why = "a stored head cannot be read".to_owned();
    ChainReport {
        chain: "(heads)".to_owned(),
        entries: 0,
        size: 0,
        head: "0".repeat(64),
        checkpoint: None,
        clock_steps_back: 0,
        purged: None,
        bad: Some(Bad { first: 1, last: 1, kind: Tamper::HeadAltered, why }),
    }
}
