//! A private Docker engine for the sandbox's tests: its own data, its own socket, no network and no rule in the firewall.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::servers::{home, is_root, locked};

/// The variable that names its socket; without it, the tests under Docker say that they are skipped.
pub const DOCKER: &str = "NODELOOM_TEST_DOCKER";

fn folder() -> PathBuf {
    home().join("docker")
}

fn pid() -> Option<u32> {
    let pid = fs::read_to_string(folder().join("pid")).ok()?.trim().parse().ok()?;
    Path::new("/proc").join(format!("{pid}")).exists().then_some(pid)
}

/// Its socket, or why there is none on this machine.
pub fn start() -> Result<PathBuf, String> {
    locked("docker", || {
        let socket = folder().join("docker.sock");
        if pid().is_some() && socket.exists() {
            return Ok(socket);
        }
        let places = ["/usr/sbin/dockerd", "/usr/bin/dockerd", "/usr/local/bin/dockerd"];
        let engine = places.iter().find(|at| Path::new(at).is_file()).ok_or("dockerd is not installed")?;
        if !is_root() {
            return Err("only root can start a Docker engine".into());
        }
        clear();
        fs::create_dir_all(folder()).map_err(|error| error.to_string())?;
        let at = |name: &str| folder().join(name).display().to_string();
        let log = fs::File::create(folder().join("log")).map_err(|error| error.to_string())?;
        let errors = log.try_clone().map_err(|error| error.to_string())?;
        let mut daemon = Command::new("setsid")
            .args([engine, "--iptables=false", "--ip6tables=false", "--bridge=none"])
            .arg(format!("--data-root={}", at("data")))
            .arg(format!("--exec-root={}", at("exec")))
            .arg(format!("--pidfile={}", at("pid")))
            .arg(format!("--host=unix://{}", socket.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::from(log))
            .stderr(Stdio::from(errors))
            .spawn()
            .map_err(|error| error.to_string())?;
        let until = Instant::now() + Duration::from_secs(60);
        while !answers(&socket) {
            if daemon.try_wait().is_ok_and(|ended| ended.is_some()) || Instant::now() > until {
                halt();
                let said = fs::read_to_string(folder().join("log")).unwrap_or_default();
                let last = said.lines().last().unwrap_or("it said nothing").to_owned();
                return Err(format!("dockerd does not start: {last}"));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(socket)
    })
}

/// Stops it and removes its data.
pub fn stop() {
    locked("docker", || {
        halt();
        clear();
    });
}

fn halt() {
    let Some(pid) = pid() else { return };
    _ = Command::new("kill").arg(pid.to_string()).output();
    let until = Instant::now() + Duration::from_secs(30);
    while self::pid().is_some() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// What it had mounted goes before its folder does.
fn clear() {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let own = folder().display().to_string();
    for at in mounts.lines().rev().filter_map(|line| line.split(' ').nth(1)).filter(|at| at.starts_with(&own)) {
        _ = Command::new("umount").args(["-l", at]).output();
    }
    _ = fs::remove_dir_all(folder());
}

fn answers(socket: &Path) -> bool {
    use std::io::{Read, Write};
    let Ok(mut engine) = std::os::unix::net::UnixStream::connect(socket) else { return false };
    _ = engine.set_read_timeout(Some(Duration::from_secs(5)));
    let mut answer = [0; 15];
    engine.write_all(b"GET /_ping HTTP/1.0\r\nHost: engine\r\n\r\n").is_ok()
        && engine.read_exact(&mut answer).is_ok()
        && answer.ends_with(b" 200 OK")
}
