//! One way to start a sandbox and to ask it something, for all tests of this crate.
#![allow(dead_code, reason = "not every backend needs all")]

use std::{path::Path, sync::LazyLock, time::Duration};

use domain::{Clock, Json, Timestamp};
use sandbox::{BackendChoice, Exit, Failure, Language, Limits, Outcome, Root, Sandbox, SandboxConfig, Spec};

/// The hostile program; a user who cannot read the build's folder has it elsewhere.
pub static HOSTILE: LazyLock<String> = LazyLock::new(|| {
    let elsewhere = std::env::var("NODELOOM_TEST_HOSTILE");
    elsewhere.unwrap_or_else(|_| env!("CARGO_BIN_EXE_sandbox-hostile").to_owned())
});

/// The backend that this test program is for.
pub const BACKEND: &str = env!("CARGO_CRATE_NAME");

pub fn is_native() -> bool {
    BACKEND == "native"
}

/// Settings for this program's backend.
pub fn config() -> SandboxConfig {
    let mut config = SandboxConfig::default();
    match BACKEND.split_once('_') {
        Some(("oci", runtime)) => {
            config.backend = BackendChoice::Oci;
            config.oci_runtime = Some(runtime.into());
            let wanted = runtime != "runsc" || std::env::var_os("NODELOOM_TEST_RUNSC").is_some();
            if !wanted || !["/usr/bin", "/usr/sbin"].iter().any(|at| Path::new(at).join(runtime).is_file()) {
                skip(&format!("{runtime} is not installed, or was not asked for"));
            }
        }
        _ if BACKEND == "docker" => {
            config.backend = BackendChoice::Docker;
            match std::env::var_os("NODELOOM_TEST_DOCKER") {
                Some(socket) => config.docker_socket = socket.into(),
                None => skip("NODELOOM_TEST_DOCKER does not name an engine's socket"),
            }
        }
        _ => {}
    }
    config
}

/// Ends this test program well, saying why; there is nothing that it could test.
pub fn skip(why: &str) -> ! {
    eprintln!("skipped, {BACKEND}: {why}");
    std::process::exit(0)
}

pub async fn start() -> Sandbox {
    start_with(config()).await
}

pub async fn start_with(config: SandboxConfig) -> Sandbox {
    let clock = Clock::new(|| {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Timestamp::from_micros(since.as_micros() as i64)
    });
    let sandbox = Sandbox::start(config, clock).await.unwrap();
    match sandbox.ready() {
        // an engine that is installed and does not work on this machine is not ours to mend
        Err(why @ sandbox::Error::Unavailable { .. }) if !is_native() => skip(&why.to_string()),
        ready => ready.unwrap(),
    }
    sandbox
}

/// Limits for tests: generous in time, because the machine may be busy, or emulated (NODELOOM_TEST_SECONDS).
pub fn limits() -> Limits {
    let seconds = std::env::var("NODELOOM_TEST_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(20);
    let time = Duration::from_secs(seconds);
    Limits { wall_clock: time, cpu_time: time, ..Limits::default() }
}

pub async fn code(sandbox: &Sandbox, language: Language, source: &str, input: Json, limits: Limits) -> Outcome {
    sandbox.run(Spec::code(language, source, input).limits(limits)).await.unwrap()
}

pub async fn javascript(sandbox: &Sandbox, source: &str, input: Json) -> Result<Json, Failure> {
    code(sandbox, Language::Javascript, source, input, limits()).await.result
}

pub async fn python(sandbox: &Sandbox, source: &str, input: Json) -> Result<Json, Failure> {
    code(sandbox, Language::Python, source, input, limits()).await.result
}

/// Runs a shell line in the host's /usr.
pub async fn shell(sandbox: &Sandbox, line: &str, limits: Limits) -> Outcome {
    sandbox.run(Spec::program("/usr/bin/sh", ["-c", line], Root::HostUsr).limits(limits)).await.unwrap()
}

/// Root with its rights: CAP_SYS_ADMIN is in force.
pub fn is_root() -> bool {
    sandbox_launcher::sys::ids().0 == 0 && sandbox_launcher::sys::capabilities().unwrap()[0] & 1 << 21 != 0
}

pub fn refused(exit: Exit) -> bool {
    matches!(exit, Exit::Code(1) | Exit::KilledByFilter)
}
