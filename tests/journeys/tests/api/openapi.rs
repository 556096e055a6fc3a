//! The description of the API is made from the route table, is complete, and is what the server does.

use std::{fs, path::Path};

use journeys::{on_sqlite, workflows::echo};
use serde_json::{Value as Json, json};

use crate::prepared::{prepare, team_routes};

fn document() -> Json {
    server::openapi::document(&server::routes::table())
}

/// docs/reference/openapi.json is what the code generates; `make reference` writes it again.
#[test]
fn the_reference_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/openapi.json");
    let kept: Json = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    assert!(kept == document(), "docs/reference/openapi.json is out of date: run `make reference`");
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/config.md");
    assert!(
        fs::read_to_string(config).unwrap() == server::config_reference(),
        "config.md is out of date: run `make reference`"
    );
}

/// Every route is in it, and every reference in it leads somewhere.
#[test]
fn every_route_and_every_schema_is_there() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    for route in server::routes::table() {
        let operation = &document["paths"][server::openapi::path(route.path)][route.method.as_str().to_lowercase()];
        assert!(operation["summary"].is_string(), "{} {}", route.method, route.path);
        assert_eq!(operation["x-audit"].as_str(), route.facts.operation.map(|operation| operation.name()));
    }
    let text = document.to_string();
    let references = text.match_indices("#/components/schemas/").map(|(at, start)| {
        let rest = &text[at + start.len()..];
        &rest[..rest.find('"').unwrap()]
    });
    for name in references {
        assert!(document["components"]["schemas"][name].is_object(), "{name} leads nowhere");
    }
}

/// The served document is the same.
#[tokio::test(flavor = "multi_thread")]
async fn the_server_serves_it() {
    on_sqlite(async |server| {
        let served = server.client.anonymous().get("/api/v1/openapi.json").await.expect(200);
        assert!(served.json() == document());
    })
    .await;
}

fn check(schema: &Json, document: &Json, value: &Json, at: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap();
        return check(&document["components"]["schemas"][name], document, value, at);
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        check(part, document, value, at);
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Json::String(kind) => vec![kind],
        Json::Array(kinds) => kinds.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    };
    let fits = |kind: &&str| match *kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        _ => true,
    };
    assert!(kinds.is_empty() || kinds.iter().any(fits), "{at}: {value} is no {kinds:?}");
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str) {
        assert!(value.get(name).is_some(), "{at}: {name} is missing in {value}");
    }
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(value) = value.get(name) {
            check(schema, document, value, &format!("{at}/{name}"));
        }
    }
    for (n, value) in value.as_array().into_iter().flatten().enumerate() {
        check(&schema["items"], document, value, &format!("{at}/{n}"));
    }
}

/// Every route answers what it promises: the status of the table and a body of the promised shape.
#[tokio::test(flavor = "multi_thread")]
async fn answers_have_the_promised_shape() {
    on_sqlite(async |server| {
        let document = document();
        let admin = server.as_role(domain::Role::Admin).await;
        for route in team_routes().into_iter().filter(|route| !route.path.ends_with("/events")) {
            if crate::prepared_more::lonely(&route) {
                continue;
            }
            let prepared = prepare(&server.client, &route).await;
            let answer = admin.send(route.method.clone(), &prepared.path, prepared.body.as_ref()).await;
            let status = answer.status;
            // A run that is waited for and has ended is answered 200.
            assert!(
                status == route.status.as_u16() || (status == 200 && route.path.ends_with("/runs")),
                "{} {status}",
                route.path
            );
            let good = &document["paths"][server::openapi::path(route.path)][route.method.as_str().to_lowercase()]["responses"];
            let schema = &good[route.status.as_str()]["content"]["application/json"]["schema"];
            if schema.is_object() {
                check(schema, &document, &answer.json(), route.path);
            }
        }
    })
    .await;
}

/// R020: problems are problem documents, with the page that their type names.
#[tokio::test(flavor = "multi_thread")]
async fn problems_are_problem_documents() {
    on_sqlite(async |server| {
        let document = document();
        let schema = json!({ "$ref": "#/components/schemas/ProblemDocument" });
        let client = &server.client;
        let id = client.save(echo("a problem")).await;
        let problems = [
            client.anonymous().get("workflows").await,
            client.get("workflows/nothing").await,
            client.get("/nowhere").await,
            client.get("workflows?limit=0").await,
            client.post("workflows", json!({ "definition": echo("a problem") })).await,
            client.post("workflows", json!({ "definition": { "nodes": [{ "type": "NOPE" }] } })).await,
            client.post(&format!("workflows/{id}/runs"), json!({})).await,
            client.post("guardrails/check", json!({ "input": "x", "parameters": { "checks": ["NOPE"] } })).await,
        ];
        for problem in problems {
            assert_eq!(problem.header("content-type"), "application/problem+json", "{}", problem.text);
            check(&schema, &document, &problem.json(), "problem");
            assert_eq!(problem.json()["status"].as_u64(), Some(u64::from(problem.status)));
            client.anonymous().get(&problem.text_of("type")).await.expect(200);
        }
    })
    .await;
}
