//! HUMAN_APPROVAL: waits until enough people have said yes, or one has said no. Whoever started the run cannot decide
//! unless the author allows it.

use std::time::Duration;

use domain::Json;
use serde::Deserialize;
use serde_json::json;
use workflow::{
    Answer, ApprovalRequest, Defect, Failure, FailureKind, Next, Node, NodeContext, NodeType, Output, Port, Wait,
    call::OnTimeout, limits,
};

pub(crate) struct HumanApproval;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    message: String,
    #[serde(default)]
    approvers: Vec<String>,
    #[serde(default = "one")]
    required: u32,
    subject: Option<Json>,
    timeout_ms: Option<u64>,
    #[serde(default)]
    on_timeout: OnTimeout,
    #[serde(default = "yes")]
    forbid_self_approval: bool,
}

const fn one() -> u32 {
    1
}
const fn yes() -> bool {
    true
}

impl Node for HumanApproval {
    fn kind(&self) -> NodeType {
        NodeType::HumanApproval
    }
    fn schema(&self) -> Json {
        let properties = json!({
            "message": { "title": "Question", "type": "string", "minLength": 1, "maxLength": 10_000, "x-editor": "expression",
                "examples": ["Refund {{ input.amount }} to {{ input.customer }}?"] },
            "approvers": { "title": "Who may decide", "type": "array", "maxItems": 100, "uniqueItems": true,
                "items": { "type": "string", "minLength": 1, "maxLength": 320 },
                "description": "Ids (user_…), addresses or roles (role:admin). Empty: everyone who may decide approvals." },
            "required": { "title": "How many must approve", "type": "integer", "minimum": 1, "maximum": 20, "default": 1 },
            "subject": crate::schema::input("What is shown beside the question."),
            "timeout_ms": { "title": "Longest wait, in ms", "type": "integer", "minimum": 1000, "maximum": limits::RUN_TIMEOUT_MS },
            "on_timeout": { "title": "When nobody decides", "enum": ["approve", "reject", "fail"], "default": "reject" },
            "forbid_self_approval": { "title": "Not by whoever started the run", "type": "boolean", "default": true }
        });
        crate::schema::object("Human approval", "Waits for people to decide.", &["message"], properties)
    }
    /// Who may decide, and whether they may decide on their own runs, is never taken from data.
    fn verbatim(&self) -> &'static [&'static str] {
        &["approvers", "required", "timeout_ms", "on_timeout", "forbid_self_approval"]
    }
    fn check(&self, parameters: &Json) -> Vec<Defect> {
        let people = parameters["approvers"].as_array().into_iter().flatten().filter_map(Json::as_str);
        let (mut named, mut roles) = (0_u64, false);
        for person in people {
            roles |= person.starts_with("role:");
            named += 1;
        }
        let required = parameters["required"].as_u64().unwrap_or(1);
        if named > 0 && !roles && required > named {
            let message = format!("{required} people must approve and only {named} may");
            return vec![Defect::new("/required", "too_few_approvers", message)];
        }
        Vec::new()
    }
    fn ports(&self, _: &Json) -> Vec<Port> {
        vec![Port::Main, Port::Rejected]
    }
    fn next(&self, cx: &NodeContext<'_>, answers: &[Answer]) -> Result<Next, Failure> {
        let answer = match answers.first() {
            None => return ask(cx),
            Some(Answer::Approval(answer)) => answer,
            Some(other) => return Err(crate::unexpected(cx, other)),
        };
        let json = json!({ "approved": answer.approved, "timed_out": answer.timed_out,
            "decisions": answer.decisions, "input": cx.input.json });
        let port = if answer.approved { Port::Main } else { Port::Rejected };
        if !answer.approved && !cx.wired.contains(&Port::Rejected) {
            let why = if answer.timed_out { "nobody decided in time" } else { "it was rejected" };
            let detail = json!({ "decisions": answer.decisions, "timed_out": answer.timed_out });
            let failure = Failure::new(FailureKind::Rejected, format!("the approval {:?}: {why}", cx.id));
            return Err(failure.with_detail(detail));
        }
        Ok(Next::Done(Output::new(port, cx.value(json))))
    }
}

fn ask(cx: &NodeContext<'_>) -> Result<Next, Failure> {
    let p: Parameters = cx.read()?;
    Ok(Next::Wait(Wait::Approval(ApprovalRequest {
        message: p.message,
        approvers: p.approvers,
        required: p.required.max(1),
        subject: p.subject.unwrap_or_else(|| cx.input.json.clone()),
        timeout: p.timeout_ms.map(Duration::from_millis),
        on_timeout: p.on_timeout,
        forbid_self_approval: p.forbid_self_approval,
        excluded: Vec::new(),
    })))
}
