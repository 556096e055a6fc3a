//! DELAY: waits, and survives a restart while it does; its input goes on.

use std::time::Duration;

use domain::{Json, Timestamp};
use serde::Deserialize;
use serde_json::json;
use workflow::{Answer, Defect, Failure, Next, Node, NodeContext, NodeType, Port, Wait, limits};

pub(crate) struct Delay;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    for_ms: Option<u64>,
    until: Option<Timestamp>,
}

impl Node for Delay {
    fn kind(&self) -> NodeType {
        NodeType::Delay
    }
    fn schema(&self) -> Json {
        let properties = json!({
            "for_ms": { "title": "For, in ms", "type": "integer", "minimum": 0, "maximum": limits::RUN_TIMEOUT_MS },
            "until": { "title": "Until", "type": "string", "x-editor": "expression",
                "description": "A time in RFC 3339.", "examples": ["2026-12-01T09:00:00Z"] }
        });
        crate::schema::object("Delay", "Waits for a while or until a time.", &[], properties)
    }
    fn check(&self, parameters: &Json) -> Vec<Defect> {
        if parameters.get("for_ms").is_some() == parameters.get("until").is_some() {
            return vec![Defect::new("", "bad_parameter", "give either \"for_ms\" or \"until\"")];
        }
        let until = parameters.get("until").and_then(Json::as_str).filter(|text| !text.contains("{{"));
        let bad = until.filter(|text| Timestamp::parse(text).is_none());
        bad.map(|_| Defect::new("/until", "bad_parameter", "write a time such as 2026-12-01T09:00:00Z"))
            .into_iter()
            .collect()
    }
    fn next(&self, cx: &NodeContext<'_>, answers: &[Answer]) -> Result<Next, Failure> {
        match answers.first() {
            Some(Answer::Waited { .. }) => return Ok(crate::pass_on(cx, Port::Main)),
            Some(other) => return Err(crate::unexpected(cx, other)),
            None => {}
        }
        let parameters: Parameters = cx.read()?;
        match (parameters.for_ms, parameters.until) {
            (Some(millis), None) if millis <= limits::RUN_TIMEOUT_MS => {
                Ok(Next::Wait(Wait::For { duration: Duration::from_millis(millis) }))
            }
            (None, Some(at)) => Ok(Next::Wait(Wait::Until { at })),
            _ => Err(cx.bad("give either \"for_ms\" (at most 90 days) or \"until\"")),
        }
    }
}
