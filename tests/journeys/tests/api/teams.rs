//! Teams and their members, over HTTP.

use domain::Role;
use journeys::{on_both, on_sqlite, workflows::slow};
use serde_json::json;

const TEAM: &str = "/api/v1/teams/demo/development";

/// Issue 5: teams are made by admins, named, and ended; whoever makes one is its admin.
#[tokio::test(flavor = "multi_thread")]
async fn a_team_is_made_named_and_ended() {
    on_both(async |server| {
        let demo = server.team().await;
        let (admin, viewer) = (server.browser(demo, Role::Admin).await, server.browser(demo, Role::Viewer).await);
        viewer.post("/api/v1/teams", json!({ "name": "Mine" })).await.problem("403 NL-2003");
        server.client.post("/api/v1/teams", json!({ "name": "Mine" })).await.problem("403 NL-2003");
        for bad in ["", " ", &"x".repeat(101), "a\nb"] {
            admin.post("/api/v1/teams", json!({ "name": bad })).await.problem("400 NL-1008");
        }
        let made = admin.post("/api/v1/teams", json!({ "name": "Demo" })).await.expect(201);
        let slug = made.text_of("slug");
        assert!(slug.starts_with("demo-"), "the plain name is taken: {slug}");
        let here = format!("/api/v1/teams/{slug}/production");
        assert_eq!(admin.get(&format!("{here}/team")).await.expect(200).text_of("name"), "Demo");
        assert_eq!(
            admin.patch(&format!("{here}/team"), json!({ "name": "Two" })).await.expect(200).text_of("name"),
            "Two"
        );
        let members = admin.get(&format!("{here}/members")).await.expect(200).json();
        assert_eq!(
            (members["items"].as_array().unwrap().len(), members["items"][0]["role"].as_str()),
            (1, Some("admin"))
        );
        viewer.get(&format!("{here}/team")).await.problem("404 NL-3001");
        viewer.delete(&format!("{here}/team")).await.problem("404 NL-3001");
        viewer.delete(&format!("{TEAM}/team")).await.problem("403 NL-2003");
        server.client.anonymous().delete(&format!("{here}/team")).await.problem("401 NL-2001");

        let machine = json!({ "name": "robot", "role": "operator" });
        let machine = admin.post(&format!("{here}/service-accounts"), machine).await.expect(201).text_of("id");
        let key = admin.post(&format!("{here}/service-accounts/{machine}/api-keys"), json!({ "name": "k" })).await;
        let key = server.client.with_key(&key.expect(201).text_of("value")).in_team(&slug).in_environment("production");
        key.get("workflows").await.expect(200);
        admin.delete(&format!("{here}/team")).await.expect(204);
        admin.get(&format!("{here}/team")).await.problem("404 NL-3001");
        assert!(key.get("workflows").await.status >= 400);
        assert_eq!(admin.get("/api/v1/me").await.expect(200).json()["teams"].as_array().unwrap().len(), 1);
    })
    .await;
}

/// Issue 5: the last admin stays; somebody removed loses their keys, and what runs for them stops.
#[tokio::test(flavor = "multi_thread")]
async fn the_last_admin_stays_and_whoever_leaves_takes_their_runs_along() {
    on_both(async |server| {
        let other = server.other_team().await;
        let me = other.get("members").await.expect(200).json()["items"][0]["id"].as_str().unwrap().to_owned();
        other.put(&format!("members/{me}"), json!({ "role": "viewer" })).await.problem("409 NL-3002");
        other.delete(&format!("members/{me}")).await.problem("409 NL-3002");
        other.put(&format!("members/{me}"), json!({ "role": "king" })).await.problem("400 NL-1008");

        let demo = server.team().await;
        let person = server.person(demo, Role::Operator, None).await;
        let id = server.client.deploy(slow("long", 15_000)).await;
        let run = person.client.begin(&id, json!(null)).await;
        server.client.until(&run, "waiting").await;
        server.client.delete(&format!("members/{}", person.id)).await.expect(204);
        assert!(matches!(person.client.get("workflows").await.status, 401 | 404));
        server.client.until(&run, "cancelled").await;
        server.client.delete(&format!("members/{}", person.id)).await.problem("404 NL-3001");
    })
    .await;
}

/// Issue 5: a person leaves by themselves, and their keys there end; the last admin and strangers cannot; the trail says so.
#[tokio::test(flavor = "multi_thread")]
async fn a_person_leaves_a_team() {
    on_both(async |server| {
        let demo = server.team().await;
        let person = server.browser(demo, Role::Builder).await;
        let made = server.client.get("/api/v1/me").await.expect(200);
        assert!(made.text_of("principal").starts_with("sa_"));
        server.client.delete("/api/v1/me/teams/demo").await.problem("403 NL-2003");
        let key = server.person(demo, Role::Viewer, None).await.client;
        key.delete("/api/v1/me/teams/demo").await.problem("403 NL-2003");
        person.delete("/api/v1/me/teams/no-such-team").await.problem("404 NL-3001");

        let alone = server.browser(demo, Role::Admin).await;
        let team = alone.post("/api/v1/teams", json!({ "name": "Alone" })).await.expect(201);
        let here = format!("/api/v1/me/teams/{}", team.text_of("slug"));
        alone.delete(&here).await.problem("409 NL-3002");
        person.delete(&here).await.problem("404 NL-3001");

        person.delete("/api/v1/me/teams/demo").await.expect(204);
        person.post("/api/v1/auth/refresh", json!({})).await.expect(200);
        assert!(person.get("/api/v1/me").await.expect(200).json()["teams"].as_array().unwrap().is_empty());
        person.get(&format!("{TEAM}/workflows")).await.problem("404 NL-3001");
        person.delete("/api/v1/me/teams/demo").await.problem("404 NL-3001");
    })
    .await;
}

/// Issue 5: members come page by page, each once.
#[tokio::test(flavor = "multi_thread")]
async fn members_come_in_pages() {
    on_both(async |server| {
        for n in 0..7 {
            let body = json!({ "name": format!("robot {n}"), "role": "viewer" });
            server.client.post("service-accounts", body).await.expect(201);
        }
        let ids = |items: Vec<serde_json::Value>| {
            items.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect::<std::collections::BTreeSet<_>>()
        };
        let at_once = server.client.get("members").await.expect(200).json();
        assert!(at_once["next"].is_null());
        let at_once = ids(at_once["items"].as_array().unwrap().clone());
        assert!(at_once.len() >= 8);
        assert_eq!(ids(server.client.all("members", 3).await), at_once);
        server.client.get("members?limit=201").await.problem("400 NL-1008");
        server.client.get("members?cursor=made-up").await.problem("400 NL-1008");
    })
    .await;
}

/// Issue 5: keys are bound to addresses, expire, and say when they were last used; a key cannot widen its bounds.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_works_from_its_addresses_only() {
    on_sqlite(async |server| {
        let make = async |body: serde_json::Value| server.client.post("api-keys", body).await;
        let far = make(json!({ "name": "far", "addresses": ["10.0.0.0/8", "2001:db8::/32"] })).await.expect(201);
        assert_eq!(far.json()["addresses"], json!(["10.0.0.0/8", "2001:db8::/32"]));
        server.client.with_key(&far.text_of("value")).get("workflows").await.problem("403 NL-2003");
        let near = make(json!({ "name": "near", "addresses": ["127.0.0.1"] })).await.expect(201);
        let key = server.client.with_key(&near.text_of("value"));
        key.get("workflows").await.expect(200);
        for bad in [json!(["nowhere"]), json!(["10.0.0.0/33"]), json!([""])] {
            make(json!({ "name": "bad", "addresses": bad })).await.problem("400 NL-1008");
        }
        key.post("api-keys", json!({ "name": "wider", "addresses": ["127.0.0.0/8"] })).await.problem("403 NL-2003");
        let same = key.post("api-keys", json!({ "name": "as near" })).await.expect(201);
        assert_eq!(same.json()["addresses"], json!(["127.0.0.1/32"]));
        let used = || async {
            let all = server.client.all("api-keys", 200).await;
            let one = all.into_iter().find(|one| one["name"] == "near")?;
            (one["last_used_from"] == "127.0.0.1" && one["last_used_at"].is_string()).then_some(())
        };
        journeys::eventually("the use is noted", std::time::Duration::from_secs(30), used).await;
        for days in [0, 366] {
            make(json!({ "name": "x", "expires_in_days": days })).await.problem("400 NL-1008");
        }
    })
    .await;
}

/// Issue 5: accounts for machines: made with a role, listed, and ended with their keys.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_for_machines_ends_with_its_keys() {
    on_both(async |server| {
        let body = json!({ "name": "deployer", "role": "viewer" });
        let made = server.client.post("service-accounts", body.clone()).await.expect(201);
        server.client.post("service-accounts", body).await.problem("409 NL-3002");
        let id = made.text_of("id");
        let keys = format!("service-accounts/{id}/api-keys");
        let key = server.client.post(&keys, json!({ "name": "k" })).await.expect(201);
        assert_eq!(key.text_of("owner"), id);
        let machine = server.client.with_key(&key.text_of("value"));
        machine.get("workflows").await.expect(200);
        machine.get("members").await.problem("403 NL-2003");
        let list = server.client.get("service-accounts").await.expect(200).json();
        assert!(
            list["items"].as_array().unwrap().iter().any(|one| one["id"] == id.as_str() && one["role"] == "viewer")
        );
        server.client.delete(&format!("service-accounts/{id}")).await.expect(204);
        machine.get("workflows").await.problem("401 NL-2001");
        server.client.post(&keys, json!({ "name": "k" })).await.problem("404 NL-3001");
    })
    .await;
}

/// Issue 5: when a principal loses a right, the runs that are parked stop at once too, not when they would have woken:
/// those that wait for a time, for a person, and those that somebody paused. Nobody else's do.
#[tokio::test(flavor = "multi_thread")]
async fn parked_runs_end_with_the_right_of_whoever_started_them() {
    on_both(async |server| {
        let demo = server.team().await;
        let person = server.person(demo, Role::Operator, None).await;
        let sleeps = server.client.deploy(slow("sleeps for an hour", 3_600_000)).await;
        let asks = server.client.deploy(crate::prepared::asking("asks")).await;
        let mut theirs = Vec::new();
        for workflow in [&sleeps, &asks, &sleeps] {
            let run = person.client.begin(workflow, json!(null)).await;
            server.client.until(&run, "waiting").await;
            theirs.push(run);
        }
        server.client.post(&format!("runs/{}/pause", theirs[2]), json!({})).await.expect(200);
        server.client.until(&theirs[2], "paused").await;
        let mine = server.client.begin(&sleeps, json!(null)).await;
        server.client.until(&mine, "waiting").await;

        server.give_role(demo, person.id, Role::Viewer).await;
        let taken = std::time::Instant::now();
        for run in &theirs {
            let ended = server.client.until(run, "cancelled").await;
            assert!(ended.to_string().contains("lost the right"), "{ended}");
        }
        assert!(taken.elapsed() < std::time::Duration::from_secs(10), "{:?}", taken.elapsed());
        assert_eq!(server.client.get(&format!("runs/{mine}")).await.expect(200).text_of("status"), "waiting");
    })
    .await;
}

/// R062: the table that is shown is the table that is enforced.
#[tokio::test(flavor = "multi_thread")]
async fn the_permission_table_is_the_one_that_is_enforced() {
    on_sqlite(async |server| {
        let shown = server.client.get("/api/v1/permissions").await.expect(200).json();
        assert_eq!(shown["roles"], json!(["admin", "builder", "operator", "viewer", "compliance_officer"]));
        let rows = shown["permissions"].as_array().unwrap();
        assert_eq!(rows.len(), authz::Permission::ALL.len());
        for (row, permission) in rows.iter().zip(authz::Permission::ALL) {
            for role in Role::ALL {
                let has = row["roles"].as_array().unwrap().iter().any(|one| one == role.as_str());
                assert_eq!((row["name"].as_str(), has), (Some(permission.name()), authz::allows(role, *permission)));
            }
        }
    })
    .await;
}
