//! Takes found places out of a value: all of one stage at once and from the value as the checks saw it, so that one
//! check's redaction never moves another's spans.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Json, Span};
use pii::{Action, Kind, pointer_token};

use crate::checks::{Found, Unchecked};

/// What stands where something was cut out by a check that has no markers of its own.
pub(crate) const CUT: &str = "[REDACTED]";

/// One place to take out.
#[derive(Debug, Clone)]
struct Edit {
    /// Absent: the whole string.
    span: Option<Span>,
    /// Absent: cut.
    marked: Option<(Kind, Action)>,
}

/// What is to be taken out of a value.
#[derive(Debug, Default)]
pub(crate) struct Edits {
    by_pointer: BTreeMap<String, Vec<Edit>>,
    by_visit: BTreeMap<(usize, bool), Vec<Edit>>,
    /// Places that are counted once, however many checks name them.
    places: BTreeSet<(String, Option<usize>, Option<Span>)>,
}

impl Edits {
    /// Adds a finding. `action`: how personal data is replaced.
    ///
    /// # Errors
    /// It lies where nothing can be taken out.
    pub fn add(&mut self, found: &Found, action: Option<&Action>) -> Result<(), Unchecked> {
        let span = found.finding.span;
        let edits = match (action.zip(found.finding.family.parse::<Kind>().ok()), found.visit) {
            (Some((action, kind)), Some(visit)) => {
                let edit = Edit { span, marked: Some((kind, action.clone())) };
                self.by_visit.entry((visit, found.in_key)).or_default().push(edit);
                None
            }
            _ if found.in_key => {
                return Err(Unchecked::new("the finding lies in a member's name, which cannot be redacted"));
            }
            _ => Some(self.by_pointer.entry(found.pointer.clone()).or_default()),
        };
        if let Some(edits) = edits {
            edits.push(Edit { span, marked: None });
        }
        self.places.insert((found.pointer.clone(), found.visit, span));
        Ok(())
    }

    /// Does it; answers how many places there were.
    pub fn apply(&mut self, value: &mut Json) -> usize {
        if self.places.is_empty() {
            return 0;
        }
        let count = self.places.len();
        self.walk(value, &mut String::new(), &mut 0);
        *self = Self::default();
        count
    }

    fn walk(&self, json: &mut Json, pointer: &mut String, visited: &mut usize) {
        let visit = *visited;
        *visited += 1;
        let other = self.by_pointer.get(pointer.as_str());
        let marked = self.by_visit.get(&(visit, false));
        let edits: Vec<&Edit> = other.into_iter().chain(marked).flatten().collect();
        match json {
            Json::String(text) => {
                if !edits.is_empty() {
                    *text = rewritten(text, edits);
                }
            }
            Json::Number(number) => {
                if !edits.is_empty() {
                    *json = Json::String(rewritten(&number.to_string(), edits));
                }
            }
            Json::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    let length = pointer.len();
                    pointer.push('/');
                    pointer.push_str(&index.to_string());
                    self.walk(item, pointer, visited);
                    pointer.truncate(length);
                }
                if !edits.is_empty() {
                    *json = Json::String(CUT.to_owned());
                }
            }
            Json::Object(members) => {
                let mut renamed = Vec::new();
                for (name, value) in members.iter_mut() {
                    if let Some(edits) = self.by_visit.get(&(*visited, true)) {
                        renamed.push((name.clone(), rewritten(name, edits.iter().collect())));
                    }
                    let length = pointer.len();
                    pointer.push('/');
                    pointer.push_str(&pointer_token(name));
                    self.walk(value, pointer, visited);
                    pointer.truncate(length);
                }
                for (old, new) in renamed {
                    let Some(value) = members.remove(&old) else { continue };
                    let (mut name, mut number) = (new.clone(), 2);
                    while members.contains_key(&name) {
                        name = format!("{new} ({number})");
                        number += 1;
                    }
                    members.insert(name, value);
                }
                if !edits.is_empty() {
                    *json = Json::String(CUT.to_owned());
                }
            }
            Json::Null | Json::Bool(_) => {
                if !edits.is_empty() {
                    *json = Json::String(CUT.to_owned());
                }
            }
        }
    }
}

/// `text` without what `edits` name. Spans that touch become one; a cut swallows the markers inside it.
fn rewritten(text: &str, mut edits: Vec<&Edit>) -> String {
    let fits = |span: Span| {
        span.start <= span.end
            && span.end <= text.len()
            && text.is_char_boundary(span.start)
            && text.is_char_boundary(span.end)
    };
    // A finding about the whole text, or one that does not lie in it, takes all of it.
    if edits.iter().any(|edit| edit.span.is_none_or(|span| !fits(span))) {
        return CUT.to_owned();
    }
    edits.sort_by_key(|edit| (edit.span, edit.marked.is_some()));
    let mut merged: Vec<(Span, Option<&(Kind, Action)>)> = Vec::new();
    for edit in edits {
        let (Some(span), marked) = (edit.span, edit.marked.as_ref()) else { continue };
        match merged.last_mut() {
            Some((last, by)) if span.start < last.end => {
                if span != *last {
                    *by = by.filter(|_| marked.is_some() && span.end <= last.end);
                } else {
                    *by = by.filter(|_| marked.is_some());
                }
                last.end = last.end.max(span.end);
            }
            _ => merged.push((span, marked)),
        }
    }
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for (span, marked) in merged {
        out.push_str(&text[at..span.start]);
        match marked {
            Some((kind, action)) => out.push_str(&action.replacement(&text[span.start..span.end], *kind)),
            None => out.push_str(CUT),
        }
        at = span.end;
    }
    out.push_str(&text[at..]);
    out
}
