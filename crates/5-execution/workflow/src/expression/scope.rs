//! What an expression can see. Values become minijinja's only when an expression asks for them, and only once.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use minijinja::value::{Enumerator, Object};

use super::convert::from_json;
use crate::{RunInfo, Warning};

type Mini = minijinja::Value;

/// A value that is converted on first use.
#[derive(Debug, Clone)]
pub(crate) struct Lazy(Arc<LazyCell>);

#[derive(Debug)]
struct LazyCell {
    source: Arc<domain::Value>,
    mini: OnceLock<Mini>,
}

impl Lazy {
    pub fn new(source: Arc<domain::Value>) -> Self {
        Self(Arc::new(LazyCell { source, mini: OnceLock::new() }))
    }
    pub fn source(&self) -> &Arc<domain::Value> {
        &self.0.source
    }
    fn mini(&self) -> Mini {
        self.0.mini.get_or_init(|| from_json(&self.0.source.json)).clone()
    }
}

/// What one node's expressions can see.
#[derive(Debug)]
pub(crate) struct Scope {
    pub run: Mini,
    pub input: Lazy,
    pub previous: Lazy,
    pub nodes: BTreeMap<String, Lazy>,
    pub warnings: BTreeMap<String, Vec<Warning>>,
    pub item: Option<(Lazy, usize)>,
    pub args: Option<Lazy>,
}

impl Scope {
    /// `run` as expressions see it.
    pub fn run(info: &RunInfo) -> Mini {
        Mini::from_pairs([
            ("id", info.id.to_string()),
            ("started_at", info.started_at.to_string()),
            ("environment", info.environment.to_string()),
            ("workflow", info.workflow.clone()),
        ])
    }
    /// The same with `run.credentials.<name>`, which is whatever `handle` makes of a name.
    pub fn run_with_handles(info: &RunInfo, handle: crate::machine::Handle) -> Mini {
        Mini::from_object(Run { plain: Self::run(info), credentials: Mini::from_object(Credentials(handle)) })
    }
    pub fn into_context(self) -> Mini {
        let nodes = Mini::from_object(Nodes(self.nodes));
        let warnings = Mini::from_pairs(self.warnings.iter().map(|(id, warnings)| {
            let json = serde_json::to_value(warnings).unwrap_or_default();
            (id.as_str(), from_json(&json))
        }));
        let Self { run, input, previous, item, args, .. } = self;
        Mini::from_object(Root { run, input, previous, nodes, warnings, item, args })
    }
}

#[derive(Debug)]
struct Root {
    run: Mini,
    input: Lazy,
    previous: Lazy,
    nodes: Mini,
    warnings: Mini,
    item: Option<(Lazy, usize)>,
    args: Option<Lazy>,
}

impl Object for Root {
    fn get_value(self: &Arc<Self>, key: &Mini) -> Option<Mini> {
        self.get_value_by_str(key.as_str()?)
    }
    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Mini> {
        match key {
            "run" => Some(self.run.clone()),
            "input" => Some(self.input.mini()),
            "previous" => Some(self.previous.mini()),
            "nodes" => Some(self.nodes.clone()),
            "warnings" => Some(self.warnings.clone()),
            "item" => self.item.as_ref().map(|(item, _)| item.mini()),
            "item_index" => self.item.as_ref().map(|(_, index)| Mini::from(*index as u64)),
            "args" => self.args.as_ref().map(Lazy::mini),
            _ => None,
        }
    }
    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }
}

/// What is known of the run, and its credentials' handles.
#[derive(Debug)]
struct Run {
    plain: Mini,
    credentials: Mini,
}

impl Object for Run {
    fn get_value(self: &Arc<Self>, key: &Mini) -> Option<Mini> {
        match key.as_str()? {
            "credentials" => Some(self.credentials.clone()),
            name => self.plain.get_attr(name).ok().filter(|value| !value.is_undefined()),
        }
    }
    // Handles are made when one is asked for by name; the names are nobody's business here.
    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Str(&["id", "started_at", "environment", "workflow"])
    }
}

struct Credentials(crate::machine::Handle);

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials")
    }
}

impl Object for Credentials {
    fn get_value(self: &Arc<Self>, key: &Mini) -> Option<Mini> {
        Some(Mini::from((self.0)(key.as_str()?)))
    }
    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }
}

#[derive(Debug)]
struct Nodes(BTreeMap<String, Lazy>);

impl Object for Nodes {
    fn get_value(self: &Arc<Self>, key: &Mini) -> Option<Mini> {
        self.get_value_by_str(key.as_str()?)
    }
    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Mini> {
        self.0.get(key).map(Lazy::mini)
    }
    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.0.keys().map(|id| Mini::from(id.as_str())).collect())
    }
}
