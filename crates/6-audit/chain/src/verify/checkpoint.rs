//! Reading the log of checkpoints: which heads are vouched for.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    note::{self, VerifierKey, WitnessKey},
    proof::included,
    report::{CheckpointBad, CheckpointFault, Report, Witnessed},
    tree::{Tree, leaf_hash},
};

/// A chain's head that a good checkpoint vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Covered {
    /// The checkpoint's number.
    pub number: u64,
    pub chain: String,
    pub size: u64,
    pub hash: [u8; 32],
    pub root: [u8; 32],
}

/// A head as a bundle shows it: one line of a checkpoint and the proof that it belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadLine {
    pub line: String,
    pub index: u64,
    pub proof: Vec<[u8; 32]>,
}

/// What a good checkpoint states about all heads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checked {
    pub number: u64,
    heads: u64,
    heads_root: [u8; 32],
}

/// Takes the notes in the order of their numbers.
#[derive(Debug, Clone)]
pub struct CheckpointVerifier {
    key: VerifierKey,
    log: Tree,
}

impl CheckpointVerifier {
    pub fn new(key: VerifierKey) -> Self {
        Self { key, log: Tree::default() }
    }
    /// How many held so far.
    pub const fn size(&self) -> u64 {
        self.log.size
    }
    /// Checks the next note: signature, form, number, and that it continues the log.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn next(&mut self, note: &str) -> Result<Checked, CheckpointFault> {
        let read = read_note(note, &self.key)?;
        if read.checked.number != self.log.size + 1 {
            return Err(CheckpointFault::Missing);
        }
        let mut log = self.log.clone();
        log.add(read.statement);
        if log.root() != read.root {
            return Err(CheckpointFault::Inconsistent);
        }
        self.log = log;
        Ok(read.checked)
    }
}

/// A note by itself: signed, and of the right form.
pub(super) struct ReadNote {
    pub checked: Checked,
    /// Root of the log of checkpoints.
    pub root: [u8; 32],
    /// The statement's leaf in that log.
    statement: [u8; 32],
}

pub(super) fn read_note(note: &str, key: &VerifierKey) -> Result<ReadNote, CheckpointFault> {
    let text = note::open(note, key).map_err(|error| match error {
        note::NoteError::Form | note::NoteError::Key => CheckpointFault::Malformed,
        note::NoteError::Unsigned | note::NoteError::Signature => CheckpointFault::BadSignature,
    })?;
    let (number, root, statement) = read_body(text, key.name()).ok_or(CheckpointFault::Malformed)?;
    let (heads, heads_root) = read_statement(statement).ok_or(CheckpointFault::Malformed)?;
    let statement = leaf_hash(statement.as_bytes());
    Ok(ReadNote { checked: Checked { number, heads, heads_root }, root, statement })
}

/// Enters in the report which of `witnesses` signed the note of checkpoint `number`.
pub fn witnessed(report: &mut Report, witnesses: &[WitnessKey], number: u64, note: &str) {
    for witness in witnesses {
        let known = report.witnesses.iter().position(|known| known.witness == witness.name());
        let at = known.unwrap_or_else(|| {
            report.witnesses.push(Witnessed { witness: witness.name().to_owned(), newest: 0, signed: 0 });
            report.witnesses.len() - 1
        });
        match witness.cosigned(note) {
            Ok(Some(_)) => {
                report.witnesses[at].newest = number;
                report.witnesses[at].signed += 1;
            }
            Ok(None) => {}
            Err(_) => {
                let fault = CheckpointFault::BadCosignature;
                report.bad_checkpoint.get_or_insert(CheckpointBad { number, fault });
            }
        }
    }
}

impl Checked {
    /// All heads, from the lines stored beside the note.
    ///
    /// # Errors
    /// [`CheckpointFault::HeadsAltered`] when they are not those that were signed.
    pub fn heads(&self, lines: &str) -> Result<Vec<Covered>, CheckpointFault> {
        let mut tree = Tree::default();
        lines.lines().for_each(|line| tree.add(leaf_hash(line.as_bytes())));
        if tree.size != self.heads || tree.root() != self.heads_root {
            return Err(CheckpointFault::HeadsAltered);
        }
        parse_heads(self.number, lines).ok_or(CheckpointFault::Malformed)
    }
    /// One head, with its proof.
    ///
    /// # Errors
    /// [`CheckpointFault::HeadsAltered`] when the proof does not hold.
    pub fn head(&self, head: &HeadLine) -> Result<Covered, CheckpointFault> {
        let leaf = leaf_hash(head.line.as_bytes());
        if !included(&leaf, head.index, self.heads, &head.proof, &self.heads_root) {
            return Err(CheckpointFault::HeadsAltered);
        }
        parse_head(self.number, &head.line).ok_or(CheckpointFault::Malformed)
    }
}

/// Reads the lines stored beside a note; `None` if one is not a head.
pub fn parse_heads(number: u64, lines: &str) -> Option<Vec<Covered>> {
    lines.lines().map(|line| parse_head(number, line)).collect()
}

fn parse_head(number: u64, line: &str) -> Option<Covered> {
    let mut words = line.split(' ');
    let covered = Covered {
        number,
        chain: words.next()?.to_owned(),
        size: decimal(words.next()?)?,
        hash: hash(words.next()?)?,
        root: hash(words.next()?)?,
    };
    words.next().is_none().then_some(covered)
}

fn read_body<'a>(text: &'a str, origin: &str) -> Option<(u64, [u8; 32], &'a str)> {
    let mut lines = text.splitn(4, '\n');
    if lines.next()? != origin {
        return None;
    }
    Some((decimal(lines.next()?)?, hash(lines.next()?)?, lines.next()?))
}

fn read_statement(statement: &str) -> Option<(u64, [u8; 32])> {
    let mut lines = statement.strip_suffix('\n')?.split('\n');
    lines.next()?.strip_prefix("at ")?;
    let (count, root) = lines.next()?.strip_prefix("heads ")?.split_once(' ')?;
    lines.next().is_none().then_some(())?;
    Some((decimal(count)?, hash(root)?))
}

fn decimal(text: &str) -> Option<u64> {
    let canonical = text == "0" || !text.starts_with('0');
    (canonical && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

fn hash(text: &str) -> Option<[u8; 32]> {
    STANDARD.decode(text).ok()?.try_into().ok()
}
