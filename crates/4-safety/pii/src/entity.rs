//! One thing found, and which of two wins where they overlap.

use domain::Span;

use crate::Kind;

/// Something found in a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Entity {
    /// What it is.
    pub kind: Kind,
    /// Byte offsets into the text that was searched; always on character boundaries.
    pub span: Span,
    /// 0 to 1: how sure. Arithmetic proofs say more than shape with a context word.
    pub score: f32,
    /// The recognizer or key format that said so, such as `card/visa` or `key/github-pat`.
    pub rule: &'static str,
}

impl Entity {
    pub(crate) fn new(kind: Kind, start: usize, end: usize, score: f32, rule: &'static str) -> Self {
        Self { kind, span: Span { start, end }, score, rule }
    }
}

/// Keeps the surer of two that overlap, the longer where both are as sure, and sorts by place.
pub(crate) fn without_overlaps(mut found: Vec<Entity>) -> Vec<Entity> {
    if found.len() < 2 {
        return found;
    }
    found.sort_by(|a, b| {
        let length = |e: &Entity| e.span.end - e.span.start;
        b.score.total_cmp(&a.score).then(length(b).cmp(&length(a))).then(a.span.cmp(&b.span)).then(a.kind.cmp(&b.kind))
    });
    let mut kept: std::collections::BTreeMap<usize, Entity> = std::collections::BTreeMap::new();
    for entity in found {
        let before = kept.range(..entity.span.end).next_back();
        if before.is_none_or(|(_, other)| other.span.end <= entity.span.start) {
            kept.insert(entity.span.start, entity);
        }
    }
    kept.into_values().collect()
}
