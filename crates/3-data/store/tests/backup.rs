//! Backups come back, on the same database and on the other.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::{os::unix::fs::PermissionsExt, sync::Arc};

use authz::action::ViewWorkflow;
use domain::{AuditId, AuditResult, EventKind, NewEvent, WorkflowId};
use harness::{Ground, PlainLinker, on_both, permit, postgres_database, scope, sqlite_database, system, team, uuid};
use serde_json::json;
use store::{
    AuditRowDraft, ChainKey, Effects, Error, Location, Store, StoreConfig,
    people::Team,
    workflows::{NewVersion, NewWorkflow, Publish},
};

async fn fill(ground: &Ground) {
    let (store, at) = (&ground.store, ground.clock.now());
    let team = Team { id: team(1), slug: "a-team".to_owned(), name: "A \"team\" \\ ü\n".to_owned(), created_at: at };
    let draft = |n: u128| AuditRowDraft {
        chain: ChainKey::Of(scope(1)),
        id: AuditId::from_uuid(uuid(n)),
        at,
        operation: "x".to_owned(),
        target: None,
        result: AuditResult::Succeeded,
        request: None,
        intent: None,
        subject: None,
        body: vec![0, 255, 10, 34],
    };
    let event = |n: i64| NewEvent {
        scope: scope(1),
        at,
        kind: EventKind::RunQueued,
        workflow: None,
        run: None,
        payload: json!({ "n": n }),
    };
    store.add_team(system(), team, Effects::audited((1..=600).map(draft).collect())).await.unwrap();
    store.record(Effects { events: (0..50).map(event).collect(), ..Effects::none() }).await.unwrap();
    let first = NewVersion { hash: "h".to_owned(), definition: "{}".to_owned(), note: None };
    let id = WorkflowId::from_uuid(uuid(1));
    let new = NewWorkflow { id, name: "w".to_owned(), description: String::new(), first };
    store.add_workflow(&permit(1), new, Effects::none()).await.unwrap();
    store.publish(&permit(1), id, 1, Publish::default(), Effects::none()).await.unwrap();
}

/// What a reader sees, as text.
async fn seen(store: &Store) -> String {
    let entries = store.audit_range(system(), &ChainKey::Of(scope(1)), 1, 1000).await.unwrap();
    let head = store.audit_head(system(), &ChainKey::Of(scope(1))).await.unwrap();
    let events = store.events_after(&permit::<ViewWorkflow>(1), 0, 1000).await.unwrap();
    let workflow = store.workflow(&permit(1), WorkflowId::from_uuid(uuid(1))).await.unwrap();
    let teams = store.teams(system()).await.unwrap();
    format!("{} {} {entries:?} {head:?} {events:?} {workflow:?} {teams:?}", entries.len(), events.len())
}

/// A dump of either database is restored into both, and a database that is not empty is left alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_dump_goes_into_either_database() {
    on_both(async |ground| {
        fill(ground).await;
        let (path, before) = (ground.folder.path().join("dump.jsonl"), seen(&ground.store).await);
        assert!(before.starts_with("600 50 "));
        let rows = store::dump(&ground.config, &path).await.unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let refused = store::restore(&ground.config, &path).await;
        assert!(matches!(refused, Err(Error::Backup(why)) if why.contains("not empty")));
        for other in [sqlite_database().await, postgres_database().await] {
            assert_eq!(store::restore(&other.config, &path).await.unwrap(), rows);
            assert_eq!(seen(&other.store).await, before);
            other.store.record(Effects::none()).await.unwrap();
            other.store.close().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_that_was_cut_off_restores_nothing() {
    on_both(async |ground| {
        fill(ground).await;
        let path = ground.folder.path().join("dump.jsonl");
        store::dump(&ground.config, &path).await.unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let cut = text.lines().take(400).map(|line| format!("{line}\n")).collect::<String>();
        std::fs::write(&path, cut).unwrap();
        let other = sqlite_database().await;
        assert!(matches!(store::restore(&other.config, &path).await, Err(Error::Backup(_))));
        assert!(other.store.teams(system()).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_a_database_in_use_opens_as_it_was() {
    let ground = sqlite_database().await;
    fill(&ground).await;
    let copy = ground.folder.path().join("copy.db");
    store::backup(&ground.config, &copy).await.unwrap();
    assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(store::backup(&ground.config, &copy).await.is_err(), "a backup never writes over a file");
    let config = StoreConfig::at(Location::Sqlite(copy));
    let opened = Store::open(&config, ground.clock.clock(), Arc::new(PlainLinker)).await.unwrap();
    assert_eq!(seen(&opened).await, seen(&ground.store).await);
}
