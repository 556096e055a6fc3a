//! `nodeloom sandbox …` alone, for trying out: `cargo run -p sandbox --example sandbox_cli -- probe`.
#![allow(clippy::disallowed_methods, reason = "an example reads the clock and its command line")]

fn main() {
    let clock = domain::Clock::new(|| {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        domain::Timestamp::from_micros(since.as_micros() as i64)
    });
    std::process::exit(sandbox::cli::main(std::env::args_os().skip(1).collect(), clock));
}
