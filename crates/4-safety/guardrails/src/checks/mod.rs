//! One file per check. A check finds; what is done about a finding is decided in `framework`.

pub mod content;
pub mod pii;
pub mod prompt_injection;
pub mod rules;
pub mod schema;
pub mod similarity;
pub mod sql;

use std::{collections::BTreeMap, time::Duration};

use domain::{Channel, CheckKind, Finding, Json, Severity, Span};

use crate::{CheckSpec, Ports, framework::Texts, texts::texts};

/// A finding and where it is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found {
    pub finding: Finding,
    pub pointer: String,
    pub in_key: bool,
}

/// What a check that ran said.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Checked {
    pub found: Vec<Found>,
    /// Which fallback decided, and why.
    pub fallback: Option<String>,
}

/// A check that could not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unchecked {
    pub why: String,
}

impl Unchecked {
    pub fn new(why: impl Into<String>) -> Self {
        Self { why: why.into() }
    }
    pub fn timed_out(after: Duration) -> Self {
        Self::new(format!("no result within {} ms", after.as_millis()))
    }
}

impl From<Vec<Found>> for Checked {
    fn from(found: Vec<Found>) -> Self {
        Self { found, fallback: None }
    }
}

/// Builds a finding of this crate's rules.
pub(crate) fn finding(
    check: CheckKind,
    family: impl Into<String>,
    severity: Severity,
    score: f32,
    span: Option<(usize, usize)>,
    rule: &str,
    why: impl Into<String>,
) -> Finding {
    Finding {
        check,
        family: family.into(),
        severity,
        score,
        span: span.map(|(start, end)| Span { start, end }),
        by: format!("{rule}@{}", crate::RULES_VERSION),
        why: why.into(),
    }
}

/// Runs a check that asks nobody.
pub(crate) fn run_local(
    spec: &CheckSpec,
    json: &Json,
    texts: &Texts<'_>,
    channel: Channel,
) -> Result<Checked, Unchecked> {
    match spec {
        CheckSpec::PromptInjection { threshold } => {
            Ok(each(texts, |text| prompt_injection::check(text, channel, *threshold)).into())
        }
        CheckSpec::Pii(options) => Ok(pii::check(json, options).into()),
        CheckSpec::Content(options) => Ok(each(texts, |text| content::local(text, options)).into()),
        CheckSpec::Schema(schema) => Ok(schema.check(json).into()),
        CheckSpec::Sql(rules) => {
            let mut found = Vec::new();
            for text in texts.iter().filter(|text| !text.in_key) {
                let findings = rules.check(text.text).map_err(|error| Unchecked::new(error.to_string()))?;
                found.extend(placed(text, findings));
            }
            Ok(found.into())
        }
        CheckSpec::Rule(rule) => rule.check_local(texts),
        CheckSpec::Similarity(references) => Ok(each(texts, |text| references.check_local(text)).into()),
    }
}

/// Runs a check that may ask a port.
pub(crate) async fn run_remote(
    spec: &CheckSpec,
    json: &Json,
    ports: &Ports,
    timeout: Duration,
) -> Result<Checked, Unchecked> {
    let texts = texts(json);
    match spec {
        CheckSpec::Content(options) => content::check(&texts, options, ports.moderator.as_deref(), timeout).await,
        CheckSpec::Similarity(references) => references.check(&texts, ports.embedder.as_deref()).await,
        CheckSpec::Rule(rule) => rule.check(json, &texts, ports, timeout).await,
        _ => run_local(spec, json, &texts, Channel::User),
    }
}

/// A service that took too long: the content filter's local tier decides (R155), everything else is not evaluated.
pub(crate) fn after_timeout(spec: &CheckSpec, json: &Json, timeout: Duration) -> Result<Checked, Unchecked> {
    match spec {
        CheckSpec::Content(options) => content::fallback(
            &texts(json),
            options,
            &format!("the service gave no answer within {} ms", timeout.as_millis()),
        ),
        _ => Err(Unchecked::timed_out(timeout)),
    }
}

/// A check that may ask a port, when none can be asked.
pub(crate) fn without_ports(spec: &CheckSpec, json: &Json) -> Result<Checked, Unchecked> {
    match spec {
        CheckSpec::Content(options) => content::fallback(&texts(json), options, "no moderation service is configured"),
        CheckSpec::Similarity(references) => Ok(each(&texts(json), |text| references.check_local(text)).into()),
        _ => Err(Unchecked::new("nothing is configured that could answer")),
    }
}

/// One function over every text.
pub(crate) fn each(texts: &Texts<'_>, check: impl Fn(&str) -> Vec<Finding>) -> Vec<Found> {
    texts.iter().flat_map(|text| placed(text, check(text.text))).collect()
}

pub(crate) fn placed(text: &crate::texts::TextAt<'_>, findings: Vec<Finding>) -> Vec<Found> {
    findings.into_iter().map(|finding| Found { finding, pointer: text.pointer.clone(), in_key: text.in_key }).collect()
}

/// Takes found spans out of `value`; answers how many. A finding without a span takes out its whole string.
pub(crate) fn redact(value: &mut Json, spec: &CheckSpec, found: &[Found], ports: &Ports) -> Result<usize, Unchecked> {
    if let CheckSpec::Pii(options) = spec {
        return pii::redact(value, options, found, ports);
    }
    let mut per_text: BTreeMap<&str, Vec<Option<Span>>> = BTreeMap::new();
    for one in found {
        if one.in_key {
            // A member's name cannot be cut without losing the member, so it goes whole with its object's text.
            return Err(Unchecked::new("the finding lies in a member's name, which cannot be redacted"));
        }
        per_text.entry(&one.pointer).or_default().push(one.finding.span);
    }
    let mut count = 0;
    for (pointer, spans) in per_text {
        let Some(place) = value.pointer_mut(pointer) else { continue };
        match place {
            Json::String(text) => {
                *text = cut(text, &spans);
                count += spans.len();
            }
            other => {
                *other = Json::String("[REDACTED]".to_owned());
                count += 1;
            }
        }
    }
    Ok(count)
}

fn cut(text: &str, spans: &[Option<Span>]) -> String {
    let Some(mut spans) = spans.iter().copied().collect::<Option<Vec<Span>>>() else { return "[REDACTED]".to_owned() };
    spans.sort();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for span in spans {
        // The value may have been redacted by another check since: then spans no longer fit, and all of it goes.
        let (Some(before), true) = (text.get(at..span.start.max(at)), text.is_char_boundary(span.end.min(text.len())))
        else {
            return "[REDACTED]".to_owned();
        };
        if span.end > text.len() {
            return "[REDACTED]".to_owned();
        }
        if span.end <= at {
            continue;
        }
        out.push_str(before);
        out.push_str("[REDACTED]");
        at = span.end;
    }
    out.push_str(&text[at..]);
    out
}
