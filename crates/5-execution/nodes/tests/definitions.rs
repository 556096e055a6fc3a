//! What a definition may be, and what is said of one that may not.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{defects, parse};
use domain::Json;
use proptest::prelude::*;
use serde_json::json;
use workflow::Definition;

fn bytes(text: &[u8]) -> Vec<String> {
    let error = Definition::from_bytes(text, common::registry()).unwrap_err();
    error.defects().iter().map(|d| format!("{} {}", d.path, d.code)).collect()
}

fn transform(id: &str) -> Json {
    json!({ "id": id, "type": "TRANSFORM", "parameters": { "template": 1 } })
}

/// R182: the documented node JSON works verbatim.
#[test]
fn the_guardrails_pages_first_sample_is_a_workflow() {
    let text = br#"{
"type": "GUARDRAIL",
"parameters": {
"checks": ["PROMPT_INJECTION", "PII_REDACTION"],
"severity": "BLOCK"
}
}"#;
    let definition = Definition::from_bytes(text, common::registry()).unwrap();
    assert_eq!(definition.graph.nodes[0].id, "guardrail");
}

/// R162, R182: the `schemaValidation` object of the page stands beside `parameters` or inside them.
#[test]
fn the_guardrails_pages_schema_sample_is_read_in_both_places() {
    let page = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../tests/fixtures/formats/guardrails-page-schema.json"
    ));
    let sample: Json = serde_json::from_str(&page.unwrap()).unwrap();
    let mut beside = sample.clone();
    beside["type"] = json!("GUARDRAIL");
    let inside = json!({ "type": "GUARDRAIL", "parameters": sample });
    let (beside, inside) = (parse(&beside).unwrap(), parse(&inside).unwrap());
    assert_eq!(beside, inside);
    assert_eq!(beside.graph.nodes[0].parameters, inside.to_json()["nodes"][0]["parameters"]);
}

#[test]
fn the_released_format_still_loads_and_means_the_same() {
    let text = include_bytes!("../../../../tests/fixtures/formats/workflow-v1.json");
    let definition = Definition::from_bytes(text, common::registry()).unwrap();
    let kinds: std::collections::BTreeSet<_> = definition.nodes().into_iter().map(|node| node.kind).collect();
    assert_eq!(kinds.len(), workflow::NodeType::ALL.len(), "the golden file holds every node type");
    let version = include_str!("../../../../tests/fixtures/formats/workflow-v1.version");
    assert_eq!(
        definition.version().to_string(),
        version.trim(),
        "versions are named by content: this must never change"
    );
    assert_eq!(parse(&definition.to_json()).unwrap(), definition, "written out, it reads back");
}

#[test]
fn every_error_is_told_at_once_with_its_path() {
    let document = json!({
        "name": "x", "colour": 1,
        "nodes": [
            { "id": "a", "type": "GUARDRAILS" },
            { "id": "b", "type": "HTTP_REQUEST", "parameters": { "urll": "https://x", "method": "FETCH" } },
            { "id": "b", "type": "TRANSFORM", "parameters": { "template": "{{ nodes.zzz.x }} {{ input. }}" } },
        ],
        "edges": [{ "from": "a", "to": "c" }],
        "settings": { "timeout_ms": 0 },
        "policies": { "http": { "allow": ["https://x/"] }, "sql_scope": "everything" }
    });
    assert_eq!(
        defects(document),
        [
            "/colour unknown_field",
            "/edges/0/to unknown_node",
            "/nodes/0/type unknown_node_type",
            "/nodes/1/parameters missing_field",
            "/nodes/1/parameters/method unknown_word",
            "/nodes/1/parameters/urll unknown_field",
            "/nodes/2/id duplicate_id",
            "/nodes/2/parameters/template bad_template",
            "/policies/http/allow/0 bad_domain",
            "/policies/sql_scope unknown_word",
            "/settings/timeout_ms out_of_range",
        ]
    );
}

#[test]
fn an_unknown_node_type_suggests_the_nearest() {
    let error = Definition::parse(&json!({ "type": "GUARD_RAIL" }), common::registry()).unwrap_err();
    assert!(error.defects()[0].message.contains("did you mean GUARDRAIL?"), "{error}");
}

#[test]
fn a_cycle_is_named() {
    let document = json!({
        "nodes": [transform("a"), transform("b"), transform("c")],
        "edges": [{ "from": "a", "to": "b" }, { "from": "b", "to": "c" }, { "from": "c", "to": "b" }]
    });
    let error = Definition::parse(&document, common::registry()).unwrap_err();
    assert_eq!(error.defects()[0].path, "/edges");
    assert!(
        error.defects()[0].message.ends_with("b → c → b") || error.defects()[0].message.ends_with("c → b → c"),
        "{error}"
    );
}

#[test]
fn an_unreachable_node_is_named() {
    let document = json!({
        "nodes": [{ "id": "in", "type": "WEBHOOK" }, transform("a"), transform("island")],
        "edges": [{ "from": "in", "to": "a" }]
    });
    assert_eq!(defects(document), ["/nodes/2 unreachable_node"]);
}

#[test]
fn a_bad_template_is_found_before_the_run() {
    let document = json!({ "type": "TRANSFORM", "parameters": { "template": { "x": ["{{ input.a | }}"] } } });
    assert_eq!(defects(document), ["/parameters/template/x/0 bad_template"]);
}

#[test]
fn a_wrong_parameter_type_is_found_but_an_expression_may_stand_anywhere() {
    let code = |timeout: Json| json!({ "type": "CODE", "parameters": { "code": "return 1", "timeout_ms": timeout } });
    assert_eq!(defects(code(json!("soon"))), ["/parameters/timeout_ms wrong_type"]);
    assert_eq!(defects(code(json!(1))), ["/parameters/timeout_ms bad_parameter"]);
    assert_eq!(defects(code(json!("{{ input.limit }}"))), Vec::<String>::new());
}

#[test]
fn ten_thousand_nodes_are_refused_quickly() {
    let nodes: Vec<_> = (0..10_000).map(|i| transform(&format!("n{i}"))).collect();
    let text = json!({ "nodes": nodes }).to_string();
    assert_eq!(bytes(text.as_bytes()), ["/nodes too_many_nodes"]);
}

#[test]
fn nodes_hidden_in_bodies_are_counted() {
    let each = |i: usize| {
        let body: Vec<_> = (0..150).map(|j| transform(&format!("n{i}_{j}"))).collect();
        json!({ "id": format!("each{i}"), "type": "FOR_EACH", "parameters": { "items": [1], "body": { "nodes": body } } })
    };
    let found = defects(json!({ "nodes": (0..20).map(each).collect::<Vec<_>>() }));
    assert!(found.contains(&"/nodes/13/parameters/body/nodes too_many_nodes".to_owned()), "{found:?}");
}

#[test]
fn two_thousand_nodes_in_a_row_are_accepted_and_run() {
    let nodes: Vec<_> = (0..2000).map(|i| transform(&format!("n{i}"))).collect();
    assert_eq!(common::pure(json!({ "nodes": nodes }), json!(null)).output(), json!(1));
}

#[test]
fn deeply_nested_json_is_refused() {
    let deep =
        format!("{{\"type\":\"TRANSFORM\",\"parameters\":{{\"template\":{}1{}}}}}", "[".repeat(100), "]".repeat(100));
    assert_eq!(bytes(deep.as_bytes()), [" too_deep"]);
    assert_eq!(bytes("[".repeat(1_000_000).as_bytes()), [" too_deep"]);
    assert_eq!(defects(serde_json::from_str(&deep).unwrap()), [" too_deep"]);
}

#[test]
fn invalid_utf8_and_half_a_file_and_a_huge_one_are_refused() {
    assert_eq!(bytes(b"{\"type\": \"\xff\"}"), [" invalid_utf8"]);
    assert_eq!(bytes(b"{\"nodes\": ["), [" invalid_json"]);
    assert_eq!(bytes(&vec![b' '; 4 * 1024 * 1024 + 1]), [" too_long"]);
    assert_eq!(bytes(b""), [" invalid_json"]);
    assert_eq!(bytes(b"[]"), [" not_an_object"]);
}

#[test]
fn ports_are_checked_against_the_node_type() {
    let with = |output: Json| {
        json!({
            "nodes": [{ "id": "c", "type": "CONDITION", "parameters": { "condition": true } }, transform("a")],
            "edges": [{ "from": "c", "output": output, "to": "a" }]
        })
    };
    assert_eq!(defects(with(json!("true"))), Vec::<String>::new());
    assert_eq!(defects(with(json!("error"))), Vec::<String>::new());
    assert_eq!(defects(with(json!("maybe"))), ["/edges/0/output bad_port"]);
    assert_eq!(defects(with(json!("main"))), ["/edges/0/output bad_port"]);
}

#[test]
fn expressions_see_only_nodes_that_ran_before() {
    let document = |template: &str| {
        json!({
            "nodes": [transform("a"), { "id": "b", "type": "TRANSFORM", "parameters": { "template": template } }, transform("c")]
        })
    };
    assert_eq!(defects(document("{{ nodes.a }}")), Vec::<String>::new());
    assert_eq!(defects(document("{{ nodes.c }}")), ["/nodes/1/parameters/template runs_later"]);
    assert_eq!(defects(document("{{ nodes.d }}")), ["/nodes/1/parameters/template unknown_node"]);
    assert_eq!(defects(document("{{ item }}")), ["/nodes/1/parameters unknown_variable"]);
    assert_eq!(defects(document("{{ inputs.x }}")), ["/nodes/1/parameters/template unknown_variable"]);
}

#[test]
fn values_are_never_pasted_into_sql() {
    let query = json!({ "type": "SQL_QUERY", "parameters": { "credential": "db", "query": "SELECT '{{ input.x }}'" } });
    assert_eq!(defects(query), ["/parameters/query expression_in_sql"]);
}

/// What an environment holds is a version named by its content, so the same file is the same version everywhere.
#[test]
fn a_version_is_named_by_content_not_by_spelling() {
    let a = json!({ "name": "w", "nodes": [{ "type": "TRANSFORM", "parameters": { "template": 1 } }] });
    let b = json!({ "nodes": [{ "id": "transform", "type": "TRANSFORM", "parameters": { "template": 1 } }], "edges": [],
                    "name": "w", "format": "nodeloom/workflow/v1", "description": "" });
    let c = json!({ "name": "w", "nodes": [{ "type": "TRANSFORM", "parameters": { "template": 2 } }] });
    assert_eq!(parse(&a).unwrap().version(), parse(&b).unwrap().version());
    assert_ne!(parse(&a).unwrap().version(), parse(&c).unwrap().version());
}

#[test]
fn two_versions_differ_by_node_field_edge_and_policy() {
    let old = json!({ "name": "w", "nodes": [transform("a"), transform("b"), transform("gone")] });
    let new = json!({ "name": "w2", "nodes": [transform("b"), { "id": "a", "type": "TRANSFORM", "parameters": { "template": { "x": 1 } } }, transform("new")],
        "edges": [{ "from": "a", "to": "b" }, { "from": "b", "to": "new" }], "policies": { "sql_scope": "read_only" } });
    let diff = workflow::diff(&parse(&old).unwrap(), &parse(&new).unwrap());
    assert_eq!(
        diff.to_text(),
        "+ node new (TRANSFORM)\n- node gone (TRANSFORM)\n+ edge b → new\n- edge b → gone\n\
         ~ node a /parameters/template: 1 → {\"x\":1}\n~ /name: \"w\" → \"w2\"\n~ /policies: nothing → {\"sql_scope\":\"read_only\"}\n"
    );
}

#[test]
fn every_node_type_has_a_form() {
    for (kind, schema) in nodes::registry().schemas() {
        assert!(schema["title"].is_string() && schema["description"].is_string(), "{kind}");
        for (name, field) in schema["properties"].as_object().unwrap() {
            assert!(field["title"].is_string(), "{kind} {name} has no title");
        }
    }
    assert_eq!(nodes::registry().schemas().count(), workflow::NodeType::ALL.len());
}

fn any_json() -> impl Strategy<Value = Json> {
    let words = prop::sample::select(vec![
        "nodes",
        "edges",
        "id",
        "type",
        "parameters",
        "GUARDRAIL",
        "FOR_EACH",
        "AI_AGENT",
        "SWITCH",
        "body",
        "from",
        "to",
        "output",
        "checks",
        "tools",
        "node",
        "name",
        "{{ input }}",
        "{{",
        "{% for x in y %}",
        "settings",
        "policies",
        "retry",
        "cases",
        "items",
        "a",
        "",
        "~/",
        "schemaValidation",
        "rules",
        "cron",
        "SCHEDULE",
        "error",
        "true",
        "é\u{0}",
    ]);
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        words.clone().prop_map(Json::from),
    ];
    leaf.prop_recursive(6, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Json::from),
            prop::collection::vec((words.clone(), inner), 0..6)
                .prop_map(|pairs| Json::Object(pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn reading_never_panics_and_what_is_accepted_reads_back(document in any_json(), kind in 0..workflow::NodeType::ALL.len()) {
        let registry = common::registry();
        let _ = Definition::parse(&document, registry);
        let wrapped = json!({ "nodes": [{ "type": workflow::NodeType::ALL[kind], "parameters": document.clone() }, document] });
        if let Ok(definition) = Definition::parse(&wrapped, registry) {
            prop_assert_eq!(&Definition::parse(&definition.to_json(), registry).unwrap(), &definition);
        }
        let single = json!({ "type": workflow::NodeType::ALL[kind], "parameters": wrapped["nodes"][0]["parameters"] });
        let _ = Definition::parse(&single, registry);
    }

    #[test]
    fn bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Definition::from_bytes(&bytes, common::registry());
    }
}
