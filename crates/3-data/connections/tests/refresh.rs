//! R076–R078: tokens are refreshed once for all, kept whole, and their end is shown by name.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod double;

use std::time::Duration;

use connections::{Error, ProviderError, Status, Tested};
use domain::CredentialId;
use double::*;
use harness::{Ground, on_both, on_sqlite, permit_for, scope};
use serde_json::json;
use store::Effects;
use vault::{Named, Use, keys};

fn rotating() -> Quirks {
    Quirks { basic: true, pkce: true, rotates: true, expires_in: Some(json!(3600)), ..Quirks::default() }
}
async fn made(ground: &Ground, quirks: Quirks) -> (connections::Connections, Double, CredentialId) {
    let connections = connections(ground).await;
    let double = Double::start(quirks).await;
    register(&connections, "zoom", settings(&double, "")).await;
    let credential = connect(&connections, &double, wanted("zoom", json!({}))).await.unwrap();
    (connections, double, credential.id)
}
async fn status(connections: &connections::Connections, id: CredentialId) -> Status {
    connections.connection(&using(), id).await.unwrap().status
}

/// R077: five hundred that need one token, in two processes: one call, and all have its token.
#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_that_need_one_token_make_one_call() {
    on_both(async |ground| {
        let root = keys::generate().unwrap();
        let quirks = Quirks { slow: Duration::from_millis(50), ..rotating() };
        let one = connections_with(ground, &root).await;
        let double = Double::start(quirks).await;
        register(&one, "zoom", settings(&double, "")).await;
        connect(&one, &double, wanted("zoom", json!({}))).await.unwrap();
        // another process: what they share is the database
        let other = connections_with(ground, &root).await;
        ground.clock.advance(Duration::from_secs(3700));
        let workers = (0..500).map(|n| token(if n % 2 == 0 { &one } else { &other }, ground, "my zoom"));
        let tokens = futures::future::join_all(workers).await;
        let newest = double.tokens_of().0.unwrap();
        assert!(tokens.iter().all(|token| token.as_ref().unwrap() == &newest));
        assert_eq!(double.refreshes(), 1);
        assert_eq!(double.wrong(), Vec::<String>::new());
    })
    .await;
}

/// R077: before it expires, and not long before.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_refreshed_before_it_expires() {
    on_sqlite(async |ground| {
        let (connections, double, id) = made(ground, rotating()).await;
        ground.clock.advance(Duration::from_secs(3000));
        token(&connections, ground, "my zoom").await.unwrap();
        assert_eq!((double.refreshes(), status(&connections, id).await), (0, Status::Active));
        ground.clock.advance(Duration::from_secs(350));
        assert_eq!(status(&connections, id).await, Status::Expiring);
        assert_eq!(connections.keep_fresh().await.unwrap(), 1);
        assert_eq!((double.refreshes(), status(&connections, id).await), (1, Status::Active));
        assert_eq!(connections.keep_fresh().await.unwrap(), 0);
    })
    .await;
}

/// Somebody died in the middle of a refresh: the lease ends and another does it.
#[tokio::test(flavor = "multi_thread")]
async fn a_lease_of_somebody_who_died_ends() {
    on_both(async |ground| {
        let (connections, double, id) = made(ground, rotating()).await;
        ground.clock.advance(Duration::from_secs(3700));
        let (now, owner) = (ground.clock.now(), domain::LeaseId::from_uuid(harness::uuid(9)));
        let until = now + Duration::from_secs(60);
        assert!(ground.store.begin_refresh(harness::system(), id, 0, owner, now, until).await.unwrap());
        assert!(!ground.store.begin_refresh(harness::system(), id, 0, owner, now, until).await.unwrap());
        let clock = ground.clock.clone();
        let later = async {
            // until then it is waited for
            tokio::time::sleep(Duration::from_millis(200)).await;
            assert_eq!(double.refreshes(), 0);
            clock.advance(Duration::from_secs(61));
        };
        let (token, ()) = tokio::join!(token(&connections, ground, "my zoom"), later);
        assert_eq!(Some(token.unwrap()), double.tokens_of().0);
        assert_eq!(double.refreshes(), 1);
    })
    .await;
}

/// A caller that gives up does not lose the token that the provider has just given.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_gives_up_loses_nothing() {
    on_sqlite(async |ground| {
        let (connections, double, _) = made(ground, Quirks { slow: Duration::from_millis(150), ..rotating() }).await;
        ground.clock.advance(Duration::from_secs(3700));
        let hasty = tokio::time::timeout(Duration::from_millis(60), token(&connections, ground, "my zoom")).await;
        assert!(hasty.is_err());
        let patient = token(&connections, ground, "my zoom").await.unwrap();
        assert_eq!((Some(patient), double.refreshes()), (double.tokens_of().0, 1));
        assert!(!double.state.lock().unwrap().ended);
    })
    .await;
}

/// `invalid_grant`: the status says that somebody has to connect again, and connecting again makes it whole.
#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_is_gone_needs_reauthorization() {
    on_both(async |ground| {
        let (connections, double, id) = made(ground, rotating()).await;
        double.mood(Mood::Gone);
        ground.clock.advance(Duration::from_secs(3700));
        let error = token(&connections, ground, "my zoom").await.unwrap_err();
        assert!(matches!(&error, Error::Reauthorize { reason } if reason == "invalid_grant"), "{error:?}");
        assert_eq!(status(&connections, id).await, Status::ReauthorizationRequired);
        let again = token(&connections, ground, "my zoom").await.unwrap_err();
        assert_eq!(again.code(), "reauthorization_required");
        assert_eq!(double.refreshes(), 0, "asked once, refused by mood, and not asked again");
        assert_eq!(double.seen().iter().filter(|seen| seen.fields.contains_key("refresh_token")).count(), 1);
        double.mood(Mood::Well);
        let renewed = connections::Connect { again: Some(id), ..wanted("zoom", json!({})) };
        let credential = connect(&connections, &double, renewed).await.unwrap();
        assert_eq!((credential.id, status(&connections, id).await), (id, Status::Active));
        assert_eq!(Some(token(&connections, ground, "my zoom").await.unwrap()), double.tokens_of().0);
    })
    .await;
}

/// The loser of a race does not end what the winner got: it re-reads and takes that.
#[tokio::test(flavor = "multi_thread")]
async fn a_loser_takes_the_winners_token() {
    on_both(async |ground| {
        let (connections, double, id) = made(ground, rotating()).await;
        ground.clock.advance(Duration::from_secs(3700));
        token(&connections, ground, "my zoom").await.unwrap();
        // what a worker that had begun from the first token would say now: nothing is changed by it
        let late = store::grants::NotRefreshed {
            credential: id,
            owner: domain::LeaseId::from_uuid(harness::uuid(9)),
            seen: 0,
            status: Some("reauthorization_required"),
            reason: "invalid_grant".to_owned(),
            retry_at: None,
        };
        assert!(!ground.store.fail_refresh(harness::system(), late, Effects::none()).await.unwrap());
        assert_eq!(status(&connections, id).await, Status::Active);
        assert_eq!(Some(token(&connections, ground, "my zoom").await.unwrap()), double.tokens_of().0);
    })
    .await;
}

/// An hour of 5xx: the grant stays active, the provider is asked a handful of times, and afterwards all is well.
#[tokio::test(flavor = "multi_thread")]
async fn an_hour_of_5xx_ends_nothing() {
    on_sqlite(async |ground| {
        let (connections, double, id) = made(ground, rotating()).await;
        double.mood(Mood::Status(503));
        ground.clock.advance(Duration::from_secs(3350));
        // near its end, and still good: it is used
        assert!(token(&connections, ground, "my zoom").await.is_ok());
        assert_eq!(status(&connections, id).await, Status::Expiring);
        let before = double.seen().len();
        for _ in 0..360 {
            ground.clock.advance(Duration::from_secs(10));
            _ = token(&connections, ground, "my zoom").await;
            connections.keep_fresh().await.unwrap();
        }
        let asked = double.seen().len() - before;
        assert!((3..=12).contains(&asked), "asked {asked} times in an hour");
        let error = token(&connections, ground, "my zoom").await.unwrap_err();
        assert!(matches!(error, Error::Provider(ProviderError::Unavailable { .. })) && error.may_retry(), "{error}");
        let shown = connections.connection(&using(), id).await.unwrap();
        assert_eq!(shown.grant.status, "active");
        assert!(shown.grant.failures >= 3 && shown.grant.reason.unwrap().contains("503"));
        double.mood(Mood::Well);
        ground.clock.advance(Duration::from_secs(901));
        assert_eq!(Some(token(&connections, ground, "my zoom").await.unwrap()), double.tokens_of().0);
        assert_eq!(status(&connections, id).await, Status::Active);
    })
    .await;
}

/// Answers that are none, to a code and to a refresh: a name for each, and nothing half-saved.
#[tokio::test(flavor = "multi_thread")]
async fn bad_answers_have_names_and_leave_nothing_behind() {
    on_both(async |ground| {
        let moods = [
            (Mood::Status(500), "provider_unavailable", "active"),
            (Mood::Status(429), "provider_unavailable", "active"),
            (Mood::Html, "html", "active"),
            (Mood::Garbage, "unreadable", "active"),
            (Mood::Error200("bad_verification_code"), "refused", "active"),
            (Mood::Error200("invalid_client"), "client_refused", "active"),
            (Mood::Error200("invalid_grant"), "invalid_grant", "reauthorization_required"),
            (Mood::NoToken, "no_token", "active"),
            (Mood::Expired, "expired_token", "active"),
            (Mood::Redirect("http://127.0.0.2:9/steal".to_owned()), "redirected", "active"),
            (Mood::Status(418), "refused", "active"),
        ];
        let (connections, double, _) = made(ground, rotating()).await;
        let credentials = async || connections.vault().credentials(&using()).await.unwrap();
        for (mood, code, then) in moods {
            double.mood(mood.clone());
            let failed = connect(&connections, &double, wanted_named("other")).await.unwrap_err();
            assert_eq!(failed.code(), code, "{mood:?}: {failed}");
            assert!(!failed.to_string().contains("double-"), "{failed}");
            assert_eq!(credentials().await.len(), 1, "{mood:?}: nothing half-saved");

            let before = credentials().await[0].clone();
            ground.clock.advance(Duration::from_secs(3700 + 900));
            let failed = token(&connections, ground, "my zoom").await.unwrap_err();
            let expected = if code == "invalid_grant" { "reauthorization_required" } else { code };
            assert_eq!(failed.code(), expected, "{mood:?}: {failed}");
            let after = credentials().await[0].clone();
            assert_eq!((after.version, after.status.as_str()), (before.version, then), "{mood:?}: nothing half-saved");
            // and the token that is there is still whole
            double.mood(Mood::Well);
            ground.clock.advance(Duration::from_secs(901));
            if then != "active" {
                let renewed = connections::Connect { again: Some(after.id), ..wanted("zoom", json!({})) };
                connect(&connections, &double, renewed).await.unwrap();
            }
            assert_eq!(Some(token(&connections, ground, "my zoom").await.unwrap()), double.tokens_of().0, "{mood:?}");
        }
    })
    .await;
}

fn wanted_named(name: &str) -> connections::Connect {
    connections::Connect { name: name.to_owned(), ..wanted("zoom", json!({})) }
}

/// R078: without a refresh token the end is the end; a 401 to a fresh token is a revocation.
#[tokio::test(flavor = "multi_thread")]
async fn expired_and_revoked_are_told_apart() {
    on_sqlite(async |ground| {
        let (connections, _, id) = made(ground, Quirks { no_refresh: true, ..rotating() }).await;
        ground.clock.advance(Duration::from_secs(3700));
        assert!(matches!(token(&connections, ground, "my zoom").await, Err(Error::Expired)));
        assert_eq!(status(&connections, id).await, Status::Expired);
        assert!(matches!(token(&connections, ground, "my zoom").await, Err(Error::Expired)));
    })
    .await;
    on_both(async |ground| {
        let (connections, double, id) = made(ground, rotating()).await;
        ground.clock.advance(Duration::from_secs(600));
        let lease = async || connections.lease(&using(), Named("my zoom"), &Use::default(), ground.clock.now()).await;
        let first = lease().await.unwrap();
        assert!(connections.rejected(&first).await.unwrap(), "an old token is refreshed before its time");
        assert!(connections.rejected(&first).await.unwrap(), "there is a newer one already");
        assert_eq!(double.refreshes(), 1);
        let second = lease().await.unwrap();
        assert!(!connections.rejected(&second).await.unwrap());
        assert_eq!(status(&connections, id).await, Status::Revoked);
        assert!(matches!(lease().await, Err(Error::Revoked)));
    })
    .await;
}

/// One harmless call says whether it works.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_can_be_tested() {
    on_sqlite(async |ground| {
        let (connections, double, id) = made(ground, rotating()).await;
        let test = async || connections.test(&using(), id, None, Effects::none()).await.unwrap();
        assert_eq!(test().await, Tested::Works);
        double.state.lock().unwrap().ended = true;
        assert_eq!(test().await, Tested::Refused { status: 401 });
        let shown = connections.vault().credential(&using(), id).await.unwrap();
        assert_eq!(shown.test_result.as_deref(), Some("refused with status 401"));
        let elsewhere = connections.test(&using(), id, Some("https://evil.example/"), Effects::none()).await;
        assert!(matches!(elsewhere, Err(Error::Vault(vault::Error::HostNotBound { .. }))));
    })
    .await;
}

/// State, browser and session hold the two halves together; each alone is not enough.
#[tokio::test(flavor = "multi_thread")]
async fn the_way_back_is_bound_to_state_browser_and_session() {
    on_both(async |ground| {
        let connections = connections(ground).await;
        let double = Double::start(rotating()).await;
        register(&connections, "zoom", settings(&double, "")).await;
        let begun = begin(&connections, wanted("zoom", json!({}))).await.unwrap();
        let code = double.agree(&begun.authorize_url);
        let good = || back(&begun, &[("code", &code)]);
        let refused = async |callback: connections::Callback| finish(&connections, &callback).await.unwrap_err().code();

        let mut other = good();
        other.binding = None;
        assert_eq!(refused(other).await, "other_browser");
        let mut other = good();
        other.binding = Some(domain::Secret::new("another".to_owned()));
        assert_eq!(refused(other).await, "other_browser");
        let mut other = good();
        other.session = "session-2".to_owned();
        assert_eq!(refused(other).await, "other_session");
        let mut other = good();
        other.query.iter_mut().find(|(n, _)| n == "state").unwrap().1 = "guessed".to_owned();
        assert_eq!(refused(other).await, "bad_state");
        let mut twice = good();
        twice.query.push(("state".to_owned(), "x".to_owned()));
        assert_eq!(refused(twice).await, "bad_state");
        let elsewhere = connections
            .finish(&permit_for(scope(2)), &permit_for(scope(2)), &good(), Effects::none())
            .await
            .unwrap_err();
        assert_eq!(elsewhere.code(), "bad_state", "another team's permit finishes nothing");
        assert!(double.seen().is_empty(), "no code was spent on any of them");

        assert!(finish(&connections, &good()).await.is_ok());
        assert_eq!(refused(good()).await, "bad_state", "a state is used once");
        // too late
        let begun = begin(&connections, wanted_named("late")).await.unwrap();
        let late = back(&begun, &[("code", &double.agree(&begun.authorize_url))]);
        ground.clock.advance(Duration::from_secs(601));
        assert_eq!(refused(late).await, "bad_state");
        // the person said no
        let begun = begin(&connections, wanted_named("no")).await.unwrap();
        let error = finish(&connections, &back(&begun, &[("error", "access_denied<script>")])).await.unwrap_err();
        assert_eq!((error.code(), error.to_string().contains('<')), ("denied", false));
    })
    .await;
}

/// R076: neither tokens, nor the client's secret, nor a verifier are in any byte of the database.
#[tokio::test(flavor = "multi_thread")]
async fn the_database_holds_no_token() {
    on_sqlite(async |ground| {
        let (connections, double, _) = made(ground, rotating()).await;
        ground.clock.advance(Duration::from_secs(3700));
        token(&connections, ground, "my zoom").await.unwrap();
        begin(&connections, wanted_named("open")).await.unwrap();
        let (access, refresh) = double.tokens_of();
        let verifier = double.seen().iter().find_map(|seen| seen.fields.get("code_verifier").cloned()).unwrap();
        for file in std::fs::read_dir(ground.folder.path()).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            for secret in [access.clone().unwrap(), refresh.clone().unwrap(), client_secret(), verifier.clone()] {
                assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
            }
            assert!(!bytes.windows(14).any(|window| window == b"double-access-"), "none of any age");
        }
    })
    .await;
}

/// A grant that another team's environment would like: there is none.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_of_one_team_and_environment() {
    on_sqlite(async |ground| {
        let (connections, _, id) = made(ground, rotating()).await;
        for elsewhere in [scope(2), domain::Scope { environment: domain::Environment::Development, ..scope(1) }] {
            assert!(connections.connection(&permit_for(elsewhere), id).await.is_err());
            let (permit, now) = (permit_for(elsewhere), ground.clock.now());
            let lease = connections.lease(&permit, Named("my zoom"), &Use::default(), now).await;
            assert!(matches!(lease, Err(Error::Vault(vault::Error::NotFound))));
            let other_client = connections
                .begin(&permit_for(elsewhere), &permit_for(elsewhere), wanted_named("x"), Effects::none())
                .await;
            assert!(matches!(other_client, Err(Error::NoClient { .. })));
        }
    })
    .await;
}
