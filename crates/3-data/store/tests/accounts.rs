//! Links, invitations, second factors and the changes of rights, on both databases: what is good once is taken once,
//! also when two come at the same moment.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::time::Duration;

use authz::{Actor, Narrowing, Permit, action::ManageTeam};
use domain::{InvitationId, Principal, Role, SessionId, Timestamp};
use harness::{Ground, on_both, permit, scope, system, team, user, uuid};
use store::{
    Effects, Error,
    people::{
        Accepting, InvitationLink, MailPurpose, MailToken, Member, Membership, Method, RefreshToken, Session, Team,
        User,
    },
};

fn person(n: u128, ground: &Ground) -> User {
    User {
        id: user(n),
        email: format!("user{n}@example.org"),
        name: format!("User {n}"),
        password_hash: Some("old".to_owned()),
        email_verified_at: None,
        disabled_at: None,
        created_at: ground.clock.now(),
    }
}

/// Team 1 with admins 1 and 2; team 2 with admin 3.
async fn world(ground: &Ground) {
    let at = ground.clock.now();
    for n in [1, 2] {
        let team = Team { id: team(n), slug: format!("team-{n}"), name: format!("Team {n}"), created_at: at };
        ground.store.add_team(system(), team, Effects::none()).await.unwrap();
    }
    for n in [1, 2, 3] {
        ground.store.add_user(system(), person(n, ground), Effects::none()).await.unwrap();
        join(ground, if n == 3 { 2 } else { 1 }, n, Role::Admin).await;
    }
}

async fn join(ground: &Ground, of: u128, who: u128, role: Role) {
    let membership = Membership {
        team: team(of),
        member: Member::User(user(who)),
        role,
        source: "manual".to_owned(),
        created_at: ground.clock.now(),
    };
    ground.store.put_membership(system(), membership, Effects::none()).await.unwrap();
}

async fn signed_in(ground: &Ground, n: u128, of: u128) -> SessionId {
    let at = ground.clock.now();
    let id = SessionId::from_uuid(uuid(n));
    let session = Session {
        id,
        user: user(of),
        authenticated_at: at,
        created_at: at,
        expires_at: at + Duration::from_secs(3600),
        ended_at: None,
        client: "::1".to_owned(),
        user_agent: None,
        method: Method::SecondFactor,
        last_seen_at: Some(at),
        renew: false,
    };
    let first = RefreshToken {
        hash: [n as u8; 32],
        session: id,
        issued_at: at,
        expires_at: at + Duration::from_secs(3600),
        used_at: None,
    };
    ground.store.open_session(system(), session, first, Effects::none()).await.unwrap();
    id
}

fn link(n: u8, of: u128, email: &str, at: Timestamp) -> MailToken {
    let expires_at = at + Duration::from_secs(60);
    MailToken { hash: [n; 32], user: user(of), email: email.to_owned(), created_at: at, expires_at }
}

/// Issue 5: a link is good for one use, in time, for its purpose.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_use_a_link_at_once_one_does() {
    on_both(async |ground| {
        world(ground).await;
        let (store, at) = (&ground.store, ground.clock.now());
        let (a, b) = (signed_in(ground, 1, 1).await, signed_in(ground, 2, 2).await);
        store.put_mail_token(system(), MailPurpose::Reset, link(1, 1, "user1@example.org", at)).await.unwrap();
        store.open_pending(system(), [9; 32], user(1), at, at + Duration::from_secs(60)).await.unwrap();
        assert!(store.mail_token(system(), MailPurpose::Verify, [1; 32], at).await.unwrap().is_none());
        let late = at + Duration::from_secs(60);
        assert!(store.mail_token(system(), MailPurpose::Reset, [1; 32], late).await.unwrap().is_none());
        let reset = |new: &str| store.reset_password(system(), [1; 32], new.to_owned(), at, Effects::none());
        let (one, two) = tokio::join!(reset("one"), reset("two"));
        let (one, two) = (one.unwrap(), two.unwrap());
        assert!(one.is_some() != two.is_some(), "{one:?} {two:?}");
        let found = store.user(system(), user(1)).await.unwrap().unwrap();
        assert_eq!(found.password_hash.as_deref(), Some(if one.is_some() { "one" } else { "two" }));
        assert!(found.email_verified_at.is_some(), "whoever has the mail has the address");
        assert!(store.session(system(), a).await.unwrap().unwrap().ended_at.is_some());
        assert!(store.session(system(), b).await.unwrap().unwrap().ended_at.is_none(), "somebody else's");
        assert!(store.refresh_token(system(), [1; 32]).await.unwrap().is_none());
        assert!(store.try_pending(system(), [9; 32], at).await.unwrap().is_none(), "half a sign-in ends too");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_confirmed_or_changed_and_never_taken_from_another() {
    on_both(async |ground| {
        world(ground).await;
        let (store, at) = (&ground.store, ground.clock.now());
        let put = |n, email: &str| store.put_mail_token(system(), MailPurpose::Verify, link(n, 1, email, at));
        let confirm = |n: u8, at| store.confirm_email(system(), [n; 32], at, Effects::none());
        put(1, "user1@example.org").await.unwrap();
        assert_eq!(confirm(1, at + Duration::from_secs(60)).await.unwrap(), None, "late");
        assert_eq!(confirm(1, at).await.unwrap(), Some(user(1)));
        assert_eq!(confirm(1, at).await.unwrap(), None, "once");
        assert_eq!(store.user(system(), user(1)).await.unwrap().unwrap().email_verified_at, Some(at));
        put(2, "new@example.org").await.unwrap();
        store.put_mail_token(system(), MailPurpose::Reset, link(7, 1, "user1@example.org", at)).await.unwrap();
        confirm(2, at).await.unwrap();
        assert_eq!(store.user(system(), user(1)).await.unwrap().unwrap().email, "new@example.org");
        assert!(
            store.mail_token(system(), MailPurpose::Reset, [7; 32], at).await.unwrap().is_none(),
            "a mail to the address that was sets no password"
        );
        put(3, "user2@example.org").await.unwrap();
        assert!(matches!(confirm(3, at).await, Err(Error::Taken { .. })));
        store.disable_user(system(), user(1), at, Effects::none()).await.unwrap();
        put(4, "user1@example.org").await.unwrap();
        assert_eq!(confirm(4, at).await.unwrap(), None, "disabled");
    })
    .await;
}

fn invitation(n: u128) -> InvitationId {
    InvitationId::from_uuid(uuid(n))
}
async fn invite(ground: &Ground, by: &Permit<ManageTeam>, n: u8, email: &str) -> Result<(), Error> {
    let link =
        InvitationLink { hash: [n; 32], by_mail: true, expires_at: ground.clock.now() + Duration::from_secs(60) };
    let email = email.to_owned();
    ground.store.invite(by, invitation(u128::from(n)), email, Role::Builder, link, Effects::none()).await
}
fn new_user(n: u128, email: &str, ground: &Ground) -> User {
    User { email: email.to_owned(), ..person(n, ground) }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_is_good_once_for_its_address_and_until_it_is_taken_back() {
    on_both(async |ground| {
        world(ground).await;
        let (store, at, admin) = (&ground.store, ground.clock.now(), permit::<ManageTeam>(1));
        assert!(matches!(invite(ground, &admin, 1, "user2@example.org").await, Err(Error::Refused { .. })));
        invite(ground, &admin, 1, "grace@example.org").await.unwrap();
        assert!(store.invitations(&permit(2)).await.unwrap().is_empty(), "another team's");
        let elsewhere = store.revoke_invitation(&permit(2), invitation(1), Effects::none()).await;
        assert!(matches!(elsewhere, Err(Error::Missing { .. })));
        let accept = |n: u8, who: u128| {
            let new = Accepting::New(new_user(who, "grace@example.org", ground));
            store.accept_invitation(system(), [n; 32], new, at, Effects::none())
        };
        // A second invitation of the address ends the first.
        invite(ground, &admin, 2, "grace@example.org").await.unwrap();
        assert!(accept(1, 10).await.unwrap().is_none());
        let known = Accepting::Known(user(3));
        let wrong = store.accept_invitation(system(), [2; 32], known, at, Effects::none()).await;
        assert!(matches!(wrong, Err(Error::Refused { .. })), "another address");
        let (one, two) = tokio::join!(accept(2, 11), accept(2, 12));
        let done = [one, two].into_iter().filter_map(|done| done.ok().flatten()).collect::<Vec<_>>();
        assert_eq!(done.len(), 1, "one of two at once");
        let role = store.role_of(system(), Member::User(done[0].user), team(1)).await.unwrap();
        assert_eq!(role, Some(Role::Builder));
        assert!(store.invitations(&admin).await.unwrap().is_empty());

        invite(ground, &admin, 3, "late@example.org").await.unwrap();
        let late = at + Duration::from_secs(60);
        assert!(store.invitation_by_hash(system(), [3; 32], late).await.unwrap().is_none());
        let again = InvitationLink { hash: [4; 32], by_mail: true, expires_at: late + Duration::from_secs(60) };
        store.renew_invitation(&admin, invitation(3), again, Effects::none()).await.unwrap();
        assert!(store.invitation_by_hash(system(), [3; 32], at).await.unwrap().is_none(), "the earlier link ends");
        assert!(store.invitation_by_hash(system(), [4; 32], late).await.unwrap().is_some());
        store.revoke_invitation(&admin, invitation(3), Effects::none()).await.unwrap();
        assert!(store.invitation_by_hash(system(), [4; 32], at).await.unwrap().is_none());
    })
    .await;
}

/// Whoever is no admin any more leaves no way in behind.
#[tokio::test(flavor = "multi_thread")]
async fn invitations_end_with_the_rights_of_whoever_sent_them() {
    on_both(async |ground| {
        world(ground).await;
        let (store, at, first) = (&ground.store, ground.clock.now(), permit::<ManageTeam>(1));
        let by = Principal::User { id: user(2) };
        let second = Actor::new(by, scope(1), Role::Admin, Narrowing::default()).may::<ManageTeam>().unwrap();
        invite(ground, &second, 1, "backdoor@example.org").await.unwrap();
        invite(ground, &first, 2, "welcome@example.org").await.unwrap();
        store.change_role(&first, Member::User(user(2)), Role::Viewer, Effects::none()).await.unwrap();
        assert!(store.invitation_by_hash(system(), [1; 32], at).await.unwrap().is_none());
        assert!(store.invitation_by_hash(system(), [2; 32], at).await.unwrap().is_some());
    })
    .await;
}

/// Issue 5: the last admin cannot be removed or demoted, not by two who do so at the same moment either.
#[tokio::test(flavor = "multi_thread")]
async fn two_admins_who_demote_each_other_leave_one() {
    on_both(async |ground| {
        world(ground).await;
        let store = &ground.store;
        for _ in 0..10 {
            let admin = permit::<ManageTeam>(1);
            let demote = store.change_role(&admin, Member::User(user(1)), Role::Viewer, Effects::none());
            let remove = store.remove_member(&admin, Member::User(user(2)), Effects::none());
            let (demoted, removed) = tokio::join!(demote, remove);
            assert!(demoted.is_ok() != removed.is_ok(), "{demoted:?} {removed:?}");
            let refused = demoted.err().or(removed.err()).unwrap();
            assert!(matches!(refused, Error::Refused { .. }), "{refused:?}");
            for n in [1, 2] {
                join(ground, 1, n, Role::Admin).await;
            }
        }
        let admin = permit::<ManageTeam>(2);
        let last = store.change_role(&admin, Member::User(user(3)), Role::Builder, Effects::none()).await;
        assert!(matches!(last, Err(Error::Refused { .. })));
        let stranger = store.change_role(&admin, Member::User(user(1)), Role::Builder, Effects::none()).await;
        assert!(matches!(stranger, Err(Error::Missing { .. })), "a member of another team is not there");
    })
    .await;
}

/// Issue 5: a new session at every change of rights.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_rights_marks_the_sessions_of_whom_it_concerns() {
    on_both(async |ground| {
        world(ground).await;
        let (store, admin) = (&ground.store, permit::<ManageTeam>(1));
        let (one, two) = (signed_in(ground, 1, 1).await, signed_in(ground, 2, 2).await);
        let renew = async |id| store.session(system(), id).await.unwrap().unwrap().renew;
        store.change_role(&admin, Member::User(user(2)), Role::Admin, Effects::none()).await.unwrap();
        assert!(!renew(two).await, "nothing changed");
        store.change_role(&admin, Member::User(user(2)), Role::Builder, Effects::none()).await.unwrap();
        assert!(renew(two).await && !renew(one).await);
        store.session_seen(system(), one, "192.0.2.7".to_owned(), ground.clock.now()).await.unwrap();
        let seen = store.session(system(), one).await.unwrap().unwrap();
        assert_eq!((seen.client.as_str(), seen.method), ("192.0.2.7", Method::SecondFactor));
        let three = signed_in(ground, 3, 3).await;
        join(ground, 1, 3, Role::Viewer).await;
        assert!(renew(three).await, "a new team");
    })
    .await;
}

/// RFC 6238, 5.2, and recovery codes: each is taken once.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_show_a_code_at_once_one_is_let_in() {
    on_both(async |ground| {
        world(ground).await;
        let (store, at) = (&ground.store, ground.clock.now());
        store.begin_second_factor(system(), user(1), vec![1], at).await.unwrap();
        store.begin_second_factor(system(), user(1), vec![2], at).await.unwrap();
        assert!(!store.take_step(system(), user(1), 5).await.unwrap(), "not confirmed");
        let confirm = |step| store.confirm_second_factor(system(), user(1), step, vec![[1; 32], [2; 32]], at);
        assert!(confirm(5).await.unwrap() && !confirm(6).await.unwrap(), "once");
        let again = store.begin_second_factor(system(), user(1), vec![3], at).await;
        assert!(matches!(again, Err(Error::Refused { .. })));
        assert_eq!(store.second_factor(system(), user(1)).await.unwrap().unwrap().sealed, [2]);
        assert!(!store.take_step(system(), user(1), 5).await.unwrap(), "the one that confirmed");
        let (one, two) = tokio::join!(store.take_step(system(), user(1), 6), store.take_step(system(), user(1), 6));
        assert!(one.unwrap() != two.unwrap());
        let recover = || store.use_recovery_code(system(), user(1), [1; 32], at);
        let (one, two) = tokio::join!(recover(), recover());
        assert!(one.unwrap() != two.unwrap());
        assert_eq!(store.recovery_codes_left(system(), user(1)).await.unwrap(), 1);
        assert!(!store.use_recovery_code(system(), user(2), [2; 32], at).await.unwrap(), "somebody else's");

        let until = at + Duration::from_secs(60);
        store.open_pending(system(), [5; 32], user(1), at, until).await.unwrap();
        assert!(store.try_pending(system(), [5; 32], until).await.unwrap().is_none(), "late");
        for _ in 0..5 {
            assert_eq!(store.try_pending(system(), [5; 32], at).await.unwrap(), Some(user(1)));
        }
        assert!(store.try_pending(system(), [5; 32], at).await.unwrap().is_none(), "tried too often");
        let (one, two) =
            tokio::join!(store.use_pending(system(), [5; 32], at), store.use_pending(system(), [5; 32], at));
        assert!(one.unwrap() != two.unwrap());
        store.remove_second_factor(system(), user(1), Effects::none()).await.unwrap();
        assert!(store.second_factor(system(), user(1)).await.unwrap().is_none());
        assert_eq!(store.recovery_codes_left(system(), user(1)).await.unwrap(), 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_team_that_has_ended_is_not_there() {
    on_both(async |ground| {
        world(ground).await;
        let (store, admin) = (&ground.store, permit::<ManageTeam>(1));
        invite(ground, &admin, 1, "grace@example.org").await.unwrap();
        store.change_team(&admin, None, Some(true), Effects::none()).await.unwrap();
        assert!(store.team_demands(system(), team(1)).await.unwrap().second_factor);
        assert!(!store.team_demands(system(), team(2)).await.unwrap().second_factor);
        store.delete_team(&admin, Effects::none()).await.unwrap();
        let me = Member::User(user(1));
        assert_eq!(store.role_of(system(), me, team(1)).await.unwrap(), None);
        assert!(store.teams_of(system(), me).await.unwrap().is_empty());
        assert!(store.team_by_slug(system(), "team-1").await.unwrap().is_none());
        assert_eq!(store.teams(system()).await.unwrap().len(), 1);
        assert!(store.invitation_by_hash(system(), [1; 32], ground.clock.now()).await.unwrap().is_none());
        let again = Team { id: team(7), slug: "team-1".into(), name: "x".into(), created_at: ground.clock.now() };
        assert!(matches!(store.add_team(system(), again, Effects::none()).await, Err(Error::Taken { .. })));
    })
    .await;
}
