//! The same piece of JavaScript in every way that this machine can run it, interleaved: NodeLoom's own launcher, its oci
//! and docker backends, and `runc run` and `docker run` side by side as anybody would call them with hardened flags.
//! `cargo run --release -p sandbox --example sandbox_compare -- ROUNDS [DOCKER_SOCKET]`; `bench/sandbox.sh` starts an engine.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a measuring program")]

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use domain::{Clock, Timestamp};
use sandbox::{BackendChoice, Sandbox, SandboxConfig, Spec};
use serde_json::json;

const SOURCE: &str = "return { sum: input.numbers.reduce((a, b) => a + b, 0) }";
const INPUT: &str = r#"{"numbers":[1,2,3]}"#;

async fn ours(sandbox: &Sandbox) -> Duration {
    let at = Instant::now();
    let outcome = sandbox.run(Spec::javascript(SOURCE, serde_json::from_str(INPUT).unwrap())).await.unwrap();
    let took = at.elapsed();
    assert_eq!(outcome.result, Ok(json!({ "sum": 6 })));
    took
}

/// A runner's job as its standard input wants it.
fn job() -> String {
    let (heap, most) = (100 << 20, 1 << 20);
    format!("1 {} {} {heap} {} 0 {most} {most}\n{SOURCE}{INPUT}", SOURCE.len(), INPUT.len(), 1 << 20)
}

fn theirs(program: &str, arguments: &[String]) -> Duration {
    let at = Instant::now();
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(job().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let took = at.elapsed();
    assert!(String::from_utf8_lossy(&output.stdout).ends_with(r#"{"sum":6}"#), "{program}: {output:?}");
    took
}

/// A bundle for `runc run`: namespaces, no capability, no new privileges, read-only, limits, a user that is not root.
fn bundle(at: &Path) {
    let root = at.join("rootfs");
    ["", "proc", "dev"].iter().for_each(|name| fs::create_dir_all(root.join(name)).unwrap());
    fs::write(root.join("javascript"), sandbox::javascript_runner()).unwrap();
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(root.join("javascript"), fs::Permissions::from_mode(0o555)).unwrap();
    let spaces = ["pid", "network", "ipc", "uts", "mount"].map(|kind| json!({ "type": kind }));
    let none: [&str; 0] = [];
    let config = json!({
        "ociVersion": "1.0.2",
        "process": {
            "terminal": false, "user": { "uid": 65534, "gid": 65534 }, "args": ["/javascript"], "env": none, "cwd": "/",
            "capabilities": { "bounding": none, "effective": none, "inheritable": none, "permitted": none, "ambient": none },
            "noNewPrivileges": true,
        },
        "root": { "path": "rootfs", "readonly": true },
        "mounts": [
            { "destination": "/proc", "type": "proc", "source": "proc" },
            { "destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=64k"] },
        ],
        "linux": {
            "namespaces": spaces, "cgroupsPath": "/nodeloom-compare",
            "resources": {
                "memory": { "limit": 134_217_728 }, "pids": { "limit": 33 }, "cpu": { "quota": 100_000, "period": 100_000 },
            },
        },
    });
    fs::write(at.join("config.json"), config.to_string()).unwrap();
}

fn docker_flags(socket: &str) -> Option<Vec<String>> {
    let host = format!("unix://{socket}");
    let list = ["-H", &host, "images", "nodeloom-sandbox", "--format", "{{.Repository}}:{{.Tag}}"];
    let images = String::from_utf8(Command::new("docker").args(list).output().ok()?.stdout).ok()?;
    let image = images.lines().next()?.to_owned();
    let flags = "run --rm -i --network none --read-only --cap-drop ALL --security-opt no-new-privileges --pids-limit 33 \
                 --memory 128m --cpus 1 --user 65534:65534 --log-driver none";
    let mut all = vec!["-H".to_owned(), host];
    all.extend(flags.split(' ').map(str::to_owned));
    all.extend([image, "/.nodeloom/javascript".into()]);
    Some(all)
}

async fn start(config: SandboxConfig) -> Option<Sandbox> {
    let sandbox = Sandbox::start(config, Clock::new(|| Timestamp::from_micros(0))).await.ok()?;
    match sandbox.ready() {
        Ok(()) => Some(sandbox),
        Err(why) => {
            eprintln!("not measured: {} ({why})", sandbox.choice().backend);
            None
        }
    }
}

#[tokio::main]
async fn main() {
    let rounds: usize = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(20);
    let socket = std::env::args().nth(2);
    let native = start(SandboxConfig::default()).await.unwrap();
    let oci = start(SandboxConfig { backend: BackendChoice::Oci, ..SandboxConfig::default() }).await;
    let docker = match &socket {
        Some(socket) => {
            let (backend, docker_socket) = (BackendChoice::Docker, PathBuf::from(socket));
            start(SandboxConfig { backend, docker_socket, ..SandboxConfig::default() }).await
        }
        None => None,
    };
    if let Some(docker) = &docker {
        ours(docker).await; // brings the image
    }
    let flags = socket.as_deref().filter(|_| docker.is_some()).and_then(docker_flags);
    let at = std::env::temp_dir().join(format!("nodeloom-compare-{}", std::process::id()));
    let runc = ["/usr/sbin/runc", "/usr/bin/runc"].into_iter().find(|path| Path::new(path).is_file());
    bundle(&at);
    for _ in 0..20 {
        ours(&native).await;
    }
    let mut times: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    for round in 0..rounds {
        for _ in 0..5 {
            times.entry("1 native launcher").or_default().push(ours(&native).await);
        }
        for _ in 0..2 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            times.entry("2 native launcher after 100 ms idle").or_default().push(ours(&native).await);
        }
        if let Some(oci) = &oci {
            times.entry("3 oci backend (runc)").or_default().push(ours(oci).await);
        }
        if let Some(docker) = &docker {
            times.entry("4 docker backend").or_default().push(ours(docker).await);
        }
        if let Some(runc) = runc {
            let (bundle, name) = (at.display().to_string(), format!("nodeloom-compare-{round}"));
            let words = ["run", "--bundle", &bundle, &name].map(str::to_owned);
            times.entry("5 runc run").or_default().push(theirs(runc, &words));
        }
        if let Some(flags) = &flags {
            times.entry("6 docker run").or_default().push(theirs("docker", flags));
        }
    }
    let _ = fs::remove_dir_all(&at);
    let mut base = 0.0;
    println!("| {:<36} | p50 ms | quartiles   | max    | n    | times the first |", "what");
    println!("|---|---|---|---|---|---|");
    for (name, times) in &mut times {
        times.sort();
        let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)].as_secs_f64() * 1e3;
        if base == 0.0 {
            base = at(50);
        }
        let spread = format!("{:.1}–{:.1}", at(25), at(75));
        let (name, n) = (&name[2..], times.len());
        println!("| {name:<36} | {:6.2} | {spread:<11} | {:6.1} | {n:<4} | {:.1} |", at(50), at(100), at(50) / base);
    }
}
