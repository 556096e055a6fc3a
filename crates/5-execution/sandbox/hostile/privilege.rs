//! Ways to more rights.

use libc::*;

use crate::{
    Attack,
    Outside::{Depends, Root, Works},
    call, got,
};

fn capabilities() -> [u32; 6] {
    let header = [0x2008_0522u32, 0];
    let mut sets = [0u32; 6];
    unsafe { syscall(SYS_capget, header.as_ptr(), sets.as_mut_ptr()) };
    sets
}

pub const ATTACKS: &[Attack] = &[
    ("be-root", Root, || got(unsafe { getuid() == 0 || geteuid() == 0 }, "an ordinary user")),
    ("be-in-root-group", Root, || got(unsafe { getgid() == 0 || getegid() == 0 }, "an ordinary group")),
    ("become-root", Root, || call!(SYS_setuid, 0)),
    ("become-root-group", Root, || call!(SYS_setgid, 0)),
    ("become-root-everywhere", Root, || call!(SYS_setresuid, 0, 0, 0)),
    ("become-another-user", Root, || call!(SYS_setresuid, 4242, 4242, 4242)),
    ("become-file-system-root", Root, || {
        unsafe { syscall(SYS_setfsuid, 0) };
        got(unsafe { syscall(SYS_setfsuid, -1 as c_long) } == 0, "not changed")
    }),
    ("join-groups", Root, || {
        let groups = [0u32, 42];
        call!(SYS_setgroups, 2, groups.as_ptr())
    }),
    ("hold-a-capability", Root, || got(capabilities()[..3].iter().any(|set| *set != 0), "none")),
    ("take-all-capabilities", Root, || {
        let header = [0x2008_0522u32, 0];
        let sets = [0x0000_00ffu32, 0x0000_00ff, 0, 0, 0, 0];
        call!(SYS_capset, header.as_ptr(), sets.as_ptr())
    }),
    ("bounding-set", Root, || got((0..41).any(|n| unsafe { prctl(PR_CAPBSET_READ, n) } == 1), "empty")),
    ("ambient-set", Root, || {
        // what shall be ambient must be inheritable first
        let mut sets = capabilities();
        (sets[2], sets[5]) = (sets[1], sets[4]);
        let header = [0x2008_0522u32, 0];
        call!(SYS_capset, header.as_ptr(), sets.as_ptr())?;
        call!(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 0, 0, 0)
    }),
    ("secure-bits", Root, || call!(SYS_prctl, PR_SET_SECUREBITS, 0, 0, 0, 0)),
    ("new-privileges-allowed", Works, || got(unsafe { prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) } == 0, "locked")),
    ("no-filter", Works, || got(unsafe { prctl(PR_GET_SECCOMP, 0, 0, 0, 0) } == 0, "filtered")),
    ("own-filter", Depends, || {
        // would let a program lie to its own children
        let allow = [0x06u64 | (0x7fff_0000u64 << 32)];
        let program = [1u64, allow.as_ptr() as u64];
        call!(SYS_seccomp, 1, 0, program.as_ptr())
    }),
    ("memory-map-of-process", Depends, || {
        let mut size = 0u32;
        let asked = call!(SYS_prctl, PR_SET_MM, PR_SET_MM_MAP_SIZE, &raw mut size, 0, 0);
        asked.or_else(|_| call!(SYS_prctl, PR_SET_MM, PR_SET_MM_BRK, sbrk(0), 0, 0))
    }),
    ("child-reaper", Works, || call!(SYS_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)),
    ("be-undumpable", Works, || call!(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0)),
    ("raise-limits", Works, || {
        let limit = rlimit { rlim_cur: 4000, rlim_max: 4000 };
        crate::answered(unsafe { setrlimit(RLIMIT_NOFILE, &limit) }.into())
    }),
    // with a limit of 0 a host may still hand a crash to a program of its own
    ("core-limit-of-nothing", Works, || {
        let limit = rlimit { rlim_cur: 0, rlim_max: 0 };
        call!(SYS_setrlimit, RLIMIT_CORE, &raw const limit)
    }),
    ("core-limit-by-process", Works, || {
        let limit = rlimit { rlim_cur: 0, rlim_max: 0 };
        call!(SYS_prlimit64, getpid(), RLIMIT_CORE, &raw const limit, 0)
    }),
    ("core-dumps-possible", Works, || {
        let mut limit = rlimit { rlim_cur: 1, rlim_max: 1 };
        unsafe { getrlimit(RLIMIT_CORE, &raw mut limit) };
        got((limit.rlim_cur, limit.rlim_max) != (1, 1), "the limit that the kernel takes for no core at all")
    }),
    ("raise-file-size", Root, || {
        let limit = rlimit { rlim_cur: 1 << 40, rlim_max: 1 << 40 };
        crate::answered(unsafe { setrlimit(RLIMIT_FSIZE, &limit) }.into())
    }),
    ("raise-processor-time", Root, || {
        let limit = rlimit { rlim_cur: RLIM_INFINITY, rlim_max: RLIM_INFINITY };
        crate::answered(unsafe { setrlimit(RLIMIT_CPU, &limit) }.into())
    }),
    ("raise-priority", Root, || call!(SYS_setpriority, PRIO_PROCESS, 0, -10)),
    ("real-time", Root, || {
        let priority = [1i32];
        call!(SYS_sched_setscheduler, 0, SCHED_FIFO, priority.as_ptr())
    }),
    ("lock-memory", Root, || call!(SYS_mlockall, MCL_CURRENT | MCL_FUTURE)),
    ("hang-up-terminals", Depends, || call!(SYS_vhangup)),
    ("no-address-randomisation", Works, || call!(SYS_personality, 0x0004_0000)),
    ("old-binary-format", Works, || call!(SYS_personality, 0x0000_0008)),
    ("add-key", Works, || call!(SYS_add_key, c"user".as_ptr(), c"hostile".as_ptr(), c"x".as_ptr(), 1, -2)),
    ("request-key", Depends, || call!(SYS_request_key, c"user".as_ptr(), c"hostile".as_ptr(), 0, 0)),
    ("session-keyring", Depends, || call!(SYS_keyctl, 0, -3, 0)),
    ("run-set-user-id-program", Root, || {
        let done = std::process::Command::new("/usr/bin/su").args(["-c", "true"]).output();
        got(done.is_ok_and(|output| output.status.success()), "no rights gained")
    }),
];
