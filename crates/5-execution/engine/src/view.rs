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
}

/// The log of a run as it is collected: raw, in memory only.
#[derive(Debug, Clone)]
pub(crate) struct RunLog {
    /// Screened already.
    input: Box<RawValue>,
    nodes: Vec<NodeLog>,
    left_out: usize,
}

impl RunLog {
    /// The empty log of a run with this input.
    pub(crate) fn new(mask: &dyn Mask, input: &Json) -> Self {
        Self { input: screened(mask, input, RUN_VALUE), nodes: Vec::new(), left_out: 0 }
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
        if let Answer::Code(code) = answer {
            log.printed.push_str(&code.logs);
        }
    }

    /// The view as JSON text.
    pub(crate) fn render(&self, mask: &dyn Mask, outcome: Option<&Outcome>, failure: Option<&RunFailure>) -> String {
        let mut seen: Vec<(*const Value, Box<RawValue>)> = Vec::new();
        let mut value = |value: &Option<Arc<Value>>| -> Option<Box<RawValue>> {
            let value = value.as_ref()?;
            if let Some((_, text)) = seen.iter().find(|(known, _)| *known == Arc::as_ptr(value)) {
                return Some(text.clone());
            }
            let text = screened(mask, &value.json, NODE_VALUE);
            seen.push((Arc::as_ptr(value), text.clone()));
            Some(text)
        };
        let nodes = self.nodes.iter().map(|log| NodeView {
            node: &log.node,
            path: &log.path,
            kind: log.kind,
            status: log.status,
            started_at: log.started_at,
            finished_at: log.finished_at,
            input: value(&log.input),
            output: value(&log.output),
            port: log.port.as_ref(),
            warnings: &log.warnings,
            findings: &log.findings,
            failure: log.failure.as_ref().map(|failure| screened_failure(mask, failure, &log.node)),
            steps: log.steps,
            attempts: log.attempts,
            usage: (log.usage != Usage::default()).then_some(log.usage),
            printed: cut(mask.text(&log.printed), NODE_VALUE),
        });
        let view = View {
            input: &self.input,
            output: outcome.and_then(Outcome::output).map(|output| screened(mask, output, RUN_VALUE)),
            nodes: nodes.collect(),
            nodes_left_out: self.left_out,
            failure,
        };
        serde_json::to_string(&view).unwrap_or_else(|_| "{}".to_owned())
    }
}

#[derive(Serialize)]
struct View<'a> {
    input: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<Box<RawValue>>,
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
    input: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<&'a Port>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    warnings: &'a [Warning],
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
}

const fn is_zero(n: &usize) -> bool {
    *n == 0
}
const fn is_none(n: &u32) -> bool {
    *n == 0
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
