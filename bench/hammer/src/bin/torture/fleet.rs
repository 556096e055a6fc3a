//! The processes under torture: a server, and on PostgreSQL some workers beside it.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use hammer::client::{Connection, Error, tls};
use http::Method;
use serde_json::Value;
use tempfile::TempDir;

use crate::Options;

pub struct Fleet {
    options: Options,
    folder: TempDir,
    listen: SocketAddr,
    receiver: SocketAddr,
    processes: Vec<Option<Child>>,
}

impl Fleet {
    pub fn start(options: &Options, receiver: SocketAddr) -> Result<Self, Error> {
        let folder = TempDir::with_prefix("nodeloom-torture-")?;
        // A free port: bound once to learn its number, then left to the server.
        let listen = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let count = if options.postgres.is_some() { 1 + options.workers } else { 1 };
        let mut fleet =
            Self { options: options.clone(), folder, listen, receiver, processes: (0..count).map(|_| None).collect() };
        fleet.restart(0)?;
        Ok(fleet)
    }

    pub fn len(&self) -> usize {
        self.processes.len()
    }

    fn command(&self, words: &[&str]) -> Result<Command, Error> {
        #[allow(clippy::disallowed_methods, reason = "the torture starts the processes that it kills")]
        let mut command = Command::new(&self.options.binary);
        let log = fs::File::options().create(true).append(true).open(self.folder.path().join("log"))?;
        command
            .args(words)
            .env("NODELOOM_SERVER__LISTEN", self.listen.to_string())
            .env("NODELOOM_SERVER__PUBLIC_URL", format!("https://localhost:{}", self.listen.port()))
            .env("NODELOOM_DATA__FOLDER", self.data())
            .env("NODELOOM_DEMO__INSTALL", "true")
            .env("NODELOOM_SANDBOX__ENABLED", "false")
            .env("NODELOOM_EGRESS__ALLOW_PRIVATE", self.receiver.to_string())
            .env("NODELOOM_ENGINE__LEASE_SECONDS", "5")
            .env("NODELOOM_LIMITS__WEBHOOK_PER_MINUTE", "10000000")
            .env("NODELOOM_LIMITS__ADDRESS_PER_MINUTE", "10000000")
            .env("NODELOOM_LIMITS__API_PER_MINUTE", "10000000")
            .env("NODELOOM_LOG__LEVEL", "warn")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        if let Some(url) = &self.options.postgres {
            command
                .env("NODELOOM_DATABASE__URL", url)
                .env("NODELOOM_ENGINE__WORKERS", if words == ["serve"] { "0" } else { "64" });
        }
        Ok(command)
    }

    pub fn restart(&mut self, index: usize) -> Result<(), Error> {
        let words: &[&str] = if index == 0 { &["serve"] } else { &["worker"] };
        self.processes[index] = Some(self.command(words)?.spawn()?);
        Ok(())
    }

    /// SIGKILL.
    pub fn kill(&mut self, index: usize) -> Result<(), Error> {
        if let Some(mut child) = self.processes[index].take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }
    pub const fn address(&self) -> SocketAddr {
        self.listen
    }
    pub fn tls(&self) -> Result<tokio_rustls::TlsConnector, Error> {
        tls(&self.data().join("ca.pem"))
    }
    fn profile(&self) -> Result<toml::Table, Error> {
        Ok(fs::read_to_string(self.data().join("cli.toml"))?.parse()?)
    }

    /// A connection that may call the API.
    pub async fn api(&self) -> Result<Connection, Error> {
        let key = self.profile()?["api_key"].as_str().unwrap_or_default().to_owned();
        Connection::open(self.listen, &self.tls()?, Some(key)).await
    }

    /// GETs below the team's production environment.
    pub async fn get(&self, connection: &mut Connection, path: &str) -> Result<Value, Error> {
        let team = self.profile()?["team"].as_str().unwrap_or_default().to_owned();
        let (status, body) =
            connection.ask(Method::GET, &format!("/api/v1/teams/{team}/production{path}"), String::new()).await?;
        if !status.is_success() {
            return Err(format!("GET {path}: {status} {}", String::from_utf8_lossy(&body)).into());
        }
        Ok(serde_json::from_slice(&body)?)
    }

    pub async fn wait_until_ready(&mut self) -> Result<(), Error> {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let ready = async {
                let mut connection = Connection::open(self.listen, &self.tls()?, None).await?;
                let (status, _) = connection.ask(Method::GET, "/readyz", String::new()).await?;
                if status.is_success() { Ok(()) } else { Err(Error::from(format!("readyz: {status}"))) }
            }
            .await;
            match ready {
                Ok(()) => break,
                Err(error) if Instant::now() > until => {
                    let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                    return Err(format!(
                        "the server did not become ready: {error}\n{}",
                        &log[log.len().saturating_sub(2000)..]
                    )
                    .into());
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
        // Workers start once the server has made the keys that they share.
        for index in 1..self.processes.len() {
            if self.processes[index].is_none() {
                self.restart(index)?;
            }
        }
        Ok(())
    }

    /// Imports and publishes a workflow with the command line, as a person would.
    pub fn install(&self, definition: &Value) -> Result<(), Error> {
        let file = self.folder.path().join("workflow.json");
        fs::write(&file, definition.to_string())?;
        self.cli(&[
            "workflow",
            "import",
            "--publish",
            "-e",
            "production",
            "--profile",
            &self.data().join("cli.toml").to_string_lossy(),
            &file.to_string_lossy(),
        ])
        .and_then(|good| if good { Ok(()) } else { Err("the workflow was not accepted; see the log".into()) })
    }

    pub fn verify_audit(&self) -> Result<bool, Error> {
        self.cli(&["audit", "verify"])
    }

    fn cli(&self, words: &[&str]) -> Result<bool, Error> {
        let output = self.command(words)?.stdout(Stdio::piped()).stderr(Stdio::piped()).output()?;
        if !output.status.success() {
            eprintln!(
                "nodeloom {}: {}{}",
                words.join(" "),
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(output.status.success())
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for index in 0..self.processes.len() {
            let _ = self.kill(index);
        }
    }
}
