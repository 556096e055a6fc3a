//! Teams, people, machines and how they prove who they are, on both databases.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::time::Duration;

use authz::{
    Permission,
    action::{ManageTeam, ViewWorkflow},
};
use domain::{ApiKeyId, Environment, Role, ServiceAccountId, SessionId};
use harness::{Ground, on_both, permit, system, team, user, uuid};
use store::{
    Effects, Error, PageRequest,
    people::{
        ApiKey, ApiKeyShown, Cooldown, FirstAdmin, Member, Membership, Method, RefreshToken, Rotation, Session, Team,
        User,
    },
};

fn person(n: u128, ground: &Ground) -> User {
    User {
        id: user(n),
        email: format!("user{n}@example.org"),
        name: format!("User {n}"),
        password_hash: Some("$2b$12$…".to_owned()),
        email_verified_at: None,
        disabled_at: None,
        created_at: ground.clock.now(),
    }
}

async fn two_teams(ground: &Ground) {
    for n in [1, 2] {
        let team =
            Team { id: team(n), slug: format!("team-{n}"), name: format!("Team {n}"), created_at: ground.clock.now() };
        ground.store.add_team(system(), team, Effects::none()).await.unwrap();
        ground.store.add_user(system(), person(n, ground), Effects::none()).await.unwrap();
        join(ground, n, n, Role::Admin).await;
    }
}

async fn join(ground: &Ground, n: u128, who: u128, role: Role) {
    let membership = Membership {
        team: team(n),
        member: Member::User(user(who)),
        role,
        source: "manual".to_owned(),
        created_at: ground.clock.now(),
    };
    ground.store.put_membership(system(), membership, Effects::none()).await.unwrap();
}

fn key(n: u128, of: u128, owner: Member, ground: &Ground) -> ApiKey {
    let shown = ApiKeyShown {
        id: ApiKeyId::from_uuid(uuid(n)),
        prefix: "nlk_abcdef".to_owned(),
        name: format!("Key {n}"),
        team: team(of),
        owner,
        permissions: Some(vec![Permission::ExecuteWorkflow]),
        environments: Some(vec![Environment::Staging]),
        addresses: vec!["10.0.0.0/8".to_owned()],
        created_at: ground.clock.now(),
        expires_at: None,
        revoked_at: None,
        last_used_at: None,
        last_used_from: None,
    };
    ApiKey { hash: [n as u8; 32], shown }
}

fn session(n: u128, ground: &Ground) -> (Session, RefreshToken) {
    let at = ground.clock.now();
    let id = SessionId::from_uuid(uuid(n));
    let expires_at = at + Duration::from_secs(3600);
    let client = "::1".to_owned();
    let (user, user_agent, ended_at) = (user(1), Some("agent".to_owned()), None);
    let method = Method::Password;
    let session = Session {
        id,
        user,
        authenticated_at: at,
        created_at: at,
        expires_at,
        ended_at,
        client,
        user_agent,
        method,
        last_seen_at: Some(at),
        renew: false,
    };
    (session, RefreshToken { hash: [n as u8; 32], session: id, issued_at: at, expires_at, used_at: None })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_has_one_account_per_address() {
    on_both(async |ground| {
        let store = &ground.store;
        store.add_user(system(), person(1, ground), Effects::none()).await.unwrap();
        let again = User { id: user(9), ..person(1, ground) };
        let refused = store.add_user(system(), again, Effects::none()).await;
        assert!(matches!(refused, Err(Error::Taken { what }) if what == "an entry of users"));
        store.set_password(system(), user(1), "new".to_owned(), Effects::none()).await.unwrap();
        store.verify_email(system(), user(1), ground.clock.now(), Effects::none()).await.unwrap();
        let found = store.user_by_email(system(), "user1@example.org").await.unwrap().unwrap();
        assert_eq!((found.password_hash.as_deref(), found.email_verified_at), (Some("new"), Some(ground.clock.now())));
        assert_eq!(store.user(system(), user(1)).await.unwrap(), Some(found));
        let missing = store.set_password(system(), user(7), String::new(), Effects::none()).await;
        assert!(matches!(missing, Err(Error::Missing { .. })));
    })
    .await;
}

/// R048: disabling a person ends their sessions and revokes their keys at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_person_is_nobody_any_more() {
    on_both(async |ground| {
        let store = &ground.store;
        two_teams(ground).await;
        let (first, token) = session(1, ground);
        store.open_session(system(), first.clone(), token, Effects::none()).await.unwrap();
        let mine = key(1, 1, Member::User(user(1)), ground);
        store.add_api_key(&permit(1), mine, Effects::none()).await.unwrap();
        assert!(store.session(system(), first.id).await.unwrap().is_some());
        assert!(store.api_key_by_hash(system(), [1; 32]).await.unwrap().is_some());

        store.disable_user(system(), user(1), ground.clock.now(), Effects::none()).await.unwrap();
        assert_eq!(store.session(system(), first.id).await.unwrap(), None);
        assert_eq!(store.api_key_by_hash(system(), [1; 32]).await.unwrap(), None);
        assert_eq!(store.role_of(system(), Member::User(user(1)), team(1)).await.unwrap(), None);
        assert!(store.sessions_of(system(), user(1)).await.unwrap().is_empty());

        store.enable_user(system(), user(1), Effects::none()).await.unwrap();
        assert_eq!(store.role_of(system(), Member::User(user(1)), team(1)).await.unwrap(), Some(Role::Admin));
        assert!(store.api_key_by_hash(system(), [1; 32]).await.unwrap().unwrap().shown.revoked_at.is_some());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_team_keeps_an_admin_and_sees_its_own_members_alone() {
    on_both(async |ground| {
        let store = &ground.store;
        two_teams(ground).await;
        let (me, them) = (Member::User(user(1)), Member::User(user(2)));
        let admin = permit::<ManageTeam>(1);
        let alone = store.set_role(&admin, me, Role::Viewer, Effects::none()).await;
        assert!(matches!(alone, Err(Error::Refused { .. })));
        assert!(matches!(store.remove_member(&admin, me, Effects::none()).await, Err(Error::Refused { .. })));
        assert!(matches!(store.remove_member(&admin, them, Effects::none()).await, Err(Error::Missing { .. })));
        store.set_role(&admin, them, Role::Admin, Effects::none()).await.unwrap();
        store.set_role(&admin, me, Role::Viewer, Effects::none()).await.unwrap();
        assert_eq!(store.role_of(system(), me, team(1)).await.unwrap(), Some(Role::Viewer));
        assert_eq!(store.role_of(system(), me, team(2)).await.unwrap(), None);
        assert_eq!(store.teams_of(system(), them).await.unwrap().len(), 2);
        let members = store.members(&admin, &PageRequest::first(50)).await.unwrap().items;
        assert_eq!(members.iter().filter_map(|m| m.email.as_deref()).collect::<Vec<_>>().len(), 2);
        assert_eq!(store.members(&permit::<ManageTeam>(2), &PageRequest::first(50)).await.unwrap().items.len(), 1);
        store.remove_member(&admin, me, Effects::none()).await.unwrap();
        store.change_team(&admin, Some("New".to_owned()), None, Effects::none()).await.unwrap();
        assert_eq!(store.team(&permit::<ViewWorkflow>(1)).await.unwrap().unwrap().name, "New");
        assert_eq!(store.team(&permit::<ViewWorkflow>(2)).await.unwrap().unwrap().name, "Team 2");
        assert_eq!(store.teams(system()).await.unwrap().len(), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_belong_to_a_member_of_their_team_and_are_seen_there_alone() {
    on_both(async |ground| {
        let store = &ground.store;
        two_teams(ground).await;
        let (id, admin) = (ServiceAccountId::from_uuid(uuid(50)), permit::<ManageTeam>(1));
        let robot = Member::ServiceAccount(id);
        store.add_service_account(&admin, id, "robot".to_owned(), Role::Operator, Effects::none()).await.unwrap();
        assert_eq!(store.service_accounts(&admin).await.unwrap().len(), 1);
        assert!(store.service_accounts(&permit::<ManageTeam>(2)).await.unwrap().is_empty());
        for n in 1..=5 {
            store.add_api_key(&admin, key(n, 1, robot, ground), Effects::none()).await.unwrap();
        }
        let stranger = store.add_own_api_key(system(), key(9, 2, robot, ground), Effects::none()).await;
        assert!(matches!(stranger, Err(Error::Missing { .. })));
        let page = store.api_keys(&admin, &PageRequest::first(3)).await.unwrap();
        assert_eq!(page.items.len(), 3);
        let rest = PageRequest { after: page.next, limit: 3 };
        assert_eq!(store.api_keys(&admin, &rest).await.unwrap().items.len(), 2);
        assert!(store.api_keys(&permit::<ManageTeam>(2), &rest).await.unwrap().items.is_empty());

        let found = store.api_key_by_hash(system(), [1; 32]).await.unwrap().unwrap();
        assert_eq!(found, key(1, 1, robot, ground));
        store.api_key_used(system(), found.shown.id, "10.1.2.3".to_owned(), ground.clock.now()).await.unwrap();
        let theirs = store.revoke_api_key(&permit::<ManageTeam>(2), found.shown.id, Effects::none()).await;
        assert!(matches!(theirs, Err(Error::Missing { .. })));
        store.revoke_api_key(&admin, found.shown.id, Effects::none()).await.unwrap();
        let found = store.api_key_by_hash(system(), [1; 32]).await.unwrap().unwrap().shown;
        assert!(found.revoked_at.is_some() && found.last_used_from.as_deref() == Some("10.1.2.3"));

        let theirs = store.disable_service_account(&permit::<ManageTeam>(2), id, Effects::none()).await;
        assert!(matches!(theirs, Err(Error::Missing { .. })));
        store.disable_service_account(&admin, id, Effects::none()).await.unwrap();
        assert_eq!(store.api_key_by_hash(system(), [2; 32]).await.unwrap(), None);
        assert_eq!(store.role_of(system(), robot, team(1)).await.unwrap(), None);
    })
    .await;
}

/// R033: of two that present one refresh token, exactly one gets the next.
#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_is_used_once() {
    on_both(async |ground| {
        let store = &ground.store;
        two_teams(ground).await;
        let (first, token) = session(1, ground);
        store.open_session(system(), first.clone(), token.clone(), Effects::none()).await.unwrap();
        let next = |n: u8| RefreshToken { hash: [n; 32], ..token.clone() };
        let (a, b) =
            tokio::join!(store.rotate(system(), token.hash, next(10)), store.rotate(system(), token.hash, next(11)));
        let outcomes = [a.unwrap(), b.unwrap()];
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == Rotation::Rotated).count(), 1);
        assert!(outcomes.contains(&Rotation::AlreadyUsed { at: token.issued_at }));
        assert_eq!(store.rotate(system(), [99; 32], next(12)).await.unwrap(), Rotation::Unknown);
        store.add_refresh_token(system(), next(13), Effects::none()).await.unwrap();
        assert!(store.refresh_token(system(), [13; 32]).await.unwrap().is_some());
        store.end_session(system(), first.id, ground.clock.now(), Effects::none()).await.unwrap();
        assert_eq!(store.refresh_token(system(), [13; 32]).await.unwrap(), None);
        assert!(store.session(system(), first.id).await.unwrap().unwrap().ended_at.is_some());
        let later = ground.clock.now() + Duration::from_secs(7200);
        assert_eq!(store.sweep_sessions(system(), later).await.unwrap(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_is_set_up_once() {
    on_both(async |ground| {
        let (store, now) = (&ground.store, ground.clock.now());
        let soon = now + Duration::from_secs(60);
        let first = |n: u128| FirstAdmin {
            user: person(n, ground),
            team: Team { id: team(n), slug: format!("first-{n}"), name: "First".to_owned(), created_at: now },
        };
        store.put_setup_token(system(), [1; 32], soon).await.unwrap();
        store.put_setup_token(system(), [2; 32], soon).await.unwrap();
        assert!(!store.setup_token_valid(system(), [1; 32], now).await.unwrap());
        assert!(store.setup_token_valid(system(), [2; 32], now).await.unwrap());
        assert!(!store.setup_token_valid(system(), [2; 32], soon).await.unwrap());
        assert!(!store.any_user(system()).await.unwrap());
        let (a, b) = tokio::join!(
            store.set_up(system(), [2; 32], first(1), now, Effects::none()),
            store.set_up(system(), [2; 32], first(2), now, Effects::none())
        );
        assert_eq!(a.unwrap() as u8 + b.unwrap() as u8, 1);
        assert!(store.any_user(system()).await.unwrap());
        store.put_setup_token(system(), [3; 32], soon).await.unwrap();
        assert!(!store.set_up(system(), [3; 32], first(3), now, Effects::none()).await.unwrap());
    })
    .await;
}

/// R041: failures are counted in storage, so a restart forgets none.
#[tokio::test(flavor = "multi_thread")]
async fn a_cooldown_counts_every_failure() {
    on_both(async |ground| {
        let (store, now) = (&ground.store, ground.clock.now());
        let fail = || {
            store.record_failure(system(), "sign_in", [1; 32], move |before: Option<Cooldown>| Cooldown {
                failures: before.map_or(0, |b| b.failures) + 1,
                last_failure: now,
                until: now,
            })
        };
        let (a, b, c) = tokio::join!(fail(), fail(), fail());
        let mut counts = [a.unwrap().failures, b.unwrap().failures, c.unwrap().failures];
        counts.sort_unstable();
        assert_eq!(counts, [1, 2, 3]);
        assert_eq!(store.cooldown(system(), "sign_in", [1; 32]).await.unwrap().unwrap().failures, 3);
        store.clear_cooldown(system(), "sign_in", [1; 32]).await.unwrap();
        assert_eq!(store.cooldown(system(), "sign_in", [1; 32]).await.unwrap(), None);
    })
    .await;
}
