//! What a host can promise about code that runs in its sandbox, measured and not assumed.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! guarantees {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal;)+) => {
        /// One promise.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Guarantee { $($(#[doc = $doc])+ $variant,)+ }

        impl Guarantee {
            /// All of them, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// The name on the wire and in configuration.
            pub const fn name(self) -> &'static str { match self { $(Self::$variant => $name),+ } }
            /// What it promises, as one sentence.
            pub const fn promise(self) -> &'static str { match self { $(Self::$variant => concat!($($doc),+)),+ } }
        }
    };
}

guarantees! {
    /// No network: no interface, no socket, no name resolution.
    NoNetwork = "no_network";
    /// No file of the host can be changed; only a private scratch directory, when asked for, is writable.
    ReadOnlyFilesystem = "read_only_filesystem";
    /// No Linux capability, in any set.
    NoCapabilities = "no_capabilities";
    /// A user that is not root, inside and on the host.
    NotRoot = "not_root";
    /// No program can gain rights by being executed.
    NoNewPrivileges = "no_new_privileges";
    /// A list of allowed system calls.
    SystemCallFilter = "system_call_filter";
    /// A second wall around files that holds even if the first falls (Landlock).
    SecondFileWall = "second_file_wall";
    /// No process of the host can be seen, signalled or traced.
    OwnProcesses = "own_processes";
    /// No shared memory, message queue, host name or clock of the host can be reached.
    OwnIpc = "own_ipc";
    /// No descriptor and no environment variable of the server is handed on.
    NothingInherited = "nothing_inherited";
    /// Memory of all processes together has a hard limit, and overuse is told apart.
    MemoryLimit = "memory_limit";
    /// Processor use has a hard limit, as a share and in total.
    CpuLimit = "cpu_limit";
    /// The number of processes has a hard limit.
    ProcessLimit = "process_limit";
    /// At the deadline everything inside is killed.
    TimeLimit = "time_limit";
    /// Output past the limit is dropped and marked.
    OutputLimit = "output_limit";
    /// Nothing is left when a run ends: no process, file, mount or control group.
    NothingLeft = "nothing_left";
}

/// How well a promise is kept here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strength {
    /// Kept in full.
    Held,
    /// Kept, by a mechanism that is weaker than the best: the text says how.
    Weaker,
    /// Not kept.
    Missing,
}

/// One row of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    /// Which promise.
    pub guarantee: Guarantee,
    /// How well it is kept.
    pub strength: Strength,
    /// By what, or why not.
    pub how: String,
    /// What is weaker, and what the operator can do about it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub weaker: Option<String>,
    /// A hostile program tried to break it here and failed.
    pub tried: bool,
}

/// What this host gives; one row for every [`Guarantee`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Guarantees(pub Vec<Measured>);

impl Guarantees {
    /// The row of `guarantee`.
    pub fn get(&self, guarantee: Guarantee) -> Option<&Measured> {
        self.0.iter().find(|row| row.guarantee == guarantee)
    }
    /// Kept, in full or by a weaker mechanism.
    pub fn holds(&self, guarantee: Guarantee) -> bool {
        self.get(guarantee).is_some_and(|row| row.strength != Strength::Missing)
    }
    /// Kept in full.
    pub fn holds_fully(&self, guarantee: Guarantee) -> bool {
        self.get(guarantee).is_some_and(|row| row.strength == Strength::Held)
    }
    /// Every promise is kept in full.
    pub fn complete(&self) -> bool {
        Guarantee::ALL.iter().all(|guarantee| self.holds_fully(*guarantee))
    }
}

impl fmt::Display for Guarantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Guarantees {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in &self.0 {
            let strength = match row.strength {
                Strength::Held => "held",
                Strength::Weaker => "WEAKER",
                Strength::Missing => "MISSING",
            };
            let tried = if row.tried { "attacked" } else { "-" };
            writeln!(f, "{:<22} {strength:<8} {tried:<9} {}", row.guarantee.name(), row.how)?;
            if let Some(weaker) = &row.weaker {
                writeln!(f, "{:<41} {weaker}", "")?;
            }
        }
        Ok(())
    }
}
