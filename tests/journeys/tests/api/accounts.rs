//! Invitations, confirmed addresses and new passwords, with mails that really go out.

use std::time::Duration;

use domain::Role;
use journeys::{PostBox, Server, Settings, on_both, on_sqlite};
use serde_json::json;

const NEW: &str = "twelve slow barges on the canal";

async fn with_post() -> (PostBox, Server) {
    let post = PostBox::open().await;
    let server = Server::with(post.settings()).await;
    (post, server)
}

/// Issue 5: an invitation goes out by mail, makes an account with the role, and works once.
#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_by_mail_makes_a_member() {
    let (post, server) = with_post().await;
    let admin = server.browser(server.team().await, Role::Admin).await;
    let team = "/api/v1/teams/demo/development";
    let invited = json!({ "email": "Grace@people.test", "role": "builder" });
    let made = admin.post(&format!("{team}/invitations"), invited.clone()).await.expect(201);
    assert_eq!(made.text_of("delivery"), "sent");
    assert!(made.json()["link"].is_null() && !made.text.contains("token"), "{}", made.text);
    let (page, first) = post.link("grace@people.test", 0).await;
    assert_eq!(page, "invitation");
    let mail = post.mail("grace@people.test", 0).await;
    assert!(mail.contains("Team: Demo") && mail.contains("Role: builder"), "{mail}");

    let waiting = admin.get(&format!("{team}/invitations")).await.expect(200).json();
    assert_eq!(waiting["items"][0]["email"], "grace@people.test");
    let again = format!("{team}/invitations/{}/resend", made.text_of("id"));
    admin.post(&again, json!({})).await.expect(200);
    let (_, token) = post.link("grace@people.test", 1).await;
    let held = admin.post(&again, json!({})).await.problem("429 NL-2007");
    let seconds: u64 = held.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");

    let grace = server.at_browser(admin.user, "grace@people.test");
    grace.get(&format!("/invitation?token={first}")).await.expect(410);
    let shown = grace.get(&format!("/invitation?token={token}")).await.expect(200);
    assert!(shown.text.contains("Join Demo") && !shown.text.contains("<script"), "{}", shown.text);
    let said = grace.post("/api/v1/invitations/look", json!({ "token": token })).await.expect(200).json();
    assert_eq!((said["team"].as_str(), said["has_account"].as_bool()), (Some("Demo"), Some(false)));
    let weak = grace.form("/invitation", &[("token", &token), ("name", "Grace"), ("password", "password1234")]).await;
    assert!(weak.expect(422).text.contains("role=\"alert\""));
    let accept = json!({ "token": token, "name": "Grace", "password": NEW });
    let joined = grace.post("/api/v1/invitations/accept", accept.clone()).await.expect(200).json();
    assert_eq!(joined["role"], "builder");
    let me = grace.get("/api/v1/me").await.expect(200).json();
    assert_eq!((me["email"].as_str(), me["name"].as_str()), (Some("grace@people.test"), Some("Grace")));
    assert_eq!(me["teams"][0]["role"], "builder");
    grace.post("/api/v1/invitations/accept", accept).await.problem("410 NL-2014");
    grace.get(&format!("/invitation?token={token}")).await.expect(410);
    assert!(admin.get(&format!("{team}/invitations")).await.json()["items"].as_array().unwrap().is_empty());
    admin.post(&format!("{team}/invitations"), invited).await.problem("429 NL-2007");
    grace.sign_in(NEW).await.expect(200);
    server.stop().await;
}

/// Issue 5: where no mail server is configured, the answer shows the link, once; a revoked link is dead.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_mail_server_the_answer_shows_the_link() {
    on_both(async |server| {
        let invite = async |email: &str| {
            let body = json!({ "email": email, "role": "compliance_officer" });
            let made = server.client.post("invitations", body).await.expect(201);
            let link = made.text_of("link");
            assert!(link.starts_with(&format!("{}/invitation?token=", server.url())), "{link}");
            (made.text_of("id"), link.split_once("token=").unwrap().1.to_owned())
        };
        let (id, token) = invite("first@people.test").await;
        let listed = server.client.get("invitations").await.expect(200);
        assert!(!listed.text.contains(&token), "shown once");
        server.client.delete(&format!("invitations/{id}")).await.expect(204);
        let nobody = server.client.anonymous();
        let accept = json!({ "token": token, "password": NEW });
        nobody.post("/api/v1/invitations/accept", accept).await.problem("410 NL-2014");

        let (_, token) = invite("second@people.test").await;
        let page = server.at_browser(journeys_user(), "second@people.test");
        let done = page.form("/invitation", &[("token", &token), ("name", "<b>S</b>"), ("password", NEW)]).await;
        assert!(done.expect(200).text.contains("signed in"));
        let me = page.get("/api/v1/me").await.expect(200).json();
        assert_eq!(
            (me["name"].as_str(), me["teams"][0]["role"].as_str()),
            (Some("<b>S</b>"), Some("compliance_officer"))
        );
        for (bad, status) in [
            (json!({ "email": "nobody", "role": "viewer" }), 400),
            (json!({ "email": "a@b.test", "role": "owner" }), 400),
            (json!({ "email": "second@people.test", "role": "admin" }), 409),
            (json!({ "email": "a@b.test", "role": "viewer", "more": 1 }), 400),
        ] {
            let answer = server.client.post("invitations", bad).await;
            assert_eq!(answer.status, status, "{}", answer.text);
        }
    })
    .await;
}

fn journeys_user() -> domain::UserId {
    "user_00000000000070008000000000000009".parse().unwrap()
}

/// Whoever has an account joins another team with its password; nobody is made twice, and the link opens no session.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_joins_a_second_team_with_its_password() {
    on_sqlite(async |server| {
        let other = server.other_team().await;
        let person = server.browser(server.team().await, Role::Viewer).await;
        let made = other.post("invitations", json!({ "email": person.email, "role": "operator" })).await.expect(201);
        let token = made.text_of("link").split_once("token=").unwrap().1.to_owned();
        let nobody = server.at_browser(person.user, &person.email);
        let accept = |password: &str| json!({ "token": token, "password": password });
        nobody.post("/api/v1/invitations/accept", accept("not the password")).await.problem("401 NL-2002");
        let joined = nobody.post("/api/v1/invitations/accept", accept(journeys::PASSWORD)).await.expect(200);
        assert!(joined.json()["signed_in"].is_null() && joined.header("set-cookie").is_empty(), "{}", joined.text);
        // Rights changed: the session goes on under another id.
        let before = person.copied();
        person.refresh().await.expect(200);
        assert_eq!(person.get("/api/v1/me").await.expect(200).json()["teams"].as_array().unwrap().len(), 2);
        before.get("/api/v1/me").await.problem("401 NL-2001");
    })
    .await;
}

/// R031, R040: with a mail server the first admin's address has to be confirmed too; the link can be sent again, but not
/// at once.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_confirmed_before_the_next_sign_in() {
    let (post, server) = with_post().await;
    let token = server.rooms.identity.new_setup_token(server.rooms.clock.now()).await.unwrap().unwrap();
    let first = server.at_browser(journeys_user(), "first@people.test");
    let fields = [("token", token.expose().as_str()), ("email", "first@people.test"), ("password", NEW)];
    first.form("/setup", &fields).await.expect(201);
    first.get("/api/v1/me").await.expect(200);
    first.sign_in(NEW).await.problem("403 NL-2012");
    first.sign_in("not the password").await.problem("401 NL-2002");
    let ask = json!({ "email": "first@people.test" });
    post.mail("first@people.test", 0).await;
    first.post("/api/v1/auth/verification", ask.clone()).await.expect(202);
    first.post("/api/v1/auth/verification", ask).await.problem("429 NL-2007");
    let (page, token) = post.link("first@people.test", 1).await;
    assert_eq!(page, "verify-email");
    let shown = first.get(&format!("/verify-email?token={token}")).await.expect(200);
    assert!(shown.text.contains("<form"), "opening the link confirms nothing: {}", shown.text);
    first.sign_in(NEW).await.problem("403 NL-2012");
    assert!(first.form("/verify-email", &[("token", &token)]).await.expect(200).text.contains("confirmed"));
    first.form("/verify-email", &[("token", &token)]).await.expect(410);
    first.sign_in(NEW).await.expect(200);
    server.stop().await;
}

/// Issue 5: whoever asks for a new password learns nothing; the link works once; every session ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_by_mail() {
    let (post, server) = with_post().await;
    let person = server.browser(server.team().await, Role::Viewer).await;
    let asking = server.at_browser(person.user, &person.email);
    let ask = async |email: &str| asking.post("/api/v1/auth/password-reset", json!({ "email": email })).await;
    let (known, unknown) = (ask(&person.email).await.expect(202), ask("nobody@people.test").await.expect(202));
    assert_eq!(known.text, unknown.text);
    for email in [person.email.as_str(), "nobody@people.test"] {
        ask(email).await.problem("429 NL-2007");
    }
    let (page, token) = post.link(&person.email, 0).await;
    assert_eq!(page, "reset-password");
    assert_eq!(post.count("nobody@people.test"), 0);
    asking.get(&format!("/reset-password?token={token}")).await.expect(200);
    asking.get("/reset-password?token=guess").await.expect(410);
    let reset = |password: &str| json!({ "token": token, "password": password });
    let path = "/api/v1/auth/password-reset/confirm";
    for (bad, reason) in [
        ("x".repeat(73).as_str(), "password_too_long"),
        ("nine grey\0herons", "password_nul"),
        ("short", "password_too_short"),
    ] {
        let refused = asking.post(path, reset(bad)).await.problem("422 NL-2006");
        assert_eq!(refused.text_of("reason"), reason);
    }
    asking.post(path, reset(NEW)).await.expect(204);
    asking.post(path, reset(NEW)).await.problem("410 NL-2014");
    person.get("/api/v1/me").await.problem("401 NL-2001");
    person.refresh().await.problem("401 NL-2001");
    asking.sign_in(journeys::PASSWORD).await.problem("401 NL-2002");
    asking.sign_in(NEW).await.expect(200);
    assert!(post.mail(&person.email, 1).await.contains("set anew"), "the person is told");
    server.stop().await;
}

/// A mail server that is away for a moment loses no mail, and one that will not take a mail is told of.
#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_is_put_off_is_tried_again() {
    let (post, server) = with_post().await;
    post.put_off(1);
    let invite = json!({ "email": "later@people.test", "role": "viewer" });
    let made = server.client.post("invitations", invite).await.expect(201);
    assert_eq!(made.text_of("delivery"), "retrying");
    post.link("later@people.test", 0).await;
    server.stop().await;
}

/// A mail that waits for its mail server outlives the process: the next start delivers it, once.
#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_waits_outlives_a_restart() {
    let (post, server) = with_post().await;
    post.put_off(1);
    let invite = json!({ "email": "patient@people.test", "role": "viewer" });
    assert_eq!(server.client.post("invitations", invite).await.expect(201).text_of("delivery"), "retrying");
    let waiting = server.client.get("invitations").await.expect(200).json();
    assert_eq!(waiting["items"][0]["delivery"], "retrying");
    let (settings, folder) = server.stop().await;
    let server = Server::on(settings, folder).await;
    post.link("patient@people.test", 0).await;
    let gone = || async {
        let shown = server.client.get("invitations").await.expect(200).json();
        shown["items"][0]["delivery"].is_null().then_some(())
    };
    journeys::eventually("nothing waits any more", Duration::from_secs(10), gone).await;
    assert_eq!(post.count("patient@people.test"), 1);
    server.stop().await;
}

/// A mail that the mail server will not have is not tried for ever, and whoever asked for it sees that.
#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_is_refused_is_shown_as_failed() {
    let (post, server) = with_post().await;
    post.refuse("nobody@people.test");
    let invite = json!({ "email": "nobody@people.test", "role": "viewer" });
    assert_eq!(server.client.post("invitations", invite).await.expect(201).text_of("delivery"), "failed");
    let shown = server.client.get("invitations").await.expect(200).json();
    assert_eq!(shown["items"][0]["delivery"], "failed");
    assert_eq!(post.count("nobody@people.test"), 0);
    server.stop().await;
}

/// R031: asking for mails again has a window of its own, by the address that asks, and says so.
#[tokio::test(flavor = "multi_thread")]
async fn asking_for_mails_again_is_limited_by_address() {
    let server = Server::with(Settings::default().set("NODELOOM_LIMITS__RESEND_PER_MINUTE", 2)).await;
    let nobody = server.client.anonymous();
    let ask = async |n: usize| {
        let body = json!({ "email": format!("someone-{n}@people.test") });
        let route = if n.is_multiple_of(2) { "verification" } else { "password-reset" };
        nobody.post(&format!("/api/v1/auth/{route}"), body).await
    };
    for n in 0..2 {
        ask(n).await.expect(202);
    }
    let refused = ask(2).await.problem("429 NL-1002");
    assert!(refused.header("ratelimit-policy").contains("\"resend\";q=2;w=60"), "{:?}", refused.headers);
    assert!((1..=60).contains(&refused.header("retry-after").parse::<u64>().unwrap()));
    server.client.get("workflows").await.expect(200);
    server.stop().await;
}

/// Another address becomes the account's when its link is opened; whether it is another account's is not told.
#[tokio::test(flavor = "multi_thread")]
async fn another_address_is_confirmed_before_it_counts() {
    let (post, server) = with_post().await;
    let demo = server.team().await;
    let (person, other) = (server.browser(demo, Role::Viewer).await, server.browser(demo, Role::Viewer).await);
    let ask = async |email: &str| person.post("/api/v1/me/email", json!({ "email": email })).await.expect(202);
    assert_eq!(ask("moved@people.test").await.text, ask(&other.email).await.text);
    let (_, token) = post.link("moved@people.test", 0).await;
    person.post("/api/v1/auth/verification/confirm", json!({ "token": token })).await.expect(204);
    let moved = server.at_browser(person.user, "moved@people.test");
    moved.sign_in(journeys::PASSWORD).await.expect(200);
    person.sign_in(journeys::PASSWORD).await.problem("401 NL-2002");
    assert!(post.mail(&person.email, 0).await.contains("Another e-mail address"));
    server.stop().await;
}

/// R041, D7: pauses are recorded per identity and action, admins see them, and looking is recorded.
#[tokio::test(flavor = "multi_thread")]
async fn admins_see_the_pauses_of_members() {
    on_sqlite(async |server| {
        let person = server.person_with_password(server.team().await, Role::Builder).await;
        for _ in 0..6 {
            person.sign_in("not the password").await.problem("401 NL-2002");
        }
        let held = person.sign_in(journeys::PASSWORD).await.problem("429 NL-2007");
        let seconds: u64 = held.header("retry-after").parse().unwrap();
        assert!((1..=30).contains(&seconds), "{seconds}");
        let found = server.client.get("cooldowns").await.expect(200).json();
        let of =
            found["items"].as_array().unwrap().iter().find(|one| one["member"] == person.user.to_string().as_str());
        let of = of.unwrap_or_else(|| panic!("{found}"));
        assert_eq!((of["action"].as_str(), of["failures"].as_u64()), (Some("sign_in_anywhere"), Some(6)));
        assert_eq!(server.client.all("audit?operation=cooldown.view&result=succeeded", 50).await.len(), 1);
    })
    .await;
}
