//! The list for a container engine (Docker, runc and their kind): what the first process of ours in a container needs to
//! take up its work, and what guests may do. The first process then loads the guest's own, shorter list on top of it, so
//! that both hold. Engines want names and not numbers, which is why this list spells them.

use libc::*;

/// (number, name)
type Named = (c_long, &'static str);

macro_rules! named {
    ($($call:ident,)*) => { &[$(($call, stringify!($call)),)*] };
}

#[rustfmt::skip]
const ALLOWED: &[Named] = named![
    SYS_brk, SYS_capget, SYS_capset, SYS_chdir, SYS_clock_getres, SYS_clock_gettime, SYS_clock_nanosleep, SYS_close,
    SYS_close_range, SYS_copy_file_range, SYS_dup, SYS_dup3, SYS_epoll_create1, SYS_epoll_ctl, SYS_epoll_pwait,
    SYS_epoll_pwait2, SYS_eventfd2, SYS_execve, SYS_execveat, SYS_exit, SYS_exit_group, SYS_faccessat,
    SYS_faccessat2, SYS_fadvise64, SYS_fallocate, SYS_fchdir, SYS_fchmod, SYS_fchmodat, SYS_fcntl, SYS_fdatasync,
    SYS_fgetxattr, SYS_flistxattr, SYS_fstat, SYS_fstatfs, SYS_fsync, SYS_ftruncate, SYS_futex,
    SYS_get_robust_list, SYS_getcpu, SYS_getcwd, SYS_getdents64, SYS_getegid, SYS_geteuid, SYS_getgid, SYS_getgroups,
    SYS_getitimer, SYS_getpeername, SYS_getpgid, SYS_getpid, SYS_getppid, SYS_getpriority, SYS_getrandom,
    SYS_getresgid, SYS_getresuid, SYS_getrlimit, SYS_getrusage, SYS_getsid, SYS_getsockname, SYS_getsockopt,
    SYS_gettid, SYS_gettimeofday, SYS_getuid, SYS_getxattr, SYS_ioctl, SYS_kill,
    SYS_landlock_add_rule, SYS_landlock_create_ruleset, SYS_landlock_restrict_self, SYS_lgetxattr, SYS_linkat,
    SYS_listxattr, SYS_llistxattr, SYS_lseek, SYS_madvise, SYS_membarrier, SYS_memfd_create, SYS_mincore,
    SYS_mkdirat, SYS_mmap, SYS_mprotect, SYS_mremap, SYS_msync, SYS_munmap, SYS_nanosleep, SYS_newfstatat,
    SYS_openat, SYS_openat2, SYS_personality, SYS_pidfd_open, SYS_pidfd_send_signal, SYS_pipe2, SYS_ppoll, SYS_prctl,
    SYS_pread64, SYS_preadv, SYS_preadv2, SYS_prlimit64, SYS_pselect6, SYS_pwrite64, SYS_pwritev, SYS_pwritev2,
    SYS_read, SYS_readlinkat, SYS_readv, SYS_recvfrom, SYS_recvmsg, SYS_renameat, SYS_renameat2, SYS_restart_syscall,
    SYS_rseq, SYS_rt_sigaction, SYS_rt_sigpending, SYS_rt_sigprocmask, SYS_rt_sigqueueinfo, SYS_rt_sigreturn,
    SYS_rt_sigsuspend, SYS_rt_sigtimedwait, SYS_sched_get_priority_max, SYS_sched_get_priority_min,
    SYS_sched_getaffinity, SYS_sched_getparam, SYS_sched_getscheduler, SYS_sched_setaffinity, SYS_sched_yield,
    SYS_seccomp, SYS_sendfile, SYS_sendmsg, SYS_sendto, SYS_set_robust_list, SYS_set_tid_address, SYS_setgid,
    SYS_setgroups, SYS_setitimer, SYS_setpgid, SYS_setpriority, SYS_setregid, SYS_setresgid, SYS_setresuid,
    SYS_setreuid, SYS_setrlimit, SYS_setsid, SYS_setuid, SYS_shutdown, SYS_sigaltstack,
    SYS_signalfd4, SYS_socketpair, SYS_splice, SYS_statfs, SYS_statx, SYS_symlinkat, SYS_sync_file_range,
    SYS_sysinfo, SYS_tee, SYS_tgkill, SYS_timer_create, SYS_timer_delete, SYS_timer_getoverrun, SYS_timer_gettime,
    SYS_timer_settime, SYS_timerfd_create, SYS_timerfd_gettime, SYS_timerfd_settime, SYS_times, SYS_tkill,
    SYS_truncate, SYS_umask, SYS_uname, SYS_unlinkat, SYS_utimensat, SYS_wait4, SYS_waitid, SYS_write, SYS_writev,
];

#[cfg(target_arch = "x86_64")]
#[rustfmt::skip]
const OLD: &[Named] = named![
    SYS_access, SYS_alarm, SYS_arch_prctl, SYS_chmod, SYS_creat, SYS_dup2, SYS_epoll_create, SYS_epoll_wait,
    SYS_eventfd, SYS_fork, SYS_getdents, SYS_getpgrp, SYS_link, SYS_lstat, SYS_mkdir, SYS_open,
    SYS_pause, SYS_pipe, SYS_poll, SYS_readlink, SYS_rename, SYS_rmdir, SYS_select, SYS_stat, SYS_symlink, SYS_time,
    SYS_unlink, SYS_utime, SYS_utimes, SYS_vfork,
];
#[cfg(not(target_arch = "x86_64"))]
const OLD: &[Named] = &[];

/// The names of all calls that an engine must allow. `clone` is not among them: it is allowed without the flags in
/// [`NAMESPACES`](super::NAMESPACES), and `clone3` must be answered with "no such call" so that nobody insists on it.
pub fn outer() -> Vec<&'static str> {
    ALLOWED.iter().chain(OLD).map(|(_, name)| name.trim_start_matches("SYS_")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        filter::{Rule, Verdict, of},
        wire::Profile,
    };

    #[test]
    fn an_engine_allows_whatever_a_guest_may_do_and_nothing_deadly() {
        let numbers: Vec<u32> = ALLOWED.iter().chain(OLD).map(|(number, _)| *number as u32).collect();
        for profile in [Profile::Javascript, Profile::HostUsr] {
            for (number, rule) in of(profile).rules {
                let special = [SYS_clone, SYS_clone3].map(|call| call as u32).contains(&number);
                match rule {
                    Rule::Plain(Verdict::Kill) => assert!(!numbers.contains(&number), "{number} is deadly"),
                    Rule::Plain(Verdict::Errno(_)) => {}
                    _ => assert!(special || numbers.contains(&number), "{number} is missing"),
                }
            }
        }
        let names = outer();
        assert!(names.contains(&"landlock_restrict_self") && !names.contains(&"unshare") && !names.contains(&"socket"));
    }
}
