//! GUARDRAIL: screens what flows through it (R003, R141, R181 to R192). What the parameters mean is `guardrails`' own
//! business: its schema is this node's form, its reader this node's check.
//!
//! The output has the shape of the input, redacted where a check redacts. Warnings are read as `warnings.<id>`; an
//! object carries them in its member `guardrail` as well, so that they reach whoever is handed the output alone.

use domain::{CheckKind, Enforcement, Json, Label};
use guardrails::{CheckOutcome, GuardrailConfig, Report, Status};
use serde_json::json;
use workflow::{
    Answer, Call, Defect, Failure, Next, Node, NodeContext, NodeType, Output, Port, ScreenAnswer, ScreenCall, Warning,
};

/// The parameters that are the node's own: `guardrails` passes them over.
const OURS: [&str; 3] = ["input", "name", "description"];

pub(crate) struct Guardrail;

impl Node for Guardrail {
    fn kind(&self) -> NodeType {
        NodeType::Guardrail
    }
    fn schema(&self) -> Json {
        let mut schema = GuardrailConfig::schema();
        schema["title"] = json!("Guardrail");
        schema["description"] = json!("Screens what flows through it.");
        schema["properties"]["input"] = crate::schema::input("What is screened: text or JSON.");
        schema
    }
    /// Everything but `input`: an expression must not decide what is checked.
    fn verbatim(&self) -> &'static [&'static str] {
        &[
            "action",
            "allow",
            "channel",
            "checks",
            "content",
            "customRules",
            "custom_rules",
            "pii",
            "promptInjection",
            "prompt_injection",
            "rules",
            "schemaValidation",
            "schema_validation",
            "severity",
            "shadow",
            "similarity",
            "sql",
            "threshold",
            "timeoutMs",
            "timeout_ms",
            "whenNotEvaluated",
            "when_not_evaluated",
        ]
    }
    fn check(&self, parameters: &Json) -> Vec<Defect> {
        match GuardrailConfig::parse(parameters) {
            Ok(_) => Vec::new(),
            Err(errors) => errors.into_iter().map(|e| Defect::new(e.path, e.code, e.message)).collect(),
        }
    }
    fn next(&self, cx: &NodeContext<'_>, answers: &[Answer]) -> Result<Next, Failure> {
        match answers.first() {
            None => {
                let subject = cx.parameters.get("input").unwrap_or(&cx.input.json).clone();
                // Without what changes from run to run: the performer keeps the compiled configuration by these.
                let mut parameters = cx.parameters.clone();
                if let Json::Object(members) = &mut parameters {
                    members.retain(|key, _| !OURS.contains(&key.as_str()));
                }
                Ok(Next::Call(Call::Screen(ScreenCall { subject, channel: Default::default(), parameters })))
            }
            Some(Answer::Screen(answer)) => decide(cx, answer),
            Some(other) => Err(crate::unexpected(cx, other)),
        }
    }
}

fn decide(cx: &NodeContext<'_>, answer: &ScreenAnswer) -> Result<Next, Failure> {
    let report: Report = serde_json::from_value(answer.report.clone())
        .map_err(|error| cx.bad(format!("the guardrail's report cannot be read: {error}")))?;
    let Some(screened) = answer.output.clone().filter(|_| !answer.blocked) else {
        let message = format!("{:?}: {}", cx.id, report.sentence());
        return Err(Failure::blocked(message, answer.findings.clone()).with_detail(answer.report.clone()));
    };
    let mut value = cx.value(with_warnings(screened, &answer.warnings));
    match personal(&report, cx.parameters) {
        Some(true) => value.labels.insert(Label::Personal),
        Some(false) => value.labels.remove(&Label::Personal),
        None => false,
    };
    let mut output = Output::new(Port::Main, value);
    output.warnings = report.warnings.iter().map(|warning| read_by_later_nodes(warning, &report)).collect();
    output.findings = answer.findings.clone();
    Ok(Next::Done(output))
}

/// An object says itself what was found in it (R188), whatever stood under that name before.
fn with_warnings(mut screened: Json, warnings: &Json) -> Json {
    if let (Json::Object(members), Json::Array(list)) = (&mut screened, warnings)
        && !list.is_empty()
    {
        members.insert("guardrail".to_owned(), json!({ "warnings": list }));
    }
    screened
}

pub(crate) fn read_by_later_nodes(warning: &guardrails::Warning, report: &Report) -> Warning {
    let same = |v: &&guardrails::Violation| {
        v.name == warning.name
            && v.pointer == warning.pointer
            && v.finding.family == warning.family
            && v.status == Status::Enforced
    };
    let findings: Vec<_> = report.violations.iter().filter(same).map(|v| v.finding.clone()).collect();
    let code = if findings.is_empty() { "guardrail_not_evaluated" } else { "guardrail_violation" };
    Warning { code: code.to_owned(), message: format!("{}: {}", warning.name, warning.message), findings }
}

/// Whether the value that goes on holds personal data. `None`: nobody looked, or only for some kinds and found nothing.
fn personal(report: &Report, parameters: &Json) -> Option<bool> {
    let mut looked = false;
    let mut left = report.violations.iter().any(|violation| {
        let redacted = violation.status == Status::Enforced && violation.enforcement != Enforcement::Log;
        violation.finding.check == CheckKind::PiiRedaction && !redacted
    });
    for check in report.checks.iter().filter(|check| check.check == CheckKind::PiiRedaction) {
        match check.outcome {
            CheckOutcome::Clean => looked = true,
            CheckOutcome::Found { .. } => {
                looked = true;
                // A long report does not list every violation.
                left |= check.enforcement == Enforcement::Log;
            }
            CheckOutcome::NotEvaluated { .. } | CheckOutcome::Skipped => {}
        }
    }
    match (left, looked && !narrowed(parameters)) {
        (true, _) => Some(true),
        (false, true) => Some(false),
        (false, false) => None,
    }
}

/// Whether a check looks for some kinds of personal data only.
fn narrowed(parameters: &Json) -> bool {
    let listed = parameters.get("checks").and_then(Json::as_array).into_iter().flatten();
    let mut options = listed.chain(parameters.get("pii"));
    options.any(|options| options.get("entities").or_else(|| options.get("types")).is_some())
}
