//! OpenAPI 3.1, made from the route table: `docs/reference/openapi.json` is this, and a test says when it is not.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::route::{Access, Body, Proof, Route};

/// The document for `routes`.
pub fn document(routes: &[Route]) -> Value {
    let mut paths = Map::new();
    let mut schemas = Map::new();
    let mut tags = BTreeSet::new();
    add_schemas(&mut schemas, &problem());
    for route in routes {
        for body in [&route.takes, &route.gives].into_iter().flatten() {
            add_schemas(&mut schemas, body);
        }
        let tag = tag(route.path);
        tags.insert(tag);
        let item = paths.entry(route.path).or_insert_with(|| json!({}));
        item[route.method.as_str().to_lowercase()] = operation(route, tag);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "NodeLoom",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Deploys, monitors and governs AI agents.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "tags": tags.iter().map(|tag| json!({ "name": tag })).collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "apiKey": { "type": "http", "scheme": "bearer", "description": "An API key, as `Authorization: Bearer nlk_…`." },
                "session": { "type": "apiKey", "in": "cookie", "name": "__Host-nodeloom" },
            },
        },
    })
}

fn problem() -> Body {
    fn gather(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)>) {
        use utoipa::{PartialSchema, ToSchema};
        schemas.push((api::ProblemDocument::name().into_owned(), api::ProblemDocument::schema()));
        api::ProblemDocument::schemas(schemas);
    }
    Body { name: "ProblemDocument".to_owned(), schemas: gather }
}

fn add_schemas(all: &mut Map<String, Value>, body: &Body) {
    let mut found = Vec::new();
    (body.schemas)(&mut found);
    for (name, schema) in found {
        all.entry(component(&name)).or_insert_with(|| serde_json::to_value(schema).unwrap_or_default());
    }
}

/// `Page<Run>` is `Page_Run` where a component's name may not hold `<`.
fn component(name: &str) -> String {
    name.replace(['<', ','], "_").replace(['>', ' '], "")
}

fn tag(path: &str) -> &'static str {
    const NOUNS: &[(&str, &str)] = &[
        ("/members", "teams"),
        ("/invitations", "teams"),
        ("/service-accounts", "teams"),
        ("/cooldowns", "teams"),
        ("{environment}/team", "teams"),
        ("/permissions", "access"),
        ("/runs", "runs"),
        ("/approvals", "runs"),
        ("/workflows", "workflows"),
        ("/credentials", "credentials"),
        ("/audit", "audit"),
        ("/guardrails", "guardrails"),
        ("/hooks", "webhooks"),
        ("/api-keys", "access"),
        ("/auth", "access"),
        ("/me", "access"),
        ("/events", "events"),
    ];
    NOUNS.iter().find(|(part, _)| path.contains(part)).map_or("system", |(_, tag)| tag)
}

fn operation(route: &Route, tag: &str) -> Value {
    let mut parameters: Vec<Value> = route
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| {
            let name = name.trim_start_matches('*');
            let schema = match name {
                "environment" => json!({ "type": "string", "enum": ["development", "staging", "production"] }),
                _ => json!({ "type": "string", "minLength": 1 }),
            };
            json!({ "name": name, "in": "path", "required": true, "schema": schema })
        })
        .collect();
    parameters.extend(route.query.iter().map(
        |(name, help)| json!({ "name": name, "in": "query", "description": help, "schema": { "type": "string" } }),
    ));

    let mut answers = Map::new();
    let mut good = json!({ "description": route.status.canonical_reason().unwrap_or("Done") });
    if let Some(body) = &route.gives {
        good["content"] = json!({ "application/json": { "schema": { "$ref": reference(&body.name) } } });
    }
    answers.insert(route.status.as_str().to_owned(), good);
    answers.insert(
        "default".to_owned(),
        json!({ "description": "A problem", "content": { "application/problem+json": { "schema": { "$ref": reference("ProblemDocument") } } } }),
    );
    let mut operation = json!({
        "tags": [tag],
        "summary": route.summary,
        "operationId": format!("{} {}", route.method.as_str().to_lowercase(), route.path),
        "responses": answers,
    });
    operation["description"] = match route.facts.access {
        Access::Public(why) => json!(format!("Needs no sign-in: {why}.")),
        Access::SignedIn => json!("Needs a sign-in."),
        Access::Needs(permission) => json!(format!("Needs the permission `{}`.", permission.name())),
    };
    if !matches!(route.facts.access, Access::Public(_)) {
        operation["security"] = json!([{ "apiKey": [] }, { "session": [] }]);
    }
    if let Some(audit) = route.facts.operation {
        operation["x-audit"] = json!(audit.name());
    }
    match route.facts.proof {
        Proof::NotAsked => {}
        Proof::Asked => operation["x-proof"] = json!("always"),
        Proof::AskedWhen(case) => operation["x-proof"] = json!(case),
    }
    if !parameters.is_empty() {
        operation["parameters"] = json!(parameters);
    }
    if let Some(body) = &route.takes {
        operation["requestBody"] = json!({ "required": true, "content": { "application/json": { "schema": { "$ref": reference(&body.name) } } } });
    }
    operation
}

fn reference(name: &str) -> String {
    format!("#/components/schemas/{}", component(name))
}
