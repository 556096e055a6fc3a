//! Workflows, versions, publications, webhooks, violations, kept answers and settings, on both databases.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::time::Duration;

use authz::{
    Actor, Narrowing,
    action::{EditWorkflow, ManageTeam, ViewIncidents, ViewWorkflow},
};
use domain::{Enforcement, Environment, FindingId, Principal, Role, Scope, Severity, WebhookId, WorkflowId};
use harness::{Ground, on_both, permit, permit_for, scope, system, team, user, uuid};
use serde_json::json;
use store::{
    Effects, Error, PageRequest,
    people::Team,
    records::{Begun, KeptAnswer, SettingOf, Violation, ViolationFilter, ViolationKind},
    workflows::{NewVersion, NewWebhook, NewWorkflow, Publish},
};

fn version(text: &str) -> NewVersion {
    NewVersion { hash: format!("hash of {text}"), definition: text.to_owned(), note: None }
}
fn id(n: u128) -> WorkflowId {
    WorkflowId::from_uuid(uuid(n))
}
fn new(n: u128, name: &str) -> NewWorkflow {
    NewWorkflow { id: id(n), name: name.to_owned(), description: String::new(), first: version("{}") }
}
fn at(environment: Environment, n: u128) -> Scope {
    Scope { environment, ..scope(n) }
}

async fn two_teams(ground: &Ground) {
    for n in [1, 2] {
        let team =
            Team { id: team(n), slug: format!("team-{n}"), name: format!("Team {n}"), created_at: ground.clock.now() };
        ground.store.add_team(system(), team, Effects::none()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_is_its_teams_alone() {
    on_both(async |ground| {
        let store = &ground.store;
        two_teams(ground).await;
        let (mine, theirs) = (permit::<EditWorkflow>(1), permit::<EditWorkflow>(2));
        store.add_workflow(&mine, new(1, "agent"), Effects::none()).await.unwrap();
        let twice = store.add_workflow(&mine, new(2, "agent"), Effects::none()).await;
        assert!(matches!(twice, Err(Error::Taken { what }) if what == "an entry of workflows"));
        store.add_workflow(&theirs, new(3, "agent"), Effects::none()).await.unwrap();

        assert!(store.workflow(&permit::<ViewWorkflow>(2), id(1)).await.unwrap().is_none());
        let found = store.workflow(&permit::<ViewWorkflow>(1), id(1)).await.unwrap().unwrap();
        assert_eq!((found.latest, found.created_by), (1, Principal::User { id: user(1) }));
        assert_eq!(store.workflow_named(&permit(2), "agent").await.unwrap().unwrap().id, id(3));
        let all = store.workflows(&permit::<ViewWorkflow>(1), &PageRequest::default()).await.unwrap();
        assert_eq!(all.items, vec![found]);

        let refused = store.describe_workflow(&theirs, id(1), "x".into(), String::new(), Effects::none()).await;
        assert!(matches!(refused, Err(Error::Missing { .. })));
        store.describe_workflow(&mine, id(1), "renamed".into(), "d".into(), Effects::none()).await.unwrap();
        assert!(matches!(store.delete_workflow(&permit(2), id(1), Effects::none()).await, Err(Error::Missing { .. })));
        store.delete_workflow(&permit(1), id(1), Effects::none()).await.unwrap();
        assert!(store.workflow(&permit::<ViewWorkflow>(1), id(1)).await.unwrap().is_none());
        store.add_workflow(&mine, new(4, "renamed"), Effects::none()).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_are_numbered_and_the_same_text_is_the_same_version() {
    on_both(async |ground| {
        let store = &ground.store;
        two_teams(ground).await;
        let mine = permit::<EditWorkflow>(1);
        store.add_workflow(&mine, new(1, "agent"), Effects::none()).await.unwrap();
        assert_eq!(store.add_version(&mine, id(1), version("{1}"), Effects::none()).await.unwrap(), 2);
        assert_eq!(store.add_version(&mine, id(1), version("{}"), Effects::none()).await.unwrap(), 1);
        assert_eq!(store.add_version(&mine, id(1), version("{2}"), Effects::none()).await.unwrap(), 3);
        let theirs = store.add_version(&permit(2), id(1), version("{3}"), Effects::none()).await;
        assert!(matches!(theirs, Err(Error::Missing { .. })));
        assert_eq!(store.version(&permit(1), id(1), 2).await.unwrap().unwrap().definition, "{1}");
        assert!(store.version(&permit(2), id(1), 2).await.unwrap().is_none());
        let by_hash = store.version_by_hash(system(), id(1), "hash of {2}").await.unwrap().unwrap();
        assert_eq!(by_hash.shown.number, 3);
        let page = store.versions(&permit(1), id(1), &PageRequest::first(2)).await.unwrap();
        assert_eq!(page.items.iter().map(|v| v.number).collect::<Vec<_>>(), [3, 2]);
        let next = PageRequest { after: page.next, limit: 2 };
        assert_eq!(store.versions(&permit(1), id(1), &next).await.unwrap().items[0].number, 1);
        assert!(store.versions(&permit(2), id(1), &PageRequest::default()).await.unwrap().items.is_empty());
    })
    .await;
}

/// R263–R266: each environment runs its own published version; promotion carries one over.
#[tokio::test(flavor = "multi_thread")]
async fn each_environment_runs_its_own_version() {
    on_both(async |ground| {
        let store = &ground.store;
        two_teams(ground).await;
        let (dev, live) = (at(Environment::Development, 1), scope(1));
        store.add_workflow(&permit(1), new(1, "agent"), Effects::none()).await.unwrap();
        store.add_version(&permit(1), id(1), version("{1}"), Effects::none()).await.unwrap();
        let hook = |n: u128| NewWebhook {
            id: WebhookId::from_uuid(uuid(n)),
            node: "in".to_owned(),
            path: format!("path-{n}"),
            credential: None,
        };
        let with = |n| Publish { webhooks: vec![hook(n)], schedules: vec![] };
        store.publish(&permit_for(dev), id(1), 2, with(1), Effects::none()).await.unwrap();
        assert!(store.workflow_to_run(&permit(1), id(1)).await.unwrap().is_none());
        assert_eq!(store.workflow_to_run(&permit_for(dev), id(1)).await.unwrap().unwrap().shown.number, 2);
        assert!(store.workflow_to_run(&permit_for(at(Environment::Development, 2)), id(1)).await.unwrap().is_none());

        let nothing = store.promote(&permit(1), id(1), Environment::Staging, Publish::default(), Effects::none()).await;
        assert!(matches!(nothing, Err(Error::Missing { .. })));
        let done = store.promote(&permit(1), id(1), Environment::Development, with(2), Effects::none()).await.unwrap();
        assert_eq!((done.version, done.promoted_from), (2, Some(Environment::Development)));
        store.publish(&permit(1), id(1), 1, with(3), Effects::none()).await.unwrap();
        let (ran, by) = store.published_version(system(), live, id(1)).await.unwrap().unwrap();
        assert_eq!((ran.shown.number, by), (1, Principal::User { id: user(1) }));

        let moved = store.webhook_at(system(), "path-3").await.unwrap().unwrap();
        assert_eq!((moved.scope, moved.id), (live, hook(2).id), "it is the same webhook, where the version says");
        assert!(store.webhook_at(system(), "path-2").await.unwrap().is_none());
        assert_eq!(store.webhooks(&permit(1), id(1)).await.unwrap().len(), 1);
        assert!(store.webhooks(&permit(2), id(1)).await.unwrap().is_empty());
        assert!(matches!(store.unpublish(&permit(2), id(1), Effects::none()).await, Err(Error::Missing { .. })));
        store.unpublish(&permit(1), id(1), Effects::none()).await.unwrap();
        assert!(store.webhook_at(system(), "path-2").await.unwrap().is_none());
        assert!(store.published_version(system(), live, id(1)).await.unwrap().is_none());
        assert_eq!(store.publications(&permit(1), id(1)).await.unwrap().len(), 3);
        assert!(store.publications(&permit(2), id(1)).await.unwrap().is_empty());
        let theirs = store.publish(&permit(2), id(1), 1, Publish::default(), Effects::none()).await;
        assert!(matches!(theirs, Err(Error::Missing { .. })));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn violations_are_kept_with_the_change_that_met_them() {
    on_both(async |ground| {
        let store = &ground.store;
        let violation = |n: u128, of: u128| Violation {
            id: FindingId::from_uuid(uuid(n)),
            kind: if n.is_multiple_of(2) { ViolationKind::Policy } else { ViolationKind::Guardrail },
            scope: scope(of),
            workflow: Some(id(1)),
            run: None,
            node: Some("guard".to_owned()),
            name: "PROMPT_INJECTION".to_owned(),
            severity: Severity::High,
            enforcement: Enforcement::Block,
            detail: json!({ "by": "rule" }),
            at: ground.clock.now(),
        };
        let violations = vec![violation(1, 1), violation(2, 1), violation(3, 2)];
        let effects = Effects { violations, ..Effects::none() };
        store.record(effects.clone()).await.unwrap();
        store.record(effects).await.unwrap();
        let mine = permit::<ViewIncidents>(1);
        let all = store.violations(&mine, &ViolationFilter::default(), &PageRequest::default()).await.unwrap();
        assert_eq!(all.items, vec![violation(2, 1), violation(1, 1)]);
        let only = ViolationFilter { kind: Some(ViolationKind::Policy), ..ViolationFilter::default() };
        assert_eq!(store.violations(&mine, &only, &PageRequest::default()).await.unwrap().items.len(), 1);
        let theirs = store.violations(&permit(2), &ViolationFilter::default(), &PageRequest::default()).await.unwrap();
        assert_eq!(theirs.items, vec![violation(3, 2)]);
        let named = ViolationFilter { name: Some("CONTENT_FILTER".to_owned()), ..ViolationFilter::default() };
        assert!(store.violations(&mine, &named, &PageRequest::default()).await.unwrap().items.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn violations_are_counted_by_day() {
    const DAY: Duration = Duration::from_secs(86_400);
    on_both(async |ground| {
        let store = &ground.store;
        let midnight = domain::Timestamp::from_micros(20_000 * 86_400_000_000);
        let violation = |n: u8, at: domain::Timestamp, name: &str, of: u128| Violation {
            id: FindingId::new(at, [n; 10]),
            kind: ViolationKind::Guardrail,
            scope: scope(of),
            workflow: None,
            run: None,
            node: None,
            name: name.to_owned(),
            severity: Severity::High,
            enforcement: Enforcement::Block,
            detail: json!({}),
            at,
        };
        let hour = Duration::from_secs(3600);
        let violations = vec![
            violation(1, midnight - DAY - hour, "PROMPT_INJECTION", 1),
            violation(2, midnight - hour, "PROMPT_INJECTION", 1),
            violation(3, midnight, "PROMPT_INJECTION", 1),
            violation(4, midnight + hour, "PROMPT_INJECTION", 1),
            violation(5, midnight + hour, "internal names", 1),
            violation(6, midnight + hour, "PROMPT_INJECTION", 2),
        ];
        store.record(Effects { violations, ..Effects::none() }).await.unwrap();
        let days = store.violations_by_day(&permit::<ViewIncidents>(1), midnight - DAY).await.unwrap();
        let shown: Vec<_> = days.iter().map(|d| (d.day, d.name.as_str(), d.enforcement, d.found)).collect();
        let expected = vec![
            (midnight, "PROMPT_INJECTION", Enforcement::Block, 2),
            (midnight, "internal names", Enforcement::Block, 1),
            (midnight - DAY, "PROMPT_INJECTION", Enforcement::Block, 1),
        ];
        assert_eq!(shown, expected, "another team's are not counted, nor what lies before");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_gets_the_kept_answer() {
    on_both(async |ground| {
        let store = &ground.store;
        let actor = |of| Actor::new(Principal::User { id: user(1) }, scope(of), Role::Admin, Narrowing::default());
        let until = ground.clock.now() + Duration::from_secs(60);
        let begin = |of, request| {
            let actor = actor(of);
            async move { store.begin_once(&actor, "k".to_owned(), [request; 32], until).await.unwrap() }
        };
        let (a, b) = tokio::join!(begin(1, 1), begin(1, 1));
        assert!([&a, &b].contains(&&Begun::New) && [&a, &b].contains(&&Begun::InProgress));
        assert_eq!(begin(2, 1).await, Begun::New);
        assert_eq!(begin(1, 2).await, Begun::OtherRequest);
        let answer = KeptAnswer { status: 202, body: b"{}".to_vec() };
        store.keep_answer(&actor(1), "k".to_owned(), answer.clone()).await.unwrap();
        assert_eq!(begin(1, 1).await, Begun::Done(answer));
        store.let_go(&actor(2), "k".to_owned()).await.unwrap();
        assert_eq!(begin(2, 9).await, Begun::New);
        ground.clock.advance(Duration::from_secs(120));
        assert_eq!(begin(1, 2).await, Begun::New);
        assert_eq!(store.sweep_kept_answers(system(), ground.clock.now()).await.unwrap(), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_the_instances_the_teams_or_an_environments() {
    on_both(async |ground| {
        let store = &ground.store;
        let set = |only, value| store.set_team_setting(&PERMIT, only, "x".to_owned(), json!(value), Effects::none());
        static PERMIT: std::sync::LazyLock<authz::Permit<ManageTeam>> = std::sync::LazyLock::new(|| permit(1));
        store.set_setting(system(), SettingOf::Instance, "x".to_owned(), json!(0), Effects::none()).await.unwrap();
        set(false, 1).await.unwrap();
        set(true, 2).await.unwrap();
        set(true, 3).await.unwrap();
        let read = async |of| store.setting(system(), of, "x").await.unwrap();
        assert_eq!(read(SettingOf::Instance).await, Some(json!(0)));
        assert_eq!(read(SettingOf::Team(team(1))).await, Some(json!(1)));
        assert_eq!(read(SettingOf::Environment(team(1), Environment::Production)).await, Some(json!(3)));
        assert_eq!(read(SettingOf::Environment(team(1), Environment::Staging)).await, None);
        assert_eq!(read(SettingOf::Team(team(2))).await, None);
    })
    .await;
}
