//! A hostile program: each of its attacks tries to break one wall. `hostile NAME [OUTSIDE_PID]` ends with 0 when the
//! attack succeeds and with 1 when it is refused; `hostile --list` prints every name and how it behaves outside.
//!
//! The suite runs each attack inside the sandbox, where it must fail, and outside as a control, where it must succeed, so
//! that no attack passes only because it is wrong. What would do harm outside is tried in a disposable [`world`].
#![allow(
    unsafe_code,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::macro_metavars_in_unsafe,
    reason = "a program whose purpose is to misbehave"
)]

mod files;
mod kernel;
mod network;
mod privilege;
mod processes;
mod published;
mod world;

use std::{io, process::exit};

/// How an attack behaves without a sandbox.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Outside {
    /// Succeeds for everybody.
    Works,
    /// Succeeds for root.
    Root,
    /// Depends on the kernel and the machine, or would do harm outside: tried in a world of its own, see [`world`],
    /// where it must be answered otherwise than inside.
    Depends,
    /// Cannot be tried outside at all; the text says why.
    Never(&'static str),
}

pub type Tried = Result<(), String>;
pub type Attack = (&'static str, Outside, fn() -> Tried);

/// One raw system call: a negative answer is the refusal.
#[macro_export]
macro_rules! call {
    ($number:expr $(, $argument:expr)*) => {
        $crate::answered(unsafe { libc::syscall($number $(, $argument as libc::c_long)*) })
    };
}

pub fn answered(n: libc::c_long) -> Tried {
    if n < 0 { Err(io::Error::last_os_error().to_string()) } else { Ok(()) }
}

/// `Ok` when the attack got what it wanted.
pub fn got(wanted: bool, otherwise: &str) -> Tried {
    if wanted { Ok(()) } else { Err(otherwise.to_owned()) }
}

pub fn from_io<T>(result: io::Result<T>) -> Tried {
    result.map(drop).map_err(|error| error.to_string())
}

/// A process outside, told by the suite: the suite itself.
pub fn outside() -> i32 {
    std::env::args().nth(2).and_then(|word| word.parse().ok()).unwrap_or(1)
}

/// Whether this is a control in a disposable world.
pub fn in_world() -> bool {
    std::env::args().nth(3).as_deref() == Some("world")
}

/// For controls: whatever is mounted stays in a mount table of our own.
pub fn own_mounts() {
    unsafe {
        if libc::unshare(libc::CLONE_NEWNS) == 0 {
            libc::mount(
                c"none".as_ptr(),
                c"/".as_ptr(),
                std::ptr::null(),
                libc::MS_REC | libc::MS_PRIVATE,
                std::ptr::null(),
            );
        }
    }
}

/// A server with runs that last, to be killed by the suite: each is `sleep NUMBER`. A busy one has many short runs beside.
fn serve(number: &str, backend: &str, beyond: &str, busy: bool) {
    let backend = sandbox::BackendChoice::parse(backend).unwrap();
    let mut config = sandbox::SandboxConfig { backend, ..sandbox::SandboxConfig::default() };
    match config.backend {
        sandbox::BackendChoice::Docker => config.docker_socket = beyond.into(),
        sandbox::BackendChoice::Oci => config.oci_runtime = Some(beyond.into()),
        _ => {}
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let clock = domain::Clock::new(|| domain::Timestamp::from_micros(0));
        let sandbox = sandbox::Sandbox::start(config, clock).await.unwrap();
        let limits = sandbox::Limits { wall_clock: std::time::Duration::from_secs(60), ..Default::default() };
        let run = || {
            sandbox
                .run(sandbox::Spec::program("/usr/bin/sleep", [number], sandbox::Root::HostUsr).limits(limits.clone()))
        };
        let short = async {
            if busy {
                loop {
                    let _ = tokio::join!(
                        sandbox.run(sandbox::Spec::javascript("return input", serde_json::json!(1))),
                        sandbox.run(sandbox::Spec::python("result = input", serde_json::json!(1))),
                    );
                }
            }
        };
        let _ = tokio::join!(run(), run(), short);
    });
}

fn main() {
    let all =
        [network::ATTACKS, files::ATTACKS, processes::ATTACKS, privilege::ATTACKS, kernel::ATTACKS, published::ATTACKS];
    let mut attacks = all.iter().flat_map(|group| group.iter());
    let Some(name) = std::env::args().nth(1) else { exit(2) };
    if name == "--cli" {
        let clock = domain::Clock::new(|| domain::Timestamp::from_micros(0));
        exit(sandbox::cli::main(std::env::args_os().skip(2).collect(), clock));
    }
    if name == "--serve" || name == "--serve-busily" {
        let word = |n| std::env::args().nth(n).unwrap_or_default();
        // the suite looks for this number among arguments, and must not find this program's
        return serve(word(2).trim_start_matches("run-"), &word(3), &word(4), name == "--serve-busily");
    }
    if name == "--list" {
        for (name, outside, _) in attacks {
            let control = match outside {
                Outside::Works => "works".to_owned(),
                Outside::Root => "root".to_owned(),
                Outside::Depends => "depends".to_owned(),
                Outside::Never(why) => format!("never {why}"),
            };
            println!("{name} {control}");
        }
        return;
    }
    let Some((_, _, attack)) = attacks.find(|(known, _, _)| *known == name) else {
        eprintln!("no attack is called {name}");
        exit(2)
    };
    if in_world() {
        world::enter();
    }
    match attack() {
        Ok(()) => exit(0),
        Err(why) => {
            eprintln!("{name}: {why}");
            exit(1)
        }
    }
}
