//! Kills NodeLoom with SIGKILL at random moments under load, again and again, and then looks whether anything that it
//! had acknowledged was lost, done twice after its checkpoint, or left stuck. A step's outside effect is seen by a
//! receiver of our own on loopback, which notes every call with its idempotency key.

mod checks;
mod fleet;
mod receiver;
mod workload;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use hammer::client::Error;
use rand::{Rng, SeedableRng, rngs::StdRng};

#[derive(Parser, Clone, Debug)]
#[command(about = "Kills NodeLoom under load and counts what was lost (nothing, one hopes)")]
pub struct Options {
    /// The nodeloom binary
    #[arg(long)]
    binary: PathBuf,
    /// `postgres://…` of an empty database; absent for SQLite
    #[arg(long)]
    postgres: Option<String>,
    /// Worker processes beside the server (PostgreSQL only)
    #[arg(long, default_value_t = 3)]
    workers: usize,
    /// How many times something is killed
    #[arg(long, default_value_t = 200)]
    kills: usize,
    /// Connections that start runs
    #[arg(long, default_value_t = 8)]
    connections: usize,
    /// Of the random moments; print it to repeat them
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let Ok(runtime) = tokio::runtime::Runtime::new() else { return ExitCode::from(2) };
    match runtime.block_on(run(options)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("torture: {error}");
            ExitCode::from(2)
        }
    }
}

async fn run(options: Options) -> Result<bool, Error> {
    let receiver = receiver::Receiver::start().await?;
    let mut fleet = fleet::Fleet::start(&options, receiver.address())?;
    fleet.wait_until_ready().await?;
    fleet.install(&workload::definition(receiver.address()))?;
    let load = workload::Load::start(&fleet, options.connections)?;
    let mut random = StdRng::seed_from_u64(options.seed);
    for kill in 1..=options.kills {
        tokio::time::sleep(Duration::from_millis(random.random_range(30..700))).await;
        let victim = random.random_range(0..fleet.len());
        fleet.kill(victim)?;
        if random.random_bool(0.3) {
            tokio::time::sleep(Duration::from_millis(random.random_range(1..400))).await;
        }
        fleet.restart(victim)?;
        if kill % 20 == 0 {
            println!("  {kill} kills, {} runs acknowledged, {} outside calls", load.acknowledged(), receiver.calls());
        }
    }
    fleet.wait_until_ready().await?;
    let acknowledged = load.stop().await;
    let runs = checks::wait_until_all_final(&fleet).await?;
    let verified = fleet.verify_audit()?;
    let found = checks::compare(&acknowledged, &runs, &receiver.log());
    println!(
        "{} on {}: {} kills (seed {}), {} runs acknowledged, {} outside calls, {} repeated in flight with the same key",
        env!("CARGO_PKG_NAME"),
        if options.postgres.is_some() {
            format!("PostgreSQL with {} workers", options.workers)
        } else {
            "SQLite".to_owned()
        },
        options.kills,
        options.seed,
        acknowledged.len(),
        found.calls,
        found.repeated_in_flight,
    );
    println!(
        "  lost {}, not succeeded {}, stuck {}, done again after its checkpoint {}, repeated with another key {}, audit trail {}",
        found.lost,
        found.not_succeeded,
        found.stuck,
        found.after_checkpoint,
        found.other_key,
        if verified { "intact" } else { "BROKEN" }
    );
    for example in &found.examples {
        println!("  {example}");
    }
    Ok(found.is_clean() && verified)
}
