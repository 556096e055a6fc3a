//! SQL_QUERY against real databases, through a credential of the vault.

use journeys::{
    Server, Settings,
    doubles::{node, on_both_open, open, postgres_port},
};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

/// Runs one statement as a workflow of its own.
async fn query(server: &Server, parameters: Json, policies: Json, input: Json) -> Json {
    let name = format!("sql {}", server.client.all("workflows", 200).await.len());
    let mut definition =
        json!({ "name": name, "nodes": [{ "id": "sql", "type": "SQL_QUERY", "parameters": parameters }] });
    if !policies.is_null() {
        definition["policies"] = policies;
    }
    let workflow = server.client.deploy(definition).await;
    server.client.run(&workflow, input).await
}

#[track_caller]
fn refused(run: &Json, code: &str, why: &str) {
    let told = run["failure"]["message"].as_str().unwrap_or_default();
    assert!(run["failure"]["code"] == code && told.contains(why), "{run}");
}

async fn credential(server: &Server, name: &str, url: &str, hosts: Json) {
    let body = json!({ "name": name, "kind": "database", "value": url, "hosts": hosts });
    server.client.post("credentials", body).await.expect(201);
}

/// A table of its own in the harness's PostgreSQL, reached over TCP.
async fn with_postgres(server: &Server, table: &str) -> String {
    let port = postgres_port().await;
    let password = ["p", "4b1d", "22c9"].join("-");
    let url = format!("postgres://nodeloom:{password}@127.0.0.1:{port}/postgres?sslmode=disable");
    credential(server, "shop", &url, json!(["127.0.0.1"])).await;
    let parameters = json!({ "credential": "shop", "mode": "full",
        "query": format!("CREATE TABLE {table} (id bigint PRIMARY KEY, name text, tags jsonb)") });
    let run = query(server, parameters, Json::Null, Json::Null).await;
    // R196: full mode allows what defines the database
    assert_eq!(run["status"], "succeeded", "{run}");
    password
}

fn on_table(table: &str, sql: &str, mode: &str, parameters: Json) -> Json {
    json!({ "credential": "shop", "mode": mode, "query": sql.replace("PEOPLE", table), "parameters": parameters })
}

/// R194, R195, R196; values are bound: the attack arrives as a name and stays one.
#[tokio::test(flavor = "multi_thread")]
async fn postgresql_is_asked_within_the_scope() {
    on_both_open(async |server| {
        let table = format!("people_{}_{}", std::process::id(), server.is_postgres());
        let password = with_postgres(server, &table).await;
        let attack = "x'); DROP TABLE people; --";
        let insert = on_table(
            &table,
            "INSERT INTO PEOPLE VALUES ($1, $2, $3)",
            "read_write",
            json!(["{{ input.id }}", "{{ input.name }}", { "a": [1, "{{ input.name }}"] }]),
        );
        let run = query(server, insert.clone(), Json::Null, json!({ "id": 7, "name": attack })).await;
        assert_eq!(node(&run, "sql")["output"]["rows_affected"], 1, "{run}");
        let select =
            on_table(&table, "SELECT id, name, tags FROM PEOPLE WHERE name = $1", "read_only", json!(["{{ input }}"]));
        let run = query(server, select, Json::Null, json!(attack)).await;
        let rows = json!([{ "id": 7, "name": attack, "tags": { "a": [1, attack] } }]);
        assert_eq!(node(&run, "sql")["output"]["rows"], rows, "{run}");

        let input = json!({ "id": 8, "name": "eve" });
        for sql in [
            "INSERT INTO PEOPLE VALUES (8, 'eve', null)",
            "DELETE FROM PEOPLE",
            "SELECT pg_terminate_backend(1)",
            "WITH gone AS (DELETE FROM PEOPLE RETURNING id) SELECT * FROM gone",
            "SELECT * INTO stolen FROM PEOPLE",
        ] {
            let run = query(server, on_table(&table, sql, "read_only", json!([])), Json::Null, input.clone()).await;
            assert_eq!(run["failure"]["code"], "NL-4201", "{sql}: {run}");
        }
        for sql in [
            "DROP TABLE PEOPLE",
            "ALTER TABLE PEOPLE ADD COLUMN x int",
            "TRUNCATE TABLE PEOPLE",
            "CREATE TABLE other (id int)",
        ] {
            let run = query(server, on_table(&table, sql, "read_write", json!([])), Json::Null, input.clone()).await;
            assert_eq!(run["failure"]["code"], "NL-4201", "{sql}: {run}");
        }
        // the workflow's policy is narrower than the node
        let policy = json!({ "sql_scope": "read_only" });
        let run = query(server, insert, policy, input.clone()).await;
        refused(&run, "NL-4201", "read");
        let two = on_table(&table, "SELECT 1; DROP TABLE PEOPLE", "full", json!([]));
        refused(&query(server, two, Json::Null, Json::Null).await, "NL-5101", "one statement");
        let count = on_table(&table, "SELECT count(*)::int AS n FROM PEOPLE", "read_only", json!([]));
        let run = query(server, count, Json::Null, Json::Null).await;
        assert_eq!(node(&run, "sql")["output"]["rows"], json!([{ "n": 1 }]), "nothing that was refused was done");
        let wrong = on_table(&table, "SELECT nothing FROM PEOPLE", "read_only", json!([]));
        let run = query(server, wrong, Json::Null, Json::Null).await;
        refused(&run, "NL-5105", "nothing");
        assert!(!run.to_string().contains(&password), "{run}");
        let drop = on_table(&table, "DROP TABLE PEOPLE", "full", json!([]));
        assert_eq!(query(server, drop, Json::Null, Json::Null).await["status"], "succeeded");
        server.assert_alive().await;
    })
    .await;
}

/// The attack: a credential leads inside, where the operator allows nothing, or to a host that it is not for.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_credential_does_not_lead_inside() {
    let server = Server::start().await;
    let port = postgres_port().await;
    let url = format!("postgres://nodeloom:x@127.0.0.1:{port}/postgres?sslmode=disable");
    credential(&server, "shop", &url, json!(["127.0.0.1"])).await;
    credential(&server, "elsewhere", &url, json!(["db.example.com"])).await;
    let ask = |name: &str| json!({ "credential": name, "query": "SELECT 1" });
    refused(&query(&server, ask("shop"), Json::Null, Json::Null).await, "NL-5105", "not allowed");
    let run = query(&server, ask("elsewhere"), Json::Null, Json::Null).await;
    assert_eq!(run["status"], "failed", "{run}");
    let run = query(&server, ask("absent"), Json::Null, Json::Null).await;
    refused(&run, "NL-5105", "absent");
    server.stop().await;
}

/// A slow statement is stopped by the node's time limit; more rows than asked for are said to be there.
#[tokio::test(flavor = "multi_thread")]
async fn a_statement_is_bounded_in_time_and_rows() {
    let server = Server::with(open()).await;
    let url = format!("postgres://nodeloom:x@127.0.0.1:{}/postgres?sslmode=disable", postgres_port().await);
    credential(&server, "shop", &url, json!(["127.0.0.1"])).await;
    let slow = json!({ "name": "slow", "nodes": [{ "id": "sql", "type": "SQL_QUERY", "timeout_ms": 500,
        "parameters": { "credential": "shop", "mode": "full",
            "query": "SELECT count(*) FROM generate_series(1, 100000000000)" } }] });
    let workflow = server.client.deploy(slow).await;
    refused(&server.client.run(&workflow, Json::Null).await, "NL-5106", "500 ms");
    let many = json!({ "credential": "shop", "query": "SELECT n FROM generate_series(1, 500) AS n", "max_rows": 10 });
    let run = query(&server, many, Json::Null, Json::Null).await;
    let output = &node(&run, "sql")["output"];
    assert_eq!((output["rows"].as_array().unwrap().len(), &output["truncated"]), (10, &json!(true)), "{run}");
    assert_eq!(node(&run, "sql")["warnings"][0]["code"], "truncated");
    server.stop().await;
}

/// SQLite only below the configured folder; no ATTACH, no way out of it.
#[tokio::test(flavor = "multi_thread")]
async fn sqlite_stays_in_its_folder() {
    let root = TempDir::new().unwrap();
    let folder = root.path().join("customers");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("shop.db"), "").unwrap();
    std::fs::write(root.path().join("secret.db"), "").unwrap();
    let server = Server::with(Settings::default().set("NODELOOM_EGRESS__SQLITE_FOLDER", folder.display())).await;
    credential(&server, "shop", "sqlite:shop.db", json!([])).await;
    credential(&server, "outside", "sqlite:../secret.db", json!([])).await;
    credential(&server, "own", &format!("sqlite:{}", server.folder().join("nodeloom.db").display()), json!([])).await;
    let ask = |mode: &str, sql: &str, parameters: Json| json!({ "credential": "shop", "dialect": "sqlite", "mode": mode, "query": sql, "parameters": parameters });
    let run = query(
        &server,
        ask("full", "CREATE TABLE people (id integer primary key, name text)", json!([])),
        Json::Null,
        Json::Null,
    )
    .await;
    assert_eq!(run["status"], "succeeded", "{run}");
    let insert = ask("read_write", "INSERT INTO people (name) VALUES ($1)", json!(["{{ input }}"]));
    let run = query(&server, insert.clone(), Json::Null, json!("x'); DROP TABLE people; --")).await;
    assert_eq!(node(&run, "sql")["output"]["rows_affected"], 1, "{run}");
    let run = query(&server, ask("read_only", "SELECT * FROM people", json!([])), Json::Null, Json::Null).await;
    assert_eq!(node(&run, "sql")["output"]["rows"], json!([{ "id": 1, "name": "x'); DROP TABLE people; --" }]));
    for (mode, sql) in [
        ("read_only", "INSERT INTO people (name) VALUES ('eve')"),
        ("read_only", "DELETE FROM people"),
        ("read_write", "DROP TABLE people"),
        ("full", "ATTACH DATABASE '../secret.db' AS stolen"),
        ("full", "PRAGMA writable_schema = 1"),
        ("full", "SELECT load_extension('evil')"),
        ("full", "VACUUM INTO '../copy.db'"),
    ] {
        let run = query(&server, ask(mode, sql, json!([])), Json::Null, Json::Null).await;
        assert_ne!(run["status"], "succeeded", "{sql}: {run}");
        assert!(["NL-4201", "NL-5101", "NL-5105"].contains(&run["failure"]["code"].as_str().unwrap()), "{sql}: {run}");
    }
    refused(&query(&server, insert, json!({ "sql_scope": "read_only" }), json!("eve")).await, "NL-4201", "read");
    for name in ["outside", "own"] {
        let run = query(
            &server,
            json!({ "credential": name, "dialect": "sqlite", "query": "SELECT 1" }),
            Json::Null,
            Json::Null,
        )
        .await;
        refused(&run, "NL-5105", "not inside the configured folder");
    }
    assert!(!root.path().join("copy.db").exists());
    server.stop().await;
    let server = Server::start().await;
    credential(&server, "shop", "sqlite:shop.db", json!([])).await;
    let run = query(&server, ask("read_only", "SELECT 1", json!([])), Json::Null, Json::Null).await;
    refused(&run, "NL-5105", "not set up");
    server.stop().await;
}
