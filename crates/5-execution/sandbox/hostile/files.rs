//! Ways to files that are not the guest's.

use std::{
    ffi::CString,
    fs::{self, OpenOptions},
    os::fd::AsRawFd,
    os::unix::fs::{PermissionsExt, chown, symlink},
    path::Path,
};

use libc::*;

use crate::{
    Attack,
    Outside::{Depends, Root, Works},
    Tried, call, from_io, got, outside, own_mounts,
};

/// A path that only this process uses.
fn own(directory: &str) -> String {
    format!("{directory}/.hostile-{}", std::process::id())
}

/// Creates a file and removes it again.
fn create(directory: &str) -> Tried {
    let path = own(directory);
    let tried = from_io(fs::write(&path, "x"));
    let _ = fs::remove_file(path);
    tried
}

fn read(path: &str) -> Tried {
    from_io(fs::read(path))
}

fn open_read(path: &str) -> Result<fs::File, String> {
    fs::File::open(path).map_err(|error| error.to_string())
}

/// Opens for writing and writes nothing.
fn open_to_write(path: &str) -> Tried {
    from_io(OpenOptions::new().write(true).open(path))
}

fn c(text: &str) -> CString {
    CString::new(text).unwrap()
}

fn node(kind: mode_t, major: u32, minor: u32) -> Tried {
    let path = own("/tmp");
    let tried = call!(SYS_mknodat, AT_FDCWD, c(&path).as_ptr(), kind | 0o600, makedev(major, minor));
    let _ = fs::remove_file(path);
    tried
}

fn mount(source: &str, target: &str, kind: &str, flags: c_ulong) -> Tried {
    own_mounts();
    call!(SYS_mount, c(source).as_ptr(), c(target).as_ptr(), c(kind).as_ptr(), flags, 0)
}

pub const ATTACKS: &[Attack] = &[
    ("create-in-tmp", Works, || create("/tmp")),
    ("create-in-root", Root, || create("")),
    ("create-in-usr", Root, || create("/usr/local")),
    ("create-in-etc", Root, || create("/etc")),
    ("create-in-dev", Root, || create("/dev")),
    ("create-in-dev-shm", Works, || create("/dev/shm")),
    ("create-in-var", Works, || create("/var/tmp")),
    ("create-in-home", Root, || create("/root")),
    ("create-here", Works, || {
        let _ = std::env::set_current_dir("/tmp");
        create(".")
    }),
    ("unnamed-file", Depends, || call!(SYS_open, c"/tmp".as_ptr(), O_TMPFILE | O_RDWR, 0o600)),
    ("make-directory", Works, || {
        let tried = from_io(fs::create_dir(own("/tmp")));
        let _ = fs::remove_dir(own("/tmp"));
        tried
    }),
    ("read-passwd", Works, || read("/etc/passwd")),
    ("read-passwd-by-dots", Works, || read("/usr/../../../../../../etc/passwd")),
    ("read-shadow", Root, || read("/etc/shadow")),
    ("read-hosts", Works, || read("/etc/hosts")),
    ("list-home", Root, || from_io(fs::read_dir("/root"))),
    ("list-var", Works, || from_io(fs::read_dir("/var"))),
    ("list-sys", Works, || from_io(fs::read_dir("/sys/kernel"))),
    ("list-proc", Works, || from_io(fs::read_dir("/proc"))),
    ("read-own-status", Works, || read("/proc/self/status")),
    ("read-own-maps", Works, || read("/proc/self/maps")),
    ("read-environment-of-outside", Root, || read(&format!("/proc/{}/environ", outside()))),
    ("read-kernel-symbols", Works, || read("/proc/kallsyms")),
    ("read-kernel-command-line", Works, || read("/proc/cmdline")),
    ("root-of-outside", Root, || from_io(fs::read_dir(format!("/proc/{}/root/", outside())))),
    ("write-core-pattern", Root, || open_to_write("/proc/sys/kernel/core_pattern")),
    ("write-modprobe", Depends, || open_to_write("/proc/sys/kernel/modprobe")),
    ("write-sysrq", Depends, || open_to_write("/proc/sysrq-trigger")),
    ("write-oom-score", Works, || open_to_write("/proc/self/oom_score_adj")),
    ("write-uevent-helper", Depends, || open_to_write("/sys/kernel/uevent_helper")),
    ("open-memory-device", Depends, || from_io(fs::File::open("/dev/mem"))),
    ("open-port-device", Depends, || open_to_write("/dev/port")),
    ("open-kernel-log", Root, || from_io(fs::File::open("/dev/kmsg"))),
    ("open-disk", Depends, || {
        let disks = ["/dev/vda", "/dev/sda", "/dev/nvme0n1", "/dev/loop0", "/dev/loop-control", "/dev/dm-0"];
        got(disks.iter().any(|disk| fs::File::open(disk).is_ok()), "no disk")
    }),
    ("open-terminal", Depends, || from_io(fs::File::open("/dev/tty"))),
    ("open-terminal-multiplexer", Works, || from_io(fs::File::open("/dev/ptmx"))),
    ("open-virtual-machine-device", Depends, || from_io(fs::File::open("/dev/kvm"))),
    ("open-fuse", Depends, || from_io(fs::File::open("/dev/fuse"))),
    ("make-character-device", Root, || node(S_IFCHR, 1, 1)),
    ("make-block-device", Root, || node(S_IFBLK, 254, 0)),
    ("make-pipe-file", Works, || node(S_IFIFO, 0, 0)),
    ("symlink", Works, || {
        let tried = from_io(symlink("/etc/passwd", own("/tmp")));
        let _ = fs::remove_file(own("/tmp"));
        tried
    }),
    ("write-through-symlink", Depends, || {
        symlink("/usr/bin/id", own("/tmp")).map_err(|e| e.to_string())?;
        open_to_write(&own("/tmp"))
    }),
    ("hard-link", Depends, || from_io(fs::hard_link("/usr/bin/id", own("/usr/bin")))),
    ("change-mode", Root, || {
        let now = fs::metadata("/usr/bin/id").map_err(|e| e.to_string())?.permissions();
        from_io(fs::set_permissions("/usr/bin/id", fs::Permissions::from_mode(now.mode())))
    }),
    ("change-owner", Root, || from_io(chown("/usr/bin/id", Some(0), Some(0)))),
    ("change-times", Root, || call!(SYS_utimensat, AT_FDCWD, c"/usr/bin/id".as_ptr(), 0, 0)),
    ("truncate-program", Depends, || call!(SYS_truncate, c"/usr/bin/id".as_ptr(), 0)),
    ("remove-program", Depends, || from_io(fs::remove_file("/usr/bin/id"))),
    ("rename-program", Depends, || from_io(fs::rename("/usr/bin/id", "/usr/bin/id2"))),
    ("set-attribute", Depends, || {
        call!(SYS_setxattr, c"/usr/bin/id".as_ptr(), c"user.x".as_ptr(), c"x".as_ptr(), 1, 0)
    }),
    ("write-own-program", Root, || open_to_write("/usr/bin/id")),
    ("write-a-library", Depends, || open_to_write("/usr/lib/x86_64-linux-gnu/libc.so.6")),
    ("set-user-id-honoured", Works, || {
        let mut about: statvfs = unsafe { std::mem::zeroed() };
        let done = unsafe { statvfs(c"/usr/bin".as_ptr(), &mut about) } == 0;
        got(done && about.f_flag & ST_NOSUID == 0, "mounted without set-user-id")
    }),
    ("root-is-writable", Works, || {
        let mut about: statvfs = unsafe { std::mem::zeroed() };
        let done = unsafe { statvfs(c"/".as_ptr(), &mut about) } == 0;
        got(done && about.f_flag & ST_RDONLY == 0, "mounted read-only")
    }),
    ("mount-tmpfs", Root, || mount("x", "/tmp", "tmpfs", 0)),
    ("mount-proc", Root, || mount("x", "/tmp", "proc", 0)),
    ("mount-sysfs", Depends, || mount("x", "/tmp", "sysfs", 0)),
    ("mount-devpts", Depends, || mount("x", "/tmp", "devpts", 0)),
    ("mount-bind", Root, || mount("/usr", "/tmp", "", MS_BIND)),
    ("mount-overlay", Depends, || mount("x", "/tmp", "overlay", 0)),
    ("remount-root-writable", Root, || mount("", "/", "", MS_REMOUNT | MS_BIND)),
    ("unmount-usr", Depends, || call!(SYS_umount2, c"/usr".as_ptr(), MNT_DETACH)),
    ("change-root", Root, || call!(SYS_chroot, c"/tmp".as_ptr())),
    ("pivot-root", Depends, || call!(SYS_pivot_root, c"/tmp".as_ptr(), c"/tmp".as_ptr())),
    ("new-mount-interface", Root, || call!(SYS_fsopen, c"tmpfs".as_ptr(), 0)),
    ("open-tree", Root, || call!(SYS_open_tree, AT_FDCWD, c"/".as_ptr(), 1)),
    ("mount-set-attributes", Depends, || {
        let none = [0u64; 4];
        call!(SYS_mount_setattr, AT_FDCWD, c"/".as_ptr(), 0, none.as_ptr(), 32)
    }),
    ("name-to-handle", Works, || {
        let mut handle = [0u32; 64];
        handle[0] = 128;
        let mut id = 0i32;
        call!(SYS_name_to_handle_at, AT_FDCWD, c"/usr".as_ptr(), handle.as_mut_ptr(), &raw mut id, 0)
    }),
    ("open-by-handle", Depends, || {
        let mut handle = [0u32; 64];
        handle[0] = 8;
        call!(SYS_open_by_handle_at, AT_FDCWD, handle.as_mut_ptr(), O_RDONLY)
    }),
    ("watch-all-files", Root, || call!(SYS_fanotify_init, 0, O_RDONLY)),
    ("start-to-watch-files", Works, || call!(SYS_inotify_init1, 0)),
    // tells what the host does with a directory, without inotify
    ("directory-notification", Works, || call!(SYS_fcntl, open_read("/usr")?.as_raw_fd(), F_NOTIFY, 1)),
    // makes whoever opens the file wait
    ("lease-on-a-program", Depends, || call!(SYS_fcntl, open_read("/usr/bin/id")?.as_raw_fd(), F_SETLEASE, F_RDLCK)),
    // locks of the host's files are everybody's: one guest's is another's message
    ("lock-a-program", Works, || call!(SYS_flock, open_read("/usr/bin/id")?.as_raw_fd(), LOCK_SH | LOCK_NB)),
    ("record-lock-on-a-program", Works, || {
        let mut about: flock = unsafe { std::mem::zeroed() };
        about.l_type = F_RDLCK as i16;
        call!(SYS_fcntl, open_read("/usr/bin/id")?.as_raw_fd(), F_SETLK, &raw const about)
    }),
    ("open-file-lock-on-a-program", Works, || {
        let mut about: flock = unsafe { std::mem::zeroed() };
        about.l_type = F_RDLCK as i16;
        call!(SYS_fcntl, open_read("/usr/bin/id")?.as_raw_fd(), F_OFD_SETLK, &raw const about)
    }),
    ("lock-a-device", Works, || call!(SYS_flock, open_read("/dev/null")?.as_raw_fd(), LOCK_SH | LOCK_NB)),
    // writable for everybody, and so are its times: a message to the next guest
    ("touch-a-device", Works, || call!(SYS_utimensat, AT_FDCWD, c"/dev/null".as_ptr(), 0, 0)),
    ("touch-a-device-by-the-old-call", Works, || call!(SYS_utime, c"/dev/zero".as_ptr(), 0)),
    ("change-mode-of-a-device", Root, || call!(SYS_fchmodat, AT_FDCWD, c"/dev/null".as_ptr(), 0o666)),
    ("mount-from-a-path", Depends, || call!(SYS_fspick, AT_FDCWD, c"/".as_ptr(), 0)),
    ("move-a-mount", Depends, || call!(SYS_move_mount, AT_FDCWD, c"/usr".as_ptr(), AT_FDCWD, c"/tmp".as_ptr(), 0)),
    ("statistics-of-mounts", Depends, || {
        let (question, mut into) = ([24u64, u64::MAX, 1], [0u64; 128]);
        call!(457, question.as_ptr(), into.as_mut_ptr(), 1024, 0)
    }),
    ("list-of-mounts", Depends, || {
        let (question, mut into) = ([24u64, u64::MAX, 0], [0u64; 16]);
        call!(458, question.as_ptr(), into.as_mut_ptr(), 16, 0)
    }),
    ("working-directory-of-the-server", Works, || {
        let here = std::env::current_dir().map_err(|e| e.to_string())?;
        got(here != Path::new("/"), "only the empty root")
    }),
    ("control-group-create", Depends, || {
        let tried = from_io(fs::create_dir(own("/sys/fs/cgroup")));
        let _ = fs::remove_dir(own("/sys/fs/cgroup"));
        tried
    }),
    ("control-group-list", Works, || from_io(fs::read_dir("/sys/fs/cgroup"))),
];
