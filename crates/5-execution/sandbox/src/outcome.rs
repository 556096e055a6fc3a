//! What a run did, and under which guarantees.

use std::time::Duration;

use domain::{Json, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Guarantees, Limits};

/// What came of one run. Everything that ran is gone when this exists.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How the program ended.
    pub exit: Exit,
    /// For code: what it returned, or why there is nothing. For an executable: `Ok(null)` when it ended with 0.
    pub result: Result<Json, Failure>,
    /// For code, what it printed for people (`console.log`, `print`); for an executable its standard output.
    pub stdout: Captured,
    /// Standard error, or `console.error`.
    pub stderr: Captured,
    /// What it used.
    pub usage: Usage,
    /// The record of how it was held, for the run's own record.
    pub attestation: Attestation,
}

/// How a program ended. The reasons are kept apart, because a person does something different about each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "how", content = "value")]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By a signal that NodeLoom did not send.
    Signal(i32),
    /// Killed at its deadline.
    TimedOut,
    /// Killed because it used all its processor time.
    CpuExhausted,
    /// Killed because it used all its memory.
    OutOfMemory,
    /// Killed by the system call filter.
    KilledByFilter,
    /// Killed because it kept writing far past the output limit.
    OutputFlood,
}

impl Exit {
    /// Killed at its deadline.
    pub fn timed_out(self) -> bool {
        matches!(self, Self::TimedOut | Self::CpuExhausted)
    }
    /// Killed for its memory.
    pub fn out_of_memory(self) -> bool {
        self == Self::OutOfMemory
    }
    /// Killed by the system call filter.
    pub fn killed_by_filter(self) -> bool {
        self == Self::KilledByFilter
    }
}

/// Kept output. `text` ends with [`Captured::MARKER`] when something was dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captured {
    /// The bytes kept, the marker included.
    pub bytes: Vec<u8>,
    /// Something was dropped.
    pub truncated: bool,
}

impl Captured {
    /// Stands at the end of output that was cut.
    pub const MARKER: &'static str = "\n[output truncated]\n";

    /// As text; bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// What a run used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// From the start of the container to its end, in microseconds.
    pub wall_us: u64,
    /// Processor time, user and system, in microseconds.
    pub cpu_us: u64,
    /// The most memory used at once, in bytes.
    pub peak_memory_bytes: u64,
}

impl Usage {
    /// From the start of the container to its end.
    pub fn wall(&self) -> Duration {
        Duration::from_micros(self.wall_us)
    }
}

/// Why code gave no value. The text is for the author of the code; [`Failure::code`] is stable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "code")]
pub enum Failure {
    /// The code threw, or does not parse.
    #[error("{message}{}", .line.map(|n| format!(" (line {n})")).unwrap_or_default())]
    Threw {
        /// What was thrown.
        message: String,
        /// The line of the user's text, from 1, when it is known.
        line: Option<u32>,
    },
    /// It ran past its deadline.
    #[error("the code ran longer than {limit_ms} ms and was stopped")]
    TimedOut {
        /// The deadline.
        limit_ms: u64,
    },
    /// It used up its fuel.
    #[error("the code used all its computation steps and was stopped")]
    OutOfFuel,
    /// It needed more memory than it may have.
    #[error("the code needed more than {limit_bytes} bytes of memory and was stopped")]
    OutOfMemory {
        /// The limit.
        limit_bytes: u64,
    },
    /// Calls nested too deeply.
    #[error("the code nested calls too deeply{}", .line.map(|n| format!(" (line {n})")).unwrap_or_default())]
    TooDeep {
        /// The line, when it is known.
        line: Option<u32>,
    },
    /// It tried a system call that nothing honest makes.
    #[error("the code made a system call that is not allowed and was stopped")]
    KilledByFilter,
    /// What it returned, or wrote, is longer than allowed.
    #[error("the code gave more than {limit_bytes} bytes of output")]
    OutputTooLarge {
        /// The limit.
        limit_bytes: u64,
    },
    /// What it returned has no JSON form (a function, a cycle, a big integer).
    #[error("what the code returned cannot be written as JSON: {reason}")]
    OutputNotJson {
        /// Why.
        reason: String,
    },
    /// It ended without a word.
    #[error("the code ended early with {}", .signal.map(|n| format!("signal {n}")).unwrap_or_else(|| format!("exit code {}", .exit_code.unwrap_or(-1))))]
    Died {
        /// The exit code, if it ended by itself.
        exit_code: Option<i32>,
        /// The signal, if it was killed.
        signal: Option<i32>,
    },
}

impl Failure {
    /// A stable word for this reason.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Threw { .. } => "code_threw",
            Self::TimedOut { .. } => "code_timed_out",
            Self::OutOfFuel => "code_out_of_fuel",
            Self::OutOfMemory { .. } => "code_out_of_memory",
            Self::TooDeep { .. } => "code_too_deep",
            Self::KilledByFilter => "code_killed_by_filter",
            Self::OutputTooLarge { .. } => "code_output_too_large",
            Self::OutputNotJson { .. } => "code_output_not_json",
            Self::Died { .. } => "code_died",
        }
    }
}

/// How a run was held, to be kept on its record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attestation {
    /// Which backend ran it: `native`.
    pub backend: String,
    /// SHA-256 over the system call filter, the root's recipe, the runner's bytes and the launcher's bytes, in hex.
    pub profile_sha256: String,
    /// What this host gave.
    pub guarantees: Guarantees,
    /// The limits it ran under.
    pub limits: Limits,
    /// When the container was asked for.
    pub started_at: Timestamp,
    /// When nothing was left of it.
    pub finished_at: Timestamp,
}

impl Outcome {
    /// What the code returned, or why there is nothing.
    pub fn value(self) -> Result<Json, Failure> {
        self.result
    }
}
