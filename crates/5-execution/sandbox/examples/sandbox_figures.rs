//! Measures create, run and destroy: `cargo run --release -p sandbox --example sandbox_figures`.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a measuring program")]

use std::time::{Duration, Instant};

use domain::{Clock, Timestamp};
use sandbox::{Sandbox, SandboxConfig, Spec};
use serde_json::json;

fn javascript() -> Spec {
    Spec::javascript("return { sum: input.numbers.reduce((a, b) => a + b, 0) }", json!({ "numbers": [1, 2, 3] }))
}
fn python() -> Spec {
    Spec::python("result = {'sum': sum(input['numbers'])}", json!({ "numbers": [1, 2, 3] }))
}

/// The same runs as the launcher's clock saw them: from the birth of the container to its end.
static INSIDE: std::sync::Mutex<Vec<Duration>> = std::sync::Mutex::new(Vec::new());

async fn one(sandbox: &Sandbox, spec: Spec) -> Duration {
    let at = Instant::now();
    let outcome = sandbox.run(spec).await.unwrap();
    let all = at.elapsed();
    assert_eq!(outcome.result, Ok(json!({ "sum": 6 })), "{:?}", outcome.exit);
    INSIDE.lock().unwrap().push(outcome.usage.wall());
    all
}

fn show(name: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)].as_secs_f64() * 1e3;
    println!("{name:<34} p50 {:6.2} ms  p95 {:6.2} ms  p99 {:6.2} ms", at(50), at(95), at(99));
}

async fn rate(sandbox: &Sandbox, spec: fn() -> Spec, count: usize) -> f64 {
    let at = Instant::now();
    let lane = || async {
        for _ in 0..count / 2 {
            one(sandbox, spec()).await;
        }
    };
    tokio::join!(lane(), lane());
    count as f64 / at.elapsed().as_secs_f64()
}

#[tokio::main]
async fn main() {
    let clock = Clock::new(|| Timestamp::from_micros(0));
    let sandbox = Sandbox::start(SandboxConfig::default(), clock).await.unwrap();
    print!("{}", sandbox.guarantees());
    for (name, spec) in [("JavaScript", javascript as fn() -> Spec), ("Python", python as fn() -> Spec)] {
        for _ in 0..50 {
            one(&sandbox, spec()).await;
        }
        let (mut busy, mut idle) = (Vec::new(), Vec::new());
        INSIDE.lock().unwrap().clear();
        for _ in 0..5 {
            for _ in 0..100 {
                busy.push(one(&sandbox, spec()).await);
            }
            for _ in 0..12 {
                tokio::time::sleep(Duration::from_millis(100)).await;
                idle.push(one(&sandbox, spec()).await);
            }
        }
        let inside = std::mem::take(&mut *INSIDE.lock().unwrap());
        show(&format!("{name} container alone"), inside);
        show(&format!("{name} back to back"), busy);
        show(&format!("{name} after 100 ms idle"), idle);
        let mut rates: Vec<f64> = Vec::new();
        for _ in 0..5 {
            rates.push(rate(&sandbox, spec, 400).await);
        }
        rates.sort_by(f64::total_cmp);
        println!("{:<34} {:.0} a second (median of 5)", format!("{name}, 2 at a time"), rates[2]);
    }
    // a waiting launcher: one that has had nothing to do for a moment
    tokio::time::sleep(Duration::from_millis(300)).await;
    for pid in sandbox.waiting_launchers() {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        let line = |text: &str, key: &str| {
            text.lines().find(|l| l.starts_with(key)).map(|l| l.split_whitespace().nth(1).unwrap_or("").to_owned())
        };
        println!("launcher {pid}: VmRSS {:?} kB, Pss {:?} kB", line(&status, "VmRSS:"), line(&rollup, "Pss:"));
    }
}
