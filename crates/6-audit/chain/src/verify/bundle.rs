//! An exported bundle: one JSON object a line, read once, in flat memory.

use std::io::BufRead;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;

use super::{
    Anchor, ChainVerifier, CheckpointBad, CheckpointFault, CheckpointVerifier, Covered, HeadLine, Item, Report,
    StoredHead, Tamper, VerifierKey, WitnessKey, checkpoint::witnessed, report::Bad,
};

/// No line of a bundle is longer; a detail is at most 64 KiB.
const MAX_LINE: u64 = 1 << 20;

/// A bundle that cannot be judged at all. Tampering is not an error but a finding in the report.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    #[error("the bundle could not be read")]
    Read(#[from] std::io::Error),
    #[error("line {line} of the bundle is not what the format says: {why}")]
    Form { line: u64, why: String },
    #[error("the key in the bundle is not the key that was given")]
    OtherKey,
    #[error("the bundle's key is not a verifier key")]
    Key,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Line {
    Bundle { format: String, key: String },
    Checkpoint { note: String, heads: Vec<WireHead> },
    Chain { name: String, size: u64, hash: String, peaks: Vec<String> },
    Entry { cbor: String, detail: String, salt: String },
    End { name: String, size: u64, hash: String },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireHead {
    line: String,
    index: u64,
    proof: Vec<String>,
}

/// Verifies a bundle. `trusted` is the key that whoever verifies got on another way; without it the key in the bundle
/// is used, and the report says so.
///
/// # Errors
/// The bundle cannot be read, is not a bundle, or is signed by another key than `trusted`.
pub fn verify_bundle(reader: impl BufRead, trusted: Option<&VerifierKey>) -> Result<Report, BundleError> {
    verify(reader, trusted, &[])
}

pub(super) fn verify(
    mut reader: impl BufRead,
    trusted: Option<&VerifierKey>,
    witnesses: &[WitnessKey],
) -> Result<Report, BundleError> {
    let mut walk = Walk { trusted, witnesses, ..Walk::default() };
    let mut text = Vec::new();
    for line in 1.. {
        text.clear();
        let read = std::io::Read::take(&mut reader, MAX_LINE).read_until(b'\n', &mut text)?;
        if read == 0 {
            break;
        }
        let parsed = serde_json::from_slice(&text).map_err(|error| BundleError::Form { line, why: error.to_string() });
        walk.line(parsed?, line)?;
    }
    walk.finish()
}

#[derive(Default)]
struct Walk<'a> {
    trusted: Option<&'a VerifierKey>,
    witnesses: &'a [WitnessKey],
    checkpoints: Option<CheckpointVerifier>,
    covered: Vec<Covered>,
    open: Option<(String, ChainVerifier)>,
    report: Report,
}

impl Walk<'_> {
    fn line(&mut self, parsed: Line, line: u64) -> Result<(), BundleError> {
        let form = |why: &str| BundleError::Form { line, why: why.to_owned() };
        match parsed {
            Line::Bundle { format, key } => {
                if line != 1 || format != "nodeloom/audit-bundle/v1" {
                    return Err(form("expected the first line of a bundle of version 1, once"));
                }
                let own = VerifierKey::parse(&key).map_err(|_| BundleError::Key)?;
                if self.trusted.is_some_and(|trusted| *trusted != own) {
                    return Err(BundleError::OtherKey);
                }
                self.report.key_was_given = self.trusted.is_some();
                self.checkpoints = Some(CheckpointVerifier::new(own));
            }
            Line::Checkpoint { note, heads } => {
                let verifier = self.checkpoints.as_mut().ok_or_else(|| form("a bundle begins with its format"))?;
                if self.report.bad_checkpoint.is_none() {
                    match take_checkpoint(verifier, &note, heads) {
                        Ok(covered) => {
                            self.covered.extend(covered);
                            witnessed(&mut self.report, self.witnesses, verifier.size(), &note);
                        }
                        Err(fault) => {
                            let number = verifier.size() + u64::from(fault != CheckpointFault::HeadsAltered);
                            self.report.bad_checkpoint = Some(CheckpointBad { number, fault });
                        }
                    }
                }
            }
            Line::Chain { name, size, hash, peaks } => {
                if self.open.is_some() || self.checkpoints.is_none() {
                    return Err(form("a chain begins inside another"));
                }
                let anchor = Anchor {
                    size,
                    hash: hash32(&hash).ok_or_else(|| form("a hash is not 32 bytes"))?,
                    peaks: peaks
                        .iter()
                        .map(|p| hash32(p))
                        .collect::<Option<_>>()
                        .ok_or_else(|| form("a hash is not 32 bytes"))?,
                };
                let verifier = ChainVerifier::new(&name, self.covered.iter().cloned(), &anchor);
                self.open = Some((name, verifier));
            }
            Line::Entry { cbor, detail, salt } => {
                let (_, verifier) = self.open.as_mut().ok_or_else(|| form("an entry stands outside a chain"))?;
                let entry = STANDARD.decode(cbor).map_err(|_| form("an entry is not base64"))?;
                let salt = STANDARD.decode(salt).map_err(|_| form("a salt is not base64"))?;
                verifier.entry(&Item {
                    entry: &entry,
                    detail: detail.as_bytes(),
                    detail_salt: &salt,
                    ..Item::default()
                });
            }
            Line::End { name, size, hash } => {
                let (open, verifier) = self.open.take().ok_or_else(|| form("a chain ends that did not begin"))?;
                if open != name {
                    return Err(form("another chain ends than began"));
                }
                let hash = STANDARD.decode(hash).map_err(|_| form("a hash is not base64"))?;
                self.report.chains.push(verifier.finish(Some(&StoredHead { size, hash, state: None })));
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Report, BundleError> {
        let Some(checkpoints) = self.checkpoints else {
            return Err(BundleError::Form { line: 1, why: "the bundle is empty".to_owned() });
        };
        self.report.checkpoints = checkpoints.size();
        if let Some((_, verifier)) = self.open.take() {
            let mut report = verifier.finish(None);
            report.bad.get_or_insert_with(|| Bad {
                first: report.size + 1,
                last: report.size + 1,
                kind: Tamper::Truncated,
                why: "the bundle breaks off inside this chain".to_owned(),
            });
            self.report.chains.push(report);
        }
        // a chain that checkpoints vouch for but that the bundle leaves out was cut off with its lines
        let mut missing: Vec<Covered> = self.covered.clone();
        missing.retain(|head| head.size > 0 && !self.report.chains.iter().any(|chain| chain.chain == head.chain));
        while let Some(head) = missing.pop() {
            missing.retain(|other| other.chain != head.chain);
            let empty = ChainVerifier::new(&head.chain.clone(), [head], &Anchor::default());
            self.report.chains.push(empty.finish(None));
        }
        Ok(self.report)
    }
}

fn take_checkpoint(
    verifier: &mut CheckpointVerifier,
    note: &str,
    heads: Vec<WireHead>,
) -> Result<Vec<Covered>, CheckpointFault> {
    let checked = verifier.next(note)?;
    heads
        .into_iter()
        .map(|head| {
            let proof =
                head.proof.iter().map(|step| hash32(step)).collect::<Option<_>>().ok_or(CheckpointFault::Malformed)?;
            checked.head(&HeadLine { line: head.line, index: head.index, proof })
        })
        .collect()
}

fn hash32(text: &str) -> Option<[u8; 32]> {
    STANDARD.decode(text).ok()?.try_into().ok()
}
