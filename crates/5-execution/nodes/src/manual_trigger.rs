//! MANUAL_TRIGGER: a person or the API starts the run; its input goes on.

use domain::Json;
use serde_json::json;
use workflow::{Answer, Failure, Next, Node, NodeContext, NodeType, Port};

pub(crate) struct ManualTrigger;

impl Node for ManualTrigger {
    fn kind(&self) -> NodeType {
        NodeType::ManualTrigger
    }
    fn schema(&self) -> Json {
        let sample = json!({ "title": "Sample input", "description": "What the editor offers as input." });
        crate::schema::object(
            "Manual trigger",
            "Starts when a person or the API says so.",
            &[],
            json!({ "sample": sample }),
        )
    }
    fn verbatim(&self) -> &'static [&'static str] {
        &["sample"]
    }
    fn next(&self, cx: &NodeContext<'_>, _: &[Answer]) -> Result<Next, Failure> {
        Ok(crate::pass_on(cx, Port::Main))
    }
}
