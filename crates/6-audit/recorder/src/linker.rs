//! The store's port, answered: drafts become linked entries.

use chain::{EntryFields, entry, tree::CompactRange};
use store::{AuditRow, AuditRowDraft, ChainHead, ChainKey, Linker};

use crate::body::Body;

/// Links entries. Pure: the same head and drafts give the same rows.
#[derive(Debug, Clone, Copy, Default)]
pub struct ChainLinker;

impl Linker for ChainLinker {
    fn link(&self, chain: &ChainKey, head: &ChainHead, drafts: Vec<AuditRowDraft>) -> (Vec<AuditRow>, ChainHead) {
        // no rows is what the store refuses the whole change for, as it must when the stored head cannot be continued
        link(chain, head, drafts).unwrap_or_else(|| (Vec::new(), head.clone()))
    }
}

fn link(chain: &ChainKey, head: &ChainHead, drafts: Vec<AuditRowDraft>) -> Option<(Vec<AuditRow>, ChainHead)> {
    let name = chain.to_string();
    let mut tree = CompactRange::restore(u64::try_from(head.seq).ok()?, &head.tree).ok()?;
    let mut previous = head.hash;
    let mut rows = Vec::with_capacity(drafts.len());
    for draft in drafts {
        let body = Body::read(&draft.body)?;
        let sequence = tree.size() + 1;
        let bytes = entry::encode(&EntryFields {
            chain: &name,
            sequence,
            previous: &previous,
            id: draft.id.uuid().into_bytes(),
            at_micros: draft.at.micros(),
            operation: &draft.operation,
            target: draft.target.as_deref(),
            result: draft.result.as_str(),
            request: draft.request.map(|id| id.uuid().into_bytes()),
            intent: draft.intent.map(|id| id.uuid().into_bytes()),
            duration_micros: body.duration_micros,
            pseudonym: draft.subject.as_ref()?,
            subject: body.subject,
            detail: &body.commitment,
        });
        previous = entry::hash(&bytes);
        tree.push(previous);
        let record = entry::pack(&bytes, &body.salt, body.detail);
        rows.push(AuditRow { seq: i64::try_from(sequence).ok()?, entry: record, hash: previous, draft });
    }
    let seq = i64::try_from(tree.size()).ok()?;
    Some((rows, ChainHead { seq, hash: previous, tree: tree.state() }))
}
