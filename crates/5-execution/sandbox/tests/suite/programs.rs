//! Any program under the same guarantees: limits, endings, what it sees, and that nothing stays.

use std::{collections::BTreeSet, time::Duration};

use super::common::{config, limits, shell, start, start_with};
use sandbox::{Error, Exit, Guarantee, Limits, Program, Root, SandboxConfig, Spec};

/// Each ending is told apart from the others.
#[tokio::test]
async fn endings_are_told_apart() {
    let sandbox = start().await;
    let short = Limits { wall_clock: Duration::from_millis(300), memory_bytes: 32 << 20, ..limits() };
    for (line, exit) in [
        ("exit 7", Exit::Code(7)),
        ("kill -TERM $$", Exit::Signal(15)),
        ("kill -SEGV $$", Exit::Signal(11)),
        ("sleep 60", Exit::TimedOut),
        ("trap '' TERM INT HUP; while :; do sleep 1; done", Exit::TimedOut),
        ("sleep 60 & sleep 60 & setsid sleep 60 & wait", Exit::TimedOut),
    ] {
        assert_eq!(shell(&sandbox, line, short.clone()).await.exit, exit, "{line}");
    }
    let outcome = shell(&sandbox, "echo out; echo err >&2", limits()).await;
    assert_eq!((outcome.stdout.text().as_str(), outcome.stderr.text().as_str()), ("out\n", "err\n"));
}

/// A daemon that left its session dies with the program that started it.
#[tokio::test]
async fn daemons_end_with_their_program() {
    let sandbox = start().await;
    let line = "setsid sh -c 'setsid sleep 31337 >/dev/null 2>&1 &' >/dev/null 2>&1 & echo done";
    let outcome = shell(&sandbox, line, limits()).await;
    assert_eq!((outcome.exit, outcome.stdout.text().as_str()), (Exit::Code(0), "done\n"));
    assert!(!common_line("31337"), "the daemon still runs");
}

fn common_line(word: &str) -> bool {
    std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        line.split(|b| *b == 0).any(|part| part == word.as_bytes())
    })
}

/// R120: memory of all processes together, where a control group can be made; otherwise of each.
#[tokio::test]
async fn memory_is_limited() {
    let sandbox = start().await;
    let small = Limits { memory_bytes: 48 << 20, ..limits() };
    let line = "exec /usr/bin/python3 -S -c 'a = [bytearray(1 << 20) for _ in range(1000)]'";
    let outcome = shell(&sandbox, line, small.clone()).await;
    if sandbox.guarantees().holds_fully(Guarantee::MemoryLimit) {
        assert_eq!(outcome.exit, Exit::OutOfMemory);
        let together = "for i in 1 2 3 4 5 6; do /usr/bin/python3 -S -c 'a = bytearray(12 << 20); import time; \
                        time.sleep(5)' & done; for i in 1 2 3 4 5 6; do wait -n || exit 1; done";
        let line = format!("exec /usr/bin/bash -c \"{together}\"");
        assert_eq!(shell(&sandbox, &line, small).await.exit, Exit::OutOfMemory);
    } else {
        assert_eq!(outcome.exit, Exit::Code(1));
        assert!(outcome.stderr.text().contains("MemoryError"), "{}", outcome.stderr.text());
    }
}

/// R119: a share of a processor is a share, where a control group can be made.
#[tokio::test]
async fn processor_share_is_limited() {
    let sandbox = start().await;
    let tenth = Limits { cpu_percent: 10, wall_clock: Duration::from_secs(1), ..limits() };
    let outcome = shell(&sandbox, "while :; do :; done", tenth).await;
    assert_eq!(outcome.exit, Exit::TimedOut);
    if sandbox.guarantees().holds_fully(Guarantee::CpuLimit) {
        assert!(outcome.usage.cpu_us < 300_000, "{:?}", outcome.usage);
    }
}

/// A fork bomb stays within its number and ends with the run.
#[tokio::test]
async fn fork_bombs_stay_small() {
    let sandbox = start().await;
    let few = Limits { processes: 16, wall_clock: Duration::from_secs(1), ..limits() };
    let outcome = shell(&sandbox, "f() { f | f & }; f; sleep 60 || :; while :; do :; done", few).await;
    assert!(matches!(outcome.exit, Exit::TimedOut | Exit::Code(_)), "{:?}", outcome.exit);
    let outcome = shell(&sandbox, "echo still here", limits()).await;
    assert_eq!(outcome.stdout.text(), "still here\n");
}

/// R117: nothing is writable, but a scratch directory that was asked for, up to its size.
#[tokio::test]
async fn scratch_is_private_limited_and_gone() {
    let sandbox = start().await;
    let scratch = Limits { scratch_bytes: 1 << 20, ..limits() };
    let line = "echo secret > /tmp/marker && cat /tmp/marker && head -c 4000000 /dev/zero > /tmp/fill; du -k /tmp/fill | cut -f1";
    let outcome = shell(&sandbox, line, scratch.clone()).await;
    let text = outcome.stdout.text();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("secret"));
    assert!(lines.next().and_then(|n| n.parse::<u64>().ok()).is_some_and(|kb| kb <= 1024), "{text}");
    // R124: the next call finds nothing of the last one
    let outcome = shell(
        &sandbox,
        "cd /tmp; for f in * .[!.]* /tmp/marker /marker /dev/shm/marker; do [ -e $f ] && echo found; done",
        scratch,
    )
    .await;
    assert_eq!(outcome.stdout.text(), "");
    let outcome = shell(
        &sandbox,
        "for d in / /tmp /usr /etc /dev /usr/local /usr/tmp; do echo x > $d/x && echo wrote $d; done 2>/dev/null",
        limits(),
    )
    .await;
    assert_eq!(outcome.stdout.text(), "");
    let outcome = shell(
        &sandbox,
        "cp /usr/bin/id /tmp/id; chmod 755 /tmp/id; /tmp/id",
        Limits { scratch_bytes: 1 << 20, ..limits() },
    )
    .await;
    assert_eq!(outcome.exit, Exit::Code(126), "a written file is executed");
}

#[tokio::test]
async fn standard_input_is_handed_in() {
    let sandbox = start().await;
    let mut spec = Spec::program("/usr/bin/cat", [""; 0], Root::HostUsr).limits(limits());
    if let Program::Executable { stdin, .. } = &mut spec.program {
        *stdin = b"hello".to_vec();
    }
    assert_eq!(sandbox.run(spec).await.unwrap().stdout.text(), "hello");
}

/// A script that lies elsewhere is handed in alone, and cannot be changed.
#[tokio::test]
async fn scripts_from_elsewhere_run_alone() {
    let sandbox = start().await;
    let path = std::env::temp_dir().join(format!("sandbox-script-{}", std::process::id()));
    for (text, said) in [
        ("#!/bin/sh\necho $0 $1; cd /tmp; echo *; echo x >> $0 || echo locked", "/tmp/script a\nscript\nlocked\n"),
        ("#!/usr/bin/env python3\nimport sys; print(sys.argv[1])", "a\n"),
    ] {
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let outcome = sandbox.run(Spec::program(&path, ["a"], Root::HostUsr).limits(limits())).await.unwrap();
        assert_eq!(outcome.stdout.text(), said, "{}", outcome.stderr.text());
    }
    std::fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn what_cannot_be_executed_is_named() {
    let sandbox = start().await;
    for path in ["/nowhere/x", "/etc/passwd", "/etc", "/usr/lib", "/usr/share/doc"] {
        let refused = sandbox.run(Spec::program(path, [""; 0], Root::HostUsr)).await.unwrap_err();
        assert!(matches!(refused, Error::NotExecutable { .. }), "{path}: {refused}");
    }
    // a dynamic program has no loader in an empty root
    let refused = sandbox.run(Spec::program("/usr/bin/id", [""; 0], Root::Empty)).await.unwrap_err();
    assert!(matches!(refused, Error::NotExecutable { .. }), "{refused}");
}

/// A promise that policy requires and the host does not keep stops every run, in words; nothing is downgraded.
#[tokio::test]
async fn a_missing_promise_stops_everything() {
    let table = start().await.guarantees();
    let (kept, missing): (BTreeSet<_>, BTreeSet<_>) = Guarantee::ALL.iter().partition(|row| table.holds(**row));
    start_with(SandboxConfig { required: kept, ..config() }).await;
    let clock = || domain::Clock::new(|| domain::Timestamp::from_micros(0));
    for row in missing {
        let config = SandboxConfig { required: BTreeSet::from([row]), ..config() };
        let sandbox = sandbox::Sandbox::start(config, clock()).await.unwrap();
        let refused = sandbox.run(Spec::javascript("1", serde_json::json!(null))).await.unwrap_err();
        assert!(matches!(refused, Error::GuaranteeMissing { .. }), "{row}: {refused}");
    }
    let strict = SandboxConfig { required_in_full: BTreeSet::from([Guarantee::MemoryLimit]), ..config() };
    let sandbox = sandbox::Sandbox::start(strict, clock()).await.unwrap();
    if sandbox.guarantees().holds_fully(Guarantee::MemoryLimit) {
        sandbox.ready().unwrap();
    } else {
        let refused = sandbox.run(Spec::javascript("1", serde_json::json!(null))).await.unwrap_err();
        assert!(matches!(refused, Error::GuaranteeMissing { .. }), "{refused}");
    }
}

/// The table has a row for each promise, most of them attacked.
#[tokio::test]
async fn the_table_is_whole() {
    let table = start().await.guarantees();
    assert_eq!(table.0.len(), Guarantee::ALL.len());
    assert!(table.0.iter().filter(|row| row.tried).count() >= 14, "{table}");
}

#[tokio::test]
async fn the_record_of_a_run_tells_how_it_was_held() {
    let sandbox = start().await;
    let outcome = shell(&sandbox, "exit 0", limits()).await;
    let record = outcome.attestation;
    assert_eq!((&record.backend, record.profile_sha256.len()), (&sandbox.choice().backend, 64));
    assert!(record.started_at <= record.finished_at);
    assert_eq!(record.guarantees, sandbox.guarantees());
    let other = sandbox.run(Spec::javascript("1", serde_json::json!(null))).await.unwrap().attestation;
    assert_ne!(record.profile_sha256, other.profile_sha256);
}
