//! Whatever an engine does, a run ends: with its outcome, or with an error that names the step and tells the engine's words.

use std::time::{Duration, Instant};

use sandbox_launcher::wire::Frame;

use super::{
    Docker, Patience,
    double::{Double, Play, spoken, well},
};
use crate::{
    Error, Exit, SandboxConfig,
    backend::{Backend, Finished},
    trial::{BOUND, chain, task, until},
};

const SHORT: Patience = Patience {
    answer: Duration::from_secs(3),
    image: Duration::from_secs(5),
    removal: Duration::from_secs(4),
    run: Duration::from_secs(2),
};

fn backend(double: &Double) -> Docker {
    let config = SandboxConfig { docker_socket: double.socket.clone(), ..SandboxConfig::default() };
    Docker { patience: SHORT, ..Docker::new(&config) }
}

async fn run(docker: &Docker) -> Result<Finished, Error> {
    let limits = until(Duration::from_millis(200));
    docker.prepare().await?;
    docker.run(&task(&limits, 1024)).await
}

/// Plays it; the answer must come in time.
async fn play(name: &str, plays: &[(&'static str, Vec<Play>)]) -> (Result<Finished, Error>, Vec<&'static str>) {
    let double = Double::start(name, plays);
    let docker = backend(&double);
    let at = Instant::now();
    let result = run(&docker).await;
    assert!(at.elapsed() < BOUND, "{name}: {:?}", at.elapsed());
    (result, double.asked())
}

#[tokio::test]
async fn an_engine_that_is_well_gives_the_outcome() {
    let (finished, asked) = play("well", &[]).await;
    let finished = finished.unwrap();
    assert_eq!((finished.exit, &finished.stdout.bytes[..], finished.clean), (Exit::Code(0), &b"hello"[..], true));
    assert_eq!(asked[..7], ["version", "info", "list", "image", "create", "attach", "start"]);
}

/// Issue 4: image missing, no space, daemon gone, 409, 500, malformed JSON and silence, at every step.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_failure_of_an_engine_is_named_and_none_hangs() {
    let space = "write /var/lib/docker/tmp: no space left on device";
    let full = format!("{{\"errorDetail\":{{\"message\":\"{space}\"}},\"error\":\"{space}\"}}\n");
    let conflict = || Play::error(409, "container box is marked for removal");
    let internal = || Play::error(500, "driver failed programming external connectivity");
    let garbage = || Play::Say(200, "{\"Id\": [}".into());
    let babble = || Play::Babble("220 mail.example ESMTP\r\n");
    let silence = "it did not answer in time";
    let absent = "sandbox_unavailable: code cannot be run on this host: the Docker engine";
    let at = |step: &str| format!("sandbox_broken: the sandbox failed at {step}");
    let (bring, make) = (at("bring the image to the engine"), at("create the container"));
    let (attach, start, keep) = (at("attach to the container"), at("start the container"), at("keep the guest"));
    let wait = at("wait for the container");
    let missing = || Play::error(404, "No such image: nodeloom-sandbox:0");
    let no_image = ("image", vec![missing()]);
    let not_found = "No such image: nodeloom-sandbox:0 (404)";
    type Case<'a> = (&'a str, Vec<(&'static str, Vec<Play>)>, &'a str, &'a str);
    let cases: Vec<Case> = vec![
        // it is not there, or is no engine
        ("version hangs", vec![("version", vec![Play::Hang])], absent, silence),
        ("version stalls", vec![("version", vec![Play::HangInBody])], absent, silence),
        ("version left", vec![("version", vec![Play::Leave])], absent, ""),
        ("version babbles", vec![("version", vec![babble()])], absent, ""),
        ("version is garbage", vec![("version", vec![garbage()])], absent, ""),
        ("version is empty", vec![("version", vec![Play::Say(200, "{}".into())])], absent, "API version"),
        ("info 500", vec![("info", vec![internal()])], absent, "(500)"),
        ("info stalls", vec![("info", vec![Play::HangInBody])], absent, silence),
        ("info is garbage", vec![("info", vec![garbage()])], absent, ""),
        ("no seccomp", vec![("info", vec![Play::Say(200, "{\"OSType\":\"linux\"}".into())])], absent, "no seccomp"),
        ("windows", vec![("info", vec![Play::Say(200, "{\"OSType\":\"windows\"}".into())])], absent, "Linux"),
        // the image
        ("image 500", vec![("image", vec![internal()])], &bring, "(500)"),
        ("image hangs", vec![("image", vec![Play::Hang])], &bring, silence),
        ("image is garbage", vec![("image", vec![garbage()])], &bring, ""),
        ("no space", vec![no_image.clone(), ("load", vec![Play::Say(200, full)])], &bring, space),
        ("no space at once", vec![no_image.clone(), ("load", vec![Play::error(500, space)])], &bring, space),
        ("load hangs", vec![no_image.clone(), ("load", vec![Play::HangInBody])], &bring, silence),
        ("load left", vec![no_image.clone(), ("load", vec![Play::Leave])], &bring, ""),
        ("loaded and missing", vec![no_image], &bring, not_found),
        // the container
        ("create: image gone again", vec![("create", vec![missing()])], &make, not_found),
        ("create 409", vec![("create", vec![conflict()])], &make, "marked for removal (409)"),
        ("create 500", vec![("create", vec![internal()])], &make, "(500)"),
        ("create: no space", vec![("create", vec![Play::error(500, space)])], &make, space),
        ("create is garbage", vec![("create", vec![garbage()])], &make, ""),
        ("create hangs", vec![("create", vec![Play::Hang])], &make, silence),
        ("create stalls", vec![("create", vec![Play::HangInBody])], &make, silence),
        ("create left", vec![("create", vec![Play::Leave])], &make, ""),
        ("attach 409", vec![("attach", vec![conflict()])], &attach, "(409)"),
        ("attach hangs", vec![("attach", vec![Play::Hang])], &attach, silence),
        ("attach left", vec![("attach", vec![Play::Leave])], &attach, ""),
        ("start 409", vec![("start", vec![conflict()])], &start, "(409)"),
        ("start 500", vec![("start", vec![internal()])], &start, "(500)"),
        ("start hangs", vec![("start", vec![Play::Hang])], &start, silence),
        // the run
        ("a run without a word", vec![("attach", vec![Play::Stream(vec![])])], &wait, "timed out"),
        ("a run cut short", vec![("attach", vec![Play::Stream(well()[..20].to_vec())])], &wait, "timed out"),
        (
            "a run in another language",
            vec![("attach", vec![Play::Stream(spoken(&[(Frame::End, b"short")]))])],
            &keep,
            "",
        ),
        (
            "engine gone mid-run",
            vec![("attach", vec![Play::StreamAndDie(well()[..20].to_vec())])],
            &keep,
            "without a word",
        ),
        (
            "keeper failed",
            vec![("attach", vec![Play::Stream(spoken(&[(Frame::Failed, b"fork: no")]))])],
            &keep,
            "fork: no",
        ),
    ];
    let mut all = tokio::task::JoinSet::new();
    for (nth, (name, plays, begins, holds)) in cases.into_iter().enumerate() {
        let (name, begins, holds) = (name.to_owned(), begins.to_owned(), holds.to_owned());
        all.spawn(async move {
            let (result, asked) = play(&format!("case-{nth}"), &plays).await;
            let said = result.err().map_or("it went well".into(), |error| chain(&error));
            assert!(said.starts_with(&begins) && said.contains(&holds), "{name}: {said:?}");
            // whatever was made is removed
            let made = asked.iter().any(|step| ["attach", "start"].contains(step));
            let removed = ["remove", "wait"].iter().any(|step| asked.contains(step));
            assert!(!made || removed || name == "engine gone mid-run", "{name}: {asked:?}");
        });
    }
    while let Some(done) = all.join_next().await {
        done.unwrap();
    }
}

/// Somebody pruned the engine's images while the server ran: the image is made again, and nobody notices.
#[tokio::test]
async fn a_pruned_image_is_made_again() {
    let created = Play::Say(201, "{\"Id\":\"box\",\"Warnings\":[]}".into());
    let (finished, asked) = play("pruned", &[("create", vec![Play::error(404, "No such image"), created])]).await;
    assert_eq!(finished.unwrap().exit, Exit::Code(0));
    assert_eq!(asked.iter().filter(|step| **step == "create").count(), 2, "{asked:?}");
    assert_eq!(asked.iter().filter(|step| **step == "image").count(), 2, "{asked:?}");
}

/// What fails after the guest's end does not take its outcome away, and what cannot be shown to be gone is not called clean.
#[tokio::test]
async fn failures_after_the_end_are_told_apart() {
    let box_is_there = Play::Say(200, "{\"Id\":\"box\",\"State\":{\"OOMKilled\":false}}".into());
    for (name, plays, clean) in [
        ("inspect-500", vec![("inspect", vec![Play::error(500, "x"), Play::error(404, "gone")])], true),
        ("wait-hangs", vec![("wait", vec![Play::Hang])], true),
        ("wait-garbage", vec![("wait", vec![Play::Say(200, "[".into())])], true),
        ("never-removed", vec![("inspect", vec![box_is_there]), ("remove", vec![Play::error(500, "busy")])], false),
        ("remove-hangs", vec![("inspect", vec![Play::Hang]), ("remove", vec![Play::Hang])], false),
    ] {
        let (finished, _) = play(name, &plays).await;
        let finished = finished.unwrap_or_else(|error| panic!("{name}: {}", chain(&error)));
        assert_eq!((finished.exit, finished.clean), (Exit::Code(0), clean), "{name}");
    }
}

/// A kill for want of memory is the engine's to tell when it took the keeper itself.
#[tokio::test]
async fn memory_that_ran_out_is_told_also_when_the_keeper_died_of_it() {
    let starved = Play::Say(200, "{\"Id\":\"box\",\"State\":{\"OOMKilled\":true}}".into());
    let plays = [
        ("attach", vec![Play::Babble("HTTP/1.1 101 UPGRADED\r\nconnection: Upgrade\r\nupgrade: tcp\r\n\r\n")]),
        ("inspect", vec![starved, Play::error(404, "gone")]),
    ];
    let (finished, _) = play("starved", &plays).await;
    assert_eq!(finished.unwrap().exit, Exit::OutOfMemory);
}

/// A call that goes away while the engine still thinks removes what the engine then makes.
#[tokio::test]
async fn a_dropped_call_removes_what_it_asked_for() {
    let double = Double::start("dropped", &[("attach", vec![Play::Hang])]);
    let docker = Docker { patience: Patience { answer: Duration::from_secs(30), ..SHORT }, ..backend(&double) };
    assert!(tokio::time::timeout(Duration::from_millis(500), run(&docker)).await.is_err());
    let until = Instant::now() + BOUND;
    while !double.asked().contains(&"remove") {
        assert!(Instant::now() < until, "{:?}", double.asked());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn no_socket_and_no_engine_behind_it_are_named() {
    let double = Double::start("stale", &[]);
    let mut docker = backend(&double);
    drop(double);
    assert!(chain(&run(&docker).await.err().unwrap()).starts_with("sandbox_unavailable"));
    // a socket that nobody listens at
    let path = std::env::temp_dir().join(format!("nodeloom-double-{}-nobody.sock", std::process::id()));
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    docker.socket.clone_from(&path);
    let said = chain(&run(&docker).await.err().unwrap());
    assert!(said.starts_with("sandbox_unavailable") && said.contains("nobody.sock"), "{said}");
    std::fs::remove_file(path).unwrap();
}
