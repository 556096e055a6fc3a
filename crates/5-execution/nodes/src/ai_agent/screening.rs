//! What a model hands to a tool, and what a tool hands back, goes through the team's checks on the way.
//!
//! A tool's answer is written by whoever wrote the page, row or file behind it, so it is judged as data: there, being
//! addressed at all is an attack. Only [`Checks::cleared`] makes a [`Cleared`], and only a `Cleared` becomes a tool
//! call or a message to the model.

use domain::{Channel, Finding, Json};
use guardrails::{GuardrailConfig, Report};
use serde::Deserialize;
use serde_json::json;
use workflow::{Answer, Call, Defect, Failure, NodeContext, ScreenCall, Warning};

use crate::guardrail::read_by_later_nodes;

/// Arguments or an answer that passed what the agent is configured to check.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cleared(Json);

impl Cleared {
    pub const fn json(&self) -> &Json {
        &self.0
    }
}

/// Which way it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// What the model wrote, on its way to the tool.
    Arguments,
    /// What the tool said, on its way to the model.
    Results,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OnBlock {
    /// The run halts, as at every guardrail.
    #[default]
    Halt,
    /// The model is told that something was withheld, and goes on without it.
    Withhold,
}

/// The parameter `tool_checks`: parameters of a guardrail for each way, or `false`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Checks {
    arguments: Json,
    results: Json,
    on_block: OnBlock,
}

impl Default for Checks {
    fn default() -> Self {
        Self { arguments: usual(Way::Arguments), results: usual(Way::Results), on_block: OnBlock::Halt }
    }
}

/// What is checked when the author of the workflow says nothing.
pub(super) fn usual(way: Way) -> Json {
    match way {
        Way::Arguments => json!({ "checks": ["PROMPT_INJECTION"], "severity": "FLAG" }),
        Way::Results => json!({ "checks": ["PROMPT_INJECTION"], "severity": "BLOCK" }),
    }
}

/// What was found in a conversation that goes on, for the output.
#[derive(Default)]
pub(super) struct Seen {
    pub findings: Vec<Finding>,
    pub warnings: Vec<Warning>,
}

impl Checks {
    fn of(&self, way: Way) -> Option<Json> {
        let parameters = match way {
            Way::Arguments => &self.arguments,
            Way::Results => &self.results,
        };
        match parameters {
            Json::Bool(false) => None,
            Json::Bool(true) | Json::Null => Some(usual(way)),
            own => Some(own.clone()),
        }
    }

    /// The questions to ask about `subjects`; `None`: these checks are switched off.
    pub fn questions<'j>(&self, way: Way, subjects: impl Iterator<Item = &'j Json>) -> Option<Vec<Call>> {
        let parameters = self.of(way)?;
        let ask = |subject: &Json| {
            Call::Screen(ScreenCall {
                subject: subject.clone(),
                channel: Channel::Data,
                parameters: parameters.clone(),
            })
        };
        Some(subjects.map(ask).collect())
    }

    /// What may go on for each subject, or what the model is told instead. `answers`: those to
    /// [`questions`](Self::questions), in the same order.
    ///
    /// # Errors
    /// The failure that halts the run.
    pub fn cleared(
        &self,
        cx: &NodeContext<'_>,
        way: Way,
        subjects: &[(&str, &Json)],
        answers: &[Answer],
        seen: &mut Seen,
    ) -> Result<Vec<Result<Cleared, String>>, Failure> {
        if self.of(way).is_none() {
            return Ok(subjects.iter().map(|(_, json)| Ok(Cleared((*json).clone()))).collect());
        }
        let mut all = Vec::with_capacity(subjects.len());
        for ((tool, _), answer) in subjects.iter().zip(answers) {
            let Answer::Screen(answer) = answer else { return Err(crate::unexpected(cx, answer)) };
            let report: Report = serde_json::from_value(answer.report.clone())
                .map_err(|error| cx.bad(format!("the guardrail's report cannot be read: {error}")))?;
            seen.findings.extend(answer.findings.iter().cloned());
            seen.warnings.extend(report.warnings.iter().map(|warning| read_by_later_nodes(warning, &report)));
            let what = match way {
                Way::Arguments => "the arguments for",
                Way::Results => "the answer of",
            };
            match answer.output.clone().filter(|_| !answer.blocked) {
                Some(output) => all.push(Ok(Cleared(output))),
                None if self.on_block == OnBlock::Halt => {
                    let message = format!("{:?}, {what} the tool {tool:?}: {}", cx.id, report.sentence());
                    let findings = std::mem::take(&mut seen.findings);
                    return Err(Failure::blocked(message, findings).with_detail(answer.report.clone()));
                }
                None => {
                    let mut families: Vec<&str> = report.halting().map(|v| v.finding.family.as_str()).collect();
                    families.sort_unstable();
                    families.dedup();
                    let why = if families.is_empty() { "not evaluated".to_owned() } else { families.join(", ") };
                    seen.warnings.push(Warning {
                        code: "guardrail_withheld".to_owned(),
                        message: format!("{what} the tool {tool:?} was withheld: {why}"),
                        findings: answer.findings.clone(),
                    });
                    all.push(Err(format!("withheld by a guardrail ({why}); go on without it")));
                }
            }
        }
        Ok(all)
    }
}

pub(super) fn schema() -> Json {
    let way = |title: &str, description: &str, way: Way| {
        json!({ "title": title, "description": description, "anyOf": [{ "type": "boolean" }, { "type": "object" }],
            "default": usual(way), "x-editor": "guardrail" })
    };
    json!({
        "title": "Checks of tool calls", "type": "object", "additionalProperties": false,
        "description": "Parameters of a guardrail for what goes to tools and for what comes back. False switches one off.",
        "properties": {
            "arguments": way("Arguments", "What the model hands to a tool.", Way::Arguments),
            "results": way("Results", "What a tool hands back, before the model sees it.", Way::Results),
            "on_block": { "title": "When a check blocks", "enum": ["halt", "withhold"], "default": "halt",
                "description": "halt: the run ends. withhold: the model is told that something was withheld." }
        }
    })
}

pub(super) fn check(parameters: &Json) -> Vec<Defect> {
    let mut defects = Vec::new();
    for way in ["arguments", "results"] {
        if let Some(own) = parameters.pointer(&format!("/tool_checks/{way}")).filter(|own| own.is_object())
            && let Err(errors) = GuardrailConfig::parse(own)
        {
            let at = |path: &str| format!("/tool_checks/{way}{path}");
            defects.extend(errors.into_iter().map(|e| Defect::new(at(&e.path), e.code, e.message)));
        }
    }
    defects
}
