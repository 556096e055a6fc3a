//! Reads members of a JSON object, collecting every error with its path instead of stopping at the first.

use std::collections::BTreeSet;

use domain::Json;
use serde_json::Map;

use super::ConfigError;

/// One object being read. Keys that nobody asked for are errors at [`Reader::finish`].
pub(crate) struct Reader<'j, 'e> {
    members: &'j Map<String, Json>,
    pub path: String,
    asked: BTreeSet<&'static str>,
    errors: &'e mut Vec<ConfigError>,
}

impl<'j, 'e> Reader<'j, 'e> {
    pub fn new(members: &'j Map<String, Json>, path: impl Into<String>, errors: &'e mut Vec<ConfigError>) -> Self {
        Self { members, path: path.into(), asked: BTreeSet::new(), errors }
    }

    pub fn error(&mut self, key: &str, code: &'static str, message: impl Into<String>) {
        let path =
            if key.is_empty() { self.path.clone() } else { format!("{}/{}", self.path, pii::pointer_token(key)) };
        self.errors.push(ConfigError { path, code, message: message.into() });
    }

    /// The member, under the first of its names that is there.
    pub fn get(&mut self, names: &[&'static str]) -> Option<(&'static str, &'j Json)> {
        self.asked.extend(names);
        let mut given = names.iter().filter_map(|name| self.members.get(*name).map(|value| (*name, value)));
        let first = given.next();
        if let (Some((name, _)), Some((other, _))) = (first, given.next()) {
            self.error(other, "bad_value", format!("`{other}` and `{name}` are two names for one thing; give one"));
        }
        first.filter(|(_, value)| !value.is_null())
    }

    fn wrong<T>(&mut self, key: &str, expected: &str) -> Option<T> {
        self.error(key, "wrong_type", format!("expected {expected}"));
        None
    }

    pub fn text(&mut self, names: &[&'static str]) -> Option<&'j str> {
        let (name, value) = self.get(names)?;
        match value.as_str() {
            Some(text) => Some(text),
            None => self.wrong(name, "a text"),
        }
    }

    pub fn bool(&mut self, names: &[&'static str]) -> Option<bool> {
        let (name, value) = self.get(names)?;
        match value.as_bool() {
            Some(value) => Some(value),
            None => self.wrong(name, "true or false"),
        }
    }

    pub fn whole(&mut self, names: &[&'static str], range: std::ops::RangeInclusive<u64>) -> Option<u64> {
        let (name, value) = self.get(names)?;
        match value.as_u64().filter(|n| range.contains(n)) {
            Some(n) => Some(n),
            None => self.wrong(name, &format!("a whole number from {} to {}", range.start(), range.end())),
        }
    }

    /// A number from 0 to 1.
    pub fn share(&mut self, names: &[&'static str]) -> Option<f32> {
        let (name, value) = self.get(names)?;
        match value.as_f64().filter(|n| (0.0..=1.0).contains(n)) {
            Some(n) => Some(n as f32),
            None => self.wrong(name, "a number from 0 to 1"),
        }
    }

    pub fn list(&mut self, names: &[&'static str]) -> Option<(&'static str, &'j [Json])> {
        let (name, value) = self.get(names)?;
        match value.as_array() {
            Some(items) if items.len() <= 10_000 => Some((name, items)),
            Some(_) => {
                self.error(name, "too_large", "at most 10000 entries");
                None
            }
            None => self.wrong(name, "a list"),
        }
    }

    /// A list of texts; one text stands for a list of one.
    pub fn texts(&mut self, names: &[&'static str]) -> Option<Vec<String>> {
        let (name, value) = self.get(names)?;
        if let Json::String(text) = value {
            return Some(vec![text.clone()]);
        }
        let texts: Option<Vec<String>> =
            value.as_array().and_then(|items| items.iter().map(|item| item.as_str().map(str::to_owned)).collect());
        match texts {
            Some(texts) if texts.len() <= 10_000 => Some(texts),
            _ => self.wrong(name, "a list of at most 10000 texts"),
        }
    }

    pub fn object(&mut self, names: &[&'static str]) -> Option<(&'static str, &'j Map<String, Json>)> {
        let (name, value) = self.get(names)?;
        match value.as_object() {
            Some(members) => Some((name, members)),
            None => self.wrong(name, "an object"),
        }
    }

    /// The error list, for a reader of something inside.
    pub fn errors(&mut self) -> &mut Vec<ConfigError> {
        self.errors
    }

    /// Whatever nobody asked for is a mistake, such as a misspelt key.
    pub fn finish(mut self) {
        let unknown: Vec<&String> = self.members.keys().filter(|key| !self.asked.contains(key.as_str())).collect();
        let known: Vec<&str> = self.asked.iter().copied().collect();
        for key in unknown {
            let message = format!("unknown key; known here: {}", known.join(", "));
            self.error(key, "unknown_key", message);
        }
    }
}
