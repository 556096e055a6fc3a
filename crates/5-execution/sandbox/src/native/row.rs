//! By what the native backend keeps each promise.

use super::Users;
use crate::{
    Guarantee, Strength,
    backend::{Coverage, Row},
};

/// One row of the table, as far as it does not depend on the self-check.
pub fn mechanism(guarantee: Guarantee, users: Users, coverage: &Coverage, landlock: u32) -> Row {
    let held = |how: &str| (Strength::Held, how.to_owned(), None);
    let delegate = "delegate a control group with memory, pids and cpu to the server (systemd: Delegate=yes), \
                    or run it as root";
    let weaker =
        |how: &str, why: &str| (Strength::Weaker, how.to_owned(), Some(format!("{why}; {}: {delegate}", coverage.how)));
    match guarantee {
        Guarantee::NoNetwork => held("an empty network namespace; socket and connect are not allowed calls"),
        Guarantee::ReadOnlyFilesystem => held("a root of its own, read-only; the host's root is let go of"),
        Guarantee::NoCapabilities => held("all five sets emptied, locked by securebits"),
        Guarantee::NotRoot => match users {
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
