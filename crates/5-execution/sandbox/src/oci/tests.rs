//! Whatever a runtime does, a run ends with an error that names the step, in time, and leaves no process and no bundle.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    time::{Duration, Instant},
};

use super::{Oci, Patience};
use crate::{
    Error, SandboxConfig,
    backend::{Backend, Finished},
    trial::{BOUND, chain, task, until},
};

const SHORT: Patience =
    Patience { run: Duration::from_secs(2), end: Duration::from_millis(500), delete: Duration::from_millis(500) };

/// A program that plays a runtime: `run` and `delete` are lines of a shell script.
fn runtime(name: &str, run: &str, delete: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("nodeloom-runtime-{}-{name}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let script = format!(
        "#!/bin/sh\nfor word; do case $word in\n--version) echo 'runc version 9'; exit 0;;\n\
         run) {run}\nexit;;\ndelete) {delete}\nexit;;\nesac; done\n"
    );
    let path = folder.join("runc");
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

async fn run(path: PathBuf) -> Result<Finished, Error> {
    let config = SandboxConfig { oci_runtime: Some(path), ..SandboxConfig::default() };
    let mut oci = Oci::new(&config)?;
    oci.patience = SHORT;
    let limits = until(Duration::from_millis(300));
    oci.prepare().await?;
    let finished = oci.run(&task(&limits, 1024)).await;
    let left: Vec<_> = fs::read_dir(&oci.base).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with("nodeloom-oci-")), "bundles: {left:?}");
    finished
}

/// Issue 4: a runtime that refuses, dies, babbles, floods, or does nothing at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_failure_of_a_runtime_is_named_and_none_hangs() {
    let (start, keep) = ("sandbox_broken: the sandbox failed at start the container", "keep the guest");
    let hybrid = "cgroups in hybrid mode not supported";
    for (name, line, delete, begins, holds) in [
        ("refuses", format!("echo '{hybrid}' >&2; exit 1"), ":", start, hybrid),
        ("silent", "exit 3".into(), ":", start, "it said nothing"),
        ("well-and-silent", "exit 0".into(), ":", start, "it said nothing"),
        ("killed", "kill -9 $$".into(), ":", start, "it said nothing"),
        ("babbles", "echo hello world, this is no keeper; exec sleep 60".into(), ":", "sandbox_broken", keep),
        ("floods", "yes; exit 0".into(), ":", "sandbox_broken", keep),
        ("complains-for-ever", "yes >&2".into(), ":", "sandbox_broken: the sandbox failed at wait", "timed out"),
        ("hangs", "exec sleep 4711471".into(), ":", "sandbox_broken: the sandbox failed at wait", "timed out"),
        ("hangs-twice", "exec sleep 4711472".into(), "exec sleep 4711473", "sandbox_broken", "timed out"),
        ("child-holds-the-pipe", "sleep 3 & exit 1".into(), ":", "sandbox_broken", ""),
    ] {
        let path = runtime(name, &line, delete);
        let at = Instant::now();
        let said = run(path.clone()).await.err().map_or("it went well".into(), |error| chain(&error));
        assert!(at.elapsed() < BOUND, "{name}: {:?}", at.elapsed());
        assert!(said.starts_with(begins) && said.contains(holds), "{name}: {said}");
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }
    for number in ["4711471", "4711472", "4711473"] {
        assert!(!running(number), "sleep {number} is left");
    }
}

fn running(word: &str) -> bool {
    fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).any(|part| part == word.as_bytes())
    })
}

/// What is no runtime is refused before anything runs.
#[tokio::test]
async fn what_is_no_runtime_is_unavailable() {
    for path in ["/nowhere/runc", "/etc/passwd", "/usr"] {
        let said = run(path.into()).await.err().map(|error| chain(&error)).unwrap_or_default();
        assert!(said.starts_with("sandbox_unavailable: ") && said.contains("no OCI runtime"), "{path}: {said}");
    }
}

/// A call that goes away takes the runtime's process with it, buried and not only killed.
#[tokio::test]
async fn a_dropped_call_leaves_no_process_of_the_runtime() {
    let path = runtime("dropped", "exec sleep 4711474", ":");
    let call = tokio::time::timeout(Duration::from_secs(1), run(path.clone()));
    assert!(call.await.is_err());
    let until = Instant::now() + BOUND;
    let children = || {
        let me = std::process::id().to_string();
        let parent = |entry: fs::DirEntry| {
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            let (head, rest) = stat.rsplit_once(')')?;
            (rest.split_whitespace().nth(1)? == me).then(|| head.to_owned())
        };
        fs::read_dir("/proc").unwrap().flatten().filter_map(parent).filter(|name| name.contains("(sleep")).count()
    };
    while running("4711474") || children() > 0 {
        assert!(Instant::now() < until, "the runtime's process is left");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    fs::remove_dir_all(path.parent().unwrap()).unwrap();
}
