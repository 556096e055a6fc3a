//! Guardrails. A check that asks nobody is answered at once; any other is a step like every call.

use guardrails::{Context, GuardrailConfig, Outcome, Report};
use serde_json::json;
use workflow::{Answer, Failure, FailureKind, ScreenAnswer, ScreenCall};

use super::World;
use crate::ports::Performed;

impl World {
    pub(super) fn screen_at_once(&self, call: &ScreenCall) -> Option<Result<Performed, Failure>> {
        let config = match config(call) {
            Ok(config) => config,
            Err(failure) => return Some(Err(failure)),
        };
        if !config.is_local() {
            return None;
        }
        let cx = Context { channel: call.channel, now: Some(self.clock.now()) };
        let outcome = self.guardrails.screen_now(&config, &call.subject, &cx);
        Some(Ok(Answer::Screen(answer(outcome)).into()))
    }

    pub(super) async fn screen(&self, call: &ScreenCall) -> Result<Performed, Failure> {
        let config = config(call)?;
        let cx = Context { channel: call.channel, now: Some(self.clock.now()) };
        let outcome = self.guardrails.screen(&config, &call.subject, &cx).await;
        Ok(Answer::Screen(answer(outcome)).into())
    }
}

/// Read again for every screening: whoever published the workflow has checked it, so errors here are rare.
fn config(call: &ScreenCall) -> Result<GuardrailConfig, Failure> {
    GuardrailConfig::parse(&call.parameters).map_err(|errors| {
        let said: Vec<String> = errors.iter().take(3).map(ToString::to_string).collect();
        Failure::new(FailureKind::Parameters, format!("the guardrail's parameters: {}", said.join("; ")))
    })
}

fn answer(outcome: Outcome) -> ScreenAnswer {
    let parts = |report: &Report| (json!(report), report.findings(), json!(report.warnings));
    match outcome {
        Outcome::Passed(screened) => {
            let (report, findings, warnings) = parts(screened.report());
            ScreenAnswer { output: Some(screened.node_output()), report, findings, blocked: false, warnings }
        }
        Outcome::Halted(halted) => {
            let (report, findings, warnings) = parts(&halted);
            ScreenAnswer { output: None, report, findings, blocked: true, warnings }
        }
    }
}
