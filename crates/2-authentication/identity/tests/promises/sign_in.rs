//! Sign-in by password.

use crate::world::*;

#[tokio::test]
async fn a_signed_in_browser_is_recognised() {
    let world = world().await;
    let signed_in = world.sign_in().await;
    let caller = world.get(&[("cookie", &cookie(&signed_in))], at(1)).await.unwrap();
    assert_eq!(caller.principal(), Principal::User { id: user() });
    assert_eq!(caller.session(), Some(signed_in.session));
    assert_eq!(caller.actor(scope(Environment::Production), at(1)).await.unwrap().role(), Role::Admin);
}

/// OWASP ASVS 7.2.4: signing in where somebody is signed in ends that session, even when its access token is over.
#[tokio::test]
async fn signing_in_again_ends_the_session_that_the_browser_had() {
    let world = world().await;
    for (n, later) in [1, 3600].into_iter().enumerate() {
        let old = world.sign_in_as(EMAIL, PASSWORD, at(n as i64)).await.unwrap();
        let elsewhere = world.sign_in_as(EMAIL, PASSWORD, at(n as i64)).await.unwrap();
        let shown = headers(&[("origin", ORIGIN), ("cookie", &cookie(&old))]);
        let step = world.identity.sign_in(EMAIL, secret(PASSWORD), &shown, browser(), at(later)).await.unwrap();
        let Step::SignedIn(new) = step else { panic!("no second step is asked for") };
        assert_ne!(new.session, old.session);
        assert!(world.get(&[("cookie", &cookie(&new))], at(later + 1)).await.is_ok());
        assert!(world.refresh(&old.refresh, at(later + 1)).await.is_err(), "the old one has ended");
        assert!(world.refresh(&elsewhere.refresh, at(later + 1)).await.is_ok(), "another browser's goes on");
    }
    let forged = headers(&[("origin", ORIGIN), ("cookie", "__Host-nodeloom-access=a.b.c")]);
    assert!(world.identity.sign_in(EMAIL, secret(PASSWORD), &forged, browser(), at(9000)).await.is_ok());
}

/// Identity notes: unknown user vs wrong password: the same answer (the same cost is shown in `password`).
#[tokio::test]
async fn unknown_wrong_and_disabled_look_alike() {
    let world = world().await;
    for (email, password) in
        [("nobody@example.com", PASSWORD), (EMAIL, "wrong"), ("junk", PASSWORD), (EMAIL, ""), (EMAIL, &"x".repeat(500))]
    {
        assert!(matches!(world.sign_in_as(email, password, at(0)).await, Err(Error::WrongCredentials)), "{email}");
    }
    world.memory.state().users.get_mut(&user()).unwrap().disabled_at = Some(at(0));
    assert!(matches!(world.sign_in_as(EMAIL, PASSWORD, at(0)).await, Err(Error::WrongCredentials)));
}

#[tokio::test]
async fn an_account_without_a_password_has_none_to_guess() {
    let world = world().await;
    world.memory.state().users.get_mut(&user()).unwrap().password = None;
    for guess in ["", "-", PASSWORD] {
        assert!(matches!(world.sign_in_as(EMAIL, guess, at(0)).await, Err(Error::WrongCredentials)));
    }
}

/// R040: a password account has to confirm its address first; who does not know the password learns nothing of it.
#[tokio::test]
async fn an_unverified_address_is_told_after_the_password() {
    let world = world().await;
    world.memory.state().users.get_mut(&user()).unwrap().email_verified_at = None;
    assert!(matches!(world.sign_in_as(EMAIL, PASSWORD, at(0)).await, Err(Error::EmailNotVerified { .. })));
    assert!(matches!(world.sign_in_as(EMAIL, "wrong", at(0)).await, Err(Error::WrongCredentials)));
}

/// R038: raising the cost re-hashes at the next sign-in.
#[tokio::test]
async fn a_raised_cost_rehashes_at_the_next_sign_in() {
    let world = world_with(Passwords::new(10).unwrap());
    let cheap = Passwords::cheap().hash(secret(PASSWORD)).await.unwrap();
    let ada = User {
        id: user(),
        email: EMAIL.parse().unwrap(),
        name: String::new(),
        password: Some(cheap),
        email_verified_at: Some(at(0)),
        disabled_at: None,
        created_at: at(0),
    };
    world.memory.state().users.insert(user(), ada);
    world.sign_in().await;
    let stored = world.memory.user(user()).await.unwrap().unwrap().password.unwrap();
    assert!(stored.as_stored().starts_with("$2b$10$"));
    world.sign_in().await;
}

/// R041: failures pause the next attempt, right or wrong, for whoever made them from there, and end by themselves.
#[tokio::test]
async fn repeated_failures_cool_down() {
    let world = world().await;
    for _ in 0..6 {
        assert!(matches!(world.sign_in_as(EMAIL, "wrong", at(0)).await, Err(Error::WrongCredentials)));
    }
    let refused = world.sign_in_as(EMAIL, PASSWORD, at(1)).await;
    assert!(matches!(refused, Err(Error::CoolingDown { until }) if until == at(30)), "{refused:?}");
    let elsewhere = Browser { client: [198, 51, 100, 9].into(), user_agent: None };
    let origin = headers(&[("origin", ORIGIN)]);
    assert!(
        world.identity.sign_in(EMAIL, secret(PASSWORD), &origin, elsewhere, at(1)).await.is_ok(),
        "not from elsewhere"
    );
    assert!(world.sign_in_as(EMAIL, PASSWORD, at(30)).await.is_ok());
    assert!(world.memory.state().cooldowns.is_empty(), "a success clears it");
}

#[tokio::test]
async fn a_page_of_another_origin_cannot_sign_anybody_in() {
    let world = world().await;
    for bad in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let result = world.identity.sign_in(EMAIL, secret(PASSWORD), &headers(&[bad]), browser(), at(0)).await;
        assert!(matches!(result, Err(Error::Csrf(CsrfFault::ForeignOrigin))), "{bad:?}");
    }
}
