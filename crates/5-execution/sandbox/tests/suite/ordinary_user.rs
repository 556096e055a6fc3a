//! The whole suite again for a server that is an ordinary user of the machine, with nothing delegated to it.

use std::{
    fs,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    process::Command,
};

use super::common::{BACKEND, HOSTILE, is_native, is_root};

/// A number that nobody has.
const SOMEBODY: u32 = 1_879_040_000;

/// R115, R121: every promise that does not need a control group is kept for an ordinary user too, and the table says which
/// are kept by less.
#[test]
fn the_suite_holds_for_an_ordinary_user() {
    if !is_root() || BACKEND == "docker" {
        return; // it is running as one already; and who may use an engine's socket is root
    }
    let folder = std::env::temp_dir().join(format!("nodeloom-user-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let copy = |from: &std::path::Path, name: &str| {
        let to = folder.join(name);
        fs::copy(from, &to).unwrap();
        fs::set_permissions(&to, fs::Permissions::from_mode(0o755)).unwrap();
        to
    };
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    let (suite, hostile) = (copy(&std::env::current_exe().unwrap(), "suite"), copy(HOSTILE.as_ref(), "hostile"));
    // a runtime takes a hundred times longer for each call; what it could leave is the same for every user
    let all: &[&str] = if is_native() { &[] } else { &["suite::escapes::no_attack", "suite::programs"] };
    let done = Command::new(suite)
        .args(["--test-threads", if is_native() { "1" } else { "2" }])
        .args(all)
        .env("NODELOOM_TEST_HOSTILE", hostile)
        .current_dir("/")
        .uid(SOMEBODY)
        .gid(SOMEBODY)
        .output()
        .unwrap();
    fs::remove_dir_all(&folder).unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}");
    let told = said.lines().filter(|line| line.starts_with("test result") || line.starts_with("skipped"));
    eprintln!("{BACKEND} as an ordinary user: {}", told.collect::<Vec<_>>().join(" "));
}
