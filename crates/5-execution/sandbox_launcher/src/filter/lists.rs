//! The lists themselves. x86-64 still has the old calls beside the new ones; both are named where both exist.

use libc::{c_long, *};

use super::{
    Filter, PROGRAM_FD, Rule,
    Test::{self, Is, NoBits, Not, Null, OneOf},
    Verdict,
};

const EPERM: Verdict = Verdict::Errno(libc::EPERM as u16);
const ENOSYS: Verdict = Verdict::Errno(libc::ENOSYS as u16);

/// `RLIMIT_CORE`, whose type differs from one C library to the other.
const CORE: u32 = 4;

/// The flags of `clone` and `unshare` that make namespaces.
pub const NAMESPACES: u32 = (CLONE_NEWUSER
    | CLONE_NEWNS
    | CLONE_NEWPID
    | CLONE_NEWNET
    | CLONE_NEWIPC
    | CLONE_NEWUTS
    | CLONE_NEWCGROUP
    | CLONE_NEWTIME) as u32;

/// The calls that change when a file was last used.
#[cfg(target_arch = "x86_64")]
pub const TIMES: &[c_long] = &[SYS_utimensat, SYS_utime, SYS_utimes];
#[cfg(not(target_arch = "x86_64"))]
pub const TIMES: &[c_long] = &[SYS_utimensat];

fn filter(otherwise: Verdict, groups: &[(&[c_long], Rule)]) -> Filter {
    let mut rules: Vec<(u32, Rule)> = Vec::new();
    for (numbers, rule) in groups {
        rules.extend(numbers.iter().map(|number| (*number as u32, *rule)));
    }
    rules.sort_by_key(|(number, _)| *number);
    rules.dedup_by_key(|(number, _)| *number);
    Filter { rules, otherwise }
}

const fn plain(verdict: Verdict) -> Rule {
    Rule::Plain(verdict)
}

const fn when(ways: &'static [&'static [Test]], otherwise: Verdict) -> Rule {
    Rule::When { ways, otherwise }
}

/// Our own runner: memory, time, reading its job and writing its answer. Everything else kills.
pub(super) fn javascript() -> Filter {
    const ALLOWED: &[c_long] = &[
        SYS_read,
        SYS_write,
        SYS_writev,
        SYS_close,
        SYS_lseek,
        SYS_munmap,
        SYS_mremap,
        SYS_brk,
        SYS_madvise,
        SYS_exit,
        SYS_exit_group,
        SYS_rt_sigaction,
        SYS_rt_sigprocmask,
        SYS_rt_sigreturn,
        SYS_sigaltstack,
        SYS_getrandom,
        SYS_clock_gettime,
        SYS_clock_getres,
        SYS_gettimeofday,
        SYS_futex,
        SYS_set_tid_address,
        SYS_set_robust_list,
        SYS_rseq,
        SYS_sched_yield,
        SYS_getpid,
        SYS_gettid,
        SYS_restart_syscall,
        SYS_fstat,
        #[cfg(target_arch = "x86_64")]
        SYS_poll,
        #[cfg(target_arch = "x86_64")]
        SYS_time,
        #[cfg(target_arch = "x86_64")]
        SYS_arch_prctl,
        SYS_ppoll,
    ];
    // asked for by the C library at start, answered "no" without harm
    const REFUSED: &[c_long] = &[
        SYS_openat,
        SYS_readlinkat,
        SYS_newfstatat,
        SYS_sched_getaffinity,
        SYS_tgkill,
        SYS_fcntl,
        SYS_prctl,
        #[cfg(target_arch = "x86_64")]
        SYS_readlink,
    ];
    let no_code = when(&[&[NoBits(2, PROT_EXEC as u32)]], Verdict::Kill);
    let no_code_and_no_huge_pages =
        when(&[&[NoBits(2, PROT_EXEC as u32), NoBits(3, MAP_HUGETLB as u32)]], Verdict::Kill);
    let own_limits_read = when(&[&[Is(0, 0), Null(2)]], EPERM);
    // the one execution that starts the runner: its descriptor is closed by it, and nothing can open another
    let start = when(&[&[Is(0, PROGRAM_FD as u32), Is(4, AT_EMPTY_PATH as u32)]], Verdict::Kill);
    filter(
        Verdict::Kill,
        &[
            (ALLOWED, plain(Verdict::Allow)),
            (REFUSED, plain(EPERM)),
            (&[SYS_mmap], no_code_and_no_huge_pages),
            (&[SYS_mprotect], no_code),
            (&[SYS_prlimit64], own_limits_read),
            (&[SYS_execveat], start),
            (&[SYS_clone3], plain(ENOSYS)),
        ],
    )
}

/// Any program: files, own processes and threads, signals among them, no socket but a pair.
pub(super) fn any_program() -> Filter {
    const CONTROLS: &[u32] = &[
        FIONREAD as u32,
        FIOCLEX as u32,
        FIONCLEX as u32,
        FIONBIO as u32,
        TCGETS as u32,
        TIOCGWINSZ as u32,
        TIOCGPGRP as u32,
    ];
    const PROCESS: &[u32] = &[
        PR_SET_PDEATHSIG as u32,
        PR_GET_PDEATHSIG as u32,
        PR_GET_DUMPABLE as u32,
        PR_SET_NAME as u32,
        PR_GET_NAME as u32,
        PR_CAPBSET_READ as u32,
        PR_SET_NO_NEW_PRIVS as u32,
        PR_GET_NO_NEW_PRIVS as u32,
        PR_GET_SECCOMP as u32,
        PR_GET_SECUREBITS as u32,
        0x5356_4d41, // PR_SET_VMA: a name for anonymous memory
    ];
    // A pair that is connected for good: datagrams could be sent from one end to any address.
    const CONNECTED: &[u32] = &[
        SOCK_STREAM as u32,
        (SOCK_STREAM | SOCK_CLOEXEC) as u32,
        (SOCK_STREAM | SOCK_NONBLOCK) as u32,
        (SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK) as u32,
        SOCK_SEQPACKET as u32,
        (SOCK_SEQPACKET | SOCK_CLOEXEC) as u32,
        (SOCK_SEQPACKET | SOCK_NONBLOCK) as u32,
        (SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK) as u32,
    ];
    // No lock, lease or notification: the host's files below /usr are everybody's, and so are their locks.
    const DESCRIPTORS: &[u32] = &[
        F_DUPFD as u32,
        F_DUPFD_CLOEXEC as u32,
        F_GETFD as u32,
        F_SETFD as u32,
        F_GETFL as u32,
        F_SETFL as u32,
        F_GETPIPE_SZ as u32,
    ];
    filter(
        EPERM,
        &[
            (ANY_PROGRAM, plain(Verdict::Allow)),
            (OLD, plain(Verdict::Allow)),
            (DEADLY, plain(Verdict::Kill)),
            (&[SYS_clone], when(&[&[NoBits(0, NAMESPACES)]], EPERM)),
            (&[SYS_clone3, SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register], plain(ENOSYS)),
            (&[SYS_socketpair], when(&[&[Is(0, AF_UNIX as u32), OneOf(1, CONNECTED)]], EPERM)),
            // urgent data between two ends of a pair freed what was still used (CVE-2025-38236)
            (&[SYS_sendto, SYS_recvfrom], when(&[&[NoBits(3, MSG_OOB as u32)]], EPERM)),
            (&[SYS_sendmsg, SYS_recvmsg], when(&[&[NoBits(2, MSG_OOB as u32)]], EPERM)),
            (&[SYS_fcntl], when(&[&[OneOf(1, DESCRIPTORS)]], EPERM)),
            // huge pages are the host's, and no control group counts them
            (&[SYS_mmap], when(&[&[NoBits(3, MAP_HUGETLB as u32)]], EPERM)),
            // see `no_core`
            (&[SYS_setrlimit], when(&[&[Not(0, CORE)]], EPERM)),
            (&[SYS_prlimit64], when(&[&[Not(1, CORE)], &[Null(2)]], EPERM)),
            (&[SYS_ioctl], when(&[&[OneOf(1, CONTROLS)]], EPERM)),
            (&[SYS_prctl], when(&[&[OneOf(0, PROCESS)]], EPERM)),
            (&[SYS_personality], when(&[&[OneOf(0, &[0, u32::MAX])]], EPERM)),
        ],
    )
}

/// Nobody calls these by mistake: whoever does is stopped at once, and it is told apart from other deaths.
const DEADLY: &[c_long] = &[
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_kexec_load,
    SYS_kexec_file_load,
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_reboot,
    SYS_swapon,
    SYS_swapoff,
    SYS_add_key,
    SYS_request_key,
    SYS_keyctl,
    SYS_open_by_handle_at,
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_move_mount,
    SYS_open_tree,
    SYS_fsopen,
    SYS_fsmount,
    SYS_fsconfig,
    SYS_fspick,
    SYS_mount_setattr,
    SYS_setns,
    SYS_settimeofday,
    SYS_clock_settime,
    SYS_clock_adjtime,
    SYS_adjtimex,
    SYS_sethostname,
    SYS_setdomainname,
    SYS_acct,
    SYS_quotactl,
    #[cfg(target_arch = "x86_64")]
    SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    SYS_modify_ldt,
];

#[rustfmt::skip]
const ANY_PROGRAM: &[c_long] = &[
    // descriptors and files
    SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_pread64, SYS_pwrite64, SYS_preadv, SYS_pwritev, SYS_preadv2,
    SYS_pwritev2, SYS_close, SYS_close_range, SYS_openat, SYS_openat2, SYS_lseek, SYS_dup, SYS_dup3,
    SYS_fsync, SYS_fdatasync, SYS_ftruncate, SYS_truncate, SYS_fallocate, SYS_getdents64, SYS_getcwd,
    SYS_chdir, SYS_fchdir, SYS_fstat, SYS_newfstatat, SYS_statx, SYS_statfs, SYS_fstatfs, SYS_readlinkat,
    SYS_faccessat, SYS_faccessat2, SYS_mkdirat, SYS_unlinkat, SYS_renameat, SYS_renameat2, SYS_linkat, SYS_symlinkat,
    SYS_fchmod, SYS_fchmodat, SYS_utimensat, SYS_umask, SYS_pipe2, SYS_splice, SYS_tee, SYS_sendfile,
    SYS_copy_file_range, SYS_fadvise64, SYS_sync_file_range, SYS_getxattr, SYS_lgetxattr, SYS_fgetxattr,
    SYS_listxattr, SYS_llistxattr, SYS_flistxattr,
    // memory
    SYS_mprotect, SYS_munmap, SYS_mremap, SYS_brk, SYS_madvise, SYS_mincore, SYS_msync, SYS_membarrier,
    // waiting
    SYS_ppoll, SYS_pselect6, SYS_epoll_create1, SYS_epoll_ctl, SYS_epoll_pwait, SYS_epoll_pwait2, SYS_eventfd2,
    SYS_timerfd_create, SYS_timerfd_settime, SYS_timerfd_gettime, SYS_signalfd4,
    SYS_nanosleep, SYS_clock_nanosleep, SYS_clock_gettime, SYS_clock_getres, SYS_gettimeofday, SYS_times,
    SYS_getitimer, SYS_setitimer, SYS_timer_create, SYS_timer_settime, SYS_timer_gettime, SYS_timer_getoverrun,
    SYS_timer_delete, SYS_restart_syscall,
    // own processes and threads
    SYS_execve, SYS_execveat, SYS_exit, SYS_exit_group, SYS_wait4, SYS_waitid, SYS_kill, SYS_tkill, SYS_tgkill,
    SYS_getpid, SYS_getppid, SYS_gettid, SYS_getpgid, SYS_setpgid, SYS_getsid, SYS_setsid, SYS_getuid, SYS_geteuid,
    SYS_getgid, SYS_getegid, SYS_getresuid, SYS_getresgid, SYS_getgroups, SYS_setuid, SYS_setgid, SYS_setresuid,
    SYS_setresgid, SYS_setreuid, SYS_setregid, SYS_capget, SYS_set_tid_address, SYS_set_robust_list,
    SYS_get_robust_list, SYS_rseq, SYS_futex, SYS_sched_yield, SYS_sched_getaffinity, SYS_sched_setaffinity,
    SYS_sched_getparam, SYS_sched_getscheduler, SYS_sched_get_priority_max, SYS_sched_get_priority_min,
    SYS_getpriority, SYS_setpriority, SYS_getrlimit, SYS_getrusage, SYS_getcpu,
    SYS_pidfd_open, SYS_pidfd_send_signal,
    // signals
    SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_rt_sigpending, SYS_rt_sigtimedwait,
    SYS_rt_sigsuspend, SYS_rt_sigqueueinfo, SYS_sigaltstack,
    // a socket pair and the machine's description
    SYS_shutdown, SYS_getsockopt, SYS_getsockname,
    SYS_getpeername, SYS_uname, SYS_sysinfo, SYS_getrandom,
];

#[cfg(target_arch = "x86_64")]
#[rustfmt::skip]
const OLD: &[c_long] = &[
    SYS_open, SYS_creat, SYS_stat, SYS_lstat, SYS_access, SYS_readlink, SYS_mkdir, SYS_rmdir, SYS_unlink, SYS_rename,
    SYS_link, SYS_symlink, SYS_chmod, SYS_dup2, SYS_pipe, SYS_poll, SYS_select, SYS_epoll_create, SYS_epoll_wait,
    SYS_eventfd, SYS_fork, SYS_vfork, SYS_getpgrp, SYS_alarm, SYS_pause, SYS_time, SYS_utime,
    SYS_utimes, SYS_arch_prctl, SYS_getdents,
];
#[cfg(not(target_arch = "x86_64"))]
const OLD: &[c_long] = &[];
