//! Migrations: embedded, forward only, applied under a lock in one transaction, and remembered with a checksum.

use std::{fs::File, path::PathBuf, time::Duration};

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

const TURN_TIMEOUT: Duration = Duration::from_secs(120);

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
    7 "0007_accounts"
    8 "0008_teams"
    9 "0009_connections"
    10 "0010_search"
    11 "0011_siem"
    12 "0012_guardrails"
    13 "0013_run_secrets"
    14 "0014_outbox"
    15 "0015_run_states"
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
    // Only one may change a new file's journal mode: SQLite refuses the second at once instead of letting it wait.
    let _turn = match &config.location {
        Location::Sqlite(path) => {
            create_file(path)?;
            Some(turn(path.clone()).await?)
        }
        Location::Postgres(_) => None,
    };
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

/// Waits until nobody else migrates a database in this folder. The lock is on the folder: opening and closing the
/// database file itself would drop the locks that SQLite holds on it in this process.
async fn turn(database: PathBuf) -> Result<File> {
    let folder = match database.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    let waiting = tokio::task::spawn_blocking(move || {
        let taken = File::open(&folder).and_then(|file| file.lock().map(|()| file));
        taken.map_err(|source| Error::file(&folder, source))
    });
    match tokio::time::timeout(TURN_TIMEOUT, waiting).await {
        Ok(Ok(turn)) => turn,
        Ok(Err(_)) | Err(_) => Err(Error::away("another process is migrating this database and does not end")),
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{AuditRow, AuditRowDraft, ChainHead, ChainKey, Linker, Store};

    struct Nobody;
    impl Linker for Nobody {
        fn link(&self, _: &ChainKey, head: &ChainHead, _: Vec<AuditRowDraft>) -> (Vec<AuditRow>, ChainHead) {
            (Vec::new(), head.clone())
        }
    }

    fn clock() -> Clock {
        Clock::new(|| domain::Timestamp::from_micros(0))
    }
    fn config(folder: &tempfile::TempDir) -> StoreConfig {
        StoreConfig::at(Location::Sqlite(folder.path().join("deeper/x.db")))
    }
    async fn after(script: &'static str) -> Result<Vec<&'static str>> {
        let folder = tempfile::tempdir().unwrap();
        let config = config(&folder);
        migrate(&config, &clock()).await.unwrap();
        let mut conn = Conn::open(&Target::new(&config).unwrap(), Use::Writing).await.unwrap();
        conn.script(script).await.unwrap();
        let opened = Store::open(&config, clock(), Arc::new(Nobody)).await;
        let migrated = migrate(&config, &clock()).await;
        assert_eq!(opened.is_ok(), migrated.is_ok());
        migrated
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn two_that_migrate_at_once_do_it_once() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(&folder);
        let both = futures::future::join_all((0..4).map(|_| {
            let config = config.clone();
            tokio::spawn(async move { migrate(&config, &clock()).await.unwrap().len() })
        }));
        let counts: Vec<usize> = both.await.into_iter().map(|count| count.unwrap()).collect();
        assert_eq!(counts.iter().sum::<usize>(), MIGRATIONS.len());
        assert_eq!(counts.iter().filter(|count| **count == 0).count(), 3);
    }

    #[tokio::test]
    async fn a_database_of_a_later_release_is_left_alone() {
        let refused = after("INSERT INTO schema_migrations VALUES (9999, 'later', 'x', 0)").await;
        assert!(matches!(refused, Err(Error::TooNew { found: 9999, .. })));
    }

    #[tokio::test]
    async fn a_migration_with_another_text_is_refused() {
        let refused = after("UPDATE schema_migrations SET checksum = 'x' WHERE version = 2").await;
        assert!(matches!(refused, Err(Error::ChangedMigration { version: 2 })));
    }

    #[tokio::test]
    async fn a_database_that_was_not_migrated_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let opened = Store::open(&config(&folder), clock(), Arc::new(Nobody)).await;
        assert!(matches!(opened, Err(Error::NotMigrated { found: 0, .. })));
    }

    /// R097: the database file is for its owner alone, from its first byte.
    #[tokio::test]
    async fn the_database_file_is_private() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let config = config(&folder);
        migrate(&config, &clock()).await.unwrap();
        let mode = |path: &str| std::fs::metadata(folder.path().join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("deeper"), mode("deeper/x.db")), (0o700, 0o600));
    }
}
