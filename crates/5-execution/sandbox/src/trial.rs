//! What the tests of the backends share: a task for whoever plays an engine or a runtime, and an error in all its words.

use std::time::Duration;

use sandbox_launcher::wire::Profile;

use crate::{
    Error, Limits,
    backend::{Executable, Task},
};

/// However slow this machine is today, whatever an engine or a runtime does: after so long a run has ended.
pub const BOUND: Duration = Duration::from_secs(40);

/// A program without files, of which `output_bytes` are taken.
pub fn task(limits: &Limits, output_bytes: u64) -> Task<'_> {
    Task {
        profile: Profile::Empty,
        tree: None,
        program: Executable::SelfCheck,
        arguments: Vec::new(),
        stdin: Vec::new(),
        result_bytes: None,
        own_network: true,
        output_bytes,
        limits,
    }
}

/// Limits with a short deadline.
pub fn until(wall_clock: Duration) -> Limits {
    Limits { wall_clock, ..Limits::default() }
}

/// The error's code, its sentence, and the cause.
pub fn chain(error: &Error) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{}: {error}{cause}", error.code())
}
