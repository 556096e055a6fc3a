//! Execution rate (R200): at most N executions in a window. Counting is the caller's, so that all servers count alike.

use std::time::Duration;

use domain::Severity;
use serde_json::json;

use crate::{Policies, Policy, Violation};

impl Policies {
    /// How many runs in which window, when there is a limit.
    pub fn rate_window(&self) -> Option<(u64, Duration)> {
        self.rate
    }

    /// Whether one more run may start, given how many started within the window.
    pub fn rate(&self, runs_in_window: u64) -> Result<(), Violation> {
        let Some((most, window)) = self.rate.filter(|(most, _)| runs_in_window >= *most) else { return Ok(()) };
        Err(Violation::new(
            Policy::ExecutionRate,
            Severity::Medium,
            "execution_rate_exceeded",
            format!("the workflow's policy allows {most} runs in {} s", window.as_secs()),
            json!({ "max_runs": most, "window_seconds": window.as_secs(), "runs": runs_in_window }),
        ))
    }
}
