//! A linker for tests that are not about the audit format: an entry is its body, hashed after the one before.

use sha2::{Digest, Sha256};
use store::{AuditRow, AuditRowDraft, ChainHead, ChainKey, Linker};

/// Hash = SHA-256(previous hash, body). No tree.
#[derive(Debug)]
pub struct PlainLinker;

impl Linker for PlainLinker {
    fn link(&self, _: &ChainKey, head: &ChainHead, drafts: Vec<AuditRowDraft>) -> (Vec<AuditRow>, ChainHead) {
        let mut end = head.clone();
        let rows = drafts.into_iter().map(|draft| {
            end.seq += 1;
            end.hash = Sha256::new().chain_update(end.hash).chain_update(&draft.body).finalize().into();
            AuditRow { seq: end.seq, entry: draft.body.clone(), hash: end.hash, draft }
        });
        let rows = rows.collect();
        (rows, end)
    }
}
