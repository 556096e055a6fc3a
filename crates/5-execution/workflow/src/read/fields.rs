//! One JSON object, read key by key; what does not fit becomes a defect at its path.

use domain::Json;
use serde_json::Map;

use crate::{Defect, read::nearest};

/// A JSON pointer one step further, escaped.
pub(crate) fn pointer(path: &str, key: &str) -> String {
    format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// An object and where it stands.
pub(super) struct Fields<'a, 'd> {
    map: &'a Map<String, Json>,
    path: String,
    defects: &'d mut Vec<Defect>,
}

impl<'a, 'd> Fields<'a, 'd> {
    pub fn new(map: &'a Map<String, Json>, path: &str, defects: &'d mut Vec<Defect>) -> Self {
        Self { map, path: path.to_owned(), defects }
    }
    /// `None` and a defect when it is no object.
    pub fn of(value: &'a Json, path: &str, defects: &'d mut Vec<Defect>) -> Option<Self> {
        match value {
            Json::Object(map) => Some(Self::new(map, path, defects)),
            other => {
                defects.push(Defect::new(path, "wrong_type", format!("expected an object, found {}", kind(other))));
                None
            }
        }
    }
    /// A defect at `key`, which may go deeper (`tools/0`).
    pub fn defect(&mut self, key: &str, code: &str, message: impl Into<String>) {
        self.defects.push(Defect::new(format!("{}/{key}", self.path), code, message));
    }
    fn wrong(&mut self, key: &str, expected: &str, found: &Json) {
        self.defect(key, "wrong_type", format!("expected {expected}, found {}", kind(found)));
    }
    /// As it stands.
    pub fn raw(&self, key: &str) -> Option<&'a Json> {
        self.map.get(key)
    }
    pub fn text(&mut self, key: &str, longest: usize) -> Option<String> {
        match self.map.get(key)? {
            Json::String(text) if text.chars().count() > longest => {
                self.defect(key, "too_long", format!("at most {longest} characters"));
                None
            }
            Json::String(text) => Some(text.clone()),
            other => {
                self.wrong(key, "text", other);
                None
            }
        }
    }
    pub fn texts(&mut self, key: &str) -> Option<Vec<String>> {
        let items = match self.map.get(key)? {
            Json::Array(items) => items,
            other => {
                self.wrong(key, "a list of texts", other);
                return None;
            }
        };
        let mut texts = Vec::new();
        for (i, item) in items.iter().enumerate() {
            match item {
                Json::String(text) if text.len() <= 1000 => texts.push(text.clone()),
                other => self.wrong(&format!("{key}/{i}"), "a text of at most 1000 bytes", other),
            }
        }
        Some(texts)
    }
    pub fn integer(&mut self, key: &str, least: u64, most: u64) -> Option<u64> {
        let value = self.map.get(key)?;
        match value.as_u64() {
            Some(n) if (least..=most).contains(&n) => Some(n),
            _ if value.is_number() => {
                self.defect(key, "out_of_range", format!("expected a whole number from {least} to {most}"));
                None
            }
            _ => {
                self.wrong(key, "a whole number", value);
                None
            }
        }
    }
    pub fn number(&mut self, key: &str, least: f64, most: f64) -> Option<f64> {
        let value = self.map.get(key)?;
        match value.as_f64() {
            Some(n) if (least..=most).contains(&n) => Some(n),
            Some(_) => {
                self.defect(key, "out_of_range", format!("expected a number from {least} to {most}"));
                None
            }
            None => {
                self.wrong(key, "a number", value);
                None
            }
        }
    }
    /// One of a few words.
    pub fn word<T: Copy>(&mut self, key: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(key, 100)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
        if found.is_none() {
            let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            self.defect(key, "unknown_word", format!("expected one of {}", known.join(", ")));
        }
        found
    }
    /// These must be there.
    pub fn require(&mut self, keys: &[&str]) {
        for key in keys {
            if !self.map.contains_key(*key) {
                self.defects.push(Defect::new(&self.path, "missing_field", format!("{key:?} is missing")));
            }
        }
    }
    /// No others may be there.
    pub fn only(&mut self, known: &[&str]) {
        for key in self.map.keys().filter(|key| !known.contains(&key.as_str())) {
            let hint = nearest(key, known).map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
            let shown: String = key.chars().take(60).collect();
            let path = pointer(&self.path, key);
            self.defects.push(Defect::new(path, "unknown_field", format!("there is no field {shown:?} here{hint}")));
        }
    }
}

/// What a JSON value is, in words.
pub(super) const fn kind(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "true or false",
        Json::Number(_) => "a number",
        Json::String(_) => "text",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}
