//! What a key may and may not.

use crate::world::*;

#[tokio::test]
async fn a_key_acts_for_its_owner_in_its_team_only() {
    let world = world().await;
    let (key, hash) = world.key(|_| {});
    let caller = world.with_key(&key, at(0)).await.unwrap();
    let id = world.memory.state().api_keys[&hash].id;
    assert_eq!(caller.principal(), Principal::ApiKey { id, owner: user() });
    assert!(caller.actor(scope(Environment::Development), at(0)).await.is_ok());
    let elsewhere = TeamId::new(at(0), [9; 10]);
    world.memory.state().members.insert((Member::User(user()), elsewhere), Role::Admin);
    let there = Scope { team: elsewhere, environment: Environment::Development };
    assert!(matches!(caller.actor(there, at(0)).await, Err(Error::NotAMember)));
    assert_eq!(caller.teams().await.unwrap(), [(team(), Role::Admin)]);
    assert!(!caller.recently_authenticated(Duration::MAX, at(0)));
}

#[tokio::test]
async fn a_narrowed_key_is_narrow() {
    let world = world().await;
    let (key, _) = world.key(|key| {
        key.permissions = Some(vec![Permission::ViewWorkflow]);
        key.environments = Some(vec![Environment::Staging]);
    });
    let caller = world.with_key(&key, at(0)).await.unwrap();
    let staging = caller.actor(scope(Environment::Staging), at(0)).await.unwrap();
    assert!(staging.may::<action::ViewWorkflow>().is_ok() && staging.may::<action::EditWorkflow>().is_err());
    let production = caller.actor(scope(Environment::Production), at(0)).await.unwrap();
    assert!(production.may::<action::ViewWorkflow>().is_err());
}

#[tokio::test]
async fn a_key_is_refused_from_other_addresses() {
    let world = world().await;
    let (key, _) = world.key(|key| key.addresses = vec!["192.0.2.0/24".parse().unwrap()]);
    let bearer = headers(&[("authorization", &format!("Bearer {}", key.expose()))]);
    for (from, allowed) in [("192.0.2.77", true), ("::ffff:192.0.2.77", true), ("192.0.3.1", false), ("::1", false)] {
        let result = world.identity.authenticate(&Method::GET, &bearer, from.parse().unwrap(), at(0)).await;
        assert_eq!(result.is_ok(), allowed, "{from}");
        assert!(allowed || matches!(result, Err(Error::AddressNotAllowed)));
    }
}

#[tokio::test]
async fn a_key_that_expired_was_revoked_or_never_was_is_refused() {
    let world = world().await;
    let (short, _) = world.key(|key| key.life = Some(Duration::from_secs(60)));
    assert!(world.with_key(&short, at(59)).await.is_ok());
    assert_eq!(why(world.with_key(&short, at(60)).await), NotIdentified::Expired);
    let (revoked, hash) = world.key(|_| {});
    assert!(world.with_key(&revoked, at(0)).await.is_ok());
    world.memory.state().api_keys.get_mut(&hash).unwrap().revoked_at = Some(at(0));
    assert_eq!(why(world.with_key(&revoked, at(5)).await), NotIdentified::Revoked);
    world.identity.forget_api_key(&hash);
    assert_eq!(why(world.with_key(&revoked, at(0)).await), NotIdentified::Revoked);
    let (unknown, hash) = world.key(|_| {});
    world.memory.state().api_keys.remove(&hash);
    assert_eq!(why(world.with_key(&unknown, at(0)).await), NotIdentified::Unknown);
}

#[tokio::test]
async fn a_key_of_a_service_account_acts_as_that_account() {
    let world = world().await;
    let id = ServiceAccountId::new(at(0), [5; 10]);
    let (key, hash) = world.key(|key| key.owner = KeyOwner::ServiceAccount(id));
    let key_id = world.memory.state().api_keys[&hash].id;
    let caller = world.with_key(&key, at(0)).await.unwrap();
    assert_eq!((caller.principal(), caller.user()), (Principal::ServiceAccount { id, key: Some(key_id) }, None));
    assert!(matches!(caller.actor(scope(Environment::Staging), at(0)).await, Err(Error::NotAMember)));
    world.memory.state().members.insert((Member::ServiceAccount(id), team()), Role::Operator);
    assert_eq!(caller.actor(scope(Environment::Staging), at(5)).await.unwrap().role(), Role::Operator);
}

#[tokio::test]
async fn the_hot_path_does_not_ask_storage_and_writes_the_use_once_a_minute() {
    let world = world().await;
    let (key, hash) = world.key(|_| {});
    let caller = world.with_key(&key, at(0)).await.unwrap();
    caller.actor(scope(Environment::Staging), at(0)).await.unwrap();
    tokio::task::yield_now().await;
    assert_eq!(world.memory.state().api_keys[&hash].last_used_at, Some(at(0)));
    let before = world.memory.asked.load(Ordering::Relaxed);
    for _ in 0..1000 {
        let caller = world.with_key(&key, at(1)).await.unwrap();
        caller.actor(scope(Environment::Staging), at(1)).await.unwrap();
    }
    tokio::task::yield_now().await;
    assert!(world.memory.asked.load(Ordering::Relaxed) - before <= 1);
}
