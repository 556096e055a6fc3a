//! Every attack of the hostile program, inside and outside. R115, R116, R117, R118, R121: the walls hold.

use std::{
    collections::BTreeSet,
    io::Write,
    process::{Command, Stdio},
};

use futures::StreamExt;

use super::common::{BACKEND, HOSTILE, is_native, is_root, limits, refused, start};
use sandbox::{Root, Sandbox, Spec};

/// (name, how it behaves outside)
fn attacks() -> Vec<(String, String)> {
    let list = Command::new(&*HOSTILE).arg("--list").output().unwrap();
    let text = String::from_utf8(list.stdout).unwrap();
    text.lines().map(|line| line.split_once(' ').unwrap()).map(|(name, how)| (name.into(), how.into())).collect()
}

async fn inside(sandbox: &Sandbox, name: &str) -> sandbox::Outcome {
    let arguments = [name.to_owned(), std::process::id().to_string()];
    sandbox.run(Spec::program(&*HOSTILE, arguments, Root::HostUsr).limits(limits())).await.unwrap()
}

/// As a program of the server's own user would try it, from a directory of the server, with a secret around.
fn outside(name: &str) -> bool {
    let mut child = Command::new(&*HOSTILE)
        .args([name, &std::process::id().to_string()])
        .env("HOSTILE_SECRET", "x")
        .current_dir("/usr")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _ = child.stdin.take().unwrap().write_all(b"x");
    child.wait().unwrap().success()
}

/// R115-R118, R121: no attack gets through.
#[tokio::test(flavor = "multi_thread")]
async fn no_attack_succeeds_inside() {
    let sandbox = start().await;
    let attacks = attacks();
    let names: BTreeSet<_> = attacks.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), attacks.len(), "two attacks have one name");
    assert!(attacks.len() >= 120, "{} attacks", attacks.len());
    let mut through = Vec::new();
    // a few at a time: engines take long for each
    let mut tried = futures::stream::iter(&attacks)
        .map(|(name, _)| {
            let sandbox = &sandbox;
            async move { (name, inside(sandbox, name).await) }
        })
        .buffer_unordered(if is_native() { 1 } else { 4 });
    while let Some((name, outcome)) = tried.next().await {
        if !refused(outcome.exit) && known(name, outcome.exit).is_none() {
            through.push(format!("{name}: {:?} {}", outcome.exit, outcome.stderr.text()));
        }
    }
    eprintln!("{BACKEND}: {} attacks, {} through", attacks.len(), through.len());
    assert!(through.is_empty(), "{} of {} got through: {through:#?}", through.len(), attacks.len());
}

/// What is known to be otherwise under a backend, and why it does no harm.
fn known(name: &str, exit: sandbox::Exit) -> Option<&'static str> {
    Some(match (BACKEND, name) {
        ("docker", "set-user-id-honoured") => {
            "the root is mounted without the flag; no_new_privs holds, as run-set-user-id-program shows"
        }
        // gVisor: the answers are those of a kernel that belongs to this one guest
        ("oci_runsc", "set-user-id-honoured") => "its statvfs tells no flags; no_new_privs holds",
        ("oci_runsc", "root-is-writable") => "its statvfs tells no flags; create-in-root shows that it is not",
        ("oci_runsc", "open-terminal-multiplexer" | "open-fuse") => {
            "a device of its own kernel, with nothing behind it"
        }
        ("oci_runsc", "raise-priority") => "a number that its kernel keeps and does not use",
        ("oci_runsc", "truncate-program") if exit == sandbox::Exit::Signal(25) => "killed for the size limit first",
        _ => return None,
    })
}

/// Controls that user-mode Linux, the machine of tests/vm, cannot give: files that are the host's have no handles there, memory
/// has no nodes, no group has real time, and nobody listens at an abstract socket.
const NOT_IN_USER_MODE: [&str; 4] = ["name-to-handle", "memory-policy", "real-time", "cve-2020-15257-abstract-socket"];

/// The control: the same program succeeds where nothing holds it, so that a refusal means something.
#[test]
fn harmless_attacks_succeed_outside() {
    let own_machine = std::env::var_os("NODELOOM_TEST_OWN_MACHINE").is_some();
    let (mut tried, mut failed) = (0, Vec::new());
    for (name, how) in attacks() {
        let given = !own_machine || !NOT_IN_USER_MODE.contains(&&*name);
        if given && (how == "works" || how == "root" && is_root()) {
            tried += 1;
            if !outside(&name) {
                failed.push(name);
            }
        }
    }
    assert!(failed.is_empty(), "{} of {tried} controls failed: {failed:?}", failed.len());
    assert!(tried >= 50, "{tried} controls");
}

/// What would do harm outside, or depends on the kernel, is tried by root in a disposable world without our walls. There
/// it succeeds, or the kernel itself answers, otherwise than inside: what refused it inside is a wall. Whatever is
/// answered in the same way has no control on this machine, and is listed.
#[tokio::test(flavor = "multi_thread")]
async fn other_attacks_are_answered_otherwise_outside() {
    if !is_root() || !is_native() {
        return; // for an ordinary user there is no such world; and it is the same for every backend
    }
    let sandbox = start().await;
    let (mut succeeded, mut answered, mut without) = (0, 0, Vec::new());
    for (name, how) in attacks() {
        match how.split_once(' ') {
            Some(("never", why)) => without.push(format!("{name}: {why}")),
            _ if how != "depends" => {}
            _ => {
                let world = in_world(&name);
                let held = inside(&sandbox, &name).await;
                let refusal = (held.exit == sandbox::Exit::KilledByFilter, held.stderr.text());
                match world {
                    (Some(0), _) => succeeded += 1,
                    (_, said) if said.contains("os error 1)") => without.push(format!("{name}: {said}")),
                    (_, said) if refusal.0 || said != refusal.1 => answered += 1,
                    (_, said) => without.push(format!("{name}: {said}")),
                }
            }
        }
    }
    let all = attacks().len();
    eprintln!(
        "of {all} attacks {} have no control here:\n{}\nin the disposable world {succeeded} succeeded, and {answered} \
         were answered by the kernel itself",
        without.len(),
        without.join("\n"),
    );
    assert!(succeeded + answered >= 60 && without.len() <= 40, "{succeeded} {answered} {without:#?}");
}

/// (exit code, what it said)
fn in_world(name: &str) -> (Option<i32>, String) {
    let output = Command::new(&*HOSTILE)
        .args([name, &std::process::id().to_string(), "world"])
        .current_dir("/usr")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).trim().to_owned())
}
