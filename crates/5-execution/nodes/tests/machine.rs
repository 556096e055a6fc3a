//! How a run goes on: joins, branches, errors, for-each, and the promise that replay ends where the run would have.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{failed, machine, pure, run};
use domain::{Json, NodeStatus, RunStatus};
use proptest::prelude::*;
use serde_json::json;
use workflow::{Answer, CodeAnswer, Failure, FailureKind, Machine, Outcome, Task, Work};

fn t(id: &str, template: Json) -> Json {
    json!({ "id": id, "type": "TRANSFORM", "parameters": { "template": template } })
}
fn code(id: &str) -> Json {
    json!({ "id": id, "type": "CODE", "parameters": { "code": "return 1", "input": id } })
}
fn e(from: &str, to: &str) -> Json {
    match from.split_once(':') {
        Some((from, output)) => json!({ "from": from, "output": output, "to": to }),
        None => json!({ "from": from, "to": to }),
    }
}
fn coded(result: Json) -> Answer {
    Answer::Code(CodeAnswer { result, ..CodeAnswer::default() })
}

#[test]
fn nodes_run_in_order_and_the_last_output_is_the_runs() {
    let ended = pure(
        json!({ "nodes": [t("a", json!("{{ input.x }}")), t("b", json!({ "y": "{{ previous + 1 }}" }))] }),
        json!({ "x": 1 }),
    );
    assert_eq!(ended.output(), json!({ "y": 2 }));
}

#[test]
fn a_run_that_asks_for_nothing_ends_in_the_first_advance() {
    let mut machine = machine(
        &json!({ "nodes": [{ "type": "WEBHOOK" }, t("a", json!("{{ input }}")), { "type": "RESPOND" }] }),
        json!(7),
        None,
    );
    assert!(machine.advance().is_empty());
    assert_eq!(machine.outcome().unwrap().output(), Some(&json!(7)));
    assert_eq!(machine.outcome().unwrap().status(), RunStatus::Succeeded);
}

#[test]
fn the_branch_not_taken_is_skipped_and_the_join_waits_only_for_what_can_come() {
    let document = json!({
        "nodes": [{ "id": "c", "type": "CONDITION", "parameters": { "condition": "{{ input.big }}" } }, t("yes", json!("y")), t("no", json!("n")), t("after_no", json!("an")),
                  { "id": "m", "type": "MERGE" }],
        "edges": [e("c:true", "yes"), e("c:false", "no"), e("no", "after_no"), e("yes", "m"), e("after_no", "m")]
    });
    let ended = pure(document, json!({ "big": true }));
    assert_eq!(ended.output(), json!({ "yes": "y" }));
    assert_eq!(ended.statuses()["after_no"], "Skipped");
}

#[test]
fn merge_modes() {
    let document = |mode: &str, b: Json| {
        json!({
            "nodes": [t("s", json!(0)), t("a", json!({ "x": 1, "y": 1 })), t("b", b), { "id": "m", "type": "MERGE", "parameters": { "mode": mode } }],
            "edges": [e("s", "a"), e("s", "b"), e("a", "m"), e("b", "m")]
        })
    };
    let merged = |mode: &str, b: Json| pure(document(mode, b), json!(null)).output();
    assert_eq!(merged("all", json!(2)), json!({ "a": { "x": 1, "y": 1 }, "b": 2 }));
    assert_eq!(merged("append", json!([2, 3])), json!([{ "x": 1, "y": 1 }, 2, 3]));
    assert_eq!(merged("combine", json!({ "y": 2 })), json!({ "x": 1, "y": 2 }));
    assert_eq!(merged("first", json!(2)), json!({ "x": 1, "y": 1 }));
    assert_eq!(pure(document("combine", json!(2)), json!(null)).failure().kind, FailureKind::Parameters);
}

#[test]
fn a_failed_step_fails_the_run_goes_on_or_takes_the_error_branch() {
    let fails = |document: Json| run(document, json!(null), |_| failed("no"));
    assert_eq!(fails(json!({ "nodes": [code("a"), t("b", json!(1))] })).failure().message, "no");
    let mut go_on = code("a");
    go_on["on_error"] = json!("continue");
    let ended = fails(json!({ "nodes": [go_on, t("b", json!("{{ previous.error.message }}"))] }));
    assert_eq!(ended.output(), json!("no"));
    assert_eq!(ended.statuses()["a"], "Failed");
    let branch = json!({ "nodes": [code("a"), t("ok", json!("fine")), t("bad", json!("{{ nodes.a.error.code }}"))],
                         "edges": [e("a", "ok"), e("a:error", "bad")] });
    let ended = fails(branch);
    assert_eq!(ended.output(), json!("NL-5105"));
    assert_eq!(ended.statuses()["ok"], "Skipped");
}

/// R189: a block halts at once, whatever the error branch says.
#[test]
fn a_block_is_never_caught() {
    let document = json!({ "nodes": [code("a"), t("bad", json!(1))], "edges": [e("a:error", "bad")] });
    let ended = run(document, json!(null), |_| Answer::Failed { failure: Failure::blocked("stop", Vec::new()) });
    assert_eq!(ended.outcome.status(), RunStatus::Blocked);
}

#[test]
fn an_expression_error_names_the_node_and_can_be_caught() {
    let ended = pure(json!({ "nodes": [t("a", json!("{{ input.nothing }}"))] }), json!({}));
    assert_eq!(ended.failure().kind, FailureKind::Expression);
    let caught = json!({ "nodes": [t("a", json!("{{ input.nothing }}")), t("b", json!("saved"))], "edges": [e("a:error", "b")] });
    assert_eq!(pure(caught, json!({})).output(), json!("saved"));
}

#[test]
fn the_trigger_that_fired_decides_and_an_unknown_one_is_refused() {
    let document = json!({ "nodes": [{ "id": "w", "type": "WEBHOOK" }, { "id": "s", "type": "SCHEDULE", "parameters": { "cron": "0 0 * * *" } }, t("a", json!("{{ nodes.s is defined }}"))],
                           "edges": [e("w", "a"), e("s", "a")] });
    let mut fired = machine(&document, json!(1), Some("s"));
    fired.advance();
    assert_eq!(fired.outcome().unwrap().output(), Some(&json!(true)));
    let plan = fired.plan().clone();
    let error = Machine::new(plan, fired.run().clone(), domain::Value::from_outside(json!(1)), Some("a")).unwrap_err();
    assert_eq!(error, workflow::MachineError::NoSuchTrigger("a".into()));
}

#[test]
fn for_each_keeps_order_and_its_bound_and_names_paths() {
    let document = json!({ "nodes": [{ "id": "each", "type": "FOR_EACH", "parameters": { "items": "{{ range(10) | list }}", "max_parallel": 3,
        "body": { "nodes": [{ "id": "c", "type": "CODE", "parameters": { "code": "x", "input": "{{ item * 2 }}" } }, t("u", json!("{{ previous + item_index }}"))] } } }] });
    let mut machine = machine(&document, json!(null), None);
    let mut work = machine.advance();
    let mut most = 0;
    while machine.outcome().is_none() {
        most = most.max(machine.outstanding().count());
        let last = machine.outstanding().last().cloned().unwrap();
        let Task::Call(workflow::Call::Code(call)) = &last.task else { panic!() };
        machine.apply(&last.step, coded(call.input.clone())).unwrap();
        work.extend(machine.advance());
    }
    assert_eq!(machine.outcome().unwrap().output(), Some(&json!([0, 3, 6, 9, 12, 15, 18, 21, 24, 27])));
    assert_eq!(most, 3);
    assert!(work.iter().any(|w| w.step.path == "each[3]/" && w.step.node == "c"));
}

#[test]
fn for_each_inside_for_each_sees_both_and_addresses_are_unique() {
    let inner = json!({ "id": "in", "type": "FOR_EACH", "parameters": { "items": "{{ item }}", "body": { "nodes": [code("leaf")] } } });
    let document = json!({ "nodes": [{ "id": "out", "type": "FOR_EACH", "parameters": { "items": [[1, 2], [3]], "body": { "nodes": [inner] } } }] });
    let ended = run(document, json!(null), |work| coded(json!(work.step.path)));
    assert_eq!(ended.output(), json!([["out[0]/in[0]/", "out[0]/in[1]/"], ["out[1]/in[0]/"]]));
}

#[test]
fn a_failing_item_ends_the_others_or_is_collected() {
    let each = |mode: &str| {
        json!({ "nodes": [{ "id": "each", "type": "FOR_EACH", "parameters": { "items": [0, 1, 2, 3], "max_parallel": 2, "on_item_error": mode,
        "body": { "nodes": [code("c")] } } }] })
    };
    let perform = |work: &Work| if work.step.path == "each[1]/" { failed("bad item") } else { coded(json!(1)) };
    let ended = run(each("fail"), json!(null), perform);
    assert_eq!(ended.failure().message, "item 1 of \"each\": bad item");
    assert!(ended.steps.len() < 4, "{:?}", ended.steps);
    let output = run(each("collect"), json!(null), perform).output();
    assert_eq!(output[1]["error"]["message"], "bad item");
    assert_eq!(output[3], 1);
}

#[test]
fn cancelling_ends_the_run_and_late_answers_are_not_used() {
    let mut machine = machine(&json!({ "nodes": [code("a")] }), json!(null), None);
    let work = machine.advance();
    machine.halt(Failure::new(FailureKind::Cancelled, "cancelled by a person"));
    assert_eq!(machine.outcome().unwrap().status(), RunStatus::Cancelled);
    assert!(machine.apply(&work[0].step, coded(json!(1))).is_err());
    assert!(machine.changes().iter().any(|c| c.node == "a" && c.status == NodeStatus::Cancelled));
}

/// R193: the engine's admission is asked before a node starts, inside bodies and tools as well.
#[test]
fn a_node_that_is_not_admitted_blocks_the_run() {
    let document = json!({ "nodes": [{ "id": "each", "type": "FOR_EACH", "parameters": { "items": [1], "body": { "nodes": [code("c")] } } }] });
    let mut machine = machine(&document, json!(null), None);
    machine.admit(std::sync::Arc::new(|kind, id| match kind {
        workflow::NodeType::Code => Err(Failure::new(FailureKind::Policy, format!("{id} is a CODE node"))),
        _ => Ok(()),
    }));
    assert!(machine.advance().is_empty());
    assert_eq!(machine.outcome().unwrap().status(), RunStatus::Blocked);
}

#[test]
fn labels_travel_through_every_node() {
    let document = json!({ "nodes": [t("a", json!("{{ input.x }}")), { "id": "each", "type": "FOR_EACH", "parameters": { "items": [1], "body": { "nodes": [t("b", json!("{{ nodes.a }}"))] } } }] });
    let mut machine = machine(&document, json!({ "x": 1 }), None);
    machine.advance();
    let Some(Outcome::Succeeded { output, .. }) = machine.outcome() else { panic!() };
    assert!(output.labels.contains(&domain::Label::Untrusted));
}

/// A random graph of code and transform nodes, joins, branches and bodies; all edges lead forwards.
fn any_graph() -> impl Strategy<Value = Json> {
    let kinds = prop::collection::vec(0..6_u8, 2..9);
    (kinds, any::<u64>()).prop_map(|(kinds, seed)| {
        let mut random = seed | 1;
        let mut draw = move |n: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % n
        };
        let mut nodes = vec![t("n0", json!("{{ input }}"))];
        let mut edges = Vec::new();
        for (i, kind) in kinds.iter().enumerate() {
            let id = format!("n{}", i + 1);
            nodes.push(match kind {
                0 => t(&id, json!({ "k": id })),
                1 | 2 => code(&id),
                3 => json!({ "id": id, "type": "CONDITION", "parameters": { "condition": draw(2) == 0 } }),
                4 => json!({ "id": id, "type": "MERGE" }),
                _ => json!({ "id": id, "type": "FOR_EACH", "parameters": { "items": [1, 2, 3], "max_parallel": 1 + draw(3),
                     "body": { "nodes": [code(&format!("{id}c")), t(&format!("{id}t"), json!("{{ [previous, item_index] }}"))] } } }),
            });
            let mut from: Vec<u64> = (0..1 + draw(2)).map(|_| draw(i as u64 + 1)).collect();
            from.sort_unstable();
            from.dedup();
            for from in from {
                let port = if nodes[from as usize]["type"] == "CONDITION" { if draw(2) == 0 { "true" } else { "false" } } else { "main" };
                edges.push(e(&format!("n{from}:{port}"), &id));
            }
        }
        json!({ "nodes": nodes, "edges": edges })
    })
}

fn answer_of(work: &Work) -> Answer {
    coded(json!(format!("{}{}", work.step.path, work.step.node)))
}

fn end_of(machine: &mut Machine) -> (Outcome, Vec<String>) {
    let mut ends: Vec<_> = machine
        .changes()
        .into_iter()
        .filter(|c| c.status != NodeStatus::Running)
        .map(|c| format!("{}{} {:?} {:?}", c.path, c.node, c.status, c.output.map(|o| o.json.clone())))
        .collect();
    ends.sort();
    (machine.outcome().cloned().unwrap(), ends)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]
    /// R004: whatever the order of the answers, and wherever the run is cut and replayed, it ends the same.
    #[test]
    fn any_interleaving_and_any_crash_end_the_same(graph in any_graph(), order in prop::collection::vec(any::<usize>(), 1..60), crash in 0..30_usize) {
        let mut straight = machine(&graph, json!("in"), None);
        straight.advance();
        while straight.outcome().is_none() {
            let work = straight.outstanding().next().cloned().unwrap();
            straight.apply(&work.step, answer_of(&work)).unwrap();
            straight.advance();
        }
        let expected = end_of(&mut straight);

        let mut crooked = machine(&graph, json!("in"), None);
        crooked.advance();
        let mut records = Vec::new();
        let mut n = 0;
        while crooked.outcome().is_none() {
            if n == crash {
                // everything in memory is lost; what was recorded is told again
                crooked = machine(&graph, json!("in"), None);
                crooked.replay(records.clone());
            }
            let open: Vec<_> = crooked.outstanding().cloned().collect();
            let work = &open[order[n % order.len()] % open.len()];
            records.push((work.step.clone(), answer_of(work)));
            crooked.apply(&work.step, answer_of(work)).unwrap();
            crooked.advance();
            n += 1;
        }
        prop_assert_eq!(&end_of(&mut crooked), &expected);

        let mut replayed = machine(&graph, json!("in"), None);
        prop_assert!(replayed.replay(records).is_empty());
        prop_assert_eq!(&end_of(&mut replayed), &expected);
    }
}
