//! The tool whitelist (R193): only listed node types may execute in a workflow.

use domain::Severity;
use serde_json::json;

use crate::{Policies, Policy, Violation};

impl Policies {
    /// Everything in `nodes` (id, type) that may not execute. Triggers and answers are node types too: a whitelist
    /// names all that it wants. Call it with nested bodies included, and again for tools that an agent asks for.
    pub fn tools<'n>(&self, nodes: impl IntoIterator<Item = (&'n str, &'n str)>) -> Vec<Violation> {
        let Some(allowed) = &self.tools else { return Vec::new() };
        nodes
            .into_iter()
            .filter(|(_, kind)| !allowed.contains(*kind))
            .map(|(id, kind)| {
                Violation::new(
                    Policy::ToolWhitelist,
                    Severity::High,
                    "node_type_not_allowed",
                    format!("the workflow's policy does not allow nodes of type {kind}"),
                    json!({ "node": id, "type": kind, "allowed": allowed }),
                )
            })
            .collect()
    }

    /// The same for one node.
    pub fn tool(&self, id: &str, kind: &str) -> Result<(), Violation> {
        self.tools([(id, kind)]).pop().map_or(Ok(()), Err)
    }
}
