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
            Err(error) => Err(PortError::Failed(error.to_string())),
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
