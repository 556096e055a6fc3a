//! Runs the recognizers that a text's shape makes worth running.

use std::collections::BTreeSet;

use crate::{Entity, Kind, entity::without_overlaps, recognizers as r, shape::Shape};

/// Which kinds are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kinds {
    /// Everything that is not optional.
    All,
    /// Everything, names of people and places as well.
    AllAndNames,
    /// Only these.
    Only(BTreeSet<Kind>),
}

/// Finds personal data and secrets. Cheap to make and to clone; the tables behind it are built once per process.
#[derive(Debug, Clone)]
pub struct Detector {
    kinds: Kinds,
}

impl Detector {
    /// Looks for everything but names of people and places.
    pub const fn standard() -> Self {
        Self { kinds: Kinds::All }
    }
    /// Looks for names of people and places as well. They are found by lists, titles, introductions and capitals, so
    /// some are missed and some ordinary words are taken for names.
    pub const fn with_names() -> Self {
        Self { kinds: Kinds::AllAndNames }
    }
    /// Looks for these kinds only.
    pub fn only(kinds: impl IntoIterator<Item = Kind>) -> Self {
        Self { kinds: Kinds::Only(kinds.into_iter().collect()) }
    }

    fn wants(&self, kind: Kind) -> bool {
        match &self.kinds {
            Kinds::All => !kind.is_optional(),
            Kinds::AllAndNames => true,
            Kinds::Only(kinds) => kinds.contains(&kind),
        }
    }

    /// Everything found in `text`, in order, without overlaps. Linear in the length of the text.
    pub fn find(&self, text: &str) -> Vec<Entity> {
        let shape = Shape::of(text);
        let (persons, places) = (self.wants(Kind::Person), self.wants(Kind::Location));
        let mut found = Vec::new();
        if persons || places {
            r::names::find(text, persons, places, &mut found);
        }
        if shape.is_plain() {
            return self.settled(text, found);
        }
        if shape.at_sign && self.wants(Kind::EmailAddress) {
            r::email::find(text, &mut found);
        }
        if shape.longest_token >= 10 && self.wants(Kind::Jwt) {
            r::jwt::find(text, &mut found);
        }
        if self.wants(Kind::ApiKey) {
            r::api_key::find(text, shape, &mut found);
        }
        if shape.longest_token >= 26 && self.wants(Kind::Crypto) {
            r::crypto::find(text, &mut found);
        }
        if shape.digits >= 4 || (shape.colon && shape.digits > 0) {
            r::ip::find(text, shape, &mut found);
        }
        if shape.digits >= 6 {
            r::card::find(text, &mut found);
            r::ssn::find(text, &mut found);
            r::iban::find(text, &mut found);
            r::national_id::find(text, &mut found);
            if self.wants(Kind::PhoneNumber) {
                r::phone::find(text, &mut found);
            }
        }
        self.settled(text, found)
    }

    fn settled(&self, text: &str, mut found: Vec<Entity>) -> Vec<Entity> {
        if matches!(self.kinds, Kinds::Only(_)) {
            found.retain(|entity| self.wants(entity.kind));
        }
        // What this crate wrote itself is found by nobody.
        if !found.is_empty() && text.contains(":") && text.contains('[') {
            let ours = crate::token::spans(text);
            found.retain(|e| !ours.iter().any(|(start, end)| e.span.start < *end && e.span.end > *start));
        }
        without_overlaps(found)
    }

    /// A JSON member whose name says "secret" and whose value looks like one.
    pub(crate) fn secret_by_name(&self, name: &str, value: &str) -> Option<Entity> {
        self.wants(Kind::ApiKey).then(|| r::api_key::by_name(name, value)).flatten()
    }
}
