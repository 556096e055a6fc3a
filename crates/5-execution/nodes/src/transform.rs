//! TRANSFORM: builds a value from a template.

use domain::Json;
use serde_json::json;
use workflow::{Answer, Failure, Next, Node, NodeContext, NodeType};

pub(crate) struct Transform;

impl Node for Transform {
    fn kind(&self) -> NodeType {
        NodeType::Transform
    }
    fn schema(&self) -> Json {
        let template = json!({ "title": "Template", "x-editor": "json",
            "description": "Any JSON; expressions in its strings are filled in.",
            "examples": [{ "question": "{{ input.text | trim }}", "asked_in": "{{ run.environment }}" }] });
        let properties = json!({ "template": template });
        crate::schema::object("Transform", "Builds a value from a template.", &["template"], properties)
    }
    fn next(&self, cx: &NodeContext<'_>, _: &[Answer]) -> Result<Next, Failure> {
        Ok(cx.done(cx.parameters.get("template").cloned().unwrap_or_default()))
    }
}
