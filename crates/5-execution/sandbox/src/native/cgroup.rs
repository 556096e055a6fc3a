//! Control groups, version 1 and 2: one group per launcher, below a group of the server's own.
//!
//! A launcher sits in its group from its start, because moving a process costs milliseconds; per call only the numbers
//! that changed are written.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use crate::{Limits, backend::Coverage};

/// The groups of one [`Sandbox`](crate::Sandbox).
#[derive(Debug)]
pub struct Groups {
    layout: Layout,
    next: AtomicU64,
}

#[derive(Debug)]
enum Layout {
    /// One directory per controller; those that could be made.
    One {
        memory: Option<PathBuf>,
        pids: Option<PathBuf>,
        cpu: Option<PathBuf>,
    },
    Two {
        base: PathBuf,
    },
    None {
        why: String,
    },
}

/// The group of one launcher.
#[derive(Debug)]
pub struct Cell {
    memory: Option<MemoryFiles>,
    pids: Option<PathBuf>,
    cpu: Option<PathBuf>,
    two: bool,
    directories: Vec<PathBuf>,
    set: Option<(u64, u32, u32)>,
    kills: u64,
}

#[derive(Debug)]
struct MemoryFiles {
    directory: PathBuf,
    kills: File,
    peak: Option<File>,
}

/// Counts groups over all sandboxes of this process.
static BASES: AtomicU64 = AtomicU64::new(0);

/// Where our groups will be. Known before they are made, so that whoever removes them can be told first.
#[derive(Debug)]
pub struct Plan {
    places: Places,
    name: String,
}

impl Plan {
    /// Finds out where our own process sits.
    pub fn new() -> Self {
        let name = format!("nodeloom-{}-{}", std::process::id(), BASES.fetch_add(1, Ordering::Relaxed));
        Self { places: Places::read().unwrap_or_default(), name }
    }
    /// Every directory that [`Self::make`] may make.
    pub fn directories(&self) -> Vec<PathBuf> {
        let one = self.places.one.iter().map(|(_, own)| own);
        self.places.two.iter().chain(one).map(|own| own.join(&self.name)).collect()
    }
    /// Makes what this host delegates to us.
    pub fn make(self) -> Groups {
        self.places.two.iter().chain(self.places.one.iter().map(|(_, own)| own)).for_each(|own| sweep(own));
        Groups { layout: layout(&self.places, &self.name), next: AtomicU64::new(0) }
    }
}

impl Groups {
    /// What is limited.
    pub fn coverage(&self) -> Coverage {
        match &self.layout {
            Layout::One { memory, pids, cpu } => {
                Coverage { memory: memory.is_some(), pids: pids.is_some(), cpu: cpu.is_some(), how: "cgroup v1".into() }
            }
            Layout::Two { .. } => Coverage { memory: true, pids: true, cpu: true, how: "cgroup v2".into() },
            Layout::None { why } => Coverage { memory: false, pids: false, cpu: false, how: why.clone() },
        }
    }
    /// A group for one more launcher.
    pub fn cell(&self) -> io::Result<Cell> {
        let name = format!("l{}", self.next.fetch_add(1, Ordering::Relaxed));
        let below = |base: &Option<PathBuf>| -> io::Result<Option<PathBuf>> {
            let Some(base) = base else { return Ok(None) };
            let path = base.join(&name);
            fs::create_dir(&path)?;
            Ok(Some(path))
        };
        match &self.layout {
            Layout::None { .. } => Ok(Cell::new(None, None, None, false)?),
            Layout::One { memory, pids, cpu } => Cell::new(below(memory)?, below(pids)?, below(cpu)?, false),
            Layout::Two { base } => {
                let path = below(&Some(base.clone()))?;
                Cell::new(path.clone(), path.clone(), path, true)
            }
        }
    }
}

impl Cell {
    fn new(memory: Option<PathBuf>, pids: Option<PathBuf>, cpu: Option<PathBuf>, two: bool) -> io::Result<Self> {
        let mut directories: Vec<PathBuf> = [&memory, &pids, &cpu].into_iter().flatten().cloned().collect();
        directories.dedup();
        let (kills, peak) =
            if two { ("memory.events", "memory.peak") } else { ("memory.oom_control", "memory.max_usage_in_bytes") };
        let memory = match memory {
            None => None,
            Some(directory) => Some(MemoryFiles {
                kills: File::open(directory.join(kills))?,
                peak: OpenOptions::new().read(true).write(true).open(directory.join(peak)).ok(),
                directory,
            }),
        };
        Ok(Self { memory, pids, cpu, two, directories, set: None, kills: 0 })
    }
    /// Puts a process in.
    pub fn place(&self, pid: u32) -> io::Result<()> {
        self.directories.iter().try_for_each(|at| fs::write(at.join("cgroup.procs"), pid.to_string()))
    }
    /// Sets what the next run may use, and forgets the last run's peak.
    pub fn set(&mut self, limits: &Limits) -> io::Result<()> {
        let wanted = (limits.memory_bytes, limits.processes, limits.cpu_percent);
        if self.set != Some(wanted) {
            self.write(limits)?;
            self.set = Some(wanted);
        }
        if let Some(memory) = &mut self.memory {
            // before Linux 6.12, version 2 cannot forget a peak; then the last run's would be taken for this one's
            let again: &[u8] = if self.two { b"reset\n" } else { b"0\n" };
            if memory.peak.as_ref().is_some_and(|peak| peak.write_at(again, 0).is_err()) {
                memory.peak = None;
            }
        }
        Ok(())
    }
    fn write(&self, limits: &Limits) -> io::Result<()> {
        if let Some(MemoryFiles { directory, .. }) = &self.memory {
            let bytes = limits.memory_bytes.saturating_add(LAUNCHER_BYTES).to_string();
            if self.two {
                fs::write(directory.join("memory.max"), &bytes)?;
                let _ = fs::write(directory.join("memory.swap.max"), "0");
            } else {
                let both = directory.join("memory.memsw.limit_in_bytes");
                // whichever of the two is lower may be in the way of the other
                let first = fs::write(directory.join("memory.limit_in_bytes"), &bytes);
                let _ = fs::write(&both, &bytes);
                if first.is_err() {
                    fs::write(directory.join("memory.limit_in_bytes"), &bytes)?;
                }
                let _ = fs::write(directory.join("memory.swappiness"), "0");
            }
        }
        if let Some(pids) = &self.pids {
            // the launcher itself and the guest's first process
            fs::write(pids.join("pids.max"), limits.processes.saturating_add(2).to_string())?;
        }
        if let Some(cpu) = &self.cpu {
            let quota = u64::from(limits.cpu_percent.max(1)) * 1000;
            if self.two {
                fs::write(cpu.join("cpu.max"), format!("{quota} 100000"))?;
            } else {
                fs::write(cpu.join("cpu.cfs_period_us"), "100000")?;
                fs::write(cpu.join("cpu.cfs_quota_us"), quota.to_string())?;
            }
        }
        Ok(())
    }
    /// Whether something was killed for memory since this was last asked.
    pub fn ran_out_of_memory(&mut self) -> bool {
        let Some(memory) = &self.memory else { return false };
        let text = read(&memory.kills);
        let kills = text.lines().find_map(|line| line.strip_prefix("oom_kill ")).and_then(|n| n.trim().parse().ok());
        let kills = kills.unwrap_or(self.kills);
        std::mem::replace(&mut self.kills, kills) < kills
    }
    /// The most memory used since [`Self::set`], if the kernel tells.
    pub fn peak_bytes(&self) -> Option<u64> {
        read(self.memory.as_ref()?.peak.as_ref()?).trim().parse().ok()
    }
    /// Processes inside: the launcher alone when nothing runs.
    pub fn processes(&self) -> Option<usize> {
        let at = self.directories.first()?;
        fs::read_to_string(at.join("cgroup.procs")).ok().map(|text| text.lines().count())
    }
    /// Removes the group once it is empty.
    pub fn remove(&self) -> bool {
        let left = self.directories.iter().filter(|at| !sandbox_launcher::janitor::remove(at, false));
        left.count() == 0
    }
}

/// What a launcher itself may hold beside its guest.
const LAUNCHER_BYTES: u64 = 2 << 20;

fn read(file: &File) -> String {
    let mut buffer = [0; 1024];
    let n = file.read_at(&mut buffer, 0).unwrap_or(0);
    String::from_utf8_lossy(&buffer[..n]).into_owned()
}

/// Where our own process sits.
#[derive(Debug, Default)]
struct Places {
    two: Option<PathBuf>,
    /// (controller, directory)
    one: Vec<(String, PathBuf)>,
}

impl Places {
    fn read() -> io::Result<Self> {
        Ok(Self::parse(&fs::read_to_string("/proc/self/cgroup")?, &fs::read_to_string("/proc/self/mountinfo")?))
    }
    fn parse(groups: &str, mounts: &str) -> Self {
        let own = |controller: &str| {
            groups.lines().find_map(|line| {
                let mut parts = line.splitn(3, ':').skip(1);
                let (names, path) = (parts.next()?, parts.next()?);
                names.split(',').any(|name| name == controller).then_some(path)
            })
        };
        let mut places = Self::default();
        for line in mounts.lines() {
            let Some((left, right)) = line.split_once(" - ") else { continue };
            let (left, right) = (left.split(' ').collect::<Vec<_>>(), right.split(' ').collect::<Vec<_>>());
            let ([_, _, _, root, at, ..], [kind, _, options, ..]) = (&left[..], &right[..]) else { continue };
            let place = |path: &str| {
                let inside = path.strip_prefix(root.trim_end_matches('/')).unwrap_or(path);
                Path::new(at).join(inside.trim_start_matches('/'))
            };
            match *kind {
                "cgroup2" => {
                    let at = own("").map(place);
                    let above = at.map(|at| match at.parent() {
                        Some(above) if at.ends_with(LEAF) => above.to_owned(),
                        _ => at,
                    });
                    places.two = places.two.or(above);
                }
                "cgroup" => {
                    for controller in options.split(',').filter(|name| ["memory", "pids", "cpu"].contains(name)) {
                        places.one.extend(own(controller).map(|path| (controller.to_owned(), place(path))));
                    }
                }
                _ => {}
            }
        }
        places
    }
}

/// Removes empty groups of servers that are no more, should their janitor have been killed with them.
fn sweep(own: &Path) {
    for entry in fs::read_dir(own).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let server = name.to_str().and_then(|name| name.strip_prefix("nodeloom-")?.split_once('-'));
        let Some(pid) = server.and_then(|(pid, _)| pid.parse::<u32>().ok()) else { continue };
        if !Path::new("/proc").join(pid.to_string()).exists() {
            sandbox_launcher::janitor::remove(&entry.path(), false);
        }
    }
}

fn layout(places: &Places, name: &str) -> Layout {
    let mut why = "no cgroup is mounted".to_owned();
    if let Some(own) = &places.two {
        let known = fs::read_to_string(own.join("cgroup.controllers")).unwrap_or_default();
        if ["memory", "pids", "cpu"].iter().all(|name| known.split_whitespace().any(|word| word == *name)) {
            match second(own, name) {
                Ok(base) => return Layout::Two { base },
                Err(error) => why = format!("cgroup v2 is not delegated to this process ({error})"),
            }
        }
    }
    let make = |controller: &str| {
        let (_, own) = places.one.iter().find(|(name, _)| name == controller)?;
        let path = own.join(name);
        fs::create_dir(&path).ok().map(|()| path)
    };
    let (memory, pids, cpu) = (make("memory"), make("pids"), make("cpu"));
    if memory.is_none() && pids.is_none() && cpu.is_none() {
        if !places.one.is_empty() {
            why = "cgroup v1 is not writable for this user".into();
        }
        return Layout::None { why };
    }
    Layout::One { memory, pids, cpu }
}

/// The leaf that processes move into, ourselves among them.
const LEAF: &str = "nodeloom-server";

/// Version 2 wants processes in leaves only: when our own group has some, they move into a leaf beside the new one. Whoever
/// was started from such a leaf makes its groups beside it.
fn second(own: &Path, name: &str) -> io::Result<PathBuf> {
    let enable = |at: &Path| fs::write(at.join("cgroup.subtree_control"), "+memory +pids +cpu");
    let base = own.join(name);
    fs::create_dir(&base)?;
    let enabled = enable(own).or_else(|_| {
        let leaf = own.join(LEAF);
        fs::create_dir_all(&leaf)?;
        for pid in fs::read_to_string(own.join("cgroup.procs"))?.lines() {
            fs::write(leaf.join("cgroup.procs"), pid)?;
        }
        enable(own)
    });
    match enabled.and_then(|()| enable(&base)) {
        Ok(()) => Ok(base),
        Err(error) => {
            let _ = fs::remove_dir(&base);
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory that looks like a group, with the files the kernel would make.
    fn group(name: &str, files: &[&str]) -> PathBuf {
        let at = std::env::temp_dir().join(format!("nodeloom-cgroup-test-{}-{name}", std::process::id()));
        fs::create_dir_all(&at).unwrap();
        files.iter().for_each(|file| fs::write(at.join(file), "").unwrap());
        at
    }

    #[test]
    fn version_two_is_written_in_its_own_words() {
        let at = group("two", &["memory.events", "memory.peak"]);
        let one = Some(at.clone());
        let mut cell = Cell::new(one.clone(), one.clone(), one, true).unwrap();
        cell.place(42).unwrap();
        cell.set(&Limits { memory_bytes: 64 << 20, processes: 5, cpu_percent: 50, ..Limits::default() }).unwrap();
        let read = |file: &str| fs::read_to_string(at.join(file)).unwrap();
        assert_eq!(read("memory.max"), ((66u64) << 20).to_string());
        assert_eq!(
            (read("pids.max"), read("cpu.max"), read("cgroup.procs")),
            ("7".into(), "50000 100000".into(), "42".into())
        );
        assert!(!cell.ran_out_of_memory());
        fs::write(at.join("memory.events"), "low 0\noom 1\noom_kill 1\n").unwrap();
        assert!(cell.ran_out_of_memory() && !cell.ran_out_of_memory(), "told once");
        fs::remove_dir_all(at).unwrap();
    }

    #[test]
    fn version_two_needs_all_three_controllers() {
        let at = group("half", &[]);
        fs::write(at.join("cgroup.controllers"), "cpu io pids\n").unwrap();
        let places = Places { two: Some(at.clone()), one: Vec::new() };
        assert!(matches!(layout(&places, "nodeloom-test"), Layout::None { .. }));
        fs::write(at.join("cgroup.controllers"), "cpu io memory pids\n").unwrap();
        let Layout::Two { base } = layout(&places, "nodeloom-test") else { panic!("not taken") };
        assert_eq!(fs::read_to_string(base.join("cgroup.subtree_control")).unwrap(), "+memory +pids +cpu");
        fs::remove_dir_all(at).unwrap();
    }

    #[test]
    fn own_groups_are_found_in_both_versions() {
        let mounts = "30 1 0:5 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
                      31 1 0:6 /docker/x /sys/fs/cgroup/cpu,cpuacct rw shared:1 - cgroup cgroup rw,cpu,cpuacct\n\
                      32 1 0:7 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        let places = Places::parse("4:memory:/a/b\n2:cpu,cpuacct:/docker/x\n0::/user.slice\n", mounts);
        let at = |name: &str| places.one.iter().find(|(n, _)| n == name).map(|(_, p)| p.to_str().unwrap().to_owned());
        assert_eq!(at("memory").as_deref(), Some("/sys/fs/cgroup/memory/a/b"));
        assert_eq!(at("cpu").as_deref(), Some("/sys/fs/cgroup/cpu,cpuacct/"));
        assert_eq!(places.two.as_deref(), Some(Path::new("/sys/fs/cgroup/unified/user.slice")));
        let started_from_a_leaf = Places::parse("0::/system.slice/x.service/nodeloom-server\n", mounts);
        let above = Path::new("/sys/fs/cgroup/unified/system.slice/x.service");
        assert_eq!(started_from_a_leaf.two.as_deref(), Some(above));
    }
}
