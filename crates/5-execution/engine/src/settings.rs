//! What an operator may turn.

use std::time::Duration;

/// How this process takes part in the work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Runs that this process drives at once; 0 makes it a server that leaves the work to others.
    pub capacity: usize,
    /// How long a run stays with a worker that gives no sign of life.
    pub lease: Duration,
    /// How often a worker gives one; well below `lease`.
    pub heartbeat: Duration,
    /// How often a worker looks for work when nobody has woken it.
    pub poll: Duration,
    /// A longer wait between two attempts lets go of the worker.
    pub longest_pause_in_memory: Duration,
    /// Claims without any progress after which a run is given up: something in it kills its worker.
    pub max_claims: u32,
    /// For runs whose workflow sets no `timeout_ms`; waits included.
    pub run_timeout: Duration,
    /// How deep sub-workflows may call sub-workflows.
    pub max_depth: u32,
    /// How long runs may go on after the shutdown began.
    pub grace: Duration,
    /// How long an output is kept, sealed, for a caller in another process.
    pub reply_kept: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            capacity: 256,
            lease: Duration::from_secs(30),
            heartbeat: Duration::from_secs(5),
            poll: Duration::from_millis(500),
            longest_pause_in_memory: Duration::from_secs(2),
            max_claims: 5,
            run_timeout: Duration::from_secs(24 * 3600),
            max_depth: 16,
            grace: Duration::from_secs(10),
            reply_kept: Duration::from_secs(60),
        }
    }
}
