//! Taking out what was found: by typed marker, mask or keyed hash, in a text or in every string of a JSON value.

use std::borrow::Cow;

use aws_lc_rs::hmac;
use domain::Json;

use crate::{
    Detector, Entity, Kind,
    token::{self, TokenKey},
};

/// What stands where the found text stood.
#[derive(Debug, Clone, Default)]
pub enum Action {
    /// `[EMAIL_ADDRESS]`.
    #[default]
    Marker,
    /// `****1234`: stars, and the last `keep` letters or digits (never more than a quarter of them).
    Mask { keep: usize },
    /// `[EMAIL_ADDRESS:9f86d081884c7d65]`: the same value gives the same hash under the same key.
    Hash(HashKey),
    /// `[EMAIL_ADDRESS:tok1_…]`: who holds the key may put the value back ([`restore`](crate::restore)).
    Token(TokenKey),
}

/// The key of [`Action::Hash`].
#[derive(Clone)]
pub struct HashKey(hmac::Key);

impl HashKey {
    /// From at least 16 bytes of the caller's secret; the vault gives one per team.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        (bytes.len() >= 16).then(|| Self(hmac::Key::new(hmac::HMAC_SHA256, bytes)))
    }
}
impl std::fmt::Debug for HashKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HashKey(..)")
    }
}

/// What a walk does, and to what.
struct Job<'j> {
    action: &'j Action,
    keep: &'j dyn Fn(&str, bool, &Entity) -> bool,
    /// How many values were visited.
    visited: std::cell::Cell<usize>,
}

impl<'j> Job<'j> {
    const fn new(action: &'j Action, keep: &'j dyn Fn(&str, bool, &Entity) -> bool) -> Self {
        Self { action, keep, visited: std::cell::Cell::new(0) }
    }
}

/// A text with what was found taken out.
#[derive(Debug, Clone)]
pub struct Redacted<'t> {
    /// Borrowed when nothing was found.
    pub text: Cow<'t, str>,
    /// What was found; spans point into the original.
    pub entities: Vec<Entity>,
}

/// Something found in a JSON value.
#[derive(Debug, Clone, PartialEq)]
pub struct Located {
    /// RFC 6901 pointer of the string; for a key, the pointer of the object that holds it.
    pub pointer: String,
    /// In a member's name rather than in a value.
    pub in_key: bool,
    /// What, and where inside that string.
    pub entity: Entity,
    /// The place of the value in a walk that visits each value before what is inside it, from 0; a member's name has
    /// the place of its value. Two strings never share it, whatever their pointers were redacted to.
    pub visit: usize,
}

impl Action {
    /// What stands in the place of `original`.
    pub fn replacement(&self, original: &str, kind: Kind) -> String {
        let mut out = String::new();
        self.write(original, kind, &mut out);
        out
    }

    pub(crate) fn write(&self, original: &str, kind: Kind, out: &mut String) {
        match self {
            Self::Marker => out.push_str(kind.marker()),
            Self::Token(key) => match key.0.seal(kind, original) {
                Some(body) => token::write(kind, &body, out),
                None => out.push_str(kind.marker()),
            },
            Self::Mask { keep } => {
                let solid = original.chars().filter(|c| c.is_alphanumeric()).count();
                let hidden = solid - (*keep).min(solid / 4);
                let mut seen = 0;
                for c in original.chars() {
                    let alphanumeric = c.is_alphanumeric();
                    seen += usize::from(alphanumeric);
                    out.push(if alphanumeric && seen <= hidden || c == '@' { '*' } else { c });
                }
            }
            Self::Hash(key) => {
                let tag = hmac::sign(&key.0, original.as_bytes());
                out.push('[');
                out.push_str(kind.as_str());
                out.push(':');
                out.push_str(&hex::encode(&tag.as_ref()[..8]));
                out.push(']');
            }
        }
    }
}

impl Detector {
    /// `text` with everything found replaced.
    pub fn redact<'t>(&self, text: &'t str, action: &Action) -> Redacted<'t> {
        let entities = self.find(text);
        Redacted { text: replace(text, &entities, action), entities }
    }

    /// Replaces in every string and every key of `json`; the shape of the JSON stays as it was. Two keys that become
    /// the same marker are told apart by a number, so that no member is lost.
    ///
    /// A whole number that reads as a card or another identifier becomes the marker as a string.
    pub fn redact_json(&self, json: &mut Json, action: &Action) -> Vec<Located> {
        let mut found = Vec::new();
        self.walk(json, &mut String::new(), &Job::new(action, &|_, _, _| true), &mut found);
        found
    }

    /// The same, replacing only what `keep` says yes to: pointer, whether it is in a key, and the entity. Pointers name
    /// keys by their redacted form, whatever `keep` says.
    pub fn redact_json_where(
        &self,
        json: &mut Json,
        action: &Action,
        keep: &dyn Fn(&str, bool, &Entity) -> bool,
    ) -> Vec<Located> {
        let mut found = Vec::new();
        self.walk(json, &mut String::new(), &Job::new(action, keep), &mut found);
        found
    }

    fn walk(&self, json: &mut Json, pointer: &mut String, job: &Job<'_>, found: &mut Vec<Located>) {
        let visit = job.visited.replace(job.visited.get() + 1);
        match json {
            Json::String(text) => {
                let mut entities = self.find(text);
                entities.retain(|entity| (job.keep)(pointer, false, entity));
                if entities.is_empty() {
                    return;
                }
                let new = replace(text, &entities, job.action).into_owned();
                let place = pointer.clone();
                found.extend(entities.into_iter().map(|entity| Located {
                    pointer: place.clone(),
                    in_key: false,
                    entity,
                    visit,
                }));
                *text = new;
            }
            Json::Number(number) => {
                // Below ten digits nothing here can be told from a count, so ordinary numbers cost one comparison.
                if number.as_u64().is_none_or(|n| n < 1_000_000_000_000) {
                    return;
                }
                let text = number.to_string();
                let mut entities = self.find(&text);
                entities.retain(|e| e.span.end - e.span.start == text.len() && (job.keep)(pointer, false, e));
                if let Some(entity) = entities.first() {
                    found.push(Located { pointer: pointer.clone(), in_key: false, entity: entity.clone(), visit });
                    *json = Json::String(replace(&text, &entities, job.action).into_owned());
                }
            }
            Json::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    let length = pointer.len();
                    pointer.push('/');
                    pointer.push_str(&index.to_string());
                    self.walk(item, pointer, job, found);
                    pointer.truncate(length);
                }
            }
            Json::Object(members) => self.walk_object(members, pointer, job, found),
            Json::Null | Json::Bool(_) => {}
        }
    }

    fn walk_object(
        &self,
        members: &mut serde_json::Map<String, Json>,
        pointer: &mut String,
        job: &Job<'_>,
        found: &mut Vec<Located>,
    ) {
        let mut renamed = Vec::new();
        for (key, value) in members.iter_mut() {
            let length = pointer.len();
            let visit = job.visited.get();
            pointer.push('/');
            let mut entities = self.find(key);
            pointer.push_str(&pointer_token(&replace(key, &entities, &Action::Marker)));
            // A member called "password" makes a secret of a value that would be nothing alone.
            self.walk_member(key, value, pointer, job, found);
            pointer.truncate(length);
            entities.retain(|entity| (job.keep)(pointer, true, entity));
            if !entities.is_empty() {
                renamed.push((key.clone(), replace(key, &entities, job.action).into_owned()));
                found.extend(entities.into_iter().map(|entity| Located {
                    pointer: pointer.clone(),
                    in_key: true,
                    entity,
                    visit,
                }));
            }
        }
        for (old, new) in renamed {
            if let Some(value) = members.remove(&old) {
                let mut name = new.clone();
                let mut number = 2;
                while members.contains_key(&name) {
                    name = format!("{new} ({number})");
                    number += 1;
                }
                members.insert(name, value);
            }
        }
    }

    fn walk_member(&self, key: &str, value: &mut Json, pointer: &mut String, job: &Job<'_>, found: &mut Vec<Located>) {
        if let Json::String(text) = value
            && let Some(entity) = self.secret_by_name(key, text)
            && (job.keep)(pointer, false, &entity)
        {
            let mut new = String::new();
            job.action.write(text, entity.kind, &mut new);
            *text = new;
            let visit = job.visited.replace(job.visited.get() + 1);
            found.push(Located { pointer: pointer.clone(), in_key: false, entity, visit });
        } else {
            self.walk(value, pointer, job, found);
        }
    }
}

fn replace<'t>(text: &'t str, entities: &[Entity], action: &Action) -> Cow<'t, str> {
    if entities.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for entity in entities {
        out.push_str(&text[at..entity.span.start]);
        action.write(&text[entity.span.start..entity.span.end], entity.kind, &mut out);
        at = entity.span.end;
    }
    out.push_str(&text[at..]);
    Cow::Owned(out)
}

/// A member's name as it stands in a JSON pointer (RFC 6901).
pub fn pointer_token(name: &str) -> Cow<'_, str> {
    if name.contains(['~', '/']) { Cow::Owned(name.replace('~', "~0").replace('/', "~1")) } else { Cow::Borrowed(name) }
}
