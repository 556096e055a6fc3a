//! Guardrails. A check that asks nobody is answered at once; any other is a step like every call.

use std::sync::{Arc, Mutex, PoisonError};

use domain::{Json, Scope};
use guardrails::{Context, GuardrailConfig, Outcome, Report};
use serde_json::json;
use workflow::{Answer, Failure, FailureKind, ScreenAnswer, ScreenCall};

use super::World;
use crate::ports::Performed;

/// Compiled parameters of the guardrails that were used last: compiling patterns and schemas takes longer than using
/// them. Compared by the parameters themselves, which are short.
#[derive(Default)]
pub struct Compiled(Mutex<Vec<(Arc<Json>, GuardrailConfig)>>);

const KEPT: usize = 64;

impl Compiled {
    fn get(&self, parameters: &Json) -> Result<GuardrailConfig, Failure> {
        {
            let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, config)) = known.iter().find(|(known, _)| **known == *parameters) {
                return Ok(config.clone());
            }
        }
        // Whoever published the workflow has checked it, so errors are rare.
        let config = GuardrailConfig::parse(parameters).map_err(|errors| {
            let said: Vec<String> = errors.iter().take(3).map(ToString::to_string).collect();
            Failure::new(FailureKind::Parameters, format!("the guardrail's parameters: {}", said.join("; ")))
        })?;
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KEPT {
            known.remove(0);
        }
        known.push((Arc::new(parameters.clone()), config.clone()));
        Ok(config)
    }
}

impl World {
    pub(super) fn screen_at_once(&self, scope: Scope, call: &ScreenCall) -> Option<Result<Performed, Failure>> {
        let config = match self.compiled.get(&call.parameters) {
            Ok(config) => config,
            Err(failure) => return Some(Err(failure)),
        };
        if !config.is_local() {
            return None;
        }
        let cx = Context { channel: call.channel, now: Some(self.clock.now()) };
        let outcome = self.guardrails.now(scope)?.screen_now(&config, &call.subject, &cx);
        Some(Ok(Answer::Screen(answer(outcome)).into()))
    }

    pub(super) async fn screen(&self, scope: Scope, call: &ScreenCall) -> Result<Performed, Failure> {
        let config = self.compiled.get(&call.parameters)?;
        let cx = Context { channel: call.channel, now: Some(self.clock.now()) };
        let guardrails = self.guardrails.of(scope).await.map_err(|error| {
            Failure::new(FailureKind::Internal, format!("the team's guardrail settings: {error}")).retryable()
        })?;
        let outcome = guardrails.screen(&config, &call.subject, &cx).await;
        Ok(Answer::Screen(answer(outcome)).into())
    }
}

fn answer(outcome: Outcome) -> ScreenAnswer {
    let parts = |report: &Report| (json!(report), report.findings(), json!(report.warnings));
    match outcome {
        Outcome::Passed(screened) => {
            let (output, report) = screened.into_parts();
            let (report, findings, warnings) = parts(&report);
            ScreenAnswer { output: Some(output), report, findings, blocked: false, warnings }
        }
        Outcome::Halted(halted) => {
            let (report, findings, warnings) = parts(&halted);
            ScreenAnswer { output: None, report, findings, blocked: true, warnings }
        }
    }
}
