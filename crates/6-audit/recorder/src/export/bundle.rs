//! A bundle for an auditor: entries, checkpoints and the public key, one JSON object a line. Verified by
//! [`verify_bundle`](crate::verify_bundle), by docs/verify_audit.py, and by whatever somebody else writes.

use authz::{Permit, SystemPermit, act_as_system, action::ExportData};
use base64::{Engine, engine::general_purpose::STANDARD};
use chain::{entry, tree::Tree, verify::unpack};
use domain::Json;
use serde_json::json;
use store::{ChainKey, Store};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::{Checkpoints, Error, checkpoints::read_record};

const SYSTEM: SystemPermit = act_as_system("an export reads the chain that its permit names");
const PAGE: u32 = 1_000;

/// Writes the chain of the permit's team and environment. A checkpoint is made first, so that every entry is covered.
/// Answers how many entries were written.
///
/// # Errors
/// [`Error`]; what was written so far is not a whole bundle, and says so to whoever verifies it.
pub async fn export(
    store: &Store,
    checkpoints: &Checkpoints,
    permit: &Permit<ExportData>,
    out: &mut (impl AsyncWrite + Unpin + Send),
) -> Result<u64, Error> {
    export_chains(store, checkpoints, &[ChainKey::Of(permit.scope())], out).await
}

/// The same for any chains: for the operator of the instance.
///
/// # Errors
/// As [`export`].
pub async fn export_chains(
    store: &Store,
    checkpoints: &Checkpoints,
    chains: &[ChainKey],
    out: &mut (impl AsyncWrite + Unpin + Send),
) -> Result<u64, Error> {
    let issued = checkpoints.issue().await?;
    write(out, &json!({"bundle": {"format": "nodeloom/audit-bundle/v1", "key": checkpoints.verifier_key()}})).await?;
    let names: Vec<String> = chains.iter().map(ToString::to_string).collect();
    let mut number = 0;
    let mut cosigned = store.cosignatures(SYSTEM, 1, issued.number).await?.into_iter().peekable();
    while number < issued.number {
        let from = i64::try_from(number + 1).map_err(|_| Error::Corrupt("a checkpoint"))?;
        for checkpoint in store.checkpoints(SYSTEM, &ChainKey::System, from, PAGE).await? {
            let record = read_record(&checkpoint.note).ok_or(Error::Corrupt("a checkpoint"))?;
            number = record.number;
            if number <= issued.number {
                let heads = heads_with_proofs(&record.heads, &names);
                let mut note = record.note;
                while let Some(witness) = cosigned.next_if(|cosigned| cosigned.checkpoint <= number) {
                    note.push_str(&witness.line);
                }
                write(out, &json!({"checkpoint": {"note": note, "heads": heads}})).await?;
            }
        }
    }
    let mut written = 0;
    for (chain, name) in chains.iter().zip(&names) {
        written += write_chain(store, chain, name, &issued.heads, out).await?;
    }
    out.flush().await.map_err(Error::Export)?;
    Ok(written)
}

/// Up to the head that the last checkpoint covers, so that what happens during the export does not matter.
async fn write_chain(
    store: &Store,
    chain: &ChainKey,
    name: &str,
    heads: &str,
    out: &mut (impl AsyncWrite + Unpin + Send),
) -> Result<u64, Error> {
    let covered = chain::verify::parse_heads(0, heads).ok_or(Error::Corrupt("a checkpoint"))?;
    let covered = covered.into_iter().find(|head| head.chain == name);
    let (size, hash) = covered.map_or((0, entry::GENESIS), |head| (head.size, head.hash));
    // what was purged is left out, and its root stands in its place
    let anchor = store.audit_anchor(SYSTEM, chain).await?;
    let (mut done, start, peaks) = anchor.map_or((0, entry::GENESIS, Vec::new()), |anchor| {
        (anchor.seq.cast_unsigned(), anchor.hash, anchor.tree.chunks(32).map(|peak| STANDARD.encode(peak)).collect())
    });
    let start = json!({"name": name, "size": done, "hash": STANDARD.encode(start), "peaks": peaks});
    write(out, &json!({"chain": start})).await?;
    let mut written = 0;
    while done < size {
        let from = i64::try_from(done + 1).map_err(|_| Error::Corrupt("an entry"))?;
        let page = store.audit_range(SYSTEM, chain, from, PAGE).await?;
        if page.is_empty() {
            break;
        }
        for stored in page {
            done = u64::try_from(stored.seq).map_err(|_| Error::Corrupt("an entry"))?;
            if done > size {
                break;
            }
            let (bytes, salt, detail) = unpack(&stored.entry).ok_or(Error::Corrupt("an entry"))?;
            let detail = std::str::from_utf8(detail).map_err(|_| Error::Corrupt("an entry's detail"))?;
            let line = json!({"cbor": STANDARD.encode(bytes), "detail": detail, "salt": STANDARD.encode(salt)});
            write(out, &json!({"entry": line})).await?;
            written += 1;
        }
    }
    write(out, &json!({"end": {"name": name, "size": size, "hash": STANDARD.encode(hash)}})).await?;
    Ok(written)
}

/// The lines of `names` among all heads, each with the proof that it belongs to them; no other chain is told.
fn heads_with_proofs(heads: &str, names: &[String]) -> Vec<Json> {
    let lines: Vec<&str> = heads.lines().collect();
    let mut tree = Tree::default();
    lines.iter().for_each(|line| tree.push(entry::hash(line.as_bytes())));
    let mut shown = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let chain = line.split(' ').next().unwrap_or_default();
        if names.iter().any(|name| name == chain) {
            let proof = tree.inclusion(index as u64, lines.len() as u64).unwrap_or_default();
            let proof: Vec<String> = proof.iter().map(|step| STANDARD.encode(step)).collect();
            shown.push(json!({"line": line, "index": index, "proof": proof}));
        }
    }
    shown
}

async fn write(out: &mut (impl AsyncWrite + Unpin + Send), line: &Json) -> Result<(), Error> {
    let mut line = line.to_string();
    line.push('\n');
    out.write_all(line.as_bytes()).await.map_err(Error::Export)
}
