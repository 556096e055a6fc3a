//! R064–R079: the twelve providers, each against a double that plays its quirks.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod double;

use std::time::Duration;

use aws_lc_rs::hmac;
use connections::{Revoked, Status};
use domain::Json;
use double::*;
use egress::Url;
use harness::{Ground, on_both, on_sqlite};
use serde_json::json;
use vault::{Named, Use};

fn field(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(n, _)| n == name).map(|(_, v)| v.into_owned())
}

/// What a conformance run wants of one provider.
struct Row {
    name: &'static str,
    parameters: Json,
    /// Below the double's address, with the provider's own parameters.
    path: &'static str,
    quirks: Quirks,
    /// The scopes as they stand in the authorize address.
    scope: Option<&'static str>,
    /// Further fields of the authorize address.
    fields: &'static [(&'static str, &'static str)],
    /// The header that the token goes in.
    header: &'static str,
    /// Whether it is refreshed, expires, and is given back by a call.
    refreshed: bool,
    revoked: bool,
}

impl Row {
    fn of(name: &'static str, quirks: Quirks) -> Self {
        Self {
            name,
            parameters: json!({}),
            path: "",
            quirks,
            scope: None,
            fields: &[],
            header: "authorization",
            refreshed: true,
            revoked: true,
        }
    }
}

/// The whole life of a connection: asked for, made, used, refreshed, given back.
async fn conforms(ground: &Ground, row: Row) {
    let connections = connections(ground).await;
    let double = Double::start(row.quirks).await;
    register(&connections, row.name, settings(&double, row.path)).await;
    let begun = begin(&connections, wanted(row.name, row.parameters)).await.unwrap();
    let url = &begun.authorize_url;
    assert_eq!(field(url, "response_type").as_deref(), Some("code"), "{}", row.name);
    assert_eq!(field(url, "client_id").as_deref(), Some(CLIENT));
    assert_eq!(field(url, "redirect_uri").as_deref(), Some(BACK));
    assert_eq!(field(url, "scope").as_deref(), row.scope, "{}: R079, the least", row.name);
    for (name, value) in row.fields {
        assert_eq!(field(url, name).as_deref(), Some(*value), "{}: {name}", row.name);
    }
    assert_eq!(field(url, "state").unwrap().len(), 43);
    assert!(!url.as_str().contains(&client_secret()));
    let code = double.agree(url);
    let mut callback = back(&begun, &[("code", &code)]);
    if row.name == "shopify" {
        sign(&mut callback.query);
    }
    let credential = finish(&connections, &callback).await.unwrap();
    assert_eq!(double.wrong(), Vec::<String>::new(), "{}", row.name);
    assert_eq!(credential.provider.as_deref(), Some(row.name));
    assert_eq!(credential.hosts, ["127.0.0.1"]);
    let shown = connections.connection(&using(), credential.id).await.unwrap();
    assert_eq!(shown.status, Status::Active, "{}", row.name);

    let lease =
        connections.lease(&using(), Named(&credential.name), &Use::default(), ground.clock.now()).await.unwrap();
    let (header, value) = lease.value().header().unwrap();
    let access = double.tokens_of().0.unwrap();
    let expected = if header.eq_ignore_ascii_case("authorization") { format!("Bearer {access}") } else { access };
    assert_eq!((header.to_lowercase().as_str(), value.expose()), (row.header, &expected), "{}", row.name);

    if row.refreshed {
        // Once and again: a refresh token that rotates must have been kept, one that does not must have stayed.
        for n in 1..=2 {
            ground.clock.advance(Duration::from_secs(40 * 86_400));
            let token = token(&connections, ground, &credential.name).await.unwrap();
            assert_eq!(Some(token), double.tokens_of().0, "{}: refresh {n}", row.name);
            assert_eq!(double.refreshes(), n, "{}", row.name);
        }
    } else {
        ground.clock.advance(Duration::from_secs(400 * 86_400));
        assert!(token(&connections, ground, &credential.name).await.is_ok(), "{}: it never expires", row.name);
        assert_eq!(double.refreshes(), 0);
    }
    assert_eq!(double.wrong(), Vec::<String>::new(), "{}", row.name);

    let (access, refresh) = double.tokens_of();
    let revoked = connections.delete(&manage(), &using(), credential.id, store::Effects::none()).await.unwrap();
    let given_back = double.state.lock().unwrap().revoked.clone();
    if row.revoked {
        assert_eq!(revoked, Revoked::Yes, "{}", row.name);
        assert_eq!(given_back.len(), 1);
        let known = [access, refresh].into_iter().flatten().any(|token| given_back[0].ends_with(&token));
        assert!(known, "{}: {given_back:?}", row.name);
    } else {
        assert!(matches!(revoked, Revoked::ByHand(_) | Revoked::Yes), "{}: {revoked:?}", row.name);
    }
    assert!(token(&connections, ground, &credential.name).await.is_err());
}

fn sign(query: &mut Vec<(String, String)>) {
    query.push(("shop".to_owned(), "acme.myshopify.com".to_owned()));
    query.push(("timestamp".to_owned(), "1767225600".to_owned()));
    let mut fields: Vec<String> = query.iter().map(|(n, v)| format!("{n}={v}")).collect();
    fields.sort();
    let key = hmac::Key::new(hmac::HMAC_SHA256, client_secret().as_bytes());
    query.push(("hmac".to_owned(), hex::encode(hmac::sign(&key, fields.join("&").as_bytes()).as_ref())));
}

fn hour() -> Option<Json> {
    Some(json!(3600))
}

/// R064: offline access and consent for a refresh token that stays the same.
#[tokio::test(flavor = "multi_thread")]
async fn google_connects() {
    on_both(async |ground| {
        let quirks = Quirks { pkce: true, expires_in: Some(json!(3599)), ..Quirks::default() };
        let row = Row {
            scope: Some("openid email"),
            fields: &[("access_type", "offline"), ("prompt", "consent"), ("include_granted_scopes", "true")],
            ..Row::of("google", quirks)
        };
        conforms(ground, row).await;
    })
    .await;
}

/// R065: JSON has to be asked for; an app of the older kind has tokens that never expire.
#[tokio::test(flavor = "multi_thread")]
async fn github_connects() {
    on_sqlite(async |ground| {
        let more = Some(json!({ "scope": "read:user,repo" }));
        let base = Quirks { pkce: true, header: Some(("accept", "application/json")), more, ..Quirks::default() };
        let never = Quirks { no_refresh: true, ..base.clone() };
        let row = |quirks, refreshed| Row { scope: Some("read:user"), refreshed, ..Row::of("github", quirks) };
        conforms(ground, row(never, false)).await;
    })
    .await;
    on_sqlite(async |ground| {
        let quirks = Quirks {
            pkce: true,
            rotates: true,
            expires_in: Some(json!("28800")),
            more: Some(json!({ "refresh_token_expires_in": 15_897_600_u64, "scope": "" })),
            ..Quirks::default()
        };
        conforms(ground, Row { scope: Some("read:user"), ..Row::of("github", quirks) }).await;
    })
    .await;
    // an older GitHub Enterprise that answers with a form all the same
    on_sqlite(async |ground| {
        let quirks = Quirks { pkce: true, no_refresh: true, form_answer: true, ..Quirks::default() };
        conforms(ground, Row { scope: Some("read:user"), refreshed: false, ..Row::of("github", quirks) }).await;
    })
    .await;
}

/// R066: commas, `ok: true`, no PKCE; a person's token is somewhere else.
#[tokio::test(flavor = "multi_thread")]
async fn slack_connects() {
    fn person(body: Json) -> Json {
        json!({ "ok": true, "team": { "id": "T1", "name": "Acme" }, "authed_user": {
            "id": "U1", "access_token": body["access_token"], "refresh_token": body.get("refresh_token"),
            "expires_in": body.get("expires_in"), "scope": "search:read" } })
    }
    fn no(code: &str) -> Json {
        json!({ "ok": false, "error": code })
    }
    let team = || Some(json!({ "ok": true, "team": { "id": "T1", "name": "Acme" }, "scope": "chat:write" }));
    on_sqlite(async |ground| {
        let quirks = Quirks { no_refresh: true, more: team(), no: Some((200, no)), ..Quirks::default() };
        conforms(ground, Row { scope: Some("chat:write"), refreshed: false, ..Row::of("slack", quirks) }).await;
    })
    .await;
    on_sqlite(async |ground| {
        let expires_in = Some(json!(43_200));
        let quirks = Quirks { rotates: true, expires_in, more: team(), no: Some((200, no)), ..Quirks::default() };
        conforms(ground, Row { scope: Some("chat:write"), ..Row::of("slack", quirks) }).await;
    })
    .await;
    on_sqlite(async |ground| {
        let quirks = Quirks { no_refresh: true, shape: Some(person), ..Quirks::default() };
        conforms(ground, Row { scope: Some("chat:write"), refreshed: false, ..Row::of("slack", quirks) }).await;
    })
    .await;
}

/// R067: an address per tenant, scopes again with every refresh.
#[tokio::test(flavor = "multi_thread")]
async fn microsoft_connects() {
    on_sqlite(async |ground| {
        let quirks = Quirks {
            pkce: true,
            rotates: true,
            expires_in: Some(json!(3900)),
            refresh_fields: vec![("scope", "openid offline_access User.Read")],
            ..Quirks::default()
        };
        let row = Row {
            parameters: json!({ "tenant": "acme.onmicrosoft.com" }),
            path: "/{tenant}/oauth2/v2.0",
            scope: Some("openid offline_access User.Read"),
            ..Row::of("microsoft", quirks)
        };
        conforms(ground, row).await;
    })
    .await;
}

/// R068: nothing says when the token expires, and the instance is named by the answer.
#[tokio::test(flavor = "multi_thread")]
async fn salesforce_connects() {
    on_sqlite(async |ground| {
        let more = Some(json!({ "instance_url": "http://127.0.0.1:9/", "id": "https://login.example/id/00D/005" }));
        let quirks = Quirks { pkce: true, more, ..Quirks::default() };
        let row = Row {
            parameters: json!({ "login": "test.salesforce.com" }),
            path: "/{login}/services/oauth2",
            scope: Some("api refresh_token"),
            ..Row::of("salesforce", quirks)
        };
        conforms(ground, row).await;
    })
    .await;
}

/// R069: everything in the form body; the refresh token stays.
#[tokio::test(flavor = "multi_thread")]
async fn hubspot_connects() {
    on_sqlite(async |ground| {
        let more = Some(json!({ "hub_id": 62_515 }));
        let quirks = Quirks { pkce: true, expires_in: Some(json!(1800)), more, ..Quirks::default() };
        conforms(ground, Row { scope: Some("oauth"), path: "/oauth/2026-03", ..Row::of("hubspot", quirks) }).await;
    })
    .await;
}

/// R070: a host per shop, a signed way back, a header of its own, tokens that expire because they are asked to.
#[tokio::test(flavor = "multi_thread")]
async fn shopify_connects() {
    on_sqlite(async |ground| {
        let quirks = Quirks {
            rotates: true,
            expires_in: hour(),
            fields: vec![("expiring", "1")],
            more: Some(json!({ "scope": "read_products" })),
            ..Quirks::default()
        };
        let row = Row {
            parameters: json!({ "shop": "acme" }),
            path: "/{shop}/admin/oauth",
            scope: Some("read_products"),
            header: "x-shopify-access-token",
            ..Row::of("shopify", quirks)
        };
        conforms(ground, row).await;
    })
    .await;
    // a way back that is not signed, or signed for another shop
    on_sqlite(async |ground| {
        let connections = connections(ground).await;
        let double = Double::start(Quirks::default()).await;
        register(&connections, "shopify", settings(&double, "/{shop}/admin/oauth")).await;
        for change in ["unsigned", "changed"] {
            let begun = begin(&connections, wanted("shopify", json!({ "shop": "acme" }))).await.unwrap();
            let mut callback = back(&begun, &[("code", &double.agree(&begun.authorize_url))]);
            if change == "changed" {
                sign(&mut callback.query);
                callback.query.iter_mut().find(|(n, _)| n == "shop").unwrap().1 = "evil.myshopify.com".to_owned();
            }
            let refused = finish(&connections, &callback).await.unwrap_err();
            assert_eq!(refused.code(), "bad_callback", "{change}");
            assert!(double.seen().is_empty(), "the code was not used");
        }
        let bad = begin(&connections, wanted("shopify", json!({ "shop": "evil.example/#" }))).await.unwrap_err();
        assert_eq!(bad.code(), "bad_parameter");
    })
    .await;
}

/// R071: Basic, and refresh tokens that work once: using one twice would have ended the grant.
#[tokio::test(flavor = "multi_thread")]
async fn zoom_connects() {
    on_both(async |ground| {
        let quirks = Quirks { basic: true, pkce: true, rotates: true, expires_in: hour(), ..Quirks::default() };
        conforms(ground, Row { scope: Some("user:read:user"), ..Row::of("zoom", quirks) }).await;
    })
    .await;
}

/// R072: the answer says under `data` who it is for.
#[tokio::test(flavor = "multi_thread")]
async fn asana_connects() {
    on_sqlite(async |ground| {
        let more = Some(json!({ "data": { "id": 4_673_218_951_u64, "name": "Greg", "email": "greg@acme.example" } }));
        let quirks = Quirks { pkce: true, expires_in: hour(), more, ..Quirks::default() };
        conforms(ground, Row { scope: Some("users:read tasks:read"), ..Row::of("asana", quirks) }).await;
    })
    .await;
}

/// R073: commas; a day, and rotation.
#[tokio::test(flavor = "multi_thread")]
async fn linear_connects() {
    on_sqlite(async |ground| {
        let more = Some(json!({ "scope": ["read"] }));
        let quirks = Quirks { pkce: true, rotates: true, expires_in: Some(json!(86_399)), more, ..Quirks::default() };
        conforms(ground, Row { scope: Some("read"), fields: &[("actor", "user")], ..Row::of("linear", quirks) }).await;
    })
    .await;
}

/// R074: an audience, JSON, rotation, and the sites that the token is for.
#[tokio::test(flavor = "multi_thread")]
async fn jira_connects() {
    on_sqlite(async |ground| {
        let quirks = Quirks { json: true, pkce: true, rotates: true, expires_in: hour(), ..Quirks::default() };
        let row = Row {
            scope: Some("read:jira-user read:jira-work offline_access"),
            fields: &[("audience", "api.atlassian.com"), ("prompt", "consent")],
            revoked: false,
            ..Row::of("jira", quirks)
        };
        conforms(ground, row).await;
    })
    .await;
    on_sqlite(async |ground| {
        let connections = connections(ground).await;
        let double = Double::start(Quirks { json: true, pkce: true, ..Quirks::default() }).await;
        register(&connections, "jira", settings(&double, "")).await;
        let credential = connect(&connections, &double, wanted("jira", json!({}))).await.unwrap();
        let grant = connections.connection(&using(), credential.id).await.unwrap().grant;
        assert_eq!(grant.parameters["cloud_ids"], json!(["11223344-site"]));
        assert_eq!(grant.account.as_deref(), Some("https://acme.atlassian.example"));
    })
    .await;
}

/// R075: Basic with a JSON body, a version header, no scopes, and newly a refresh token.
#[tokio::test(flavor = "multi_thread")]
async fn notion_connects() {
    on_sqlite(async |ground| {
        let quirks = Quirks {
            basic: true,
            json: true,
            rotates: true,
            expires_in: hour(),
            header: Some(("notion-version", "2022-06-28")),
            more: Some(json!({ "workspace_name": "Acme", "bot_id": "b-1", "duplicated_template_id": null })),
            ..Quirks::default()
        };
        conforms(ground, Row { fields: &[("owner", "user")], ..Row::of("notion", quirks) }).await;
    })
    .await;
}

/// Anything else that speaks OAuth 2.0, by its addresses.
#[tokio::test(flavor = "multi_thread")]
async fn a_custom_provider_connects() {
    on_sqlite(async |ground| {
        let connections = connections(ground).await;
        let quirks = Quirks { basic: true, pkce: true, rotates: true, expires_in: hour(), ..Quirks::default() };
        let double = Double::start(quirks).await;
        let own = connections::ClientSettings {
            client_auth: Some(connections::provider::ClientAuth::Basic),
            default_scopes: Some(vec!["things:read".to_owned()]),
            ..settings(&double, "/own")
        };
        register(&connections, "custom-acme", own).await;
        let mut connect_to = wanted("custom-acme", json!({}));
        connect_to.scopes = vec!["things:write".to_owned()];
        let begun = begin(&connections, connect_to).await.unwrap();
        assert_eq!(field(&begun.authorize_url, "scope").as_deref(), Some("things:read things:write"));
        let code = double.agree(&begun.authorize_url);
        let credential = finish(&connections, &back(&begun, &[("code", &code)])).await.unwrap();
        let grant = connections.connection(&using(), credential.id).await.unwrap().grant;
        // R079: what was asked for beyond the least is kept
        assert_eq!(grant.requested, ["things:read", "things:write"]);
        ground.clock.advance(Duration::from_secs(3500));
        assert_eq!(Some(token(&connections, ground, &credential.name).await.unwrap()), double.tokens_of().0);
        assert_eq!(double.wrong(), Vec::<String>::new());
        let revoked = connections.delete(&manage(), &using(), credential.id, store::Effects::none()).await;
        assert_eq!(revoked.unwrap(), Revoked::Yes);
    })
    .await;
}

/// The addresses that the providers document (November 2026).
#[test]
fn the_addresses_are_those_that_providers_document() {
    let hosts = |of: &dyn Fn(&connections::Provider) -> &'static str| -> Vec<String> {
        connections::all().iter().map(|provider| format!("{} {}", provider.name, of(provider))).collect()
    };
    let token = hosts(&|provider| provider.token);
    for line in [
        "google https://oauth2.googleapis.com/token",
        "github https://github.com/login/oauth/access_token",
        "slack https://slack.com/api/oauth.v2.access",
        "microsoft https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token",
        "salesforce https://{login}/services/oauth2/token",
        "hubspot https://api.hubapi.com/oauth/2026-03/token",
        "shopify https://{shop}.myshopify.com/admin/oauth/access_token",
        "zoom https://zoom.us/oauth/token",
        "asana https://app.asana.com/-/oauth_token",
        "linear https://api.linear.app/oauth/token",
        "jira https://auth.atlassian.com/oauth/token",
        "notion https://api.notion.com/v1/oauth/token",
    ] {
        assert!(token.contains(&line.to_owned()), "{line}");
    }
    assert_eq!(token.len(), 12);
    let authorize = hosts(&|provider| provider.authorize);
    for line in [
        "google https://accounts.google.com/o/oauth2/v2/auth",
        "slack https://slack.com/oauth/v2/authorize",
        "asana https://app.asana.com/-/oauth_authorize",
        "shopify https://{shop}.myshopify.com/admin/oauth/authorize",
        "jira https://auth.atlassian.com/authorize",
    ] {
        assert!(authorize.contains(&line.to_owned()), "{line}");
    }
    assert!(connections::all().iter().all(|provider| provider.authorize.starts_with("https://")));
    assert!(connections::find("custom-").is_ok() && connections::find("custom.x").is_err());
    assert!(connections::find("gogle").is_err());
}
