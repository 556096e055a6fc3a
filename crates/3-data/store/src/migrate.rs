//! Migrations: embedded, forward only, applied under a lock in one transaction, and remembered with a checksum.

use domain::Clock;
use sha2::{Digest, Sha256};

use crate::{
    Error, Result,
    config::{Location, StoreConfig},
    dialect,
    kernel::{
        conn::{Conn, Target, Use, create_file},
        sql::binds,
    },
};

struct Migration {
    version: i64,
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

macro_rules! migrations {
    ($($version:literal $name:literal)*) => {
        const MIGRATIONS: &[Migration] = &[$(Migration {
            version: $version,
            name: $name,
            sqlite: include_str!(concat!("../migrations/sqlite/", $name, ".sql")),
            postgres: include_str!(concat!("../migrations/postgres/", $name, ".sql")),
        }),*];
    };
}

migrations! {
    1 "0001_ground"
    2 "0002_runs"
    3 "0003_people"
    4 "0004_workflows"
    5 "0005_safety"
    6 "0006_vault"
}

/// The newest schema that this program knows.
pub fn newest_schema() -> i64 {
    MIGRATIONS.last().map_or(0, |migration| migration.version)
}

/// Names the schema, all migrations of both databases taken together; for tests that keep a migrated template.
pub fn schema_fingerprint() -> String {
    MIGRATIONS.iter().fold(String::new(), |sum, m| checksum(&[&sum, m.sqlite, m.postgres].concat()))
}

/// Brings the database up to date, making it first when it is an SQLite file that is not there. Two processes may do
/// this at once: one waits for the other. Says which migrations were applied.
///
/// # Errors
/// [`Error::TooNew`] and [`Error::ChangedMigration`]: the database and this program do not fit; nothing was changed.
pub async fn migrate(config: &StoreConfig, clock: &Clock) -> Result<Vec<&'static str>> {
    if let Location::Sqlite(path) = &config.location {
        create_file(path)?;
    }
    let mut conn = Conn::open(&Target::new(config)?, Use::Writing).await?;
    if conn.is_postgres() {
        conn.script("BEGIN; SELECT pg_advisory_xact_lock(5642918471)").await?;
    } else {
        conn.script("BEGIN EXCLUSIVE").await?;
    }
    match apply(&mut conn, clock).await {
        Ok(applied) => {
            conn.script("COMMIT").await?;
            conn.close().await?;
            Ok(applied)
        }
        Err(error) => {
            _ = conn.script("ROLLBACK").await;
            Err(error)
        }
    }
}

async fn apply(conn: &mut Conn, clock: &Clock) -> Result<Vec<&'static str>> {
    let known = applied(conn).await?;
    check(&known, conn.is_postgres())?;
    if known.is_empty() {
        conn.script(
            "CREATE TABLE IF NOT EXISTS schema_migrations \
             (version BIGINT PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at BIGINT NOT NULL)",
        )
        .await?;
    }
    let mut done = Vec::new();
    for migration in MIGRATIONS.iter().skip(known.len()) {
        let text = if conn.is_postgres() { migration.postgres } else { migration.sqlite };
        conn.script(text).await?;
        conn.run(
            "INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES ($1, $2, $3, $4)",
            binds![migration.version, migration.name, checksum(text), clock.now()],
        )
        .await?;
        done.push(migration.name);
    }
    Ok(done)
}

/// Refuses a database that this program cannot work with as it is.
pub(crate) async fn require_current(conn: &mut Conn) -> Result<()> {
    let known = applied(conn).await?;
    check(&known, conn.is_postgres())?;
    let (found, newest) = (known.last().map_or(0, |(version, _)| *version), newest_schema());
    if found < newest { Err(Error::NotMigrated { found, known: newest }) } else { Ok(()) }
}

async fn applied(conn: &mut Conn) -> Result<Vec<(i64, String)>> {
    if conn.all(dialect::SCHEMA_TABLE, binds![]).await?.is_empty() {
        return Ok(Vec::new());
    }
    let rows = conn.all("SELECT version, checksum FROM schema_migrations ORDER BY version", binds![]).await?;
    rows.iter().map(|row| Ok((row.get("version")?, row.get("checksum")?))).collect()
}

fn check(applied: &[(i64, String)], postgres: bool) -> Result<()> {
    let (found, known) = (applied.last().map_or(0, |(version, _)| *version), newest_schema());
    if found > known {
        return Err(Error::TooNew { found, known });
    }
    for ((version, sum), migration) in applied.iter().zip(MIGRATIONS) {
        let text = if postgres { migration.postgres } else { migration.sqlite };
        if *version != migration.version || *sum != checksum(text) {
            return Err(Error::ChangedMigration { version: *version });
        }
    }
    Ok(())
}

fn checksum(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}
