//! Ten thousand runs one after the other and five hundred at once; then what they left is counted, which must be nothing:
//! `cargo run --release -p sandbox --example sandbox_soak -- [IN A ROW] [AT ONCE]`. Ends with 1 when something is left.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a measuring program")]

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use domain::{Clock, Timestamp};
use sandbox::{Sandbox, SandboxConfig, Spec};
use serde_json::json;

/// What a run could leave.
#[derive(Debug, PartialEq, Eq)]
struct Counts {
    descriptors: usize,
    children: usize,
    mounts: usize,
    control_groups: usize,
    shared_files: usize,
}

impl Counts {
    fn now() -> Self {
        let me = std::process::id().to_string();
        let children = fs::read_dir("/proc").unwrap().flatten().filter(|entry| {
            let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
            stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)) == Some(me.as_str())
        });
        Self {
            descriptors: fs::read_dir("/proc/self/fd").unwrap().count(),
            children: children.count(),
            mounts: fs::read_to_string("/proc/self/mountinfo").unwrap().lines().count(),
            control_groups: groups(Path::new("/sys/fs/cgroup"), &format!("nodeloom-{me}-"), 0),
            shared_files: fs::read_dir("/dev/shm").map_or(0, Iterator::count),
        }
    }
}

fn groups(at: &Path, name: &str, depth: usize) -> usize {
    let directories = fs::read_dir(at).into_iter().flatten().flatten();
    let directories = directories.filter(|entry| depth < 6 && entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let count = |entry: fs::DirEntry| {
        usize::from(entry.file_name().to_string_lossy().starts_with(name)) + groups(&entry.path(), name, depth + 1)
    };
    directories.map(count).sum()
}

async fn start() -> Sandbox {
    let config = SandboxConfig { max_concurrent: 100, max_wait: Duration::from_secs(300), ..SandboxConfig::default() };
    Sandbox::start(config, Clock::new(|| Timestamp::from_micros(0))).await.unwrap()
}

async fn run(sandbox: Sandbox, n: usize) {
    assert_eq!(sandbox.run(Spec::javascript("return input", json!(n))).await.unwrap().result, Ok(json!(n)));
}

#[tokio::main]
async fn main() {
    let number = |nth: usize, usual: usize| std::env::args().nth(nth).and_then(|n| n.parse().ok()).unwrap_or(usual);
    let (in_a_row, at_once) = (number(1, 10_000), number(2, 500));
    // what this program itself opens once is open before it counts
    run(start().await, 0).await;
    let before = Counts::now();
    let sandbox = start().await;
    let at = Instant::now();
    for n in 0..in_a_row {
        run(sandbox.clone(), n).await;
    }
    println!("{in_a_row} in a row took {:.1?}; while the pool waits: {:?}", at.elapsed(), Counts::now());
    let at = Instant::now();
    let mut all = tokio::task::JoinSet::new();
    (0..at_once).for_each(|n| drop(all.spawn(run(sandbox.clone(), n))));
    while let Some(done) = all.join_next().await {
        done.unwrap();
    }
    println!("{at_once} at once took {:.1?}", at.elapsed());
    drop(sandbox);
    let until = Instant::now() + Duration::from_secs(30);
    let mut now = Counts::now();
    while now != before && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(50)).await;
        now = Counts::now();
    }
    println!("before {before:?}\nafter  {now:?}");
    println!("{}", if now == before { "nothing is left" } else { "SOMETHING IS LEFT" });
    std::process::exit(i32::from(now != before));
}
