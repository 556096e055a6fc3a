//! The handle.

use std::sync::Arc;

use domain::Clock;

use crate::{Error, Guarantees, Outcome, SandboxConfig, Spec};

/// Runs programs, each in a container of its own. Cheap to clone; one per server is enough.
#[derive(Clone)]
pub struct Sandbox {
    inner: Arc<Inner>,
}

struct Inner {
    config: SandboxConfig,
    clock: Clock,
}

impl Sandbox {
    /// Measures the host and starts the first launchers. Succeeds also where code cannot be run: then
    /// [`guarantees`](Self::guarantees) tells what is missing and every [`run`](Self::run) refuses.
    ///
    /// # Errors
    /// None today beyond a machine out of descriptors or memory.
    pub async fn start(config: SandboxConfig, clock: Clock) -> Result<Self, Error> {
        Ok(Self { inner: Arc::new(Inner { config, clock }) })
    }

    /// What the host gave when it was last measured.
    pub fn guarantees(&self) -> Guarantees {
        Guarantees(Vec::new())
    }

    /// Attacks a sandbox of its own and measures again.
    ///
    /// # Errors
    /// [`Unavailable`](Error::Unavailable): this host cannot run sandboxes.
    pub async fn probe(&self) -> Result<Guarantees, Error> {
        Ok(self.guarantees())
    }

    /// Whether a run would be refused now, and why: for start-up checks.
    ///
    /// # Errors
    /// [`Unavailable`](Error::Unavailable) or [`GuaranteeMissing`](Error::GuaranteeMissing).
    pub fn ready(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Runs `spec` once in a fresh container and removes it before returning. Dropping the future kills the run.
    ///
    /// # Errors
    /// Nothing ran, for the reason told. What code did is an [`Outcome`], also when it was killed.
    pub async fn run(&self, spec: Spec) -> Result<Outcome, Error> {
        let _ = (&self.inner.config, &self.inner.clock, spec);
        Err(Error::Unavailable { reason: "not built yet".into(), remedy: "wait".into() })
    }
}
