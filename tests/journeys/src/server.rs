//! The server in this process, with a data folder and a database of its own.

use std::{
    collections::BTreeMap,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::Once,
    time::Duration,
};

use server::{Config, ProcessRole, commands, rooms::Rooms};
use tempfile::TempDir;
use tokio::{sync::oneshot, task::JoinHandle};

use crate::Client;

/// What differs from the settings of an ordinary test: no sandbox, no local model, high limits.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Further settings, such as `("NODELOOM_LIMITS__API_PER_MINUTE", "5")`; they win.
    pub variables: Vec<(&'static str, String)>,
    /// `postgres://…`; SQLite in the data folder when absent.
    pub postgres: Option<String>,
}

impl Settings {
    /// Adds a setting.
    #[must_use]
    pub fn set(mut self, name: &'static str, value: impl ToString) -> Self {
        self.variables.push((name, value.to_string()));
        self
    }
    /// The small chat model and the sandbox, as `make run` sets them.
    ///
    /// # Panics
    /// When the model is not there.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "where the Makefile put the model")]
    pub fn with_everything(self) -> Self {
        let model = std::env::var("NODELOOM_TEST_CHAT_MODEL").map_or_else(|_| default_model(), PathBuf::from);
        assert!(model.is_file(), "the chat model is not at {}: run `make model`", model.display());
        self.set("NODELOOM_SANDBOX__ENABLED", true).set("NODELOOM_MODELS__LOCAL_CHAT", model.display())
    }
    fn config(&self, folder: &Path, port: u16) -> Config {
        let mut variables = BTreeMap::from(
            [
                ("NODELOOM_SERVER__LISTEN", format!("127.0.0.1:{port}")),
                ("NODELOOM_SERVER__PUBLIC_URL", format!("https://localhost:{port}")),
                ("NODELOOM_DATA__FOLDER", folder.display().to_string()),
                ("NODELOOM_DEMO__INSTALL", "true".to_owned()),
                ("NODELOOM_SANDBOX__ENABLED", "false".to_owned()),
                ("NODELOOM_LIMITS__API_PER_MINUTE", "100000".to_owned()),
                ("NODELOOM_LIMITS__ADDRESS_PER_MINUTE", "100000".to_owned()),
                ("NODELOOM_LIMITS__AUTHENTICATION_PER_MINUTE", "1000".to_owned()),
                ("NODELOOM_LIMITS__RESEND_PER_MINUTE", "1000".to_owned()),
                ("NODELOOM_LIMITS__WEBHOOK_PER_MINUTE", "100000".to_owned()),
                ("NODELOOM_SECURITY__BCRYPT_COST", "10".to_owned()),
                ("NODELOOM_AUDIT__WITNESSES", WITNESS.to_owned()),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        if let Some(url) = &self.postgres {
            variables.insert("NODELOOM_DATABASE__URL".to_owned(), url.clone());
        }
        variables.extend(self.variables.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        Config::from_parts("", Path::new("(test)"), &variables).unwrap()
    }
}

/// The key of a witness whose seed is 32 times 33.
const WITNESS: &str = "witness.test/one+bd3bdcf5+BIhLiFf06qFhPGFQTbNNS+rzRlF6DjHePN3U2bQgHZ0L";

fn default_model() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.make/models/SmolLM2-135M-Instruct.Q4_1.gguf")
}

/// A running server, and its demo team's own key.
pub struct Server {
    /// What the server is made of, to look behind the API where a test must.
    pub rooms: Rooms,
    pub address: SocketAddr,
    /// Asks as the demo team's admin (the command line's service account), in development.
    pub client: Client,
    settings: Settings,
    folder: TempDir,
    serving: JoinHandle<Result<(), commands::Error>>,
}

impl Server {
    /// On SQLite, with ordinary settings.
    pub async fn start() -> Self {
        Self::with(Settings::default()).await
    }

    /// With settings.
    pub async fn with(settings: Settings) -> Self {
        Self::on(settings, TempDir::new().unwrap()).await
    }

    /// With a data folder that may have been used before.
    pub async fn on(settings: Settings, folder: TempDir) -> Self {
        provide();
        let mut tries = 0;
        loop {
            // Another process may take the port before the server does: then the next one is tried.
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let rooms = server::open_rooms(settings.config(folder.path(), port), ProcessRole::Server).await.unwrap();
            let (ready, address) = oneshot::channel();
            let serving = tokio::spawn(commands::serve_rooms(rooms.clone(), |address| ready.send(address).unwrap()));
            match address.await {
                Ok(address) => {
                    let client = Client::from_profile(&folder.path().join("cli.toml"), address);
                    return Self { rooms, address, client, settings, folder, serving };
                }
                Err(_) => {
                    tries += 1;
                    let error = serving.await.unwrap();
                    assert!(tries < 5, "the server did not start: {error:?}");
                }
            }
        }
    }

    /// Why a server with these settings does not start on this folder.
    ///
    /// # Panics
    /// When it does start.
    pub async fn refused(settings: Settings, folder: &Path) -> String {
        provide();
        match server::open_rooms(settings.config(folder, 0), ProcessRole::Server).await {
            Ok(_) => panic!("it started"),
            Err(error) => {
                let mut said = error.to_string();
                let mut cause = std::error::Error::source(&error);
                while let Some(error) = cause {
                    said.push_str(&format!(": {error}"));
                    cause = error.source();
                }
                said
            }
        }
    }

    /// The private data folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
    /// `https://localhost:<port>`, which is also the server's own origin.
    pub fn url(&self) -> String {
        self.rooms.config.server.public_url.clone()
    }
    pub fn is_postgres(&self) -> bool {
        self.settings.postgres.is_some()
    }

    /// Whether it still answers, which every hostile request is followed by.
    pub async fn assert_alive(&self) {
        assert_eq!(self.client.get("/healthz").await.status, 200);
        assert_eq!(self.client.get("/readyz").await.status, 200);
        assert_eq!(self.client.get("workflows?limit=1").await.status, 200);
    }

    /// Ends it as SIGTERM does; gives back what a next start on the same data needs.
    pub async fn stop(self) -> (Settings, TempDir) {
        self.rooms.shutdown.cancel();
        tokio::time::timeout(Duration::from_secs(60), self.serving).await.expect("it ends").unwrap().unwrap();
        (self.settings, self.folder)
    }
}

/// rustls wants to be told, once a process.
fn provide() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| drop(rustls::crypto::aws_lc_rs::default_provider().install_default()));
}

/// Runs a test's body against a server on SQLite and one on PostgreSQL.
pub async fn on_both(body: impl AsyncFn(&Server)) {
    on_sqlite(&body).await;
    on_postgres(&body).await;
}

/// Runs a test's body against a server on SQLite.
pub async fn on_sqlite(body: impl AsyncFn(&Server)) {
    eprintln!("on SQLite");
    let server = Server::start().await;
    body(&server).await;
    server.stop().await;
}

/// Runs a test's body against a server on a PostgreSQL database of its own.
pub async fn on_postgres(body: impl AsyncFn(&Server)) {
    eprintln!("on PostgreSQL");
    let url = postgres_url().await;
    let server = Server::with(Settings { postgres: Some(url.clone()), ..Settings::default() }).await;
    body(&server).await;
    server.stop().await;
    harness::servers::drop_database(&url);
}

/// A new, migrated database.
pub async fn postgres_url() -> String {
    let ground = harness::postgres_database().await;
    ground.store.close().await;
    match &ground.config.location {
        store::Location::Postgres(url) => url.expose().clone(),
        _ => unreachable!("the harness was asked for PostgreSQL"),
    }
}
