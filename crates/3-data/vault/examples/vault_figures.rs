//! What the vault costs: opening a value without the database, a lease beyond what the database takes, and a rotation of
//! many rows, quiet and while they are read. `cargo run --release -p vault --example vault_figures [rows]`, on SQLite and PostgreSQL.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a measurement reads the clock and stops when it cannot go on"
)]

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use authz::{
    Permit,
    action::{ManageCredential, UseCredential},
};
use domain::{CredentialId, Secret};
use harness::{Ground, permit_for, scope, uuid};
use store::Effects;
use vault::{Bound, CredentialKind, CredentialValue, Named, NewCredential, Pace, Purpose, RootKeys, Use, Vault, keys};

fn main() {
    let rows = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(100_000);
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
        harness::on_sqlite(async |ground| measure("SQLite", ground, rows).await).await;
        harness::on_postgres(async |ground| measure("PostgreSQL", ground, rows).await).await;
    });
}

/// Middle, least and 99th of many.
fn spread(what: &str, mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    let at = |part: usize| times[(times.len() - 1) * part / 100];
    println!("  {what}: p50 {:?}, p99 {:?}, least {:?}, n {}", at(50), at(99), times[0], times.len());
    at(50)
}

async fn measure(name: &str, ground: &Ground, rows: u128) {
    println!("{name}");
    let root = keys::generate().unwrap();
    let roots = RootKeys::new(&root, &[]).unwrap();
    let vault = Vault::start(&roots, ground.store.clone()).await.unwrap();
    let permit: Permit<UseCredential> = permit_for(scope(1));
    let manage: Permit<ManageCredential> = permit_for(scope(1));
    let text = ["key", &"k7".repeat(20)].join("-");
    let keep = |n: u128| {
        let value = CredentialValue::new(CredentialKind::ApiKey, vec![("key".to_owned(), Secret::new(text.clone()))]);
        let new = NewCredential {
            id: CredentialId::from_uuid(uuid(n + 1)),
            name: format!("key {n}"),
            hosts: vec!["api.example.com".to_owned()],
            value: value.unwrap(),
            rotation_due_at: None,
        };
        vault.keep_credential(&manage, new, Effects::none())
    };
    let began = Instant::now();
    for chunk in 0..rows.div_ceil(500) {
        let many = (chunk * 500..((chunk + 1) * 500).min(rows)).map(keep);
        futures::future::join_all(many).await.into_iter().for_each(|kept| _ = kept.unwrap());
    }
    println!("  {rows} credentials kept in {:?}", began.elapsed());

    // opening, without the database
    let bound = Bound { table: "credentials", field: "sealed", scope: Some(scope(1)), row: &[7; 16], version: 1 };
    let blob = vault.seal(Purpose::Credentials, &bound, text.as_bytes()).unwrap();
    let found = ground.store.sealed_credential(&permit, None, "key 1").await.unwrap().unwrap();
    let opened = (0..20_000).map(|_| {
        let began = Instant::now();
        std::hint::black_box(vault.open(Purpose::Credentials, &bound, &blob).unwrap());
        began.elapsed()
    });
    spread("open one value, without the database", opened.collect());
    let opened = (0..20_000).map(|_| {
        let began = Instant::now();
        std::hint::black_box(vault.open_value(scope(1), &found.shown, &found.sealed).unwrap());
        began.elapsed()
    });
    spread("open one credential, its fields read", opened.collect());

    // a lease, and the read of the row alone
    vault.lease(&permit, Named("key 1"), &Use::default(), ground.clock.now()).await.unwrap();
    let (mut reads, mut leases) = (Vec::new(), Vec::new());
    for _ in 0..3_000 {
        let began = Instant::now();
        std::hint::black_box(ground.store.sealed_credential(&permit, None, "key 1").await.unwrap());
        reads.push(began.elapsed());
        let began = Instant::now();
        std::hint::black_box(
            vault
                .lease(&permit, Named("key 1"), &Use { host: Some("api.example.com") }, ground.clock.now())
                .await
                .unwrap(),
        );
        leases.push(began.elapsed());
    }
    let read = spread("the row alone", reads);
    let lease = spread("a lease", leases);
    println!("  a lease beyond the row: {:?}", lease.saturating_sub(read));

    // a rotation while nobody asks for anything
    let began = Instant::now();
    let pace = Pace { settle: Duration::from_millis(1) };
    let status = vault::rotate(&roots, &ground.store, pace, Effects::none()).await.unwrap();
    let left = status.left_behind();
    println!("  {rows} rows rotated in {:?} while quiet, {left} left under an earlier key", began.elapsed());

    // and one while it is read, by a server that looks for new keys as it should
    vault.refresh().await.unwrap();
    let (stop, reads, failed) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let serve = async {
        let mut n = 0;
        while !stop.load(Ordering::Relaxed) {
            n = (n * 31 + 7) % rows;
            match vault.lease(&permit, Named(&format!("key {n}")), &Use::default(), ground.clock.now()).await {
                Ok(lease) if lease.value().main().expose() == &text => reads.fetch_add(1, Ordering::Relaxed),
                _ => failed.fetch_add(1, Ordering::Relaxed),
            };
        }
    };
    let rotate = async {
        let began = Instant::now();
        let pace = Pace { settle: Duration::from_millis(1) };
        let status = vault::rotate(&roots, &ground.store, pace, Effects::none()).await.unwrap();
        let took = began.elapsed();
        stop.store(true, Ordering::Relaxed);
        (took, status)
    };
    let ((), (took, status)) = tokio::join!(serve, rotate);
    println!(
        "  {rows} rows rotated in {took:?} while serving: {} reads, {} failed, {} left under an earlier key",
        reads.load(Ordering::Relaxed),
        failed.load(Ordering::Relaxed),
        status.left_behind()
    );
    println!("  (the command waits {:?} more, for servers that have not looked yet)", Pace::default().settle);
}
