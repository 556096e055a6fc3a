//! Escapes that others published, each in its simplest form, without its exploit.

use std::{
    fs::{self, OpenOptions},
    io::{Read, Write},
    os::fd::AsRawFd,
};

use libc::*;

use crate::{
    Attack,
    Outside::{Depends, Root, Works},
    call, from_io, got, own_mounts,
};

/// Whether a filter was in force before `main`, and before the runtime of the language.
static EARLY: std::sync::atomic::AtomicI32 = std::sync::atomic::AtomicI32::new(-1);

extern "C" fn early() {
    EARLY.store(unsafe { prctl(PR_GET_SECCOMP, 0, 0, 0, 0) }, std::sync::atomic::Ordering::Relaxed);
}

#[used]
#[unsafe(link_section = ".init_array")]
static AT_START: extern "C" fn() = early;

pub const ATTACKS: &[Attack] = &[
    // runc: the container overwrote the host's program through its own /proc/self/exe
    ("cve-2019-5736-own-executable", Depends, || from_io(OpenOptions::new().write(true).open("/proc/self/exe"))),
    // runc: a descriptor of a host directory was left open, and was the working directory
    ("cve-2024-21626-leaked-directory", Depends, || {
        let leaked = (0..1024).any(|fd| {
            let mut about: stat = unsafe { std::mem::zeroed() };
            unsafe { fstat(fd, &mut about) == 0 && about.st_mode & S_IFMT == S_IFDIR }
        });
        let up = fs::read_to_string("../../../../etc/passwd").is_ok();
        got(leaked || up, "no directory is open")
    }),
    // containerd: a shim listened on an abstract socket of the host's network namespace
    ("cve-2020-15257-abstract-socket", Works, || {
        let text = fs::read_to_string("/proc/net/unix").map_err(|e| e.to_string())?;
        got(text.lines().count() > 1, "none")
    }),
    // cgroup v1: release_agent of a freshly mounted hierarchy ran as root of the host
    ("cve-2022-0492-release-agent", Depends, || {
        own_mounts();
        unsafe { unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWCGROUP) };
        call!(SYS_mount, c"x".as_ptr(), c"/tmp".as_ptr(), c"cgroup".as_ptr(), 0, c"rdma".as_ptr())
    }),
    // fsconfig: an integer underflow reachable from a user namespace
    ("cve-2022-0185-mount-option", Root, || {
        let fd = unsafe { syscall(SYS_fsopen, c"tmpfs".as_ptr(), 0) };
        call!(SYS_fsconfig, fd, 1, c"size".as_ptr(), c"1m".as_ptr(), 0)
    }),
    // Dirty COW: writing to a read-only mapping through /proc/self/mem
    ("cve-2016-5195-own-memory", Works, || from_io(OpenOptions::new().read(true).write(true).open("/proc/self/mem"))),
    // Dirty Pipe: a page of a file spliced into a pipe, then written to
    (
        "cve-2022-0847-page-in-pipe",
        crate::Outside::Never("it needs a kernel from before March 2022; every kernel to be had has been mended"),
        || {
            let path = "/usr/bin/id";
            let mut before = [0u8; 64];
            let mut file = fs::File::open(path).map_err(|e| e.to_string())?;
            file.read_exact(&mut before).map_err(|e| e.to_string())?;
            let mut pair = [0; 2];
            unsafe { pipe(pair.as_mut_ptr()) };
            let mut at = 1i64;
            unsafe { syscall(SYS_splice, file.as_raw_fd(), &raw mut at, pair[1], 0, 1, 0) };
            unsafe { write(pair[1], b"XXXX".as_ptr().cast(), 4) };
            let after = fs::read(path).map_err(|e| e.to_string())?;
            got(after[..64] != before, "the file is unchanged")
        },
    ),
    // Chrome's renderer left its sandbox by urgent data between two ends of a socket pair
    ("cve-2025-38236-urgent-data", Depends, || {
        let (pair, mut into) = (crate::network::stream_pair(), 0u8);
        call!(SYS_sendto, pair[0], c"x".as_ptr(), 1, MSG_OOB, 0, 0)?;
        call!(SYS_recvfrom, pair[1], &raw mut into, 1, MSG_OOB, 0, 0)
    }),
    // Dify: what ran before the filter was loaded ran without it
    ("dify-code-before-the-filter", Works, || {
        got(EARLY.load(std::sync::atomic::Ordering::Relaxed) == 0, "filtered before the first instruction")
    }),
    // bubblewrap: characters pushed into the terminal of whoever started it
    ("cve-2017-5226-terminal", Depends, || call!(SYS_ioctl, 0, TIOCSTI, c"x".as_ptr())),
    // the same by the console's own call
    ("cve-2023-1523-console-paste", Depends, || call!(SYS_ioctl, 0, TIOCLINUX, c"\x03".as_ptr())),
    // Judge0: the host's root wrote through a symlink that the guest had put in its place
    ("cve-2024-28185-symlink", Depends, || {
        from_io(std::os::unix::fs::symlink("/etc/cron.d", "/tmp/box").and_then(|()| fs::write("/tmp/box/x", "x")))
    }),
    // Docker: open_by_handle_at walked the host's file system by inode number
    ("shocker-file-handle", Depends, || {
        let mut handle = [0u32; 6];
        (handle[0], handle[1], handle[2]) = (8, 1, 2);
        let root = fs::File::open("/usr").map_err(|e| e.to_string())?;
        call!(SYS_open_by_handle_at, root.as_raw_fd(), handle.as_mut_ptr(), O_RDONLY)
    }),
    // Sudo and others: a library of the guest's loaded by a program with more rights
    ("preload-into-privileged-program", Depends, || {
        let done = std::process::Command::new("/usr/bin/su").env("LD_PRELOAD", "/tmp/x.so").arg("-V").output();
        got(done.is_ok_and(|o| o.status.success()) && unsafe { geteuid() } == 0, "no rights")
    }),
    // netfilter's many: a socket in a network namespace of one's own
    ("cve-2022-32250-netfilter", Depends, || {
        unsafe { unshare(CLONE_NEWUSER | CLONE_NEWNET) };
        call!(SYS_socket, AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER)
    }),
    // OverlayFS: a file with capabilities copied up inside a user namespace
    ("cve-2023-0386-overlay", Depends, || {
        unsafe { unshare(CLONE_NEWUSER | CLONE_NEWNS) };
        call!(SYS_mount, c"x".as_ptr(), c"/tmp".as_ptr(), c"overlay".as_ptr(), 0, c"lowerdir=/usr".as_ptr())
    }),
    // keyrings: a reference count that could be wrapped
    ("cve-2016-0728-keyring", Depends, || call!(SYS_keyctl, 1, c"hostile".as_ptr())),
    // a write to another's standard streams
    ("write-to-the-servers-terminal", Depends, || {
        from_io(OpenOptions::new().write(true).open("/dev/pts/0").and_then(|mut file| file.write_all(b"")))
    }),
];
