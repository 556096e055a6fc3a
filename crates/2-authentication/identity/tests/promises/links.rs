//! R031, R040: links that go out by mail.

use identity::{Email, PasswordFault, cooldown::CooldownAction, invitation::Accept, ports::Invitation};

use crate::world::*;

fn email() -> Email {
    EMAIL.parse().unwrap()
}
const NEW: &str = "amber tide piano";

impl World {
    async fn reset(&self, token: &Secret<String>, new: &str, now: Timestamp) -> Result<UserId, Error> {
        self.identity.reset_password(token, secret(new), &own(), now).await
    }
    fn unverified(&self) {
        self.memory.state().users.get_mut(&user()).unwrap().email_verified_at = None;
    }
}

/// R040: a password account is used after its address is confirmed, by a link that is good once and for a day.
#[tokio::test]
async fn an_address_is_confirmed_by_its_link() {
    let world = world().await;
    assert!(world.identity.verification_link(&email(), at(0)).await.unwrap().is_none(), "it is confirmed");
    world.unverified();
    let link = world.identity.verification_link(&email(), at(0)).await.unwrap().unwrap();
    assert_eq!(link.to, email());
    let late = world.identity.confirm_email(&link.token, at(24 * 3600)).await;
    assert!(matches!(late, Err(Error::Link)));
    assert_eq!(world.identity.confirm_email(&link.token, at(24 * 3600 - 1)).await.unwrap(), user());
    assert!(matches!(world.identity.confirm_email(&link.token, at(1)).await, Err(Error::Link)), "once");
    world.sign_in().await;
}

/// R031, R041: each mail begins a pause, per address and reason, for addresses without an account too.
#[tokio::test]
async fn the_next_mail_has_to_wait() {
    let world = world().await;
    for address in [EMAIL, "nobody@example.com"] {
        let address: Email = address.parse().unwrap();
        let ask = |action, now| world.identity.may_mail(action, &address, now);
        ask(CooldownAction::Resend, at(0)).await.unwrap();
        for (asked, until) in [(1, 60), (59, 60)] {
            let refused = ask(CooldownAction::Resend, at(asked)).await;
            assert!(matches!(refused, Err(Error::CoolingDown { until: u }) if u == at(until)), "{refused:?}");
        }
        ask(CooldownAction::Reset, at(1)).await.unwrap();
        ask(CooldownAction::Resend, at(60)).await.unwrap();
        let refused = ask(CooldownAction::Resend, at(61)).await;
        assert!(matches!(refused, Err(Error::CoolingDown { until }) if until == at(180)), "twice as long: {refused:?}");
        ask(CooldownAction::Resend, at(60 + 24 * 3600)).await.unwrap();
        ask(CooldownAction::Resend, at(-24 * 3600)).await.unwrap();
    }
}

/// Issue 5: a link that sets a new password is good once and for an hour, ends every session, and stays good when the
/// new password is refused.
#[tokio::test]
async fn a_password_is_set_anew_by_its_link() {
    let world = world().await;
    let old = world.sign_in().await;
    let link = world.identity.reset_link(&email(), at(0)).await.unwrap().unwrap();
    assert!(!format!("{:?}", *world.memory.state()).contains(link.token.expose()), "stored as a hash only");
    let weak = world.reset(&link.token, "Password1234", at(1)).await;
    assert!(matches!(weak, Err(Error::Password(PasswordFault::Common))));
    assert!(matches!(world.reset(&link.token, NEW, at(3600)).await, Err(Error::Link)));
    assert!(matches!(world.reset(&secret("guess"), NEW, at(1)).await, Err(Error::Link)));
    assert_eq!(world.reset(&link.token, NEW, at(3599)).await.unwrap(), user());
    assert!(matches!(world.reset(&link.token, NEW, at(3599)).await, Err(Error::Link)), "once");
    assert_eq!(why(world.get(&[("cookie", &cookie(&old))], at(5)).await), NotIdentified::Revoked);
    assert!(world.sign_in_as(EMAIL, PASSWORD, at(6)).await.is_err());
    world.sign_in_as(EMAIL, NEW, at(6)).await.unwrap();
}

#[tokio::test]
async fn no_link_goes_to_strangers_to_the_disabled_and_to_addresses_that_nobody_confirmed() {
    let world = world().await;
    let nobody: Email = "nobody@example.com".parse().unwrap();
    assert!(world.identity.reset_link(&nobody, at(0)).await.unwrap().is_none());
    assert!(world.identity.verification_link(&nobody, at(0)).await.unwrap().is_none());
    world.unverified();
    assert!(world.identity.reset_link(&email(), at(0)).await.unwrap().is_none());
    world.memory.state().users.get_mut(&user()).unwrap().disabled_at = Some(at(0));
    assert!(world.identity.reset_link(&email(), at(0)).await.unwrap().is_none());
    assert!(world.identity.verification_link(&email(), at(0)).await.unwrap().is_none());
}

#[tokio::test]
async fn another_address_becomes_the_accounts_when_it_is_confirmed() {
    let world = world().await;
    let signed_in = world.sign_in().await;
    let caller = world.caller(&signed_in, at(1)).await;
    let new: Email = "ada@elsewhere.example".parse().unwrap();
    assert!(world.identity.change_email_link(&caller, &email(), at(1)).await.unwrap().is_none(), "an account has it");
    let link = world.identity.change_email_link(&caller, &new, at(1)).await.unwrap().unwrap();
    assert_eq!(world.memory.user(user()).await.unwrap().unwrap().email, email(), "not yet");
    world.identity.confirm_email(&link.token, at(2)).await.unwrap();
    assert!(world.sign_in_as(EMAIL, PASSWORD, at(3)).await.is_err());
    world.sign_in_as(new.as_str(), PASSWORD, at(3)).await.unwrap();
}

fn invited(world: &World, address: &str) -> Secret<String> {
    let (token, hash) = world.identity.new_link();
    let invitation = Invitation {
        team: team(),
        team_name: "Team".into(),
        email: address.parse().unwrap(),
        role: Role::Builder,
        expires_at: at(100),
    };
    world.memory.state().invitations.insert(hash, invitation);
    token
}

impl World {
    async fn accept(
        &self,
        token: &Secret<String>,
        password: &str,
        now: Timestamp,
    ) -> Result<identity::invitation::Joined, Error> {
        let form = Accept { token: token.clone(), name: " ".into(), password: secret(password) };
        self.identity.accept_invitation(form, &own(), browser(), now).await
    }
}

#[tokio::test]
async fn an_invitation_makes_an_account_once() {
    let world = world().await;
    let token = invited(&world, "grace@example.com");
    assert!(!world.identity.invitation(&token, at(0)).await.unwrap().1, "no account yet");
    assert!(matches!(world.accept(&token, "short", at(0)).await, Err(Error::Password(_))));
    assert!(matches!(world.accept(&token, NEW, at(100)).await, Err(Error::Link)), "over");
    let joined = world.accept(&token, NEW, at(99)).await.unwrap();
    let caller = world.caller(&joined.signed_in.unwrap(), at(99)).await;
    assert_eq!(caller.role_in(team(), at(99)).await.unwrap(), Role::Builder);
    assert_eq!(world.memory.user(joined.user).await.unwrap().unwrap().name, "grace");
    assert!(matches!(world.accept(&token, NEW, at(99)).await, Err(Error::Link)), "once");
}

/// Whoever has an account joins with its password, and the link alone opens no session of it.
#[tokio::test]
async fn an_invitation_of_an_account_asks_for_its_password() {
    let world = world().await;
    world.memory.state().members.clear();
    let token = invited(&world, EMAIL);
    assert!(world.identity.invitation(&token, at(0)).await.unwrap().1);
    for _ in 0..6 {
        assert!(matches!(world.accept(&token, NEW, at(0)).await, Err(Error::WrongCredentials)));
    }
    assert!(matches!(world.accept(&token, PASSWORD, at(0)).await, Err(Error::CoolingDown { .. })));
    let joined = world.accept(&token, PASSWORD, at(40)).await.unwrap();
    assert!(joined.signed_in.is_none() && joined.user == user());
    assert_eq!(world.memory.state().members[&(Member::User(user()), team())], Role::Builder);
}
