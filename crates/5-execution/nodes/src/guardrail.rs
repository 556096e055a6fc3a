//! GUARDRAIL: screens what flows through it (R003, R141, R181 to R192).
//!
//! The guardrails page spells what is to be done `severity: LOG | WARNING | BLOCK`; inside it is an enforcement (D1).
//! A PII check under BLOCK redacts and goes on, unless that check itself is set to block. The output has the shape of
//! the input, redacted where a check redacts; warnings stand beside it and are read as `warnings.<id>`.

use domain::{Channel, CheckKind, Enforcement, Json, Label};
use serde::Deserialize;
use serde_json::{Map, json};
use workflow::{
    Answer, Call, Defect, Failure, Next, Node, NodeContext, NodeType, Output, Port, ScreenAnswer, ScreenCall,
    ScreenCheck, Warning,
};

mod form;

pub(crate) struct Guardrail;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Parameters {
    #[serde(default)]
    checks: Vec<Entry>,
    #[serde(alias = "enforcement")]
    severity: Option<Enforcement>,
    input: Option<Json>,
    #[serde(default)]
    channel: Channel,
    threshold: Option<f64>,
    #[serde(default, alias = "schema_validation")]
    schema_validation: Option<Json>,
    rules: Option<Json>,
    allow: Option<Json>,
    deny: Option<Json>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Name(CheckKind),
    Full(Box<Full>),
}

#[derive(Deserialize)]
struct Full {
    check: CheckKind,
    #[serde(alias = "enforcement")]
    severity: Option<Enforcement>,
    threshold: Option<f64>,
    #[serde(default)]
    allow_unevaluated: bool,
    block_on_detection: Option<bool>,
    /// What only this check knows.
    #[serde(flatten)]
    options: Map<String, Json>,
}

impl Node for Guardrail {
    fn kind(&self) -> NodeType {
        NodeType::Guardrail
    }
    fn schema(&self) -> Json {
        form::schema()
    }
    fn verbatim(&self) -> &'static [&'static str] {
        &["checks", "severity", "enforcement", "channel", "threshold", "schemaValidation", "rules", "allow", "deny"]
    }
    fn check(&self, parameters: &Json) -> Vec<Defect> {
        form::check(parameters)
    }
    fn next(&self, cx: &NodeContext<'_>, answers: &[Answer]) -> Result<Next, Failure> {
        match answers.first() {
            None => {
                let parameters: Parameters = cx.read()?;
                let subject = parameters.input.clone().unwrap_or_else(|| cx.input.json.clone());
                let channel = parameters.channel;
                Ok(Next::Call(Call::Screen(ScreenCall { subject, channel, checks: checks(parameters) })))
            }
            Some(Answer::Screen(answer)) => decide(cx, answer),
            Some(other) => Err(crate::unexpected(cx, other)),
        }
    }
}

/// The checks in the order in which they are written; a schema and rules bring their own check when none is written.
fn checks(parameters: Parameters) -> Vec<ScreenCheck> {
    let Parameters { checks, severity, threshold, schema_validation, rules, allow, deny, .. } = parameters;
    let usual = severity.unwrap_or(Enforcement::Block);
    let plain = |check| Full {
        check,
        severity: None,
        threshold: None,
        allow_unevaluated: false,
        block_on_detection: None,
        options: Map::new(),
    };
    let mut list: Vec<Full> = checks
        .into_iter()
        .map(|entry| match entry {
            Entry::Name(check) => plain(check),
            Entry::Full(full) => *full,
        })
        .collect();
    for (given, check) in
        [(schema_validation.is_some(), CheckKind::SchemaValidation), (rules.is_some(), CheckKind::CustomRule)]
    {
        if given && !list.iter().any(|full| full.check == check) {
            list.push(plain(check));
        }
    }
    let shared = |check: CheckKind, options: &mut Map<String, Json>| {
        let fields: &[(&str, &Option<Json>)] = match check {
            CheckKind::SchemaValidation => &[("schema", &schema_validation)],
            CheckKind::CustomRule => &[("rules", &rules)],
            CheckKind::SqlInjection => &[("allow", &allow), ("deny", &deny)],
            _ => &[],
        };
        for (key, value) in fields {
            if let Some(value) = value {
                options.entry(*key).or_insert_with(|| value.clone());
            }
        }
    };
    list.into_iter()
        .map(|full| {
            let Full { check, severity: own, threshold: at, allow_unevaluated, block_on_detection, mut options } = full;
            shared(check, &mut options);
            let block_on_detection = block_on_detection.unwrap_or(own == Some(Enforcement::Block));
            let mut enforcement = own.unwrap_or(usual);
            if check == CheckKind::PiiRedaction && enforcement == Enforcement::Block && !block_on_detection {
                enforcement = Enforcement::Redact;
            }
            ScreenCheck {
                check,
                enforcement,
                threshold: at.or(threshold),
                allow_unevaluated,
                block_on_detection,
                options: if options.is_empty() { Json::Null } else { Json::Object(options) },
            }
        })
        .collect()
}

fn decide(cx: &NodeContext<'_>, answer: &ScreenAnswer) -> Result<Next, Failure> {
    let findings: Vec<_> = answer.results.iter().flat_map(|result| result.findings.iter().cloned()).collect();
    if answer.blocked {
        let blocking = answer.results.iter().filter(|r| r.enforcement == Enforcement::Block);
        let mut reasons: Vec<String> = blocking
            .filter_map(|result| {
                let worst = result.findings.iter().max_by_key(|finding| finding.severity);
                match (worst, &result.unevaluated) {
                    (Some(worst), _) => Some(format!("{} ({}, {})", result.check, worst.family, worst.severity)),
                    (None, Some(_)) => Some(format!("{} could not be evaluated", result.check)),
                    (None, None) => None,
                }
            })
            .collect();
        if reasons.is_empty() {
            reasons.push("a check".to_owned());
        }
        let message = format!("the guardrail {:?} stopped the run: {}", cx.id, reasons.join(", "));
        let detail = json!({ "results": answer.results });
        return Err(Failure::blocked(message, findings).with_detail(detail));
    }
    let mut value = cx.value(answer.subject.clone());
    let mut warnings = Vec::new();
    for result in &answer.results {
        if let Some(why) = &result.unevaluated {
            let message = format!("{} could not be evaluated: {why}", result.check);
            warnings.push(Warning { code: "guardrail_not_evaluated".into(), message, findings: Vec::new() });
        }
        if result.check == CheckKind::PiiRedaction && result.unevaluated.is_none() {
            let left = !result.findings.is_empty() && result.enforcement != Enforcement::Redact;
            if left {
                value.labels.insert(Label::Personal);
            } else {
                value.labels.remove(&Label::Personal);
            }
        }
        if !result.findings.is_empty() && matches!(result.enforcement, Enforcement::Warn | Enforcement::Flag) {
            let message = format!("{} found {} violation(s)", result.check, result.findings.len());
            let findings = result.findings.clone();
            warnings.push(Warning { code: "guardrail_violation".into(), message, findings });
        }
    }
    let mut output = Output::new(Port::Main, value);
    output.warnings = warnings;
    output.findings = findings;
    Ok(Next::Done(output))
}
