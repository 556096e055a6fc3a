//! Pieces of parameter schemas that several nodes share.

use domain::Json;
use serde_json::json;

/// An object schema that refuses unknown parameters.
pub(crate) fn object(title: &str, description: &str, required: &[&str], properties: Json) -> Json {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title, "description": description, "type": "object",
        "properties": properties, "required": required, "additionalProperties": false
    })
}

/// What a node works on when nothing else is said.
pub(crate) fn input(what: &str) -> Json {
    json!({ "title": "Input", "description": format!("{what} When absent, the output of the node before."),
            "x-editor": "expression", "examples": ["{{ input.text }}"] })
}

/// A vault entry.
pub(crate) fn credential(description: &str) -> Json {
    json!({ "title": "Credential", "description": description, "type": "string", "minLength": 1, "maxLength": 200,
            "x-editor": "credential" })
}

/// Which model, and how it is asked.
pub(crate) fn model() -> Json {
    json!({
        "title": "Model", "type": "object", "required": ["provider"], "additionalProperties": false,
        "x-editor": "model",
        "properties": {
            "provider": { "title": "Provider", "type": "string", "minLength": 1, "maxLength": 64,
                "description": "local, openai (with a base URL: any compatible server), anthropic or ollama.",
                "examples": ["local", "openai", "anthropic", "ollama"] },
            "model": { "title": "Model", "type": "string", "maxLength": 200, "default": "",
                "description": "As the provider names it; empty means the provider's default." },
            "credential": credential("The vault entry with the provider's key."),
            "base_url": { "title": "Base URL", "type": "string", "maxLength": 2000,
                "description": "Where the provider is, when not at its usual place." },
            "temperature": { "title": "Temperature", "type": "number", "minimum": 0, "maximum": 2 },
            "max_tokens": { "title": "Longest answer, in tokens", "type": "integer", "minimum": 1, "maximum": 1000000 }
        }
    })
}
