//! `nodeloom guard …` alone, for measuring without building the server.

fn main() {
    std::process::exit(guardrails::cli::main(std::env::args().skip(1).collect()));
}
