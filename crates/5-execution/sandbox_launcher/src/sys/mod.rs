//! The one module of NodeLoom with `unsafe`: Linux calls that no safe interface offers.
//!
//! Each function is safe to call: it takes owned or borrowed descriptors, slices and C strings, so that the kernel
//! never sees a pointer that does not live long enough, and turns -1 into [`io::Error`].
#![allow(unsafe_code)]

use std::{
    ffi::{CStr, CString},
    io,
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
    ptr,
};

mod channel;

pub use channel::{MAX_FDS, memory_file, packet_pair, receive, seal, sealed_file, send};

use crate::filter::Instruction;

fn check(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn owned(result: libc::c_long) -> io::Result<OwnedFd> {
    let fd = check(result)? as RawFd;
    // SAFETY: the kernel just made this descriptor for us and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Which side of [`fork_into`] this is.
pub enum Side {
    /// The new process.
    Child,
    /// The old one, with the new one's number and handle; gVisor's kernel accepts the question for one and gives none.
    Parent(i32, Option<OwnedFd>),
}

/// Makes a child process in new namespaces (`flags` of `CLONE_NEW*`).
///
/// The process that calls it must have one thread: then the child is a full copy with nothing locked.
pub fn fork_into(flags: libc::c_int) -> io::Result<Side> {
    let mut handle: RawFd = -1;
    let flags = (flags | libc::CLONE_PIDFD | libc::SIGCHLD) as libc::c_ulong;
    // SAFETY: without CLONE_VM and with no new stack this is fork: the child has its own copy of all memory, and the
    // caller has one thread, so no lock is held by a thread that does not exist there. `handle` outlives the call.
    // Where the order of the last two arguments differs between machines, both are 0.
    let pid = check(unsafe { libc::syscall(libc::SYS_clone, flags, 0, &raw mut handle, 0, 0) })?;
    if pid == 0 {
        return Ok(Side::Child);
    }
    // SAFETY: CLONE_PIDFD made this descriptor for us, if it is not -1 still.
    let handle = (handle >= 0).then(|| unsafe { OwnedFd::from_raw_fd(handle) });
    Ok(Side::Parent(pid as i32, handle))
}

/// The same without namespaces and without a handle; `None` in the new process.
pub fn fork() -> io::Result<Option<i32>> {
    // SAFETY: as for `fork_into`: the caller has one thread, and the child gets its own copy of all memory.
    let pid = check(unsafe { libc::fork() }.into())?;
    Ok((pid > 0).then_some(pid as i32))
}

/// What a finished process used, and its status as `waitpid` gives it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ended {
    pub pid: i32,
    pub status: i32,
    pub cpu_us: u64,
    pub peak_bytes: u64,
}

/// Waits for a child (`pid`, or any with -1) and removes it. `None` when `wait` is false and none has ended.
pub fn reap(pid: i32, wait: bool) -> io::Result<Option<Ended>> {
    let mut status = 0;
    // SAFETY: an all-zero rusage is valid, and the kernel overwrites it.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    let options = if wait { 0 } else { libc::WNOHANG };
    loop {
        // SAFETY: both out-pointers are valid for the call.
        match check(unsafe { libc::wait4(pid, &mut status, options, &mut usage) }.into()) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
            Ok(0) => return Ok(None),
            Ok(pid) => {
                let micros = |at: libc::timeval| at.tv_sec as u64 * 1_000_000 + at.tv_usec as u64;
                let cpu_us = micros(usage.ru_utime) + micros(usage.ru_stime);
                return Ok(Some(Ended { pid: pid as i32, status, cpu_us, peak_bytes: usage.ru_maxrss as u64 * 1024 }));
            }
        }
    }
}

/// Kills by handle, so that the number cannot have been given to another process.
pub fn kill(handle: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: no signal information is passed (null is allowed).
    let n = unsafe {
        libc::syscall(libc::SYS_pidfd_send_signal, handle.as_raw_fd(), libc::SIGKILL, ptr::null::<libc::siginfo_t>(), 0)
    };
    check(n).map(drop)
}

/// A handle of the calling process.
pub fn own_handle() -> io::Result<OwnedFd> {
    // SAFETY: no pointer is passed.
    owned(unsafe { libc::syscall(libc::SYS_pidfd_open, libc::getpid(), 0) })
}

/// Waits until one of `fds` can be read or its other end is closed, at most `millis` (-1 = for ever).
pub fn poll<const N: usize>(fds: [BorrowedFd<'_>; N], millis: i32) -> io::Result<[bool; N]> {
    let mut asked = fds.map(|fd| libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 });
    // SAFETY: `asked` has N entries and lives for the call.
    match check(unsafe { libc::poll(asked.as_mut_ptr(), N as libc::nfds_t, millis) }.into()) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok([false; N]),
        Err(error) => Err(error),
        Ok(_) => Ok(asked.map(|fd| fd.revents != 0)),
    }
}

/// The same for any number, of which some may be absent; those are never ready.
pub fn poll_some(fds: &[Option<BorrowedFd<'_>>], millis: i32) -> io::Result<Vec<bool>> {
    let one = |fd: &Option<BorrowedFd<'_>>| libc::pollfd {
        fd: fd.map_or(-1, |fd| fd.as_raw_fd()),
        events: libc::POLLIN,
        revents: 0,
    };
    let mut asked: Vec<libc::pollfd> = fds.iter().map(one).collect();
    // SAFETY: pointer and length describe `asked`, which lives for the call; the kernel skips negative numbers.
    match check(unsafe { libc::poll(asked.as_mut_ptr(), asked.len() as libc::nfds_t, millis) }.into()) {
        Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
        _ => Ok(asked.iter().map(|fd| fd.revents != 0).collect()),
    }
}

unsafe extern "C" {
    // Set by the linker: where this program's headers begin and where its code ends.
    static __executable_start: u8;
    static etext: u8;
}

/// Gives the pages of our own code and constants back; the kernel reads each again from the program's file when it is
/// next touched, which costs microseconds. For a process that will wait.
pub fn drop_clean_pages() {
    const PAGE: usize = 4096;
    let (from, to) = ((&raw const __executable_start).addr(), (&raw const etext).addr());
    let from = from.next_multiple_of(PAGE);
    let length = (to & !(PAGE - 1)).saturating_sub(from);
    // SAFETY: between these two marks lie only pages mapped from the program's file that nothing ever writes to (code,
    // constants and headers, whole pages of them), so that reading them again gives the same bytes; the file is sealed
    // or read-only. A kernel that refuses changes nothing.
    unsafe { libc::madvise(std::ptr::with_exposed_provenance_mut(from), length, libc::MADV_DONTNEED) };
}

/// Kills everything that this process may, itself excepted: for the first process of a namespace.
pub fn kill_all() {
    // SAFETY: no pointer is passed.
    unsafe { libc::kill(-1, libc::SIGKILL) };
}

/// Whether this is the first process of its namespace.
pub fn is_first_process() -> bool {
    std::process::id() == 1
}

/// Leaves shared namespaces.
pub fn unshare(flags: libc::c_int) -> io::Result<()> {
    // SAFETY: no pointer is passed; the caller has one thread.
    check(unsafe { libc::unshare(flags) }.into()).map(drop)
}

/// Takes `id` as user and group, in all three places.
pub fn become_user(id: u32) -> io::Result<()> {
    // SAFETY: no pointer is passed. The raw call changes this thread, which is the only one.
    check(unsafe { libc::syscall(libc::SYS_setresgid, id, id, id) })?;
    // SAFETY: as above.
    check(unsafe { libc::syscall(libc::SYS_setresuid, id, id, id) }).map(drop)
}

/// Leaves all supplementary groups.
pub fn leave_groups() -> io::Result<()> {
    // SAFETY: with size 0 the pointer is not read.
    check(unsafe { libc::setgroups(0, ptr::null()) }.into()).map(drop)
}

/// (user, group) of this process.
pub fn ids() -> (u32, u32) {
    // SAFETY: these calls cannot fail and pass no pointer.
    unsafe { (libc::geteuid(), libc::getegid()) }
}

/// One `prctl` without pointers.
pub fn prctl(option: libc::c_int, a: libc::c_ulong, b: libc::c_ulong) -> io::Result<i32> {
    // SAFETY: every option used here takes numbers only.
    check(unsafe { libc::prctl(option, a, b, 0 as libc::c_ulong, 0 as libc::c_ulong) }.into()).map(|n| n as i32)
}

/// Empties the effective, permitted and inheritable capabilities.
pub fn drop_capabilities() -> io::Result<()> {
    let header = [0x2008_0522u32, 0]; // version 3, this thread
    let sets = [0u32; 6];
    // SAFETY: version 3 reads two words of header and six of sets.
    check(unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), sets.as_ptr()) }).map(drop)
}

/// The effective, permitted and inheritable capabilities, low words first.
pub fn capabilities() -> io::Result<[u32; 6]> {
    let header = [0x2008_0522u32, 0];
    let mut sets = [0u32; 6];
    // SAFETY: version 3 reads two words of header and writes six of sets.
    check(unsafe { libc::syscall(libc::SYS_capget, header.as_ptr(), sets.as_mut_ptr()) })?;
    Ok(sets)
}

/// Sets one limit, soft and hard.
pub fn limit(which: libc::__rlimit_resource_t, soft: u64, hard: u64) -> io::Result<()> {
    let limit = libc::rlimit { rlim_cur: soft, rlim_max: hard };
    // SAFETY: `limit` lives for the call.
    check(unsafe { libc::setrlimit(which, &limit) }.into()).map(drop)
}

/// Puts `fd` at number `to`, which stays open on execution unless `close` is set.
pub fn place(fd: RawFd, to: RawFd, close: bool) -> io::Result<()> {
    let flags = if close { libc::O_CLOEXEC } else { 0 };
    // SAFETY: no pointer is passed; the caller owns the table of descriptors it rearranges (a child about to execute).
    check(unsafe { libc::dup3(fd, to, flags) }.into()).map(drop)
}

/// Closes all descriptors from `first` to `last` (`u32::MAX` = all above), now or at execution.
pub fn close_range(first: u32, last: u32, at_execution: bool) -> io::Result<()> {
    let flags = if at_execution { libc::CLOSE_RANGE_CLOEXEC } else { 0 };
    // SAFETY: no pointer is passed; callers hold no `OwnedFd` in the range that they use afterwards.
    let close = |last: u32| check(unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) }).map(drop);
    // gVisor's kernel knows no number above the highest that a descriptor can have
    close(last).or_else(|error| if last > i32::MAX as u32 { close(i32::MAX as u32) } else { Err(error) })
}

/// `mount`; empty strings stand for absent ones.
pub fn mount(source: &CStr, target: &CStr, kind: &CStr, flags: libc::c_ulong, data: &CStr) -> io::Result<()> {
    // SAFETY: all four strings live for the call.
    let n = unsafe { libc::mount(source.as_ptr(), target.as_ptr(), kind.as_ptr(), flags, data.as_ptr().cast()) };
    check(n.into()).map(drop)
}

/// Makes the current directory the root and lets go of the old one.
pub fn pivot_here() -> io::Result<()> {
    // SAFETY: the strings are static.
    check(unsafe { libc::syscall(libc::SYS_pivot_root, c".".as_ptr(), c".".as_ptr()) })?;
    // SAFETY: as above; after the pivot "." names the old root, which lies over the new one.
    check(unsafe { libc::umount2(c".".as_ptr(), libc::MNT_DETACH) }.into()).map(drop)
}

/// Makes every mount below `target` read-only, without set-user-id and without devices where asked.
pub fn harden_tree(target: &CStr, allow_devices: bool) -> io::Result<()> {
    let mut set = libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID;
    if !allow_devices {
        set |= libc::MOUNT_ATTR_NODEV;
    }
    let attributes = libc::mount_attr { attr_set: set, attr_clr: 0, propagation: 0, userns_fd: 0 };
    // SAFETY: string and structure live for the call, and the size passed is the structure's.
    let n = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            target.as_ptr(),
            libc::AT_RECURSIVE,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    check(n).map(drop)
}

/// Writes a short text to a file below an open directory.
pub fn write_below(directory: BorrowedFd<'_>, path: &CStr, text: &[u8]) -> io::Result<()> {
    // SAFETY: `path` lives for the call.
    let file =
        owned(unsafe { libc::openat(directory.as_raw_fd(), path.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC) }.into())?;
    // SAFETY: pointer and length describe `text`.
    check(unsafe { libc::write(file.as_raw_fd(), text.as_ptr().cast(), text.len()) } as libc::c_long).map(drop)
}

/// The whole content of a file in memory.
pub fn read_all(fd: BorrowedFd<'_>) -> io::Result<Vec<u8>> {
    let mut file = std::fs::File::from(fd.try_clone_to_owned()?);
    let mut content = Vec::new();
    io::Read::read_to_end(&mut file, &mut content)?;
    Ok(content)
}

/// A handle on a directory that survives a change of root.
pub fn open_directory(path: &CStr) -> io::Result<OwnedFd> {
    // SAFETY: `path` lives for the call.
    owned(unsafe { libc::open(path.as_ptr(), libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC) }.into())
}

/// Kills a process by number. Only for leftovers in a control group that we made.
pub fn kill_number(pid: i32) {
    if pid > 1 {
        // SAFETY: no pointer is passed.
        unsafe { libc::kill(pid, libc::SIGKILL) };
    }
}

/// Writes to a descriptor by number, ignoring failure: for a child's last words.
pub fn last_words(fd: RawFd, bytes: &[u8]) {
    // SAFETY: pointer and length describe `bytes`.
    unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) };
}

/// Sets the name of the machine in this namespace.
pub fn host_name(name: &CStr) -> io::Result<()> {
    // SAFETY: pointer and length describe `name`.
    check(unsafe { libc::sethostname(name.as_ptr(), name.to_bytes().len()) }.into()).map(drop)
}

/// A session without a terminal.
pub fn new_session() -> io::Result<()> {
    // SAFETY: no pointer is passed.
    check(unsafe { libc::setsid() }.into()).map(drop)
}

/// Undoes what our own runtime did to signals: a program expects to be told of a closed pipe.
pub fn usual_signals() {
    // SAFETY: the default action has no handler that could run, and an empty set is valid as all-zero bytes.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        let none: libc::sigset_t = std::mem::zeroed();
        libc::sigprocmask(libc::SIG_SETMASK, &none, ptr::null_mut());
    }
}

/// Every signal does again what it usually does.
pub fn forget_signals() {
    for signal in 1..65 {
        // SAFETY: the default action has no handler that could run; the kernel refuses numbers that cannot be set.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    // our own runtime counts on errors instead of this one
    // SAFETY: as above.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
}

/// Nothing that this process creates is readable to others.
pub fn private_files() {
    // SAFETY: umask cannot fail and passes no pointer.
    unsafe { libc::umask(0o077) };
}

/// Loads a system call filter for this thread and all it will make. Needs no_new_privs.
pub fn load_filter(filter: &[Instruction]) -> io::Result<()> {
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_ptr().cast_mut().cast() };
    // SAFETY: Instruction is laid out as sock_filter; pointer and length describe the slice, which the kernel copies.
    check(unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program) }).map(drop)
}

/// Becomes the program behind `fd` (or at `path`); returns only when that fails.
pub fn execute(fd: Option<RawFd>, path: &CStr, arguments: &[CString], environment: &[CString]) -> io::Error {
    let list = |from: &[CString]| -> Vec<*const libc::c_char> {
        from.iter().map(|text| text.as_ptr()).chain([ptr::null()]).collect()
    };
    let (arguments, environment) = (list(arguments), list(environment));
    // SAFETY: both lists end with null and point to strings that live until the call returns or this program is gone.
    unsafe {
        match fd {
            Some(fd) => libc::syscall(
                libc::SYS_execveat,
                fd,
                c"".as_ptr(),
                arguments.as_ptr(),
                environment.as_ptr(),
                libc::AT_EMPTY_PATH,
            ),
            None => libc::execve(path.as_ptr(), arguments.as_ptr(), environment.as_ptr()).into(),
        };
    }
    io::Error::last_os_error()
}

/// Ends this process at once, running nothing on the way out.
pub fn leave(code: i32) -> ! {
    // SAFETY: never returns; a forked child must not run its parent's exit handlers.
    unsafe { libc::_exit(code) }
}

/// One raw call with numbers, for the self-check's attacks.
pub fn try_call(number: libc::c_long, arguments: [u64; 4]) -> io::Result<i64> {
    let [a, b, c, d] = arguments;
    // SAFETY: callers pass numbers, or zero where the kernel wants a pointer, which it then refuses.
    check(unsafe { libc::syscall(number, a, b, c, d) })
}

/// The version of Landlock that this kernel has switched on, 0 = none.
pub fn landlock_version() -> u32 {
    // SAFETY: with the version flag the pointer is null and the size 0, as documented.
    let n = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, ptr::null::<u8>(), 0, 1) };
    u32::try_from(n).unwrap_or(0)
}
