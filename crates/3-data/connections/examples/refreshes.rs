//! How many calls five hundred workers make that need one expiring token, over and over, in two processes' worth of state:
//! `cargo run --release -p connections --example refreshes [rounds]`.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a measurement reads the clock and stops when it cannot go on"
)]

#[path = "../tests/double/mod.rs"]
mod double;

use std::time::{Duration, Instant};

use double::*;
use serde_json::json;

fn main() {
    let rounds = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(10);
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
        for database in ["SQLite", "PostgreSQL"] {
            let ground = match database {
                "SQLite" => harness::sqlite_database().await,
                _ => harness::postgres_database().await,
            };
            let root = vault::keys::generate().unwrap();
            let quirks = Quirks {
                basic: true,
                pkce: true,
                rotates: true,
                expires_in: Some(json!(3600)),
                slow: Duration::from_millis(80),
                ..Quirks::default()
            };
            let (one, other) = (connections_with(&ground, &root).await, connections_with(&ground, &root).await);
            let double = Double::start(quirks).await;
            register(&one, "zoom", settings(&double, "")).await;
            connect(&one, &double, wanted("zoom", json!({}))).await.unwrap();
            let mut times = Vec::new();
            for round in 1..=rounds {
                ground.clock.advance(Duration::from_secs(3700));
                let began = Instant::now();
                let workers = (0..500).map(|n| token(if n % 2 == 0 { &one } else { &other }, &ground, "my zoom"));
                let tokens = futures::future::join_all(workers).await;
                times.push(began.elapsed());
                let newest = double.tokens_of().0.unwrap();
                assert!(tokens.iter().all(|token| token.as_ref().unwrap() == &newest), "every worker has the newest");
                assert_eq!(double.refreshes(), round, "one call a round");
            }
            times.sort_unstable();
            let (least, middle, most) = (times[0], times[times.len() / 2], times[times.len() - 1]);
            println!("{database}: {rounds} rounds of 500 workers, {} refresh calls, all served in {middle:?} ({least:?} to {most:?})", double.refreshes());
        }
    });
}
