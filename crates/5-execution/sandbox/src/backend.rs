//! What every way of making a container has in common: one task in, one end out.

use std::{io, path::PathBuf};

use async_trait::async_trait;
use sandbox_launcher::{
    child::Step,
    wire::{Profile, Report},
};

use crate::{Captured, Error, Exit, Guarantee, Limits, Strength};

/// The launcher, as built by this crate's build script.
pub const LAUNCHER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/nodeloom-launcher"));
/// The JavaScript runner, as built by this crate's build script.
pub const JAVASCRIPT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/nodeloom-js"));

/// A way to make containers. The walls that a guest meets are the same under each (its filter, its limits, its files), or
/// the table says which is not; who puts them up differs.
#[async_trait]
pub trait Backend: Send + Sync {
    /// `native`, `docker`, `oci (runc)`: for tables and records.
    fn name(&self) -> String;
    /// Gets ready, and says whether it can run anything here.
    async fn prepare(&self) -> Result<(), Error>;
    /// Runs one task to its end and removes everything. Dropping the future kills the run.
    async fn run(&self, task: &Task<'_>) -> Result<Finished, Error>;
    /// What control groups limit.
    fn coverage(&self) -> Coverage;
    /// By what a promise is kept: how well, the words for the table, and what is weaker.
    fn mechanism(&self, guarantee: Guarantee, landlock: u32) -> Row;
    /// What this backend adds to the profile's hash, beside our own programs and filters.
    fn recipe(&self, profile: Profile) -> Vec<u8>;
    /// Processes that wait for jobs.
    fn waiting(&self) -> Vec<u32> {
        Vec::new()
    }
}

/// How well a promise is kept, by what, and what is weaker.
pub type Row = (Strength, String, Option<String>);

/// What the groups limit here.
#[derive(Clone, Debug)]
pub struct Coverage {
    pub memory: bool,
    pub pids: bool,
    pub cpu: bool,
    /// `cgroup v1`, `cgroup v2`, or why there is none.
    pub how: String,
}

/// One program to run.
pub struct Task<'a> {
    pub profile: Profile,
    /// The tree that the guest sees, for [`Profile::Tree`].
    pub tree: Option<PathBuf>,
    pub program: Executable,
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
pub enum Executable {
    /// Our JavaScript runner.
    Javascript,
    /// Our own helper, which also is the hostile program of the self-check.
    SelfCheck,
    /// A path inside the root.
    Inside(Vec<u8>),
    /// A program's bytes.
    Bytes(Vec<u8>),
    /// An interpreter inside the root, and a script's bytes, which are put into a /tmp of its own.
    Script(Vec<u8>, Vec<u8>),
}

/// The name of a script inside.
pub const SCRIPT: &str = "script";

/// What came of a task.
pub struct Finished {
    pub exit: Exit,
    pub stdout: Captured,
    pub stderr: Captured,
    pub result: Captured,
    pub wall_us: u64,
    pub cpu_us: u64,
    pub peak_bytes: u64,
    /// The version of Landlock that held the guest, 0 = none.
    pub landlock: u32,
    /// Nothing of the run was found afterwards.
    pub clean: bool,
}

/// Why a program ended, from what the kernel told.
pub fn exit_of(report: &Report, limits: &Limits, starved: bool, flooded: bool) -> Exit {
    const SIGKILL: i32 = 9;
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

/// Why a program did not start.
pub fn failed(report: &Report, task: &Task<'_>) -> Error {
    let source = io::Error::from_raw_os_error(report.errno);
    let name = Step::name(report.failed_step);
    if report.failed_step == Step::Execute as u32 {
        let path = match &task.program {
            Executable::Inside(path) | Executable::Script(path, ..) => String::from_utf8_lossy(path).into_owned(),
            _ => task.arguments.first().map(|a| String::from_utf8_lossy(a).into_owned()).unwrap_or_default(),
        };
        let hint = if report.errno == 2 { " (or its loader or interpreter is not in the sandbox's root)" } else { "" };
        return Error::NotExecutable { path: path.into(), reason: format!("{source}{hint}") };
    }
    Error::broken(name)(source)
}
