//! A migrated database of its own for each test.

use std::{
    process,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use domain::Secret;
use store::{Location, Store, StoreConfig};
use tempfile::TempDir;

use crate::{PlainLinker, TestClock, servers};

/// A store on a database that nobody else uses.
#[derive(Debug)]
pub struct Ground {
    pub store: Store,
    pub config: StoreConfig,
    pub clock: TestClock,
    /// Files for the test; gone with it.
    pub folder: TempDir,
}

impl Ground {
    async fn on(config: StoreConfig, folder: TempDir) -> Self {
        let clock = TestClock::default();
        store::migrate(&config, &clock.clock()).await.unwrap();
        let store = Store::open(&config, clock.clock(), Arc::new(PlainLinker)).await.unwrap();
        Self { store, config, clock, folder }
    }
    pub fn is_postgres(&self) -> bool {
        matches!(self.config.location, Location::Postgres(_))
    }
}

/// A new SQLite file.
pub async fn sqlite_database() -> Ground {
    let folder = TempDir::new().unwrap();
    let config = StoreConfig::at(Location::Sqlite(folder.path().join("test.db")));
    Ground::on(config, folder).await
}

/// A new PostgreSQL database, copied from a migrated template.
pub async fn postgres_database() -> Ground {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let server = servers::postgres();
    let template = format!("template_{}", &store::schema_fingerprint()[..16]);
    servers::locked("template", || {
        if servers::ask(&server, &format!("SELECT 1 FROM pg_database WHERE datname = '{template}_ready'")) == "1" {
            return;
        }
        servers::ask(&server, &format!("DROP DATABASE IF EXISTS {template}"));
        servers::ask(&server, &format!("CREATE DATABASE {template}"));
        let config = StoreConfig::at(Location::Postgres(Secret::new(servers::database(&server, &template))));
        let migrating = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async { store::migrate(&config, &TestClock::default().clock()).await.unwrap() });
        });
        migrating.join().unwrap();
        servers::ask(&server, &format!("ALTER DATABASE {template} RENAME TO {template}_ready"));
    });
    let name = format!("test_{}_{}", process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
    servers::ask(&server, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
    servers::ask(&server, &format!("CREATE DATABASE {name} TEMPLATE {template}_ready"));
    let config = StoreConfig::at(Location::Postgres(Secret::new(servers::database(&server, &name))));
    Ground::on(config, TempDir::new().unwrap()).await
}

/// Runs a test's body on SQLite and then on PostgreSQL.
pub async fn on_both(body: impl AsyncFn(&Ground)) {
    on_sqlite(&body).await;
    on_postgres(&body).await;
}

/// Runs a test's body on SQLite.
pub async fn on_sqlite(body: impl AsyncFn(&Ground)) {
    let ground = sqlite_database().await;
    eprintln!("on SQLite");
    body(&ground).await;
    ground.store.close().await;
}

/// Runs a test's body on PostgreSQL.
pub async fn on_postgres(body: impl AsyncFn(&Ground)) {
    let ground = postgres_database().await;
    eprintln!("on PostgreSQL");
    body(&ground).await;
    ground.store.close().await;
    if let Location::Postgres(url) = &ground.config.location {
        servers::drop_database(url.expose());
    }
}
