//! SUB_WORKFLOW: a run of another workflow; its output is this node's.

use domain::Json;
use serde::Deserialize;
use serde_json::json;
use workflow::{Answer, Child, Failure, Next, Node, NodeContext, NodeType};

pub(crate) struct SubWorkflow;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    workflow: String,
    input: Option<Json>,
}

impl Node for SubWorkflow {
    fn kind(&self) -> NodeType {
        NodeType::SubWorkflow
    }
    fn schema(&self) -> Json {
        let properties = json!({
            "workflow": { "title": "Workflow", "type": "string", "minLength": 1, "maxLength": 200, "x-editor": "workflow",
                "description": "Id (wf_…) or name, in the same team and environment." },
            "input": crate::schema::input("What the other run gets as input.")
        });
        crate::schema::object("Sub-workflow", "Runs another workflow.", &["workflow"], properties)
    }
    /// Which workflow runs is never taken from data.
    fn verbatim(&self) -> &'static [&'static str] {
        &["workflow"]
    }
    fn next(&self, cx: &NodeContext<'_>, answers: &[Answer]) -> Result<Next, Failure> {
        match answers.first() {
            None => {
                let Parameters { workflow, input } = cx.read()?;
                let input = input.unwrap_or_else(|| cx.input.json.clone());
                let children = vec![Child::Workflow { workflow, input }];
                Ok(Next::Spawn { children, max_parallel: 1, fail_fast: false })
            }
            Some(Answer::Child { output }) => Ok(cx.done(output.clone())),
            Some(other) => Err(crate::unexpected(cx, other)),
        }
    }
}
