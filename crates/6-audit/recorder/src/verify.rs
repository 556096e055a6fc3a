//! Checks the database itself: every checkpoint, every chain, every entry, every column.

use std::{collections::BTreeMap, io::BufRead};

use authz::{SystemPermit, act_as_system};
use chain::verify::{
    Anchor, Bad, ChainReport, ChainVerifier, CheckpointBad, CheckpointFault, CheckpointVerifier, Columns, Covered,
    Item, Report, StoredHead, Tamper, VerifierKey, unpack,
};
use store::{ChainHead, ChainKey, Store, StoredEntry};

use crate::checkpoints::{Record, read_record};

const SYSTEM: SystemPermit = act_as_system("audit verify reads all chains");
const PAGE: u32 = 2_000;

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
    let mut report = Report { key_was_given: true, ..Report::default() };
    let filed = read_filed(filed)?;
    let mut covered = Heads::default();
    report.bad_checkpoint = walk_checkpoints(store, key, &filed, &mut covered, &mut report.checkpoints).await?;
    let mut names: Vec<String> = covered.by_chain.keys().cloned().collect();
    match store.audit_heads(SYSTEM).await {
        Ok(heads) => names.extend(heads.into_iter().map(|(chain, _)| chain.to_string())),
        Err(store::Error::Corrupt { .. }) => report.chains.push(unreadable_heads()),
        Err(error) => return Err(error.into()),
    }
    names.sort_unstable();
    names.dedup();
    for name in names {
        // the names come from the store or from signed lines
        if let Some(chain) = ChainKey::read(&name) {
            let heads = covered.by_chain.remove(&name).unwrap_or_default();
            report.chains.push(walk_chain(store, chain, &name, heads).await?);
        }
    }
    Ok(report)
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
    let mut verifier = ChainVerifier::new(name, covered, &Anchor::default());
    let mut next = i64::MIN;
    loop {
        let page = read_page(store, &chain, next).await?;
        if page.is_empty() {
            break;
        }
        for entry in page {
            next = entry.seq().saturating_add(1);
            feed(&mut verifier, &entry);
        }
    }
    // the head is read after the entries, so it can only be ahead of them; then what came meanwhile is read too
    let head = match store.audit_head(SYSTEM, &chain).await {
        Ok(head) => head.unwrap_or_default(),
        Err(store::Error::Corrupt { .. }) => ChainHead { seq: next.saturating_sub(1).max(0), ..ChainHead::default() },
        Err(error) => return Err(error.into()),
    };
    while next <= head.seq {
        let page = read_page(store, &chain, next).await?;
        if page.is_empty() {
            break;
        }
        for entry in page.into_iter().filter(|entry| entry.seq() <= head.seq) {
            feed(&mut verifier, &entry);
            next = entry.seq().saturating_add(1);
        }
    }
    let size = u64::try_from(head.seq).unwrap_or(0);
    Ok(verifier.finish(Some(&StoredHead { size, hash: head.hash.to_vec(), state: Some(head.tree) })))
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

fn feed(verifier: &mut ChainVerifier, found: &Found) {
    let Found::Entry(stored) = found else {
        return verifier.entry(&Item::default());
    };
    let (entry, salt, detail) = unpack(&stored.entry).unwrap_or_default();
    verifier.entry(&Item {
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
    });
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
        bad: Some(Bad { first: 1, last: 1, kind: Tamper::HeadAltered, why }),
    }
}
