//! The native backend: launchers in control groups of their own, kept waiting in a pool.
//!
//! A launcher runs one job at a time. It comes from the pool or is started for the call, and goes back when its job
//! ended in good order; after anything unusual it is thrown away with its group.

mod cgroup;
mod launcher;
mod output;
mod row;
mod users;

use std::{
    ffi::CStr,
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
    process::Child,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread::JoinHandle,
    time::Duration,
};

use async_trait::async_trait;
use sandbox_launcher::{
    sys,
    wire::{Job, Profile, Report},
};

use launcher::{Launcher, NotStarted, Remains, spawn};
use output::Reader;
pub use users::Users;

use crate::{
    Error, Guarantee, SandboxConfig,
    backend::{Backend, Coverage, Executable, Finished, JAVASCRIPT, LAUNCHER, Row, SCRIPT, Task, exit_of, failed},
};

/// See the module.
pub struct Native {
    program: OwnedFd,
    javascript: OwnedFd,
    groups: cgroup::Groups,
    users: Users,
    started: AtomicU32,
    keep: usize,
    waiting: Mutex<Vec<Launcher>>,
    undertaker: Option<mpsc::Sender<Remains>>,
    burials: Option<JoinHandle<()>>,
    janitor: Option<(OwnedFd, Child)>,
}

impl Native {
    /// Prepares; starts no launcher yet.
    pub fn new(config: &SandboxConfig) -> Result<Self, Error> {
        let file = |name: &CStr, bytes| sys::sealed_file(name, bytes, true).map_err(Error::broken("memfd_create"));
        let (program, javascript) = (file(c"nodeloom-launcher", LAUNCHER)?, file(c"nodeloom-js", JAVASCRIPT)?);
        let plan = cgroup::Plan::new();
        // first, so that there is no moment at which a killed server leaves a group behind
        let janitor = hire_janitor(program.as_fd(), &plan.directories());
        let groups = plan.make();
        let (undertaker, remains) = mpsc::channel::<Remains>();
        let burials = std::thread::Builder::new()
            .name("sandbox-undertaker".into())
            .spawn(move || remains.into_iter().for_each(Remains::bury))
            .map_err(Error::broken("start a thread"))?;
        Ok(Self {
            program,
            javascript,
            groups,
            users: Users::find(config.first_uid),
            started: AtomicU32::new(0),
            keep: config.idle_launchers.max(1),
            waiting: Mutex::new(Vec::new()),
            undertaker: Some(undertaker),
            burials: Some(burials),
            janitor,
        })
    }
    /// Starts a launcher for `profile` ahead of the first call; gives the version of Landlock in force.
    async fn warm(&self, profile: Profile) -> Result<(), Error> {
        let launcher = self.take(profile, None).await?;
        self.give_back(launcher);
        Ok(())
    }

    /// The outcome, and whether the launcher may be used again.
    async fn run_in(&self, launcher: &mut Launcher, task: &Task<'_>) -> Result<(Finished, bool), Error> {
        let limits = task.limits;
        if let Some(cell) = &mut launcher.cell {
            cell.set(limits).map_err(Error::broken("set the control group's limits"))?;
        }
        let input = sys::sealed_file(c"stdin", &task.stdin, false).map_err(Error::broken("memfd_create"))?;
        let (out, out_end) = Reader::new(task.output_bytes)?;
        let (err, err_end) = Reader::new(limits.output_bytes)?;
        let (told, told_end) = Reader::new(task.result_bytes.unwrap_or(0))?;
        let file =
            |bytes, executable| sys::sealed_file(c"program", bytes, executable).map_err(Error::broken("memfd_create"));
        let handed_in = match &task.program {
            Executable::Bytes(bytes) => Some(file(bytes, true)?),
            Executable::Script(_, bytes) => Some(file(bytes, false)?),
            _ => None,
        };
        let program = match &task.program {
            Executable::Javascript => Some(self.javascript.as_fd()),
            Executable::SelfCheck => Some(self.program.as_fd()),
            _ => handed_in.as_ref().map(AsFd::as_fd),
        };
        let mut fds = vec![input.as_fd(), out_end.as_fd(), err_end.as_fd()];
        if task.result_bytes.is_some() {
            fds.push(told_end.as_fd());
        }
        fds.extend(program);
        let (path, script) = match &task.program {
            Executable::Inside(path) => (path.clone(), ""),
            Executable::Script(interpreter, _) => (interpreter.clone(), SCRIPT),
            _ => (Vec::new(), ""),
        };
        let job = Job { path, script: script.into(), ..self.job(task) };
        launcher.submit(&job, &fds).await.map_err(Error::broken("hand the job to the launcher"))?;
        drop(fds);
        drop((input, out_end, err_end, told_end));

        let patience = limits.wall_clock + Duration::from_secs(10);
        let reading = async {
            let all = async { tokio::join!(out.read(), err.read(), told.read()) };
            let all = all.await;
            if all.0.1 || all.1.1 || all.2.1 {
                let _ = launcher.stop().await;
            }
            all
        };
        // an error of the launcher ends the reading too
        let both = tokio::try_join!(launcher.report(patience), async { Ok(reading.await) });
        let starved = launcher.cell.as_mut().is_some_and(cgroup::Cell::ran_out_of_memory);
        let (report, ((stdout, f1), (stderr, f2), (result, f3))) = match both {
            Ok(both) => both,
            // the kernel may have chosen the launcher itself
            Err(_) if starved => (Report { status: SIGKILL, ..Report::default() }, Default::default()),
            Err(error) => return Err(Error::broken("wait for the launcher")(error)),
        };
        if report.failed_step != 0 {
            return Err(failed(&report, task));
        }
        let clean = launcher.cell.as_ref().and_then(cgroup::Cell::processes).is_none_or(|inside| inside <= 1);
        let finished = Finished {
            exit: exit_of(&report, limits, starved, f1 || f2 || f3),
            stdout,
            stderr,
            result,
            wall_us: report.wall_us,
            cpu_us: report.cpu_us,
            peak_bytes: launcher.cell.as_ref().and_then(cgroup::Cell::peak_bytes).unwrap_or(report.peak_bytes),
            landlock: launcher.landlock,
            clean,
        };
        Ok((finished, clean && report.wall_us > 0))
    }

    fn job(&self, task: &Task<'_>) -> Job {
        let limits = task.limits;
        Job {
            wall_ms: (limits.wall_clock.as_millis() as u64).max(1),
            cpu_seconds: limits.cpu_time.as_secs_f64().ceil().max(1.0) as u64,
            // where no group limits memory, address space does; code and libraries are mapped too
            address_space: if self.coverage().memory { 0 } else { limits.memory_bytes.saturating_add(64 << 20) },
            processes: limits.processes.into(),
            open_files: u64::from(limits.open_files.max(8)),
            scratch_bytes: limits.scratch_bytes,
            own_network: task.own_network,
            result_channel: task.result_bytes.is_some(),
            arguments: task.arguments.clone(),
            ..Job::default()
        }
    }

    async fn take(&self, profile: Profile, tree: Option<&Path>) -> Result<Launcher, Error> {
        let find = || {
            let mut waiting = self.lock();
            let same = |launcher: &Launcher| launcher.profile == profile && launcher.tree.as_deref() == tree;
            waiting.iter().rposition(same).map(|at| waiting.swap_remove(at))
        };
        while let Some(mut launcher) = find() {
            if launcher.is_alive() {
                return Ok(launcher);
            }
        }
        self.start(profile, tree).await.map_err(|failed| unavailable(&failed))
    }
    fn give_back(&self, launcher: Launcher) {
        let mut waiting = self.lock();
        let like = |other: &&Launcher| other.profile == launcher.profile && other.tree == launcher.tree;
        let same = waiting.iter().filter(like).count();
        if same < self.keep {
            waiting.push(launcher);
        }
    }
    async fn start(&self, profile: Profile, tree: Option<&Path>) -> Result<Launcher, NotStarted> {
        let host_id = self.users.pick(self.started.fetch_add(1, Ordering::Relaxed));
        let cell = self.groups.cell().map_err(|error| NotStarted { step: "make a control group".into(), error })?;
        let Some(undertaker) = self.undertaker.clone() else {
            return Err(NotStarted { step: "start the launcher".into(), error: io::ErrorKind::NotConnected.into() });
        };
        Launcher::start(self.program.as_fd(), profile, tree, cell, host_id, undertaker).await
    }
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Launcher>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Backend for Native {
    fn name(&self) -> String {
        "native".into()
    }
    async fn prepare(&self) -> Result<(), Error> {
        self.warm(Profile::Empty).await?;
        self.warm(Profile::Javascript).await
    }
    async fn run(&self, task: &Task<'_>) -> Result<Finished, Error> {
        let mut launcher = self.take(task.profile, task.tree.as_deref()).await?;
        let result = self.run_in(&mut launcher, task).await;
        if let Ok((_, true)) = result {
            self.give_back(launcher);
        }
        result.map(|(finished, _)| finished)
    }
    fn coverage(&self) -> Coverage {
        self.groups.coverage()
    }
    fn mechanism(&self, guarantee: Guarantee, landlock: u32) -> Row {
        row::mechanism(guarantee, self.users, &self.coverage(), landlock)
    }
    fn recipe(&self, _: Profile) -> Vec<u8> {
        Vec::new()
    }
    fn waiting(&self) -> Vec<u32> {
        self.lock().iter().map(Launcher::pid).collect()
    }
}

impl Drop for Native {
    fn drop(&mut self) {
        self.lock().clear();
        self.undertaker = None;
        if let Some(burials) = self.burials.take() {
            let _ = burials.join();
        }
        if let Some((channel, mut janitor)) = self.janitor.take() {
            drop(channel);
            let _ = janitor.wait();
        }
    }
}

const SIGKILL: i32 = 9;

fn hire_janitor(program: BorrowedFd<'_>, bases: &[PathBuf]) -> Option<(OwnedFd, Child)> {
    if bases.is_empty() {
        return None;
    }
    let (ours, theirs) = sys::packet_pair().ok()?;
    let mut arguments = vec!["janitor"];
    arguments.extend(bases.iter().filter_map(|base| base.to_str()));
    let child = spawn(program, &arguments, theirs).ok()?;
    Some((ours, child))
}

fn unavailable(failed: &NotStarted) -> Error {
    let reason = format!("{} failed: {}", failed.step, failed.error);
    let remedy = match failed.step.as_str() {
        "unshare user namespace" | "write the user map" | "unshare namespaces" => {
            "allow user namespaces for the server's user (user.max_user_namespaces above 0, \
             kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0; in a container: a \
             seccomp profile that allows clone and unshare), or run the server as root"
        }
        "start the launcher" => "allow programs to be executed from memory files (vm.memfd_noexec below 2)",
        "build the root" => {
            "allow mounts inside user namespaces (in a container: no AppArmor profile that denies mount)"
        }
        _ => "see the sandbox's README for what it needs of the host",
    };
    Error::Unavailable { reason, remedy: remedy.into() }
}
