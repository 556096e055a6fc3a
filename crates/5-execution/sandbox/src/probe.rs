//! The table of guarantees: what mechanism keeps each here, and whether a hostile program of our own failed to break it.

use std::{collections::BTreeMap, time::Duration};

use sandbox_launcher::wire::Profile;

use crate::{
    Error, Exit, Guarantee, Guarantees, Limits, Measured, Strength,
    backend::{Backend, Executable, Finished, Task},
};

/// Runs the self-check and makes the table.
pub async fn measure(backend: &dyn Backend) -> Result<Guarantees, Error> {
    backend.prepare().await?;
    let seen = attack(backend).await?;
    Ok(Guarantees(Guarantee::ALL.iter().map(|guarantee| row(backend, *guarantee, &seen)).collect()))
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
    landlock: u32,
}

impl Seen {
    fn note(&mut self, guarantee: Guarantee, attack: &str, held: bool) {
        let broken = self.broken.entry(guarantee.name()).or_default();
        if !held {
            broken.push(attack.to_owned());
        }
    }
}

async fn attack(backend: &dyn Backend) -> Result<Seen, Error> {
    // generous in time: a busy machine is not a weak one
    let minute = Duration::from_secs(60);
    let small = Limits { wall_clock: minute, cpu_time: minute, memory_bytes: 32 << 20, ..Limits::default() };
    let short = Limits { wall_clock: Duration::from_millis(200), cpu_percent: 10, ..small.clone() };
    let few = Limits { processes: 40, ..small.clone() };
    let little = Limits { output_bytes: 64 << 10, ..small.clone() };
    let own = std::process::id().to_string();
    let escape = ["escape", &own];
    let (escape, memory, spin, processes, flood, forbidden) = tokio::join!(
        run(backend, &escape, &small),
        run(backend, &["memory"], &small),
        run(backend, &["spin"], &short),
        run(backend, &["processes"], &few),
        run(backend, &["flood"], &little),
        run(backend, &["forbidden"], &small),
    );
    let (escape, memory, spin, processes, flood, forbidden) = (escape?, memory?, spin?, processes?, flood?, forbidden?);
    let mut seen = Seen { landlock: escape.landlock, ..Seen::default() };
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
    let stopped = memory.exit == Exit::OutOfMemory || !backend.coverage().memory && memory.exit != Exit::Code(0);
    seen.note(Guarantee::MemoryLimit, "all memory", stopped && memory.exit != Exit::TimedOut);
    seen.note(Guarantee::TimeLimit, "an endless loop", spin.exit == Exit::TimedOut && spin.wall_us < 20_000_000);
    if backend.coverage().cpu {
        seen.note(Guarantee::CpuLimit, "more than its share", spin.cpu_us < (spin.wall_us / 4).max(100_000));
    }
    let made = String::from_utf8_lossy(&processes.stdout.bytes).trim().parse().unwrap_or(999);
    seen.note(Guarantee::ProcessLimit, "many processes", made <= 40);
    let kept = flood.stdout.truncated && flood.stdout.bytes.len() <= 64 << 10;
    seen.note(Guarantee::OutputLimit, "a flood", kept);
    let clean = [&escape, &memory, &spin, &processes, &flood, &forbidden].iter().all(|finished| finished.clean);
    seen.note(Guarantee::NothingLeft, "processes left", clean);
    Ok(seen)
}

async fn run(backend: &dyn Backend, attack: &[&str], limits: &Limits) -> Result<Finished, Error> {
    let words = ["self-check", "self-check"].iter().chain(attack).map(|word| word.as_bytes().to_vec());
    let task = Task {
        profile: Profile::Empty,
        tree: None,
        program: Executable::SelfCheck,
        arguments: words.collect(),
        stdin: Vec::new(),
        result_bytes: None,
        own_network: true,
        output_bytes: limits.output_bytes,
        limits,
    };
    backend.run(&task).await
}

fn row(backend: &dyn Backend, guarantee: Guarantee, seen: &Seen) -> Measured {
    let (strength, how, weaker) = backend.mechanism(guarantee, seen.landlock);
    let broken = seen.broken.get(guarantee.name());
    let (strength, weaker) = match broken {
        Some(attacks) if !attacks.is_empty() => {
            (Strength::Missing, Some(format!("the self-check got through: {}", attacks.join(", "))))
        }
        _ => (strength, weaker),
    };
    Measured { guarantee, strength, how, weaker, tried: broken.is_some() }
}
