//! From the answers so far to the next thing the agent wants.

use domain::{Json, Usage};
use serde_json::json;
use workflow::{
    Answer, Call, ChatAnswer, ChatCall, ChatMessage, Child, Failure, FailureKind, Next, NodeContext, ToolCall, ToolSpec,
};

use super::{Parameters, Tool};
use crate::chat_model::text;

/// Tool calls of one model answer that are run; more are refused.
const MOST_CALLS: usize = 16;
const AT_ONCE: usize = 4;

struct Conversation<'a> {
    cx: &'a NodeContext<'a>,
    p: &'a Parameters,
    messages: Vec<ChatMessage>,
    /// What was called, for the output.
    called: Vec<Json>,
    usage: Usage,
    steps: u32,
    invalid: u32,
}

pub(super) fn go_on(cx: &NodeContext<'_>, p: &Parameters, answers: &[Answer]) -> Result<Next, Failure> {
    let prompt = p.prompt.as_ref().unwrap_or(&cx.input.json);
    let system = p.system.clone().filter(|s| !s.is_empty()).map(|content| ChatMessage::System { content });
    let messages = system.into_iter().chain([ChatMessage::User { content: text(prompt) }]).collect();
    let usage = Usage::default();
    let mut talk = Conversation { cx, p, messages, called: Vec::new(), usage, steps: 0, invalid: 0 };
    let mut left = answers;
    loop {
        let Some((first, rest)) = left.split_first() else { return Ok(talk.ask()) };
        let Answer::Chat(answer) = first else { return Err(crate::unexpected(cx, first)) };
        talk.steps += 1;
        talk.usage += answer.usage;
        if answer.tool_calls.is_empty() {
            return Ok(talk.finished(answer));
        }
        let turns = talk.turns(answer)?;
        let children: Vec<Child> = turns.iter().filter_map(|turn| turn.child.clone().ok()).collect();
        if rest.len() < children.len() {
            if rest.is_empty() {
                return Ok(Next::Spawn { children, max_parallel: AT_ONCE, fail_fast: false });
            }
            return Err(Failure::new(FailureKind::Internal, format!("node {:?}: answers are missing", cx.id)));
        }
        let (results, rest) = rest.split_at(children.len());
        talk.tell(answer, turns, results)?;
        left = rest;
        if talk.steps >= p.max_steps {
            let message = format!(
                "the agent {:?} used all {} steps without an answer; raise max_steps or narrow its task",
                cx.id, p.max_steps
            );
            return Err(Failure::new(FailureKind::StepLimit, message));
        }
    }
}

/// One tool call of the model: what runs for it, or why nothing does.
struct Turn {
    id: String,
    name: String,
    arguments: Json,
    child: Result<Child, String>,
}

impl Conversation<'_> {
    fn ask(self) -> Next {
        let specs = self.p.tools.iter().map(|tool| ToolSpec {
            name: tool.name.clone(),
            description: tool.description.clone(),
            schema: tool.schema.clone(),
        });
        Next::Call(Call::Chat(ChatCall {
            model: self.p.model.reference(),
            messages: self.messages,
            tools: specs.collect(),
            temperature: self.p.model.temperature,
            max_tokens: self.p.model.max_tokens,
            response_schema: None,
        }))
    }

    fn finished(self, answer: &ChatAnswer) -> Next {
        self.cx.done_untrusted(json!({
            "text": answer.text, "model": answer.model, "finish": answer.finish, "steps": self.steps,
            "tool_calls": self.called, "usage": self.usage
        }))
    }

    /// What becomes of each tool call. Fails when the model keeps calling wrongly.
    fn turns(&mut self, answer: &ChatAnswer) -> Result<Vec<Turn>, Failure> {
        let mut turns = Vec::new();
        for (n, call) in answer.tool_calls.iter().enumerate() {
            let id = if call.id.is_empty() { format!("call_{}_{n}", self.steps) } else { call.id.clone() };
            let turn = match arguments(&self.p.tools, call) {
                Ok((tool, arguments)) if n < MOST_CALLS => {
                    let child = match &tool.workflow {
                        Some(workflow) => Child::Workflow { workflow: workflow.clone(), input: arguments.clone() },
                        None => Child::Tool { name: tool.name.clone(), arguments: arguments.clone() },
                    };
                    Turn { id, name: call.name.clone(), arguments, child: Ok(child) }
                }
                Ok((_, arguments)) => {
                    let why = format!("not run: at most {MOST_CALLS} tool calls in one answer");
                    Turn { id, name: call.name.clone(), arguments, child: Err(why) }
                }
                Err(why) => {
                    self.invalid += 1;
                    Turn { id, name: call.name.clone(), arguments: Json::Null, child: Err(why) }
                }
            };
            turns.push(turn);
        }
        if self.invalid > self.p.max_invalid_calls {
            let last = turns.iter().filter_map(|turn| turn.child.as_ref().err()).next_back();
            let message = format!(
                "the model called tools of {:?} wrongly {} times; the last time: {}",
                self.cx.id,
                self.invalid,
                last.map_or("", String::as_str)
            );
            return Err(Failure::new(FailureKind::Call, message));
        }
        Ok(turns)
    }

    /// Writes what the model said and what its tools answered into the conversation.
    fn tell(&mut self, answer: &ChatAnswer, turns: Vec<Turn>, results: &[Answer]) -> Result<(), Failure> {
        let calls = turns.iter().zip(&answer.tool_calls);
        let tool_calls = calls.map(|(turn, call)| ToolCall { id: turn.id.clone(), ..call.clone() }).collect();
        self.messages.push(ChatMessage::Assistant { content: answer.text.clone(), tool_calls });
        let mut results = results.iter();
        for turn in turns {
            let (content, is_error) = match (&turn.child, turn.child.is_ok().then(|| results.next()).flatten()) {
                (Ok(_), Some(Answer::Child { output })) => (self.cut(text(output)), false),
                (Ok(_), Some(Answer::Failed { failure })) => (self.cut(format!("error: {}", failure.message)), true),
                (Err(why), _) => (format!("error: {why}"), true),
                (Ok(_), Some(other)) => return Err(crate::unexpected(self.cx, other)),
                (Ok(_), None) => return Err(self.cx.bad("an answer is missing")),
            };
            self.called.push(json!({ "name": turn.name, "arguments": turn.arguments, "ok": !is_error }));
            self.messages.push(ChatMessage::Tool { call_id: turn.id, name: turn.name, content, is_error });
        }
        Ok(())
    }

    fn cut(&self, mut content: String) -> String {
        let most = self.p.max_tool_output_bytes;
        if content.len() > most {
            let mut end = most;
            while !content.is_char_boundary(end) {
                end -= 1;
            }
            content.truncate(end);
            content.push_str("\n[cut: the output was longer]");
        }
        content
    }
}

/// The tool that is meant and its checked arguments, or what the model is told.
fn arguments<'t>(tools: &'t [Tool], call: &ToolCall) -> Result<(&'t Tool, Json), String> {
    let tool = tools.iter().find(|tool| tool.name == call.name).ok_or_else(|| {
        let names: Vec<_> = tools.iter().map(|tool| tool.name.as_str()).collect();
        let shown: String = call.name.chars().take(64).collect();
        format!("there is no tool {shown:?}; the tools are: {}", names.join(", "))
    })?;
    let written = call.arguments.trim();
    let arguments: Json = if written.is_empty() {
        json!({})
    } else {
        serde_json::from_str(written).map_err(|error| format!("the arguments are not JSON: {error}"))?
    };
    let validator = tool.validator()?;
    let wrong: Vec<String> = validator
        .iter_errors(&arguments)
        .take(5)
        .map(|error| {
            let at = error.instance_path().as_str().to_owned();
            format!("{}: {}", if at.is_empty() { "/" } else { &at }, error.masked())
        })
        .collect();
    if wrong.is_empty() {
        Ok((tool, arguments))
    } else {
        Err(format!("the arguments do not fit: {}", wrong.join("; ")))
    }
}
