//! STOP_WITH_ERROR: ends the run with an error of the author's own.

use domain::Json;
use serde::Deserialize;
use serde_json::json;
use workflow::{Answer, Failure, FailureKind, Next, Node, NodeContext, NodeType, Port};

pub(crate) struct StopWithError;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    message: String,
    #[serde(default)]
    detail: Json,
}

impl Node for StopWithError {
    fn kind(&self) -> NodeType {
        NodeType::StopWithError
    }
    fn schema(&self) -> Json {
        let properties = json!({
            "message": { "title": "Message", "type": "string", "minLength": 1, "maxLength": 2000, "x-editor": "expression",
                "examples": ["The order {{ input.id }} has no address."] },
            "detail": { "title": "Detail", "description": "Kept with the error." }
        });
        crate::schema::object("Stop with error", "Ends the run with an error.", &["message"], properties)
    }
    fn ports(&self, _: &Json) -> Vec<Port> {
        Vec::new()
    }
    fn next(&self, cx: &NodeContext<'_>, _: &[Answer]) -> Result<Next, Failure> {
        let Parameters { message, detail } = cx.read()?;
        Err(Failure::new(FailureKind::Stopped, message).with_detail(detail))
    }
}
