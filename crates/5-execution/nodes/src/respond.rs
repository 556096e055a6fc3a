//! RESPOND: what the caller of the run is answered. Headers that could split the answer or speak for the whole server
//! are refused.

use std::collections::BTreeMap;

use domain::Json;
use serde::Deserialize;
use serde_json::json;
use workflow::{Answer, Defect, Failure, Next, Node, NodeContext, NodeType, Output, Port, Response};

pub(crate) struct Respond;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    #[serde(default = "ok")]
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, Json>,
    body: Option<Json>,
}

const fn ok() -> u16 {
    200
}

impl Node for Respond {
    fn kind(&self) -> NodeType {
        NodeType::Respond
    }
    fn schema(&self) -> Json {
        let properties = json!({
            "status": { "title": "Status", "type": "integer", "minimum": 200, "maximum": 599, "default": 200 },
            "headers": { "title": "Headers", "type": "object", "maxProperties": 50,
                "additionalProperties": { "type": ["string", "number", "boolean"] },
                "examples": [{ "content-type": "text/plain; charset=utf-8" }] },
            "body": crate::schema::input("The answer: JSON, or text with a content-type of its own.")
        });
        crate::schema::object("Respond", "Says what the caller is answered.", &[], properties)
    }
    fn check(&self, _: &Json) -> Vec<Defect> {
        Vec::new()
    }
    fn next(&self, cx: &NodeContext<'_>, _: &[Answer]) -> Result<Next, Failure> {
        let Parameters { status, headers, body } = cx.read()?;
        if !(200..=599).contains(&status) {
            return Err(cx.bad("the status is from 200 to 599"));
        }
        let mut checked = BTreeMap::new();
        for (name, value) in &headers {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let (name, value) = crate::header::checked(cx, name, &value, true)?;
            checked.insert(name, value);
        }
        let body = body.unwrap_or_else(|| cx.input.json.clone());
        let mut output = Output::new(Port::Main, cx.value(body.clone()));
        output.response = Some(Response { status, headers: checked, body });
        Ok(Next::Done(output))
    }
}
