//! One helper that runs a workflow in memory, answering its steps by a function.
#![allow(dead_code, clippy::unwrap_used, reason = "each test file uses a part, and a test fails by panicking")]

use std::{collections::BTreeMap, sync::Arc};

use domain::{Environment, Json, RunId, Timestamp, Value};
use serde_json::json;
use workflow::{
    Answer, Call, Change, ChatAnswer, Definition, Failure, FailureKind, Machine, Outcome, Plan, RunInfo, Task, Work,
    answer::Finish,
};

/// Made once: compiling the schemas for each case would take most of the time.
pub fn registry() -> &'static Arc<workflow::Registry> {
    static REGISTRY: std::sync::LazyLock<Arc<workflow::Registry>> = std::sync::LazyLock::new(nodes::registry);
    &REGISTRY
}

pub fn parse(document: &Json) -> Result<Definition, Vec<String>> {
    Definition::parse(document, registry())
        .map_err(|error| error.defects().iter().map(|defect| format!("{} {}", defect.path, defect.code)).collect())
}

/// `path code` of every defect.
pub fn defects(document: Json) -> Vec<String> {
    parse(&document).err().unwrap_or_default()
}

pub fn machine(document: &Json, input: Json, trigger: Option<&str>) -> Machine {
    let definition = parse(document).unwrap();
    let plan = Plan::new(Arc::new(definition), registry().clone()).unwrap();
    let at = Timestamp::from_micros(1_700_000_000_000_000);
    let run = RunInfo {
        id: RunId::new(at, [1; 10]),
        started_at: at,
        environment: Environment::Development,
        workflow: "test".into(),
    };
    Machine::new(Arc::new(plan), run, Value::from_outside(input), trigger).unwrap()
}

pub struct Ended {
    pub outcome: Outcome,
    pub changes: Vec<Change>,
    pub steps: Vec<String>,
}

impl Ended {
    pub fn output(&self) -> Json {
        match &self.outcome {
            Outcome::Succeeded { output, .. } => output.json.clone(),
            Outcome::Failed { failure, node } => panic!("{node:?}: {failure:?}"),
        }
    }
    pub fn failure(&self) -> Failure {
        match &self.outcome {
            Outcome::Failed { failure, .. } => failure.clone(),
            other => panic!("{other:?}"),
        }
    }
    /// `path node status`, in the order of their ends.
    pub fn statuses(&self) -> BTreeMap<String, String> {
        let ends = self.changes.iter().filter(|c| c.status != domain::NodeStatus::Running);
        ends.map(|c| (format!("{}{}", c.path, c.node), format!("{:?}", c.status))).collect()
    }
}

/// Runs to the end; `perform` answers each step.
pub fn run(document: Json, input: Json, mut perform: impl FnMut(&Work) -> Answer) -> Ended {
    let mut machine = machine(&document, input, None);
    let mut work = machine.advance();
    let mut steps = Vec::new();
    while machine.outcome().is_none() {
        assert!(!work.is_empty(), "the run waits for nothing: {machine:?}");
        for step in std::mem::take(&mut work) {
            steps.push(format!("{}{}#{}", step.step.path, step.step.node, step.step.index));
            let _ = machine.apply(&step.step, perform(&step));
        }
        work = machine.advance();
    }
    Ended { outcome: machine.outcome().cloned().unwrap(), changes: machine.changes(), steps }
}

/// Runs a workflow that asks for nothing.
pub fn pure(document: Json, input: Json) -> Ended {
    run(document, input, |work| panic!("asked for {work:?}"))
}

/// One node between input and output.
pub fn node(kind: &str, parameters: Json, input: Json, perform: impl FnMut(&Work) -> Answer) -> Ended {
    run(json!({ "type": kind, "parameters": parameters }), input, perform)
}

pub fn call(work: &Work) -> &Call {
    match &work.task {
        Task::Call(call) => call,
        other => panic!("{other:?}"),
    }
}

pub fn says(text: &str) -> Answer {
    chat(text, vec![])
}

pub fn chat(text: &str, tool_calls: Vec<(&str, &str)>) -> Answer {
    let calls = tool_calls.into_iter().enumerate().map(|(i, (name, arguments))| workflow::ToolCall {
        id: format!("c{i}"),
        name: name.into(),
        arguments: arguments.into(),
    });
    Answer::Chat(ChatAnswer {
        text: text.into(),
        tool_calls: calls.collect(),
        finish: Finish::Stop,
        usage: domain::Usage { input_tokens: 10, output_tokens: 2 },
        model: "fake".into(),
    })
}

/// A screening as the engine answers it.
pub fn screened(outcome: guardrails::Outcome) -> Answer {
    let (output, report) = match outcome {
        guardrails::Outcome::Passed(screened) => {
            let (output, report) = screened.into_parts();
            (Some(output), report)
        }
        guardrails::Outcome::Halted(report) => (None, report),
    };
    Answer::Screen(workflow::ScreenAnswer {
        blocked: output.is_none(),
        output,
        findings: report.findings(),
        warnings: json!(report.warnings),
        report: json!(report),
    })
}

/// Screens with the real checks, asking nobody.
pub fn screens(call: &workflow::ScreenCall) -> Answer {
    let config = guardrails::GuardrailConfig::parse(&call.parameters).unwrap();
    let cx = guardrails::Context { channel: call.channel, now: None };
    screened(guardrails::Guardrails::default().screen_now(&config, &call.subject, &cx))
}

/// Runs an agent; its checks are the real ones, `perform` answers the rest and is told how often the model was asked
/// before.
pub fn converse(document: Json, input: Json, mut perform: impl FnMut(usize, &Work) -> Answer) -> Ended {
    let mut asked = 0;
    run(document, input, |work| match &work.task {
        Task::Call(Call::Screen(call)) => screens(call),
        Task::Call(Call::Chat(_)) => {
            asked += 1;
            perform(asked - 1, work)
        }
        _ => perform(asked, work),
    })
}

pub fn failed(message: &str) -> Answer {
    Answer::Failed { failure: Failure::new(FailureKind::Call, message) }
}
