//! Parts of the kernel that a guest has no business with.

use libc::*;

use crate::{
    Attack,
    Outside::{Depends, Root, Works},
    call, got,
};

fn foreign_getpid() -> i64 {
    let answer: i64;
    // SAFETY: the 32-bit interface's getpid takes and changes nothing.
    unsafe { std::arch::asm!("int 0x80", inout("rax") 20i64 => answer, options(nostack)) };
    answer
}

/// A moment to set the clock to. In the disposable world, which has the machine's clock, it is one that no kernel takes, so
/// that the kernel's own answer is the control.
fn moment() -> [u64; 2] {
    if crate::in_world() { [1, u64::MAX >> 1] } else { [1, 0] }
}

pub const ATTACKS: &[Attack] = &[
    ("bpf-map", Root, || {
        let map = [1u32, 4, 4, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let whole: Vec<u32> = map.iter().copied().chain([0; 16]).collect();
        call!(SYS_bpf, 0, whole.as_ptr(), 20)
    }),
    ("bpf-program", Depends, || call!(SYS_bpf, 5, [0u64; 16].as_ptr(), 128)),
    ("performance-counters", Depends, || {
        let mut about = [0u64; 16];
        about[0] = 1 | (128 << 32);
        call!(SYS_perf_event_open, about.as_ptr(), 0, -1, -1, 0)
    }),
    ("user-faults", Depends, || call!(SYS_userfaultfd, O_CLOEXEC | 1)),
    ("io-uring", Depends, || {
        let mut parameters = [0u32; 30];
        call!(SYS_io_uring_setup, 4, parameters.as_mut_ptr())
    }),
    ("io-uring-enter", Depends, || call!(SYS_io_uring_enter, 0, 0, 0, 0, 0, 0)),
    ("old-asynchronous-io", Works, || {
        let mut context = 0u64;
        call!(SYS_io_setup, 1, &raw mut context)
    }),
    ("load-new-kernel", Depends, || call!(SYS_kexec_load, 0, 0, 0, 0xdeadu32)),
    ("load-new-kernel-file", Depends, || call!(SYS_kexec_file_load, -1, -1, 0, 0, 0)),
    ("load-module", Depends, || call!(SYS_init_module, [0u8; 8].as_ptr(), 8, c"".as_ptr())),
    ("load-module-file", Depends, || call!(SYS_finit_module, 0, c"".as_ptr(), 0)),
    ("remove-module", Depends, || call!(SYS_delete_module, c"hostile".as_ptr(), O_NONBLOCK)),
    ("reboot", Depends, || call!(SYS_reboot, 0xfee1_deadu32, 672_274_793, 0, 0)),
    ("swap-on", Depends, || call!(SYS_swapon, c"/dev/null".as_ptr(), 0)),
    ("swap-off", Depends, || call!(SYS_swapoff, c"/dev/null".as_ptr())),
    ("accounting", Depends, || call!(SYS_acct, 0)),
    ("quota", Depends, || call!(SYS_quotactl, 0, 0, 0, 0)),
    ("kernel-log", Root, || call!(SYS_syslog, 10, 0, 0)),
    ("set-clock", Depends, || call!(SYS_clock_settime, CLOCK_REALTIME, moment().as_ptr())),
    ("set-time-of-day", Depends, || call!(SYS_settimeofday, moment().as_ptr(), 0)),
    ("adjust-clock", Works, || {
        let mut about = [0u64; 32];
        call!(SYS_adjtimex, about.as_mut_ptr())
    }),
    ("adjust-one-clock", Works, || {
        let mut about = [0u64; 32];
        call!(SYS_clock_adjtime, CLOCK_REALTIME, about.as_mut_ptr())
    }),
    ("set-host-name", Root, || {
        unsafe { unshare(CLONE_NEWUTS) };
        call!(SYS_sethostname, c"hostile".as_ptr(), 7)
    }),
    ("set-domain-name", Root, || {
        unsafe { unshare(CLONE_NEWUTS) };
        call!(SYS_setdomainname, c"hostile".as_ptr(), 7)
    }),
    ("shared-memory", Works, || {
        let id = unsafe { shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0o600) };
        unsafe { shmctl(id, IPC_RMID, std::ptr::null_mut()) };
        got(id >= 0, "refused")
    }),
    ("semaphores", Works, || {
        let id = unsafe { semget(IPC_PRIVATE, 1, IPC_CREAT | 0o600) };
        unsafe { semctl(id, 0, IPC_RMID) };
        got(id >= 0, "refused")
    }),
    ("message-queue", Works, || {
        let id = unsafe { msgget(IPC_PRIVATE, IPC_CREAT | 0o600) };
        unsafe { msgctl(id, IPC_RMID, std::ptr::null_mut()) };
        got(id >= 0, "refused")
    }),
    ("posix-message-queue", Depends, || call!(SYS_mq_open, c"hostile".as_ptr(), O_CREAT | O_RDWR, 0o600, 0)),
    ("io-privilege", Depends, || call!(SYS_iopl, 3)),
    ("io-ports", Depends, || call!(SYS_ioperm, 0x80, 1, 1)),
    ("descriptor-table", Depends, || call!(SYS_modify_ldt, 0, 0, 0)),
    // they are the host's, and no control group counts them
    ("huge-pages", Depends, || {
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB;
        call!(SYS_mmap, 0, 2 << 20, PROT_READ | PROT_WRITE, flags, -1, 0)
    }),
    ("notifying-filter", Depends, || {
        let allow = [0x06u64 | (0x7fff_0000u64 << 32)];
        let program = [1u64, allow.as_ptr() as u64];
        call!(SYS_seccomp, 1, 8, program.as_ptr())
    }),
    ("scheduling-attributes", Works, || {
        let batch = [48u32, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        call!(SYS_sched_setattr, 0, batch.as_ptr(), 0)
    }),
    ("cached-pages-of-a-file", Depends, || {
        let file = std::fs::File::open("/usr/bin/id").map_err(|e| e.to_string())?;
        let (range, mut seen) = ([0u64; 2], [0u64; 5]);
        call!(451, std::os::fd::AsRawFd::as_raw_fd(&file), range.as_ptr(), seen.as_mut_ptr(), 0)
    }),
    ("quota-by-descriptor", Depends, || call!(SYS_quotactl_fd, 0, 0, 0, 0)),
    ("release-memory-of-a-process", Depends, || call!(SYS_process_mrelease, -1, 0)),
    ("secret-memory", Depends, || call!(SYS_memfd_secret, 0)),
    ("program-in-memory", Works, || call!(SYS_memfd_create, c"x".as_ptr(), 0)),
    ("protection-keys", Depends, || call!(SYS_pkey_alloc, 0, 0)),
    ("memory-policy", Works, || call!(SYS_set_mempolicy, 0, 0, 0)),
    ("move-pages", Depends, || call!(SYS_move_pages, 0, 0, 0, 0, 0, 0)),
    ("migrate-pages", Depends, || call!(SYS_migrate_pages, 0, 0, 0, 0)),
    ("splice-user-pages", Works, || {
        let mut pair = [0; 2];
        unsafe { pipe(pair.as_mut_ptr()) };
        let part = [pair.as_ptr() as u64, 8];
        call!(SYS_vmsplice, pair[1], part.as_ptr(), 1, 0)
    }),
    ("watch-files", Works, || {
        let fd = unsafe { inotify_init1(0) };
        call!(SYS_inotify_add_watch, fd, c"/usr".as_ptr(), IN_OPEN)
    }),
    ("io-priority", Works, || call!(SYS_ioprio_set, 1, 0, 2 << 13)),
    ("process-advice", Depends, || call!(SYS_process_madvise, 0, 0, 0, 0, 0)),
    ("remap-file", Depends, || call!(SYS_remap_file_pages, 0, 0, 0, 0, 0)),
    ("system-names", Depends, || call!(SYS_sysfs, 3)),
    ("file-system-statistics", Depends, || call!(SYS_ustat, 0, 0)),
    ("select-library", Depends, || call!(SYS_uselib, c"/x".as_ptr())),
    ("old-sysctl", Depends, || call!(SYS__sysctl, 0)),
    ("foreign-interface-32", Depends, || got(foreign_getpid() > 0, "refused")),
    ("foreign-interface-x32", Depends, || call!(0x4000_0000i64 + SYS_getpid)),
    ("unknown-call-high", Depends, || call!(1_000_000i64)),
    ("unknown-call-negative", Depends, || call!(-1i64)),
];
