//! A load generator for our own server on loopback: N connections that each send the next request when the answer to
//! the last has come. Prints rate, latencies, errors and the processor time that the server's processes used.
//! It never talks to anything but a loopback address, and stops by itself.

mod load;
mod report;

use std::{net::SocketAddr, path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;

#[derive(Parser, Clone, Debug)]
#[command(about = "Measures a NodeLoom server on loopback")]
pub struct Options {
    /// Loopback address of the HTTPS listener
    #[arg(long, default_value = "127.0.0.1:8443")]
    address: SocketAddr,
    /// PEM file with the server's authority
    #[arg(long)]
    ca: PathBuf,
    /// Path to POST to; repeat for several, taken in turn
    #[arg(long, required = true)]
    path: Vec<String>,
    /// Body to send; `{n}` becomes the request's number
    #[arg(long, default_value = r#"{"n": {n}}"#)]
    body: String,
    /// API key, for paths that need one
    #[arg(long)]
    key: Option<String>,
    /// Connections
    #[arg(long, short, default_value_t = 32)]
    connections: usize,
    /// Seconds to measure, after a tenth of that to warm up
    #[arg(long, short, default_value_t = 10.0)]
    seconds: f64,
    /// Process ids whose processor time and memory are read
    #[arg(long, value_delimiter = ',')]
    pids: Vec<u32>,
    /// Append the body of each answer to this file
    #[arg(long)]
    log: Option<PathBuf>,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    if !options.address.ip().is_loopback() {
        eprintln!("hammer: {} is not a loopback address", options.address);
        return ExitCode::from(2);
    }
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return ExitCode::from(2);
    };
    match runtime.block_on(run(options)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("hammer: {error}");
            ExitCode::from(2)
        }
    }
}

async fn run(options: Options) -> Result<ExitCode, hammer::client::Error> {
    let tls = hammer::client::tls(&options.ca)?;
    let measure = Duration::from_secs_f64(options.seconds);
    let shared = load::Shared::new(options.clone(), tls, measure / 10, measure);
    let warm = tokio::time::sleep(measure / 10);
    let tasks: Vec<_> = (0..options.connections).map(|_| tokio::spawn(load::connection(shared.clone()))).collect();
    warm.await;
    let before = report::processes(&options.pids);
    tokio::time::sleep(measure).await;
    let after = report::processes(&options.pids);
    let mut samples = Vec::new();
    for task in tasks {
        if let Ok(one) = task.await {
            samples.push(one);
        }
    }
    let report = report::Report::new(&options, samples, before, after);
    println!("{}", if options.json { report.json() } else { report.text() });
    Ok(if report.errors == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
