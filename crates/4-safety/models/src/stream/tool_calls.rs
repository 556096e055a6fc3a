//! Tool calls that arrive in pieces, joined by their index.

use std::collections::BTreeMap;

use crate::{Arguments, ToolCall};

/// More calls than this in one answer are garbage.
const MAX_CALLS: usize = 128;

/// Tool calls in the making.
#[derive(Debug, Default)]
pub(crate) struct ToolCalls {
    parts: BTreeMap<u64, Part>,
}

#[derive(Debug, Default)]
struct Part {
    id: String,
    name: String,
    arguments: String,
}

impl ToolCalls {
    /// Adds what a piece says about the call at `index`.
    pub fn push(&mut self, index: u64, id: &str, name: &str, arguments: &str) -> Result<(), &'static str> {
        if self.parts.len() >= MAX_CALLS && !self.parts.contains_key(&index) {
            return Err("the answer holds more than 128 tool calls");
        }
        let part = self.parts.entry(index).or_default();
        if part.id.is_empty() {
            part.id.push_str(id);
        }
        if part.name.is_empty() {
            part.name.push_str(name);
        }
        part.arguments.push_str(arguments);
        Ok(())
    }

    /// The index for a piece of a server that numbers nothing.
    pub fn next_index(&self) -> u64 {
        self.parts.keys().next_back().map_or(0, |last| last + 1)
    }

    /// The calls, in the order of their index.
    pub fn finish(self) -> Vec<ToolCall> {
        let mut calls: Vec<ToolCall> = self
            .parts
            .into_values()
            .map(|part| ToolCall { arguments: Arguments::parse(&part.arguments), id: part.id, name: part.name })
            .collect();
        number(&mut calls);
        calls
    }
}

/// Gives an id to calls that came without one, so that answers can name them.
pub(crate) fn number(calls: &mut [ToolCall]) {
    for (index, call) in calls.iter_mut().enumerate() {
        if call.id.is_empty() {
            call.id = format!("call_{index}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_joined_by_their_index() {
        let mut calls = ToolCalls::default();
        for (index, id, name, arguments) in
            [(0, "a", "f", ""), (1, "", "g", "{\"y\""), (0, "", "", "{\"x\":1}"), (1, "", "", ":2")]
        {
            calls.push(index, id, name, arguments).unwrap();
        }
        let calls = calls.finish();
        assert_eq!(calls[0].arguments, Arguments::Json(serde_json::json!({"x": 1})));
        assert_eq!((calls[1].id.as_str(), &calls[1].arguments), ("call_1", &Arguments::Invalid("{\"y\":2".into())));
    }
}
