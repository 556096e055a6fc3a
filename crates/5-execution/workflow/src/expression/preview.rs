//! What an expression would yield, for whoever is writing it. The same compiler, the same limits, no run.

use std::{collections::BTreeMap, sync::Arc};

use domain::{Json, Value};

use super::{Compiler, Expressions, Lazy, Scope, is_expression};
use crate::RunInfo;

/// Values to try an expression with.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    pub input: Json,
    pub previous: Json,
    /// Outputs by node.
    pub nodes: BTreeMap<String, Json>,
    /// `item`, inside a FOR_EACH.
    pub item: Option<Json>,
}

/// How many expressions stand in `template`: each may cost [`EXPRESSION_FUEL`](crate::limits::EXPRESSION_FUEL).
pub fn count(template: &Json) -> usize {
    match template {
        Json::String(text) => usize::from(is_expression(text)),
        Json::Array(items) => items.iter().map(count).sum(),
        Json::Object(members) => members.values().map(count).sum(),
        _ => 0,
    }
}

/// `template` with the values of `sample`, as a node would get it.
///
/// # Errors
/// A sentence for the author: what is wrong with the expression, or with these values.
pub fn preview(template: &Json, sample: &Sample, run: &RunInfo) -> Result<Json, String> {
    let mut expressions = Expressions::new();
    let mut compiler = Compiler::new(&mut expressions);
    let compiled = compiler.compile(template, "");
    if let Some(defect) = compiler.defects.into_iter().next() {
        return Err(defect.message);
    }
    let lazy = |json: &Json| Lazy::new(Arc::new(Value::from_outside(json.clone())));
    let scope = Scope {
        run: Scope::run(run),
        input: lazy(&sample.input),
        previous: lazy(&sample.previous),
        nodes: sample.nodes.iter().map(|(id, json)| (id.clone(), lazy(json))).collect(),
        warnings: BTreeMap::new(),
        item: sample.item.as_ref().map(|item| (lazy(item), 0)),
        args: None,
    };
    compiled
        .render(&expressions.env, &scope.into_context(), "preview")
        .map_err(|failure| failure.message.strip_prefix("node \"preview\": ").unwrap_or(&failure.message).to_owned())
}
