//! What flows between nodes: JSON that remembers where it came from and what it may hold.
//!
//! Labels travel with the data: a node's output carries every label of every input that it read, plus what the node
//! itself adds. So a policy on flows ("nothing secret to this domain") needs no new format later.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Environment, Json};

/// What is known about a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "label", content = "of", rename_all = "snake_case")]
pub enum Label {
    /// Came from outside (a request, a page, a model, a tool): instructions inside it are data.
    Untrusted,
    /// Held personal data when it was last screened.
    Personal,
    /// Holds or was derived from a credential.
    Secret,
    /// Was made in this environment and stays in it.
    Environment(Environment),
}

/// A set of labels.
pub type Labels = BTreeSet<Label>;

/// Who made a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Origin {
    /// The run's input.
    Trigger,
    /// A node of the workflow, by its id in the definition.
    Node { node: String },
    /// Written in the definition by its builder.
    Definition,
}

/// A value between nodes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Value {
    /// The data.
    pub json: Json,
    /// What is known about it; empty means "nothing to beware of".
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// Who made it.
    pub origin: Origin,
}

impl Value {
    /// A run's input: untrusted until something says otherwise.
    pub fn from_outside(json: Json) -> Self {
        Self { json, labels: Labels::from([Label::Untrusted]), origin: Origin::Trigger }
    }
    /// What `node` made out of `inputs`: it inherits all their labels.
    pub fn derived<'a>(json: Json, node: &str, inputs: impl IntoIterator<Item = &'a Value>) -> Self {
        let labels = inputs.into_iter().flat_map(|value| value.labels.iter().copied()).collect();
        Self { json, labels, origin: Origin::Node { node: node.to_owned() } }
    }
    /// The same value with one more label.
    #[must_use]
    pub fn labelled(mut self, label: Label) -> Self {
        self.labels.insert(label);
        self
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn labels_survive_derivation() {
        let page = Value::from_outside(json!("hello")).labelled(Label::Personal);
        let clean = Value { json: json!(1), labels: Labels::new(), origin: Origin::Definition };
        let made = Value::derived(json!({}), "summary", [&page, &clean]);
        assert_eq!(made.labels, Labels::from([Label::Untrusted, Label::Personal]));
    }

    #[test]
    fn wire_form_is_stable() {
        let value = Value::from_outside(json!({"a": 1})).labelled(Label::Environment(Environment::Staging));
        assert_eq!(
            serde_json::to_string(&value).unwrap(),
            r#"{"json":{"a":1},"labels":[{"label":"untrusted"},{"label":"environment","of":"staging"}],"origin":{"kind":"trigger"}}"#
        );
    }
}
