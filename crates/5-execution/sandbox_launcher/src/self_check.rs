//! A small hostile program: run inside a sandbox, it tries what each guarantee forbids and prints one line per attack,
//! `guarantee ok|BROKEN what`. `nodeloom sandbox probe` runs it.

use std::{fs, io, net, process::ExitCode};

use crate::sys;

/// Runs the attacks named on the command line; none = all that end by themselves.
pub fn main(what: &[&str]) -> ExitCode {
    match what {
        ["spin"] => loop {
            std::hint::black_box(0);
        },
        ["memory"] => memory(),
        ["flood"] => flood(),
        ["forbidden"] => {
            let _ = sys::try_call(libc::SYS_ptrace, [0; 4]);
            ExitCode::SUCCESS
        }
        ["processes"] => processes(),
        ["escape", outside] => escape(outside.parse().unwrap_or(1)),
        _ => ExitCode::from(2),
    }
}

fn memory() -> ExitCode {
    let mut held = Vec::new();
    loop {
        held.push(std::hint::black_box(vec![1u8; 1 << 20]));
    }
}

fn flood() -> ExitCode {
    let line = [b'x'; 4096];
    for _ in 0..4096 {
        if io::Write::write_all(&mut io::stdout(), &line).is_err() {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn processes() -> ExitCode {
    for n in 0..200 {
        match sys::fork_into(0) {
            Ok(sys::Side::Child) => loop {
                std::thread::sleep(std::time::Duration::from_secs(1));
            },
            Ok(sys::Side::Parent(..)) => {}
            Err(_) => {
                println!("{n}");
                return ExitCode::SUCCESS;
            }
        }
    }
    println!("200");
    ExitCode::SUCCESS
}

fn say(guarantee: &str, attack: &str, refused: bool) {
    println!("{guarantee} {} {attack}", if refused { "ok" } else { "BROKEN" });
}

fn escape(outside: u64) -> ExitCode {
    let refused = |number, arguments| sys::try_call(number, arguments).is_err();
    for (name, family) in [
        ("inet", libc::AF_INET),
        ("inet6", libc::AF_INET6),
        ("netlink", libc::AF_NETLINK),
        ("packet", libc::AF_PACKET),
        ("unix", libc::AF_UNIX),
        ("vsock", libc::AF_VSOCK),
    ] {
        let arguments = [family as u64, libc::SOCK_DGRAM as u64, 0, 0];
        say("no_network", name, refused(libc::SYS_socket, arguments));
    }
    say(
        "no_network",
        "connect",
        net::TcpStream::connect("127.0.0.1:1").is_err_and(|e| e.kind() == io::ErrorKind::PermissionDenied),
    );
    for path in ["/x", "/usr/x", "/etc/x", "/tmp/x", "/dev/x"] {
        say("read_only_filesystem", path, fs::write(path, "x").is_err());
    }
    say("read_only_filesystem", "chroot", refused(libc::SYS_chroot, [0; 4]));
    say("no_capabilities", "held", sys::capabilities().is_ok_and(|sets| sets == [0; 6]));
    let bounding = (0..41).any(|n| sys::prctl(libc::PR_CAPBSET_READ, n, 0).unwrap_or(0) == 1);
    say("no_capabilities", "bounding set", !bounding);
    say("not_root", "ids", sys::ids().0 != 0 && sys::ids().1 != 0);
    say("not_root", "setresuid", refused(libc::SYS_setresuid, [0, 0, 0, 0]));
    let locked = sys::prctl(libc::PR_GET_NO_NEW_PRIVS, 0, 0).unwrap_or(0) == 1;
    say("no_new_privileges", "bit", locked);
    let flags = libc::CLONE_NEWUSER as u64;
    let by_filter = |r: io::Result<i64>| r.is_err_and(|e| e.raw_os_error() == Some(libc::EPERM));
    say("system_call_filter", "unshare", by_filter(sys::try_call(libc::SYS_unshare, [flags, 0, 0, 0])));
    say("system_call_filter", "mknod", by_filter(sys::try_call(libc::SYS_mknodat, [0; 4])));
    say("own_processes", "signal", refused(libc::SYS_kill, [outside, 0, 0, 0]));
    say("own_processes", "number", std::process::id() < 10);
    // a /proc of its own may be there where an engine insists on one; it must not show the host's
    let numbers = fs::read_dir("/proc").into_iter().flatten().flatten();
    let seen = numbers.filter(|entry| entry.file_name().to_string_lossy().parse::<u32>().is_ok()).count();
    say("own_processes", "proc", seen < 6);
    say("own_ipc", "shared memory", refused(libc::SYS_shmget, [1, 4096, 0o1600, 0]));
    say("own_ipc", "message queue", refused(libc::SYS_msgget, [1, 0o1600, 0, 0]));
    let open = (4..1024).any(|fd| sys::try_call(libc::SYS_fcntl, [fd, libc::F_GETFD as u64, 0, 0]).is_ok());
    say("nothing_inherited", "descriptors", !open);
    let known = ["PATH", "LANG", "HOME", "TMPDIR"];
    say("nothing_inherited", "environment", std::env::vars_os().all(|(name, _)| known.iter().any(|k| name == *k)));
    ExitCode::SUCCESS
}
