//! The handle.

use std::{
    os::unix::ffi::OsStrExt,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use domain::{Clock, Json};
use sandbox_launcher::wire::Profile;

use tokio::sync::Semaphore;

use crate::{
    Attestation, Choice, Error, Exit, Failure, Guarantees, Limits, Outcome, Program, Root, SandboxConfig, Spec, Usage,
    attest,
    backend::{Backend, Finished, Task},
    choice, executable, language, probe,
};

/// Runs programs, each in a container of its own. Cheap to clone; one per server is enough.
///
/// Dropping the last clone ends all launchers and removes their control groups, which takes some milliseconds.
#[derive(Clone)]
pub struct Sandbox {
    inner: Arc<Inner>,
}

struct Inner {
    backend: Box<dyn Backend>,
    choice: Choice,
    profiles: std::sync::Mutex<std::collections::HashMap<Profile, String>>,
    turns: Semaphore,
    config: SandboxConfig,
    clock: Clock,
    measured: RwLock<Measurement>,
}

#[derive(Default)]
struct Measurement {
    guarantees: Guarantees,
    /// Set when this host cannot run sandboxes at all: (reason, remedy).
    unavailable: Option<(String, String)>,
}

impl Sandbox {
    /// Measures the host with a hostile program of our own and starts the first launchers. Succeeds also where code
    /// cannot be run: then [`guarantees`](Self::guarantees) tells what is missing and every [`run`](Self::run) refuses.
    ///
    /// # Errors
    /// [`Broken`](Error::Broken): out of descriptors, memory or threads.
    pub async fn start(config: SandboxConfig, clock: Clock) -> Result<Self, Error> {
        let choice::Chosen { backend, choice, measured } = choice::choose(&config).await?;
        let measured = match measured {
            Ok(guarantees) => Measurement { guarantees, unavailable: None },
            Err(Error::Unavailable { reason, remedy }) => {
                tracing::warn!(backend = backend.name(), %reason, %remedy, "code cannot be run on this host");
                Measurement { guarantees: probe::nothing(&reason), unavailable: Some((reason, remedy)) }
            }
            Err(error) => return Err(error),
        };
        let turns = Semaphore::new(config.max_concurrent.max(1));
        let (measured, profiles) = (RwLock::new(measured), std::sync::Mutex::default());
        let inner = Inner { backend, choice, profiles, turns, config, clock, measured };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Who makes the containers here, and why.
    pub fn choice(&self) -> &Choice {
        &self.inner.choice
    }

    /// What the host gave when it was last measured.
    pub fn guarantees(&self) -> Guarantees {
        self.inner.measured.read().unwrap_or_else(PoisonError::into_inner).guarantees.clone()
    }

    /// Attacks a sandbox of its own and measures again.
    ///
    /// # Errors
    /// [`Unavailable`](Error::Unavailable): this host cannot run sandboxes.
    pub async fn probe(&self) -> Result<Guarantees, Error> {
        let found = probe::measure(&*self.inner.backend).await;
        let mut measured = self.inner.measured.write().unwrap_or_else(PoisonError::into_inner);
        match found {
            Ok(guarantees) => {
                *measured = Measurement { guarantees: guarantees.clone(), unavailable: None };
                Ok(guarantees)
            }
            Err(Error::Unavailable { reason, remedy }) => {
                let guarantees = probe::nothing(&reason);
                *measured = Measurement { guarantees, unavailable: Some((reason.clone(), remedy.clone())) };
                Err(Error::Unavailable { reason, remedy })
            }
            Err(error) => Err(error),
        }
    }

    /// Whether a run would be refused now, and why: for start-up checks.
    ///
    /// # Errors
    /// [`Unavailable`](Error::Unavailable) or [`GuaranteeMissing`](Error::GuaranteeMissing).
    pub fn ready(&self) -> Result<(), Error> {
        let measured = self.inner.measured.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((reason, remedy)) = &measured.unavailable {
            return Err(Error::Unavailable { reason: reason.clone(), remedy: remedy.clone() });
        }
        choice::missing(&measured.guarantees, &self.inner.config)
    }

    /// Runs `spec` once in a fresh container and removes it before returning. Dropping the future kills the run.
    ///
    /// # Errors
    /// Nothing ran, for the reason told. What code did is an [`Outcome`], also when it was killed.
    pub async fn run(&self, spec: Spec) -> Result<Outcome, Error> {
        self.ready()?;
        check(&spec.limits)?;
        let Inner { backend, config, clock, turns, .. } = &*self.inner;
        let limits = &spec.limits;
        let started_at = clock.now();
        let turn = async {
            let waited_ms = config.max_wait.as_millis() as u64;
            let turn = tokio::time::timeout(config.max_wait, turns.acquire()).await;
            turn.map_err(|_| Error::Busy { waited_ms })?.map_err(|_| Error::Busy { waited_ms })
        };
        let (profile, finished, result) = match &spec.program {
            Program::Code { language, source, input } => {
                let tree = config.root.as_deref();
                let task = language::task(&config.python, tree, *language, source, input, limits)?;
                let profile = task.profile;
                let _turn = turn.await?;
                let mut finished = backend.run(&task).await?;
                let result = language::answer(*language, &mut finished, limits);
                (profile, finished, result)
            }
            Program::Executable { path, arguments, root, stdin } => {
                let (profile, tree) = match root {
                    Root::Empty => (Profile::Empty, None),
                    Root::HostUsr => (Profile::HostUsr, None),
                    Root::Tree(tree) => (Profile::Tree, Some(choice::checked_tree(tree)?)),
                };
                let found = executable::locate(path, root)?;
                let name = std::iter::once(found.name.clone()).chain(found.before.clone());
                let rest = arguments.iter().map(|word| word.as_bytes().to_vec());
                let arguments: Vec<Vec<u8>> = name.chain(rest).collect();
                let bytes: usize = arguments.iter().map(|word| word.len() + 8).sum();
                if bytes > MAX_ARGUMENT_BYTES {
                    let reason =
                        format!("its arguments are {bytes} bytes long, more than the {MAX_ARGUMENT_BYTES} allowed");
                    return Err(Error::NotExecutable { path: path.clone(), reason });
                }
                let task = Task {
                    profile,
                    tree,
                    program: found.program,
                    arguments,
                    stdin: stdin.clone(),
                    result_bytes: None,
                    own_network: true,
                    output_bytes: limits.output_bytes,
                    limits,
                };
                let _turn = turn.await?;
                let finished = backend.run(&task).await?;
                let result = result_of(finished.exit, limits);
                (profile, finished, result)
            }
        };
        let Finished { exit, mut stdout, mut stderr, wall_us, cpu_us, peak_bytes, .. } = finished;
        mark(&mut stdout);
        mark(&mut stderr);
        let attestation = Attestation {
            backend: backend.name(),
            profile_sha256: self.profile(profile),
            guarantees: self.guarantees(),
            limits: spec.limits,
            started_at,
            finished_at: clock.now(),
        };
        let usage = Usage { wall_us, cpu_us, peak_memory_bytes: peak_bytes };
        Ok(Outcome { exit, result, stdout, stderr, usage, attestation })
    }

    /// The processes that wait for work, for measurements.
    pub fn waiting_launchers(&self) -> Vec<u32> {
        self.inner.backend.waiting()
    }

    fn profile(&self, profile: Profile) -> String {
        let mut known = self.inner.profiles.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(profile).or_insert_with(|| attest::profile(&*self.inner.backend, profile)).clone()
    }
}

/// All arguments together, each with eight bytes beside it: they travel to the launcher in one packet.
const MAX_ARGUMENT_BYTES: usize = sandbox_launcher::wire::MAX_PACKET - (8 << 10);

fn mark(output: &mut crate::Captured) {
    if output.truncated {
        output.bytes.extend(crate::Captured::MARKER.as_bytes());
    }
}

fn check(limits: &Limits) -> Result<(), Error> {
    let bad = |name, reason: &str| Err(Error::BadLimit { name, reason: reason.into() });
    if limits.wall_clock.is_zero() || limits.wall_clock > Duration::from_secs(24 * 3600) {
        return bad("wall_clock", "from one millisecond to one day");
    }
    if limits.memory_bytes < 8 << 20 {
        return bad("memory_bytes", "at least 8 MiB");
    }
    if limits.memory_bytes > 1 << 42 {
        return bad("memory_bytes", "at most 4 TiB");
    }
    if limits.processes == 0 || limits.processes > 32_768 {
        return bad("processes", "from 1 to 32,768");
    }
    if limits.output_bytes > 1 << 30 {
        return bad("output_bytes", "at most 1 GiB");
    }
    if limits.scratch_bytes > 1 << 42 {
        return bad("scratch_bytes", "at most 4 TiB");
    }
    if limits.open_files > 65_536 {
        return bad("open_files", "at most 65,536");
    }
    if limits.cpu_percent == 0 || limits.cpu_percent > 100_000 {
        return bad("cpu_percent", "from 1 to 100,000");
    }
    Ok(())
}

fn result_of(exit: Exit, limits: &Limits) -> Result<Json, Failure> {
    Err(match exit {
        Exit::Code(0) => return Ok(Json::Null),
        Exit::Code(code) => Failure::Died { exit_code: Some(code), signal: None },
        Exit::Signal(signal) => Failure::Died { exit_code: None, signal: Some(signal) },
        Exit::TimedOut => Failure::TimedOut { limit_ms: limits.wall_clock.as_millis() as u64 },
        Exit::CpuExhausted => Failure::TimedOut { limit_ms: limits.cpu_time.as_millis() as u64 },
        Exit::OutOfMemory => Failure::OutOfMemory { limit_bytes: limits.memory_bytes },
        Exit::KilledByFilter => Failure::KilledByFilter,
        Exit::OutputFlood => Failure::OutputTooLarge { limit_bytes: limits.output_bytes },
    })
}
