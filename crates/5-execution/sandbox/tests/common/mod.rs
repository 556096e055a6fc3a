//! One way to start a sandbox and to ask it something, for all tests of this crate.
#![allow(dead_code, clippy::disallowed_methods, reason = "each test file uses a part; tests read the clock")]

use std::time::Duration;

use domain::{Clock, Json, Timestamp};
use sandbox::{Exit, Failure, Language, Limits, Outcome, Root, Sandbox, SandboxConfig, Spec};

pub const HOSTILE: &str = env!("CARGO_BIN_EXE_sandbox-hostile");

pub async fn start() -> Sandbox {
    start_with(SandboxConfig::default()).await
}

pub async fn start_with(config: SandboxConfig) -> Sandbox {
    let clock = Clock::new(|| {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Timestamp::from_micros(since.as_micros() as i64)
    });
    let sandbox = Sandbox::start(config, clock).await.unwrap();
    sandbox.ready().unwrap();
    sandbox
}

/// Limits for tests: generous in time, because the machine may be busy.
pub fn limits() -> Limits {
    Limits { wall_clock: Duration::from_secs(20), cpu_time: Duration::from_secs(20), ..Limits::default() }
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
