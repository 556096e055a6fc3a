//! Why nothing ran.

use std::path::PathBuf;

use crate::{Guarantee, Language};

/// Why a run did not happen. What happens to code that did run is an [`Outcome`](crate::Outcome), never an error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// This host cannot run sandboxes at all; the text names what to enable. Nothing ran; a retry will not help.
    #[error("code cannot be run on this host: {reason}; {remedy}")]
    Unavailable {
        /// What is not there.
        reason: String,
        /// What the operator can do.
        remedy: String,
    },
    /// Policy requires promises that this host does not keep. Nothing ran; a retry will not help.
    #[error("code is not run because this host does not guarantee {}", .missing.iter().map(|(g, how)| format!("{g} ({how})")).collect::<Vec<_>>().join(", "))]
    GuaranteeMissing {
        /// Which, and why not.
        missing: Vec<(Guarantee, String)>,
    },
    /// The language has no interpreter here. Nothing ran.
    #[error("{language} is not installed: {reason}")]
    LanguageNotInstalled {
        /// Which language.
        language: Language,
        /// Where it was looked for.
        reason: String,
    },
    /// The source is not UTF-8. Nothing ran.
    #[error("the code is not UTF-8 text (first bad byte at {at})")]
    SourceNotUtf8 {
        /// The offset of the first bad byte.
        at: usize,
    },
    /// The source is longer than allowed. Nothing ran.
    #[error("the code is {bytes} bytes long, more than the {limit_bytes} allowed")]
    SourceTooLarge {
        /// Its length.
        bytes: u64,
        /// The limit.
        limit_bytes: u64,
    },
    /// The input is longer than allowed. Nothing ran.
    #[error("the input is {bytes} bytes long, more than the {limit_bytes} allowed")]
    InputTooLarge {
        /// Its length.
        bytes: u64,
        /// The limit.
        limit_bytes: u64,
    },
    /// The tree that guests shall see cannot be shown. Nothing ran.
    #[error("{} cannot be a sandbox's root: {reason}", .path.display())]
    BadRoot {
        /// Which tree.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The program is not a file that can be executed. Nothing ran.
    #[error("{} cannot be executed in the sandbox: {reason}", .path.display())]
    NotExecutable {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A limit makes no sense. Nothing ran.
    #[error("limit {name}: {reason}")]
    BadLimit {
        /// Which limit.
        name: &'static str,
        /// Why.
        reason: String,
    },
    /// All slots were taken for too long. Nothing ran; retrying later is safe.
    #[error("no sandbox became free within {waited_ms} ms")]
    Busy {
        /// How long it was waited.
        waited_ms: u64,
    },
    /// The launcher failed. Whatever ran is gone; whether the code had begun is unknown.
    #[error("the sandbox failed at {step}")]
    Broken {
        /// At what.
        step: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl Error {
    /// A stable word for this reason.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unavailable { .. } => "sandbox_unavailable",
            Self::GuaranteeMissing { .. } => "sandbox_guarantee_missing",
            Self::LanguageNotInstalled { .. } => "language_not_installed",
            Self::SourceNotUtf8 { .. } => "code_not_utf8",
            Self::SourceTooLarge { .. } => "code_too_large",
            Self::InputTooLarge { .. } => "code_input_too_large",
            Self::BadRoot { .. } => "sandbox_bad_root",
            Self::NotExecutable { .. } => "program_not_executable",
            Self::BadLimit { .. } => "sandbox_bad_limit",
            Self::Busy { .. } => "sandbox_busy",
            Self::Broken { .. } => "sandbox_broken",
        }
    }
    /// Whether the same call may succeed later.
    pub const fn may_retry(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Broken { .. })
    }
    pub(crate) fn broken(step: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let step = step.into();
        move |source| Self::Broken { step, source }
    }
}
