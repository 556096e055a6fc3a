//! What to run, and how much of the machine it may use.

use std::{ffi::OsString, fmt, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

/// One program to run once. Make it with [`Spec::javascript`], [`Spec::python`] or [`Spec::program`].
#[derive(Clone)]
pub struct Spec {
    /// What runs.
    pub program: Program,
    /// How much it may use.
    pub limits: Limits,
}

/// What runs inside.
#[derive(Clone)]
pub enum Program {
    /// Code in a language: `input` goes in as JSON, the returned JSON comes out as [`Outcome::value`](crate::Outcome::value).
    Code {
        /// The language of `source`.
        language: Language,
        /// The text as the user stored it; not yet known to be UTF-8.
        source: Vec<u8>,
        /// The value of the variable `input`.
        input: domain::Json,
    },
    /// Any program, as `nodeloom sandbox exec` runs it.
    Executable {
        /// A file of the host. Below /usr (with [`Root::HostUsr`]) it runs where it lies; else its bytes are handed in.
        path: PathBuf,
        /// The arguments after the program's name.
        arguments: Vec<OsString>,
        /// Which files it sees.
        root: Root,
        /// What it reads from standard input.
        stdin: Vec<u8>,
    },
}

/// A language that code can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// ECMAScript in QuickJS, which NodeLoom brings along.
    Javascript,
    /// The host's CPython below /usr.
    Python,
}

/// The files a program sees. All are read-only.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Root {
    /// No file at all.
    Empty,
    /// The host's /usr (and the links /bin, /lib, /lib64, /sbin into it).
    HostUsr,
    /// A tree made by `nodeloom sandbox build-root`.
    Tree(PathBuf),
}

/// How much one run may use. [`Limits::default`] suits a small script; every field may be lowered or raised.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// From start to the kill of everything inside. Default 5 s.
    #[serde(with = "millis")]
    pub wall_clock: Duration,
    /// Processor time of one process before the kernel kills it. Default 5 s; counted in whole seconds, rounded up.
    #[serde(with = "millis")]
    pub cpu_time: Duration,
    /// How much of one processor all processes together may use, in percent. Default 100; 200 is two processors.
    pub cpu_percent: u32,
    /// Memory of all processes together, files in scratch included. Default 128 MiB.
    pub memory_bytes: u64,
    /// Processes and threads at one moment. Default 32.
    pub processes: u32,
    /// Kept of standard output, and as much again of standard error. Default 1 MiB each.
    pub output_bytes: u64,
    /// A private writable /tmp of this size that vanishes with the run. Default 0: nothing is writable.
    pub scratch_bytes: u64,
    /// Open descriptors of one process. Default 64.
    pub open_files: u32,
    /// Longest source text taken. Default 1 MiB.
    pub source_bytes: u64,
    /// Longest input taken, as JSON text. Default 8 MiB.
    pub input_bytes: u64,
    /// JavaScript only: steps of about ten thousand instructions before the code is stopped from inside; 0 = no such limit.
    pub fuel: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wall_clock: Duration::from_secs(5),
            cpu_time: Duration::from_secs(5),
            cpu_percent: 100,
            memory_bytes: 128 << 20,
            processes: 32,
            output_bytes: 1 << 20,
            scratch_bytes: 0,
            open_files: 64,
            source_bytes: 1 << 20,
            input_bytes: 8 << 20,
            fuel: 0,
        }
    }
}

impl Limits {
    /// Each field at most what `most` allows: how a team's maxima bound what a node asks for.
    #[must_use]
    pub fn within(mut self, most: &Self) -> Self {
        self.wall_clock = self.wall_clock.min(most.wall_clock);
        self.cpu_time = self.cpu_time.min(most.cpu_time);
        self.cpu_percent = self.cpu_percent.min(most.cpu_percent);
        self.memory_bytes = self.memory_bytes.min(most.memory_bytes);
        self.processes = self.processes.min(most.processes);
        self.output_bytes = self.output_bytes.min(most.output_bytes);
        self.scratch_bytes = self.scratch_bytes.min(most.scratch_bytes);
        self.open_files = self.open_files.min(most.open_files);
        self.source_bytes = self.source_bytes.min(most.source_bytes);
        self.input_bytes = self.input_bytes.min(most.input_bytes);
        if most.fuel != 0 {
            self.fuel = if self.fuel == 0 { most.fuel } else { self.fuel.min(most.fuel) };
        }
        self
    }
}

impl Spec {
    /// A JavaScript call with default limits.
    pub fn javascript(source: impl Into<Vec<u8>>, input: domain::Json) -> Self {
        Self::code(Language::Javascript, source, input)
    }
    /// A Python call with default limits.
    pub fn python(source: impl Into<Vec<u8>>, input: domain::Json) -> Self {
        Self::code(Language::Python, source, input)
    }
    /// A call of code in `language` with default limits.
    pub fn code(language: Language, source: impl Into<Vec<u8>>, input: domain::Json) -> Self {
        Self { program: Program::Code { language, source: source.into(), input }, limits: Limits::default() }
    }
    /// A program of the host with default limits and nothing on its standard input.
    pub fn program<A: Into<OsString>>(
        path: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = A>,
        root: Root,
    ) -> Self {
        let arguments = arguments.into_iter().map(Into::into).collect();
        let program = Program::Executable { path: path.into(), arguments, root, stdin: Vec::new() };
        Self { program, limits: Limits::default() }
    }
    /// The same with other limits.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }
}

impl Language {
    /// The name on the wire and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Javascript => "javascript",
            Self::Python => "python",
        }
    }
    /// The language called `name`.
    pub fn parse(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "javascript" | "js" => Some(Self::Javascript),
            "python" | "py" => Some(Self::Python),
            _ => None,
        }
    }
}
impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Durations as whole milliseconds on the wire.
mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(at: &Duration, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_u64(u64::try_from(at.as_millis()).unwrap_or(u64::MAX))
    }
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
        u64::deserialize(d).map(Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_team_bounds_what_a_node_asks_for() {
        let most = Limits { wall_clock: Duration::from_secs(2), fuel: 10, ..Limits::default() };
        let asked = Limits { wall_clock: Duration::from_secs(60), memory_bytes: 1 << 20, ..Limits::default() };
        let given = asked.within(&most);
        assert_eq!((given.wall_clock.as_secs(), given.memory_bytes, given.fuel), (2, 1 << 20, 10));
    }
}
