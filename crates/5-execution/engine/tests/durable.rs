//! What was acknowledged is not lost: a process dies at every moment that a run has, and another goes on.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod common;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use common::{World, http, process, record, run, start, until, vault};
use domain::RunStatus;
use harness::{Ground, on_both};
use serde_json::json;

/// Two calls in a row, then three at once, then one that reads them.
fn long(world: &World) -> engine::ports::Runnable {
    world.publish(
        "long",
        json!({
            "nodes": [
                http("first"),
                http("second"),
                { "id": "each", "type": "FOR_EACH", "parameters": {
                    "items": [1, 2, 3], "max_parallel": 2,
                    "body": { "nodes": [{ "id": "item", "type": "HTTP_REQUEST",
                        "parameters": { "url": "https://example.com/item/{{ item }}" } }], "edges": [] } } },
                http("last"),
                { "id": "out", "type": "TRANSFORM", "parameters": { "template": { "first": "{{ nodes.first.body.url }}" } } }
            ]
        }),
    )
}

/// Calls of that workflow; each has two moments (begun, performed), and the end has one.
const CALLS: usize = 6;

async fn dies_at(ground: &Ground, vault: &Arc<vault::Vault>, moment: i64) {
    let world = World::new();
    let workflow = long(&world);
    let first = process(ground, &world, vault, 8);
    world.die_at(moment);
    let id = start(&first, &workflow, json!({})).await.run();
    for _ in 0..500 {
        if world.is_dead() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(world.is_dead(), "there is no moment {moment}");
    tokio::time::sleep(Duration::from_millis(30)).await;
    world.live();
    world.later(Duration::from_secs(40));
    let second = process(ground, &world, vault, 8);
    let ended = until(ground, &[&second], id, RunStatus::Succeeded).await;
    let view = ended.view.unwrap();
    assert_eq!(view["output"]["first"], "https://example.com/first", "moment {moment}: {view}");

    let mut performed: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (key, _, what) in world.log() {
        performed.entry(what).or_default().push(key);
    }
    assert_eq!(performed.len(), CALLS, "moment {moment}: {performed:?}");
    // Whatever was in flight is repeated, at most once, with the same key; whatever was recorded is not.
    let repeated = performed.values().filter(|keys| keys.len() > 1).count();
    assert!(repeated <= 2, "moment {moment}: {performed:?}");
    for keys in performed.values() {
        assert!(keys.len() <= 2 && keys.iter().all(|key| *key == keys[0]), "moment {moment}: {keys:?}");
    }

    // The dead process comes back: it has lost its lease and changes nothing.
    let before = record(ground, id).await;
    world.haunt();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(record(ground, id).await, before, "moment {moment}");
}

/// Issue 2, torture: no step is performed again after its checkpoint; an in-flight call is repeated with the same key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_may_die_at_every_moment() {
    on_both(async |ground: &Ground| {
        let vault = vault(ground).await;
        for moment in 1..=(2 * CALLS as i64 + 1) {
            dies_at(ground, &vault, moment).await;
        }
    })
    .await;
}

/// R004: what a person sees of a run is complete after it was taken over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_of_every_node_is_kept() {
    on_both(async |ground: &Ground| {
        let world = World::new();
        let engine = process(ground, &world, &vault(ground).await, 8);
        let finished = run(&engine, &long(&world), json!({ "mail": "ada@example.com" })).await;
        assert_eq!(finished.status, RunStatus::Succeeded, "{:?}", finished.failure);
        let record = record(ground, finished.run).await;
        let view = record.view.unwrap();
        assert_eq!(view["input"]["mail"], "[EMAIL_ADDRESS]");
        let nodes: Vec<&str> = view["nodes"].as_array().unwrap().iter().filter_map(|n| n["node"].as_str()).collect();
        assert!(nodes.len() >= 8 && nodes.contains(&"item") && nodes.contains(&"out"), "{nodes:?}");
        assert!(view["nodes"].as_array().unwrap().iter().all(|node| node["status"] == "succeeded"), "{view}");
        assert!(record.finished_at >= record.started_at && record.started_at.is_some());
    })
    .await;
}

/// A step that kills its worker again and again ends its run with a named failure.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_kills_its_workers_is_given_up() {
    on_both(async |ground: &Ground| {
        let world = World::new();
        let vault = vault(ground).await;
        let workflow = world.publish("hangs", json!({ "nodes": [http("hangs")] }));
        let id = start(&process(ground, &world, &vault, 4), &workflow, json!({})).await.run();
        for _ in 0..5 {
            world.later(Duration::from_secs(40));
            assert_eq!(process(ground, &world, &vault, 4).take_work().await, 1);
            tokio::time::sleep(Duration::from_millis(60)).await;
        }
        world.later(Duration::from_secs(40));
        let ended = until(ground, &[&process(ground, &world, &vault, 4)], id, RunStatus::Failed).await;
        assert_eq!(ended.view.unwrap()["failure"]["code"], "NL-5121");
    })
    .await;
}

/// Decision 5: nothing raw is on disk while the run is under way, and no key is left after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_raw_is_on_disk() {
    harness::on_sqlite(async |ground: &Ground| {
        let world = World::new();
        let vault = vault(ground).await;
        let workflow = world.publish("raw", json!({ "nodes": [http("hangs")] }));
        let engine = process(ground, &world, &vault, 4);
        let started = start(&engine, &workflow, json!({ "mail": "ada@example.com", "marker": "x" })).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        let on_disk = || -> Vec<u8> {
            std::fs::read_dir(ground.folder.path())
                .unwrap()
                .flat_map(|file| std::fs::read(file.unwrap().path()).unwrap_or_default())
                .collect()
        };
        assert!(!on_disk().windows(15).any(|window| window == b"ada@example.com"));
        engine.cancel(common::permit(), started.run(), Vec::new()).await.unwrap();
        until(ground, &[&engine], started.run(), RunStatus::Cancelled).await;
        assert!(!on_disk().windows(15).any(|window| window == b"ada@example.com"));
        assert_eq!(ground.store.sealed_run_key(common::scope(), started.run()).await.unwrap(), None);
    })
    .await;
}

/// Two workers never drive the same run, whatever they claim at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_workers_share_the_queue() {
    on_both(async |ground: &Ground| {
        let world = World::new();
        let vault = vault(ground).await;
        let workflow = world.publish("one", json!({ "nodes": [http("once")] }));
        let server = process(ground, &world, &vault, 0);
        let mut runs = Vec::new();
        for _ in 0..20 {
            runs.push(start(&server, &workflow, json!({})).await.run());
        }
        let workers: Vec<_> = (0..3).map(|_| Arc::new(process(ground, &world, &vault, 4))).collect();
        for run in &runs {
            let all: Vec<&engine::Engine> = workers.iter().map(AsRef::as_ref).collect();
            until(ground, &all, *run, RunStatus::Succeeded).await;
        }
        assert_eq!(world.log().len(), 20);
    })
    .await;
}
