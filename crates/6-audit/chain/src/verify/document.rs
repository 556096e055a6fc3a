//! Proofs and exports that stand for themselves: an entry with its path to a signed checkpoint, a checkpoint that
//! continues an earlier one, a list of entries each with its path.

use std::io::{BufRead, Read};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use super::{
    CheckpointBad, CheckpointFault, Covered, Entry, HeadLine, Report, Tamper, VerifierKey, WitnessKey,
    bundle::BundleError,
    checkpoint::read_note,
    csv, decode, leaf_hash,
    proof::{consistent, included},
    report::{Bad, ChainReport},
    tree::digest,
};

/// The format of proofs, as their `format` says.
pub const PROOF: &str = "nodeloom/audit-proof/v1";
/// The format of exports with proofs.
pub const EXPORT: &str = "nodeloom/audit-export/v1";
/// No line of an export and no proof is longer: a detail has at most 64 KiB, a path at most 64 hashes.
const MAX_LINE: u64 = 1 << 20;

/// One head of a checkpoint, with its proof.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShownHead {
    pub line: String,
    pub index: u64,
    /// Base64, as all hashes here.
    pub proof: Vec<String>,
}

/// A checkpoint and what it says about one chain.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShownCheckpoint {
    pub note: String,
    pub head: ShownHead,
}

/// A proof: `inclusion` of an entry, or `consistency` with an older checkpoint.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    pub format: String,
    /// The public key; whoever verifies has it on another way.
    pub key: String,
    pub chain: String,
    pub checkpoint: ShownCheckpoint,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inclusion: Option<Inclusion>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consistency: Option<Consistency>,
}

/// The entry's bytes, what they commit to, and the path from the entry's hash to the root.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inclusion {
    pub cbor: String,
    pub salt: String,
    pub detail: String,
    pub path: Vec<String>,
}

/// That nothing up to the older checkpoint was changed when the newer one was signed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consistency {
    pub older: ShownCheckpoint,
    /// From the chain's older tree to its newer one; empty when the chain had no entry then.
    pub path: Vec<String>,
    /// The same for the log of checkpoints.
    pub log: Vec<String>,
}

/// An entry of an export: what people read, and the proof of it.
#[derive(Debug, Clone, Deserialize)]
struct ExportedEntry {
    sequence: u64,
    id: String,
    at: String,
    operation: String,
    target: Option<String>,
    result: String,
    request: Option<String>,
    intent: Option<String>,
    duration_micros: Option<u64>,
    hash: String,
    proof: Inclusion,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Export { format: String, key: String, chain: String },
    Checkpoint(ShownCheckpoint),
    Entry(Box<ExportedEntry>),
    End { entries: u64 },
}

/// Verifies whatever NodeLoom hands out about its trail: a bundle, a proof, an export as JSON lines or as CSV. `trusted`
/// and `witnesses` are keys that whoever verifies got on another way.
///
/// # Errors
/// It cannot be read, is nothing of that, or is signed by another key than `trusted`.
pub fn verify_document(
    mut reader: impl BufRead,
    trusted: Option<&VerifierKey>,
    witnesses: &[WitnessKey],
) -> Result<Report, BundleError> {
    let start = reader.fill_buf()?;
    let start = start.get(..start.len().min(64)).unwrap_or_default();
    let looks_like = |word: &str| start.windows(word.len()).any(|window| window == word.as_bytes());
    if looks_like("{\"bundle\"") {
        super::bundle::verify(reader, trusted, witnesses)
    } else if looks_like("\"sequence\"") && !start.starts_with(b"{") {
        let mut text = String::new();
        reader.read_to_string(&mut text)?;
        let mut walk = Exported { trusted, witnesses, ..Exported::default() };
        csv_lines(&text, &mut walk)?;
        walk.finish()
    } else if looks_like("{\"export\"") {
        let mut walk = Exported { trusted, witnesses, ..Exported::default() };
        let mut text = Vec::new();
        for line in 1.. {
            text.clear();
            if Read::take(&mut reader, MAX_LINE).read_until(b'\n', &mut text)? == 0 {
                break;
            }
            let parsed =
                serde_json::from_slice(&text).map_err(|error| BundleError::Form { line, why: error.to_string() })?;
            walk.line(parsed, line)?;
        }
        walk.finish()
    } else {
        let mut text = Vec::new();
        Read::take(&mut reader, MAX_LINE).read_to_end(&mut text)?;
        let proof: Proof =
            serde_json::from_slice(&text).map_err(|error| BundleError::Form { line: 1, why: error.to_string() })?;
        verify_proof(&proof, trusted, witnesses)
    }
}

/// Verifies a proof.
///
/// # Errors
/// As [`verify_document`].
pub fn verify_proof(
    proof: &Proof,
    trusted: Option<&VerifierKey>,
    witnesses: &[WitnessKey],
) -> Result<Report, BundleError> {
    let form = |why: &str| BundleError::Form { line: 1, why: why.to_owned() };
    if proof.format != PROOF {
        return Err(form("expected a proof of version 1"));
    }
    let key = own_key(&proof.key, trusted)?;
    let mut report = Report { key_was_given: trusted.is_some(), ..Report::default() };
    let newer = match covered(&key, &proof.checkpoint, &proof.chain) {
        Ok(newer) => newer,
        Err(bad) => {
            report.bad_checkpoint = Some(bad);
            return Ok(report);
        }
    };
    report.checkpoints = 1;
    super::checkpoint::witnessed(&mut report, witnesses, newer.head.number, &proof.checkpoint.note);
    let mut chain = empty(&proof.chain, &newer.head);
    match (&proof.inclusion, &proof.consistency) {
        (Some(inclusion), None) => match prove(&newer.head, inclusion) {
            Ok((entry, hash)) => {
                (chain.entries, chain.size, chain.head) = (1, entry.sequence, hex::encode(hash));
            }
            Err((sequence, kind, why)) => chain.bad = Some(one(sequence, kind, why)),
        },
        (None, Some(consistency)) => match covered(&key, &consistency.older, &proof.chain) {
            Err(bad) => report.bad_checkpoint = Some(bad),
            Ok(older) => {
                report.checkpoints = 2;
                let log = hashes(&consistency.log).ok_or_else(|| form("a hash is not 32 bytes"))?;
                if !consistent(older.head.number, &older.root, newer.head.number, &newer.root, &log) {
                    let fault = CheckpointFault::Inconsistent;
                    report.bad_checkpoint = Some(CheckpointBad { number: newer.head.number, fault });
                }
                let path = hashes(&consistency.path).ok_or_else(|| form("a hash is not 32 bytes"))?;
                let (old, new) = (&older.head, &newer.head);
                if !consistent(old.size, &old.root, new.size, &new.root, &path) {
                    let why = "the newer tree does not begin with the older one".to_owned();
                    chain.bad = Some(Bad { first: 1, last: old.size.max(1), kind: Tamper::Recomputed, why });
                }
            }
        },
        _ => return Err(form("a proof is of inclusion or of consistency")),
    }
    report.chains.push(chain);
    Ok(report)
}

fn own_key(text: &str, trusted: Option<&VerifierKey>) -> Result<VerifierKey, BundleError> {
    let own = VerifierKey::parse(text).map_err(|_| BundleError::Key)?;
    if trusted.is_some_and(|trusted| *trusted != own) {
        return Err(BundleError::OtherKey);
    }
    Ok(own)
}

struct Vouched {
    head: Covered,
    /// Root of the log of checkpoints.
    root: [u8; 32],
}

fn covered(key: &VerifierKey, shown: &ShownCheckpoint, chain: &str) -> Result<Vouched, CheckpointBad> {
    let bad = |number, fault| CheckpointBad { number, fault };
    let note = read_note(&shown.note, key).map_err(|fault| bad(0, fault))?;
    let number = note.checked.number;
    let proof = hashes(&shown.head.proof).ok_or_else(|| bad(number, CheckpointFault::Malformed))?;
    let line = HeadLine { line: shown.head.line.clone(), index: shown.head.index, proof };
    let head = note.checked.head(&line).map_err(|fault| bad(number, fault))?;
    if head.chain != chain {
        return Err(bad(number, CheckpointFault::HeadsAltered));
    }
    Ok(Vouched { head, root: note.root })
}

/// The entry, if the path leads to the head's root.
fn prove(head: &Covered, inclusion: &Inclusion) -> Result<(Entry, [u8; 32]), (u64, Tamper, &'static str)> {
    let cbor = STANDARD.decode(&inclusion.cbor).map_err(|_| (0, Tamper::Malformed, "the entry is not base64"))?;
    let salt = STANDARD.decode(&inclusion.salt).map_err(|_| (0, Tamper::Malformed, "the salt is not base64"))?;
    let entry = decode(&cbor).map_err(|malformed| (0, Tamper::Malformed, malformed.0))?;
    let sequence = entry.sequence;
    if entry.chain != head.chain {
        return Err((sequence, Tamper::Foreign, "the entry belongs to another chain"));
    }
    let path = hashes(&inclusion.path).ok_or((sequence, Tamper::Malformed, "a hash of the path is not 32 bytes"))?;
    let hash = leaf_hash(&cbor);
    if sequence == 0 || !included(&hash, sequence - 1, head.size, &path, &head.root) {
        return Err((sequence, Tamper::Edited, "the path does not lead from the entry to the signed root"));
    }
    if digest(&[b"nodeloom/audit/detail/v1\0", &salt, inclusion.detail.as_bytes()]) != entry.detail {
        return Err((sequence, Tamper::Edited, "the detail is not the one that the entry commits to"));
    }
    Ok((entry, hash))
}

fn one(sequence: u64, kind: Tamper, why: &str) -> Bad {
    Bad { first: sequence, last: sequence, kind, why: why.to_owned() }
}

fn empty(chain: &str, head: &Covered) -> ChainReport {
    ChainReport {
        chain: chain.to_owned(),
        entries: 0,
        size: head.size,
        head: hex::encode(head.hash),
        checkpoint: Some((head.number, head.size)),
        clock_steps_back: 0,
        purged: None,
        bad: None,
    }
}

fn hashes(texts: &[String]) -> Option<Vec<[u8; 32]>> {
    texts.iter().map(|text| STANDARD.decode(text).ok()?.try_into().ok()).collect()
}

/// Takes the lines of an export.
#[derive(Default)]
struct Exported<'a> {
    trusted: Option<&'a VerifierKey>,
    witnesses: &'a [WitnessKey],
    begun: Option<(VerifierKey, String)>,
    head: Option<Covered>,
    chain: Option<ChainReport>,
    /// Time and sequence of the entry before: entries stand newest first.
    last: Option<(i64, u64)>,
    ended: bool,
    report: Report,
}

impl Exported<'_> {
    fn line(&mut self, parsed: Line, line: u64) -> Result<(), BundleError> {
        let form = |why: &str| BundleError::Form { line, why: why.to_owned() };
        match parsed {
            Line::Export { format, key, chain } => {
                if self.begun.is_some() || format != EXPORT {
                    return Err(form("expected the first line of an export of version 1, once"));
                }
                self.report.key_was_given = self.trusted.is_some();
                self.begun = Some((own_key(&key, self.trusted)?, chain));
            }
            Line::Checkpoint(shown) => {
                let (key, chain) = self.begun.as_ref().ok_or_else(|| form("an export begins with its format"))?;
                match covered(key, &shown, chain) {
                    Ok(vouched) => {
                        self.report.checkpoints = 1;
                        super::checkpoint::witnessed(
                            &mut self.report,
                            self.witnesses,
                            vouched.head.number,
                            &shown.note,
                        );
                        self.chain = Some(empty(chain, &vouched.head));
                        self.head = Some(vouched.head);
                    }
                    Err(bad) => self.report.bad_checkpoint = Some(bad),
                }
            }
            Line::Entry(entry) => self.entry(&entry),
            Line::End { entries } => {
                self.ended = true;
                if let Some(chain) = &mut self.chain
                    && chain.entries != entries
                    && chain.bad.is_none()
                {
                    let (kind, why) = if chain.entries < entries {
                        (Tamper::Deleted, "the export says that it has more entries")
                    } else {
                        (Tamper::Inserted, "the export says that it has fewer entries")
                    };
                    chain.bad = Some(one(self.last.map_or(0, |(_, sequence)| sequence), kind, why));
                }
            }
        }
        Ok(())
    }

    fn entry(&mut self, shown: &ExportedEntry) {
        let (Some(head), Some(chain)) = (&self.head, &mut self.chain) else { return };
        chain.entries += 1;
        if chain.bad.is_some() {
            return;
        }
        let (entry, hash) = match prove(head, &shown.proof) {
            Ok(proven) => proven,
            Err((sequence, kind, why)) => {
                let sequence = if sequence == 0 { shown.sequence } else { sequence };
                chain.bad = Some(one(sequence, kind, why));
                return;
            }
        };
        let sequence = entry.sequence;
        if !says(shown, &entry, &hash) {
            chain.bad = Some(one(sequence, Tamper::Edited, "what people read does not say what the entry says"));
        } else if self.last.is_some_and(|last| last <= (entry.at_micros, sequence)) {
            let why = "the entry stands twice, or above a later one";
            chain.bad = Some(one(sequence, Tamper::Reordered, why));
        }
        self.last = Some((entry.at_micros, sequence));
    }

    fn finish(mut self) -> Result<Report, BundleError> {
        if self.begun.is_none() {
            return Err(BundleError::Form { line: 1, why: "the export is empty".to_owned() });
        }
        match self.chain.take() {
            Some(mut chain) => {
                if !self.ended && chain.bad.is_none() {
                    let last = self.last.map_or(0, |(_, sequence)| sequence);
                    chain.bad = Some(one(last, Tamper::Truncated, "the export breaks off after this entry"));
                }
                self.report.chains.push(chain);
            }
            None if self.report.bad_checkpoint.is_none() => {
                self.report.bad_checkpoint = Some(CheckpointBad { number: 0, fault: CheckpointFault::Missing });
            }
            None => {}
        }
        Ok(self.report)
    }
}

/// Whether the readable fields are those of the entry.
fn says(shown: &ExportedEntry, entry: &Entry, hash: &[u8; 32]) -> bool {
    let id = |prefix: &str, bytes: &[u8; 16]| format!("{prefix}_{}", hex::encode(bytes));
    shown.sequence == entry.sequence
        && shown.id == id("aud", &entry.id)
        && shown.at == domain::Timestamp::from_micros(entry.at_micros).to_string()
        && shown.operation == entry.operation
        && shown.target == entry.target
        && shown.result == entry.result
        && shown.request == entry.request.as_ref().map(|bytes| id("req", bytes))
        && shown.intent == entry.intent.as_ref().map(|bytes| id("aud", bytes))
        && shown.duration_micros == entry.duration_micros
        && shown.hash == hex::encode(hash)
}

/// A CSV as the same lines: its last row holds key and checkpoint.
fn csv_lines(text: &str, walk: &mut Exported<'_>) -> Result<(), BundleError> {
    let form = |line, why: &str| BundleError::Form { line, why: why.to_owned() };
    let mut rows = csv::rows(text).map_err(|line| form(line, "it is not CSV"))?;
    let header = if rows.is_empty() { Vec::new() } else { rows.remove(0) };
    let column = |name: &str| header.iter().position(|found| found == name);
    let trailer = match rows.pop() {
        Some(last) if last.first().is_some_and(|first| first == "#proof") => last,
        // cut off: there is nothing to verify with
        _ => return Err(form(1, "the last row, which holds the proof, is missing")),
    };
    let trailer: Trailer = serde_json::from_str(trailer.get(1).map_or("", String::as_str))
        .map_err(|error| BundleError::Form { line: rows.len() as u64 + 2, why: error.to_string() })?;
    walk.line(Line::Export { format: trailer.format, key: trailer.key, chain: trailer.chain }, 1)?;
    walk.line(Line::Checkpoint(trailer.checkpoint), 1)?;
    for (number, row) in rows.iter().enumerate() {
        let line = number as u64 + 2;
        let cell = |name: &str| -> Result<String, BundleError> {
            let found = column(name).and_then(|at| row.get(at));
            found.cloned().ok_or_else(|| form(line, "a column is missing"))
        };
        let optional = |name: &str| -> Result<Option<String>, BundleError> {
            Ok(Some(cell(name)?).filter(|text| !text.is_empty()))
        };
        let number = |text: &str| text.parse::<u64>().map_err(|_| form(line, "a number is none"));
        let entry = ExportedEntry {
            sequence: number(&cell("sequence")?)?,
            id: cell("id")?,
            at: cell("at")?,
            operation: cell("operation")?,
            target: optional("target")?,
            result: cell("result")?,
            request: optional("request")?,
            intent: optional("intent")?,
            duration_micros: optional("duration_micros")?.map(|text| number(&text)).transpose()?,
            hash: cell("hash")?,
            proof: Inclusion {
                cbor: cell("cbor")?,
                salt: cell("salt")?,
                detail: cell("detail")?,
                path: cell("path")?.split_ascii_whitespace().map(str::to_owned).collect(),
            },
        };
        walk.line(Line::Entry(Box::new(entry)), line)?;
    }
    walk.line(Line::End { entries: trailer.entries }, 1)
}

#[derive(Deserialize)]
struct Trailer {
    format: String,
    key: String,
    chain: String,
    checkpoint: ShownCheckpoint,
    entries: u64,
}
