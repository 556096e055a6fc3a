//! The first administrator.

use crate::world::*;

fn form(token: &Secret<String>, password: &str) -> SetUp {
    SetUp {
        token: token.clone(),
        email: "Root@Example.com".into(),
        name: "Root".into(),
        password: secret(password),
        team_name: "Demo".into(),
        verified: true,
    }
}

#[tokio::test]
async fn the_set_up_link_makes_the_first_admin_once() {
    let world = world_with(Passwords::cheap());
    let first = world.identity.new_setup_token(at(0)).await.unwrap().unwrap();
    let token = world.identity.new_setup_token(at(1)).await.unwrap().unwrap();
    let set_up = |token: &Secret<String>, password: &'static str, now| {
        let form = form(token, password);
        let identity = world.identity.clone();
        async move { identity.set_up(form, &HeaderMap::new(), browser(), now).await }
    };
    assert!(matches!(set_up(&first, PASSWORD, at(2)).await, Err(Error::SetupToken)), "replaced by a later one");
    assert!(matches!(set_up(&secret("guess"), PASSWORD, at(2)).await, Err(Error::SetupToken)));
    assert!(
        matches!(set_up(&token, "short", at(2)).await, Err(Error::Password(_))),
        "a weak password does not use it up"
    );
    assert!(matches!(set_up(&token, PASSWORD, at(1 + 24 * 3600)).await, Err(Error::SetupToken)), "a day later");
    let done = set_up(&token, PASSWORD, at(3)).await.unwrap();
    let caller = world.get(&[("cookie", &cookie(&done.signed_in))], at(4)).await.unwrap();
    let here = Scope { team: done.team, environment: Environment::Development };
    assert!(caller.actor(here, at(4)).await.unwrap().may::<action::ManageTeam>().is_ok());
    assert!(matches!(set_up(&token, PASSWORD, at(5)).await, Err(Error::SetupToken)), "used");
    assert!(world.identity.new_setup_token(at(6)).await.unwrap().is_none(), "nothing left to set up");
    assert!(world.sign_in_as("root@example.com", PASSWORD, at(7)).await.is_ok());
}

/// Secrets stand nowhere as they are: not in records, not in what is printed for debugging.
#[tokio::test]
async fn nothing_secret_is_stored_or_printed() {
    let world = world().await;
    let signed_in = world.sign_in().await;
    let (key, _) = world.key(|_| {});
    let printed = format!("{:?} {:?} {:?}", *world.memory.state(), signed_in, world.identity);
    for hidden in [signed_in.refresh.expose(), signed_in.access.expose(), key.expose(), &PASSWORD.to_owned()] {
        assert!(!printed.contains(hidden.as_str()));
    }
    let set_cookie = signed_in.cookies();
    assert!(set_cookie.len() == 3 && set_cookie[..2].iter().all(|value| value.is_sensitive()));
}
