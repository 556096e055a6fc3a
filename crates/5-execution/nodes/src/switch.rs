//! SWITCH: goes on by the first case that matches, or by `default`; its input goes with it.

use domain::Json;
use serde::Deserialize;
use serde_json::json;
use workflow::{Answer, Defect, Failure, Next, Node, NodeContext, NodeType, Port};

pub(crate) struct Switch;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    #[serde(default)]
    value: Json,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    equals: Option<Json>,
    when: Option<Json>,
}

impl Node for Switch {
    fn kind(&self) -> NodeType {
        NodeType::Switch
    }
    fn schema(&self) -> Json {
        let case = json!({
            "type": "object", "additionalProperties": false, "required": ["name"],
            "properties": {
                "name": { "title": "Name", "type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_-]{0,63}$",
                    "description": "The output that edges leave by." },
                "equals": { "title": "Equals", "description": "Matches when the value is this." },
                "when": { "title": "When", "x-editor": "expression", "type": ["boolean", "string"],
                    "description": "Matches when this is true.", "examples": ["{{ input.amount > 100 }}"] }
            }
        });
        let properties = json!({
            "value": { "title": "Value", "x-editor": "expression", "examples": ["{{ input.kind }}"] },
            "cases": { "title": "Cases", "type": "array", "minItems": 1, "maxItems": 100, "items": case }
        });
        crate::schema::object("Switch", "Takes one of several ways.", &["cases"], properties)
    }
    fn check(&self, parameters: &Json) -> Vec<Defect> {
        let mut defects = Vec::new();
        let mut seen = Vec::new();
        for (i, case) in parameters["cases"].as_array().into_iter().flatten().enumerate() {
            let name = case["name"].as_str().unwrap_or_default();
            if !matches!(Port::parse(name), Port::Case(_)) {
                let message = format!("{name:?} has a meaning of its own; choose another name");
                defects.push(Defect::new(format!("/cases/{i}/name"), "reserved_name", message));
            }
            if seen.contains(&name) {
                defects.push(Defect::new(
                    format!("/cases/{i}/name"),
                    "duplicate_case",
                    format!("{name:?} stands here twice"),
                ));
            }
            if case.get("equals").is_some() == case.get("when").is_some() {
                let message = "a case has either \"equals\" or \"when\"";
                defects.push(Defect::new(format!("/cases/{i}"), "bad_parameter", message));
            }
            seen.push(name);
        }
        defects
    }
    fn ports(&self, parameters: &Json) -> Vec<Port> {
        let cases = parameters.get("cases").and_then(Json::as_array).into_iter().flatten();
        let names = cases.filter_map(|case| case.get("name")?.as_str());
        names.map(Port::parse).chain([Port::Default]).collect()
    }
    fn next(&self, cx: &NodeContext<'_>, _: &[Answer]) -> Result<Next, Failure> {
        let Parameters { value, cases } = cx.read()?;
        let matches = |case: &Case| match (&case.equals, &case.when) {
            (Some(wanted), _) => *wanted == value,
            (_, Some(Json::Bool(holds))) => *holds,
            (_, Some(Json::String(text))) => text.trim() == "true",
            _ => false,
        };
        let port = cases.iter().find(|case| matches(case)).map_or(Port::Default, |case| Port::parse(&case.name));
        Ok(crate::pass_on(cx, port))
    }
}
