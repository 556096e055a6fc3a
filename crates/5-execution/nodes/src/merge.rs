//! MERGE: joins branches. It runs when every branch that is still open has arrived, or in mode `first` at once.

use domain::Json;
use serde::Deserialize;
use serde_json::{Map, json};
use workflow::{Answer, Failure, Next, Node, NodeContext, NodeType, Port};

pub(crate) struct Merge;

#[derive(Deserialize, Default, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Mode {
    /// An object by the predecessor's id.
    #[default]
    All,
    /// The branch that arrives first, as it is.
    First,
    /// One list: lists are joined, other values become items.
    Append,
    /// One object; later branches (in the order of the edges) win.
    Combine,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    #[serde(default)]
    mode: Mode,
}

impl Node for Merge {
    fn kind(&self) -> NodeType {
        NodeType::Merge
    }
    fn schema(&self) -> Json {
        let properties = json!({ "mode": { "title": "Mode", "enum": ["all", "first", "append", "combine"], "default": "all",
            "description": "all: an object by branch; first: whichever arrives first; append: one list; combine: one object." } });
        crate::schema::object("Merge", "Joins branches.", &[], properties)
    }
    fn verbatim(&self) -> &'static [&'static str] {
        &["mode"]
    }
    fn next(&self, cx: &NodeContext<'_>, _: &[Answer]) -> Result<Next, Failure> {
        let Parameters { mode } = cx.read()?;
        let arrived = cx.arrived;
        Ok(match mode {
            Mode::First => crate::pass_on(cx, Port::Main),
            Mode::All => {
                let fields: Map<_, _> = arrived.iter().map(|(id, value)| (id.clone(), value.json.clone())).collect();
                cx.done(Json::Object(fields))
            }
            Mode::Append => {
                let mut items = Vec::new();
                for (_, value) in arrived {
                    match &value.json {
                        Json::Array(more) => items.extend(more.iter().cloned()),
                        other => items.push(other.clone()),
                    }
                }
                cx.done(Json::Array(items))
            }
            Mode::Combine => {
                let mut fields = Map::new();
                for (id, value) in arrived {
                    match &value.json {
                        Json::Object(more) => fields.extend(more.clone()),
                        _ => return Err(cx.bad(format_args!("combine needs objects, and {id:?} did not give one"))),
                    }
                }
                cx.done(Json::Object(fields))
            }
        })
    }
}
