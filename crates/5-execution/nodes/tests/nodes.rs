//! What each node type asks for and makes of the answers.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{call, chat, converse, defects, failed, node, pure, run, says};
use domain::{Json, RunStatus, Timestamp, UserId};
use serde_json::json;
use workflow::{
    Answer, ApprovalAnswer, Call, ChatMessage, CodeAnswer, EmbedAnswer, FailureKind, HttpAnswer, Outcome, SqlAnswer,
    Task, Wait, Work, answer::Decision,
};

fn agent(extra: Json) -> Json {
    let mut parameters = json!({
        "model": { "provider": "fake" }, "system": "Be brief.", "prompt": "{{ input.q }}",
        "tools": [
            { "name": "add", "description": "Adds.", "schema": { "type": "object", "required": ["a"], "properties": { "a": { "type": "integer" } } },
              "node": { "type": "TRANSFORM", "parameters": { "template": "{{ args.a + 1 }}" } } },
            { "name": "fetch", "description": "Fetches.", "node": { "type": "HTTP_REQUEST", "parameters": { "url": "https://x.example/{{ args.p }}" } } },
            { "name": "other", "description": "Another workflow.", "workflow": "second" }
        ]
    });
    parameters.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    json!({ "type": "AI_AGENT", "id": "agent", "parameters": parameters })
}

fn conversation(work: &Work) -> Vec<String> {
    let Call::Chat(chat) = call(work) else { panic!("{work:?}") };
    chat.messages
        .iter()
        .map(|message| match message {
            ChatMessage::System { content } => format!("system {content}"),
            ChatMessage::User { content } => format!("user {content}"),
            ChatMessage::Assistant { content, tool_calls } => format!("assistant {content} {}", tool_calls.len()),
            ChatMessage::Tool { content, is_error, .. } => format!("tool {content} {is_error}"),
        })
        .collect()
}

#[test]
fn an_agent_calls_nodes_urls_and_workflows_until_it_has_an_answer() {
    let mut talks = Vec::new();
    let ended = converse(agent(json!({})), json!({ "q": "2+1?" }), |asked, work| match &work.task {
        Task::Workflow { workflow, input } => Answer::Child { output: json!([workflow, input.json]) },
        Task::Call(Call::Http(http)) => {
            assert_eq!(
                (http.url.as_str(), work.step.path.as_str(), work.step.node.as_str()),
                ("https://x.example/7", "agent[5]/", "fetch")
            );
            Answer::Http(HttpAnswer { status: 200, headers: Default::default(), body: json!("page") })
        }
        _ => {
            talks.push(conversation(work));
            match asked {
                0 => chat("", vec![("add", r#"{"a": 2}"#), ("fetch", r#"{"p": 7}"#), ("other", r#"{"z": 1}"#)]),
                _ => says("3"),
            }
        }
    });
    assert_eq!(ended.output()["text"], "3");
    assert_eq!(ended.output()["steps"], 2);
    assert_eq!(ended.output()["usage"]["input_tokens"], 20);
    assert_eq!(talks[0], ["system Be brief.", "user 2+1?"]);
    assert_eq!(
        talks[1][2..],
        [
            "assistant  3",
            "tool 3 false",
            "tool {\"body\":\"page\",\"headers\":{},\"status\":200} false",
            "tool [\"second\",{\"z\":1}] false"
        ]
    );
}

#[test]
fn invalid_tool_calls_go_back_to_the_model_a_few_times() {
    let mut talks = Vec::new();
    let ended = converse(agent(json!({})), json!({ "q": "?" }), |asked, work| {
        talks = conversation(work);
        match asked {
            0 => chat("", vec![("add", "{oops")]),
            1 => chat("", vec![("add", r#"{"a": "two"}"#), ("minus", "{}")]),
            _ => says("sorry"),
        }
    });
    assert_eq!(ended.output()["text"], "sorry");
    assert!(talks[3].starts_with("tool error: the arguments are not JSON") && talks[3].ends_with("true"), "{talks:?}");
    assert!(talks[5].starts_with("tool error: the arguments do not fit: /a:"), "{talks:?}");
    assert!(
        talks[6].starts_with("tool error: there is no tool \"minus\"; the tools are: add, fetch, other"),
        "{talks:?}"
    );
    let garbage = run(agent(json!({})), json!({ "q": "?" }), |_| chat("", vec![("add", "garbage")]));
    assert_eq!(garbage.failure().kind, FailureKind::Call);
    assert!(garbage.failure().message.contains("wrongly 4 times"), "{}", garbage.failure().message);
}

#[test]
fn an_agent_that_never_ends_is_stopped_by_name() {
    let add = |_: usize, _: &Work| chat("", vec![("add", r#"{"a":1}"#)]);
    let ended = converse(agent(json!({ "max_steps": 3 })), json!({ "q": "?" }), add);
    assert_eq!(ended.failure().kind, FailureKind::StepLimit);
    let unscreened = json!({ "max_steps": 3, "tool_checks": { "arguments": false, "results": false } });
    let ended = run(agent(unscreened), json!({ "q": "?" }), |work| add(0, work));
    assert_eq!((ended.failure().kind, ended.steps.len()), (FailureKind::StepLimit, 3));
}

#[test]
fn a_tools_failure_goes_to_the_model_and_a_block_in_a_tool_halts() {
    let perform = |failure: Answer| {
        converse(agent(json!({})), json!({ "q": "?" }), move |asked, work| match (&work.task, asked) {
            (Task::Call(Call::Http(_)), _) => failure.clone(),
            (_, 0) => chat("", vec![("fetch", r#"{"p":1}"#)]),
            _ => says(&conversation(work)[3]),
        })
    };
    assert_eq!(perform(failed("no route")).output()["text"], "tool error: no route true");
    let policy = workflow::Failure::new(FailureKind::Policy, "domain not allowed");
    assert_eq!(perform(Answer::Failed { failure: policy }).outcome.status(), RunStatus::Blocked);
}

#[test]
fn an_agents_tools_are_checked_like_nodes() {
    let mut document = agent(json!({}));
    document["parameters"]["tools"] = json!([
        { "name": "a", "description": "x", "node": { "type": "HTTP_REQUEST", "parameters": { "urll": "https://x" } } },
        { "name": "b", "description": "x", "node": { "type": "WEBHOOK" } },
        { "name": "c", "description": "x", "node": { "type": "HTP_REQUEST" } }
    ]);
    assert_eq!(
        defects(document),
        [
            "/parameters/tools/0/node/parameters missing_field",
            "/parameters/tools/0/node/parameters/urll unknown_field",
            "/parameters/tools/1/node/type not_a_tool",
            "/parameters/tools/2/node/type unknown_node_type"
        ]
    );
}

#[test]
fn a_chat_model_is_asked_once_and_its_json_is_checked() {
    let with = |text: &'static str| {
        node(
            "CHAT_MODEL",
            json!({ "model": { "provider": "fake", "temperature": 0.5 }, "prompt": "{{ input }}",
        "response_schema": { "type": "object", "required": ["n"] } }),
            json!("hi"),
            move |work| {
                assert_eq!(conversation(work), ["user hi"]);
                says(text)
            },
        )
    };
    assert_eq!(with("```json\n{\"n\": 1}\n```").output()["json"], json!({ "n": 1 }));
    assert_eq!(with("{}").failure().kind, FailureKind::Call);
    assert_eq!(with("nope").failure().kind, FailureKind::Call);
}

fn repairing(attempts: u32, says_then: &[&str]) -> (common::Ended, Vec<Vec<String>>) {
    let parameters = json!({ "model": { "provider": "fake" }, "prompt": "Count", "repair_attempts": attempts,
        "response_schema": { "type": "object", "required": ["n", "unit"],
            "properties": { "n": { "type": "integer" }, "unit": { "$ref": "#/$defs/unit" } },
            "$defs": { "unit": { "enum": ["m", "km"] } } } });
    let mut talks = Vec::new();
    let ended = node("CHAT_MODEL", parameters, json!("hi"), |work| {
        talks.push(conversation(work));
        says(says_then[(talks.len() - 1).min(says_then.len() - 1)])
    });
    (ended, talks)
}

/// R162, R163: the model is told everything that is wrong and asked again, as often as allowed and no more; what still
/// does not follow the schema never goes on.
#[test]
fn a_wrong_answer_is_repaired_a_few_times() {
    let (ended, talks) =
        repairing(2, &["{\"n\": \"two\", \"unit\": \"mile\"}", "sorry", "{\"n\": 2, \"unit\": \"km\"}"]);
    assert_eq!(ended.output()["json"], json!({ "n": 2, "unit": "km" }));
    assert_eq!(ended.output()["repairs"], 2);
    assert_eq!(ended.output()["usage"]["input_tokens"], 30, "every attempt is counted");
    assert_eq!(talks[1].len(), 3);
    assert!(talks[1][2].contains("- /n: ") && talks[1][2].contains("- /unit: "), "all errors at once: {talks:?}");
    assert!(!talks[1][2].contains("mile"), "what was wrong is not quoted: {talks:?}");
    assert!(talks[2][4].contains("- it is not JSON"), "{talks:?}");
    // Bounded: two repairs are two repairs, and none are none.
    let (ended, talks) = repairing(2, &["{}"]);
    assert_eq!((ended.failure().kind, talks.len()), (FailureKind::Call, 3));
    assert!(ended.failure().message.contains("after 2 repairs"), "{}", ended.failure().message);
    assert_eq!(ended.failure().detail["errors"].as_array().unwrap().len(), 2);
    let (ended, talks) = repairing(0, &["{}", "{\"n\": 2, \"unit\": \"km\"}"]);
    assert_eq!((ended.failure().kind, talks.len()), (FailureKind::Call, 1));
    // A schema that would be fetched from elsewhere is refused before anything runs; more than five repairs are too.
    let with = |more: Json| {
        let mut parameters = json!({ "model": { "provider": "fake" }, "prompt": "x" });
        parameters.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        defects(json!({ "type": "CHAT_MODEL", "parameters": parameters }))
    };
    let remote = json!({ "response_schema": { "$ref": "https://schemas.example/s.json" } });
    assert_eq!(with(remote), ["/parameters/response_schema bad_schema"]);
    assert_eq!(with(json!({ "repair_attempts": 6 })).len(), 1);
}

/// R162, R163: an agent's last answer is held to its schema too, after any number of tool calls; what does not follow it
/// goes back to the model with all errors, a bounded number of times, and never goes on.
#[test]
fn an_agents_last_answer_is_repaired_a_few_times() {
    let with = |attempts: u32, last: &'static [&'static str]| {
        let mut talks = Vec::new();
        let schema =
            json!({ "type": "object", "required": ["n", "unit"], "properties": { "n": { "type": "integer" } } });
        let extra = json!({ "response_schema": schema, "repair_attempts": attempts });
        let ended = converse(agent(extra), json!({ "q": "2+1?" }), |asked, work| {
            talks.push(conversation(work));
            match asked {
                0 => chat("", vec![("add", r#"{"a": 2}"#)]),
                n => says(last[(n - 1).min(last.len() - 1)]),
            }
        });
        (ended, talks)
    };
    let (ended, talks) = with(2, &["three", "{\"n\": \"3\"}", "```json\n{\"n\": 3, \"unit\": \"km\"}\n```"]);
    assert_eq!(ended.output()["json"], json!({ "n": 3, "unit": "km" }));
    assert_eq!((&ended.output()["repairs"], &ended.output()["steps"]), (&json!(2), &json!(4)));
    assert!(talks[0][0].contains("Be brief.") && talks[0][0].contains("\"required\":[\"n\",\"unit\"]"), "{talks:?}");
    assert!(talks[2].last().unwrap().contains("- it is not JSON"), "{talks:?}");
    let told = talks[3].last().unwrap();
    assert!(told.contains("- /n: ") && told.contains("unit"), "all errors at once: {told}");
    let (ended, talks) = with(1, &["three"]);
    assert_eq!((ended.failure().kind, talks.len()), (FailureKind::Call, 3));
    assert!(ended.failure().message.contains("after 1 repairs"), "{}", ended.failure().message);
    let (ended, _) = with(0, &["three"]);
    assert_eq!(ended.failure().kind, FailureKind::Call);
    let remote = agent(json!({ "response_schema": { "$ref": "https://schemas.example/s.json" } }));
    assert_eq!(defects(remote), ["/parameters/response_schema bad_schema"]);
}

#[test]
fn embedding_takes_a_text_or_a_list() {
    let ended = node("EMBEDDING", json!({ "model": { "provider": "fake" } }), json!(["a", "b"]), |work| {
        let Call::Embed(call) = call(work) else { panic!() };
        Answer::Embed(EmbedAnswer {
            vectors: call.texts.iter().map(|t| vec![t.len() as f32]).collect(),
            usage: Default::default(),
            model: "m".into(),
        })
    });
    assert_eq!(ended.output()["vectors"], json!([[1.0], [1.0]]));
}

#[test]
fn code_is_taken_as_it_is_written() {
    let ended =
        node("CODE", json!({ "code": "return {{a: 1}}", "input": { "n": "{{ input + 1 }}" } }), json!(1), |work| {
            let Call::Code(call) = call(work) else { panic!() };
            assert_eq!(
                (call.code.as_str(), &call.input, call.timeout_ms),
                ("return {{a: 1}}", &json!({ "n": 2 }), 10_000)
            );
            Answer::Code(CodeAnswer { result: json!("ok"), ..CodeAnswer::default() })
        });
    assert_eq!(ended.output(), json!("ok"));
}

#[test]
fn http_requests_cannot_be_split() {
    let with = |parameters: Json, input: &str| {
        node("HTTP_REQUEST", parameters, json!(input), |work| {
            let Call::Http(call) = call(work) else { panic!() };
            Answer::Http(HttpAnswer {
                status: 200,
                headers: Default::default(),
                body: json!([call.url, call.headers, call.body]),
            })
        })
    };
    let good = with(
        json!({ "url": "https://x.example/{{ input | urlencode }}", "method": "POST", "headers": { "X-A": "{{ input }}" }, "body": { "a": 1 } }),
        "a b",
    );
    assert_eq!(
        good.output()["body"],
        json!(["https://x.example/a%20b", [["x-a", "a b"]], { "content_type": "application/json", "text": "{\"a\":1}" }])
    );
    for (parameters, input) in [
        (json!({ "url": "https://x", "headers": { "x-a": "{{ input }}" } }), "a\r\nhost: evil"),
        (json!({ "url": "https://x", "headers": { "host": "evil" } }), ""),
        (json!({ "url": "{{ input }}" }), "file:///etc/passwd"),
        (json!({ "url": "{{ input }}" }), "https://x/\r\nx"),
    ] {
        assert_eq!(with(parameters, input).failure().kind, FailureKind::Parameters);
    }
}

#[test]
fn sql_values_are_bound() {
    let ended = node(
        "SQL_QUERY",
        json!({ "credential": "db", "query": "SELECT $1", "parameters": ["{{ input }}"] }),
        json!("'; DROP TABLE x"),
        |work| {
            let Call::Sql(call) = call(work) else { panic!() };
            assert_eq!((call.query.as_str(), &call.parameters), ("SELECT $1", &vec![json!("'; DROP TABLE x")]));
            Answer::Sql(SqlAnswer {
                columns: vec!["a".into()],
                rows: vec![json!({ "a": 1 })],
                rows_affected: 0,
                truncated: true,
            })
        },
    );
    assert_eq!(ended.output()["rows"], json!([{ "a": 1 }]));
    assert_eq!(ended.changes.last().unwrap().warnings[0].code, "truncated");
}

#[test]
fn conditions_are_strict_about_what_is_true() {
    let with = |condition: Json, input: Json| {
        let document = json!({ "nodes": [{ "id": "c", "type": "CONDITION", "parameters": { "condition": condition } }, { "id": "yes", "type": "TRANSFORM", "parameters": { "template": "yes" } }] });
        pure(document, input)
    };
    assert_eq!(with(json!("{{ input > 1 }}"), json!(2)).output(), "yes");
    assert_eq!(with(json!("{{ input > 1 }}"), json!(1)).output(), 1, "its input goes on where no edge does");
    assert_eq!(with(json!("{{ input }}"), json!("false")).output(), "false");
    assert_eq!(with(json!("{{ input }}"), json!("perhaps")).failure().kind, FailureKind::Parameters);
}

#[test]
fn a_switch_takes_the_first_case_that_matches() {
    let document = json!({
        "nodes": [
            { "id": "s", "type": "SWITCH", "parameters": { "value": "{{ input.kind }}", "cases": [{ "name": "a", "equals": "a" }, { "name": "big", "when": "{{ input.n > 5 }}" }] } },
            { "id": "ta", "type": "TRANSFORM", "parameters": { "template": "A" } }, { "id": "tb", "type": "TRANSFORM", "parameters": { "template": "B" } },
            { "id": "td", "type": "TRANSFORM", "parameters": { "template": "D" } }
        ],
        "edges": [{ "from": "s", "output": "a", "to": "ta" }, { "from": "s", "output": "big", "to": "tb" }, { "from": "s", "output": "default", "to": "td" }]
    });
    let taken = |input: Json| pure(document.clone(), input).output();
    assert_eq!(taken(json!({ "kind": "a", "n": 9 })), "A");
    assert_eq!(taken(json!({ "kind": "x", "n": 9 })), "B");
    assert_eq!(taken(json!({ "kind": "x", "n": 1 })), "D");
    let reserved =
        json!({ "type": "SWITCH", "parameters": { "cases": [{ "name": "error", "equals": 1 }, { "name": "x" }] } });
    assert_eq!(defects(reserved), ["/parameters/cases/0/name reserved_name", "/parameters/cases/1 bad_parameter"]);
}

#[test]
fn a_delay_waits_and_passes_its_input_on() {
    let ended = node("DELAY", json!({ "for_ms": "{{ input }}" }), json!(1500), |work| {
        assert!(matches!(&work.task, Task::Wait(Wait::For { duration }) if duration.as_millis() == 1500));
        Answer::Waited { at: Timestamp::from_micros(0) }
    });
    assert_eq!(ended.output(), json!(1500));
    assert_eq!(defects(json!({ "type": "DELAY" })), ["/parameters bad_parameter"]);
    assert_eq!(
        defects(json!({ "type": "DELAY", "parameters": { "until": "tomorrow" } })),
        ["/parameters/until bad_parameter"]
    );
}

#[test]
fn a_sub_workflow_is_a_child_run() {
    let ended = node("SUB_WORKFLOW", json!({ "workflow": "archive" }), json!(5), |work| match &work.task {
        Task::Workflow { workflow, input } => Answer::Child { output: json!({ "by": workflow, "of": input.json }) },
        other => panic!("{other:?}"),
    });
    assert_eq!(ended.output(), json!({ "by": "archive", "of": 5 }));
}

#[test]
fn an_approval_asks_nobody_who_started_the_run_and_takes_both_ways() {
    let decided = |approved: bool, edges: Json| {
        let document = json!({ "nodes": [{ "id": "ask", "type": "HUMAN_APPROVAL", "parameters": { "message": "Pay {{ input }}?", "approvers": ["role:admin"], "required": 2 } },
            { "id": "yes", "type": "TRANSFORM", "parameters": { "template": "paid" } }, { "id": "no", "type": "TRANSFORM", "parameters": { "template": "kept" } }], "edges": edges });
        run(document, json!(9), move |work| {
            let Task::Wait(Wait::Approval(request)) = &work.task else { panic!() };
            assert_eq!((request.message.as_str(), request.required, request.forbid_self_approval), ("Pay 9?", 2, true));
            let by = UserId::new(Timestamp::from_micros(0), [1; 10]);
            let decision = Decision { by, approved, comment: String::new(), at: Timestamp::from_micros(1) };
            Answer::Approval(ApprovalAnswer { approved, timed_out: false, decisions: vec![decision] })
        })
    };
    let both = json!([{ "from": "ask", "to": "yes" }, { "from": "ask", "output": "rejected", "to": "no" }]);
    assert_eq!(decided(true, both.clone()).output(), "paid");
    assert_eq!(decided(false, both).output(), "kept");
    let one = json!([{ "from": "ask", "to": "yes" }, { "from": "yes", "to": "no" }]);
    assert_eq!(decided(false, one).failure().kind, FailureKind::Rejected);
    let few = json!({ "type": "HUMAN_APPROVAL", "parameters": { "message": "x", "approvers": ["a@x.example"], "required": 2 } });
    assert_eq!(defects(few), ["/parameters/required too_few_approvers"]);
}

#[test]
fn respond_sets_the_answer_and_cannot_split_it() {
    let with = |parameters: Json, input: Json| node("RESPOND", parameters, input, |work| panic!("{work:?}"));
    let ended = with(
        json!({ "status": 201, "headers": { "X-Id": "{{ input.id }}" }, "body": { "ok": true } }),
        json!({ "id": 7 }),
    );
    let Outcome::Succeeded { response: Some(response), output } = ended.outcome else { panic!() };
    assert_eq!(
        (response.status, response.headers["x-id"].as_str(), &response.body, &output.json),
        (201, "7", &json!({ "ok": true }), &json!({ "ok": true }))
    );
    for (name, value) in [
        ("x-a", "b\r\nset-cookie: c"),
        ("Set-Cookie", "a=b"),
        ("content-length", "0"),
        ("access-control-allow-origin", "*"),
        ("x a", "b"),
    ] {
        let split = with(json!({ "headers": { name: "{{ input.v }}" } }), json!({ "v": value }));
        assert_eq!(split.failure().kind, FailureKind::Parameters, "{name}");
    }
}

#[test]
fn stop_with_error_ends_the_run_in_the_authors_words() {
    let ended = pure(
        json!({ "nodes": [{ "type": "STOP_WITH_ERROR", "parameters": { "message": "No address for {{ input }}." } }] }),
        json!("A1"),
    );
    assert_eq!((ended.failure().kind, ended.failure().message.as_str()), (FailureKind::Stopped, "No address for A1."));
}

#[test]
fn triggers_pass_the_runs_input_on() {
    for (kind, parameters) in
        [("MANUAL_TRIGGER", json!({})), ("WEBHOOK", json!({})), ("SCHEDULE", json!({ "cron": "0 0 * * *" }))]
    {
        assert_eq!(node(kind, parameters, json!({ "a": 1 }), |work| panic!("{work:?}")).output(), json!({ "a": 1 }));
    }
}
