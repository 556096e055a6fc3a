//! Every route of the table, called by everybody: it answers as the table says, and never with a server error.

use authz::Permission;
use domain::Role;
use journeys::{Answer, Client, Server, on_both, on_sqlite, workflows::echo};
use reqwest::Method;
use serde_json::json;
use server::route::{Access, Route};

use crate::prepared::{prepare, team_routes};

async fn call(client: &Client, route: &Route, path: &str, body: Option<&serde_json::Value>) -> Answer {
    let answer = client.send(route.method.clone(), path, body).await;
    assert!(answer.status < 500, "{} {path}: {}", route.method, answer.text);
    answer
}

fn permission(route: &Route) -> Permission {
    match route.facts.access {
        Access::Needs(permission) => permission,
        other => panic!("{} is {other:?}", route.path),
    }
}

async fn asks_as(server: &Server, client: &Client, allowed: impl Fn(Permission) -> bool) {
    for route in team_routes() {
        let prepared = prepare(&server.client, &route).await;
        let answer = call(client, &route, &prepared.path, prepared.body.as_ref()).await;
        let place = format!("{} {}: {} {}", route.method, route.path, answer.status, answer.text);
        if allowed(permission(&route)) {
            // A live stream answers a plain GET with "upgrade first".
            let lonely = crate::prepared_more::lonely(&route);
            assert!(answer.status < 300 || route.path.ends_with("/events") || lonely, "{place}");
            let refused = answer.status == 401 || answer.code() == "NL-2003" || (answer.status == 404 && !lonely);
            assert!(!refused, "{place}");
        } else {
            assert_eq!((answer.status, answer.code().as_str()), (403, "NL-2003"), "{place}");
            assert!(answer.text.contains(permission(&route).name()), "{place}");
        }
    }
}

/// R051 to R063: what each of the five roles may is what the table grants, on every route there is.
#[tokio::test(flavor = "multi_thread")]
async fn every_role_may_on_every_route_what_the_table_grants_it() {
    on_sqlite(async |server| {
        for role in Role::ALL {
            let client = server.as_role(role).await;
            asks_as(server, &client, |permission| authz::allows(role, permission)).await;
        }
    })
    .await;
}

/// R062: and the same answers come from PostgreSQL.
#[tokio::test(flavor = "multi_thread")]
async fn the_strongest_and_the_weakest_role_on_postgresql() {
    journeys::on_postgres(async |server| {
        for role in [Role::Admin, Role::Viewer] {
            let client = server.as_role(role).await;
            asks_as(server, &client, |permission| authz::allows(role, permission)).await;
        }
    })
    .await;
}

/// A key never may more than it names, whoever owns it.
#[tokio::test(flavor = "multi_thread")]
async fn an_admins_key_for_viewing_only_views() {
    on_sqlite(async |server| {
        let client = server.with_narrow_key(Role::Admin, &[Permission::ViewWorkflow]).await;
        asks_as(server, &client, |permission| permission == Permission::ViewWorkflow).await;
    })
    .await;
}

/// A machine's key that may less than its account is as narrow on every route, and what it publishes stays as narrow:
/// the webhook acts with the key's rights, and ends with the key.
#[tokio::test(flavor = "multi_thread")]
async fn a_narrow_key_of_a_machine_stays_narrow_in_what_it_starts() {
    on_both(async |server| {
        let admin = &server.client;
        let machine = crate::prepared::machine(admin).await;
        admin.put(&format!("members/{machine}"), json!({ "role": "builder" })).await.expect(200);
        let keys = format!("service-accounts/{machine}/api-keys");
        let make = async |body: serde_json::Value| {
            let made = admin.post(&keys, body).await.expect(201);
            (made.text_of("id"), admin.with_key(&made.text_of("value")))
        };
        let (_, viewing) = make(json!({ "name": "view", "permissions": ["workflow.view"] })).await;
        viewing.get("workflows").await.expect(200);
        viewing.post("workflows", json!({ "definition": echo("x") })).await.problem("403 NL-2003");
        assert!(viewing.get("/api/v1/me").await.text_of("principal").starts_with("sa_"));

        let without_running = json!({ "name": "publish", "permissions": ["workflow.view", "workflow.edit"] });
        let (_, publishing) = make(without_running).await;
        publishing.deploy(journeys::workflows::hooked("narrow", "narrow", json!({}))).await;
        admin.hook("narrow", json!(1)).await.problem("403 NL-2003");
        let (wide_id, wide) = make(json!({ "name": "wide" })).await;
        wide.deploy(journeys::workflows::hooked("wide", "wide", json!({}))).await;
        admin.hook("wide", json!(1)).await.expect(200);

        let (there_id, there) = make(json!({ "name": "there", "environments": ["development"] })).await;
        there.in_environment("production").get("workflows").await.problem("403 NL-2003");
        let id = there.deploy(journeys::workflows::slow("long", 15_000)).await;
        let run = there.begin(&id, json!(null)).await;
        admin.until(&run, "waiting").await;
        admin.delete(&format!("api-keys/{there_id}")).await.expect(204);
        admin.until(&run, "cancelled").await;
        admin.delete(&format!("api-keys/{wide_id}")).await.expect(204);
        let gone = || async { (admin.hook("wide", json!(1)).await.status >= 400).then_some(()) };
        journeys::eventually("the webhook ends with its key", std::time::Duration::from_secs(30), gone).await;
    })
    .await;
}

/// A key for one environment is no use in another.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_for_development_does_nothing_in_production() {
    on_sqlite(async |server| {
        let body = json!({ "name": "only development", "environments": ["development"] });
        let made = server.as_role(Role::Admin).await.post("api-keys", body).await.expect(201);
        let key = server.client.with_key(&made.text_of("value"));
        key.get("workflows").await.expect(200);
        key.in_environment("production").get("workflows").await.problem("403 NL-2003");
        key.in_environment("production")
            .post("workflows", json!({ "definition": echo("x") }))
            .await
            .problem("403 NL-2003");
    })
    .await;
}

/// Without an identity nothing is answered but what the table calls public.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_anything_that_is_not_public() {
    on_sqlite(async |server| {
        let nobody = server.client.anonymous();
        for route in server::routes::table() {
            let path = route.path.replace("{team}", "demo").replace("{environment}", "development");
            let path = path.replace("{code}", "NL-1001").replace("{*path}", "nothing-here");
            let answer = call(&nobody, &route, &path, None).await;
            match route.facts.access {
                // Renewing a session stands on its own cookie, which nobody has not.
                Access::Public(_) if route.path.ends_with("/refresh") => drop(answer.problem("401 NL-2001")),
                Access::Public(_) => assert_ne!((answer.status, answer.code().as_str()), (401, "NL-2001"), "{path}"),
                _ => {
                    assert_eq!(answer.header("www-authenticate"), "Bearer", "{path}");
                    answer.problem("401 NL-2001");
                }
            }
        }
        // Neither does a key that is not one, nor one that was taken back.
        server.client.with_key("nlk_notakey").get("workflows").await.problem("401 NL-2001");
        let made = server.client.post("api-keys", json!({ "name": "short" })).await.expect(201);
        let key = server.client.with_key(&made.text_of("value"));
        key.get("workflows").await.expect(200);
        server.client.delete(&format!("api-keys/{}", made.text_of("id"))).await.expect(204);
        let gone = || async { (key.get("workflows").await.status == 401).then_some(()) };
        journeys::eventually("the key ends", std::time::Duration::from_secs(5), gone).await;
    })
    .await;
}

/// R006, R096: a member of another team is told that nothing is there, whether it is or not.
#[tokio::test(flavor = "multi_thread")]
async fn another_teams_things_look_as_if_they_were_not_there() {
    on_both(async |server| {
        let stranger = server.other_team().await;
        for route in team_routes() {
            let prepared = prepare(&server.client, &route).await;
            let body = prepared.body.as_ref();
            let theirs = call(&stranger.in_team("demo"), &route, &prepared.path, body).await.problem("404 NL-3001");
            let nowhere = call(&stranger.in_team("no-such-team"), &route, &prepared.path, body).await;
            assert_eq!(theirs.text, nowhere.text, "{} {}", route.method, route.path);
            // Their own team's address with another team's id is the same again.
            if let Some(target) = &prepared.target {
                let mine = call(&stranger, &route, &prepared.path, body).await.problem("404 NL-3001");
                let none = format!("{}{}", &target[..target.len() - 8], "00000000");
                let absent = call(&stranger, &route, &prepared.path.replace(target.as_str(), &none), body).await;
                assert_eq!(mine.text, absent.text, "{} {}", route.method, route.path);
            }
        }
        assert!(stranger.all("workflows", 50).await.is_empty() && stranger.all("runs", 50).await.is_empty());
    })
    .await;
}

/// R006: a team that is not there takes the way of one that is another's, down to the entry in the trail: what is written
/// to disk in one case alone could be told by its time.
#[tokio::test(flavor = "multi_thread")]
async fn a_team_that_is_not_there_is_entered_like_anothers() {
    on_both(async |server| {
        let stranger = server.other_team().await;
        let entries = async || {
            let system = authz::act_as_system("a test reads the system's chain");
            server.rooms.store.audit_range(system, &store::ChainKey::System, 1, 100_000).await.unwrap().len()
        };
        for (method, path) in [(Method::POST, "workflows"), (Method::GET, "audit"), (Method::DELETE, "team")] {
            let mut added = Vec::new();
            for team in ["demo", "no-such-team"] {
                let before = entries().await;
                let body = (method != Method::GET).then(|| json!({}));
                let client = stranger.in_team(team);
                client.send(method.clone(), path, body.as_ref()).await.problem("404 NL-3001");
                added.push(entries().await - before);
            }
            assert!(added[0] > 0 && added[0] == added[1], "{method} {path}: {added:?}");
        }
    })
    .await;
}

/// R006: rows of one environment are absent in another.
#[tokio::test(flavor = "multi_thread")]
async fn runs_and_credentials_of_one_environment_are_absent_in_another() {
    on_both(async |server| {
        let here = &server.client;
        let there = here.in_environment("production");
        let id = here.deploy(echo("somewhere")).await;
        let run = here.run(&id, json!(1)).await["id"].as_str().unwrap().to_owned();
        there.get(&format!("runs/{run}")).await.problem("404 NL-3001");
        there.post(&format!("runs/{run}/cancel"), json!({})).await.problem("404 NL-3001");
        let made = here.post("credentials", crate::prepared::credential("somewhere")).await.expect(201);
        there.delete(&format!("credentials/{}", made.text_of("id"))).await.problem("404 NL-3001");
        assert!(there.all("credentials", 50).await.is_empty());
        there.post(&format!("workflows/{id}/runs"), json!({})).await.problem("404 NL-5002");
    })
    .await;
}

/// R061, R063: who am I, and what may I.
#[tokio::test(flavor = "multi_thread")]
async fn me_tells_the_role_and_its_permissions() {
    on_sqlite(async |server| {
        let me = server.as_role(Role::Operator).await.get("/api/v1/me").await.expect(200).json();
        let team = &me["teams"][0];
        assert_eq!((team["slug"].as_str(), team["role"].as_str()), (Some("demo"), Some("operator")));
        let permissions = team["permissions"].as_array().unwrap();
        let of = |name: &str| permissions.iter().any(|permission| permission == name);
        assert!(of("workflow.execute") && of("workflow.view") && !of("workflow.edit"));
    })
    .await;
}

/// A key that may make keys makes none that may more than itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_narrow_key_makes_no_wide_one() {
    on_both(async |server| {
        let narrow = server.with_narrow_key(Role::Admin, &[Permission::ManageTeam, Permission::ViewWorkflow]).await;
        let make = |body: serde_json::Value| narrow.post("api-keys", body);
        make(json!({ "name": "wide", "permissions": ["workflow.edit"] })).await.problem("403 NL-2003");
        let made = make(json!({ "name": "as narrow" })).await.expect(201);
        let made = server.client.with_key(&made.text_of("value"));
        made.get("workflows").await.expect(200);
        made.post("workflows", json!({ "definition": echo("escaped") })).await.problem("403 NL-2003");

        let body = json!({ "name": "there", "environments": ["development"] });
        let there = server.as_role(Role::Admin).await.post("api-keys", body).await.expect(201);
        let there = server.client.with_key(&there.text_of("value"));
        there.post("api-keys", json!({ "name": "x", "environments": ["production"] })).await.problem("403 NL-2003");
        let made = there.post("api-keys", json!({ "name": "y" })).await.expect(201);
        let made = server.client.with_key(&made.text_of("value"));
        made.in_environment("production").get("workflows").await.problem("403 NL-2003");
    })
    .await;
}

/// R006, R056: a webhook acts with the rights that its publisher has now, and stops when they end.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_ends_with_the_rights_of_its_publisher() {
    on_both(async |server| {
        let (demo, hooked) = (server.team().await, journeys::workflows::hooked("theirs", "theirs", json!({})));
        let builder = server.person(demo, Role::Builder, None).await;
        builder.client.deploy(hooked).await;
        server.client.hook("theirs", json!(1)).await.expect(200);
        server.give_role(demo, builder.id, Role::Viewer).await;
        server.client.hook("theirs", json!(1)).await.problem("403 NL-2003");
        assert_eq!(server.client.all("audit?operation=run.start_by_webhook&result=refused", 50).await.len(), 1);
        server.give_role(demo, builder.id, Role::Operator).await;
        server.client.hook("theirs", json!(1)).await.expect(200);
    })
    .await;
}

/// R062: a role that was taken away is gone at once, not at the next sign-in.
#[tokio::test(flavor = "multi_thread")]
async fn a_demoted_admin_may_no_more() {
    on_both(async |server| {
        let demo = server.team().await;
        let person = server.person(demo, Role::Admin, None).await;
        person.client.save(echo("as an admin")).await;
        server.give_role(demo, person.id, Role::Viewer).await;
        person.client.post("workflows", json!({ "definition": echo("as a viewer") })).await.problem("403 NL-2003");
        person.client.get("audit").await.problem("403 NL-2003");
        person.client.get("workflows").await.expect(200);
    })
    .await;
}
