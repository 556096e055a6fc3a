//! The options of each check, and the schema that forms are built from.

use std::{collections::BTreeSet, sync::Arc};

use domain::{CheckKind, Json};
use serde_json::json;

use super::{CheckSpec, reader::Reader};
use crate::checks::{
    content::{self, ContentOptions},
    pii::PiiOptions,
    rules,
    schema::Schema,
    similarity::References,
    sql::{self, Mode, SqlRules},
};

pub(super) fn spec(r: &mut Reader<'_, '_>, kind: CheckKind, tagged: bool, threshold: Option<f32>) -> Option<CheckSpec> {
    match kind {
        CheckKind::PromptInjection => {
            Some(CheckSpec::PromptInjection { threshold: r.share(&["threshold"]).or(threshold) })
        }
        CheckKind::PiiRedaction => pii(r).map(CheckSpec::Pii),
        CheckKind::ContentFilter => content_options(r).map(CheckSpec::Content),
        CheckKind::SchemaValidation => {
            let Some((name, value)) = r.get(&["schema", "schemaValidation"]) else {
                r.error("schema", "missing", "SCHEMA_VALIDATION needs a JSON Schema");
                return None;
            };
            schema(r, name, value)
        }
        CheckKind::SqlInjection => Some(CheckSpec::Sql(Arc::new(sql_rules(r)))),
        CheckKind::SemanticSimilarity => Some(CheckSpec::Similarity(Arc::new(references(r)))),
        CheckKind::CustomRule => rules::parse(r, tagged).map(|rule| CheckSpec::Rule(Arc::new(rule))),
    }
}

pub(super) fn schema(r: &mut Reader<'_, '_>, name: &'static str, value: &Json) -> Option<CheckSpec> {
    match Schema::compile(value) {
        Ok(schema) => Some(CheckSpec::Schema(Arc::new(schema))),
        Err(message) => {
            r.error(name, "bad_value", message);
            None
        }
    }
}

fn pii(r: &mut Reader<'_, '_>) -> Option<PiiOptions> {
    let mut kinds = None;
    if let Some(names) = r.texts(&["entities", "types"]) {
        let mut set = BTreeSet::new();
        for name in names {
            match name.parse::<pii::Kind>() {
                Ok(kind) => {
                    set.insert(kind);
                }
                Err(()) => {
                    let known: Vec<&str> = pii::Kind::ALL.iter().map(|kind| kind.as_str()).collect();
                    r.error("entities", "bad_value", format!("unknown entity `{name}`; known: {}", known.join(", ")));
                }
            }
        }
        kinds = Some(set);
    }
    let keep = r.whole(&["keep"], 0..=8).unwrap_or(4) as usize;
    let action = match r.text(&["mode"]) {
        None | Some("marker") => crate::checks::pii::Mode::Marker,
        Some("mask") => crate::checks::pii::Mode::Mask { keep },
        Some("hash") => crate::checks::pii::Mode::Hash,
        Some("token") => crate::checks::pii::Mode::Token,
        Some("restore") => crate::checks::pii::Mode::Restore,
        Some(_) => {
            r.error("mode", "bad_value", "expected \"marker\", \"mask\", \"hash\", \"token\" or \"restore\"");
            return None;
        }
    };
    let block_on_detection = r.bool(&["block_on_detection", "blockOnDetection"]).unwrap_or(false);
    let names = r.bool(&["names"]).unwrap_or(false);
    Some(PiiOptions::new(kinds, names, action, block_on_detection))
}

fn content_options(r: &mut Reader<'_, '_>) -> Option<ContentOptions> {
    let mut options = ContentOptions::default();
    match r.text(&["provider"]) {
        None | Some("auto") => {}
        Some("local") => options.local_only = true,
        Some("openai") => options.service_required = true,
        Some(_) => r.error("provider", "bad_value", "expected \"auto\", \"local\" or \"openai\""),
    }
    let threshold = r.share(&["threshold"]);
    options.threshold = threshold;
    match r.get(&["categories"]) {
        None => {}
        Some((name, Json::Object(members))) => {
            for (category, value) in members {
                match (content::known(category), value.as_f64().filter(|n| (0.0..=1.0).contains(n))) {
                    (Some(known), Some(share)) => {
                        options.categories.insert(known, Some(share as f32));
                    }
                    (None, _) => r.error(name, "bad_value", format!("unknown category `{category}`")),
                    (_, None) => {
                        r.error(name, "bad_value", format!("the threshold of `{category}` must be from 0 to 1"))
                    }
                }
            }
        }
        Some((name, Json::Array(items))) => {
            for item in items {
                match item.as_str().and_then(content::known) {
                    Some(known) => {
                        options.categories.insert(known, None);
                    }
                    None => r.error(name, "bad_value", format!("unknown category {item}")),
                }
            }
        }
        Some((name, _)) => r.error(name, "wrong_type", "expected a list of categories or an object of thresholds"),
    }
    Some(options)
}

fn sql_rules(r: &mut Reader<'_, '_>) -> SqlRules {
    let mut rules = SqlRules::default();
    match r.text(&["mode"]) {
        None => {}
        Some("fragment") => rules.mode = Some(Mode::Fragment),
        Some("statement") => rules.mode = Some(Mode::Statement),
        Some(_) => r.error("mode", "bad_value", "expected \"fragment\" or \"statement\""),
    }
    if let Some(word) = r.text(&["dialect"]) {
        match sql::Dialect::named(word) {
            Some(dialect) => rules.dialect = dialect,
            None => r.error(
                "dialect",
                "bad_value",
                "expected generic, postgresql, mysql, sqlite, mssql, bigquery or snowflake",
            ),
        }
    }
    rules.allow_several = r.bool(&["allow_several_statements"]).unwrap_or(false);
    let lists = |name: &'static str, r: &mut Reader<'_, '_>| {
        let Some((key, members)) = r.object(&[name]) else { return sql::AllowDeny::default() };
        let path = format!("{}/{key}", r.path);
        let mut inner = Reader::new(members, path, r.errors());
        let allow = inner.texts(&["allow"]);
        let deny = inner.texts(&["deny"]).unwrap_or_default();
        inner.finish();
        sql::AllowDeny::new(allow, deny)
    };
    rules.tables = lists("tables", r);
    rules.columns = lists("columns", r);
    rules.operations = lists("operations", r);
    // A list of tables only means something for statements.
    if rules.mode.is_none() && rules.has_lists() {
        rules.mode = Some(Mode::Statement);
    }
    rules
}

fn references(r: &mut Reader<'_, '_>) -> References {
    let mut references = References::standard();
    if let Some(threshold) = r.share(&["threshold"]) {
        references.threshold = threshold;
    }
    if let Some((key, members)) = r.object(&["references"]) {
        let path = format!("{}/{key}", r.path);
        let mut inner = Reader::new(members, path, r.errors());
        references.add_safe(inner.texts(&["safe"]).unwrap_or_default());
        references.add_attacks(inner.texts(&["attack", "attacks"]).unwrap_or_default());
        inner.finish();
    }
    references.expected = r.texts(&["expected"]).unwrap_or_default();
    references.max_distance = r.share(&["max_distance"]);
    references
}

/// JSON Schema of a GUARDRAIL node's parameters.
pub(super) fn parameters_schema() -> Json {
    let enforcement = json!({
        "title": "What to do", "description": "LOG records it; WARNING attaches a warning to the output; FLAG raises an alert; REDACT strips it; BLOCK halts the run.",
        "enum": ["LOG", "WARNING", "FLAG", "REDACT", "BLOCK", "log", "warn", "warning", "flag", "redact", "block"], "default": "BLOCK"
    });
    let kinds: Vec<&str> = CheckKind::ALL.iter().map(|kind| kind.as_str()).collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "title": "Guardrail",
        "properties": {
            "input": { "title": "Text to screen", "description": "An expression; the previous node's output when absent." },
            "checks": {
                "title": "Checks", "type": "array",
                "items": { "anyOf": [ { "enum": kinds }, { "type": "object", "required": ["type"] } ] },
                "default": ["PROMPT_INJECTION", "PII_REDACTION"]
            },
            "severity": enforcement,
            "action": { "title": "What to do (another name for severity)" },
            "channel": { "title": "Where the text comes from", "enum": ["user", "data"], "description": "data: retrieved pages, documents and tool results, where any instruction to the assistant counts." },
            "threshold": { "title": "Score from which prompt injection counts", "type": "number", "minimum": 0, "maximum": 1 },
            "shadow": { "title": "Record only", "type": "boolean", "default": false },
            "timeout_ms": { "title": "Longest time for one check", "type": "integer", "minimum": 1, "maximum": 120_000, "default": 10_000 },
            "when_not_evaluated": { "title": "When a check cannot run", "enum": ["fail_closed", "block", "continue"], "default": "fail_closed" },
            "allow": { "title": "Exceptions", "type": "array" },
            "schemaValidation": { "title": "JSON Schema of the value", "type": ["object", "boolean"] },
            "rules": { "title": "Custom rules", "type": "array", "items": { "type": "object", "required": ["type"], "properties": { "type": { "enum": ["REGEX", "KEYWORD_LIST", "JAVASCRIPT", "LLM_PROMPT"] } } } },
            "prompt_injection": { "title": "Options of prompt injection", "type": "object" },
            "pii": { "title": "Options of personal data", "type": "object" },
            "content": { "title": "Options of the content filter", "type": "object" },
            "sql": { "title": "Options of SQL", "type": "object" },
            "similarity": { "title": "Options of semantic similarity", "type": "object" }
        }
    })
}
