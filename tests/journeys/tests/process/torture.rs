//! The short form of `make torture`: NodeLoom is killed at random moments under load and loses nothing.

use std::process::Stdio;

use harness::servers;

use crate::support;

#[allow(clippy::disallowed_methods, reason = "torture is a program")]
fn torture(words: &[&str]) {
    let mut command = std::process::Command::new(support::binary("torture"));
    command.arg("--binary").arg(support::binary("nodeloom")).args(["--kills", "6", "--seed", "11"]).args(words);
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    eprintln!("{said}");
    assert!(output.status.success(), "torture found something: {said}");
    assert!(said.contains("lost 0, not succeeded 0, stuck 0, done again after its checkpoint 0"), "{said}");
}

/// The figures of issue 2: every acknowledged run reaches a final state, no step is performed again after its
/// checkpoint, a repeated in-flight call carries the same key, no run is stuck, the audit trail verifies.
#[test]
fn killed_six_times_on_sqlite_nothing_is_lost() {
    torture(&[]);
}

/// The same with three workers beside the server; whoever dies, the others go on.
#[test]
fn killed_six_times_on_postgresql_with_three_workers_nothing_is_lost() {
    let server = servers::postgres();
    let name = format!("torture_{}", std::process::id());
    servers::ask(&server, &format!("CREATE DATABASE {name}"));
    let url = servers::database(&server, &name);
    torture(&["--workers", "3", "--postgres", &url]);
    servers::drop_database(&url);
}
