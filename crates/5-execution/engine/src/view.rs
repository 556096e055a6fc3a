//! What people may see of a run: input, output, a log of every node, the failure. Written from screened and masked text
//! only, and never longer than a page can show.

use std::{borrow::Cow, sync::Arc};

use domain::{Finding, Json, NodeStatus, RunFailure, Timestamp, Usage, Value};
use serde::Serialize;
use serde_json::value::RawValue;
use workflow::{Answer, Change, Failure, NodeType, Outcome, Port, Warning, machine::StepKey};

use crate::ports::Mask;

/// Bytes of one value in a node's log.
const NODE_VALUE: usize = 64 * 1024;
/// Bytes of the run's input and output.
const RUN_VALUE: usize = 1024 * 1024;
/// Entries of a log: the first of them, then a count of the others.
const NODES: usize = 5_000;

/// What has been seen of one node.
#[derive(Debug, Clone)]
struct NodeLog {
    node: String,
    path: String,
    kind: NodeType,
    status: NodeStatus,
    started_at: Timestamp,
    finished_at: Option<Timestamp>,
    input: Option<Arc<Value>>,
    output: Option<Arc<Value>>,
    port: Option<Port>,
    warnings: Vec<Warning>,
    findings: Vec<Finding>,
    failure: Option<Failure>,
    steps: u32,
    attempts: u32,
    usage: Usage,
    printed: String,
    /// How the sandbox held the node's code: the attestation of its last run.
    sandbox: Json,
}

/// The log of a run as it is collected: raw, in memory only.
#[derive(Debug, Clone)]
pub(crate) struct RunLog {
    input: Arc<Value>,
    nodes: Vec<NodeLog>,
    left_out: usize,
}

impl RunLog {
    /// The empty log of a run with this input.
    pub(crate) const fn new(input: Arc<Value>) -> Self {
        Self { input, nodes: Vec::new(), left_out: 0 }
    }

    /// Takes over when nodes began and ended from a view that was stored before.
    pub(crate) fn remember(&mut self, view: &Json) {
        let time = |json: &Json| json.as_str().and_then(Timestamp::parse);
        for stored in view["nodes"].as_array().into_iter().flatten() {
            let path = stored["path"].as_str().unwrap_or_default();
            let known =
                self.nodes.iter_mut().find(|log| Some(&*log.node) == stored["node"].as_str() && log.path == path);
            if let Some(log) = known {
                log.started_at = time(&stored["started_at"]).unwrap_or(log.started_at);
                log.finished_at = log.finished_at.map(|at| time(&stored["finished_at"]).unwrap_or(at));
            }
        }
    }

    /// A node began or ended.
    pub(crate) fn note(&mut self, change: &Change, at: Timestamp) {
        let known = self.nodes.iter().rposition(|log| log.node == change.node && log.path == change.path);
        let index = match known {
            Some(index) if change.status != NodeStatus::Running => index,
            _ if self.nodes.len() >= NODES => {
                self.left_out += 1;
                return;
            }
            _ => {
                self.nodes.push(NodeLog {
                    node: change.node.clone(),
                    path: change.path.clone(),
                    kind: change.kind,
                    status: change.status,
                    started_at: at,
                    finished_at: None,
                    input: None,
                    output: None,
                    port: None,
                    warnings: Vec::new(),
                    findings: Vec::new(),
                    failure: None,
                    steps: 0,
                    attempts: 0,
                    usage: Usage::default(),
                    printed: String::new(),
                    sandbox: Json::Null,
                });
                self.nodes.len() - 1
            }
        };
        let log = &mut self.nodes[index];
        log.status = change.status;
        if change.status != NodeStatus::Running {
            log.finished_at = Some(at);
        }
        log.input = change.input.clone().or_else(|| log.input.take());
        log.output = change.output.clone().or_else(|| log.output.take());
        log.port = change.port.clone().or_else(|| log.port.take());
        log.warnings.extend(change.warnings.iter().cloned());
        log.findings.extend(change.findings.iter().cloned());
        log.failure = change.failure.clone().or_else(|| log.failure.take());
        log.steps = log.steps.max(change.steps);
    }

    /// A step of a node was answered; `attempts` is how often it was tried.
    pub(crate) fn answered(&mut self, step: &StepKey, answer: &Answer, attempts: u32, at: Option<Timestamp>) {
        let Some(log) = self.nodes.iter_mut().rev().find(|log| log.node == step.node && log.path == step.path) else {
            return;
        };
        log.usage += answer.usage();
        log.attempts += attempts;
        if let Some(at) = at {
            log.started_at = log.started_at.min(at);
        }
        match answer {
            Answer::Code(code) => {
                log.printed.push_str(&code.logs);
                log.sandbox = code.attestation.clone();
            }
            Answer::Failed { failure } if log.kind == NodeType::Code => {
                log.printed.push_str(failure.detail["logs"].as_str().unwrap_or_default());
                log.sandbox = failure.detail["attestation"].clone();
            }
            _ => {}
        }
    }

    /// A step of a node used tokens, and its answer does not tell.
    pub(crate) fn used(&mut self, step: &StepKey, usage: Usage) {
        let known = self.nodes.iter_mut().rev().find(|log| log.node == step.node && log.path == step.path);
        if let Some(log) = known {
            log.usage += usage;
        }
    }

    /// The view as JSON text.
    pub(crate) fn render(&self, mask: &dyn Mask, outcome: Option<&Outcome>, failure: Option<&RunFailure>) -> String {
        let mut seen = Seen { mask, values: Vec::new() };
        let input = seen.value(&self.input.json, RUN_VALUE);
        let output = outcome.and_then(Outcome::output).map(|output| seen.value(output, RUN_VALUE));
        let nodes = self.nodes.iter().map(|log| NodeView {
            node: &log.node,
            path: &log.path,
            kind: log.kind,
            status: log.status,
            started_at: log.started_at,
            finished_at: log.finished_at,
            duration_us: log.finished_at.map(|at| at.since(log.started_at).as_micros() as u64),
            input: seen.node(log.input.as_deref()),
            output: seen.node(log.output.as_deref()),
            port: log.port.as_ref(),
            warnings: log.warnings.iter().map(|warning| shown(mask, warning)).collect(),
            findings: &log.findings,
            failure: log.failure.as_ref().map(|failure| screened_failure(mask, failure, &log.node)),
            steps: log.steps,
            attempts: log.attempts,
            usage: (log.usage != Usage::default()).then_some(log.usage),
            printed: cut(mask.text(&log.printed), NODE_VALUE),
            sandbox: &log.sandbox,
        });
        let view = View { input, output, nodes: nodes.collect(), nodes_left_out: self.left_out, failure };
        serde_json::to_string(&view).unwrap_or_else(|_| "{}".to_owned())
    }
}

#[derive(Serialize)]
struct View<'a> {
    input: Arc<RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<Arc<RawValue>>,
    nodes: Vec<NodeView<'a>>,
    #[serde(skip_serializing_if = "is_zero")]
    nodes_left_out: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'a RunFailure>,
}

#[derive(Serialize)]
struct NodeView<'a> {
    node: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    path: &'a str,
    #[serde(rename = "type")]
    kind: NodeType,
    status: NodeStatus,
    started_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_us: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<Arc<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<Arc<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<&'a Port>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Warning>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    findings: &'a [Finding],
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<RunFailure>,
    #[serde(skip_serializing_if = "is_none")]
    steps: u32,
    #[serde(skip_serializing_if = "is_none")]
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
    #[serde(skip_serializing_if = "str::is_empty")]
    printed: Cow<'a, str>,
    #[serde(skip_serializing_if = "Json::is_null")]
    sandbox: &'a Json,
}

const fn is_zero(n: &usize) -> bool {
    *n == 0
}
const fn is_none(n: &u32) -> bool {
    *n == 0
}

/// What has been screened for this view: most values appear several times, as one node's output and the next one's
/// input, and screening is the most that a view costs.
struct Seen<'a> {
    mask: &'a dyn Mask,
    values: Vec<(&'a Json, usize, Arc<RawValue>)>,
}

/// Values that are compared with; a long log has few that are equal and far apart.
const COMPARED: usize = 8;

impl<'a> Seen<'a> {
    fn node(&mut self, value: Option<&'a Value>) -> Option<Arc<RawValue>> {
        value.map(|value| self.value(&value.json, NODE_VALUE))
    }
    fn value(&mut self, json: &'a Json, most: usize) -> Arc<RawValue> {
        let mut last = self.values.iter().rev().take(COMPARED);
        // What was not cut at the longer limit and fits the shorter one is the same text.
        let fits = |limit: usize, text: &RawValue| limit == most || text.get().len() <= most.min(limit);
        if let Some((_, _, text)) =
            last.find(|(known, limit, text)| fits(*limit, text) && (std::ptr::eq(*known, json) || *known == json))
        {
            return Arc::clone(text);
        }
        let text: Arc<RawValue> = screened(self.mask, json, most).into();
        self.values.push((json, most, Arc::clone(&text)));
        text
    }
}

/// A warning as it may be stored.
fn shown(mask: &dyn Mask, warning: &Warning) -> Warning {
    Warning { message: mask.text(&warning.message).into_owned(), ..warning.clone() }
}

/// A value as it may be stored: screened, masked, and cut when it is longer than `most` bytes.
fn screened(mask: &dyn Mask, json: &Json, most: usize) -> Box<RawValue> {
    let text = match json {
        Json::Null | Json::Bool(_) => json.to_string(),
        json => {
            let mut json = json.clone();
            mask.json(&mut json);
            json.to_string()
        }
    };
    let text = if text.len() <= most {
        text
    } else {
        let start = cut(Cow::Borrowed(&text), most);
        serde_json::json!({ "truncated": true, "bytes": text.len(), "start": start }).to_string()
    };
    RawValue::from_string(text).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// Never in the middle of a character; a mark says that there was more.
fn cut(text: Cow<'_, str>, most: usize) -> Cow<'_, str> {
    if text.len() <= most {
        return text;
    }
    let mut end = most;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    Cow::Owned(format!("{}… [cut: {} bytes in all]", &text[..end], text.len()))
}

/// A failure as people may read it.
pub(crate) fn screened_failure(mask: &dyn Mask, failure: &Failure, node: &str) -> RunFailure {
    RunFailure {
        code: failure.kind.code().to_owned(),
        message: cut(mask.text(&failure.message), 4096).into_owned(),
        node: (!node.is_empty()).then(|| node.to_owned()),
        violations: failure.findings.clone(),
    }
}

/// Why a run did not succeed, as people may read it.
pub(crate) fn run_failure(mask: &dyn Mask, outcome: &Outcome) -> Option<RunFailure> {
    match outcome {
        Outcome::Succeeded { .. } => None,
        Outcome::Failed { node, failure } => Some(screened_failure(mask, failure, node.as_deref().unwrap_or_default())),
    }
}
