//! The program as its users have it: the built `nodeloom` in a process of its own, with a data folder of its own.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::disallowed_methods, reason = "these tests start the program and ask it like any client")]

use std::{
    fs,
    io::Write as _,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value as Json;
use tempfile::TempDir;

/// The program next to the tests, `target/debug/<name>`.
pub fn binary(name: &str) -> PathBuf {
    let me = std::env::current_exe().unwrap();
    let found = me.ancestors().skip(1).map(|folder| folder.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| {
        panic!("{name} is not built beside {}: run `cargo build -p nodeloom -p hammer` first", me.display())
    })
}

/// A file of the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// What a command said and how it ended.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}
impl Said {
    pub fn json(&self) -> Json {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
    /// Both streams.
    pub fn all(&self) -> String {
        format!("{}{}", self.out, self.err)
    }
}

/// One installation: a data folder and its settings.
pub struct Installation {
    pub folder: TempDir,
    pub data: PathBuf,
    variables: Vec<(String, String)>,
}

impl Installation {
    pub fn new() -> Self {
        let folder = TempDir::with_prefix("nodeloom-journey-").unwrap();
        let data = folder.path().join("data");
        Self::at(folder, data)
    }
    /// With a data folder elsewhere.
    pub fn at(folder: TempDir, data: PathBuf) -> Self {
        let mut installation = Self { folder, data, variables: Vec::new() };
        installation.set("NODELOOM_DATA__FOLDER", &installation.data.display().to_string());
        installation.set("NODELOOM_LOG__LEVEL", "warn");
        installation
    }
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }
    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }
    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }
    pub fn profile(&self) -> String {
        self.data.join("cli.toml").display().to_string()
    }

    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(binary("nodeloom"));
        command.args(words).current_dir(self.folder.path()).stdin(Stdio::null());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("NODELOOM_")) {
            command.env_remove(name);
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }
    pub fn run(&self, words: &[&str]) -> Said {
        finished(self.command(words))
    }
    pub fn run_with(&self, words: &[&str], variables: &[(&str, &str)]) -> Said {
        let mut command = self.command(words);
        command.envs(variables.iter().copied());
        finished(command)
    }
    /// Runs with text on standard input.
    pub fn feed(&self, words: &[&str], text: &str) -> Said {
        let mut command = self.command(words);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        said(child.wait_with_output().unwrap())
    }

    /// Starts the server with the demo team and waits until it is ready. `through` may start it in another way: it is
    /// given the program and its words.
    pub async fn serve(&mut self) -> Server {
        self.serve_through(&[]).await
    }
    pub async fn serve_through(&mut self, through: &[&str]) -> Server {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        self.set("NODELOOM_SERVER__LISTEN", &format!("127.0.0.1:{port}"));
        self.set("NODELOOM_SERVER__PUBLIC_URL", &format!("https://localhost:{port}"));
        self.set("NODELOOM_DEMO__INSTALL", "true");
        self.set("NODELOOM_LIMITS__WEBHOOK_PER_MINUTE", "1000000");
        self.set("NODELOOM_LIMITS__API_PER_MINUTE", "1000000");
        self.set("NODELOOM_LIMITS__ADDRESS_PER_MINUTE", "1000000");
        let plain = self.command(&["serve"]);
        let mut command = match through.split_first() {
            None => plain,
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(plain.get_program()).args(plain.get_args()).stdin(Stdio::null());
                command.current_dir(self.folder.path());
                for (name, value) in plain.get_envs() {
                    match value {
                        Some(value) => command.env(name, value),
                        None => command.env_remove(name),
                    };
                }
                command
            }
        };
        let log = self.folder.path().join("server.log");
        let file = fs::File::options().create(true).append(true).open(&log).unwrap();
        let child = command.stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap();
        let mut server = Server { child, url: format!("https://localhost:{port}"), log, client: None, profile: None };
        server.connect(&self.data).await;
        server
    }
}

fn finished(mut command: Command) -> Said {
    said(command.output().unwrap())
}
fn said(output: std::process::Output) -> Said {
    Said {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A server in a process of its own; stopped with the value.
pub struct Server {
    child: Child,
    pub url: String,
    log: PathBuf,
    client: Option<reqwest::Client>,
    profile: Option<toml::Table>,
}

impl Server {
    async fn connect(&mut self, data: &Path) {
        _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            self.assert_alive();
            assert!(Instant::now() < deadline, "the server did not become ready: {}", self.log());
            if self.client.is_none()
                && let (Ok(ca), Ok(profile)) =
                    (fs::read(data.join("ca.pem")), fs::read_to_string(data.join("cli.toml")))
                && let (Ok(ca), Ok(profile)) = (reqwest::Certificate::from_pem(&ca), profile.parse())
            {
                let client = reqwest::Client::builder().tls_certs_only([ca]).timeout(Duration::from_secs(70));
                self.client = Some(client.build().unwrap());
                self.profile = Some(profile);
            }
            if self.client.is_some() && self.get("/readyz").await.is_some_and(|answer| answer.0 == 200) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub fn log(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        log[log.len().saturating_sub(4000)..].to_owned()
    }
    pub fn id(&self) -> u32 {
        self.child.id()
    }
    pub fn assert_alive(&mut self) {
        if let Some(status) = self.child.try_wait().unwrap() {
            panic!("the server is gone ({status}): {}", self.log());
        }
    }
    /// SIGTERM, and waits for its end.
    pub fn stop(mut self) {
        _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "the server does not stop: {}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Status and JSON; `None` when there was no answer.
    pub async fn get(&self, path: &str) -> Option<(u16, Json)> {
        self.ask(reqwest::Method::GET, path, None).await
    }
    pub async fn post(&self, path: &str, body: Json) -> Option<(u16, Json)> {
        self.ask(reqwest::Method::POST, path, Some(body)).await
    }
    async fn ask(&self, method: reqwest::Method, path: &str, body: Option<Json>) -> Option<(u16, Json)> {
        let key = self.profile.as_ref()?["api_key"].as_str()?;
        let mut request = self.client.as_ref()?.request(method, format!("{}{path}", self.url));
        if path.starts_with("/api/") {
            request = request.bearer_auth(key);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let answer = request.send().await.ok()?;
        let status = answer.status().as_u16();
        let text = answer.text().await.ok()?;
        Some((status, serde_json::from_str(&text).unwrap_or(Json::String(text))))
    }
    /// The path below the demo team's production.
    pub fn team(&self, rest: &str) -> String {
        let team = self.profile.as_ref().map_or("", |profile| profile["team"].as_str().unwrap());
        format!("/api/v1/teams/{team}/production{rest}")
    }
    /// Makes and publishes a workflow; its id.
    pub async fn install(&self, definition: Json) -> String {
        let made = self.post(&self.team("/workflows"), serde_json::json!({ "definition": definition })).await.unwrap();
        assert_eq!(made.0, 201, "{}", made.1);
        let id = made.1["id"].as_str().unwrap().to_owned();
        let published =
            self.post(&self.team(&format!("/workflows/{id}/publish")), serde_json::json!({})).await.unwrap();
        assert_eq!(published.0, 200, "{}", published.1);
        id
    }
    pub async fn run(&self, run: &str) -> Option<Json> {
        self.get(&self.team(&format!("/runs/{run}"))).await.filter(|(status, _)| *status == 200).map(|(_, run)| run)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Asks again until there is something, for at most `seconds`.
pub async fn eventually<T>(what: &str, seconds: u64, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: not within {seconds} s");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
