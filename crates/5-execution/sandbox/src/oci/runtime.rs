//! The runtime's program: which one, how it is called, and what it can limit.

use std::{
    fs, io,
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use sandbox_launcher::{janitor, sys};

use crate::{Error, backend::Coverage};

/// A runtime that was found.
pub struct Runtime {
    pub path: PathBuf,
    /// `runc`, `crun`, `runsc`.
    pub name: String,
    pub version: String,
    pub groups: Groups,
    /// Arguments before the command.
    flags: Vec<&'static str>,
}

const KNOWN: [&str; 3] = ["runc", "crun", "runsc"];
const PLACES: [&str; 5] = ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/opt/bin"];

/// Nothing to run code with.
pub fn absent(reason: &str) -> Error {
    Error::Unavailable {
        reason: format!("no OCI runtime: {reason}"),
        remedy: "install runc or crun, name it in sandbox.oci_runtime, or use the native backend".into(),
    }
}

#[allow(clippy::disallowed_methods, reason = "the runtime is started here and nowhere else")]
fn command(path: &Path) -> Command {
    let mut command = Command::new(path);
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command
}

/// Waits for a process of the runtime, and kills it when that takes too long; says whether it ended by itself.
pub fn bury(mut child: Child, most: Duration) -> bool {
    let until = Instant::now() + most;
    for round in 0u32.. {
        match child.try_wait() {
            Ok(None) if Instant::now() < until => {
                std::thread::sleep(Duration::from_millis(if round < 20 { 1 } else { 10 }));
            }
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return false;
            }
            Ok(Some(_)) | Err(_) => break,
        }
    }
    true
}

/// Runs the runtime for a short answer, its first kilobytes.
pub fn ask(mut command: Command, most: Duration) -> io::Result<String> {
    let (from, to) = io::pipe()?;
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::from(to)).stderr(Stdio::null()).spawn()?;
    drop(command);
    // what runs may have children that hold the pipe: the reading ends by itself or is left behind
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut said = Vec::new();
        let _ = from.take(16 << 10).read_to_end(&mut said);
        let _ = tell.send(String::from_utf8_lossy(&said).into_owned());
    });
    let said = told.recv_timeout(most);
    if said.is_err() {
        let _ = child.kill();
    }
    bury(child, most);
    said.map_err(|_| io::ErrorKind::TimedOut.into())
}

/// A runtime says its version at once.
const VERSION_PATIENCE: Duration = Duration::from_secs(10);

impl Runtime {
    /// Looks for `asked`, or for one of those that we know.
    pub fn find(asked: Option<&Path>) -> Result<Self, Error> {
        let named: Vec<&Path> = match asked {
            Some(path) => vec![path],
            None => KNOWN.iter().map(Path::new).collect(),
        };
        let mut tried = String::new();
        for name in named {
            let places = PLACES.iter().map(|place| Path::new(place).join(name));
            let at =
                if name.is_absolute() { Some(name.to_owned()) } else { places.into_iter().find(|at| at.is_file()) };
            let Some(path) = at.filter(|at| at.is_file()) else {
                tried = format!("{tried}{} is not there; ", name.display());
                continue;
            };
            let mut asked = command(&path);
            asked.arg("--version");
            let said = ask(asked, VERSION_PATIENCE);
            let said = said.map_err(|error| absent(&format!("{} does not start: {error}", path.display())))?;
            let version = said.lines().next().unwrap_or("").trim().to_owned();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            return Ok(Self::new(path, name, version));
        }
        Err(absent(tried.trim_end_matches("; ")))
    }

    fn new(path: PathBuf, name: String, version: String) -> Self {
        let groups = Groups::find();
        let mut flags = Vec::new();
        let groups = match (&name[..], groups) {
            // refuses a machine on which both versions are mounted and the second has a controller
            ("crun", groups) if groups == Groups::None || is_hybrid() => {
                flags.push("--cgroup-manager=disabled");
                Groups::None
            }
            ("runsc", _) => {
                flags.extend(["--network=none", "--ignore-cgroups"]);
                Groups::None
            }
            (_, groups) => groups,
        };
        Self { path, name, version, groups, flags }
    }

    /// gVisor: guests meet its kernel and not the host's.
    pub fn has_own_kernel(&self) -> bool {
        self.name == "runsc"
    }

    /// The runtime's program with its state below `base`.
    pub fn command(&self, base: &Path) -> Command {
        let mut command = command(&self.path);
        command.arg("--root").arg(base.join("state")).args(&self.flags);
        command
    }
}

/// The control groups that the runtime can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Groups {
    One,
    Two,
    None,
}

/// Both versions are mounted, as systemd calls it "hybrid".
fn is_hybrid() -> bool {
    Path::new("/sys/fs/cgroup/unified/cgroup.controllers").exists()
}

const ONE: [&str; 3] = ["memory", "pids", "cpu"];

impl Groups {
    fn find() -> Self {
        let writable = |at: &Path| {
            let probe = at.join(format!("nodeloom-oci-{}-probe", std::process::id()));
            let made = fs::create_dir(&probe).is_ok();
            let _ = fs::remove_dir(&probe);
            made
        };
        let base = Path::new("/sys/fs/cgroup");
        let known = fs::read_to_string(base.join("cgroup.controllers")).unwrap_or_default();
        if sys::ids().0 != 0 {
            return Self::None;
        }
        if ONE.iter().all(|name| known.split_whitespace().any(|word| word == *name)) && writable(base) {
            return Self::Two;
        }
        if ONE.iter().all(|name| writable(&base.join(name))) { Self::One } else { Self::None }
    }
    /// Whether memory is limited by a group.
    pub fn memory(self) -> bool {
        self != Self::None
    }
    pub fn coverage(self) -> Coverage {
        let how = match self {
            Self::One => "cgroup v1, made by the runtime",
            Self::Two => "cgroup v2, made by the runtime",
            Self::None => "the runtime may not use control groups here",
        };
        Coverage { memory: self.memory(), pids: self.memory(), cpu: self.memory(), how: how.into() }
    }
    /// Whether something in the container was killed for want of memory.
    pub fn starved(self, name: &str) -> bool {
        let path = match self {
            Self::One => format!("/sys/fs/cgroup/memory/{name}/memory.oom_control"),
            Self::Two => format!("/sys/fs/cgroup/{name}/memory.events"),
            Self::None => return false,
        };
        let text = fs::read_to_string(path).unwrap_or_default();
        text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok()).is_some_and(|n: u64| n > 0)
    }
    /// Whether the container's group is gone; removes it if it is empty and was left.
    pub fn gone(self, name: &str) -> bool {
        let at = match self {
            Self::One => Path::new("/sys/fs/cgroup/memory").join(name),
            Self::Two => Path::new("/sys/fs/cgroup").join(name),
            Self::None => return true,
        };
        !at.exists() || janitor::remove(&at, true)
    }
}

/// Removes what servers that are no more have left: bundles, and groups with whoever is still in them.
pub fn sweep(place: &Path) {
    let left = left_in(place);
    let names: Vec<_> = left.iter().filter_map(|path| path.file_name()?.to_str()).collect();
    // a runtime outlives its server for a moment, and would make again what is removed
    let until = Instant::now() + Duration::from_secs(5);
    while !names.is_empty() && at_work(&names) && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(20));
    }
    let groups = fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten().map(|entry| entry.path());
    for directory in groups.chain([PathBuf::from("/sys/fs/cgroup")]) {
        for path in left_in(&directory) {
            janitor::remove(&path, true);
        }
    }
    for path in left_in(place) {
        let _ = fs::remove_dir_all(path);
    }
}

/// Whether a process has one of these names on its command line.
fn at_work(names: &[&str]) -> bool {
    fs::read_dir("/proc").into_iter().flatten().flatten().any(|entry| {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line);
        names.iter().any(|name| line.contains(name))
    })
}

fn left_in(directory: &Path) -> Vec<PathBuf> {
    let dead = |name: &str| {
        let pid = name.strip_prefix("nodeloom-oci-")?.split('-').next()?.parse::<u32>().ok()?;
        Some(!Path::new("/proc").join(pid.to_string()).exists())
    };
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_name().to_str().and_then(dead) == Some(true)).map(|entry| entry.path()).collect()
}
