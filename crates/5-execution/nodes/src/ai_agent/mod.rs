//! AI_AGENT: a model that calls tools until it has an answer, or its steps are used up.
//!
//! The conversation is rebuilt from the answers each time, so that a run goes on after a crash where it stood. Tool
//! calls are checked before anything runs: a name that does not exist, arguments that are not JSON or do not follow
//! the tool's schema go back to the model as an error, a few times; a tool's own failure goes back as well. A
//! guardrail, policy or budget that halts inside a tool halts the run. Arguments are screened before a tool runs, and
//! answers before the model sees them (`screening`). A last answer that must follow a schema and does not goes back to the
//! model, as it does from a CHAT_MODEL.

mod conversation;
mod form;
mod screening;

use domain::Json;
use guardrails::checks::schema::Schema;
use serde::Deserialize;
use workflow::{Answer, Defect, Failure, Next, Node, NodeContext, NodeType};

use crate::model::Model;

pub(crate) struct AiAgent;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    model: Model,
    system: Option<String>,
    prompt: Option<Json>,
    #[serde(default)]
    tools: Vec<Tool>,
    #[serde(default = "ten")]
    max_steps: u32,
    #[serde(default = "three")]
    max_invalid_calls: u32,
    #[serde(default = "sixteen_kibibytes")]
    max_tool_output_bytes: usize,
    #[serde(default)]
    tool_checks: screening::Checks,
    /// What the last answer must follow; answers that call a tool are free.
    response_schema: Option<Json>,
    #[serde(default)]
    repair_attempts: u32,
}

const fn ten() -> u32 {
    10
}
const fn three() -> u32 {
    3
}
const fn sixteen_kibibytes() -> usize {
    16 * 1024
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tool {
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default = "any_object")]
    schema: Json,
    /// The plan runs it; here it matters only that it is there.
    #[serde(default, rename = "node")]
    _node: Option<Json>,
    workflow: Option<String>,
}

fn any_object() -> Json {
    serde_json::json!({ "type": "object" })
}

impl Tool {
    fn compiled(&self) -> Result<Schema, String> {
        Schema::compile(&self.schema)
    }
}

impl Node for AiAgent {
    fn kind(&self) -> NodeType {
        NodeType::AiAgent
    }
    fn schema(&self) -> Json {
        form::schema()
    }
    /// Which model, which tools and which checks there are is never taken from data. Expressions in a tool's own parameters are
    /// filled in when the tool is called, with `args`.
    fn verbatim(&self) -> &'static [&'static str] {
        &["model", "tools", "max_steps", "tool_checks", "response_schema", "repair_attempts"]
    }
    fn check(&self, parameters: &Json) -> Vec<Defect> {
        form::check(parameters)
    }
    fn next(&self, cx: &NodeContext<'_>, answers: &[Answer]) -> Result<Next, Failure> {
        conversation::go_on(cx, &cx.read()?, answers)
    }
}
