//! FOR_EACH: runs its body once for each item, several at a time; the outputs come in the order of the items.

use domain::Json;
use serde::Deserialize;
use serde_json::json;
use workflow::{Answer, Child, Failure, FailureKind, Next, Node, NodeContext, NodeType, limits};

pub(crate) struct ForEach;

#[derive(Deserialize, Default, Clone, Copy, PartialEq)]
#[serde(rename_all = "snake_case")]
enum OnItemError {
    #[default]
    Fail,
    Collect,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    items: Json,
    #[serde(default = "four")]
    max_parallel: u64,
    #[serde(default)]
    on_item_error: OnItemError,
}

const fn four() -> u64 {
    4
}

impl Node for ForEach {
    fn kind(&self) -> NodeType {
        NodeType::ForEach
    }
    fn schema(&self) -> Json {
        let properties = json!({
            "items": { "title": "Items", "type": "array", "x-editor": "expression", "examples": ["{{ nodes.query.rows }}"],
                "description": "The list; its body sees `item` and `item_index`." },
            "max_parallel": { "title": "At once", "type": "integer", "minimum": 1, "maximum": limits::MAX_PARALLEL, "default": 4 },
            "on_item_error": { "title": "When an item fails", "enum": ["fail", "collect"], "default": "fail",
                "description": "fail: the node fails at once; collect: the item's output is {\"error\": …} and the others go on." },
            "body": { "title": "Body", "type": "object", "x-editor": "body",
                "description": "Nodes and edges that run for each item." }
        });
        crate::schema::object("For each", "Runs its body for each item.", &["items"], properties)
    }
    fn next(&self, cx: &NodeContext<'_>, answers: &[Answer]) -> Result<Next, Failure> {
        let Parameters { items, max_parallel, on_item_error } = cx.read()?;
        let Json::Array(items) = items else {
            return Err(cx.bad("\"items\" did not yield a list"));
        };
        if items.len() > limits::ITEMS {
            let message = format!("node {:?}: {} items; at most {} are run", cx.id, items.len(), limits::ITEMS);
            return Err(Failure::new(FailureKind::TooLarge, message));
        }
        if items.is_empty() {
            return Ok(cx.done(json!([])));
        }
        if answers.is_empty() {
            let children = items.into_iter().enumerate().map(|(index, item)| Child::Body { item, index }).collect();
            let max_parallel = max_parallel.clamp(1, limits::MAX_PARALLEL) as usize;
            return Ok(Next::Spawn { children, max_parallel, fail_fast: on_item_error == OnItemError::Fail });
        }
        if on_item_error == OnItemError::Fail {
            let failures = answers.iter().enumerate().filter_map(|(i, answer)| match answer {
                Answer::Failed { failure } => Some((i, failure)),
                _ => None,
            });
            // those given up because of another one are not the cause
            let cause = failures.min_by_key(|(i, failure)| (failure.kind == FailureKind::Cancelled, *i));
            if let Some((i, failure)) = cause {
                let message = format!("item {i} of {:?}: {}", cx.id, failure.message);
                return Err(Failure { message, ..failure.clone() });
            }
        }
        let outputs = answers.iter().map(|answer| match answer {
            Answer::Child { output } => Ok(output.clone()),
            Answer::Failed { failure } => Ok(json!({ "error": failure.to_json() })),
            other => Err(crate::unexpected(cx, other)),
        });
        Ok(cx.done(Json::Array(outputs.collect::<Result<_, _>>()?)))
    }
}
