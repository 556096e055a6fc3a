//! The agent's form, and what its schema cannot say.

use std::collections::BTreeSet;

use domain::Json;
use guardrails::checks::schema::Schema;
use serde_json::json;
use workflow::Defect;

pub(super) fn schema() -> Json {
    let tool = json!({
        "type": "object", "additionalProperties": false, "required": ["name", "description"],
        "oneOf": [{ "required": ["node"] }, { "required": ["workflow"] }],
        "properties": {
            "name": { "title": "Name", "type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_-]{0,63}$" },
            "description": { "title": "Description", "type": "string", "minLength": 1, "maxLength": 4000,
                "description": "What the model is told about it." },
            "schema": { "title": "Arguments", "type": "object", "x-editor": "json",
                "description": "JSON Schema of the arguments; they are checked before the tool runs.",
                "examples": [{ "type": "object", "required": ["city"], "properties": { "city": { "type": "string" } } }] },
            "node": { "title": "Node", "type": "object", "required": ["type"], "additionalProperties": false,
                "description": "Runs this node; its expressions see the arguments as `args`.",
                "properties": { "type": { "type": "string" }, "parameters": { "type": "object" } } },
            "workflow": { "title": "Workflow", "type": "string", "minLength": 1, "maxLength": 200, "x-editor": "workflow",
                "description": "Runs this workflow with the arguments as input." }
        }
    });
    let mut properties = json!({
        "model": crate::schema::model(),
        "system": { "title": "System prompt", "type": "string", "maxLength": 200_000, "x-editor": "expression",
            "examples": ["You answer questions about orders. Use the tools; do not guess."] },
        "prompt": { "title": "Prompt", "x-editor": "expression", "examples": ["{{ input.question }}"],
            "description": "When absent, the output of the node before." },
        "tools": { "title": "Tools", "type": "array", "maxItems": 64, "default": [], "items": tool },
        "max_steps": { "title": "Most model calls", "type": "integer", "minimum": 1, "maximum": 50, "default": 10 },
        "max_invalid_calls": { "title": "Most invalid tool calls", "type": "integer", "minimum": 0, "maximum": 20, "default": 3,
            "description": "More than this many, and the node fails." },
        "max_tool_output_bytes": { "title": "Longest tool output, in bytes", "type": "integer", "minimum": 256,
            "maximum": 1_000_000, "default": 16384, "description": "What is longer is cut before the model sees it." },
        "tool_checks": super::screening::schema()
    });
    for (name, field) in crate::wanted::fields() {
        properties[name] = field;
    }
    crate::schema::object("AI agent", "A model that calls tools until it has an answer.", &["model"], properties)
}

pub(super) fn check(parameters: &Json) -> Vec<Defect> {
    let mut defects = super::screening::check(parameters);
    defects.extend(crate::wanted::check(parameters));
    let mut names = BTreeSet::new();
    for (i, tool) in parameters["tools"].as_array().into_iter().flatten().enumerate() {
        let at = format!("/tools/{i}");
        let name = tool["name"].as_str().unwrap_or_default();
        if !names.insert(name) {
            defects.push(Defect::new(
                format!("{at}/name"),
                "duplicate_tool",
                format!("the tool {name:?} stands here twice"),
            ));
        }
        if let Some(error) = tool.get("schema").and_then(|schema| Schema::compile(schema).err()) {
            defects.push(Defect::new(
                format!("{at}/schema"),
                "bad_schema",
                format!("this is not a JSON Schema: {error}"),
            ));
        }
        let kind = tool.pointer("/node/type").and_then(Json::as_str);
        if let Some(word) = kind.filter(|word| word.parse::<workflow::NodeType>().is_err()) {
            let near =
                workflow::NodeType::nearest(word).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
            let message = format!("there is no node type {word:?}{near}");
            defects.push(Defect::new(format!("{at}/node/type"), "unknown_node_type", message));
        }
    }
    defects
}
