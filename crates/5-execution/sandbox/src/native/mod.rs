//! The native backend: launchers in control groups of their own, kept waiting in a pool.
//!
//! A launcher runs one job at a time. It comes from the pool or is started for the call, and goes back when its job
//! ended in good order; after anything unusual it is thrown away with its group.

mod cgroup;
mod launcher;
mod output;
mod users;

use std::{
    ffi::CStr,
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::PathBuf,
    process::Child,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread::JoinHandle,
    time::Duration,
};

use sandbox_launcher::{
    child::Step,
    sys,
    wire::{Job, Profile, Report},
};
use tokio::sync::Semaphore;

pub use cgroup::Coverage;
use launcher::{Launcher, NotStarted, Remains, spawn};
use output::Reader;
pub use users::Users;

use crate::{Captured, Error, Exit, Limits, SandboxConfig};

/// The launcher, as built by this crate's build script.
pub const LAUNCHER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/nodeloom-launcher"));
/// The JavaScript runner, as built by this crate's build script.
pub const JAVASCRIPT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/nodeloom-js"));

/// One program to run, already in the launcher's words.
pub struct Task<'a> {
    pub profile: Profile,
    pub program: Executable<'a>,
    pub arguments: Vec<Vec<u8>>,
    pub stdin: Vec<u8>,
    /// The longest result taken from the fourth descriptor; `None` = there is none.
    pub result_bytes: Option<u64>,
    /// A network namespace made for this run alone, instead of the launcher's empty one.
    pub own_network: bool,
    /// The longest standard output taken.
    pub output_bytes: u64,
    pub limits: &'a Limits,
}

/// Where the program comes from.
pub enum Executable<'a> {
    /// A path inside the root.
    Inside(Vec<u8>),
    /// An open file.
    Open(BorrowedFd<'a>),
    /// An interpreter inside the root, and a script to be put into a /tmp of its own under a name.
    Script(Vec<u8>, &'a str, BorrowedFd<'a>),
}

/// What came of a task.
pub struct Finished {
    pub exit: Exit,
    pub stdout: Captured,
    pub stderr: Captured,
    pub result: Captured,
    pub wall_us: u64,
    pub cpu_us: u64,
    pub peak_bytes: u64,
    /// The launcher's group held nothing but the launcher afterwards.
    pub clean: bool,
}

/// See the module.
pub struct Native {
    program: OwnedFd,
    pub javascript: OwnedFd,
    groups: cgroup::Groups,
    users: Users,
    started: AtomicU32,
    keep: usize,
    waiting: Mutex<Vec<Launcher>>,
    turns: Semaphore,
    max_wait: Duration,
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
            turns: Semaphore::new(config.max_concurrent.max(1)),
            max_wait: config.max_wait,
            undertaker: Some(undertaker),
            burials: Some(burials),
            janitor,
        })
    }
    /// Our own helper, which also is the hostile program of the self-check.
    pub fn helper(&self) -> BorrowedFd<'_> {
        self.program.as_fd()
    }
    /// What control groups limit here.
    pub fn coverage(&self) -> Coverage {
        self.groups.coverage()
    }
    /// Whose rights guests have on the host.
    pub fn users(&self) -> Users {
        self.users
    }
    /// Processes that wait for jobs.
    pub fn waiting_pids(&self) -> Vec<u32> {
        self.lock().iter().map(Launcher::pid).collect()
    }
    /// Starts a launcher for `profile` ahead of the first call; gives the version of Landlock in force.
    pub async fn warm(&self, profile: Profile) -> Result<u32, Error> {
        let launcher = self.take(profile).await?;
        let landlock = launcher.landlock;
        self.give_back(launcher);
        Ok(landlock)
    }

    /// Runs one task to its end.
    pub async fn run(&self, task: Task<'_>) -> Result<Finished, Error> {
        let turn = tokio::time::timeout(self.max_wait, self.turns.acquire()).await;
        let waited_ms = self.max_wait.as_millis() as u64;
        let _turn = turn.map_err(|_| Error::Busy { waited_ms })?.map_err(|_| Error::Busy { waited_ms })?;
        let mut launcher = self.take(task.profile).await?;
        let result = self.run_in(&mut launcher, &task).await;
        if let Ok((_, true)) = result {
            self.give_back(launcher);
        }
        result.map(|(finished, _)| finished)
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
        let mut fds = vec![input.as_fd(), out_end.as_fd(), err_end.as_fd()];
        if task.result_bytes.is_some() {
            fds.push(told_end.as_fd());
        }
        let (path, script) = match &task.program {
            Executable::Inside(path) => (path.clone(), ""),
            Executable::Open(fd) => {
                fds.push(*fd);
                (Vec::new(), "")
            }
            Executable::Script(interpreter, name, fd) => {
                fds.push(*fd);
                (interpreter.clone(), *name)
            }
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

    async fn take(&self, profile: Profile) -> Result<Launcher, Error> {
        let find = || {
            let mut waiting = self.lock();
            waiting.iter().rposition(|launcher| launcher.profile == profile).map(|at| waiting.swap_remove(at))
        };
        while let Some(mut launcher) = find() {
            if launcher.is_alive() {
                return Ok(launcher);
            }
        }
        self.start(profile).await.map_err(|failed| unavailable(&failed))
    }
    fn give_back(&self, launcher: Launcher) {
        let mut waiting = self.lock();
        let same = waiting.iter().filter(|other| other.profile == launcher.profile).count();
        if same < self.keep {
            waiting.push(launcher);
        }
    }
    async fn start(&self, profile: Profile) -> Result<Launcher, NotStarted> {
        let host_id = self.users.pick(self.started.fetch_add(1, Ordering::Relaxed));
        let cell = self.groups.cell().map_err(|error| NotStarted { step: "make a control group".into(), error })?;
        let Some(undertaker) = self.undertaker.clone() else {
            return Err(NotStarted { step: "start the launcher".into(), error: io::ErrorKind::NotConnected.into() });
        };
        Launcher::start(self.program.as_fd(), profile, cell, host_id, undertaker).await
    }
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Launcher>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
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

fn exit_of(report: &Report, limits: &Limits, starved: bool, flooded: bool) -> Exit {
    const SIGSYS: i32 = 31;
    const SIGXCPU: i32 = 24;
    let signal = report.status & 0x7f;
    let code = (report.status >> 8) & 0xff;
    let cpu_spent = report.cpu_us >= (limits.cpu_time.as_secs_f64().ceil() * 800_000.0) as u64;
    match signal {
        _ if report.timed_out => Exit::TimedOut,
        _ if starved && report.status != 0 => Exit::OutOfMemory,
        _ if flooded => Exit::OutputFlood,
        0 => Exit::Code(code),
        SIGSYS => Exit::KilledByFilter,
        SIGXCPU => Exit::CpuExhausted,
        SIGKILL if cpu_spent => Exit::CpuExhausted,
        other => Exit::Signal(other),
    }
}

fn failed(report: &Report, task: &Task<'_>) -> Error {
    let source = io::Error::from_raw_os_error(report.errno);
    let name = Step::name(report.failed_step);
    if report.failed_step == Step::Execute as u32 {
        let path = match &task.program {
            Executable::Inside(path) | Executable::Script(path, ..) => {
                PathBuf::from(String::from_utf8_lossy(path).into_owned())
            }
            Executable::Open(_) => {
                PathBuf::from(task.arguments.first().map_or("".into(), |a| String::from_utf8_lossy(a).into_owned()))
            }
        };
        let hint = if report.errno == 2 { " (or its loader or interpreter is not in the sandbox's root)" } else { "" };
        return Error::NotExecutable { path, reason: format!("{source}{hint}") };
    }
    Error::broken(name)(source)
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
