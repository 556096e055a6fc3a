//! The guardrail's form, and what its schema cannot say.

use std::collections::BTreeSet;

use domain::{CheckKind, Json};
use serde::Deserialize;
use serde_json::json;
use workflow::Defect;

use super::Parameters;

pub(super) fn schema() -> Json {
    let names: Vec<&str> = CheckKind::ALL.iter().map(|check| check.as_str()).collect();
    let enforcement = json!({
        "title": "On a violation",
        "description": "LOG records it; WARNING also attaches a warning; FLAG also alerts; REDACT strips it; BLOCK halts the run. PII_REDACTION under the node's BLOCK redacts; BLOCK on the check itself halts.",
        "enum": ["LOG", "WARNING", "FLAG", "REDACT", "BLOCK", "log", "warn", "warning", "flag", "redact", "block"]
    });
    let threshold = json!({ "title": "Threshold", "type": "number", "minimum": 0, "maximum": 1,
        "description": "Scores from here on are violations." });
    let lists = json!({ "title": "Tables, columns and operations", "description": "For SQL_INJECTION.", "type": "object", "additionalProperties": false, "properties": {
        "tables": { "type": "array", "items": { "type": "string" } },
        "columns": { "type": "array", "items": { "type": "string" } },
        "operations": { "type": "array", "items": { "type": "string" } } } });
    let rules = json!({
        "title": "Custom rules", "type": "array", "maxItems": 100,
        "items": { "type": "object", "required": ["type"], "properties": {
            "type": { "enum": ["REGEX", "KEYWORD_LIST", "JAVASCRIPT", "LLM_PROMPT"] },
            "name": { "type": "string", "maxLength": 100 },
            "severity": { "enum": ["low", "medium", "high", "critical", "LOW", "MEDIUM", "HIGH", "CRITICAL"] },
            "pattern": { "type": "string", "maxLength": 10_000, "x-editor": "code" },
            "keywords": { "type": "array", "minItems": 1, "maxItems": 10_000, "items": { "type": "string", "minLength": 1 } },
            "code": { "type": "string", "maxLength": 100_000, "x-editor": "code" },
            "prompt": { "type": "string", "maxLength": 20_000 },
            "threshold": threshold
        } }
    });
    let texts = json!({ "type": "array", "items": { "type": "string" } });
    let full = json!({
        "type": "object", "additionalProperties": false, "required": ["check"],
        "properties": {
            "check": { "title": "Check", "enum": names },
            "severity": enforcement, "enforcement": enforcement, "threshold": threshold,
            "allow_unevaluated": { "title": "Go on when the check cannot run", "type": "boolean", "default": false },
            "block_on_detection": { "title": "Halt instead of redacting", "type": "boolean", "default": false },
            "entities": texts, "categories": texts, "references": texts, "rules": rules, "allow": lists, "deny": lists,
            "schema": { "type": "object", "x-editor": "json" }, "model": { "type": "object" }, "dialect": { "type": "string" }
        }
    });
    let properties = json!({
        "checks": { "title": "Checks", "type": "array", "maxItems": 20, "default": ["PROMPT_INJECTION", "PII_REDACTION"],
            "description": "Names, or objects with options of their own.",
            "items": { "if": { "type": "string" }, "then": { "enum": names }, "else": full } },
        "severity": enforcement, "enforcement": enforcement, "threshold": threshold,
        "input": crate::schema::input("What is screened: text or JSON."),
        "channel": { "title": "Comes from", "enum": ["user", "data"], "default": "user",
            "description": "user: written by the person served; data: retrieved, so that instructions in it are an attack." },
        "schemaValidation": { "title": "JSON Schema", "type": "object", "x-editor": "json",
            "description": "What AI output must conform to; brings SCHEMA_VALIDATION with it." },
        "rules": rules, "allow": lists, "deny": lists
    });
    crate::schema::object("Guardrail", "Screens what flows through it.", &[], properties)
}

pub(super) fn check(parameters: &Json) -> Vec<Defect> {
    let mut defects = Vec::new();
    let read = match Parameters::deserialize(parameters) {
        Ok(read) => read,
        Err(error) => return vec![Defect::new("", "bad_parameter", error.to_string())],
    };
    if read.checks.is_empty() && read.schema_validation.is_none() && read.rules.is_none() {
        let message = "a guardrail needs \"checks\", \"rules\" or a \"schemaValidation\"";
        defects.push(Defect::new("/checks", "no_checks", message));
    }
    schema_of(&mut defects, parameters.get("schemaValidation"), "/schemaValidation");
    rules_of(&mut defects, parameters.get("rules"), "/rules");
    let mut named = BTreeSet::new();
    for (i, entry) in parameters["checks"].as_array().into_iter().flatten().enumerate() {
        let at = format!("/checks/{i}");
        let name = entry.as_str().or_else(|| entry["check"].as_str()).unwrap_or_default();
        if !named.insert(name) {
            defects.push(Defect::new(&at, "duplicate_check", format!("{name} stands here twice")));
        }
        if let Some(map) = entry.as_object()
            && map.contains_key("severity")
            && map.contains_key("enforcement")
        {
            defects.push(Defect::new(&at, "duplicate_field", "\"severity\" and \"enforcement\" say the same thing"));
        }
        schema_of(&mut defects, entry.get("schema"), &format!("{at}/schema"));
        rules_of(&mut defects, entry.get("rules"), &format!("{at}/rules"));
        let own = |key: &str| entry.get(key).is_some() || parameters.get(key).is_some();
        if name == "SCHEMA_VALIDATION" && entry.get("schema").is_none() && !own("schemaValidation") {
            defects.push(Defect::new(&at, "missing_field", "SCHEMA_VALIDATION needs a \"schemaValidation\""));
        }
        if name == "CUSTOM_RULE" && !own("rules") {
            defects.push(Defect::new(&at, "missing_field", "CUSTOM_RULE needs \"rules\""));
        }
    }
    defects
}

fn schema_of(defects: &mut Vec<Defect>, schema: Option<&Json>, at: &str) {
    if let Some(error) = schema.and_then(|schema| jsonschema::draft202012::new(schema).err()) {
        defects.push(Defect::new(at, "bad_schema", format!("this is not a JSON Schema: {error}")));
    }
}

fn rules_of(defects: &mut Vec<Defect>, rules: Option<&Json>, at: &str) {
    for (i, rule) in rules.and_then(Json::as_array).into_iter().flatten().enumerate() {
        let needs = match rule["type"].as_str() {
            Some("REGEX") => "pattern",
            Some("KEYWORD_LIST") => "keywords",
            Some("JAVASCRIPT") => "code",
            Some("LLM_PROMPT") => "prompt",
            _ => continue,
        };
        if rule.get(needs).is_none() {
            defects.push(Defect::new(
                format!("{at}/{i}"),
                "missing_field",
                format!("this type of rule needs {needs:?}"),
            ));
        }
    }
}
