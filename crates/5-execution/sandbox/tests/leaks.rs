//! R124: nothing is left, after one run, after a thousand, after two hundred at once, and after a killed server.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests start processes")]

mod common;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use common::{HOSTILE, javascript, limits, shell, start, start_with};
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
}

impl Traces {
    fn now() -> Self {
        let me = std::process::id();
        let list = |at: &str| {
            fs::read_dir(at).map(|entries| entries.flatten().map(|e| e.path()).collect()).unwrap_or_default()
        };
        Self {
            descriptors: fs::read_dir("/proc/self/fd").unwrap().count(),
            children: descendants(me),
            mounts: fs::read_to_string("/proc/self/mountinfo").unwrap().lines().count(),
            groups: groups(Path::new("/sys/fs/cgroup"), &format!("nodeloom-{me}-"), 0),
            shared: list("/dev/shm"),
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
    let until = Instant::now() + Duration::from_secs(15);
    while !same() {
        assert!(Instant::now() < until, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test]
async fn a_thousand_runs_leave_nothing() {
    let before = Traces::now();
    let sandbox = start().await;
    for n in 0..50 {
        assert_eq!(javascript(&sandbox, "return input", json!(n)).await, Ok(json!(n)));
    }
    let warm = Traces::now();
    for n in 0..1000 {
        assert_eq!(javascript(&sandbox, "return input", json!(n)).await, Ok(json!(n)));
        if n % 25 == 0 {
            shell(&sandbox, "sleep 60 & exit 0", limits()).await;
        }
    }
    // one launcher for programs more than before, at most
    let after = Traces::now();
    assert!(after.children <= warm.children + 1, "{warm:?} {after:?}");
    assert!(after.descriptors <= warm.descriptors + 8, "{warm:?} {after:?}");
    assert_eq!((after.mounts, &after.shared), (before.mounts, &before.shared));
    drop(sandbox);
    eventually("something is left", || {
        let now = Traces::now();
        (now.children, now.mounts, now.groups.len(), &now.shared) == (before.children, before.mounts, 0, &before.shared)
            && now.descriptors <= before.descriptors + 4
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_at_once_leave_nothing() {
    let before = Traces::now();
    let sandbox = start_with(SandboxConfig { max_concurrent: 50, ..SandboxConfig::default() }).await;
    let mut runs = tokio::task::JoinSet::new();
    for n in 0..200 {
        let sandbox = sandbox.clone();
        runs.spawn(async move { javascript(&sandbox, "return input + 1", json!(n)).await == Ok(json!(n + 1)) });
    }
    while let Some(done) = runs.join_next().await {
        assert!(done.unwrap());
    }
    drop(sandbox);
    eventually("something is left", || {
        let now = Traces::now();
        (now.children, now.groups.len(), now.mounts) == (before.children, 0, before.mounts)
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
    eventually("the run goes on", || !running("31338"));
    assert_eq!(javascript(&sandbox, "return 1", json!(null)).await, Ok(json!(1)));
}

/// A launcher that is killed takes its guest with it; the call says so and the next one works.
#[tokio::test]
async fn a_killed_launcher_takes_its_guest_along() {
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
    for round in 0..20u64 {
        let word = format!("4711{round}");
        let mut server = Command::new(HOSTILE)
            .args(["--serve", &word])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let name = format!("nodeloom-{}-", server.id());
        if round < 14 {
            // at some moment of its start
            std::thread::sleep(Duration::from_millis(round * 9));
        } else {
            eventually("the run does not start", || running(&word));
        }
        server.kill().unwrap();
        server.wait().unwrap();
        eventually("a run is left", || !running(&word));
        eventually("a control group is left", || groups(Path::new("/sys/fs/cgroup"), &name, 0).is_empty());
        eventually("a launcher is left", || !own_launchers(&name));
    }
}

/// Whether a launcher or janitor that belongs to the groups `name` is alive.
fn own_launchers(name: &str) -> bool {
    fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        let inside = fs::read_to_string(entry.path().join("cgroup")).unwrap_or_default().contains(name);
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        inside || String::from_utf8_lossy(&line).contains(name)
    })
}
