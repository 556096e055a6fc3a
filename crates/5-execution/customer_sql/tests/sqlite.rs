//! SQLite files, asked and attacked.
#![allow(clippy::unwrap_used, reason = "a helper that cannot do its work fails its test")]

use std::{
    path::Path,
    time::{Duration, Instant},
};

use customer_sql::{CustomerSql, Database, Error, Limits, Query, Rows, Scope};
use domain::Json;
use egress::{Egress, Policy};
use serde_json::json;
use tempfile::TempDir;

struct Ground {
    /// Holds the customers' folder and, beside it, what is none of their business.
    root: TempDir,
    sql: CustomerSql,
}

impl Ground {
    /// A folder with an empty `shop.db` that has a table of people.
    async fn new() -> Self {
        let root = TempDir::new().unwrap();
        let folder = root.path().join("customers");
        std::fs::create_dir_all(folder.join("sub")).unwrap();
        std::fs::write(folder.join("shop.db"), "").unwrap();
        std::fs::write(root.path().join("secret.db"), "").unwrap();
        let sql = CustomerSql::new(Egress::new(Policy::default()).unwrap(), Some(folder));
        let ground = Self { root, sql };
        ground.run(Scope::Full, "create table people (id integer primary key, name text)", &[]).await.unwrap();
        ground
    }

    async fn run(&self, scope: Scope, sql: &str, parameters: &[Json]) -> Result<Rows, Error> {
        self.on("shop.db", scope, sql, parameters, Limits::default()).await
    }

    async fn on(&self, file: &str, scope: Scope, sql: &str, values: &[Json], limits: Limits) -> Result<Rows, Error> {
        let query = Query { sql: sql.into(), parameters: values.to_vec(), scope, limits };
        self.sql.query(&Database::Sqlite { file: file.into() }, &query).await
    }

    async fn open(&self, file: &str) -> Result<Rows, Error> {
        self.on(file, Scope::ReadOnly, "select 1", &[], Limits::default()).await
    }

    fn files(&self) -> Vec<String> {
        let list = |path: &Path| std::fs::read_dir(path).unwrap().map(|e| e.unwrap().file_name()).collect::<Vec<_>>();
        let all = list(self.root.path()).into_iter().chain(list(&self.root.path().join("customers")));
        let mut names: Vec<String> = all.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }
}

#[tokio::test]
async fn values_come_and_go_as_json() {
    let ground = Ground::new().await;
    let sql =
        "select ?1 as a, ?2 as b, ?3 as c, ?4 as d, ?5 as e, ?6 as f, x'dead' as g, 9007199254740993 as h, 1 as a";
    let values = [json!(null), json!(7), json!(1.5), json!("'; drop table people; --"), json!(true), json!({"k": [1]})];
    let rows = ground.run(Scope::ReadOnly, sql, &values).await.unwrap();
    assert_eq!(
        rows.rows,
        [json!({"a": null, "b": 7, "c": 1.5, "d": "'; drop table people; --", "e": 1, "f": "{\"k\":[1]}", "g": "3q0=",
                "h": "9007199254740993", "a_2": 1})]
    );
    assert!(ground.run(Scope::ReadOnly, "select $1", &[json!(1)]).await.is_ok());
    let few = ground.run(Scope::ReadOnly, "select ?1, ?2", &[json!(1)]).await;
    assert!(matches!(few, Err(Error::Parameters { expected: 2, given: 1 })), "{few:?}");
    let large = ground.run(Scope::ReadOnly, "select ?1", &[json!(u64::MAX)]).await;
    assert!(matches!(large, Err(Error::Parameter { position: 1, .. })), "{large:?}");
}

/// R194, R195, R196.
#[tokio::test]
async fn scopes_hold() {
    let ground = Ground::new().await;
    let insert = "insert into people (name) values (?1) returning id";
    assert!(matches!(ground.run(Scope::ReadOnly, insert, &[json!("a")]).await, Err(Error::OutOfScope { .. })));
    assert!(matches!(ground.run(Scope::ReadWrite, "drop table people", &[]).await, Err(Error::OutOfScope { .. })));
    // The controls.
    let made = ground.run(Scope::ReadWrite, insert, &[json!("a")]).await.unwrap();
    assert_eq!((made.rows, made.rows_affected), (vec![json!({"id": 1})], 1));
    let read = ground.run(Scope::ReadOnly, "select * from people", &[]).await.unwrap();
    assert_eq!((read.rows, read.rows_affected), (vec![json!({"id": 1, "name": "a"})], 0));
    ground.run(Scope::Full, "drop table people", &[]).await.unwrap();
}

/// The second lock: the file is open for reading only, so a write that the parser did not see fails at the database.
#[tokio::test]
async fn a_file_that_is_read_is_not_written() {
    let ground = Ground::new().await;
    let path = ground.root.path().join("customers/shop.db");
    let before = std::fs::read(&path).unwrap();
    for sql in
        ["select * from people; delete from people", "with a as (select 1) delete from people", "vacuum", "reindex"]
    {
        assert!(ground.run(Scope::ReadOnly, sql, &[]).await.is_err(), "{sql}");
    }
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn no_file_outside_the_folder_is_opened() {
    let ground = Ground::new().await;
    let folder = ground.root.path().join("customers");
    std::os::unix::fs::symlink(ground.root.path().join("secret.db"), folder.join("link.db")).unwrap();
    std::os::unix::fs::symlink(ground.root.path(), folder.join("up")).unwrap();
    std::os::unix::fs::symlink(folder.join("shop.db"), folder.join("inner.db")).unwrap();
    let secret = ground.root.path().join("secret.db").display().to_string();
    for file in ["../secret.db", "sub/../../secret.db", "./../secret.db", &secret, "link.db", "up/secret.db", "", "."] {
        assert!(matches!(ground.open(file).await, Err(Error::OutsideFolder)), "{file}");
    }
    for file in ["missing.db", "sub", "shop.db?mode=rwc", "file:shop.db", ":memory:", "sub/missing.db"] {
        assert!(matches!(ground.open(file).await, Err(Error::NoSuchFile)), "{file}");
    }
    // The controls.
    assert!(ground.open("shop.db").await.is_ok());
    assert!(ground.open("inner.db").await.is_ok());
    let off = CustomerSql::new(Egress::new(Policy::default()).unwrap(), None);
    let query = Query { sql: "select 1".into(), parameters: vec![], scope: Scope::ReadOnly, limits: Limits::default() };
    let refused = off.query(&Database::Sqlite { file: "shop.db".into() }, &query).await;
    assert!(matches!(refused, Err(Error::SqliteNotConfigured)));
}

#[tokio::test]
async fn no_other_file_and_no_extension_is_reached_through_a_statement() {
    let ground = Ground::new().await;
    let files = ground.files();
    let out = ground.root.path().join("out.db").display().to_string();
    for sql in [
        format!("attach database '{out}' as x"),
        format!("attach '{out}' as x"),
        format!("vacuum into '{out}'"),
        format!("select load_extension('{out}')"),
        format!("select writefile('{out}', 'x')"),
        "pragma query_only = off".into(),
        "pragma temp_store_directory = '/tmp'".into(),
        "create table t as select 1; select 2".into(),
        "select 1 /* /* */ ; attach 'x' as x -- */".into(),
    ] {
        for scope in [Scope::ReadOnly, Scope::ReadWrite, Scope::Full] {
            assert!(ground.run(scope, &sql, &[]).await.is_err(), "{scope} {sql}");
        }
    }
    assert_eq!(ground.files(), files);
}

#[tokio::test]
async fn time_rows_and_bytes_are_bounded() {
    let ground = Ground::new().await;
    let endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n";
    let short = Limits { timeout: Duration::from_millis(300), ..Limits::default() };
    let begun = Instant::now();
    for scope in [Scope::ReadOnly, Scope::ReadWrite] {
        let stopped = ground.on("shop.db", scope, endless, &[], short.clone()).await;
        assert!(matches!(stopped, Err(Error::TimedOut { .. })), "{stopped:?}");
    }
    assert!(begun.elapsed() < Duration::from_secs(3));
    let count = "with recursive n(i) as (select 1 union all select i + 1 from n limit 5000) select i from n";
    let few = Limits { max_rows: 3, ..Limits::default() };
    let rows = ground.on("shop.db", Scope::ReadOnly, count, &[], few).await.unwrap();
    assert_eq!((rows.rows.len(), rows.truncated), (3, true));
    let small = Limits { max_bytes: 1000, ..Limits::default() };
    let rows = ground.on("shop.db", Scope::ReadOnly, count, &[], small).await.unwrap();
    assert!(rows.truncated && rows.rows.len() < 120, "{}", rows.rows.len());
    let all = ground.run(Scope::ReadOnly, "select 1", &[]).await.unwrap();
    assert!(!all.truncated, "the control");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_named() {
    let ground = Ground::new().await;
    std::fs::write(ground.root.path().join("customers/notes.txt"), "not a database, but long enough".repeat(50))
        .unwrap();
    let read = |file| ground.on(file, Scope::ReadOnly, "select * from sqlite_master", &[], Limits::default());
    assert!(matches!(read("notes.txt").await, Err(Error::Database { .. })));
    let missing = ground.run(Scope::ReadOnly, "select * from nothing", &[]).await.unwrap_err();
    let text = format!("{missing} {missing:?}");
    assert!(text.contains("nothing") && !text.contains("customers"), "{text}");
}
