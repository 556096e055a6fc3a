//! The second factor, from enrolment to its end.

use totp_rs::{Builder, Secret as Shared};

use crate::world::*;

/// What an authenticator shows.
fn code(secret: &Secret<String>, now: Timestamp) -> String {
    let totp = Builder::new()
        .with_secret(Shared::try_from_base32(secret.expose()).unwrap())
        .with_account_name("ada")
        .build()
        .unwrap();
    totp.generate(u64::try_from(now.micros() / 1_000_000).unwrap()).to_string()
}
fn wrong(secret: &Secret<String>, now: Timestamp) -> String {
    let near: Vec<_> =
        (-1..=1).map(|n| code(secret, at((now.micros() / 1_000_000 - 1_700_000_000) + n * 30))).collect();
    (0..10).map(|n| format!("{n}00000")).find(|guess| !near.contains(guess)).unwrap()
}

struct Enrolled {
    world: World,
    secret: Secret<String>,
    recovery: Vec<Secret<String>>,
    session: SignedIn,
}

async fn enrolled() -> Enrolled {
    let world = world().await;
    let (other, first) = (world.sign_in().await, world.sign_in().await);
    let caller = world.caller(&first, at(1)).await;
    let enrolment = world.identity.begin_second_factor(&caller, at(1)).await.unwrap();
    assert!(enrolment.uri.expose().starts_with("otpauth://totp/NodeLoom%20localhost%208443:ada%40example.com?secret="));
    world.sign_in().await; // not asked for while it is not confirmed
    let bad = wrong(&enrolment.secret, at(1));
    let refused = world.identity.confirm_second_factor(&caller, &secret(&bad), browser(), at(1)).await;
    assert!(matches!(refused, Err(Error::WrongCode)));
    let good = code(&enrolment.secret, at(1));
    let (recovery, session) =
        world.identity.confirm_second_factor(&caller, &secret(&good), browser(), at(1)).await.unwrap();
    for ended in [&other, &first] {
        assert!(world.get(&[("cookie", &cookie(ended))], at(2)).await.is_err(), "sessions without it end");
    }
    Enrolled { world, secret: enrolment.secret, recovery, session }
}

#[tokio::test]
async fn signing_in_takes_both_steps() {
    let Enrolled { world, secret: shared, recovery, .. } = enrolled().await;
    assert_eq!(recovery.len(), 10);
    let pending = world.pending(at(60)).await;
    let signed_in = world.second_step(&pending, &code(&shared, at(60)), at(60)).await.unwrap();
    assert!(world.get(&[("cookie", &cookie(&signed_in))], at(61)).await.is_ok());
    assert!(matches!(world.second_step(&pending, &code(&shared, at(90)), at(90)).await, Err(Error::WrongCode)), "once");
}

/// OWASP ASVS 6.4.3: a new password by a mailed link opens no session and takes no second factor away.
#[tokio::test]
async fn a_new_password_by_link_leaves_the_second_factor() {
    let Enrolled { world, secret: shared, .. } = enrolled().await;
    let link = world.identity.reset_link(&EMAIL.parse().unwrap(), at(100)).await.unwrap().unwrap();
    let new = "nine grey herons over water";
    world.identity.reset_password(&link.token, secret(new), &own(), at(101)).await.unwrap();
    let Step::SecondFactor(pending) = world.first_step(EMAIL, new, at(102)).await.unwrap() else {
        panic!("the new password alone opened a session")
    };
    assert!(world.second_step(&pending, &wrong(&shared, at(103)), at(103)).await.is_err());
    assert!(world.second_step(&pending, &code(&shared, at(130)), at(130)).await.is_ok());
}

/// RFC 6238, 5.2: a code that was taken is not taken again, in no other sign-in either.
#[tokio::test]
async fn a_code_is_taken_once() {
    let Enrolled { world, secret: shared, .. } = enrolled().await;
    let shown = code(&shared, at(60));
    world.second_step(&world.pending(at(60)).await, &shown, at(60)).await.unwrap();
    assert!(matches!(world.second_step(&world.pending(at(61)).await, &shown, at(61)).await, Err(Error::WrongCode)));
    let older = code(&shared, at(30));
    assert!(matches!(world.second_step(&world.pending(at(62)).await, &older, at(62)).await, Err(Error::WrongCode)));
    world.second_step(&world.pending(at(90)).await, &code(&shared, at(90)), at(90)).await.unwrap();
}

#[tokio::test]
async fn a_second_step_ends_by_itself_and_after_a_few_attempts() {
    let Enrolled { world, secret: shared, .. } = enrolled().await;
    let late = world.pending(at(60)).await;
    assert!(matches!(world.second_step(&late, &code(&shared, at(360)), at(360)).await, Err(Error::WrongCode)));
    let pending = world.pending(at(400)).await;
    for _ in 0..5 {
        let bad = wrong(&shared, at(400));
        assert!(matches!(world.second_step(&pending, &bad, at(400)).await, Err(Error::WrongCode)));
    }
    assert!(matches!(world.second_step(&pending, &code(&shared, at(400)), at(400)).await, Err(Error::WrongCode)));
    // Beginning again and again does not give more guesses: the pause is the person's.
    let again = world.pending(at(401)).await;
    assert!(matches!(world.second_step(&again, &wrong(&shared, at(401)), at(401)).await, Err(Error::WrongCode)));
    let held = world.second_step(&again, &code(&shared, at(402)), at(402)).await;
    assert!(matches!(held, Err(Error::CoolingDown { .. })), "{held:?}");
    world.second_step(&world.pending(at(500)).await, &code(&shared, at(500)), at(500)).await.unwrap();
    assert!(matches!(
        world.second_step(&Pending { token: secret("guess"), expires_at: at(999) }, "123456", at(500)).await,
        Err(Error::WrongCode)
    ));
}

#[tokio::test]
async fn a_recovery_code_stands_in_once_and_new_ones_end_the_old() {
    let Enrolled { world, recovery, session, .. } = enrolled().await;
    let typed = recovery[0].expose().to_uppercase().replace('-', " ");
    world.second_step(&world.pending(at(60)).await, &typed, at(60)).await.unwrap();
    assert!(matches!(world.second_step(&world.pending(at(61)).await, &typed, at(61)).await, Err(Error::WrongCode)));
    let caller = world.caller(&session, at(62)).await;
    assert_eq!(world.identity.second_factor(&caller).await.unwrap().recovery_codes_left, 9);
    let new = world.identity.new_recovery_codes(&caller).await.unwrap();
    let old = recovery[1].expose();
    assert!(matches!(world.second_step(&world.pending(at(63)).await, old, at(63)).await, Err(Error::WrongCode)));
    world.second_step(&world.pending(at(64)).await, new[1].expose(), at(64)).await.unwrap();
    assert!(!format!("{:?}", *world.memory.state()).contains(new[2].expose()), "stored as hashes only");
}

/// Issue 5: dangerous acts ask for proof again; whoever has a second factor proves it with that.
#[tokio::test]
async fn step_up_asks_for_the_second_factor_of_whoever_has_one() {
    let Enrolled { world, secret: shared, session, .. } = enrolled().await;
    let caller = world.caller(&session, at(301)).await;
    let step_up = |proof, now| world.identity.step_up(&caller, proof, browser(), now);
    assert!(matches!(step_up(by_password(PASSWORD), at(301)).await, Err(Error::WrongCode)), "not with the password");
    assert!(matches!(step_up(by_code(&wrong(&shared, at(301))), at(301)).await, Err(Error::WrongCode)));
    let new = step_up(by_code(&code(&shared, at(301))), at(301)).await.unwrap();
    let caller = world.caller(&new, at(302)).await;
    assert!(caller.recently_authenticated(Duration::from_secs(600), at(302)));
}

#[tokio::test]
async fn a_second_factor_ends_with_its_codes_and_is_not_replaced_while_it_stands() {
    let Enrolled { world, recovery, session, .. } = enrolled().await;
    let caller = world.caller(&session, at(5)).await;
    assert!(matches!(world.identity.begin_second_factor(&caller, at(5)).await, Err(Error::SecondFactorExists)));
    let new = world.identity.end_second_factor(&caller, browser(), at(6)).await.unwrap();
    assert_ne!(new.session, session.session);
    assert!(world.get(&[("cookie", &cookie(&session))], at(7)).await.is_err());
    world.sign_in_as(EMAIL, PASSWORD, at(8)).await.unwrap();
    assert!(world.memory.state().recovery.is_empty() && !recovery.is_empty());
    let caller = world.caller(&new, at(9)).await;
    assert!(matches!(world.identity.end_second_factor(&caller, browser(), at(9)).await, Err(Error::NoSecondFactor)));
}

/// Issue 5: enforceable per team: people without one may do nothing there, machines have none to show.
#[tokio::test]
async fn a_team_may_demand_one_of_its_people() {
    let world = world().await;
    let signed_in = world.sign_in().await;
    let (own_key, _) = world.key(|_| {});
    let machine = ServiceAccountId::new(at(0), [5; 10]);
    let (machine_key, _) = world.key(|key| key.owner = KeyOwner::ServiceAccount(machine));
    world.memory.state().members.insert((Member::ServiceAccount(machine), team()), Role::Operator);
    let here = scope(Environment::Staging);
    let session = world.caller(&signed_in, at(0)).await;
    assert!(session.actor(here, at(0)).await.is_ok());
    world.memory.state().demanding.insert(team());
    let key = world.with_key(&own_key, at(5)).await.unwrap();
    for caller in [&session, &key] {
        assert!(matches!(caller.actor(here, at(5)).await, Err(Error::SecondFactorRequired)));
    }
    assert!(world.with_key(&machine_key, at(5)).await.unwrap().actor(here, at(5)).await.is_ok());
    let organisation = world.identity.sign_in_by_organisation(user(), browser(), at(5)).await.unwrap();
    assert!(world.caller(&organisation, at(5)).await.actor(here, at(5)).await.is_ok(), "who answers for its own");
    let enrolment = world.identity.begin_second_factor(&session, at(6)).await.unwrap();
    let shown = code(&enrolment.secret, at(6));
    let (_, new) = world.identity.confirm_second_factor(&session, &secret(&shown), browser(), at(6)).await.unwrap();
    assert!(world.caller(&new, at(6)).await.actor(here, at(6)).await.is_ok());
    assert!(world.with_key(&own_key, at(6)).await.unwrap().actor(here, at(6)).await.is_ok());
}
