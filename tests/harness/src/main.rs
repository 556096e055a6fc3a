//! `eval "$(harness start)"` starts the servers that tests need; `harness stop` stops them; `harness database NAME` makes
//! an empty database on the PostgreSQL of the tests and prints its URL, for benchmarks.

#![allow(clippy::disallowed_methods, reason = "a tool for the Makefile")]

use harness::servers;

/// An empty database of this name, in place of one that is there.
fn fresh(server: &str, name: &str) -> String {
    assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'), "a database's name is letters, digits and _");
    servers::ask(server, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
    servers::ask(server, &format!("CREATE DATABASE {name}"));
    servers::database(server, name)
}

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("start") => println!("{}", servers::start()),
        Some("stop") => servers::stop(),
        Some("database") => {
            let name = std::env::args().nth(2).unwrap_or_else(|| "scratch".to_owned());
            println!("{}", fresh(&servers::postgres(), &name));
        }
        _ => {
            eprintln!("usage: harness start | stop | database NAME");
            std::process::exit(2);
        }
    }
}
