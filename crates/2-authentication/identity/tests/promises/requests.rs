//! Credentials of a request, and how long they are good.

use crate::world::*;

#[tokio::test]
async fn nothing_malformed_or_doubled_is_recognised() {
    let world = world().await;
    let signed_in = world.sign_in().await;
    let (good, cookie) = (format!("Bearer {}", signed_in.access.expose()), cookie(&signed_in));
    assert!(world.get(&[("authorization", &good)], at(1)).await.is_ok());
    use NotIdentified::*;
    for (pairs, expected) in [
        (vec![], Missing),
        (vec![("cookie", "other=1")], Missing),
        (vec![("authorization", good.as_str()), ("authorization", good.as_str())], Ambiguous),
        (vec![("cookie", cookie.as_str()), ("cookie", cookie.as_str())], Ambiguous),
        (vec![("authorization", "Basic YTpi")], Malformed),
        (vec![("authorization", "Bearer")], Malformed),
        (vec![("authorization", "Bearer ")], Malformed),
        (vec![("authorization", "Bearer a.b.c")], Malformed),
        (vec![("authorization", "Bearer nlk_short")], Malformed),
        // a wrong Authorization is not saved by a right cookie
        (vec![("authorization", "Bearer x"), ("cookie", cookie.as_str())], Malformed),
    ] {
        assert_eq!(why(world.get(&pairs, at(1)).await), expected, "{pairs:?}");
    }
}

/// R032, R039: access ends after ten minutes, the session after thirty days.
#[tokio::test]
async fn sessions_expire() {
    let world = world().await;
    let mut signed_in = world.sign_in().await;
    assert_eq!(why(world.get(&[("cookie", &cookie(&signed_in))], at(600)).await), NotIdentified::Expired);
    let day = 24 * 3600;
    for when in [10 * day, 20 * day, 29 * day] {
        signed_in = world.refresh(&signed_in.refresh, at(when)).await.unwrap();
    }
    assert_eq!(why(world.refresh(&signed_in.refresh, at(30 * day)).await), NotIdentified::Expired);
}

#[tokio::test]
async fn an_unused_refresh_token_ends_after_fourteen_days() {
    let world = world().await;
    let signed_in = world.sign_in().await;
    assert_eq!(why(world.refresh(&signed_in.refresh, at(14 * 24 * 3600)).await), NotIdentified::Expired);
}

/// R033: a refresh renews the session without the password, each token once.
#[tokio::test]
async fn refresh_tokens_rotate() {
    let world = world().await;
    let first = world.sign_in().await;
    let second = world.refresh(&first.refresh, at(700)).await.unwrap();
    assert_eq!(second.session, first.session);
    assert_ne!(second.refresh.expose(), first.refresh.expose());
    assert!(world.get(&[("cookie", &cookie(&second))], at(701)).await.is_ok());
    assert!(world.refresh(&second.refresh, at(1400)).await.is_ok());
}

/// Identity notes: refresh reuse after 10 s: 401 and the family is revoked. Within them two tabs are forgiven.
#[tokio::test]
async fn reuse_of_a_refresh_token_ends_the_session_after_the_grace() {
    let world = world().await;
    let first = world.sign_in().await;
    let winner = world.refresh(&first.refresh, at(100)).await.unwrap();
    let sibling = world.refresh(&first.refresh, at(110)).await.unwrap();
    assert!(world.refresh(&sibling.refresh, at(111)).await.is_ok());
    let reuse = world.refresh(&first.refresh, at(112)).await;
    assert!(matches!(reuse, Err(Error::RefreshReused { session, .. }) if session == first.session), "{reuse:?}");
    assert_eq!(why(world.refresh(&winner.refresh, at(113)).await), NotIdentified::Revoked);
    assert_eq!(why(world.get(&[("cookie", &cookie(&winner))], at(113)).await), NotIdentified::Revoked);
}

#[tokio::test]
async fn refresh_refuses_unknown_missing_and_foreign() {
    let world = world().await;
    let signed_in = world.sign_in().await;
    assert_eq!(why(world.refresh(&secret("guess"), at(1)).await), NotIdentified::Unknown);
    assert_eq!(why(world.identity.refresh(&HeaderMap::new(), at(1)).await), NotIdentified::Missing);
    let cookie = format!("{}={}", cookies::REFRESH, signed_in.refresh.expose());
    let foreign = headers(&[("cookie", &cookie), ("origin", "https://evil.example")]);
    assert!(matches!(world.identity.refresh(&foreign, at(1)).await, Err(Error::Csrf(_))));
}

/// Issue 5: revocation is effective everywhere within five seconds: at once here, and in a process with a memory of its
/// own once that is too old.
#[tokio::test]
async fn an_ended_session_is_dead_within_five_seconds() {
    let world = world().await;
    let signed_in = world.sign_in().await;
    let cookie = cookie(&signed_in);
    let caller = world.get(&[("cookie", &cookie)], at(1)).await.unwrap();
    world.memory.end_session(signed_in.session, at(2)).await.unwrap(); // by another process
    assert!(world.get(&[("cookie", &cookie)], at(3)).await.is_ok(), "remembered");
    assert_eq!(why(world.get(&[("cookie", &cookie)], at(6)).await), NotIdentified::Revoked);
    assert_eq!(why(caller.still_known(at(6)).await), NotIdentified::Revoked);

    let other = world.sign_in().await;
    let caller = world.get(&[("authorization", &format!("Bearer {}", other.access.expose()))], at(1)).await.unwrap();
    world.identity.end_session(other.session, at(2)).await.unwrap(); // by this one
    assert_eq!(why(caller.still_known(at(2)).await), NotIdentified::Revoked);
}

#[tokio::test]
async fn a_disabled_user_is_dead_within_five_seconds() {
    let world = world().await;
    let signed_in = world.sign_in().await;
    assert!(world.get(&[("cookie", &cookie(&signed_in))], at(1)).await.is_ok());
    world.memory.state().users.get_mut(&user()).unwrap().disabled_at = Some(at(1));
    assert_eq!(why(world.get(&[("cookie", &cookie(&signed_in))], at(6)).await), NotIdentified::Unknown);
}

#[tokio::test]
async fn a_lost_role_is_lost_within_five_seconds() {
    let world = world().await;
    let (key, _) = world.key(|_| {});
    let caller = world.with_key(&key, at(0)).await.unwrap();
    assert!(caller.actor(scope(Environment::Staging), at(0)).await.is_ok());
    world.memory.state().members.clear();
    assert!(matches!(caller.actor(scope(Environment::Staging), at(5)).await, Err(Error::NotAMember)));
}

/// Issue 5: a new session at every change of privilege.
#[tokio::test]
async fn step_up_and_a_new_password_replace_the_session() {
    let world = world().await;
    let (other, first) = (world.sign_in().await, world.sign_in().await);
    let caller = world.get(&[("cookie", &cookie(&first))], at(300)).await.unwrap();
    assert!(!caller.recently_authenticated(Duration::from_secs(300), at(300)));
    assert!(matches!(
        world.identity.step_up(&caller, secret("wrong"), browser(), at(300)).await,
        Err(Error::WrongCredentials)
    ));
    let second = world.identity.step_up(&caller, secret(PASSWORD), browser(), at(300)).await.unwrap();
    assert_ne!(second.session, first.session);
    assert!(world.get(&[("cookie", &cookie(&first))], at(301)).await.is_err());
    let caller = world.get(&[("cookie", &cookie(&second))], at(301)).await.unwrap();
    assert!(caller.recently_authenticated(Duration::from_secs(300), at(301)));
    let weak =
        world.identity.change_password(&caller, secret(PASSWORD), secret("Password1234"), browser(), at(302)).await;
    assert!(matches!(weak, Err(Error::Password(_))));
    let third = world
        .identity
        .change_password(&caller, secret(PASSWORD), secret("amber tide piano"), browser(), at(302))
        .await
        .unwrap();
    for ended in [&other, &second] {
        assert!(world.get(&[("cookie", &cookie(ended))], at(303)).await.is_err());
    }
    assert!(world.get(&[("cookie", &cookie(&third))], at(303)).await.is_ok());
    assert!(world.sign_in_as(EMAIL, "amber tide piano", at(304)).await.is_ok());
}
