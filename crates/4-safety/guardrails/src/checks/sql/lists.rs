//! Allow and deny lists of names.

use std::collections::BTreeSet;

use crate::normalise::fold;

/// A list that allows, one that denies; the latter wins. Names are compared without case; `schema.table` in a list
/// names exactly that, `table` names it in every schema, `table.column` names a column of one table.
#[derive(Debug, Clone, Default)]
pub struct AllowDeny {
    allow: Option<BTreeSet<String>>,
    deny: BTreeSet<String>,
}

impl AllowDeny {
    /// `allow`: only these; everything when `None`.
    pub fn new(allow: Option<Vec<String>>, deny: Vec<String>) -> Self {
        let lower = |names: Vec<String>| names.into_iter().map(|name| name.to_lowercase()).collect();
        Self { allow: allow.map(lower), deny: lower(deny) }
    }

    pub fn is_empty(&self) -> bool {
        self.allow.is_none() && self.deny.is_empty()
    }

    /// Only what is listed passes.
    pub(super) fn is_closed(&self) -> bool {
        self.allow.as_ref().is_some_and(|allow| !allow.contains("*"))
    }

    /// `name` itself is on the allow list.
    pub(super) fn names(&self, name: &str) -> bool {
        self.allow.as_ref().is_some_and(|allow| allow.contains(&name.to_lowercase()))
    }

    /// The names that are denied, without what stands before their last dot.
    pub(super) fn denied(&self) -> impl Iterator<Item = &str> {
        self.deny.iter().map(|name| name.rsplit('.').next().unwrap_or(name))
    }

    /// Some databases take wide or accented letters in a name for plain ones.
    pub(super) fn denies(&self, name: &str) -> bool {
        self.deny.contains(name) || !name.is_ascii() && self.deny.contains(fold::fold(name).text.as_str())
    }

    /// Why a thing that goes by any of `names` (most exact first, lower case) is not permitted.
    pub fn refuses(&self, names: &[String]) -> Option<&'static str> {
        if names.iter().any(|name| self.denies(name)) {
            return Some("is on the deny list");
        }
        let allowed =
            self.allow.as_ref().is_none_or(|allow| allow.contains("*") || names.iter().any(|n| allow.contains(n)));
        (!allowed).then_some("is not on the allow list")
    }
}
