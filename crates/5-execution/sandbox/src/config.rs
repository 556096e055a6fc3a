//! How a [`Sandbox`](crate::Sandbox) is set up.

use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use crate::{BackendChoice, Guarantee};

/// Settings of one [`Sandbox`](crate::Sandbox).
#[derive(Clone, Debug)]
pub struct SandboxConfig {
    /// Who makes the containers. Default [`BackendChoice::Native`].
    pub backend: BackendChoice,
    /// The runtime of [`BackendChoice::Oci`]: a name or a path. Default: the first of runc, crun and runsc that is there.
    pub oci_runtime: Option<PathBuf>,
    /// The engine of [`BackendChoice::Docker`]. Default /var/run/docker.sock.
    pub docker_socket: PathBuf,
    /// A tree made by `nodeloom sandbox build-root`, which Python sees instead of the host's /usr.
    pub root: Option<PathBuf>,
    /// Promises without which no code runs. Default: all that every supported host can keep, see
    /// [`SandboxConfig::usual`]. A promise that is kept by a weaker mechanism counts as kept unless it is also in
    /// [`required_in_full`](Self::required_in_full).
    pub required: BTreeSet<Guarantee>,
    /// Promises that must be kept by their strongest mechanism. Default: none.
    pub required_in_full: BTreeSet<Guarantee>,
    /// Runs at one moment; more wait. Default: twice the processors, at least 4.
    pub max_concurrent: usize,
    /// How long a run waits for its turn. Default 30 s.
    pub max_wait: Duration,
    /// Launchers kept waiting when nothing runs. Default: as many as processors, at most 4.
    pub idle_launchers: usize,
    /// The Python interpreter. Default: /usr/bin/python3. It must lie below /usr, or in the tree.
    pub python: PathBuf,
    /// First host user id given to launchers when the server is root. Default 1,879,048,192, far from people's ids.
    pub first_uid: u32,
}

impl SandboxConfig {
    /// What every supported host can keep, and so what is required by default: everything but the second file wall.
    pub fn usual() -> BTreeSet<Guarantee> {
        Guarantee::ALL.iter().copied().filter(|guarantee| *guarantee != Guarantee::SecondFileWall).collect()
    }
}

impl Default for SandboxConfig {
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self {
            backend: BackendChoice::default(),
            oci_runtime: None,
            docker_socket: PathBuf::from("/var/run/docker.sock"),
            root: None,
            required: Self::usual(),
            required_in_full: BTreeSet::new(),
            max_concurrent: (2 * processors).max(4),
            max_wait: Duration::from_secs(30),
            idle_launchers: processors.min(4),
            python: PathBuf::from("/usr/bin/python3"),
            first_uid: 0x7000_0000,
        }
    }
}
