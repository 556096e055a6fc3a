use std::{collections::BTreeMap, sync::Arc};

use domain::{Environment, Json, RunId, Timestamp, Value};
use serde_json::json;

use super::*;
use crate::{Defect, Failure, FailureKind, RunInfo};

/// Evaluates one parameter with `input` in scope.
fn eval(template: Json, input: Json) -> Result<Json, Failure> {
    let mut expressions = Expressions::new();
    let mut compiler = Compiler::new(&mut expressions);
    let compiled = compiler.compile(&template, "");
    assert_eq!(compiler.defects, Vec::<Defect>::new());
    let at = Timestamp::from_micros(1_700_000_000_000_000);
    let run = RunInfo {
        id: RunId::new(at, [0; 10]),
        started_at: at,
        environment: Environment::Staging,
        workflow: "w".into(),
    };
    let input = Lazy::new(Arc::new(Value::from_outside(input)));
    let scope = Scope {
        run: Scope::run(&run),
        previous: input.clone(),
        nodes: BTreeMap::from([("agent".to_owned(), input.clone())]),
        input,
        warnings: BTreeMap::new(),
        item: None,
        args: None,
    };
    compiled.render(&expressions.env, &scope.into_context(), "n")
}

fn defects(template: Json) -> Vec<String> {
    let mut expressions = Expressions::new();
    let mut compiler = Compiler::new(&mut expressions);
    compiler.compile(&template, "");
    compiler.defects.into_iter().map(|d| format!("{} {}", d.path, d.code)).collect()
}

#[test]
fn a_whole_expression_yields_the_value_itself() {
    let input = json!({"a": [1, 2.5, null, {"b": true}], "big": u64::MAX, "text": "é"});
    assert_eq!(eval(json!("{{ input }}"), input.clone()).unwrap(), input);
    assert_eq!(eval(json!({"x": ["{{ nodes.agent.a[3].b }}"]}), input.clone()).unwrap(), json!({"x": [true]}));
    assert_eq!(eval(json!("{{ input.a | length }}"), input).unwrap(), json!(3 + 1));
}

#[test]
fn other_text_with_braces_yields_text() {
    let input = json!({"name": "Ada <b>", "n": 2});
    assert_eq!(eval(json!("Hello {{ input.name }}!"), input.clone()).unwrap(), json!("Hello Ada <b>!"));
    assert_eq!(eval(json!("{{ input.n }}{{ input.n }}"), input.clone()).unwrap(), json!("22"));
    assert_eq!(eval(json!("{{- input.n }}"), input.clone()).unwrap(), json!("2"));
    assert_eq!(eval(json!("{% for i in range(3) %}{{ i }},{% endfor %}"), input).unwrap(), json!("0,1,2,"));
}

#[test]
fn filters_do_what_they_say() {
    let input = json!({"xs": ["b", "a"], "at": "2026-11-21T20:05:00Z", "j": "{\"k\":1}", "none": null});
    let text = |t: &str| eval(json!(t), input.clone()).unwrap();
    assert_eq!(text("{{ input.xs | sort | join('-') | upper }}"), json!("A-B"));
    assert_eq!(text("{{ input.at | date('%d.%m.%Y %H:%M') }}"), json!("21.11.2026 20:05"));
    assert_eq!(text("{{ (input.j | fromjson).k }}"), json!(1));
    assert_eq!(text("{{ input.xs | tojson }}"), json!("[\"b\",\"a\"]"));
    assert_eq!(text("{{ 'a<b' | tojson }}"), json!("\"a<b\""));
    assert_eq!(text("{{ 'a b&c' | urlencode }}"), json!("a%20b%26c"));
    assert_eq!(text("{{ input.nothing | default('d') }}"), json!("d"));
    assert_eq!(text("{{ 'abc'[1:] }}"), json!("bc"));
    assert_eq!(text("{{ 'a,b' | split(',') | first }}"), json!("a"));
    assert_eq!(text("{{ 1.2345 | round(1) }}"), json!(1.2));
    assert_eq!(text("{{ run.started_at }}"), json!("2023-11-14T22:13:20Z"));
    assert_eq!(text("{{ ' x ' | trim | replace('x', 'y') }}"), json!("y"));
}

#[test]
fn what_is_missing_is_an_error_that_names_node_and_expression() {
    let failure = eval(json!("{{ input.nothing }}"), json!({})).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Expression);
    assert!(failure.message.contains("\"n\"") && failure.message.contains("input.nothing"), "{}", failure.message);
    assert!(eval(json!("hi {{ input.nothing }}"), json!({})).is_err());
    assert!(eval(json!("{{ nodes.unknown.text }}"), json!({})).is_err());
}

#[test]
fn a_bad_template_and_an_unknown_variable_are_found_before_a_run() {
    assert_eq!(defects(json!({"a": "{{ input. }}"})), ["/a bad_template"]);
    assert_eq!(defects(json!({"a/b": ["{{ nope.x }}"]})), ["/a~1b/0 unknown_variable"]);
    assert_eq!(defects(json!("{% include 'x' %}")), [" bad_template"]);
    assert_eq!(defects(json!("{% set x = 1 %}")), [" bad_template"]);
    assert_eq!(defects(json!("{{ 1) %}{% set x = (1 }}")), [" bad_template"]);
}

#[test]
fn expressions_cannot_take_long_or_fill_the_memory() {
    let big = json!({"x": "a".repeat(300_000), "xs": (0..2000).collect::<Vec<_>>()});
    for hostile in [
        "{% for a in range(99999) %}{% for b in range(99999) %}{{ a }}{% endfor %}{% endfor %}",
        "{{ input.x | replace('a', input.x) }}",
        "{{ range(90000) | join(input.x) }}",
        "{{ 'a' * 10000000000 }}",
        "{{ input.x ~ input.x ~ input.x ~ input.x }}",
        "{% for i in input.xs %}{{ input.x }}{% endfor %}",
        "{{ '%999999999d' | format(1) }}",
        "{{ [1] | batch(999999999, 0) }}",
    ] {
        assert!(eval(json!(hostile), big.clone()).is_err(), "{hostile}");
    }
}

#[test]
fn a_preview_fills_in_samples_and_says_what_is_wrong() {
    let at = Timestamp::from_micros(1_700_000_000_000_000);
    let run = RunInfo {
        id: RunId::new(at, [0; 10]),
        started_at: at,
        environment: Environment::Staging,
        workflow: "w".into(),
    };
    let sample = Sample {
        input: json!({ "name": "Ada" }),
        previous: json!(7),
        nodes: BTreeMap::from([("agent".to_owned(), json!({ "text": "hi" }))]),
        item: None,
    };
    let try_it = |template: Json| preview(&template, &sample, &run);
    assert_eq!(try_it(json!("Hello {{ input.name }}")), Ok(json!("Hello Ada")));
    assert_eq!(
        try_it(json!({ "a": ["{{ previous }}", "{{ nodes.agent }}"] })),
        Ok(json!({ "a": [7, { "text": "hi" }] }))
    );
    assert!(try_it(json!("{{ nodes.absent.text }}")).unwrap_err().contains("undefined"));
    assert!(try_it(json!("{{ secrets }}")).unwrap_err().contains("there is no variable"));
    assert!(try_it(json!("{{ input.name | }}")).is_err());
    // The limits of a run hold here as well.
    let endless = "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}";
    assert!(try_it(json!(endless)).is_err());
    assert_eq!(count(&json!(["{{ a }}", { "b": "{% if x %}{% endif %}" }, "plain", 1])), 2);
}
