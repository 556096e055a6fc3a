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
        let item = paths.entry(path(route.path)).or_insert_with(|| json!({}));
        item[route.method.as_str().to_lowercase()] = operation(route, tag);
    }
    for route in routes {
        if let Some(body) = &route.takes {
            let needs = schemas[&component(&body.name)]["required"].as_array().is_some_and(|names| !names.is_empty());
            paths[&path(route.path)][route.method.as_str().to_lowercase()]["requestBody"]["required"] = json!(needs);
        }
    }
    schemas.values_mut().for_each(any_or_none);
    schemas.values_mut().for_each(spell_out);
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

/// An address as OpenAPI writes it: what may go on over several segments is a parameter like any other.
pub fn path(path: &str) -> String {
    path.replace("{*", "{")
}

/// "This or null" where this may be anything, null too: it is then valid more than once, which `oneOf` forbids.
fn any_or_none(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            let or_null = members.get("oneOf").and_then(Value::as_array);
            if or_null.is_some_and(|all| all.iter().any(|one| one["type"] == "null"))
                && let Some(all) = members.remove("oneOf")
            {
                members.insert("anyOf".to_owned(), all);
            }
            members.values_mut().for_each(any_or_none);
        }
        Value::Array(items) => items.iter_mut().for_each(any_or_none),
        _ => {}
    }
}

/// What a field's description says of its values, so that a program can read it too.
fn spell_out(schema: &mut Value) {
    let fields = schema.get_mut("properties").and_then(Value::as_object_mut);
    for field in fields.into_iter().flat_map(|fields| fields.values_mut()) {
        let Some(help) = field["description"].as_str().map(str::to_owned) else { continue };
        let kinds = field["type"].to_string();
        if kinds.contains("\"integer\"") {
            if let Some((least, most)) = range(&help) {
                (field["minimum"], field["maximum"]) = (json!(least), json!(most));
            }
        } else if kinds.contains("\"string\"") {
            if let Some(words) = choice(&help) {
                let mut words: Vec<Value> = words.into_iter().map(Value::from).collect();
                words.extend(kinds.contains("\"null\"").then_some(Value::Null));
                field["enum"] = json!(words);
            } else if let Some((least, most)) = range(&help).filter(|_| help.contains(" characters")) {
                (field["minLength"], field["maxLength"]) = (json!(least), json!(most));
                // not blank, and no control characters
                field["pattern"] =
                    json!("^[^\\x00-\\x1f\\x7f-\\x9f]*[^\\s\\x00-\\x1f\\x7f-\\x9f][^\\x00-\\x1f\\x7f-\\x9f]*$");
            }
        }
    }
}

/// The words of a first sentence that is nothing but a choice: `one`, `two` (why) or `three`.
fn choice(help: &str) -> Option<Vec<String>> {
    let mut plain = String::new();
    let mut depth = 0_u32;
    for c in help.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            c if depth == 0 => plain.push(c),
            _ => {}
        }
    }
    let sentence = plain.split(". ").next()?.trim_end_matches('.');
    let parts = sentence.split(", ").flat_map(|part| part.split(" or ")).map(str::trim);
    let word = |part: &str| Some(part.strip_prefix('`')?.strip_suffix('`')?.to_owned());
    let words: Vec<String> = parts.map(|part| word(part.trim_start_matches("or "))).collect::<Option<_>>()?;
    (words.len() > 1 && !plain.contains('…')).then_some(words)
}

/// The first "1 to 365" of a text.
fn range(help: &str) -> Option<(u64, u64)> {
    let (before, after) = help.split_once(" to ")?;
    let most: String = after.chars().take_while(|c| c.is_ascii_digit() || *c == ',').filter(|c| *c != ',').collect();
    Some((before.rsplit(' ').next()?.parse().ok()?, most.parse().ok()?))
}

/// Query parameters that have to be there: the end of an address, and the name.
const NEEDED: &[(&str, &str)] =
    &[("/diff", "from"), ("/diff", "to"), ("/touched", "target"), ("/consistency", "from"), ("/scores", "check")];

fn query_parameter(path: &str, name: &str, help: &str) -> Value {
    let needed = NEEDED.iter().any(|(end, known)| path.ends_with(end) && *known == name);
    json!({ "name": name, "in": "query", "required": needed, "description": help, "schema": query_schema(name, help) })
}

/// What its help says of a query parameter, so that a program can read it too.
fn query_schema(name: &str, help: &str) -> Value {
    let words: Vec<&str> = help.split('`').skip(1).step_by(2).collect();
    if let Some((least, most)) = range(help) {
        return json!({ "type": "integer", "minimum": least, "maximum": most });
    }
    if help.contains("RFC 3339") {
        return json!({ "type": "string", "format": "date-time" });
    }
    if help.starts_with("The first day") || help.starts_with("The last day") {
        return json!({ "type": "string", "format": "date" });
    }
    if help.contains("Number of")
        || help.contains(" number")
        || help.contains("its sequence")
        || help.contains("the later one")
    {
        return json!({ "type": "integer", "minimum": 0, "maximum": i64::MAX });
    }
    if words.len() > 1 && !help.contains('…') && !help.contains("such as") {
        return json!({ "type": "string", "enum": words });
    }
    match name {
        "run" => json!({ "type": "string", "pattern": "^run_[0-9a-f]{32}$" }),
        "workflow" => json!({ "type": "string", "pattern": "^wf_[0-9a-f]{32}$" }),
        "status" => {
            let all: Vec<_> = domain::RunStatus::ALL.iter().map(|status| status.as_str()).collect();
            json!({ "type": "string", "enum": all })
        }
        "address" => json!({ "type": "string", "anyOf": [{ "format": "ipv4" }, { "format": "ipv6" }] }),
        _ => json!({ "type": "string" }),
    }
}

/// The forms of pages that work without a script: address, fields that have to be there, fields that may.
const FORMS: &[(&str, &[&str], &[&str])] = &[
    ("/setup", &["token", "email", "password"], &[]),
    ("/invitation", &["token", "password"], &["name"]),
    ("/verify-email", &["token"], &[]),
    ("/reset-password", &["token", "password"], &[]),
];

fn form(path: &str) -> Option<Value> {
    let (_, needed, more) = FORMS.iter().find(|(known, ..)| *known == path)?;
    let fields: Map<_, _> =
        needed.iter().chain(*more).map(|name| ((*name).to_owned(), json!({ "type": "string" }))).collect();
    let schema = json!({ "type": "object", "properties": fields, "required": needed, "additionalProperties": false });
    Some(json!({ "required": true, "content": { "application/x-www-form-urlencoded": { "schema": schema } } }))
}

/// What a parameter of the address may be made of.
fn path_schema(name: &str) -> Value {
    match name {
        "environment" => json!({ "type": "string", "enum": ["development", "staging", "production"] }),
        "path" | "page" | "file" => json!({ "type": "string", "pattern": "^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$" }),
        "name" => json!({ "type": "string", "pattern": "^[a-z0-9-]{1,64}$" }),
        _ => json!({ "type": "string", "pattern": "^[A-Za-z0-9_-]{1,128}$" }),
    }
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
            json!({ "name": name, "in": "path", "required": true, "schema": path_schema(name) })
        })
        .collect();
    parameters.extend(route.query.iter().map(|(name, help)| query_parameter(route.path, name, help)));

    let mut answers = Map::new();
    let mut good = json!({ "description": route.status.canonical_reason().unwrap_or("Done") });
    if let Some(body) = &route.gives {
        good["content"] = json!({ "application/json": { "schema": { "$ref": reference(&body.name) } } });
    }
    if let Some(other) = route.or_status {
        let mut answer = good.clone();
        answer["description"] = json!(other.canonical_reason().unwrap_or("Done"));
        if other.is_redirection() {
            answer = json!({
                "description": "Back to the dashboard, for whoever does not ask for application/json",
                "headers": { "Location": { "required": true, "schema": { "type": "string", "format": "uri" } } },
            });
        }
        answers.insert(other.as_str().to_owned(), answer);
    }
    answers.insert(route.status.as_str().to_owned(), good);
    let problem = json!({ "schema": { "$ref": reference("ProblemDocument") } });
    let mut problems = json!({ "application/problem+json": problem });
    if route.gives.is_none() && matches!(route.facts.access, Access::Public(_)) && !route.path.starts_with("/api/") {
        problems["text/html"] = json!({ "schema": { "type": "string" } });
    }
    if route.path.starts_with("/hooks/") {
        // whatever a RESPOND node says
        problems["*/*"] = json!({});
    }
    if route.path.starts_with("/v1/") {
        // shaped as clients of OpenAI's API read it
        problems["application/json"] = json!({ "schema": { "type": "object", "required": ["error"] } });
    }
    answers.insert("default".to_owned(), json!({ "description": "A problem", "content": problems }));
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
        operation["requestBody"] =
            json!({ "content": { "application/json": { "schema": { "$ref": reference(&body.name) } } } });
    }
    if let (Some(form), true) = (form(route.path), route.method == axum::http::Method::POST) {
        operation["requestBody"] = form;
    }
    operation
}

fn reference(name: &str) -> String {
    format!("#/components/schemas/{}", component(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_read_only_where_it_is_one() {
        let of = |help: &str| choice(help).map(|words| words.join(" "));
        assert_eq!(of("`user` (written by a person) or `data` (retrieved). Default `user`."), Some("user data".into()));
        assert_eq!(of("`low`, `medium`, `high` or `critical`."), Some("low medium high critical".into()));
        for other in ["`user_…` or `sa_…`.", "`lone`.", "Either `a` or `b`.", "A text, `a` or `b`.", ""] {
            assert_eq!(of(other), None, "{other}");
        }
        assert_eq!(range("Items at most, 1 to 200. Default 50."), Some((1, 200)));
        assert_eq!(range("How to do it"), None);
    }
}
