//! A real PostgreSQL, asked and attacked.
#![allow(clippy::unwrap_used, reason = "a helper that cannot do its work fails its test")]

mod front;

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use customer_sql::{CustomerSql, Database, Error, Limits, Postgres, Query, Rows, Scope, Tls};
use domain::{Json, Secret};
use egress::{Egress, Policy};
use front::Front;
use serde_json::json;

/// Where customers' databases are reached in these tests, and one database.
struct Ground {
    sql: CustomerSql,
    postgres: Postgres,
    _front: Front,
}

fn password() -> String {
    ["hidden", "password"].join("-")
}

fn customer_sql(rules: &[&str]) -> CustomerSql {
    CustomerSql::new(Egress::new(Policy::allowing(rules.iter().copied()).unwrap()).unwrap(), None)
}

fn at(front: &Front, tls: Tls) -> Postgres {
    Postgres {
        host: "localhost".into(),
        port: front.port,
        database: "postgres".into(),
        user: "nodeloom".into(),
        password: Secret::new(password()),
        tls,
    }
}

impl Ground {
    /// A database of the test's own.
    async fn new(name: &str) -> Self {
        let front = Front::plain().await;
        let mut ground =
            Self { sql: customer_sql(&["127.0.0.1", "::1"]), postgres: at(&front, Tls::Off), _front: front };
        let name = format!("customer_{name}_{}", std::process::id());
        ground.run(Scope::Full, &format!("create database {name}"), &[]).await.unwrap();
        ground.postgres.database = name;
        ground
    }

    async fn run(&self, scope: Scope, sql: &str, parameters: &[Json]) -> Result<Rows, Error> {
        let limits = Limits { timeout: Duration::from_secs(10), ..Limits::default() };
        self.limited(scope, sql, parameters, limits).await
    }

    async fn limited(&self, scope: Scope, sql: &str, parameters: &[Json], limits: Limits) -> Result<Rows, Error> {
        let query = Query { sql: sql.into(), parameters: parameters.to_vec(), scope, limits };
        self.sql.query(&Database::Postgres(self.postgres.clone()), &query).await
    }

    async fn value(&self, sql: &str, parameters: &[Json]) -> Json {
        let rows = self.run(Scope::ReadOnly, sql, parameters).await.unwrap();
        rows.rows[0].as_object().unwrap().values().next().unwrap().clone()
    }
}

#[tokio::test]
async fn values_come_back_as_json() {
    let ground = Ground::new("values").await;
    for (sql, expected) in [
        ("select null", json!(null)),
        ("select true", json!(true)),
        ("select 7::int2", json!(7)),
        ("select 9007199254740993", json!("9007199254740993")),
        ("select 0.1::float4", json!(0.1)),
        ("select 'nan'::float8", json!("NaN")),
        ("select 12345678901234567890.10::numeric", json!("12345678901234567890.10")),
        ("select -0.0005::numeric(10,4)", json!("-0.0005")),
        ("select 1e20::numeric", json!("100000000000000000000")),
        ("select 'Grüße'", json!("Grüße")),
        ("select 'ab'::char(4)", json!("ab  ")),
        ("select '550e8400-e29b-41d4-a716-446655440000'::uuid", json!("550e8400-e29b-41d4-a716-446655440000")),
        ("select '{\"a\":[1]}'::jsonb", json!({"a": [1]})),
        ("select '{\"a\":[1]}'::json", json!({"a": [1]})),
        ("select '\\xdeadbeef'::bytea", json!("3q2+7w==")),
        ("select '2026-11-21'::date", json!("2026-11-21")),
        ("select '1850-01-01'::date", json!("1850-01-01")),
        ("select '10:00:00.5'::time", json!("10:00:00.5")),
        ("select '10:00:00+02'::timetz", json!("10:00:00+02:00")),
        ("select '2026-11-21 10:00:00.25'::timestamp", json!("2026-11-21T10:00:00.25")),
        ("select '2026-11-21 10:00:00+02'::timestamptz", json!("2026-11-21T08:00:00Z")),
        ("select 'infinity'::timestamptz", json!("infinity")),
        ("select '1 year 2 months 3 days 4 hours'::interval", json!("P1Y2M3DT4H")),
        ("select '10.0.0.0/8'::cidr", json!("10.0.0.0/8")),
        ("select '10.0.0.1'::inet", json!("10.0.0.1")),
        ("select array[1,null,3]", json!([1, null, 3])),
        ("select array[['a','b'],['c','d']]", json!([["a", "b"], ["c", "d"]])),
        ("select '{}'::int[]", json!([])),
        ("select array[1.50::numeric]", json!(["1.50"])),
    ] {
        assert_eq!(ground.value(sql, &[]).await, expected, "{sql}");
    }
    ground.run(Scope::Full, "create type mood as enum ('sad', 'happy')", &[]).await.unwrap();
    assert_eq!(ground.value("select 'happy'::mood", &[]).await, json!("happy"));
    assert_eq!(ground.value("select $1::mood", &[json!("sad")]).await, json!("sad"));
}

/// Values are bound with the type that the statement wants; none becomes SQL.
#[tokio::test]
async fn parameters_are_bound() {
    let ground = Ground::new("parameters").await;
    for (sql, parameter) in [
        ("select $1::int", json!(7)),
        ("select $1::int8", json!("9007199254740993")),
        ("select $1::numeric", json!("1.10")),
        ("select $1::text", json!("'; drop table t; --")),
        ("select $1", json!("untyped")),
        ("select $1::uuid", json!("550e8400-e29b-41d4-a716-446655440000")),
        ("select $1::jsonb", json!({"a": "it's"})),
        ("select $1::bool", json!(false)),
        ("select $1::date", json!("2026-11-21")),
        ("select $1::timestamptz", json!("2026-11-21T10:00:00.5Z")),
        ("select $1::timestamp", json!("2026-11-21T10:00:00")),
        ("select $1::float8", json!(1.5)),
        ("select $1::bytea", json!("3q2+7w==")),
        ("select $1::int[]", json!([1, null, 2])),
        ("select $1::text[]", json!(["a", "b,c"])),
        ("select $1::text", json!(null)),
    ] {
        assert_eq!(ground.value(sql, std::slice::from_ref(&parameter)).await, parameter, "{sql}");
    }
    let bad = async |sql: &str, parameters: &[Json]| ground.run(Scope::ReadOnly, sql, parameters).await.unwrap_err();
    assert!(matches!(bad("select $1::int", &[json!("x")]).await, Error::Parameter { position: 1, .. }));
    assert!(matches!(bad("select $1::int", &[json!(1_u64 << 40)]).await, Error::Parameter { .. }));
    assert!(matches!(bad("select $1::int", &[]).await, Error::Parameters { expected: 1, given: 0 }));
    assert!(matches!(bad("select 1", &[json!(1)]).await, Error::Parameters { expected: 0, given: 1 }));
    assert!(matches!(bad("select $1::text", &[json!("a\0b")]).await, Error::Parameter { .. }));
}

/// R194, R195, R196, on the database itself.
#[tokio::test]
async fn scopes_hold() {
    let ground = Ground::new("scopes").await;
    ground.run(Scope::Full, "create table t (id int primary key, name text)", &[]).await.unwrap();
    let insert = "insert into t values ($1, $2) returning id";
    let row = [json!(1), json!("a")];
    assert!(matches!(ground.run(Scope::ReadOnly, insert, &row).await, Err(Error::OutOfScope { .. })));
    assert!(matches!(ground.run(Scope::ReadWrite, "drop table t", &[]).await, Err(Error::OutOfScope { .. })));
    assert_eq!(ground.value("select count(*) from t", &[]).await, json!(0));
    // The controls.
    let rows = ground.run(Scope::ReadWrite, insert, &row).await.unwrap();
    assert_eq!((rows.rows_affected, rows.rows), (1, vec![json!({"id": 1})]));
    let rows = ground.run(Scope::ReadOnly, "select * from t", &[]).await.unwrap();
    assert_eq!((rows.rows_affected, rows.rows), (0, vec![json!({"id": 1, "name": "a"})]));
    assert_eq!(rows.columns[1].kind, "text");
    let twice = ground.run(Scope::ReadWrite, insert, &row).await.unwrap_err();
    assert!(matches!(&twice, Error::Database { code: Some(code), .. } if code == "23505"), "{twice:?}");

    // The second lock: a function hides its write from the parser and not from the database.
    let hides = "create function hides() returns int language sql as $$ delete from t returning id $$";
    ground.run(Scope::Full, hides, &[]).await.unwrap();
    let caught = ground.run(Scope::ReadOnly, "select hides()", &[]).await.unwrap_err();
    assert!(matches!(&caught, Error::Database { code: Some(code), .. } if code == "25006"), "{caught:?}");
    assert_eq!(ground.value("select count(*) from t", &[]).await, json!(1));
    assert_eq!(ground.run(Scope::ReadWrite, "select hides()", &[]).await.unwrap().rows, [json!({"hides": 1})]);
    ground.run(Scope::Full, "drop table t", &[]).await.unwrap();
}

#[tokio::test]
async fn files_and_second_statements_are_out_of_reach() {
    let ground = Ground::new("files").await;
    let read = "select length(pg_read_file('PG_VERSION')) > 0";
    assert!(matches!(ground.run(Scope::ReadOnly, read, &[]).await, Err(Error::OutOfScope { .. })));
    assert!(matches!(ground.run(Scope::ReadWrite, read, &[]).await, Err(Error::OutOfScope { .. })));
    // The control: in the full scope the account's rights decide, and the harness's account may.
    assert!(ground.run(Scope::Full, read, &[]).await.is_ok());
    for scope in [Scope::ReadOnly, Scope::ReadWrite, Scope::Full] {
        for sql in ["select 1; select 2", "select 1; drop table t", "commit; select 1"] {
            assert!(matches!(ground.run(scope, sql, &[]).await, Err(Error::SeveralStatements)), "{sql}");
        }
        assert!(ground.run(scope, "copy (select 1) to program 'id'", &[]).await.is_err());
    }
}

#[tokio::test]
async fn time_rows_and_bytes_are_bounded() {
    let ground = Ground::new("bounds").await;
    let short = Limits { timeout: Duration::from_millis(400), ..Limits::default() };
    let begun = Instant::now();
    let slept = ground.limited(Scope::ReadOnly, "select pg_sleep(30)", &[], short).await;
    assert!(matches!(slept, Err(Error::TimedOut { .. })), "{slept:?}");
    assert!(begun.elapsed() < Duration::from_secs(3));
    // The database has stopped too.
    let left = "select count(*) from pg_stat_activity where query like '%pg_sleep(30)%' and pid <> pg_backend_pid()";
    assert_eq!(ground.value(left, &[]).await, json!(0));
    assert_eq!(ground.value("select 1 from pg_sleep(0.1)", &[]).await, json!(1), "the control");

    let few = Limits { max_rows: 3, ..Limits::default() };
    let many = "select * from generate_series(1, 100000)";
    let rows = ground.limited(Scope::ReadOnly, many, &[], few).await.unwrap();
    assert_eq!((rows.rows.len(), rows.truncated), (3, true));
    let small = Limits { max_bytes: 1000, ..Limits::default() };
    let wide = ground.limited(Scope::ReadOnly, "select repeat('x', 400) from generate_series(1, 9)", &[], small).await;
    let wide = wide.unwrap();
    assert_eq!((wide.rows.len(), wide.truncated), (2, true));
    let all = ground.run(Scope::ReadOnly, "select * from generate_series(1, 3)", &[]).await.unwrap();
    assert_eq!((all.rows.len(), all.truncated), (3, false));
}

/// The address is judged by egress, once, and nothing reaches it otherwise.
#[tokio::test]
async fn an_address_that_egress_refuses_is_not_called() {
    let front = Front::plain().await;
    let query = Query { sql: "select 1".into(), parameters: vec![], scope: Scope::ReadOnly, limits: Limits::default() };
    let mut postgres = at(&front, Tls::Off);
    for host in ["localhost", "127.0.0.1", "::1", "169.254.169.254"] {
        postgres.host = host.into();
        let refused = customer_sql(&[]).query(&Database::Postgres(postgres.clone()), &query).await;
        assert!(matches!(&refused, Err(Error::Egress(error)) if error.is_refusal()), "{host} {refused:?}");
    }
    // A path is a name that does not resolve, never a socket of this machine.
    postgres.host = "/var/run/postgresql".into();
    let refused = customer_sql(&["127.0.0.1"]).query(&Database::Postgres(postgres.clone()), &query).await;
    assert!(matches!(refused, Err(Error::Egress(_))), "{refused:?}");
    assert_eq!(front.connections.load(Ordering::SeqCst), 0);
    postgres.host = "127.0.0.1".into();
    assert!(customer_sql(&["127.0.0.1"]).query(&Database::Postgres(postgres), &query).await.is_ok());
}

#[tokio::test]
async fn an_encrypted_way_is_checked() {
    let front = Front::encrypted("localhost").await;
    let sql = customer_sql(&["127.0.0.1", "::1"]);
    let query = Query { sql: "select 1".into(), parameters: vec![], scope: Scope::ReadOnly, limits: Limits::default() };
    let ask = async |postgres: Postgres| sql.query(&Database::Postgres(postgres), &query).await;
    let trusted = Tls::Verified { authority_pem: Some(front.authority.clone().into()) };
    assert!(ask(at(&front, trusted.clone())).await.is_ok());
    let unknown = ask(at(&front, Tls::default())).await;
    assert!(matches!(&unknown, Err(Error::Egress(egress::Error::Tls { .. }))), "{unknown:?}");
    let other = ask(Postgres { host: "127.0.0.1".into(), ..at(&front, trusted) }).await;
    assert!(matches!(&other, Err(Error::Egress(egress::Error::Tls { .. }))), "{other:?}");
    // A server without TLS is told apart, and nothing was said to it in the clear.
    let plain = Front::plain().await;
    let refused = ask(at(&plain, Tls::default())).await;
    assert!(matches!(refused, Err(Error::NoTls)), "{refused:?}");
}

#[tokio::test]
async fn errors_do_not_tell_how_the_database_is_reached() {
    let ground = Ground::new("errors").await;
    let ask = async |postgres: Postgres| {
        let query =
            Query { sql: "select 1".into(), parameters: vec![], scope: Scope::ReadOnly, limits: Limits::default() };
        ground.sql.query(&Database::Postgres(postgres), &query).await.unwrap_err()
    };
    let missing = ask(Postgres { database: "hidden_db".into(), ..ground.postgres.clone() }).await;
    let nobody = ask(Postgres { user: "hidden_user".into(), ..ground.postgres.clone() }).await;
    let closed = ask(Postgres { port: 1, ..ground.postgres.clone() }).await;
    let wrong = ground.run(Scope::ReadOnly, "select * from missing_table", &[]).await.unwrap_err();
    assert!(matches!((&missing, &nobody), (Error::Unauthorized, Error::Unauthorized)), "{missing:?} {nobody:?}");
    assert!(matches!(&wrong, Error::Database { message, .. } if message.contains("missing_table")), "{wrong:?}");
    for error in [missing, nobody, closed, wrong] {
        assert!(!format!("{error} {error:?}").contains("hidden"), "{error:?}");
    }
    assert!(!format!("{:?}", ground.postgres).contains("hidden"));
}
