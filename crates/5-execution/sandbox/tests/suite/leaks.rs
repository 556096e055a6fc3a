//! R124: nothing is left, after one run, after a thousand, after two hundred at once, and after a killed server.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use super::common::{BACKEND, HOSTILE, config, is_native, javascript, limits, shell, start, start_with};
use sandbox::{SandboxConfig, Spec};
use serde_json::json;

/// What a run could leave on this machine.
#[derive(Debug, PartialEq, Eq)]
struct Traces {
    descriptors: usize,
    children: usize,
    mounts: usize,
    groups: BTreeSet<PathBuf>,
    shared: BTreeSet<PathBuf>,
    /// Containers that an engine knows, and bundles for a runtime.
    engine: usize,
}

impl Traces {
    fn now() -> Self {
        let me = std::process::id();
        let list = |at: &str| -> BTreeSet<PathBuf> {
            fs::read_dir(at).map(|entries| entries.flatten().map(|e| e.path()).collect()).unwrap_or_default()
        };
        Self {
            descriptors: fs::read_dir("/proc/self/fd").unwrap().count(),
            children: descendants(me),
            mounts: fs::read_to_string("/proc/self/mountinfo").unwrap().lines().count(),
            groups: own_groups(me),
            // bundles of other processes come and go beside this one
            shared: list("/dev/shm")
                .into_iter()
                .filter(|path: &PathBuf| {
                    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                    !name.starts_with("nodeloom-oci-") || name.starts_with(&format!("nodeloom-oci-{me}-"))
                })
                .collect(),
            engine: engine_containers(me) + bundles(me),
        }
    }
}

/// Processes below `pid`, dead ones that wait to be buried included.
fn descendants(pid: u32) -> usize {
    let parents: Vec<(u32, u32)> = fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| {
            let number: u32 = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
            Some((number, parent))
        })
        .collect();
    let mut family = BTreeSet::from([pid]);
    while let Some((child, _)) =
        parents.iter().find(|(child, parent)| family.contains(parent) && !family.contains(child))
    {
        family.insert(*child);
    }
    family.len() - 1
}

/// Control groups of the server with this number, whichever backend made them.
fn own_groups(server: u32) -> BTreeSet<PathBuf> {
    let below = |name: String| groups(Path::new("/sys/fs/cgroup"), &name, 0);
    below(format!("nodeloom-{server}-")).into_iter().chain(below(format!("nodeloom-oci-{server}-"))).collect()
}

/// Bundles, without the directory that holds those of one server.
fn bundles(server: u32) -> usize {
    let name = format!("nodeloom-oci-{server}-");
    let places = ["/run", "/dev/shm"].map(|at| groups(Path::new(at), &name, 0));
    let all = places.iter().flatten().filter(|path| path.components().count() > 3);
    all.count()
}

/// Containers of the server with this number that the engine still knows, whatever their state.
fn engine_containers(server: u32) -> usize {
    let Some(socket) = std::env::var_os("NODELOOM_TEST_DOCKER").filter(|_| BACKEND == "docker") else { return 0 };
    let mut engine = std::os::unix::net::UnixStream::connect(socket).unwrap();
    let question = "GET /containers/json?all=1 HTTP/1.0\r\nHost: engine\r\n\r\n";
    std::io::Write::write_all(&mut engine, question.as_bytes()).unwrap();
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut engine, &mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.0 200"), "{answer}");
    answer.matches(&format!("] {server} ")).count()
}

fn groups(at: &Path, name: &str, depth: usize) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(at).into_iter().flatten().flatten() {
        if depth < 6 && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if entry.file_name().to_string_lossy().starts_with(name) {
                found.insert(entry.path());
            }
            found.extend(groups(&entry.path(), name, depth + 1));
        }
    }
    found
}

/// Waits for `same` for a while: closing is quick but not instant.
fn eventually(what: &str, mut same: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(40);
    while !same() {
        assert!(Instant::now() < until, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test]
async fn a_thousand_runs_leave_nothing() {
    let before = Traces::now();
    let sandbox = start().await;
    for n in 0..if is_native() { 50 } else { 5 } {
        assert_eq!(javascript(&sandbox, "return input", json!(n)).await, Ok(json!(n)));
    }
    let warm = Traces::now();
    for n in 0..if is_native() { 1000 } else { 50 } {
        assert_eq!(javascript(&sandbox, "return input", json!(n)).await, Ok(json!(n)));
        if n % 25 == 0 {
            shell(&sandbox, "sleep 60 & exit 0", limits()).await;
        }
    }
    // one launcher for programs more than before, at most
    let after = Traces::now();
    assert!(after.children <= warm.children + 1, "{warm:?} {after:?}");
    assert!(after.descriptors <= warm.descriptors + 8, "{warm:?} {after:?}");
    // An engine's mounts, and those of the test before, go away a moment after their containers.
    assert!(!is_native() || after.mounts <= before.mounts, "{before:?} {after:?}");
    assert_eq!(after.shared, before.shared);
    drop(sandbox);
    eventually("something is left", || {
        let now = Traces::now();
        (now.children, now.groups.len(), &now.shared) == (before.children, 0, &before.shared)
            && now.mounts <= before.mounts
            && now.engine == 0
            && now.descriptors <= before.descriptors + 4
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_at_once_leave_nothing() {
    let before = Traces::now();
    let sandbox = start_with(SandboxConfig { max_concurrent: if is_native() { 50 } else { 12 }, ..config() }).await;
    let mut runs = tokio::task::JoinSet::new();
    for n in 0..if is_native() { 200 } else { 24 } {
        let sandbox = sandbox.clone();
        runs.spawn(async move { javascript(&sandbox, "return input + 1", json!(n)).await == Ok(json!(n + 1)) });
    }
    while let Some(done) = runs.join_next().await {
        assert!(done.unwrap());
    }
    drop(sandbox);
    eventually("something is left", || {
        let now = Traces::now();
        (now.children, now.groups.len(), now.engine) == (before.children, 0, 0) && now.mounts <= before.mounts
    });
}

/// A caller that goes away takes its run with it, and the pool goes on.
#[tokio::test]
async fn a_dropped_call_kills_its_run() {
    let sandbox = start().await;
    for _ in 0..5 {
        let spec = Spec::program("/usr/bin/sleep", ["31338"], sandbox::Root::HostUsr).limits(limits());
        assert!(tokio::time::timeout(Duration::from_millis(100), sandbox.run(spec)).await.is_err());
    }
    // what was dropped is cleared away beside the next calls; an engine may still be busy making it
    let me = std::process::id();
    let mut quiet = 0;
    for _ in 0..800 {
        quiet = if !running("31338") && engine_containers(me) + bundles(me) == 0 { quiet + 1 } else { 0 };
        if quiet == 40 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(quiet, 40, "the run goes on, or is left");
    assert_eq!(javascript(&sandbox, "return 1", json!(null)).await, Ok(json!(1)));
}

/// A launcher that is killed takes its guest with it; the call says so and the next one works.
#[tokio::test]
async fn a_killed_launcher_takes_its_guest_along() {
    if !is_native() {
        return; // it has no launchers
    }
    let sandbox = start().await;
    shell(&sandbox, "exit 0", limits()).await;
    let launchers = sandbox.waiting_launchers();
    let spec = Spec::program("/usr/bin/sleep", ["31339"], sandbox::Root::HostUsr).limits(limits());
    let run = tokio::spawn({
        let sandbox = sandbox.clone();
        async move { sandbox.run(spec).await }
    });
    while !running("31339") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for pid in launchers {
        Command::new("/usr/bin/kill").args(["-9", &pid.to_string()]).status().unwrap();
    }
    assert!(matches!(run.await.unwrap(), Err(sandbox::Error::Broken { .. })));
    eventually("the guest is left", || !running("31339"));
    assert_eq!(javascript(&sandbox, "return 1", json!(null)).await, Ok(json!(1)));
}

fn running(word: &str) -> bool {
    fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        line.split(|b| *b == 0).any(|part| part == word.as_bytes())
    })
}

/// The server killed at any moment: its runs end, and its control groups go.
#[test]
fn a_killed_server_leaves_nothing() {
    let settings = config();
    let beyond = match BACKEND {
        "docker" => settings.docker_socket.display().to_string(),
        _ => settings.oci_runtime.as_ref().map(|path| path.display().to_string()).unwrap_or_default(),
    };
    if !is_native() {
        // says why and ends here when it cannot work on this machine
        tokio::runtime::Runtime::new().unwrap().block_on(start());
    }
    let mut servers = Vec::new();
    for round in if is_native() { 0..20u64 } else { 10..16 } {
        let word = format!("4711{round}{}", std::process::id());
        let mut server = Command::new(&*HOSTILE)
            .args(["--serve", &format!("run-{word}"), settings.backend.name(), &beyond])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let name = format!("nodeloom-{}-", server.id());
        if round < 14 {
            // at some moment of its start
            std::thread::sleep(Duration::from_millis(round * if is_native() { 9 } else { 90 }));
        } else {
            eventually("the run does not start", || running(&word));
        }
        server.kill().unwrap();
        server.wait().unwrap();
        eventually("a run is left", || !running(&word));
        let number = server.id();
        eventually("a control group is left", || own_groups(number).is_empty());
        eventually("a container is running", || engine_running(number) == 0);
        eventually("a launcher is left", || !own_launchers(&name));
        // a runtime that was just started finishes what it began, and then there is nothing more that it could make
        eventually("a runtime is left", || !own_launchers(&format!("nodeloom-oci-{number}-")));
        servers.push(number);
    }
    if !is_native() {
        // whatever was made and not started, a bundle or a container, the next start clears away
        tokio::runtime::Runtime::new().unwrap().block_on(start());
        for number in servers {
            assert_eq!(engine_containers(number) + bundles(number), 0, "server {number}");
        }
    }
}

/// The same at forty moments that nobody chose, while the server makes, runs and clears away many containers at once.
#[test]
fn a_server_killed_at_any_moment_of_its_work_leaves_nothing() {
    let settings = config();
    let beyond = match BACKEND {
        "docker" => settings.docker_socket.display().to_string(),
        _ => settings.oci_runtime.as_ref().map(|path| path.display().to_string()).unwrap_or_default(),
    };
    if !is_native() {
        tokio::runtime::Runtime::new().unwrap().block_on(start());
    }
    let before = Traces::now();
    let seed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64;
    let (mut random, mut servers) = (seed | 1, Vec::new());
    for round in 0..if is_native() { 40 } else { 6 } {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let moment = Duration::from_micros((random >> 33) % if is_native() { 600_000 } else { 5_000_000 });
        let word = format!("4712{round}{}", std::process::id());
        let mut server = Command::new(&*HOSTILE)
            .args(["--serve-busily", &format!("run-{word}"), settings.backend.name(), &beyond])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let number = server.id();
        std::thread::sleep(moment);
        server.kill().unwrap();
        server.wait().unwrap();
        let what = |left: &str| format!("{left} is left, killed after {moment:?} (seed {seed}, round {round})");
        eventually(&what("a run"), || !running(&word));
        eventually(&what("a control group"), || own_groups(number).is_empty());
        eventually(&what("a container that runs"), || engine_running(number) == 0);
        eventually(&what("a launcher"), || !own_launchers(&format!("nodeloom-{number}-")));
        eventually(&what("a runtime"), || !own_launchers(&format!("nodeloom-oci-{number}-")));
        servers.push(number);
    }
    if !is_native() {
        tokio::runtime::Runtime::new().unwrap().block_on(start());
        for number in servers {
            assert_eq!(engine_containers(number) + bundles(number), 0, "server {number}, seed {seed}");
        }
    }
    // An engine takes a container's mounts away a moment after the container.
    eventually(&format!("a mount or shared memory is left, seed {seed}"), || {
        let now = Traces::now();
        now.mounts <= before.mounts && now.shared.is_subset(&before.shared)
    });
}

/// A server whose janitor is killed with it: what is left then are empty groups, and the next start removes them.
#[test]
fn what_a_killed_janitor_left_is_swept_at_the_next_start() {
    if !is_native() {
        return; // it has none
    }
    let word = format!("4713{}", std::process::id());
    let mut server = Command::new(&*HOSTILE)
        .args(["--serve", &format!("run-{word}"), "native", ""])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    eventually("the run does not start", || running(&word));
    let name = format!("nodeloom-{}-", server.id());
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        if line.contains("janitor") && line.contains(&name) {
            let pid = entry.file_name().into_string().unwrap();
            Command::new("/usr/bin/kill").args(["-9", &pid]).status().unwrap();
        }
    }
    server.kill().unwrap();
    server.wait().unwrap();
    eventually("a run is left", || !running(&word));
    eventually("a launcher is left", || !own_launchers(&name));
    tokio::runtime::Runtime::new().unwrap().block_on(start());
    assert_eq!(own_groups(server.id()), BTreeSet::new());
}

/// Containers of the server with this number in which something runs. One that was made and never started is removed by
/// the next server's start.
fn engine_running(server: u32) -> usize {
    let Some(socket) = std::env::var_os("NODELOOM_TEST_DOCKER").filter(|_| BACKEND == "docker") else { return 0 };
    let mut engine = std::os::unix::net::UnixStream::connect(socket).unwrap();
    let question = "GET /containers/json HTTP/1.0\r\nHost: engine\r\n\r\n";
    std::io::Write::write_all(&mut engine, question.as_bytes()).unwrap();
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut engine, &mut answer).unwrap();
    answer.matches(&format!("] {server} ")).count()
}

/// Whether a launcher or janitor that belongs to the groups `name` is alive.
fn own_launchers(name: &str) -> bool {
    fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        let inside = fs::read_to_string(entry.path().join("cgroup")).unwrap_or_default().contains(name);
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        inside || String::from_utf8_lossy(&line).contains(name)
    })
}
