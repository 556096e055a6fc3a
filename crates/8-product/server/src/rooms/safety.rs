//! What guardrails ask of other rooms: a script run, a judge.

use async_trait::async_trait;
use domain::Json;
use guardrails::ports::{Judge, PortError, Ports, Question, Script, ScriptRunner};
use models::{ChatRequest, Connection, Message, Models, Provider};
use sandbox::{Limits, Sandbox, Spec};
use std::sync::Arc;

/// The learned model, loaded now so that the start says what is wrong with it. Without one, every check that needs it
/// is "not evaluated", which halts under BLOCK.
pub fn learned(settings: &crate::config::GuardrailSettings) -> guardrails::Learned {
    let learned = settings.model.as_ref().map_or_else(guardrails::Learned::shipped, guardrails::Learned::from_file);
    match learned.load() {
        Ok(facts) => {
            tracing::info!(version = facts.version, layers = facts.layers, "the learned guardrail model is ready")
        }
        Err(why) => tracing::error!(
            why,
            "prompt injection, content and similarity checks cannot be evaluated, and what must pass them is halted"
        ),
    }
    learned
}

/// JAVASCRIPT rules run where customers' code runs (R166).
struct InContainer(Sandbox);

#[async_trait]
impl ScriptRunner for InContainer {
    async fn run(&self, script: Script) -> Result<Json, PortError> {
        let limits = Limits { wall_clock: script.timeout, cpu_time: script.timeout, ..Limits::default() };
        match self.0.run(Spec::javascript(script.source, script.input).limits(limits)).await {
            Ok(outcome) => outcome
                .result
                .map_err(|failure| PortError::Failed(format!("the rule's function failed: {}", failure.code()))),
            Err(sandbox::Error::Busy { .. }) => Err(PortError::TimedOut),
            Err(error) => Err(PortError::Failed(format!("{}: {error}", error.code()))),
        }
    }
}

/// LLM_PROMPT rules ask the local model unless they name another that needs no key.
struct LocalJudge(Models);

#[async_trait]
impl Judge for LocalJudge {
    async fn ask(&self, question: Question) -> Result<String, PortError> {
        let connection = Connection::new(Provider::Local);
        let client = self.0.connect(connection).map_err(|_| PortError::NotConfigured)?;
        let mut request = ChatRequest::new(
            question.model.unwrap_or_default(),
            vec![Message::system(question.system), Message::user(question.user)],
        );
        request.temperature = Some(0.0);
        let asked = tokio::time::timeout(question.timeout, client.chat(&request, None)).await;
        match asked {
            Ok(Ok(response)) => Ok(response.text),
            Ok(Err(error)) => Err(PortError::Failed(error.to_string())),
            Err(_) => Err(PortError::TimedOut),
        }
    }
}

/// The ports as this server can serve them.
pub fn ports(sandbox: Option<&Sandbox>, models: &Models, local_model: bool) -> Ports {
    Ports {
        script: sandbox.map(|sandbox| Arc::new(InContainer(sandbox.clone())) as Arc<dyn ScriptRunner>),
        judge: local_model.then(|| Arc::new(LocalJudge(models.clone())) as Arc<dyn Judge>),
        ..Ports::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// R166 and issue 4, bad input: a rule's function runs in the container, and whatever it does wrong has a name of its own.
    #[tokio::test]
    async fn a_rules_function_runs_in_the_sandbox_and_each_failure_is_named() {
        let clock = domain::Clock::new(|| domain::Timestamp::from_micros(0));
        let sandbox = Sandbox::start(sandbox::SandboxConfig::default(), clock).await.unwrap();
        sandbox.ready().unwrap();
        let rule = InContainer(sandbox);
        let call = |source: String, input: Json, timeout: Duration| rule.run(Script { source, input, timeout });
        let long = Duration::from_secs(60);
        let given = serde_json::json!({ "text": "hello" });
        let told =
            call("return { pass: input.text.length < 3, reason: 'long' }".into(), given.clone(), long).await.unwrap();
        assert_eq!(told, serde_json::json!({ "pass": false, "reason": "long" }));
        let outside = "return [typeof process, typeof require, typeof fetch].join()";
        assert_eq!(call(outside.into(), given.clone(), long).await.unwrap(), "undefined,undefined,undefined");
        let huge = Json::from("x".repeat(50 << 20));
        let nothing = Json::Null;
        for (source, input, timeout, word) in [
            ("throw new Error('no')".to_owned(), &given, long, "code_threw"),
            ("for (;;) {}".into(), &given, Duration::from_millis(300), "code_timed_out"),
            ("const a = []; for (;;) a.push(new Array(100000).fill(1.5))".into(), &nothing, long, "code_out_of_memory"),
            ("function f() { return f() + 1 }\nreturn f()".into(), &nothing, long, "code_too_deep"),
            ("return 'x'.repeat(5000000)".into(), &nothing, long, "code_output_too_large"),
            ("return 10n".into(), &nothing, long, "code_output_not_json"),
            (" ".repeat(10 << 20), &nothing, long, "code_too_large: "),
            ("return true".into(), &huge, long, "code_input_too_large: "),
        ] {
            let said = call(source.clone(), input.clone(), timeout).await.unwrap_err().to_string();
            assert!(said.contains(word), "{}: {said}", source.chars().take(60).collect::<String>());
        }
    }
}
