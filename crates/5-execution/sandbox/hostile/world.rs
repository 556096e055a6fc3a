//! A disposable world for controls: root in namespaces of its own, with copies of what attacks destroy. None of the
//! sandbox's walls stands in it, and nothing done in it reaches the machine.

use std::{fs, process::exit};

use libc::*;

use crate::own_mounts;

fn mount_at(kind: &std::ffi::CStr, at: &std::ffi::CStr) {
    let done = unsafe { mount(kind.as_ptr(), at.as_ptr(), kind.as_ptr(), 0, std::ptr::null()) };
    assert_eq!(done, 0, "{at:?}: {}", std::io::Error::last_os_error());
}

/// Goes on as the first process of the new world; this process waits for it and ends as it did.
pub fn enter() {
    let (id, su) = (fs::read("/usr/bin/id").unwrap(), fs::read("/usr/bin/su").unwrap());
    unsafe { setsid() };
    own_mounts();
    let spaces = CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWPID;
    assert_eq!(unsafe { unshare(spaces) }, 0, "{}", std::io::Error::last_os_error());
    // so that it can be taken away
    let usr = c"/usr".as_ptr();
    unsafe { mount(usr, usr, std::ptr::null(), MS_BIND | MS_REC, std::ptr::null()) };
    mount_at(c"tmpfs", c"/tmp");
    mount_at(c"tmpfs", c"/usr/bin");
    for (name, bytes) in [("id", id), ("su", su)] {
        let path = format!("/usr/bin/{name}");
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let child = unsafe { fork() };
    if child > 0 {
        let mut status = 0;
        unsafe { waitpid(child, &mut status, 0) };
        exit(if WIFEXITED(status) { WEXITSTATUS(status) } else { 128 + WTERMSIG(status) });
    }
    mount_at(c"proc", c"/proc");
    // what a careless server would leave open
    let fd = unsafe { open(c"/usr".as_ptr(), O_RDONLY | O_DIRECTORY) };
    assert!(unsafe { dup2(fd, 9) } == 9);
}
