//! By what the Docker backend keeps each promise.

use crate::{
    Guarantee, Strength,
    backend::{Coverage, Row},
};

/// One row of the table, as far as it does not depend on the self-check.
pub fn mechanism(guarantee: Guarantee, coverage: &Coverage, landlock: u32) -> Row {
    let held = |how: &str| (Strength::Held, how.to_owned(), None);
    let missing = |how: &str| {
        let what = "the engine says that its kernel cannot; see the warnings of `docker info`";
        (Strength::Missing, how.to_owned(), Some(what.to_owned()))
    };
    match guarantee {
        Guarantee::NoNetwork => held("--network none; socket and connect are not allowed calls"),
        Guarantee::ReadOnlyFilesystem => held("--read-only, no volume; Landlock inside"),
        Guarantee::NoCapabilities => held("--cap-drop ALL: all five sets empty"),
        Guarantee::NotRoot => held("user 65534, which is nobody, inside and (without userns-remap) on the host"),
        Guarantee::NoNewPrivileges => held("--security-opt no-new-privileges"),
        Guarantee::SystemCallFilter => held("seccomp twice: our list for the engine, and the guest's own shorter one"),
        Guarantee::SecondFileWall if landlock > 0 => held(&format!("Landlock version {landlock}")),
        Guarantee::SecondFileWall => (
            Strength::Missing,
            "the engine's kernel has no Landlock".into(),
            Some("/proc and /sys stay readable inside; boot with lsm=landlock,...".into()),
        ),
        Guarantee::OwnProcesses => held("a process namespace; its /proc is closed by Landlock"),
        Guarantee::OwnIpc => held("--ipc none; a host name of its own; clocks cannot be set"),
        Guarantee::NothingInherited => held("close_range over all descriptors; a new environment of three constants"),
        Guarantee::MemoryLimit if coverage.memory => {
            held(&format!("{}: memory of all processes together", coverage.how))
        }
        Guarantee::MemoryLimit => missing("no memory limit"),
        Guarantee::CpuLimit if coverage.cpu => held(&format!("{}: quota, and RLIMIT_CPU in total", coverage.how)),
        Guarantee::CpuLimit => missing("no processor limit"),
        Guarantee::ProcessLimit if coverage.pids => held(&format!("{}, never below 32", coverage.how)),
        Guarantee::ProcessLimit => missing("no limit on processes"),
        Guarantee::TimeLimit => held("the keeper kills everything in its process namespace"),
        Guarantee::OutputLimit => held("the keeper passes output on up to the limit"),
        Guarantee::NothingLeft => {
            held("--rm, waited for, and looked for afterwards; labels for what a killed server left")
        }
    }
}
