//! The table of guarantees: what mechanism keeps each here, and whether a hostile program of our own failed to break it.

use std::{collections::BTreeMap, time::Duration};

use sandbox_launcher::wire::Profile;

use crate::{
    Error, Exit, Guarantee, Guarantees, Limits, Measured, Strength,
    native::{Executable, Finished, Native, Task, Users},
};

/// Runs the self-check and makes the table.
pub async fn measure(native: &Native) -> Result<Guarantees, Error> {
    let landlock = native.warm(Profile::Empty).await?;
    let seen = attack(native).await?;
    Ok(Guarantees(Guarantee::ALL.iter().map(|guarantee| row(native, *guarantee, landlock, &seen)).collect()))
}

/// The table of a host that cannot run sandboxes.
pub fn nothing(reason: &str) -> Guarantees {
    let row = |guarantee: &Guarantee| Measured {
        guarantee: *guarantee,
        strength: Strength::Missing,
        how: reason.to_owned(),
        weaker: None,
        tried: false,
    };
    Guarantees(Guarantee::ALL.iter().map(row).collect())
}

/// What the attacks found: for each guarantee the attacks that got through; absent = not attacked.
#[derive(Debug, Default)]
struct Seen {
    broken: BTreeMap<&'static str, Vec<String>>,
}

impl Seen {
    fn note(&mut self, guarantee: Guarantee, attack: &str, held: bool) {
        let broken = self.broken.entry(guarantee.name()).or_default();
        if !held {
            broken.push(attack.to_owned());
        }
    }
}

async fn attack(native: &Native) -> Result<Seen, Error> {
    let small = Limits { wall_clock: Duration::from_secs(5), memory_bytes: 32 << 20, ..Limits::default() };
    let short = Limits { wall_clock: Duration::from_millis(200), cpu_percent: 10, ..small.clone() };
    let few = Limits { processes: 8, ..small.clone() };
    let little = Limits { output_bytes: 64 << 10, ..small.clone() };
    let own = std::process::id().to_string();
    let escape = ["escape", &own];
    let (escape, memory, spin, processes, flood, forbidden) = tokio::join!(
        run(native, &escape, &small),
        run(native, &["memory"], &small),
        run(native, &["spin"], &short),
        run(native, &["processes"], &few),
        run(native, &["flood"], &little),
        run(native, &["forbidden"], &small),
    );
    let (escape, memory, spin, processes, flood, forbidden) = (escape?, memory?, spin?, processes?, flood?, forbidden?);
    let mut seen = Seen::default();
    let said = String::from_utf8_lossy(&escape.stdout.bytes).into_owned();
    for guarantee in Guarantee::ALL {
        for line in said.lines() {
            let mut words = line.splitn(3, ' ');
            if words.next() == Some(guarantee.name()) {
                let held = words.next() == Some("ok");
                seen.note(*guarantee, words.next().unwrap_or(""), held);
            }
        }
    }
    if escape.exit != Exit::Code(0) {
        seen.note(Guarantee::SystemCallFilter, "the self-check did not end well", false);
    }
    seen.note(Guarantee::SystemCallFilter, "a deadly call", forbidden.exit == Exit::KilledByFilter);
    // without a group the attack ends by a failed allocation
    let stopped = memory.exit == Exit::OutOfMemory || !native.coverage().memory && memory.exit != Exit::Code(0);
    seen.note(Guarantee::MemoryLimit, "all memory", stopped && memory.exit != Exit::TimedOut);
    seen.note(Guarantee::TimeLimit, "an endless loop", spin.exit == Exit::TimedOut && spin.wall_us < 2_000_000);
    if native.coverage().cpu {
        seen.note(Guarantee::CpuLimit, "more than its share", spin.cpu_us < 100_000);
    }
    let made = String::from_utf8_lossy(&processes.stdout.bytes).trim().parse().unwrap_or(999);
    seen.note(Guarantee::ProcessLimit, "many processes", made <= 8);
    let kept = flood.stdout.truncated && flood.stdout.bytes.len() <= 64 << 10;
    seen.note(Guarantee::OutputLimit, "a flood", kept);
    let clean = [&escape, &memory, &spin, &processes, &flood, &forbidden].iter().all(|finished| finished.clean);
    seen.note(Guarantee::NothingLeft, "processes left", clean);
    Ok(seen)
}

async fn run(native: &Native, attack: &[&str], limits: &Limits) -> Result<Finished, Error> {
    let words = ["self-check", "self-check"].iter().chain(attack).map(|word| word.as_bytes().to_vec());
    let task = Task {
        profile: Profile::Empty,
        program: Executable::Open(native.helper()),
        arguments: words.collect(),
        stdin: Vec::new(),
        result_bytes: None,
        own_network: true,
        output_bytes: limits.output_bytes,
        limits,
    };
    native.run(task).await
}

fn row(native: &Native, guarantee: Guarantee, landlock: u32, seen: &Seen) -> Measured {
    let (strength, how, weaker) = mechanism(native, guarantee, landlock);
    let broken = seen.broken.get(guarantee.name());
    let (strength, weaker) = match broken {
        Some(attacks) if !attacks.is_empty() => {
            (Strength::Missing, Some(format!("the self-check got through: {}", attacks.join(", "))))
        }
        _ => (strength, weaker),
    };
    Measured { guarantee, strength, how, weaker, tried: broken.is_some() }
}

fn mechanism(native: &Native, guarantee: Guarantee, landlock: u32) -> (Strength, String, Option<String>) {
    let coverage = native.coverage();
    let held = |how: &str| (Strength::Held, how.to_owned(), None);
    let delegate = "delegate a control group with memory, pids and cpu to the server (systemd: Delegate=yes), \
                    or run it as root";
    let weaker =
        |how: &str, why: &str| (Strength::Weaker, how.to_owned(), Some(format!("{why}; {}: {delegate}", coverage.how)));
    match guarantee {
        Guarantee::NoNetwork => held("an empty network namespace; socket and connect are not allowed calls"),
        Guarantee::ReadOnlyFilesystem => held("a root of its own, read-only; the host's root is let go of"),
        Guarantee::NoCapabilities => held("all five sets emptied, locked by securebits"),
        Guarantee::NotRoot => match native.users() {
            Users::Given { first, .. } => {
                held(&format!("user 1000 inside; on the host a number from {first} on that nobody else has"))
            }
            Users::Own => held("user 1000 inside; on the host the server's own unprivileged user"),
            Users::Root => (
                Strength::Missing,
                "outside, guests would be the root behind this namespace's root".into(),
                Some("give the container more than one user id, or run the server as an ordinary user".into()),
            ),
            Users::OwnRoot => (
                Strength::Weaker,
                "user 1000 inside; outside the user behind this namespace's root".into(),
                Some("give the container more than one user id, or run the server as an ordinary user".into()),
            ),
        },
        Guarantee::NoNewPrivileges => held("no_new_privs; nothing is set-user-id in the root"),
        Guarantee::SystemCallFilter => held("seccomp: a list of allowed calls, set before the program starts"),
        Guarantee::SecondFileWall if landlock > 0 => held(&format!("Landlock version {landlock}")),
        Guarantee::SecondFileWall => (
            Strength::Missing,
            "this kernel has no Landlock".into(),
            Some("files are held by the mount namespace alone; boot with lsm=landlock,...".into()),
        ),
        Guarantee::OwnProcesses => held("a process namespace; no /proc; signals end at its border"),
        Guarantee::OwnIpc => held("namespaces for IPC and host name; clocks cannot be set"),
        Guarantee::NothingInherited => held("close_range over all descriptors; a new environment of three constants"),
        Guarantee::MemoryLimit if coverage.memory => {
            held(&format!("{}: memory of all processes together", coverage.how))
        }
        Guarantee::MemoryLimit => weaker(
            "RLIMIT_AS per process and the number of processes",
            "several processes together may use a multiple of the limit, and overuse shows as a failed allocation",
        ),
        Guarantee::CpuLimit if coverage.cpu => held(&format!("{}: quota, and RLIMIT_CPU in total", coverage.how)),
        Guarantee::CpuLimit => {
            weaker("RLIMIT_CPU per process", "the share of a processor is not limited, only the time used in total")
        }
        Guarantee::ProcessLimit if coverage.pids => held(&format!("{} and RLIMIT_NPROC", coverage.how)),
        Guarantee::ProcessLimit => held("RLIMIT_NPROC in a user namespace of its own"),
        Guarantee::TimeLimit => held("the first process of the namespace is killed by its handle; all others follow"),
        Guarantee::OutputLimit => held("pipes read up to the limit"),
        Guarantee::NothingLeft => held("namespaces end with their first process; the root is never written to"),
    }
}
