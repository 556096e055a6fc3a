//! One file per check. A check finds; what is done about a finding is decided in `framework`.

pub mod content;
pub mod pii;
pub mod prompt_injection;
pub mod rules;
pub mod schema;
pub mod similarity;
pub mod sql;

use std::time::{Duration, Instant};

use domain::{Channel, CheckKind, Finding, Json, Severity, Span};

use crate::{CheckSpec, Ports, framework::Texts, learned::Learned, texts::texts};

/// A finding and where it is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found {
    pub finding: Finding,
    pub pointer: String,
    pub in_key: bool,
    /// Where personal data is, counted as `pii` counts: its pointers have their own names redacted.
    pub visit: Option<usize>,
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
    learned: &Learned,
    deadline: Instant,
) -> Result<Checked, Unchecked> {
    match spec {
        CheckSpec::PromptInjection { threshold } => {
            let mut checked = Checked::default();
            for text in texts {
                let said = prompt_injection::judge(text.text, channel, *threshold, learned, Some(deadline));
                let said = said.map_err(Unchecked::new)?;
                checked.found.extend(placed(text, said.findings));
                checked.fallback = checked.fallback.or(said.unread);
            }
            Ok(checked)
        }
        CheckSpec::Pii(options) => Ok(pii::check(json, options).into()),
        CheckSpec::Content(options) => {
            content::fallback(texts, options, "no moderation service is configured", learned, deadline)
        }
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
        CheckSpec::Similarity(references) => references.check_all(texts, learned, deadline),
    }
}

/// Work that keeps a thread busy, without holding up the other tasks of a runtime that has more than one.
pub(crate) fn aside<T>(work: impl FnOnce() -> T) -> T {
    let several = tokio::runtime::Handle::try_current()
        .is_ok_and(|runtime| runtime.runtime_flavor() == tokio::runtime::RuntimeFlavor::MultiThread);
    if several { tokio::task::block_in_place(work) } else { work() }
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
        CheckSpec::Content(options) => {
            content::check(&texts, options, ports.moderator.as_deref(), &ports.learned, timeout).await
        }
        CheckSpec::Similarity(references) => {
            references.check(&texts, ports.embedder.as_deref(), &ports.learned, timeout).await
        }
        CheckSpec::Rule(rule) => rule.check(json, &texts, ports, timeout).await,
        _ => run_local(spec, json, &texts, Channel::User, &ports.learned, Instant::now() + timeout),
    }
}

/// How long the local tier may take after a service has used up the check's own time.
const AFTERWARDS: Duration = Duration::from_secs(30);

/// A service that took too long: the content filter's local tier decides (R155), everything else is not evaluated.
pub(crate) fn after_timeout(
    spec: &CheckSpec,
    json: &Json,
    ports: &Ports,
    timeout: Duration,
) -> Result<Checked, Unchecked> {
    match spec {
        CheckSpec::Content(options) => {
            let why = format!("the service gave no answer within {} ms", timeout.as_millis());
            let texts = texts(json);
            aside(|| content::fallback(&texts, options, &why, &ports.learned, Instant::now() + AFTERWARDS))
        }
        _ => Err(Unchecked::timed_out(timeout)),
    }
}

/// A check that may ask a port, when none can be asked.
pub(crate) fn without_ports(
    spec: &CheckSpec,
    json: &Json,
    learned: &Learned,
    deadline: Instant,
) -> Result<Checked, Unchecked> {
    match spec {
        CheckSpec::Content(options) => {
            content::fallback(&texts(json), options, "no moderation service is configured", learned, deadline)
        }
        CheckSpec::Similarity(references) => references.check_all(&texts(json), learned, deadline),
        _ => Err(Unchecked::new("nothing is configured that could answer")),
    }
}

/// One function over every text.
pub(crate) fn each(texts: &Texts<'_>, check: impl Fn(&str) -> Vec<Finding>) -> Vec<Found> {
    texts.iter().flat_map(|text| placed(text, check(text.text))).collect()
}

pub(crate) fn placed(text: &crate::texts::TextAt<'_>, findings: Vec<Finding>) -> Vec<Found> {
    let found = |finding| Found { finding, pointer: text.pointer.clone(), in_key: text.in_key, visit: None };
    findings.into_iter().map(found).collect()
}
