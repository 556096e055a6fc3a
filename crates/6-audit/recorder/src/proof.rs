//! Proofs for outsiders: that an entry is in the trail, and that a checkpoint continues an earlier one.

use std::collections::BTreeSet;

use authz::{SystemPermit, act_as_system};
use base64::{Engine, engine::general_purpose::STANDARD};
use chain::{
    Hash,
    checkpoint::statement_leaf,
    entry,
    tiles::{Tiles, WIDTH, Wanted},
    tree::{self, Nodes, Tree},
    verify::{Consistency, Covered, Inclusion, PROOF, Proof, ShownHead, WitnessKey, parse_heads, unpack},
};
use domain::Timestamp;
use store::{ChainKey, Cosignature, Effects, StoredEntry};

use crate::{
    Checkpoints, Error, Recorder,
    checkpoints::{Record, read_record},
};

const SYSTEM: SystemPermit = act_as_system("a proof reads checkpoints and the chain that its permit names");

/// A checkpoint as it is shown to whoever may see one chain.
#[derive(Debug, Clone)]
pub struct ShownCheckpoint {
    pub number: u64,
    pub at: Timestamp,
    /// With the lines of witnesses.
    pub note: String,
    /// What it says about the chain; `None` when the chain had no entry yet.
    pub head: Option<ShownHead>,
    pub cosignatures: Vec<Cosignature>,
}

/// A checkpoint and its head of one chain, for making proofs.
struct Vouching {
    number: u64,
    head: Covered,
    shown: chain::verify::ShownCheckpoint,
}

/// Makes paths of one chain's tree of `size` entries; keeps what it read, for the next path.
pub(crate) struct Paths<'a> {
    recorder: &'a Recorder,
    chain: ChainKey,
    size: u64,
    tiles: Tiles,
}

impl<'a> Paths<'a> {
    pub fn new(recorder: &'a Recorder, chain: ChainKey, size: u64) -> Self {
        Self { recorder, chain, size, tiles: Tiles::default() }
    }
    /// From the entry with this sequence to the root.
    pub async fn inclusion(&mut self, sequence: u64) -> Result<Vec<Hash>, Error> {
        let index = sequence.checked_sub(1).ok_or(Error::Corrupt("an entry"))?;
        let size = self.size;
        self.load(|wanted| tree::inclusion(wanted, index, size).map(|_| ())).await?;
        tree::inclusion(&mut self.tiles, index, size).ok_or(Error::Corrupt("a chain's tree"))
    }
    /// From the tree of `old` entries to this one.
    pub async fn consistency(&mut self, old: u64) -> Result<Vec<Hash>, Error> {
        let size = self.size;
        self.load(|wanted| tree::consistency(wanted, old, size).map(|_| ())).await?;
        tree::consistency(&mut self.tiles, old, size).ok_or(Error::Corrupt("a chain's tree"))
    }
    /// Roots of the complete subtrees, and the root.
    pub async fn peaks(&mut self) -> Result<(Vec<Hash>, Hash), Error> {
        let size = self.size;
        self.load(|wanted| {
            peaks(wanted, size)?;
            tree::root(wanted, size).map(|_| ())
        })
        .await?;
        let peaks = peaks(&mut self.tiles, size).ok_or(Error::Corrupt("a chain's tree"))?;
        let root = tree::root(&mut self.tiles, size).ok_or(Error::Corrupt("a chain's tree"))?;
        Ok((peaks, root))
    }

    async fn load(&mut self, ask: impl Fn(&mut Wanted) -> Option<()>) -> Result<(), Error> {
        let mut wanted = Wanted::default();
        ask(&mut wanted).ok_or(Error::Corrupt("a chain's tree"))?;
        let Wanted(wanted) = wanted;
        self.tiles.forget_leaves_but(&wanted);
        let missing: BTreeSet<_> = wanted.into_iter().filter(|place| !self.tiles.has(*place)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let (store, chain) = (&self.recorder.rooms.store, &self.chain);
        let places: Vec<_> = missing.iter().copied().collect();
        let stored = store.audit_tiles(SYSTEM, chain, &places).await?;
        let mut rows: std::collections::BTreeMap<_, Vec<Hash>> = stored
            .into_iter()
            .map(|tile| ((tile.level, tile.place), tile.hashes.as_chunks::<32>().0.to_vec()))
            .collect();
        for place in missing {
            let mut row = rows.remove(&place).unwrap_or_default();
            // the last row of leaves is stored once it is full
            if place.0 == 0 && (row.len() as u64) < WIDTH {
                let begin = place.1 * WIDTH;
                let to = (begin + WIDTH).min(self.size);
                let from = begin + row.len() as u64 + 1;
                row.extend(store.audit_hashes(SYSTEM, chain, from.cast_signed(), to.cast_signed() + 1).await?);
            }
            self.tiles.put(place, row);
        }
        Ok(())
    }
}

fn peaks(nodes: &mut impl Nodes, size: u64) -> Option<Vec<Hash>> {
    let mut from = 0;
    let heights = (0..64).rev().filter(|height| size >> height & 1 == 1);
    heights
        .map(|height| {
            let node = nodes.node(height, from >> height)?;
            from += 1 << height;
            Some(node)
        })
        .collect()
}

pub(crate) fn in_base64(hashes: &[Hash]) -> Vec<String> {
    hashes.iter().map(|hash| STANDARD.encode(hash)).collect()
}

/// The entry's bytes with its path.
pub(crate) fn inclusion_of(stored: &StoredEntry, path: &[Hash]) -> Result<Inclusion, Error> {
    let (cbor, salt, detail) = unpack(&stored.entry).ok_or(Error::Corrupt("an entry"))?;
    let detail = std::str::from_utf8(detail).map_err(|_| Error::Corrupt("an entry's detail"))?.to_owned();
    Ok(Inclusion { cbor: STANDARD.encode(cbor), salt: STANDARD.encode(salt), detail, path: in_base64(path) })
}

/// A chain's line among all heads, with the proof that it belongs to them.
pub(crate) fn shown_head(heads: &str, chain: &str) -> Option<ShownHead> {
    let mut tree = Tree::default();
    heads.lines().for_each(|line| tree.push(entry::hash(line.as_bytes())));
    let (index, line) = heads.lines().enumerate().find(|(_, line)| line.split(' ').next() == Some(chain))?;
    let proof = tree.inclusion(index as u64, tree.size())?;
    Some(ShownHead { line: line.to_owned(), index: index as u64, proof: in_base64(&proof) })
}

impl Checkpoints {
    /// Proof that an entry is in the tree for which the newest checkpoint vouches; a checkpoint is made when none covers
    /// the entry yet. `None` when there is no such entry.
    ///
    /// # Errors
    /// [`Error`]; retrying is safe.
    pub async fn prove(
        &self,
        recorder: &Recorder,
        chain: &ChainKey,
        entry: EntryNamed,
    ) -> Result<Option<Proof>, Error> {
        let stored = match entry {
            EntryNamed::Id(id) => recorder.stored_entry(chain, id).await?,
            EntryNamed::Sequence(sequence) => {
                let Ok(from) = i64::try_from(sequence) else { return Ok(None) };
                self.store.audit_range(SYSTEM, chain, from, 1).await?.into_iter().find(|stored| stored.seq == from)
            }
        };
        let Some(stored) = stored else { return Ok(None) };
        let sequence = u64::try_from(stored.seq).map_err(|_| Error::Corrupt("an entry"))?;
        let vouching = self.covering(chain, sequence).await?;
        recorder.index(chain).await?;
        let path = Paths::new(recorder, *chain, vouching.head.size).inclusion(sequence).await?;
        Ok(Some(Proof {
            format: PROOF.to_owned(),
            key: self.verifier_key(),
            chain: chain.to_string(),
            checkpoint: vouching.shown,
            inclusion: Some(inclusion_of(&stored, &path)?),
            consistency: None,
        }))
    }

    /// The bare path, base64, from an entry to the root of the chain's tree of `size` entries.
    ///
    /// # Errors
    /// As [`Checkpoints::prove`].
    pub async fn path(
        &self,
        recorder: &Recorder,
        chain: &ChainKey,
        sequence: u64,
        size: u64,
    ) -> Result<Vec<String>, Error> {
        Ok(in_base64(&Paths::new(recorder, *chain, size).inclusion(sequence).await?))
    }

    /// Proof that checkpoint `to` (the newest, if absent) continues checkpoint `from`, both the log and the chain.
    /// `None` when there is no such checkpoint, or when the chain had no entry yet.
    ///
    /// # Errors
    /// As [`Checkpoints::prove`].
    pub async fn prove_consistency(
        &self,
        recorder: &Recorder,
        chain: &ChainKey,
        from: u64,
        to: Option<u64>,
    ) -> Result<Option<Proof>, Error> {
        let Some(old) = self.vouching(chain, Some(from)).await? else { return Ok(None) };
        let Some(new) = self.vouching(chain, to).await? else { return Ok(None) };
        if old.number > new.number || old.head.size > new.head.size {
            return Ok(None);
        }
        recorder.index(chain).await?;
        let path = Paths::new(recorder, *chain, new.head.size).consistency(old.head.size).await?;
        let log = self.log_consistency(old.number, new.number).await?;
        Ok(Some(Proof {
            format: PROOF.to_owned(),
            key: self.verifier_key(),
            chain: chain.to_string(),
            checkpoint: new.shown,
            inclusion: None,
            consistency: Some(Consistency { older: old.shown, path: in_base64(&path), log: in_base64(&log) }),
        }))
    }

    /// A checkpoint (the newest, if absent) as it is shown to whoever may see `chain`.
    ///
    /// # Errors
    /// As [`Checkpoints::prove`].
    pub async fn shown(&self, chain: &ChainKey, number: Option<u64>) -> Result<Option<ShownCheckpoint>, Error> {
        let Some((record, at)) = self.record(number).await? else { return Ok(None) };
        self.show(chain, record, at).await.map(Some)
    }

    /// Checkpoints before `before`, newest first.
    ///
    /// # Errors
    /// As [`Checkpoints::prove`].
    pub async fn list(&self, chain: &ChainKey, before: Option<u64>, limit: u32) -> Result<Vec<ShownCheckpoint>, Error> {
        let last = match before {
            Some(before) => before.saturating_sub(1),
            None => self.store.last_checkpoint(SYSTEM, &ChainKey::System).await?.map_or(0, |c| c.seq.cast_unsigned()),
        };
        let first = last.saturating_sub(u64::from(limit)).saturating_add(1);
        let limit = u32::try_from(last.saturating_add(1).saturating_sub(first)).unwrap_or(0);
        let mut shown = Vec::new();
        if limit > 0 {
            for kept in self.store.checkpoints(SYSTEM, &ChainKey::System, first.cast_signed(), limit).await? {
                let record = read_record(&kept.note).ok_or(Error::Corrupt("a checkpoint"))?;
                shown.push(self.show(chain, record, kept.at).await?);
            }
        }
        shown.reverse();
        Ok(shown)
    }

    /// Keeps the signature of a witness under a checkpoint. `line` is the signature line as the C2SP form has it.
    ///
    /// # Errors
    /// [`CosignError`].
    pub async fn cosign(
        &self,
        witnesses: &[WitnessKey],
        number: u64,
        line: &str,
        effects: Effects,
    ) -> Result<(), CosignError> {
        let Some((record, at)) = self.record(Some(number)).await? else { return Err(CosignError::NoSuchCheckpoint) };
        let line = format!("{}\n", line.trim_end_matches('\n'));
        if line.matches('\n').count() != 1 || line.len() > 1_000 {
            return Err(CosignError::Form);
        }
        let note = format!("{}{line}", record.note);
        for witness in witnesses {
            match witness.cosigned(&note) {
                Ok(None) => {}
                Ok(Some(_)) => {
                    let witness = witness.name().to_owned();
                    let new = Cosignature { checkpoint: number, witness, line, at };
                    return Ok(self.store.keep_cosignature(SYSTEM, new, effects).await.map_err(Error::from)?);
                }
                Err(chain::verify::NoteError::Signature) => return Err(CosignError::Signature),
                Err(_) => return Err(CosignError::Form),
            }
        }
        Err(CosignError::UnknownWitness)
    }

    async fn show(&self, chain: &ChainKey, record: Record, at: Timestamp) -> Result<ShownCheckpoint, Error> {
        let cosignatures = self.store.cosignatures(SYSTEM, record.number, record.number).await?;
        let note = record.note + &cosignatures.iter().map(|kept| kept.line.as_str()).collect::<String>();
        let head = shown_head(&record.heads, &chain.to_string());
        Ok(ShownCheckpoint { number: record.number, at, note, head, cosignatures })
    }
    async fn record(&self, number: Option<u64>) -> Result<Option<(Record, Timestamp)>, Error> {
        let kept = match number {
            None => self.store.last_checkpoint(SYSTEM, &ChainKey::System).await?,
            Some(number) => {
                let Ok(seq) = i64::try_from(number) else { return Ok(None) };
                let found = self.store.checkpoints(SYSTEM, &ChainKey::System, seq, 1).await?;
                found.into_iter().find(|kept| kept.seq == seq)
            }
        };
        let Some(kept) = kept else { return Ok(None) };
        Ok(Some((read_record(&kept.note).ok_or(Error::Corrupt("a checkpoint"))?, kept.at)))
    }
    async fn vouching(&self, chain: &ChainKey, number: Option<u64>) -> Result<Option<Vouching>, Error> {
        let Some(shown) = self.shown(chain, number).await? else { return Ok(None) };
        let Some(head) = shown.head else { return Ok(None) };
        let covered = parse_heads(shown.number, &head.line).and_then(|mut heads| heads.pop());
        let covered = covered.ok_or(Error::Corrupt("a checkpoint"))?;
        let note = shown.note;
        let shown = chain::verify::ShownCheckpoint { note, head };
        Ok(Some(Vouching { number: covered.number, head: covered, shown }))
    }
    async fn covering(&self, chain: &ChainKey, sequence: u64) -> Result<Vouching, Error> {
        if let Some(vouching) = self.vouching(chain, None).await?
            && vouching.head.size >= sequence
        {
            return Ok(vouching);
        }
        let issued = self.issue().await?;
        self.vouching(chain, Some(issued.number)).await?.ok_or(Error::Corrupt("a checkpoint"))
    }
    /// The newest checkpoint's number and head of this chain, for exports.
    pub(crate) async fn newest(
        &self,
        chain: &ChainKey,
    ) -> Result<Option<(Covered, chain::verify::ShownCheckpoint)>, Error> {
        Ok(self.vouching(chain, None).await?.map(|vouching| (vouching.head, vouching.shown)))
    }
    /// The head of the chain in checkpoint `number`; `None` when it had no entry then.
    pub(crate) async fn head_in(&self, chain: &ChainKey, number: u64) -> Result<Option<Covered>, Error> {
        let Some((record, _)) = self.record(Some(number)).await? else { return Ok(None) };
        let heads = parse_heads(number, &record.heads).ok_or(Error::Corrupt("a checkpoint"))?;
        let name = chain.to_string();
        Ok(heads.into_iter().find(|head| head.chain == name))
    }
    async fn log_consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>, Error> {
        let mut state = self.state.lock().await;
        while state.tree.size() < new {
            let from = i64::try_from(state.tree.size() + 1).map_err(|_| Error::Corrupt("a checkpoint"))?;
            let page = self.store.checkpoints(SYSTEM, &ChainKey::System, from, 500).await?;
            if page.is_empty() {
                return Err(Error::Corrupt("checkpoints with a gap"));
            }
            for kept in page {
                let record = read_record(&kept.note).ok_or(Error::Corrupt("a checkpoint"))?;
                state.tree.push(statement_leaf(&record.note).ok_or(Error::Corrupt("a checkpoint"))?);
            }
        }
        state.tree.consistency(old, new).ok_or(Error::Corrupt("checkpoints with a gap"))
    }
}

/// Which entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryNamed {
    Id(domain::AuditId),
    Sequence(u64),
}

/// A witness's signature was not kept.
#[derive(Debug, thiserror::Error)]
pub enum CosignError {
    #[error("there is no such checkpoint")]
    NoSuchCheckpoint,
    #[error("the signature line does not have the form `\u{2014} <name> <base64>`")]
    Form,
    #[error("no witness whose key is known here has this name and key")]
    UnknownWitness,
    #[error("the witness did not sign this checkpoint")]
    Signature,
    #[error("the signature could not be kept")]
    Store(#[from] Error),
}
