//! Runs that the clock starts.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod common;

use std::time::Duration;

use authz::action::EditWorkflow;
use common::{World, permit, process, until, vault};
use domain::{Principal, RunStatus};
use engine::Engine;
use harness::{Ground, on_both, system, team, user};
use serde_json::json;
use store::{
    Effects,
    people::Team,
    runs::RunFilter,
    workflows::{NewVersion, NewWorkflow, Publish},
};

/// Two servers see the same schedule due: one run, with the rights of its publisher; the next time is the next run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schedule_fires_once_for_all_servers() {
    on_both(async |ground: &Ground| {
        let world = World::new();
        let vault = vault(ground).await;
        let (one, two) = (process(ground, &world, &vault, 4), process(ground, &world, &vault, 4));
        let workflow = world.publish(
            "scheduled",
            json!({ "nodes": [
                { "id": "s", "type": "SCHEDULE", "parameters": { "cron": "*/5 * * * *" } },
                { "id": "t", "type": "TRANSFORM", "parameters": { "template": "{{ 1 + 1 }}" } }
            ] }),
        );
        let at = ground.clock.now();
        let ours = Team { id: team(1), slug: "team-1".into(), name: "Team 1".into(), created_at: at };
        ground.store.add_team(system(), ours, Effects::none()).await.unwrap();
        let first = NewVersion { hash: workflow.version.clone(), definition: "{}".into(), note: None };
        let (name, description) = ("scheduled".to_owned(), String::new());
        let new = NewWorkflow { id: workflow.workflow, name, description, first };
        ground.store.add_workflow(&permit::<EditWorkflow>(), new, Effects::none()).await.unwrap();
        let with = Publish { webhooks: Vec::new(), schedules: Engine::schedules(&workflow.plan, world.clock().now()) };
        ground.store.publish(&permit(), workflow.workflow, 1, with, Effects::none()).await.unwrap();

        assert_eq!(one.fire_due().await, 0);
        world.later(Duration::from_secs(301));
        let (by_one, by_two) = tokio::join!(one.fire_due(), two.fire_due());
        assert_eq!(by_one + by_two, 1);
        let runs = ground.store.runs(&permit(), &RunFilter::default(), None, 10).await.unwrap();
        assert_eq!(runs.len(), 1);
        assert!(matches!(runs[0].principal, Principal::Trigger { publisher, .. } if publisher == user(1)));
        until(ground, &[&one, &two], runs[0].id, RunStatus::Succeeded).await;
        assert_eq!(one.fire_due().await, 0);
        world.later(Duration::from_secs(300));
        assert_eq!(one.fire_due().await, 1);
        world.take_rights();
        world.later(Duration::from_secs(300));
        assert_eq!(one.fire_due().await, 0, "a publisher without the right starts nothing");
        one.sweep().await;
    })
    .await;
}
