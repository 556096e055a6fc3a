//! Customers' code, in a container of its own. How it was held goes into the run's record, whether it succeeded or not.

use std::{collections::BTreeMap, time::Duration};

use domain::TeamId;
use sandbox::{Limits, Spec};
use workflow::{Answer, CodeAnswer, CodeCall, Failure, FailureKind, Language};

use super::World;
use crate::ports::{EffectContext, Performed};

/// The most time and memory that a call of code may ask for: a node's own wishes end there.
#[derive(Clone, Debug)]
pub struct CodeLimits {
    everybody: Limits,
    teams: BTreeMap<TeamId, Limits>,
}

impl From<Limits> for CodeLimits {
    fn from(everybody: Limits) -> Self {
        Self { everybody, teams: BTreeMap::new() }
    }
}

impl CodeLimits {
    /// Gives one team maxima of its own.
    pub fn set(&mut self, team: TeamId, most: Limits) {
        self.teams.insert(team, most);
    }
    /// A team's maxima.
    pub fn of(&self, team: TeamId) -> &Limits {
        self.teams.get(&team).unwrap_or(&self.everybody)
    }
}

impl World {
    pub(super) async fn code(&self, cx: &EffectContext, call: CodeCall) -> Result<Performed, Failure> {
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
            wall_clock: time,
            cpu_time: time,
            memory_bytes: call.memory_mb.saturating_mul(1024 * 1024),
            ..Limits::default()
        };
        let limits = limits.within(self.code_limits.of(cx.scope.team));
        let outcome = sandbox.run(Spec::code(language, call.code, call.input).limits(limits)).await;
        let outcome = outcome.map_err(|error| {
            if let Some(cause) = std::error::Error::source(&error) {
                tracing::warn!(%error, %cause, "code did not run");
            }
            let mut failure = Failure::new(FailureKind::Call, format!("{}: {error}", error.code()));
            failure.retryable = error.may_retry();
            failure.with_detail(serde_json::json!({ "code": error.code() }))
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
                // the record shows the sentence, so the word that tells this ending from the others stands in it
                Err(Failure::new(kind, format!("{}: {failure}", failure.code())).with_detail(detail))
            }
        }
    }
}
