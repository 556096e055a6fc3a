//! What changed between two versions.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use domain::Json;
use serde::{Deserialize, Serialize};

use crate::{Definition, VersionId, read::pointer};

/// Structured; [`Diff::to_text`] says it in words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Diff {
    pub from: VersionId,
    pub to: VersionId,
    /// Ids with their types; nodes in bodies as well.
    pub added: Vec<NodeRef>,
    pub removed: Vec<NodeRef>,
    pub changed: Vec<NodeChange>,
    pub edges_added: Vec<String>,
    pub edges_removed: Vec<String>,
    /// `/name`, `/description`, `/settings/…`, `/policies/…`.
    pub other: Vec<FieldChange>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRef {
    pub id: String,
    #[serde(rename = "type")]
    pub kind: String,
}

/// One node that both versions have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeChange {
    pub id: String,
    /// Paths within the node, such as `/parameters/url`.
    pub fields: Vec<FieldChange>,
}

/// One value; `None` means "not there".
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldChange {
    pub path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Json>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Json>,
}

/// Compares by id, so that moving a node in the list is no change.
pub fn diff(from: &Definition, to: &Definition) -> Diff {
    let (old, new) = (Parts::of(from), Parts::of(to));
    let reference = |id: &String, node: &Json| NodeRef {
        id: id.clone(),
        kind: node.get("type").and_then(Json::as_str).unwrap_or_default().to_owned(),
    };
    let changed = old.nodes.iter().filter_map(|(id, before)| {
        let mut fields = Vec::new();
        compare("", Some(before), new.nodes.get(id), &mut fields);
        (new.nodes.contains_key(id) && !fields.is_empty()).then(|| NodeChange { id: id.clone(), fields })
    });
    let mut other = Vec::new();
    compare("", Some(&old.rest), Some(&new.rest), &mut other);
    Diff {
        from: from.version(),
        to: to.version(),
        added: new.nodes.iter().filter(|(id, _)| !old.nodes.contains_key(*id)).map(|(i, n)| reference(i, n)).collect(),
        removed: old
            .nodes
            .iter()
            .filter(|(id, _)| !new.nodes.contains_key(*id))
            .map(|(i, n)| reference(i, n))
            .collect(),
        changed: changed.collect(),
        edges_added: new.edges.difference(&old.edges).cloned().collect(),
        edges_removed: old.edges.difference(&new.edges).cloned().collect(),
        other,
    }
}

struct Parts {
    nodes: BTreeMap<String, Json>,
    edges: BTreeSet<String>,
    rest: Json,
}

impl Parts {
    fn of(definition: &Definition) -> Self {
        let mut rest = definition.to_json();
        if let Some(map) = rest.as_object_mut() {
            map.remove("nodes");
            map.remove("edges");
        }
        let (mut nodes, mut edges) = (BTreeMap::new(), BTreeSet::new());
        let mut open = vec![(&definition.graph, String::new())];
        while let Some((graph, inside)) = open.pop() {
            for edge in &graph.edges {
                let port = if edge.output == crate::Port::Main { String::new() } else { format!(" ({})", edge.output) };
                edges.insert(format!("{inside}{}{port} → {}", edge.from, edge.to));
            }
            for node in &graph.nodes {
                let mut json = node.to_json();
                if let Some(body) = &node.body {
                    open.push((body, format!("{inside}{}/", node.id)));
                    if let Some(map) = json.pointer_mut("/parameters").and_then(Json::as_object_mut) {
                        map.remove("body");
                    }
                }
                nodes.insert(node.id.clone(), json);
            }
        }
        Self { nodes, edges, rest }
    }
}

fn compare(path: &str, before: Option<&Json>, after: Option<&Json>, into: &mut Vec<FieldChange>) {
    match (before, after) {
        (a, b) if a == b => {}
        (Some(Json::Object(a)), Some(Json::Object(b))) => {
            for key in a.keys().chain(b.keys()).collect::<BTreeSet<_>>() {
                compare(&pointer(path, key), a.get(key), b.get(key), into);
            }
        }
        (a, b) => into.push(FieldChange { path: path.to_owned(), before: a.cloned(), after: b.cloned() }),
    }
}

impl Diff {
    /// Nothing changed.
    pub fn is_empty(&self) -> bool {
        self.from == self.to
    }

    /// One line for each change.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for node in &self.added {
            let _ = writeln!(text, "+ node {} ({})", node.id, node.kind);
        }
        for node in &self.removed {
            let _ = writeln!(text, "- node {} ({})", node.id, node.kind);
        }
        for edge in &self.edges_added {
            let _ = writeln!(text, "+ edge {edge}");
        }
        for edge in &self.edges_removed {
            let _ = writeln!(text, "- edge {edge}");
        }
        for node in &self.changed {
            for field in &node.fields {
                let _ = writeln!(text, "~ node {} {}", node.id, field.to_text());
            }
        }
        for field in &self.other {
            let _ = writeln!(text, "~ {}", field.to_text());
        }
        text
    }
}

impl FieldChange {
    fn to_text(&self) -> String {
        let show = |value: &Option<Json>| match value {
            None => "nothing".to_owned(),
            Some(json) => {
                let text = json.to_string();
                let short: String = text.chars().take(120).collect();
                if short.len() < text.len() { format!("{short}…") } else { short }
            }
        };
        format!("{}: {} → {}", self.path, show(&self.before), show(&self.after))
    }
}
