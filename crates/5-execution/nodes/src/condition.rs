//! CONDITION: goes on by `true` or by `false`; its input goes with it.

use domain::Json;
use serde_json::json;
use workflow::{Answer, Failure, Next, Node, NodeContext, NodeType, Port};

pub(crate) struct Condition;

impl Node for Condition {
    fn kind(&self) -> NodeType {
        NodeType::Condition
    }
    fn schema(&self) -> Json {
        let condition = json!({ "title": "Condition", "x-editor": "expression", "type": ["boolean", "string", "number", "null"],
            "description": "True or false; 0 and null count as false.",
            "examples": ["{{ input.amount > 100 }}"] });
        let properties = json!({ "condition": condition });
        crate::schema::object("Condition", "Takes one of two ways.", &["condition"], properties)
    }
    fn ports(&self, _: &Json) -> Vec<Port> {
        vec![Port::True, Port::False]
    }
    fn next(&self, cx: &NodeContext<'_>, _: &[Answer]) -> Result<Next, Failure> {
        let holds = match cx.parameters.get("condition").unwrap_or(&Json::Null) {
            Json::Bool(holds) => *holds,
            Json::Null => false,
            Json::Number(n) => n.as_f64() != Some(0.0),
            Json::String(text) => match text.trim().to_ascii_lowercase().as_str() {
                "true" => true,
                "false" | "" => false,
                _ => return Err(cx.bad("the condition yields text that is neither \"true\" nor \"false\"")),
            },
            _ => return Err(cx.bad("the condition yields a list or an object, not true or false")),
        };
        Ok(crate::pass_on(cx, if holds { Port::True } else { Port::False }))
    }
}
