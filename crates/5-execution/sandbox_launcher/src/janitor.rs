//! Removes the server's control groups after the server, also when it was killed: it waits for the other end of its
//! standard input to close, and then for the groups to be empty.

use std::{fs, io::Read, path::Path, process::ExitCode, thread::sleep, time::Duration};

use crate::sys;

/// Waits for the server's end, then removes `directories` and what is below them.
pub fn main(directories: &[&str]) -> ExitCode {
    let _ = sys::close_range(3, u32::MAX, false);
    let _ = sys::new_session();
    let _ = std::io::stdin().lock().read(&mut [0; 1]);
    let patience = 500;
    for round in 0..patience {
        // launchers notice by themselves that the server is gone; who is left after a second is killed
        let left = directories.iter().filter(|directory| !remove(Path::new(directory), round >= 50)).count();
        if left == 0 {
            return ExitCode::SUCCESS;
        }
        sleep(Duration::from_millis(20));
    }
    ExitCode::FAILURE
}

/// Removes one group and its children; says whether it is gone.
pub fn remove(group: &Path, kill: bool) -> bool {
    if let Ok(entries) = fs::read_dir(group) {
        for entry in entries.flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                remove(&entry.path(), kill);
            }
        }
    }
    if kill && fs::write(group.join("cgroup.kill"), "1").is_err() {
        let inside = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
        for pid in inside.lines().filter_map(|line| line.parse().ok()) {
            sys::kill_number(pid);
        }
    }
    let _ = fs::remove_dir(group);
    !group.exists()
}
