//! `eval "$(harness start)"` starts the servers that tests need; `harness stop` stops them.

#![allow(clippy::disallowed_methods, reason = "a tool for the Makefile")]

use harness::servers;

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("start") => println!("{}", servers::start()),
        Some("stop") => servers::stop(),
        _ => {
            eprintln!("usage: harness start | stop");
            std::process::exit(2);
        }
    }
}
