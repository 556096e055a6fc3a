//! Ten thousand runs one after the other and five hundred at once; then what they left is counted, which must be nothing:
//! `cargo run --release -p sandbox --example sandbox_soak`.
#![allow(clippy::unwrap_used, reason = "a measuring program")]

use std::fs;

use domain::{Clock, Timestamp};
use sandbox::{Sandbox, SandboxConfig, Spec};
use serde_json::json;

fn counts() -> (usize, usize, usize) {
    let me = std::process::id().to_string();
    let children = fs::read_dir("/proc").unwrap().flatten().filter(|entry| {
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)) == Some(me.as_str())
    });
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap().lines().count();
    (fs::read_dir("/proc/self/fd").unwrap().count(), children.count(), mounts)
}

#[tokio::main]
async fn main() {
    let before = counts();
    let config = SandboxConfig { max_concurrent: 100, ..SandboxConfig::default() };
    let sandbox = Sandbox::start(config, Clock::new(|| Timestamp::from_micros(0))).await.unwrap();
    let run = |n: usize| {
        let sandbox = sandbox.clone();
        async move {
            assert_eq!(sandbox.run(Spec::javascript("return input", json!(n))).await.unwrap().result, Ok(json!(n)))
        }
    };
    for n in 0..10_000 {
        run(n).await;
    }
    println!("10,000 in a row: (descriptors, children, mounts) {before:?} before, {:?} now", counts());
    let mut all = tokio::task::JoinSet::new();
    (0..500).for_each(|n| drop(all.spawn(run(n))));
    while let Some(done) = all.join_next().await {
        done.unwrap();
    }
    drop(sandbox);
    println!("500 at once, then closed: {:?}", counts());
}
