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
        world.identity.step_up(&caller, by_password("wrong"), browser(), at(300)).await,
        Err(Error::WrongCredentials)
    ));
    let second = world.identity.step_up(&caller, by_password(PASSWORD), browser(), at(300)).await.unwrap();
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

/// Issue 5: a new session at every change of privilege. One that was opened before is good for nothing but its renewal,
/// which gives it another id and leaves its age of proof as it is.
#[tokio::test]
async fn changed_rights_give_a_session_another_id() {
    let world = world().await;
    let first = world.sign_in().await;
    let caller = world.caller(&first, at(1)).await;
    world.memory.state().sessions.get_mut(&first.session).unwrap().renew = true;
    world.identity.forget_sessions();
    assert_eq!(why(world.get(&[("cookie", &cookie(&first))], at(2)).await), NotIdentified::Expired);
    assert_eq!(why(caller.still_known(at(2)).await), NotIdentified::Expired, "a socket ends too");
    let second = world.refresh(&first.refresh, at(500)).await.unwrap();
    assert_ne!(second.session, first.session);
    let caller = world.caller(&second, at(501)).await;
    assert!(!caller.recently_authenticated(Duration::from_secs(300), at(501)), "nothing was proven anew");
    assert_eq!(why(world.refresh(&first.refresh, at(502)).await), NotIdentified::Revoked);
    assert!(world.refresh(&second.refresh, at(503)).await.is_ok());
}

#[tokio::test]
async fn sessions_are_listed_with_when_they_were_seen() {
    let world = world().await;
    let (first, second) = (world.sign_in().await, world.sign_in().await);
    let caller = world.caller(&second, at(300)).await;
    tokio::task::yield_now().await;
    let list = world.identity.sessions_of(&caller, at(301)).await.unwrap();
    assert_eq!(list.len(), 2);
    let seen = |id| list.iter().find(|session| session.id == id).unwrap().last_seen_at;
    assert_eq!((seen(first.session), seen(second.session)), (Some(at(0)), Some(at(300))));
    assert!(world.identity.sessions_of(&caller, at(31 * 24 * 3600)).await.unwrap().is_empty(), "over is over");
    let (key, _) = world.key(|_| {});
    let key = world.with_key(&key, at(0)).await.unwrap();
    assert!(matches!(world.identity.sessions_of(&key, at(0)).await, Err(Error::NotIdentified(_))));
}

/// Bad input of issue 5: a clock that jumps, forwards and back, neither revives a session nor ends one for good.
#[tokio::test]
async fn a_clock_that_jumps_ends_nothing_for_good() {
    let world = world().await;
    let signed_in = world.sign_in().await;
    let cookie = cookie(&signed_in);
    assert_eq!(why(world.get(&[("cookie", &cookie)], at(40 * 24 * 3600)).await), NotIdentified::Expired);
    assert!(world.get(&[("cookie", &cookie)], at(5)).await.is_ok());
    assert_eq!(why(world.get(&[("cookie", &cookie)], at(-3600)).await), NotIdentified::Expired);
    assert!(world.get(&[("cookie", &cookie)], at(6)).await.is_ok());
    let caller = world.get(&[("cookie", &cookie)], at(6)).await.unwrap();
    assert!(!caller.recently_authenticated(Duration::from_secs(300), at(-3600)), "a proof of the future is none");
}
