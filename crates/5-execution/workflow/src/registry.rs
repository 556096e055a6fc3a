//! Which node stands behind each type.

use std::{collections::BTreeMap, fmt};

use domain::Json;
use jsonschema::Validator;

use crate::{Node, NodeType};

/// The nodes by their type, with the compiled schema of each. The crate `nodes` makes the one that NodeLoom uses.
pub struct Registry {
    entries: BTreeMap<NodeType, Entry>,
}

struct Entry {
    node: Box<dyn Node>,
    schema: Json,
    validator: Validator,
}

impl Registry {
    /// From the nodes; a later one of the same type replaces an earlier one.
    ///
    /// # Panics
    /// When a node's own schema is not a JSON Schema, which a test of the crate `nodes` rules out.
    pub fn new(nodes: Vec<Box<dyn Node>>) -> Self {
        let entries = nodes.into_iter().map(|node| {
            let schema = node.schema();
            let validator = jsonschema::draft202012::new(&schema)
                .unwrap_or_else(|error| panic!("schema of {}: {error}", node.kind()));
            (node.kind(), Entry { node, schema, validator })
        });
        Self { entries: entries.collect() }
    }
    /// The node of this type.
    pub fn get(&self, kind: NodeType) -> Option<&dyn Node> {
        self.entries.get(&kind).map(|entry| entry.node.as_ref())
    }
    pub(crate) fn validator(&self, kind: NodeType) -> Option<&Validator> {
        self.entries.get(&kind).map(|entry| &entry.validator)
    }
    /// The JSON Schema of a type's parameters.
    pub fn schema(&self, kind: NodeType) -> Option<&Json> {
        self.entries.get(&kind).map(|entry| &entry.schema)
    }
    /// For `GET /node-types`: every type with the schema of its parameters, in the order of the palette.
    pub fn schemas(&self) -> impl Iterator<Item = (NodeType, &Json)> {
        NodeType::ALL.iter().filter_map(|kind| Some((*kind, self.schema(*kind)?)))
    }
}
impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.entries.keys()).finish()
    }
}
