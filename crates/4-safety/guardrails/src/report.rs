//! What a screening says: findings with their place, warnings, how each check went, and the value that may go on.

use domain::{CheckKind, Enforcement, Finding, Json, Severity};
use serde::{Deserialize, Serialize};

/// What became of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The check's enforcement applies.
    Enforced,
    /// The check runs in shadow: recorded, nothing done.
    Shadow,
    /// An exception of the customer covers it: recorded, nothing done.
    Allowed,
}

/// A finding, where it is in the screened value, and what the customer wants done about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Violation {
    #[serde(flatten)]
    pub finding: Finding,
    /// The check's name on the node: its kind, or the custom rule's name.
    pub name: String,
    /// RFC 6901 pointer of the string inside the screened value; empty for the value itself.
    pub pointer: String,
    /// The span lies in a member's name rather than in a value.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_key: bool,
    pub enforcement: Enforcement,
    pub status: Status,
}

/// What a later node can read about a finding under WARNING (R188).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Warning {
    pub check: CheckKind,
    pub name: String,
    pub family: String,
    pub severity: Severity,
    pub score: f32,
    pub pointer: String,
    pub message: String,
}

/// How one check went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum CheckOutcome {
    /// It ran and found nothing that counts.
    Clean,
    /// It ran and found this many, in shadow too; what an exception covers is not among them.
    Found { findings: usize },
    /// It could not run; that is not a pass.
    NotEvaluated { why: String },
    /// A cheaper check had halted the run already.
    Skipped,
}

/// One check of the screening.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckReport {
    pub check: CheckKind,
    pub name: String,
    pub enforcement: Enforcement,
    #[serde(flatten)]
    pub outcome: CheckOutcome,
    /// A fallback decided instead of the first choice: which, and why (R155).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<String>,
    pub micros: u64,
}

/// Everything a screening found, kept together (R192). Plain data: this is what is stored, and it proves nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub halted: bool,
    /// Halted because a check could not run, not because one found something.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not_evaluated: bool,
    pub violations: Vec<Violation>,
    pub warnings: Vec<Warning>,
    pub checks: Vec<CheckReport>,
    /// How many places were redacted.
    pub redactions: usize,
}

impl Report {
    /// The findings alone, such as for `RunFailure::violations`.
    pub fn findings(&self) -> Vec<Finding> {
        self.violations.iter().map(|violation| violation.finding.clone()).collect()
    }
    /// The findings that halted the run.
    pub fn halting(&self) -> impl Iterator<Item = &Violation> {
        self.violations.iter().filter(|v| v.status == Status::Enforced && v.enforcement == Enforcement::Block)
    }
    /// Findings that ask for an alert (R185).
    pub fn flagged(&self) -> impl Iterator<Item = &Violation> {
        self.violations.iter().filter(|v| v.status == Status::Enforced && v.enforcement == Enforcement::Flag)
    }
    /// One sentence for a person: why the run was halted. Quotes nothing of the text.
    pub fn sentence(&self) -> String {
        let mut parts: Vec<String> = self.halting().take(3).map(|v| format!("{}: {}", v.name, v.finding.why)).collect();
        if parts.is_empty() {
            parts.extend(self.checks.iter().filter_map(|check| match &check.outcome {
                CheckOutcome::NotEvaluated { why } => Some(format!("{} could not be evaluated: {why}", check.name)),
                _ => None,
            }));
        }
        let more = self.halting().count().saturating_sub(3);
        let tail = if more > 0 { format!(" (and {more} more)") } else { String::new() };
        format!("the guardrail halted the run: {}{tail}", parts.join("; "))
    }
}

/// A value that passed every check configured for it, with redactions applied. Only
/// [`Guardrails::screen`](crate::Guardrails::screen) and its synchronous sibling make one; it is never stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Screened {
    json: Json,
    report: Report,
}

impl Screened {
    pub(crate) fn new(json: Json, report: Report) -> Self {
        Self { json, report }
    }
    /// The value that may go on.
    pub fn json(&self) -> &Json {
        &self.json
    }
    /// What was found on the way; nothing in it halts.
    pub fn report(&self) -> &Report {
        &self.report
    }
    /// The value and the report.
    pub fn into_parts(self) -> (Json, Report) {
        (self.json, self.report)
    }
    /// The value as a guardrail node puts it out: with a `guardrail` member that holds the warnings when there are
    /// any (R188). What is not an object is wrapped as `{"value": …, "guardrail": …}` then; without warnings the value
    /// goes on as it is.
    pub fn node_output(self) -> Json {
        if self.report.warnings.is_empty() {
            return self.json;
        }
        let warnings = serde_json::json!({ "warnings": self.report.warnings });
        match self.json {
            Json::Object(mut members) => {
                members.insert("guardrail".to_owned(), warnings);
                Json::Object(members)
            }
            other => serde_json::json!({ "value": other, "guardrail": warnings }),
        }
    }
}

/// How a screening ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Go on with this value.
    Passed(Screened),
    /// The run halts here (R189).
    Halted(Report),
}

impl Outcome {
    /// The report, whichever way it ended.
    pub fn report(&self) -> &Report {
        match self {
            Self::Passed(screened) => screened.report(),
            Self::Halted(report) => report,
        }
    }
}
