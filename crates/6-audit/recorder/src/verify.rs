//! Checks the database itself: every checkpoint, every chain, every entry, every column.

use std::{
    collections::{BTreeMap, VecDeque},
    io::BufRead,
    sync::atomic::{AtomicU64, Ordering},
};

use authz::{SystemPermit, act_as_system};
use chain::verify::{
    Anchor, Bad, ChainReport, ChainVerifier, CheckpointBad, CheckpointFault, CheckpointVerifier, Columns, Covered,
    Examined, Item, Report, StoredHead, Tamper, VerifierKey, WitnessKey, examine, unpack, witnessed,
};
use store::{ChainHead, ChainKey, RawEntry, Store, StoredEntry};

use crate::{
    checkpoints::{Record, read_record},
    stored_tree::Rows,
};

const SYSTEM: SystemPermit = act_as_system("audit verify reads all chains");
const PAGE: u32 = 2_000;
/// Entries in a part of a chain, of which several are read at a time.
const PART: i64 = 4_096;
const AHEAD: usize = 3;

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

/// How far a verification has come, for whoever waits for it.
#[derive(Debug, Default)]
pub struct Progress {
    read: AtomicU64,
    entries: AtomicU64,
}

impl Progress {
    /// Entries examined so far, and how many there are; 0 of 0 until the chains are counted.
    pub fn now(&self) -> (u64, u64) {
        let all = self.entries.load(Ordering::Relaxed);
        (self.read.load(Ordering::Relaxed).min(all), all)
    }
    fn examined(&self, entries: usize) {
        self.read.fetch_add(entries as u64, Ordering::Relaxed);
    }
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
    verify_told(store, key, witnesses, filed, only, &Progress::default()).await
}

/// The same, telling `progress` how far it has come.
///
/// # Errors
/// As [`verify_online`].
pub async fn verify_told(
    store: &Store,
    key: VerifierKey,
    witnesses: &[WitnessKey],
    filed: Option<&mut (dyn BufRead + Send)>,
    only: Option<&str>,
    progress: &Progress,
) -> Result<Report, VerifyError> {
    let mut report = Report { key_was_given: true, ..Report::default() };
    let filed = read_filed(filed)?;
    let mut covered = Heads::default();
    report.bad_checkpoint = walk_checkpoints(store, key, &filed, &mut covered, &mut report.checkpoints).await?;
    if !witnesses.is_empty() {
        walk_cosignatures(store, witnesses, &filed, &mut report).await?;
    }
    let wanted = |name: &String| only.is_none_or(|only| name.starts_with(only));
    let mut names: Vec<String> = covered.by_chain.keys().cloned().collect();
    match store.audit_heads(SYSTEM).await {
        Ok(heads) => {
            for (chain, head) in heads {
                let name = chain.to_string();
                if wanted(&name) {
                    progress.entries.fetch_add(u64::try_from(head.seq).unwrap_or(0), Ordering::Relaxed);
                }
                names.push(name);
            }
        }
        Err(store::Error::Corrupt { .. }) => report.chains.push(unreadable_heads()),
        Err(error) => return Err(error.into()),
    }
    names.sort_unstable();
    names.dedup();
    names.retain(wanted);
    for name in names {
        // the names come from the store or from signed lines
        if let Some(chain) = ChainKey::read(&name) {
            let heads = covered.by_chain.remove(&name).unwrap_or_default();
            report.chains.push(walk_chain(store, chain, &name, heads, progress).await?);
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
    progress: &Progress,
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
    // what was purged needs no reading
    progress.examined(usize::try_from(anchor.size).unwrap_or(0));
    let mut rows = Rows::begin(store, chain, anchor.size).await?;
    let mut walk = Walk {
        store,
        chain,
        name,
        verifier: ChainVerifier::new(name, covered, &anchor).whole(),
        // what was purged and is still there, because a server stopped in between, counts no more
        next: if anchor.size == 0 { i64::MIN } else { anchor.size.cast_signed() + 1 },
        progress,
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
    name: &'a str,
    verifier: ChainVerifier,
    next: i64,
    progress: &'a Progress,
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
                from += PART;
            }
            let Some(part) = parts.pop_front() else { return Ok(()) };
            let whole = match part.await {
                Ok(Ok(part)) if part.len() as i64 == PART => Some(part),
                _ => None,
            };
            // the end, or a gap, or something that cannot be read
            let Some(part) = whole else {
                parts.iter().for_each(tokio::task::JoinHandle::abort);
                return self.one_by_one(rows).await;
            };
            self.progress.examined(part.len());
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
        self.progress.examined(1);
        let examined = match &found {
            Found::Entry(stored) => examine_stored(stored, self.name),
            Found::Unreadable(_) => examine(&Item::default(), self.name),
        };
        rows.leaf(examined.hash()).await?;
        self.verifier.take(examined);
        Ok(())
    }
}

/// A part of a chain, examined where it was read.
async fn read_part(store: &Store, chain: &ChainKey, from: i64) -> Result<Vec<(i64, Examined)>, store::Error> {
    let name = chain.to_string();
    let map = move |raw: &RawEntry<'_>| (raw.seq, examine_raw(raw, &name));
    store.audit_scan(SYSTEM, chain, from, from.saturating_add(PART), map).await
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

fn examine_stored(stored: &StoredEntry, chain: &str) -> Examined {
    let raw = RawEntry {
        seq: stored.seq,
        id: stored.id.uuid().into_bytes(),
        at: stored.at.micros(),
        operation: &stored.operation,
        target: stored.target.as_deref(),
        result: stored.result.as_str(),
        request: stored.request.map(|id| id.uuid().into_bytes()),
        intent: stored.intent.map(|id| id.uuid().into_bytes()),
        subject: stored.subject,
        entry: &stored.entry,
        hash: stored.hash,
    };
    examine_raw(&raw, chain)
}

fn examine_raw(raw: &RawEntry<'_>, chain: &str) -> Examined {
    let (entry, salt, detail) = unpack(raw.entry).unwrap_or_default();
    let item = Item {
        stored_sequence: Some(u64::try_from(raw.seq).unwrap_or(0)),
        stored_hash: Some(&raw.hash),
        columns: Some(Columns {
            id: raw.id,
            at_micros: raw.at,
            operation: raw.operation,
            target: raw.target,
            result: raw.result,
            request: raw.request,
            intent: raw.intent,
            pseudonym: raw.subject.as_ref().map(<[u8; 32]>::as_slice),
        }),
        entry,
        detail,
        detail_salt: salt,
    };
    examine(&item, chain)
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
