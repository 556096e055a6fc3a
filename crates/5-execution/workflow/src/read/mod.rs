//! From JSON to a draft of a definition, gathering every defect of shape on the way.

mod fields;
mod graph;
mod text;

use std::collections::BTreeSet;

use domain::Json;
use fields::Fields;
pub(crate) use fields::pointer;
pub(crate) use text::document;

use crate::{
    Defect, Definition, HttpDomains, NodeType, Policies, RunRate, Settings, SqlScope, definition::FORMAT, limits,
    node_type::distance,
};

/// A definition that was read but not checked yet.
pub(crate) struct Draft {
    definition: Definition,
    /// The document is one node, so its path is empty.
    pub single: bool,
    /// Paths of nodes whose type could not be read; their `kind` means nothing.
    pub untyped: BTreeSet<String>,
}

impl Draft {
    pub const fn definition(&self) -> &Definition {
        &self.definition
    }
    pub fn into_definition(self) -> Definition {
        self.definition
    }
}

/// Reads as much as can be read. `None` when there is nothing to check further.
pub(crate) fn definition(document: &Json, defects: &mut Vec<Defect>) -> Option<Draft> {
    if text::too_deep(document) {
        defects.push(text::depth_defect());
        return None;
    }
    let Some(root) = document.as_object() else {
        defects.push(Defect::new("", "not_an_object", "a workflow is a JSON object with \"nodes\""));
        return None;
    };
    let single = root.contains_key("type") && !root.contains_key("nodes");
    let mut reader = graph::Reader::new(defects);
    if single {
        let graph = reader.single(document);
        let untyped = reader.untyped;
        let name = graph.nodes[0].name.clone().unwrap_or_else(|| graph.nodes[0].id.clone());
        let definition = Definition {
            name,
            description: String::new(),
            graph,
            settings: Settings::default(),
            policies: Policies::default(),
        };
        return Some(Draft { definition, single, untyped });
    }
    let graph = reader.graph(document, "", true)?;
    let untyped = reader.untyped;

    let mut fields = Fields::new(root, "", defects);
    match fields.text("format", 64) {
        Some(format) if format != FORMAT => {
            fields.defect("format", "unknown_format", format!("this server reads {FORMAT:?}"));
        }
        _ => {}
    }
    let name = fields.text("name", 200).unwrap_or_else(|| "workflow".to_owned());
    let description = fields.text("description", 10_000).unwrap_or_default();
    fields.only(&["format", "name", "description", "nodes", "edges", "settings", "policies"]);
    let settings = root.get("settings").map(|v| settings(v, defects)).unwrap_or_default();
    let policies = root.get("policies").map(|v| policies(v, defects)).unwrap_or_default();
    let definition = Definition { name, description, graph, settings, policies };
    Some(Draft { definition, single, untyped })
}

fn settings(value: &Json, defects: &mut Vec<Defect>) -> Settings {
    let Some(mut fields) = Fields::of(value, "/settings", defects) else { return Settings::default() };
    fields.only(&["max_concurrent_runs", "timeout_ms", "token_budget"]);
    Settings {
        max_concurrent_runs: fields.integer("max_concurrent_runs", 1, 100_000).map(|n| n as u32),
        timeout_ms: fields.integer("timeout_ms", 1, limits::RUN_TIMEOUT_MS),
        token_budget: fields.integer("token_budget", 1, u64::MAX),
    }
}

fn policies(value: &Json, defects: &mut Vec<Defect>) -> Policies {
    let Some(mut fields) = Fields::of(value, "/policies", defects) else { return Policies::default() };
    fields.only(&["allowed_nodes", "sql_scope", "http", "credentials", "rate"]);
    let allowed_nodes = fields.texts("allowed_nodes").map(|words| {
        let mut kinds = BTreeSet::new();
        for (i, word) in words.iter().enumerate() {
            match word.parse() {
                Ok(kind) => {
                    kinds.insert(kind);
                }
                Err(_) => fields.defect(&format!("allowed_nodes/{i}"), "unknown_node_type", unknown_type(word)),
            }
        }
        kinds
    });
    let sql_scope = fields.word(
        "sql_scope",
        &[("read_only", SqlScope::ReadOnly), ("read_write", SqlScope::ReadWrite), ("full", SqlScope::Full)],
    );
    let credentials = fields.texts("credentials").map(BTreeSet::from_iter);
    let (http, rate) = (fields.raw("http"), fields.raw("rate"));
    let http = http.and_then(|value| {
        let mut fields = Fields::of(value, "/policies/http", defects)?;
        fields.only(&["allow", "block"]);
        let allow = domains(&mut fields, "allow");
        let block = domains(&mut fields, "block");
        Some(HttpDomains { allow, block })
    });
    let rate = rate.and_then(|value| {
        let mut fields = Fields::of(value, "/policies/rate", defects)?;
        fields.only(&["max_runs", "window_seconds"]);
        fields.require(&["max_runs", "window_seconds"]);
        let max_runs = fields.integer("max_runs", 1, 1_000_000_000)?;
        let window_seconds = fields.integer("window_seconds", 1, 366 * 86_400)?;
        Some(RunRate { max_runs, window_seconds })
    });
    Policies { allowed_nodes, sql_scope, http, credentials, rate }
}

fn domains(fields: &mut Fields<'_, '_>, key: &str) -> BTreeSet<String> {
    let mut domains = BTreeSet::new();
    for (i, domain) in fields.texts(key).unwrap_or_default().into_iter().enumerate() {
        let domain = domain.to_lowercase();
        let bare = domain.strip_prefix("*.").unwrap_or(&domain);
        let plain = !bare.is_empty()
            && bare.len() <= 253
            && bare
                .split('.')
                .all(|label| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_'));
        if plain || bare.parse::<std::net::Ipv6Addr>().is_ok() {
            domains.insert(domain);
        } else {
            let message = "write a bare domain such as api.example.com or *.example.com, without scheme, port or path";
            fields.defect(&format!("{key}/{i}"), "bad_domain", message);
        }
    }
    domains
}

/// What is said about a type that does not exist.
pub(crate) fn unknown_type(word: &str) -> String {
    let shown: String = word.chars().take(60).collect();
    match NodeType::nearest(word) {
        Some(nearest) => format!("there is no node type {shown:?}; did you mean {nearest}?"),
        None => format!("there is no node type {shown:?}"),
    }
}

/// The known word closest to a misspelt one.
pub(crate) fn nearest<'w>(word: &str, known: &[&'w str]) -> Option<&'w str> {
    let word: String = word.chars().take(40).collect();
    known.iter().map(|k| (distance(&word, k), *k)).min().filter(|(d, k)| *d <= k.len() / 2).map(|(_, k)| k)
}
