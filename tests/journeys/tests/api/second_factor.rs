//! The second factor over HTTP: enrolment, both steps, recovery, and teams that demand it.

use domain::Role;
use journeys::{Answer, Browser, PASSWORD, Server, on_both, on_sqlite};
use serde_json::json;
use totp_rs::{Builder, Secret};

const TEAM: &str = "/api/v1/teams/demo/development";

/// What the authenticator shows `ahead` steps from now: each code is taken once, so a test that signs in twice looks at
/// the next one.
fn code(server: &journeys::Server, secret: &str, ahead: u64) -> String {
    let totp =
        Builder::new().with_secret(Secret::try_from_base32(secret).unwrap()).with_account_name("test").build().unwrap();
    let now = u64::try_from(server.rooms.clock.now().micros() / 1_000_000).unwrap();
    totp.generate(now + 30 * ahead).to_string()
}

/// Enrols; the secret and the recovery codes.
async fn enrol(server: &journeys::Server, browser: &Browser) -> (String, Vec<String>) {
    let made = browser.post("/api/v1/me/second-factor", json!({})).await.expect(201);
    assert!(made.text_of("uri").starts_with("otpauth://totp/"), "{}", made.text);
    let secret = made.text_of("secret");
    browser.post("/api/v1/me/second-factor/confirm", json!({ "code": "12345" })).await.problem("401 NL-2013");
    let shown = code(server, &secret, 0);
    let done = browser.post("/api/v1/me/second-factor/confirm", json!({ "code": shown })).await.expect(200).json();
    let codes = done["recovery_codes"].as_array().unwrap();
    (secret, codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect())
}

async fn second_step(browser: &Browser, pending: &str, code: &str) -> Answer {
    browser.post("/api/v1/auth/second-factor", json!({ "pending": pending, "code": code })).await
}

async fn first_step(browser: &Browser) -> String {
    let answer = browser.sign_in(PASSWORD).await.expect(200);
    assert!(answer.header("set-cookie").is_empty() && answer.json()["csrf_token"].is_null(), "{}", answer.text);
    answer.text_of("pending")
}

/// Issue 5: TOTP with recovery codes: no session before the second step, no code twice, the vault keeps the secret.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_from_enrolment_to_its_end() {
    on_both(async |server| {
        let person = server.browser(server.team().await, Role::Viewer).await;
        let (secret, recovery) = enrol(server, &person).await;
        assert_eq!(recovery.len(), 10);
        let standing = person.get("/api/v1/me/second-factor").await.expect(200).json();
        assert_eq!((standing["enabled"].as_bool(), standing["recovery_codes_left"].as_u64()), (Some(true), Some(10)));
        let system = authz::act_as_system("a test looks behind the API");
        let kept = server.rooms.store.second_factor(system, person.user).await.unwrap().unwrap();
        let plain = Secret::try_from_base32(&secret).unwrap();
        assert!(!kept.sealed.windows(20).any(|part| part == plain.as_bytes()), "sealed");

        let again = server.at_browser(person.user, &person.email);
        let pending = first_step(&again).await;
        again.get("/api/v1/me").await.problem("401 NL-2001");
        second_step(&again, &pending, "000000").await.problem("401 NL-2013");
        second_step(&again, "guess", "000000").await.problem("401 NL-2013");
        // The code of this step confirmed the enrolment.
        let shown = code(server, &secret, 1);
        second_step(&again, &pending, &shown).await.expect(200);
        again.get("/api/v1/me").await.expect(200);
        let replay = first_step(&again).await;
        second_step(&again, &replay, &shown).await.problem("401 NL-2013");
        second_step(&again, &replay, &recovery[0].to_uppercase()).await.expect(200);
        let replay = first_step(&again).await;
        second_step(&again, &replay, &recovery[0]).await.problem("401 NL-2013");

        let renewed = again.post("/api/v1/me/second-factor/recovery-codes", json!({})).await.expect(200).json();
        let replay = first_step(&again).await;
        second_step(&again, &replay, &recovery[1]).await.problem("401 NL-2013");
        let one = renewed["recovery_codes"][0].as_str().unwrap();
        second_step(&again, &replay, one).await.expect(200);
        again.post("/api/v1/me/step-up", json!({ "password": PASSWORD })).await.problem("401 NL-2013");
        again.delete("/api/v1/me/second-factor").await.expect(200);
        again.get("/api/v1/me").await.expect(200);
        again.sign_in(PASSWORD).await.expect(200);
        assert!(again.cookie("__Host-nodeloom-access").is_some());
        again.delete("/api/v1/me/second-factor").await.problem("409 NL-3002");
    })
    .await;
}

/// The sealed secret follows a rotation of keys: another seal, the same codes.
#[tokio::test(flavor = "multi_thread")]
async fn the_secret_of_a_second_factor_survives_a_rotation_of_keys() {
    let server = Server::start().await;
    let person = server.browser(server.team().await, Role::Viewer).await;
    let (secret, _) = enrol(&server, &person).await;
    let system = authz::act_as_system("a test looks behind the API");
    let sealed =
        async |server: &Server| server.rooms.store.second_factor(system, person.user).await.unwrap().unwrap().sealed;
    let before = sealed(&server).await;
    let config = server.rooms.config.clone();
    let (settings, folder) = server.stop().await;
    server::commands::keys_rotate(config).await.unwrap();
    let server = Server::on(settings, folder).await;
    assert_ne!(sealed(&server).await, before, "sealed anew");
    let again = server.at_browser(person.user, &person.email);
    let pending = first_step(&again).await;
    second_step(&again, &pending, &code(&server, &secret, 1)).await.expect(200);
    again.get("/api/v1/me").await.expect(200);
    server.stop().await;
}

/// Issue 5: a team that demands one lets people without it enrol and do nothing else; machines go on.
#[tokio::test(flavor = "multi_thread")]
async fn a_team_demands_a_second_factor() {
    on_both(async |server| {
        let demo = server.team().await;
        let (admin, person) = (server.browser(demo, Role::Admin).await, server.browser(demo, Role::Viewer).await);
        let demand = json!({ "require_second_factor": true });
        let shut_out = admin.patch(&format!("{TEAM}/team"), demand.clone()).await.problem("409 NL-3002");
        assert!(shut_out.text.contains("yourself"), "{}", shut_out.text);
        enrol(server, &admin).await;
        let changed = admin.patch(&format!("{TEAM}/team"), demand).await.expect(200).json();
        assert_eq!((changed["require_second_factor"].as_bool(), changed["name"].as_str()), (Some(true), Some("Demo")));
        admin.get(&format!("{TEAM}/workflows")).await.expect(200);
        server.client.get("workflows").await.expect(200);
        for path in ["/workflows", "/runs", "/team", "/events"] {
            person.get(&format!("{TEAM}{path}")).await.problem("403 NL-2011");
        }
        assert_eq!(person.get("/api/v1/me").await.expect(200).json()["second_factor"], false);
        enrol(server, &person).await;
        person.get(&format!("{TEAM}/workflows")).await.expect(200);
        let members = admin.get(&format!("{TEAM}/members")).await.expect(200).json();
        let of = |id: String| members["items"].as_array().unwrap().iter().find(|one| one["id"] == id.as_str()).cloned();
        assert_eq!(of(person.user.to_string()).unwrap()["second_factor"], true);
    })
    .await;
}

/// The person's pause holds however many sign-ins are begun.
#[tokio::test(flavor = "multi_thread")]
async fn guesses_of_codes_are_paused() {
    on_sqlite(async |server| {
        let person = server.browser(server.team().await, Role::Viewer).await;
        let (secret, _) = enrol(server, &person).await;
        let again = server.at_browser(person.user, &person.email);
        let mut held = None;
        for _ in 0..8 {
            let pending = first_step(&again).await;
            let answer = second_step(&again, &pending, "000000").await;
            if answer.status == 429 {
                held = Some((answer, pending));
                break;
            }
            answer.problem("401 NL-2013");
        }
        let (answer, pending) = held.expect("a pause");
        assert!(answer.problem("429 NL-2007").header("retry-after").parse::<u64>().is_ok_and(|s| s <= 900));
        second_step(&again, &pending, &code(server, &secret, 0)).await.problem("429 NL-2007");
    })
    .await;
}
