//! How fast events reach a receiver on this machine, and whether any is missing when the sender is killed:
//! `cargo run --release -p siem --example pace [-- pace [entries [batch]] | torture [kills]]`.
//! Entries lie in SQLite; the receiver reads every byte, checks the order and answers as Splunk does.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a measurement, not the product: it reads the clock, starts itself again and stops at errors"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{Router, body::Bytes, extract::State};
use serde_json::json;
use siem::{Settings, Streams};
use store::{Effects, Location, StoreConfig, siem::SiemStream};
use support::{Room, quick};
use tokio_util::sync::CancellationToken;

/// What came: the highest sequence, gaps, and repetitions.
#[derive(Default)]
struct Came {
    highest: AtomicI64,
    repeated: AtomicU64,
    gaps: Mutex<Vec<String>>,
    requests: AtomicU64,
    bytes: AtomicU64,
}

async fn receive(State(came): State<Arc<Came>>, body: Bytes) -> &'static str {
    came.requests.fetch_add(1, Ordering::Relaxed);
    came.bytes.fetch_add(body.len() as u64, Ordering::Relaxed);
    for line in body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let mark = b"\"seq\":\"";
        let at = line.windows(mark.len()).position(|part| part == mark).unwrap() + mark.len();
        let sequence: i64 =
            line[at..].iter().take_while(|b| b.is_ascii_digit()).fold(0, |n, b| n * 10 + i64::from(b - b'0'));
        let highest = came.highest.load(Ordering::Relaxed);
        if sequence <= highest {
            came.repeated.fetch_add(1, Ordering::Relaxed);
        } else {
            if sequence != highest + 1 {
                came.gaps.lock().unwrap().push(format!("{sequence} after {highest}"));
            }
            came.highest.store(sequence, Ordering::Relaxed);
        }
    }
    r#"{"text":"Success","code":0}"#
}

async fn receiver() -> (Arc<Came>, String) {
    let came = Arc::new(Came::default());
    let router =
        Router::new().fallback(receive).layer(axum::extract::DefaultBodyLimit::max(64 << 20)).with_state(came.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (came, url)
}

fn config(folder: &Path) -> StoreConfig {
    StoreConfig::at(Location::Sqlite(folder.join("test.db")))
}

async fn room(folder: &Path, settings: Settings) -> Room {
    store::migrate(&config(folder), &support::real_clock()).await.unwrap();
    Room::open(&config(folder), folder, settings).await
}

const ONLY_AUDIT: Streams = Streams { audit: true, security: false, checkpoints: false };

#[tokio::main]
async fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |place: usize, or: u64| words.get(place).map_or(or, |word| word.parse().unwrap());
    match words.first().map(String::as_str) {
        Some("sender") => {
            let folder = PathBuf::from(&words[1]);
            let (lease, timeout) = (Duration::from_millis(900), Duration::from_millis(400));
            let settings = Settings { lease, timeout, ask_for: Duration::ZERO, ..quick() };
            Room::open(&config(&folder), &folder, settings).await.siem.run(CancellationToken::new()).await;
        }
        Some("torture") => torture(number(1, 100)).await,
        _ => pace(number(1, 200_000), u32::try_from(number(2, 1000)).unwrap()).await,
    }
}

async fn pace(entries: u64, batch: u32) {
    let folder = tempfile::TempDir::new().unwrap();
    let room = room(folder.path(), quick()).await;
    room.record(1, entries).await;
    let (came, url) = receiver().await;
    let to = json!({ "kind": "splunk_hec", "url": url });
    let id = room.send_all_to(to, &[("token", "t")], batch, ONLY_AUDIT).await;
    println!("{entries} entries in SQLite, batches of {batch} (at most 1 MB), one destination");
    for _ in 0..5 {
        room.siem.replay(&room.permit(), id, Some((SiemStream::Audit, 1)), Effects::none()).await.unwrap();
        let (requests, bytes) = (came.requests.load(Ordering::Relaxed), came.bytes.load(Ordering::Relaxed));
        came.highest.store(0, Ordering::Relaxed);
        let begun = Instant::now();
        let running = room.start();
        while came.highest.load(Ordering::Relaxed) < entries as i64 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let took = begun.elapsed();
        running.stop().await;
        let requests = came.requests.load(Ordering::Relaxed) - requests;
        let bytes = came.bytes.load(Ordering::Relaxed) - bytes;
        println!(
            "{:.0} events/s ({took:.2?}, {requests} requests, {:.0} bytes an event)",
            entries as f64 / took.as_secs_f64(),
            bytes as f64 / entries as f64
        );
    }
    assert!(came.gaps.lock().unwrap().is_empty(), "{:?}", came.gaps.lock().unwrap());
    println!("gaps: 0");
}

async fn torture(kills: u64) {
    let folder = tempfile::TempDir::new().unwrap();
    let room = room(folder.path(), quick()).await;
    let (came, url) = receiver().await;
    let to = json!({ "kind": "splunk_hec", "url": url });
    let id = room.send_all_to(to, &[("token", "t")], 20, ONLY_AUDIT).await;
    let mut recorded = 0;
    for kill in 0..kills {
        let mut sender = Command::new(std::env::current_exe().unwrap())
            .args(["sender", folder.path().to_str().unwrap()])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        room.record(recorded + 1, 200).await;
        recorded += 200;
        let before = came.requests.load(Ordering::Relaxed);
        // a moment of its own for each: after so many requests and so many microseconds
        while came.requests.load(Ordering::Relaxed) < before + 1 + kill % 5 {
            tokio::time::sleep(Duration::from_micros(100)).await;
        }
        tokio::time::sleep(Duration::from_micros(kill * 137 % 3000)).await;
        sender.kill().unwrap();
        sender.wait().unwrap();
    }
    let running = room.start();
    room.delivered(id).await;
    running.stop().await;
    let repeated = came.repeated.load(Ordering::Relaxed);
    let highest = came.highest.load(Ordering::Relaxed);
    println!(
        "kill -9 {kills} times: {recorded} recorded, last received {highest}, repeated {repeated}, gaps {:?}",
        came.gaps.lock().unwrap()
    );
    assert!(highest == recorded as i64 && came.gaps.lock().unwrap().is_empty());
}
