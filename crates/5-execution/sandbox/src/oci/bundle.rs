//! The bundle: what the runtime is told about one container.

use std::{fs, io, path::PathBuf};

use sandbox_launcher::keeper;
use serde_json::{Value, json};

use super::runtime::Groups;
use crate::{
    Guarantee, Strength,
    backend::{Coverage, Row, Task},
    engine_profile::{self, KEEPER},
    kept,
    native::Users,
};

/// The guest's user and group inside.
const NOBODY: u32 = 65534;

/// Which users of the host the container's are.
#[derive(Clone, Copy, Debug)]
pub enum Identity {
    /// The server is root: two numbers that nobody else has.
    Mapped { first: u32 },
    /// The server's own user, which becomes the root of a namespace with nobody else in it.
    Own { ids: (u32, u32) },
}

/// One container.
pub struct Bundle {
    pub name: String,
    pub directory: PathBuf,
    pub root: PathBuf,
    /// (directory of the host, its name at the container's top)
    pub shown: Vec<(PathBuf, String)>,
    /// Our own files.
    pub own: PathBuf,
    pub identity: Identity,
    pub groups: Groups,
    /// The runtime brings a kernel of its own (gVisor), which has no Landlock.
    pub own_kernel: bool,
}

impl Bundle {
    /// Writes the bundle's directory.
    pub fn write(&self, task: &Task<'_>) -> io::Result<()> {
        fs::create_dir(&self.directory)?;
        fs::write(self.directory.join("config.json"), self.config(task).to_string())
    }

    fn config(&self, task: &Task<'_>) -> Value {
        let (user, maps) = match self.identity {
            Identity::Mapped { first } => {
                let map = json!([
                    { "containerID": 0, "hostID": first, "size": 1 },
                    { "containerID": NOBODY, "hostID": first + 1, "size": 1 },
                ]);
                (NOBODY, (map.clone(), map))
            }
            Identity::Own { ids: (user, group) } => {
                let map = |id: u32| json!([{ "containerID": 0, "hostID": id, "size": 1 }]);
                (0, (map(user), map(group)))
            }
        };
        let namespaces = ["pid", "ipc", "uts", "mount", "network", "user"].map(|kind| json!({ "type": kind }));
        let mut linux = json!({
            "namespaces": namespaces,
            "uidMappings": maps.0,
            "gidMappings": maps.1,
            "seccomp": engine_profile::seccomp(user == 0),
            "maskedPaths": [
                "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
                "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
            ],
            "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
        });
        if self.groups != Groups::None {
            let limits = task.limits;
            let memory = kept::memory_of(task);
            linux["cgroupsPath"] = json!(format!("/{}", self.name));
            linux["resources"] = json!({
                "memory": { "limit": memory, "swap": memory },
                "pids": { "limit": pids(task) },
                "cpu": { "quota": i64::from(limits.cpu_percent.max(1)) * 1000, "period": 100_000 },
                "devices": [{ "allow": false, "access": "rwm" }],
            });
        }
        let none: [&str; 0] = [];
        // whoever maps the root of a namespace into one below must have been able to give files capabilities; the keeper
        // does that for its guest, which then has none, and lets go of it
        let rights: &[&str] = if user == 0 { &["CAP_SETFCAP"] } else { &[] };
        json!({
            "ociVersion": "1.0.2",
            "hostname": "sandbox",
            "process": {
                "terminal": false,
                "user": { "uid": user, "gid": user },
                "args": [format!("{}/{KEEPER}", keeper::DIRECTORY), "keep", task.profile.word()],
                "env": none,
                "cwd": "/",
                "capabilities": {
                    "bounding": rights, "effective": rights, "permitted": rights, "inheritable": none, "ambient": none,
                },
                "noNewPrivileges": true,
            },
            "root": { "path": self.root, "readonly": true },
            "mounts": self.mounts(task),
            "linux": linux,
        })
    }

    fn mounts(&self, task: &Task<'_>) -> Value {
        let closed = ["nosuid", "noexec", "nodev"];
        // without Landlock, what shall not be read must not be there; gVisor shows /proc, /sys and a writable /tmp unless told
        // otherwise, and its keeper needs none of them
        let nothing = |at: &str, mode: &str| {
            json!({
                "destination": at, "type": "tmpfs", "source": "tmpfs",
                "options": ["ro", "nosuid", "noexec", "nodev", mode, "size=4k"],
            })
        };
        let mut mounts = match self.own_kernel {
            true => vec![nothing("/proc", "mode=000"), nothing("/sys", "mode=000")],
            false => vec![json!({ "destination": "/proc", "type": "proc", "source": "proc", "options": closed })],
        };
        mounts.extend([
            json!({
                "destination": "/dev", "type": "tmpfs", "source": "tmpfs",
                "options": ["nosuid", "noexec", "strictatime", "mode=755", "size=64k"],
            }),
            json!({
                "destination": keeper::DIRECTORY, "type": "bind", "source": self.own,
                "options": ["bind", "ro", "nosuid", "nodev"],
            }),
        ]);
        for (source, name) in &self.shown {
            mounts.push(json!({
                "destination": format!("/{name}"), "type": "bind", "source": source,
                "options": ["rbind", "rprivate", "ro", "nosuid", "nodev"],
            }));
        }
        if let Some(bytes) = kept::scratch_of(task) {
            let inodes = (bytes / 4096).clamp(16, 65536);
            let (size, inodes) = (format!("size={bytes}"), format!("nr_inodes={inodes}"));
            mounts.push(json!({
                "destination": "/tmp", "type": "tmpfs", "source": "tmpfs",
                "options": ["nosuid", "noexec", "nodev", "mode=1777", size, inodes],
            }));
        } else if self.own_kernel {
            mounts.push(nothing("/tmp", "mode=555"));
        }
        json!(mounts)
    }
}

/// The runtime's own start-up has threads, which count.
pub fn pids(task: &Task<'_>) -> i64 {
    i64::from(task.limits.processes).max(32) + 1
}

/// By what each promise is kept where the runtime brings a kernel of its own; `None` = as elsewhere.
pub fn mechanism_of_own_kernel(guarantee: Guarantee) -> Option<Row> {
    let held = |how: &str| Some((Strength::Held, how.to_owned(), None));
    match guarantee {
        Guarantee::NoNetwork => {
            held("gVisor's own network without an interface; socket and connect are not allowed calls")
        }
        Guarantee::ReadOnlyFilesystem => held("a root of its own, read-only, behind gVisor's file server"),
        Guarantee::SystemCallFilter => {
            held("gVisor's kernel answers instead of the host's, after our list of allowed calls")
        }
        Guarantee::SecondFileWall => Some((
            Strength::Missing,
            "gVisor's kernel has no Landlock".into(),
            Some("files are held by gVisor alone; /proc, /sys and /tmp are empty and read-only".into()),
        )),
        Guarantee::OwnProcesses => held("a kernel of its own, with no process in it but the guest's; no /proc"),
        Guarantee::OwnIpc => held("a kernel of its own; clocks cannot be set"),
        _ => None,
    }
}

/// By what each promise is kept under an OCI runtime.
pub fn mechanism(guarantee: Guarantee, users: Users, coverage: &Coverage, landlock: u32) -> Row {
    let held = |how: &str| (Strength::Held, how.to_owned(), None);
    let weaker = |how: &str, why: &str| (Strength::Weaker, how.to_owned(), Some(format!("{why}; {}", coverage.how)));
    match guarantee {
        Guarantee::NoNetwork => held("an empty network namespace; socket and connect are not allowed calls"),
        Guarantee::ReadOnlyFilesystem => held("a root of its own, mounted read-only by the runtime; Landlock inside"),
        Guarantee::NoCapabilities => held("all five sets empty"),
        Guarantee::NotRoot => match users {
            Users::Given { first, .. } => {
                held(&format!("user {NOBODY} inside; on the host a number from {first} on that nobody else has"))
            }
            Users::Own => held("user 1000 in a user namespace of its own; on the host the server's unprivileged user"),
            Users::Root | Users::OwnRoot => (
                Strength::Missing,
                "the server is root of a user namespace with no other number".into(),
                Some("give the container more than one user id, or run the server as an ordinary user".into()),
            ),
        },
        Guarantee::NoNewPrivileges => held("no_new_privs; nothing is set-user-id in the root"),
        Guarantee::SystemCallFilter => held("seccomp twice: the runtime's list, and the guest's own shorter one"),
        Guarantee::SecondFileWall if landlock > 0 => held(&format!("Landlock version {landlock}")),
        Guarantee::SecondFileWall => (
            Strength::Missing,
            "this kernel, or the runtime's, has no Landlock".into(),
            Some("/proc stays readable inside; boot with lsm=landlock,...".into()),
        ),
        Guarantee::OwnProcesses => held("a process namespace; its /proc is closed by Landlock"),
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
        Guarantee::TimeLimit => held("the keeper kills everything in its process namespace"),
        Guarantee::OutputLimit => held("the keeper passes output on up to the limit"),
        Guarantee::NothingLeft => held("container, control group and bundle are removed, and looked for afterwards"),
    }
}
