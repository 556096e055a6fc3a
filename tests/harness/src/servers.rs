//! A private PostgreSQL and a private Redis: started once, found by everyone, never reachable from other machines.

use std::{
    env, fs,
    fs::File,
    io::Write,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use sha2::{Digest, Sha256};

use crate::engine;

const POSTGRES: &str = "NODELOOM_TEST_POSTGRES";
const REDIS: &str = "NODELOOM_TEST_REDIS";
/// A server that was started without `harness start` is stopped after so many minutes without a test.
const IDLE_MINUTES: u32 = 10;

/// The PostgreSQL server's address, `postgres://nodeloom@localhost/postgres?host=<socket folder>&port=<n>`.
pub fn postgres() -> String {
    match env::var(POSTGRES) {
        Ok(url) if !url.is_empty() => url,
        _ => locked("postgres", || {
            touch();
            start_postgres()
        }),
    }
}

/// The Redis server's address, `redis://127.0.0.1:<port>`.
pub fn redis() -> String {
    match env::var(REDIS) {
        Ok(url) if !url.is_empty() => url,
        _ => locked("redis", || {
            touch();
            start_redis()
        }),
    }
}

/// Starts both, and a Docker engine where one can be had, and answers with the lines that a shell evaluates.
pub fn start() -> String {
    let postgres = locked("postgres", start_postgres);
    let redis = locked("redis", start_redis);
    let engine = match engine::start() {
        Ok(socket) => format!("\nexport {}='{}'", engine::DOCKER, socket.display()),
        Err(why) => {
            eprintln!("== the sandbox's tests under Docker are SKIPPED: {why}");
            String::new()
        }
    };
    format!("export {POSTGRES}='{postgres}'\nexport {REDIS}='{redis}'{engine}")
}

/// Stops them and removes their data.
pub fn stop() {
    engine::stop();
    locked("postgres", || {
        halt(&home().join("pg"));
        _ = fs::remove_dir_all(home().join("pg"));
    });
    locked("redis", || {
        if let Ok(pid) = fs::read_to_string(home().join("redis.pid")) {
            _ = Command::new("kill").arg(pid.trim()).output();
        }
        _ = fs::remove_file(home().join("redis.pid"));
        _ = fs::remove_file(home().join("redis.url"));
    });
}

/// Where the servers of this checkout keep their things.
pub(crate) fn home() -> PathBuf {
    let name = hex::encode(&Sha256::digest(env!("CARGO_MANIFEST_DIR"))[..4]);
    let home = env::temp_dir().join(format!("nodeloom-harness-{name}"));
    fs::create_dir_all(&home).unwrap();
    _ = fs::set_permissions(&home, fs::Permissions::from_mode(0o711));
    home
}

/// Does something while no other process of this checkout does the same.
pub fn locked<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let lock = File::create(home().join(format!("{what}.lock"))).unwrap();
    lock.lock().unwrap();
    work()
}

fn touch() {
    _ = File::create(home().join("used")).and_then(|mut file| file.write_all(b"."));
}

fn tool(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<_> =
        versions.map(|version| version.path().join("bin").join(name)).filter(|p| p.exists()).collect();
    found.sort();
    found.pop().unwrap_or_else(|| panic!("PostgreSQL is not installed: apt-get install postgresql"))
}

pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0)
}

/// PostgreSQL refuses to be root.
fn as_postgres(program: &Path) -> Command {
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.stdin(Stdio::null()).current_dir("/");
    command
}

fn succeed(mut command: Command, what: &str) {
    // The server inherits these, so they must not be pipes that somebody waits for.
    let log = home().join("start.log");
    let out = File::options().create(true).append(true).open(&log).unwrap();
    let status = command.stdout(out.try_clone().unwrap()).stderr(out).status();
    assert!(status.is_ok_and(|s| s.success()), "{what} failed: {}", fs::read_to_string(&log).unwrap_or_default());
}

fn start_postgres() -> String {
    let folder = home().join("pg");
    let url = address(&folder);
    if ask_or(&url, "SELECT 1").as_deref() == Some("1") {
        return url;
    }
    halt(&folder);
    _ = fs::remove_dir_all(&folder);
    make(&folder);
    launch(&folder);
    watch(&format!(
        "{}{} stop -m immediate -D {}; rm -rf {}",
        if is_root() { "setpriv --reuid=postgres --regid=postgres --clear-groups " } else { "" },
        tool("pg_ctl").display(),
        folder.join("data").display(),
        folder.display()
    ));
    url
}

fn address(folder: &Path) -> String {
    format!("postgres://nodeloom@localhost/postgres?host={}", folder.display())
}

fn make(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).unwrap();
    if is_root() {
        let mut chown = Command::new("chown");
        chown.arg("postgres:postgres").arg(folder);
        succeed(chown, "chown");
    }
    let mut initdb = as_postgres(&tool("initdb"));
    initdb.args(["-U", "nodeloom", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]);
    initdb.arg("-D").arg(folder.join("data"));
    succeed(initdb, "initdb");
}

fn launch(folder: &Path) {
    // Tests kill processes, not machines: what was written survives without fsync.
    let options = format!(
        "-c listen_addresses= -k {} -c fsync=off -c full_page_writes=off \
         -c max_connections=300 -c shared_buffers=64MB -c max_wal_size=256MB",
        folder.display()
    );
    let mut start = as_postgres(&tool("pg_ctl"));
    start.args(["start", "-w", "-t", "60", "-D"]).arg(folder.join("data"));
    start.arg("-l").arg(folder.join("log")).arg("-o").arg(options);
    succeed(start, "starting PostgreSQL");
}

fn halt(folder: &Path) {
    let data = folder.join("data");
    if data.exists() {
        _ = as_postgres(&tool("pg_ctl")).args(["stop", "-m", "immediate", "-D"]).arg(data).output();
    }
}

/// A PostgreSQL server of the test's own, to be stopped and started in its middle. Gone with the value.
#[derive(Debug)]
pub struct OwnPostgres {
    folder: PathBuf,
}

impl OwnPostgres {
    /// Starts one under a name that no other test uses.
    pub fn start(name: &str) -> Self {
        let folder = home().join(format!("own-{name}-{}", std::process::id()));
        make(&folder);
        launch(&folder);
        Self { folder }
    }
    pub fn url(&self) -> String {
        address(&self.folder)
    }
    /// As if its process were killed.
    pub fn halt(&self) {
        halt(&self.folder);
    }
    pub fn resume(&self) {
        launch(&self.folder);
    }
}
impl Drop for OwnPostgres {
    fn drop(&mut self) {
        halt(&self.folder);
        _ = fs::remove_dir_all(&self.folder);
    }
}

fn start_redis() -> String {
    let (pid, address) = (home().join("redis.pid"), home().join("redis.url"));
    if let (Ok(id), Ok(url)) = (fs::read_to_string(&pid), fs::read_to_string(&address))
        && Path::new("/proc").join(id.trim()).exists()
    {
        return url;
    }
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let mut server = Command::new("redis-server");
    server.args(["--bind", "127.0.0.1", "--port", &port, "--save", "", "--appendonly", "no", "--daemonize", "yes"]);
    server.arg("--dir").arg(home()).arg("--pidfile").arg(&pid);
    succeed(server, "starting Redis (apt-get install redis-server)");
    for _ in 0..100 {
        if std::net::TcpStream::connect(format!("127.0.0.1:{port}")).is_ok() && pid.exists() {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let url = format!("redis://127.0.0.1:{port}");
    fs::write(&address, &url).unwrap();
    watch(&format!("kill $(cat {}); rm -f {} {}", pid.display(), pid.display(), address.display()));
    url
}

/// Runs `stop` once no test has come for [`IDLE_MINUTES`]. A server that `harness start` made is watched as well, in
/// case nobody calls `harness stop`: it lives as long as tests come.
fn watch(stop: &str) {
    touch();
    let used = home().join("used");
    let there = format!("[ -e {0}/pg/data -o -e {0}/redis.pid ]", home().display());
    let fresh = format!("[ -n \"$(find {} -mmin -{IDLE_MINUTES})\" ]", used.display());
    let script = format!("while {there} && {fresh}; do sleep 20; done; {there} && {{ {stop}; }}");
    let watcher = Command::new("setsid")
        .args(["sh", "-c", &script])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    drop(watcher);
}

/// The address of another database of the same server.
pub fn database(server: &str, name: &str) -> String {
    let (path, query) = server.split_once('?').unwrap_or((server, ""));
    let base = path.rsplit_once('/').map_or(path, |(base, _)| base);
    format!("{base}/{name}?{query}")
}

/// Asks the server something and panics when it refuses.
pub fn ask(server: &str, sql: &str) -> String {
    let output = psql(server, sql);
    assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn ask_or(server: &str, sql: &str) -> Option<String> {
    let output = psql(server, sql);
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn psql(server: &str, sql: &str) -> std::process::Output {
    let mut command = Command::new(tool("psql"));
    command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql, server]).stdin(Stdio::null());
    touch();
    command.output().unwrap()
}

/// Removes a test's database.
pub fn drop_database(url: &str) {
    let server = postgres();
    if let Some(name) = url.split('?').next().and_then(|path| path.rsplit('/').next()) {
        ask(&server, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
    }
}
