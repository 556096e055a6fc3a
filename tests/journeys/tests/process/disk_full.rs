//! The disk fills up under the embedded database.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::support::{Installation, Server, eventually};

fn workflow() -> Json {
    json!({ "name": "keeps", "nodes": [
        { "id": "in", "type": "WEBHOOK", "parameters": { "path": "keep" } },
        { "id": "out", "type": "RESPOND", "parameters": { "body": { "length": "{{ input.text | length }}" } } },
    ] })
}

async fn keep(server: &Server, bytes: usize) -> (u16, Json) {
    let text: String = (0..bytes).map(|i| char::from(b'a' + (i * 7 % 26) as u8)).collect();
    server.post("/hooks/demo/production/keep", json!({ "text": text })).await.unwrap()
}

/// Writes until nothing more can be written, makes room, and looks whether all is as it was.
async fn fills_up(mut server: Server, make_room: impl FnOnce(&Server)) -> Server {
    server.install(workflow()).await;
    let mut kept = 0;
    let problem = eventually("the disk is full", 60, async || {
        let (status, body) = keep(&server, 200_000).await;
        match status {
            200 => {
                kept += 1;
                None
            }
            _ => Some((status, body)),
        }
    })
    .await;
    assert_eq!(problem.0, 503, "{}", problem.1);
    let code = problem.1["code"].as_str().unwrap_or_default();
    assert!(["NL-3005", "NL-6001"].contains(&code), "{}", problem.1);
    // and it stays up, refusing, for as long as it is full
    for _ in 0..5 {
        let (status, body) = keep(&server, 200_000).await;
        assert!(status == 503 && body["code"].as_str().is_some_and(|code| code.starts_with("NL-")), "{status} {body}");
    }
    server.assert_alive();
    assert_eq!(server.get("/healthz").await.unwrap().0, 200);
    make_room(&server);
    eventually("it works again", 30, async || (keep(&server, 200_000).await.0 == 200).then_some(())).await;
    let runs = server.get(&server.team("/runs?status=succeeded&limit=200")).await.unwrap().1;
    let ended = runs["items"].as_array().unwrap().len();
    assert!(ended > kept, "{ended} runs of {} acknowledged ones are there", kept + 1);
    let trail = server.get(&server.team("/audit/verification")).await.unwrap();
    assert_eq!((trail.0, &trail.1["intact"]), (200, &json!(true)), "{}", trail.1);
    server.assert_alive();
    server
}

/// A small file system of its own; unmounted with the value.
struct SmallDisk(PathBuf);

impl SmallDisk {
    #[allow(clippy::disallowed_methods, reason = "mount is a program")]
    fn mount(path: &Path, size: &str) -> Option<Self> {
        fs::create_dir_all(path).unwrap();
        let mut mount = Command::new("mount");
        let mounted = mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "none"]).arg(path).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| Self(path.to_owned()))
    }
}
impl Drop for SmallDisk {
    #[allow(clippy::disallowed_methods, reason = "umount is a program")]
    fn drop(&mut self) {
        _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

/// ENOSPC, where mounting is allowed (root); elsewhere the limit of a file's size below stands for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_a_problem_and_not_an_end() {
    let folder = TempDir::with_prefix("nodeloom-full-").unwrap();
    let disk_at = folder.path().join("disk");
    let Some(disk) = SmallDisk::mount(&disk_at, "64m") else {
        eprintln!("not allowed to mount: see the test of the file size limit");
        return;
    };
    let ballast = disk_at.join("ballast");
    fs::write(&ballast, vec![0_u8; 24 << 20]).unwrap();
    let mut here = Installation::at(folder, disk_at.join("data"));
    here.set("NODELOOM_DATABASE__RETRY_SECONDS", "1");
    let server = here.serve().await;
    let server = fills_up(server, |_| fs::remove_file(&ballast).unwrap()).await;
    server.stop();
    let said = here.run(&["audit", "verify"]);
    assert_eq!(said.code, 0, "{said:?}");
    drop(disk);
}

/// EFBIG, which every user can have: the kernel refuses to let the database's files grow.
#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::disallowed_methods, reason = "prlimit is a program")]
async fn a_file_that_may_not_grow_is_a_problem_and_not_an_end() {
    let mut here = Installation::new();
    here.set("NODELOOM_DATABASE__RETRY_SECONDS", "1");
    // 8 MiB for each file, in blocks of 512 bytes; the signal that would kill is ignored as systemd does not.
    let shell = ["sh", "-c", "trap '' XFSZ; ulimit -S -f 16384; exec \"$@\"", "limited"];
    let server = here.serve_through(&shell).await;
    let server = fills_up(server, |server| {
        let mut lift = Command::new("prlimit");
        assert!(lift.args(["--pid", &server.id().to_string(), "--fsize=unlimited"]).status().unwrap().success());
    })
    .await;
    server.stop();
    let said = here.run(&["audit", "verify"]);
    assert_eq!(said.code, 0, "{said:?}");
}
