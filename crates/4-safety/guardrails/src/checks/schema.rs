//! JSON Schema (R162, R163): drafts 2020-12, 2019-09 and 7; nothing is ever fetched; every error is told.

mod cost;

use domain::{CheckKind, Json, Severity};

use super::{Found, finding};

/// More errors than this are counted, not listed.
const MOST_ERRORS: usize = 100;
/// A schema longer than this is refused.
const MOST_BYTES: usize = 1 << 20;

/// A compiled schema.
#[derive(Debug)]
pub struct Schema {
    validator: jsonschema::Validator,
}

impl Schema {
    /// Compiles `schema`; references to anywhere but itself are refused.
    pub fn compile(schema: &Json) -> Result<Self, String> {
        if !(schema.is_object() || schema.is_boolean()) {
            return Err("a JSON Schema is an object or true or false".to_owned());
        }
        if schema.to_string().len() > MOST_BYTES {
            return Err(format!("a JSON Schema may be {MOST_BYTES} bytes long"));
        }
        if let Some(remote) = remote_reference(schema) {
            return Err(format!("reference to {remote:?}: only references within the schema (#…) are followed"));
        }
        if cost::looks(schema) > cost::MOST_LOOKS {
            return Err(format!(
                "its alternatives refer to each other so often that one value is looked at more than {} times",
                cost::MOST_LOOKS
            ));
        }
        let known = ["2020-12", "2019-09", "draft-07"];
        if let Some(draft) = schema.get("$schema").and_then(Json::as_str)
            && !known.iter().any(|known| draft.contains(known))
        {
            return Err("`$schema` must be draft 2020-12, 2019-09 or 7".to_owned());
        }
        let validator = jsonschema::options()
            .with_pattern_options(jsonschema::PatternOptions::regex().size_limit(1 << 20).dfa_size_limit(1 << 20))
            .build(schema)
            .map_err(|error| format!("not a usable JSON Schema: {error}"))?;
        Ok(Self { validator })
    }

    /// In words, how `json` does not conform, at most `most` ways; the value itself is not quoted. Empty: it conforms.
    pub fn errors(&self, json: &Json, most: usize) -> Vec<String> {
        let said = |error: jsonschema::ValidationError<'_>| {
            let at = error.instance_path().to_string();
            format!("{}: {}", if at.is_empty() { "/" } else { &at }, error.masked_with("it"))
        };
        self.validator.iter_errors(json).take(most).map(said).collect()
    }

    /// Every way in which `json` does not conform. A text that holds JSON is read first, because a model's answer
    /// arrives as text.
    pub(crate) fn check(&self, json: &Json) -> Vec<Found> {
        let parsed = json.as_str().and_then(read_answer);
        let value = match (json, &parsed) {
            (_, Some(parsed)) if !self.validator.is_valid(json) => parsed,
            _ => json,
        };
        let mut found: Vec<Found> = self
            .validator
            .iter_errors(value)
            .take(MOST_ERRORS)
            .map(|error| {
                let pointer = error.instance_path().to_string();
                let rule = error.schema_path().to_string();
                let shown = if pointer.is_empty() { "the value" } else { pointer.as_str() };
                Found {
                    finding: finding(
                        CheckKind::SchemaValidation,
                        rule.rsplit('/').next().unwrap_or("schema"),
                        Severity::High,
                        1.0,
                        None,
                        "schema",
                        // `masked` leaves the value itself out: it may hold personal data.
                        format!("{shown} does not conform at {rule}: {}", error.masked_with("it")),
                    ),
                    pointer: if parsed.is_some() && json.is_string() { String::new() } else { pointer },
                    in_key: false,
                    visit: None,
                }
            })
            .collect();
        if json.is_string() && parsed.is_none() && !found.is_empty() {
            found[0].finding.why.push_str(" (the text is not JSON)");
        }
        found
    }
}

/// JSON in a text: alone, or as the one fenced block that models like to answer with.
pub fn read_answer(text: &str) -> Option<Json> {
    let text = text.trim();
    if let Ok(json) = serde_json::from_str(text) {
        return Some(json);
    }
    let fenced = text.strip_prefix("```")?.strip_suffix("```")?;
    let (word, body) = fenced.split_once('\n')?;
    matches!(word.trim(), "" | "json" | "JSON").then(|| serde_json::from_str(body).ok()).flatten()
}

fn remote_reference(schema: &Json) -> Option<String> {
    match schema {
        Json::Object(members) => members.iter().find_map(|(key, value)| match value {
            Json::String(target)
                if matches!(key.as_str(), "$ref" | "$dynamicRef" | "$recursiveRef") && !target.starts_with('#') =>
            {
                Some(target.chars().take(80).collect())
            }
            // Values that a schema merely lists are no schemas.
            _ if matches!(key.as_str(), "const" | "enum" | "default" | "examples") => None,
            value => remote_reference(value),
        }),
        Json::Array(items) => items.iter().find_map(remote_reference),
        _ => None,
    }
}
