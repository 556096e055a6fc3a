//! What a search finds, newest first, each entry with its path to a signed checkpoint. Such a file proves what it holds;
//! that nothing was left out is proven by a bundle.

use authz::{
    Permit,
    action::{ExportData, ViewAudit},
};
use chain::verify::{EXPORT, Inclusion, ShownCheckpoint, decode, unpack};
use domain::Json;
use serde_json::json;
use store::{ChainKey, LARGEST_PAGE, PageRequest, StoredEntry};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::{csv, ocsf};
use crate::{
    Checkpoints, Error, Recorder, Search, ShownEntry,
    proof::{Paths, inclusion_of},
};

/// How an export is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// Every entry as it is hashed, with all checkpoints: for auditors.
    Bundle,
    /// One JSON object a line, with proofs.
    Jsonl,
    /// A table for spreadsheets, with proofs.
    Csv,
    /// OCSF 1.9 events with the record-integrity profile, one a line: for security lakes.
    Ocsf,
}

impl ExportFormat {
    /// The end of a file's name, and its type on the wire.
    pub const fn file(self) -> (&'static str, &'static str) {
        match self {
            Self::Bundle => ("bundle.jsonl", "application/x-ndjson"),
            Self::Jsonl => ("jsonl", "application/x-ndjson"),
            Self::Csv => ("csv", "text/csv; charset=utf-8"),
            Self::Ocsf => ("ocsf.jsonl", "application/x-ndjson"),
        }
    }
}

/// An entry and its proof, as the formats write it.
pub(super) struct Found {
    pub shown: ShownEntry,
    /// The link to the entry before, in hexadecimal.
    pub previous: String,
    pub proof: Inclusion,
}

/// What every line may say about the whole.
pub(super) struct About {
    pub chain: String,
    pub key: String,
    pub checkpoint: ShownCheckpoint,
    pub number: u64,
}

impl Checkpoints {
    /// Writes what `search` finds in the permits' team and environment. A checkpoint is made first, and entries after it
    /// are left out. Answers how many entries were written.
    ///
    /// # Errors
    /// [`Error`]; what was written so far is not whole, and whoever verifies it is told so.
    pub async fn export_found(
        &self,
        recorder: &Recorder,
        permits: (&Permit<ExportData>, &Permit<ViewAudit>),
        format: ExportFormat,
        search: &Search,
        out: &mut (impl AsyncWrite + Unpin + Send),
    ) -> Result<u64, Error> {
        let chain = ChainKey::Of(permits.0.scope());
        if permits.1.scope() != permits.0.scope() {
            return Ok(0);
        }
        if format == ExportFormat::Bundle {
            return super::export(&self.store, self, permits.0, out).await;
        }
        self.issue().await?;
        let Some((head, checkpoint)) = self.newest(&chain).await? else { return Ok(0) };
        let about = About { chain: chain.to_string(), key: self.verifier_key(), checkpoint, number: head.number };
        let mut paths = Paths::new(recorder, chain, head.size);
        let mut text = String::new();
        begin(format, &about, &mut text);
        let mut page = PageRequest::first(LARGEST_PAGE);
        let mut written = 0;
        loop {
            let found = recorder.find(&chain, search, &page).await?;
            for stored in found.items {
                let sequence = stored.seq.cast_unsigned();
                if sequence <= head.size {
                    let path = paths.inclusion(sequence).await?;
                    let found = open(recorder, stored, &path).await?;
                    line(format, &about, &found, &mut text);
                    written += 1;
                }
            }
            write(out, &mut text).await?;
            let Some(next) = found.next else { break };
            page.after = Some(next);
        }
        end(format, &about, written, &mut text);
        write(out, &mut text).await?;
        out.flush().await.map_err(Error::Export)?;
        Ok(written)
    }
}

async fn open(recorder: &Recorder, stored: StoredEntry, path: &[chain::Hash]) -> Result<Found, Error> {
    let proof = inclusion_of(&stored, path)?;
    let (bytes, ..) = unpack(&stored.entry).ok_or(Error::Corrupt("an entry"))?;
    let previous = decode(bytes).map_err(|_| Error::Corrupt("an entry"))?.previous;
    Ok(Found { shown: recorder.show(stored).await?, previous: hex::encode(previous), proof })
}

fn begin(format: ExportFormat, about: &About, text: &mut String) {
    match format {
        ExportFormat::Jsonl => {
            push(text, &json!({"export": {"format": EXPORT, "key": about.key, "chain": about.chain}}));
            push(text, &json!({"checkpoint": about.checkpoint}));
        }
        ExportFormat::Csv => csv::header(text),
        ExportFormat::Ocsf | ExportFormat::Bundle => {}
    }
}

fn line(format: ExportFormat, about: &About, found: &Found, text: &mut String) {
    match format {
        ExportFormat::Jsonl => {
            let mut entry = serde_json::to_value(&found.shown).unwrap_or_default();
            if let Some(entry) = entry.as_object_mut() {
                // as it stands in the proof, where its bytes are what is committed to
                entry.remove("detail");
                entry.insert("proof".to_owned(), serde_json::to_value(&found.proof).unwrap_or_default());
            }
            push(text, &json!({"entry": entry}));
        }
        ExportFormat::Csv => csv::row(found, text),
        ExportFormat::Ocsf => push(text, &ocsf::event(about, found)),
        ExportFormat::Bundle => {}
    }
}

fn end(format: ExportFormat, about: &About, written: u64, text: &mut String) {
    match format {
        ExportFormat::Jsonl => push(text, &json!({"end": {"entries": written}})),
        ExportFormat::Csv => csv::trailer(about, written, text),
        ExportFormat::Ocsf | ExportFormat::Bundle => {}
    }
}

fn push(text: &mut String, line: &Json) {
    text.push_str(&line.to_string());
    text.push('\n');
}

async fn write(out: &mut (impl AsyncWrite + Unpin + Send), text: &mut String) -> Result<(), Error> {
    out.write_all(text.as_bytes()).await.map_err(Error::Export)?;
    text.clear();
    Ok(())
}
