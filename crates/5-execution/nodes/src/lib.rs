//! The node types, one file each: the schema of the parameters and the pure step function.
//!
//! A node never acts on the world. It says what it wants ([`workflow::Next`]) and is told the answers; the engine does
//! the rest. Nothing here does I/O or reads a clock. Start reading in [`transform`], the smallest one, then [`guardrail`]
//! and [`ai_agent`], the largest ones; [`registry`] lists them all.

pub mod ai_agent;
pub mod chat_model;
pub mod code;
pub mod condition;
pub mod delay;
pub mod embedding;
pub mod for_each;
pub mod guardrail;
mod header;
pub mod http_request;
pub mod human_approval;
pub mod manual_trigger;
pub mod merge;
mod model;
pub mod respond;
pub mod schedule;
mod schema;
pub mod sql_query;
pub mod stop_with_error;
pub mod sub_workflow;
pub mod switch;
pub mod transform;
mod wanted;
pub mod webhook;

use std::sync::Arc;

use domain::{Origin, Value};
use workflow::{Answer, Failure, FailureKind, Next, Node, NodeContext, Output, Port, Registry};

/// Every node type that NodeLoom has. Make it once and share it.
pub fn registry() -> Arc<Registry> {
    let nodes: Vec<Box<dyn Node>> = vec![
        Box::new(manual_trigger::ManualTrigger),
        Box::new(webhook::Webhook),
        Box::new(schedule::ScheduleTrigger),
        Box::new(guardrail::Guardrail),
        Box::new(ai_agent::AiAgent),
        Box::new(chat_model::ChatModel),
        Box::new(embedding::Embedding),
        Box::new(code::Code),
        Box::new(http_request::HttpRequest),
        Box::new(sql_query::SqlQuery),
        Box::new(condition::Condition),
        Box::new(switch::Switch),
        Box::new(for_each::ForEach),
        Box::new(merge::Merge),
        Box::new(transform::Transform),
        Box::new(delay::Delay),
        Box::new(sub_workflow::SubWorkflow),
        Box::new(human_approval::HumanApproval),
        Box::new(respond::Respond),
        Box::new(stop_with_error::StopWithError),
    ];
    Arc::new(Registry::new(nodes))
}

/// The node's input goes on as it is, by `port`.
fn pass_on(cx: &NodeContext<'_>, port: Port) -> Next {
    let origin = Origin::Node { node: cx.id.to_owned() };
    Next::Done(Output::new(port, Value { origin, ..Value::clone(cx.input) }))
}

/// The failure that an answer of the wrong kind stands for: its own, or a defect of ours.
fn unexpected(cx: &NodeContext<'_>, answer: &Answer) -> Failure {
    match answer {
        Answer::Failed { failure } => failure.clone(),
        other => {
            let message = format!("node {:?} cannot use an answer of kind {}", cx.id, other.kind());
            Failure::new(FailureKind::Internal, message)
        }
    }
}
