//! Ways to other processes, and to more of them than allowed.

use std::{io::Read, time::Duration};

use libc::*;

use crate::{
    Attack,
    Outside::{Depends, Root, Works},
    call, got, outside,
};

/// How many processes can live at once, at most `most`.
fn forks(most: usize) -> usize {
    let mut children = Vec::new();
    while children.len() < most {
        match unsafe { fork() } {
            0 => loop {
                unsafe { pause() };
            },
            pid if pid > 0 => children.push(pid),
            _ => break,
        }
    }
    for pid in &children {
        unsafe {
            kill(*pid, SIGKILL);
            waitpid(*pid, std::ptr::null_mut(), 0);
        }
    }
    children.len()
}

fn unshare_one(flag: i32) -> crate::Tried {
    call!(SYS_unshare, flag)
}

pub const ATTACKS: &[Attack] = &[
    ("signal-outside", Root, || call!(SYS_kill, outside(), 0)),
    ("signal-first-process", Root, || {
        // inside, number 1 is our own first process; what counts is that it is not the host's
        got(outside() > 1 && unsafe { kill(1, 0) } == 0 && unsafe { kill(outside(), 0) } == 0, "not the host's")
    }),
    ("handle-of-outside", Works, || call!(SYS_pidfd_open, outside(), 0)),
    ("group-of-outside", Works, || call!(SYS_getpgid, outside())),
    ("session-of-outside", Works, || call!(SYS_getsid, outside())),
    ("limits-of-outside", Root, || {
        let mut limit = [0u64; 2];
        call!(SYS_prlimit64, outside(), RLIMIT_NOFILE, 0, limit.as_mut_ptr())
    }),
    ("priority-of-outside", Works, || call!(SYS_getpriority, PRIO_PROCESS, outside())),
    ("processors-of-outside", Works, || {
        let mut set = [0u64; 16];
        call!(SYS_sched_getaffinity, outside(), 128, set.as_mut_ptr())
    }),
    ("trace-outside", Depends, || call!(SYS_ptrace, PTRACE_SEIZE, outside(), 0, 0)),
    ("trace-me", Works, || call!(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0)),
    ("read-memory-of-outside", Depends, || {
        let parts = [0u64; 2];
        call!(SYS_process_vm_readv, outside(), parts.as_ptr(), 1, parts.as_ptr(), 1, 0)
    }),
    ("read-memory-by-call", Works, || {
        let (from, mut to) = ([7u8; 8], [0u8; 8]);
        let local = iovec { iov_base: to.as_mut_ptr().cast(), iov_len: 8 };
        let remote = iovec { iov_base: from.as_ptr().cast_mut().cast(), iov_len: 8 };
        call!(SYS_process_vm_readv, getpid(), &raw const local, 1, &raw const remote, 1, 0)
    }),
    ("compare-with-outside", Depends, || call!(SYS_kcmp, getpid(), outside(), 0, 0, 0)),
    ("steal-descriptor", Depends, || call!(SYS_pidfd_getfd, 0, 0, 0)),
    ("see-many-processes", Works, || {
        // a refusal tells of a process too
        let exists = |pid: &i32| unsafe { kill(*pid, 0) == 0 || *__errno_location() == EPERM };
        let seen = (1..40_000).filter(exists).count();
        got(seen > 5, "only our own")
    }),
    ("large-process-number", Works, || got(unsafe { getpid() } > 20, "a namespace of our own")),
    ("parent-outside", Works, || got(unsafe { getppid() } > 1, "no parent in sight")),
    ("hundred-processes", Works, || got(forks(100) == 100, "fewer")),
    ("hundred-threads", Works, || {
        let mut started = 0;
        for _ in 0..100 {
            let asleep = || std::thread::sleep(Duration::from_secs(3));
            match std::thread::Builder::new().stack_size(64 << 10).spawn(asleep) {
                Ok(_) => started += 1,
                Err(_) => break,
            }
        }
        got(started == 100, "fewer")
    }),
    ("new-user-namespace", Depends, || unshare_one(CLONE_NEWUSER)),
    ("new-mount-namespace", Root, || unshare_one(CLONE_NEWNS)),
    ("new-network-namespace", Root, || unshare_one(CLONE_NEWNET)),
    ("new-process-namespace", Root, || unshare_one(CLONE_NEWPID)),
    ("new-ipc-namespace", Root, || unshare_one(CLONE_NEWIPC)),
    ("new-name-namespace", Root, || unshare_one(CLONE_NEWUTS)),
    ("new-group-namespace", Root, || unshare_one(CLONE_NEWCGROUP)),
    ("new-time-namespace", Depends, || unshare_one(CLONE_NEWTIME)),
    ("clone-user-namespace", Root, || {
        let n = unsafe { syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0) };
        if n == 0 {
            unsafe { _exit(0) }
        }
        crate::answered(n)
    }),
    ("clone-mount-namespace", Root, || {
        let n = unsafe { syscall(SYS_clone, CLONE_NEWNS | SIGCHLD, 0, 0, 0, 0) };
        if n == 0 {
            unsafe { _exit(0) }
        }
        crate::answered(n)
    }),
    ("clone3-user-namespace", Root, || {
        let mut arguments = [0u64; 11];
        (arguments[0], arguments[4]) = (CLONE_NEWUSER as u64, SIGCHLD as u64);
        let n = unsafe { syscall(SYS_clone3, arguments.as_mut_ptr(), 88) };
        if n == 0 {
            unsafe { _exit(0) }
        }
        crate::answered(n)
    }),
    ("join-namespace", Root, || {
        let file = std::fs::File::open(format!("/proc/{}/ns/mnt", outside())).map_err(|e| e.to_string())?;
        call!(SYS_setns, std::os::fd::AsRawFd::as_raw_fd(&file), 0)
    }),
    ("join-namespace-by-number", Depends, || call!(SYS_setns, 0, CLONE_NEWNS)),
    ("inherited-descriptors", Depends, || {
        let open: Vec<i32> = (3..1024).filter(|fd| unsafe { fcntl(*fd, F_GETFD) } >= 0).collect();
        got(!open.is_empty(), "none above standard error")
    }),
    ("inherited-secret", Works, || got(std::env::var_os("HOSTILE_SECRET").is_some(), "not in the environment")),
    ("any-unknown-variable", Works, || {
        let known = ["PATH", "LANG", "HOME", "TMPDIR"];
        got(std::env::vars_os().any(|(name, _)| !known.iter().any(|k| name == *k)), "three constants")
    }),
    ("standard-input-of-server", Works, || {
        let mut text = String::new();
        let n = std::io::stdin().read_to_string(&mut text).unwrap_or(0);
        got(n > 0, "empty")
    }),
    ("terminal-injection", Depends, || {
        let key = b"x".as_ptr();
        (0..3).map(|fd| call!(SYS_ioctl, fd, TIOCSTI, key)).find(Result::is_ok).unwrap_or(Err("refused".into()))
    }),
    ("name-of-the-host", Works, || {
        let mut name = [0u8; 65];
        unsafe { gethostname(name.as_mut_ptr().cast(), 64) };
        got(!name.starts_with(b"sandbox\0"), "a name of its own")
    }),
];
