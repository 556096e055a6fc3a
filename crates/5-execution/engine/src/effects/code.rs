//! Customers' code, in a container of its own. How it was held goes into the run's record, whether it succeeded or not.

use std::time::Duration;

use sandbox::{Limits, Spec};
use workflow::{Answer, CodeAnswer, CodeCall, Failure, FailureKind, Language};

use super::World;
use crate::ports::Performed;

impl World {
    pub(super) async fn code(&self, call: CodeCall) -> Result<Performed, Failure> {
        let Some(sandbox) = &self.sandbox else {
            let message = "this server cannot run code: it has no sandbox (see `nodeloom sandbox probe`)";
            return Err(Failure::new(FailureKind::Call, message));
        };
        let language = match call.language {
            Language::Javascript => sandbox::Language::Javascript,
            Language::Python => sandbox::Language::Python,
        };
        let time = Duration::from_millis(call.timeout_ms);
        let limits = Limits {
            wall_clock: time.min(self.code_limits.wall_clock),
            cpu_time: time.min(self.code_limits.wall_clock),
            memory_bytes: call.memory_mb.saturating_mul(1024 * 1024).min(self.code_limits.memory_bytes),
            ..Limits::default()
        };
        let outcome = sandbox.run(Spec::code(language, call.code, call.input).limits(limits)).await;
        let outcome = outcome.map_err(|error| {
            let mut failure = Failure::new(FailureKind::Call, error.to_string());
            failure.retryable = error.may_retry();
            failure
        })?;
        let mut logs = outcome.stdout.text();
        logs.push_str(&outcome.stderr.text());
        let mut attestation = serde_json::json!(outcome.attestation);
        attestation["usage"] = serde_json::json!(outcome.usage);
        match outcome.result {
            Ok(result) => Ok(Answer::Code(CodeAnswer { result, logs, attestation }).into()),
            Err(failure) => {
                let kind = if outcome.exit.timed_out() { FailureKind::Timeout } else { FailureKind::Call };
                let detail = serde_json::json!({ "code": failure.code(), "logs": logs, "attestation": attestation });
                Err(Failure::new(kind, failure.to_string()).with_detail(detail))
            }
        }
    }
}
