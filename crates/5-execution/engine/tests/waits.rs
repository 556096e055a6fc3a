//! Runs that wait: for time, for people, for other runs, for their turn. And runs that are told to stop.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod common;

use std::{sync::Arc, time::Duration};

use common::{World, http, permit, process, record, run, runnable, start, until, vault};
use domain::{Role, RunStatus};
use engine::{Engine, Error, Started, Vote, ports::Runnable};
use harness::{Ground, on_both, user};
use serde_json::{Value as Json, json};
use store::runs::{ApprovalStatus, RunFilter};

async fn ground_of(ground: &Ground) -> (Arc<World>, Engine) {
    let world = World::new();
    let vault = vault(ground).await;
    let engine = process(ground, &world, &vault, 8);
    (world, engine)
}

fn nodes(world: &World, name: &str, nodes: Json) -> Runnable {
    world.publish(name, json!({ "nodes": nodes }))
}

/// R003, R004: a workflow without effects is stored once, ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pure_run_ends_in_its_first_change() {
    on_both(async |ground: &Ground| {
        let (world, engine) = ground_of(ground).await;
        let template = json!([{ "id": "t", "type": "TRANSFORM", "parameters": { "template": "{{ input.a + 1 }}" } }]);
        let workflow = nodes(&world, "pure", template);
        let started = start(&engine, &workflow, json!({ "a": 41 })).await;
        let Started::Finished(finished) = started else { panic!("{started:?}") };
        assert_eq!((finished.status, finished.output), (RunStatus::Succeeded, Some(json!(42))));
        let record = record(ground, finished.run).await;
        assert_eq!((record.status, record.view.unwrap()["output"].clone()), (RunStatus::Succeeded, json!(42)));
        let events = ground.store.events_of_run(&permit(), finished.run, 0, 10).await.unwrap();
        assert_eq!(events.len(), 2);
    })
    .await;
}

/// A delay lets go of the worker and survives a restart.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delay_survives_a_restart() {
    on_both(async |ground: &Ground| {
        let world = World::new();
        let vault = vault(ground).await;
        let first = process(ground, &world, &vault, 8);
        let workflow = nodes(
            &world,
            "delay",
            json!([http("before"), { "id": "d", "type": "DELAY", "parameters": { "for_ms": 3_600_000 } }, http("after")]),
        );
        let id = start(&first, &workflow, json!({})).await.run();
        until(ground, &[], id, RunStatus::Waiting).await;
        assert_eq!(first.busy(), 0);
        let second = process(ground, &world, &vault, 8);
        assert_eq!(second.take_work().await, 0);
        world.later(Duration::from_secs(3601));
        until(ground, &[&second], id, RunStatus::Succeeded).await;
        assert_eq!(world.calls(), ["https://example.com/before", "https://example.com/after"]);
    })
    .await;
}

fn vote(by: u128, approve: bool) -> Vote {
    Vote { by: user(by), role: Role::Operator, address: None, approve, comment: "ask ada@example.com".into() }
}

/// Approvals: two different people, never the one who started the run; the second vote wakes it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_approve() {
    on_both(async |ground: &Ground| {
        let (world, engine) = ground_of(ground).await;
        let approval = json!({ "message": "Pay ada@example.com?", "required": 2, "timeout_ms": 60_000 });
        let workflow = nodes(
            &world,
            "approval",
            json!([{ "id": "ask", "type": "HUMAN_APPROVAL", "parameters": approval }, http("pay")]),
        );
        let id = start(&engine, &workflow, json!({})).await.run();
        until(ground, &[], id, RunStatus::Waiting).await;
        let open = ground.store.approvals(&permit(), Some(ApprovalStatus::Open), None, 10).await.unwrap();
        let asked = open.first().unwrap();
        assert_eq!(asked.message, "Pay [EMAIL_ADDRESS]?");
        let decide = async |ballot| engine.decide_approval(&permit(), permit(), asked.id, ballot, Vec::new()).await;
        assert!(matches!(decide(vote(1, true)).await, Err(Error::State { .. })), "nobody approves their own run");
        assert_eq!(decide(vote(2, true)).await.unwrap().status, ApprovalStatus::Open);
        assert!(matches!(decide(vote(2, true)).await, Err(Error::State { .. })), "nobody votes twice");
        assert_eq!(decide(vote(3, true)).await.unwrap().status, ApprovalStatus::Approved);
        until(ground, &[&engine], id, RunStatus::Succeeded).await;
        assert_eq!(world.calls(), ["https://example.com/pay"]);
        assert!(matches!(decide(vote(4, true)).await, Err(Error::State { .. })), "what is decided is decided");
    })
    .await;
}

/// Nobody decided: the timeout action decides (here the default, reject).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approval_times_out() {
    on_both(async |ground: &Ground| {
        let (world, engine) = ground_of(ground).await;
        let approval = json!({ "message": "Pay?", "timeout_ms": 60_000 });
        let workflow = nodes(
            &world,
            "timeout",
            json!([{ "id": "ask", "type": "HUMAN_APPROVAL", "parameters": approval }, http("pay")]),
        );
        let id = start(&engine, &workflow, json!({})).await.run();
        until(ground, &[], id, RunStatus::Waiting).await;
        world.later(Duration::from_secs(61));
        until(ground, &[&engine], id, RunStatus::Failed).await;
        assert!(world.calls().is_empty());
        let expired = ground.store.approvals(&permit(), Some(ApprovalStatus::Expired), None, 10).await.unwrap();
        assert_eq!(expired.len(), 1);
    })
    .await;
}

/// A sub-workflow is a run of its own; its output is the step's answer, its failure the step's failure.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sub_workflow_is_a_run_of_its_own() {
    on_both(async |ground: &Ground| {
        let (world, engine) = ground_of(ground).await;
        nodes(&world, "child", json!([http("in-child"),
            { "id": "t", "type": "TRANSFORM", "parameters": { "template": { "got": "{{ input.n }}" } } }]));
        let parent = nodes(
            &world,
            "parent",
            json!([{ "id": "sub", "type": "SUB_WORKFLOW", "parameters": { "workflow": "child", "input": { "n": 5 } } }]),
        );
        let id = start(&engine, &parent, json!({})).await.run();
        let ended = until(ground, &[&engine], id, RunStatus::Succeeded).await;
        assert_eq!(ended.view.unwrap()["output"], json!({ "got": 5 }));
        let filter = RunFilter { parent: Some(id), ..RunFilter::default() };
        let children = ground.store.runs(&permit(), &filter, None, 10).await.unwrap();
        assert_eq!(children.iter().map(|child| child.status).collect::<Vec<_>>(), [RunStatus::Succeeded]);

        let lost = nodes(&world, "lost", json!([{ "id": "sub", "type": "SUB_WORKFLOW", "parameters": { "workflow": "no" } }]));
        let finished = run(&engine, &lost, json!({})).await;
        assert_eq!(finished.failure.unwrap().code, "NL-5108");

        // each kind of list is a statement of its own
        let list = async |workflow, status| {
            let filter = RunFilter { workflow, status, ..RunFilter::default() };
            let found = ground.store.runs(&permit(), &filter, None, 10).await.unwrap();
            found.iter().map(|run| (run.workflow, run.status)).collect::<Vec<_>>()
        };
        let (lost, parent) = (lost.workflow, parent.workflow);
        assert_eq!(list(None, Some(RunStatus::Failed)).await, [(lost, RunStatus::Failed)]);
        assert_eq!(list(Some(lost), Some(RunStatus::Failed)).await.len(), 1);
        assert_eq!(list(Some(parent), Some(RunStatus::Failed)).await, []);
        assert_eq!(list(Some(parent), None).await, [(parent, RunStatus::Succeeded)]);
        assert_eq!(list(Some(parent), Some(RunStatus::Succeeded)).await.len(), 1);
        assert_eq!(list(None, Some(RunStatus::Succeeded)).await.len(), 2);
        assert_eq!(list(None, None).await.len(), 3);
    })
    .await;
}

/// Cancelling ends the run, what is in flight, and its children.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelling_reaches_children_and_calls_in_flight() {
    on_both(async |ground: &Ground| {
        let (world, engine) = ground_of(ground).await;
        nodes(&world, "slow", json!([http("hangs")]));
        let parent = nodes(
            &world,
            "cancelled",
            json!([{ "id": "sub", "type": "SUB_WORKFLOW", "parameters": { "workflow": "slow" } }]),
        );
        let id = start(&engine, &parent, json!({})).await.run();
        until(ground, &[], id, RunStatus::Waiting).await;
        engine.take_work().await;
        let filter = RunFilter { parent: Some(id), ..RunFilter::default() };
        let child = ground.store.runs(&permit(), &filter, None, 10).await.unwrap()[0].id;
        until(ground, &[], child, RunStatus::Running).await;
        engine.cancel(permit(), id, Vec::new()).await.unwrap();
        until(ground, &[&engine], id, RunStatus::Cancelled).await;
        engine.beat().await;
        until(ground, &[&engine], child, RunStatus::Cancelled).await;
        assert!(matches!(engine.pause(permit(), id, Vec::new()).await, Err(Error::State { .. })));
    })
    .await;
}

/// A paused run begins no further step, also in another process, and goes on when it is resumed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_run_goes_on_when_it_is_resumed() {
    on_both(async |ground: &Ground| {
        let (world, engine) = ground_of(ground).await;
        let delay = json!({ "id": "d", "type": "DELAY", "parameters": { "for_ms": 60_000 } });
        let workflow = nodes(&world, "paused", json!([delay, http("after")]));
        let id = start(&engine, &workflow, json!({})).await.run();
        until(ground, &[], id, RunStatus::Waiting).await;
        assert_eq!(engine.pause(permit(), id, Vec::new()).await.unwrap(), RunStatus::Paused);
        world.later(Duration::from_secs(61));
        assert_eq!(engine.take_work().await, 0);
        assert_eq!(engine.resume(permit(), id, Vec::new()).await.unwrap(), RunStatus::Queued);
        until(ground, &[&engine], id, RunStatus::Succeeded).await;
        assert!(matches!(engine.resume(permit(), id, Vec::new()).await, Err(Error::State { .. })));
    })
    .await;
}

/// A call that fails is tried again with the same key, as often as its node allows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_call_is_tried_again_with_the_same_key() {
    on_both(async |ground: &Ground| {
        let (world, engine) = ground_of(ground).await;
        let mut node = http("flaky");
        node["retry"] = json!({ "max_attempts": 3, "initial_delay_ms": 20, "multiplier": 1.0, "max_delay_ms": 20 });
        let workflow = nodes(&world, "flaky", json!([node]));
        world.fail("https://example.com/flaky", 2);
        assert_eq!(run(&engine, &workflow, json!({})).await.status, RunStatus::Succeeded);
        let log = world.log();
        assert_eq!(log.iter().map(|(_, attempt, _)| *attempt).collect::<Vec<_>>(), [1, 2, 3]);
        assert!(log.iter().all(|(key, ..)| *key == log[0].0));
        world.fail("https://example.com/flaky", 9);
        assert_eq!(run(&engine, &workflow, json!({})).await.failure.unwrap().code, "NL-5105");
        assert_eq!(world.log().len(), 6);
    })
    .await;
}

/// A long pause between attempts lets go of the worker; the attempt comes in another process, with the same key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_pause_between_attempts_is_on_disk() {
    on_both(async |ground: &Ground| {
        let world = World::new();
        let vault = vault(ground).await;
        let mut node = http("later");
        node["retry"] = json!({ "max_attempts": 2, "initial_delay_ms": 60_000 });
        let workflow = nodes(&world, "later", json!([node]));
        world.fail("https://example.com/later", 1);
        let id = start(&process(ground, &world, &vault, 8), &workflow, json!({})).await.run();
        until(ground, &[], id, RunStatus::Waiting).await;
        let second = process(ground, &world, &vault, 8);
        assert_eq!(second.take_work().await, 0);
        world.later(Duration::from_secs(61));
        until(ground, &[&second], id, RunStatus::Succeeded).await;
        let log = world.log();
        assert_eq!(log.iter().map(|(_, attempt, _)| *attempt).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(log[0].0, log[1].0);
    })
    .await;
}

/// At most so many at once; the others wait in line, first come, first served.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_of_a_limited_workflow_wait_in_line() {
    on_both(async |ground: &Ground| {
        let (world, engine) = ground_of(ground).await;
        let document = json!({ "nodes": [http("hangs")], "settings": { "max_concurrent_runs": 2 } });
        let workflow = world.publish("limited", document);
        let mut ids = Vec::new();
        for n in 0..4 {
            let started = start(&engine, &workflow, json!({})).await;
            assert_eq!(matches!(started, Started::Running(_)), n < 2);
            ids.push(started.run());
        }
        assert_eq!(engine.take_work().await, 0);
        engine.cancel(permit(), ids[0], Vec::new()).await.unwrap();
        until(ground, &[], ids[0], RunStatus::Cancelled).await;
        until(ground, &[&engine], ids[2], RunStatus::Running).await;
        assert_eq!(engine.take_work().await, 0);
        assert_eq!(record(ground, ids[3]).await.status, RunStatus::Queued);
    })
    .await;
}

/// R200: no more runs than the policy allows in its window.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_workflow_may_be_started_only_so_often() {
    on_both(async |ground: &Ground| {
        let (world, engine) = ground_of(ground).await;
        let document = json!({ "nodes": [{ "id": "t", "type": "TRANSFORM", "parameters": { "template": 1 } }],
            "policies": { "rate": { "max_runs": 2, "window_seconds": 60 } } });
        let workflow = world.publish("rated", document);
        let again = async || {
            let start = engine::Start {
                runnable: workflow.clone(),
                input: json!({}),
                trigger: "api",
                trigger_node: None,
                idempotency: None,
                wants_reply: false,
            };
            engine.start(&permit(), start, Box::new(|_: &engine::ports::StartOutcome| Vec::new())).await
        };
        assert!(again().await.is_ok() && again().await.is_ok());
        assert!(matches!(again().await, Err(Error::TooManyRuns { max_runs: 2, window_seconds: 60 })));
        world.later(Duration::from_secs(61));
        assert!(again().await.is_ok());
    })
    .await;
}

/// R193, R202, R203: a tool that is not on the list, and a budget that is used up, stop the run with a name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn policies_stop_runs_by_name() {
    on_both(async |ground: &Ground| {
        let (world, engine) = ground_of(ground).await;
        let only = json!({ "nodes": [http("never")], "policies": { "allowed_nodes": ["TRANSFORM"] } });
        let finished = run(&engine, &world.publish("only", only), json!({})).await;
        assert_eq!((finished.status, finished.failure.unwrap().code.as_str()), (RunStatus::Blocked, "NL-4201"));
        let chat = |id: &str| {
            json!({ "id": id, "type": "CHAT_MODEL", "parameters": { "model": { "provider": "local" }, "prompt": "hello" } })
        };
        let thrifty = json!({ "nodes": [chat("one"), chat("two")], "settings": { "token_budget": 12 } });
        let finished = run(&engine, &world.publish("thrifty", thrifty), json!({})).await;
        assert_eq!((finished.status, finished.failure.unwrap().code.as_str()), (RunStatus::Blocked, "NL-4202"));
        assert_eq!(finished.usage.input_tokens + finished.usage.output_tokens, 15);
        assert_eq!(world.calls(), ["chat:"]);
        let (all, page) = (store::records::ViolationFilter::default(), store::PageRequest::default());
        assert_eq!(ground.store.violations(&permit(), &all, &page).await.unwrap().items.len(), 2);
    })
    .await;
}

/// Whoever started a run and loses the right to: the run stops, with the reason.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_stops_when_its_principal_loses_the_right() {
    on_both(async |ground: &Ground| {
        let (world, engine) = ground_of(ground).await;
        let workflow = nodes(&world, "rights", json!([http("hangs")]));
        let id = start(&engine, &workflow, json!({})).await.run();
        world.take_rights();
        engine.beat().await;
        let ended = until(ground, &[], id, RunStatus::Cancelled).await;
        let why = ended.view.unwrap()["failure"]["message"].to_string();
        assert!(why.contains("lost the right"), "{why}");
    })
    .await;
}

/// One word, one run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_word_starts_one_run() {
    on_both(async |ground: &Ground| {
        let (world, engine) = ground_of(ground).await;
        let workflow = nodes(&world, "word", json!([http("once")]));
        let again = async || {
            let start = engine::Start {
                runnable: workflow.clone(),
                input: json!({}),
                trigger: "api",
                trigger_node: None,
                idempotency: Some("order-1".to_owned()),
                wants_reply: false,
            };
            engine.start(&permit(), start, Box::new(|_: &engine::ports::StartOutcome| Vec::new())).await.unwrap()
        };
        let first = again().await.run();
        assert!(matches!(again().await, Started::Already(run) if run == first));
        until(ground, &[], first, RunStatus::Succeeded).await;
        assert_eq!(world.log().len(), 1);
    })
    .await;
}

/// A caller in a process without workers hears the output of a run that another process drove, and hears it once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reply_reaches_a_caller_in_another_process() {
    on_both(async |ground: &Ground| {
        let world = World::new();
        let vault = vault(ground).await;
        let (server, worker) = (process(ground, &world, &vault, 0), process(ground, &world, &vault, 8));
        let mail =
            json!({ "id": "t", "type": "TRANSFORM", "parameters": { "template": "{{ run.id and input.mail }}" } });
        let workflow = nodes(&world, "reply", json!([http("call"), mail]));
        let Started::Queued(handle) = start(&server, &workflow, json!({ "mail": "ada@example.com" })).await else {
            panic!()
        };
        let id = handle.run;
        let waiting = async { server.wait(&permit(), handle, Duration::from_secs(10)).await.unwrap().unwrap() };
        let (finished, ()) = tokio::join!(waiting, async {
            until(ground, &[&worker], id, RunStatus::Succeeded).await;
        });
        assert_eq!(finished.status, RunStatus::Succeeded, "{:?}", finished.failure);
        let again = server.wait_for(&permit(), id, Duration::ZERO).await.unwrap().unwrap();
        assert!(again.output != finished.output || again.output.is_none(), "the raw output is handed out once");
    })
    .await;
}

/// R004: a retry is a new run of the same version, from the screened input unless a new one is given.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_run_is_tried_again_as_a_new_run() {
    on_both(async |ground: &Ground| {
        let (world, engine) = ground_of(ground).await;
        let workflow = nodes(&world, "again", json!([http("again")]));
        world.fail("https://example.com/again", 1);
        let failed = run(&engine, &workflow, json!({ "mail": "ada@example.com" })).await;
        assert_eq!(failed.status, RunStatus::Failed);
        let audit = Box::new(|_: &engine::ports::StartOutcome| Vec::new());
        let second = engine.retry(&permit(), &permit(), failed.run, None, audit).await.unwrap().run();
        let ended = until(ground, &[], second, RunStatus::Succeeded).await;
        assert_eq!(ended.view.unwrap()["input"]["mail"], "[EMAIL_ADDRESS]");
        let audit = Box::new(|_: &engine::ports::StartOutcome| Vec::new());
        let refused = engine.retry(&permit(), &permit(), second, None, audit).await;
        assert!(matches!(refused, Err(Error::NotFailed { .. })));
    })
    .await;
}

/// A run that takes too long ends with a name, also while it waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_may_take_only_so_long() {
    on_both(async |ground: &Ground| {
        let (world, engine) = ground_of(ground).await;
        let document = json!({ "nodes": [{ "id": "d", "type": "DELAY", "parameters": { "for_ms": 3_600_000 } }],
            "settings": { "timeout_ms": 60_000 } });
        let id = start(&engine, &world.publish("long", document), json!({})).await.run();
        until(ground, &[], id, RunStatus::Waiting).await;
        world.later(Duration::from_secs(61));
        let ended = until(ground, &[&engine], id, RunStatus::Failed).await;
        assert_eq!(ended.view.unwrap()["failure"]["code"], "NL-5106");
    })
    .await;
}

/// An orderly shutdown hands its runs back at once; nothing waits for a lease to run out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_hands_runs_back() {
    on_both(async |ground: &Ground| {
        let world = World::new();
        let vault = vault(ground).await;
        let settings = engine::Settings { grace: Duration::from_millis(200), ..engine::Settings::default() };
        let first = common::process_with(ground, &world, &vault, settings);
        let workflow = nodes(&world, "handed", json!([http("hangs"), http("after")]));
        let id = start(&first, &workflow, json!({})).await.run();
        let stop = tokio_util::sync::CancellationToken::new();
        stop.cancel();
        first.run_worker(stop).await;
        let second = process(ground, &world, &vault, 8);
        assert_eq!(second.take_work().await, 1, "{:?}", record(ground, id).await);
    })
    .await;
}

#[test]
fn a_schedule_is_found_in_a_plan() {
    let document = json!({ "nodes": [
        { "id": "s", "type": "SCHEDULE", "parameters": { "cron": "*/5 * * * *", "timezone": "Europe/Berlin" } },
        { "id": "t", "type": "TRANSFORM", "parameters": { "template": 1 } }] });
    let now = domain::Timestamp::parse("2026-11-21T21:03:00Z").unwrap();
    let found = Engine::schedules(&runnable("scheduled", document).plan, now);
    assert_eq!(found[0].next_at, domain::Timestamp::parse("2026-11-21T21:05:00Z").unwrap());
}
