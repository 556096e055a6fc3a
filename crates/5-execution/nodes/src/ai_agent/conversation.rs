//! From the answers so far to the next thing the agent wants.

use domain::{Json, Usage};
use serde_json::json;
use workflow::{
    Answer, Call, ChatAnswer, ChatCall, ChatMessage, Child, Failure, FailureKind, Next, NodeContext, ToolCall, ToolSpec,
};

use super::{
    Parameters, Tool,
    screening::{Cleared, Seen, Way},
};
use crate::{chat_model::text, wanted};

/// Tool calls of one model answer that are run; more are refused.
const MOST_CALLS: usize = 16;
const AT_ONCE: usize = 4;
/// Errors in the arguments that the model is told of.
const MOST_ERRORS: usize = 5;

struct Conversation<'a> {
    cx: &'a NodeContext<'a>,
    p: &'a Parameters,
    messages: Vec<ChatMessage>,
    /// What was called, for the output.
    called: Vec<Json>,
    seen: Seen,
    usage: Usage,
    steps: u32,
    invalid: u32,
    /// How often the last answer did not follow its schema.
    repairs: u32,
}

pub(super) fn go_on(cx: &NodeContext<'_>, p: &Parameters, answers: &[Answer]) -> Result<Next, Failure> {
    let prompt = p.prompt.as_ref().unwrap_or(&cx.input.json);
    let schema = wanted::schema(cx, p.response_schema.as_ref())?;
    let system = system(p).map(|content| ChatMessage::System { content });
    let messages = system.into_iter().chain([ChatMessage::User { content: text(prompt) }]).collect();
    let (usage, seen) = (Usage::default(), Seen::default());
    let mut talk = Conversation { cx, p, messages, called: Vec::new(), seen, usage, steps: 0, invalid: 0, repairs: 0 };
    let mut left = answers;
    loop {
        let Some((first, rest)) = left.split_first() else { return Ok(talk.ask()) };
        let Answer::Chat(answer) = first else { return Err(crate::unexpected(cx, first)) };
        talk.steps += 1;
        talk.usage += answer.usage;
        if answer.tool_calls.is_empty() {
            let Some(schema) = &schema else { return Ok(talk.finished(answer, None)) };
            match wanted::read(&answer.text, schema, answer.finish) {
                Ok(json) => return Ok(talk.finished(answer, Some(json))),
                Err(wrong) if talk.repairs >= p.repair_attempts => {
                    return Err(wanted::refused(cx, talk.repairs as usize, &wrong));
                }
                Err(wrong) => talk.messages.extend(wanted::again(&answer.text, &wrong)),
            }
            talk.repairs += 1;
            left = rest;
        } else {
            let asked = talk.asked(answer)?;
            left = match talk.turn(answer, asked, rest)? {
                Turned::Wants(next) => return Ok(next),
                Turned::Told(left) => left,
            };
        }
        if talk.steps >= p.max_steps {
            let message = format!(
                "the agent {:?} used all {} steps without an answer; raise max_steps or narrow its task",
                cx.id, p.max_steps
            );
            return Err(Failure::new(FailureKind::StepLimit, message));
        }
    }
}

/// What the model is told first. A schema goes with it: services that take one apart from the conversation hold every
/// answer to it, also those that call a tool.
fn system(p: &Parameters) -> Option<String> {
    let said = p.system.clone().filter(|s| !s.is_empty());
    let Some(schema) = &p.response_schema else { return said };
    let asked = format!("When you call no tool, answer with JSON alone that follows this JSON Schema:\n{schema}");
    Some(said.map_or_else(|| asked.clone(), |said| format!("{said}\n\n{asked}")))
}

/// One tool call of the model.
struct Asked<'t> {
    id: String,
    name: String,
    /// The tool that is meant and arguments that fit it, or what the model is told.
    what: Result<(&'t Tool, Json), String>,
}

/// What a turn comes to.
enum Turned<'a> {
    /// Something has to happen first.
    Wants(Next),
    /// The model has been told; these answers are left.
    Told(&'a [Answer]),
}

/// The first `n` answers, or `None` when none of them is there yet.
fn next_answers<'a>(cx: &NodeContext<'_>, left: &'a [Answer], n: usize) -> Result<Option<Split<'a>>, Failure> {
    match left.len() {
        0 if n > 0 => Ok(None),
        have if have < n => Err(Failure::new(FailureKind::Internal, format!("node {:?}: answers are missing", cx.id))),
        _ => Ok(Some(left.split_at(n))),
    }
}

type Split<'a> = (&'a [Answer], &'a [Answer]);

impl<'a> Conversation<'a> {
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

    fn finished(self, answer: &ChatAnswer, parsed: Option<Json>) -> Next {
        let mut json = json!({
            "text": answer.text, "model": answer.model, "finish": answer.finish, "steps": self.steps,
            "tool_calls": self.called, "usage": self.usage
        });
        if let Some(parsed) = parsed {
            json["json"] = parsed;
        }
        if self.repairs > 0 {
            json["repairs"] = json!(self.repairs);
        }
        let mut done = self.cx.done_untrusted(json);
        if let Next::Done(output) = &mut done {
            output.findings = self.seen.findings;
            output.warnings = self.seen.warnings;
        }
        done
    }

    /// What the model wants of its tools. Fails when it keeps calling wrongly.
    fn asked(&mut self, answer: &ChatAnswer) -> Result<Vec<Asked<'a>>, Failure> {
        let mut all: Vec<Asked<'a>> = Vec::new();
        for (n, call) in answer.tool_calls.iter().enumerate() {
            let id = if call.id.is_empty() { format!("call_{}_{n}", self.steps) } else { call.id.clone() };
            let mut what = arguments(&self.p.tools, call);
            match &what {
                Ok(_) if n >= MOST_CALLS => {
                    what = Err(format!("not run: at most {MOST_CALLS} tool calls in one answer"));
                }
                Ok(_) => {}
                Err(_) => self.invalid += 1,
            }
            all.push(Asked { id, name: call.name.clone(), what });
        }
        if self.invalid > self.p.max_invalid_calls {
            let last = all.iter().filter_map(|asked| asked.what.as_ref().err()).next_back();
            let message = format!(
                "the model called tools of {:?} wrongly {} times; the last time: {}",
                self.cx.id,
                self.invalid,
                last.map_or("", String::as_str)
            );
            return Err(Failure::new(FailureKind::Call, message));
        }
        Ok(all)
    }

    /// One round: the arguments are screened, the tools run, their answers are screened, and the model is told.
    fn turn(&mut self, answer: &ChatAnswer, asked: Vec<Asked<'a>>, left: &'a [Answer]) -> Result<Turned<'a>, Failure> {
        let (cx, checks) = (self.cx, &self.p.tool_checks);
        // 1. What the model wrote, before any tool sees it.
        let written: Vec<(&str, &Json)> =
            asked.iter().filter_map(|a| a.what.as_ref().ok().map(|(tool, json)| (tool.name.as_str(), json))).collect();
        let questions = checks.questions(Way::Arguments, written.iter().map(|(_, json)| *json)).unwrap_or_default();
        let Some((said, left)) = next_answers(cx, left, questions.len())? else {
            return Ok(Turned::Wants(Next::Calls(questions)));
        };
        let mut cleared = checks.cleared(cx, Way::Arguments, &written, said, &mut self.seen)?.into_iter();
        let turns: Vec<Turn<'a>> = asked.into_iter().map(|asked| Turn::new(asked, &mut cleared)).collect();
        // 2. The tools.
        let children: Vec<Child> = turns.iter().filter_map(Turn::child).collect();
        let Some((results, left)) = next_answers(cx, left, children.len())? else {
            return Ok(Turned::Wants(Next::Spawn { children, max_parallel: AT_ONCE, fail_fast: false }));
        };
        // 3. What they said, before the model sees it. A failure may quote whoever was called.
        let told: Vec<(Json, bool)> = results
            .iter()
            .map(|result| match result {
                Answer::Child { output } => Ok((output.clone(), false)),
                Answer::Failed { failure } => Ok((json!(format!("error: {}", failure.message)), true)),
                other => Err(crate::unexpected(cx, other)),
            })
            .collect::<Result<_, _>>()?;
        let names = turns.iter().filter(|turn| turn.run.is_ok()).map(|turn| turn.name.as_str());
        let subjects: Vec<(&str, &Json)> = names.zip(told.iter().map(|(json, _)| json)).collect();
        let questions = checks.questions(Way::Results, subjects.iter().map(|(_, json)| *json)).unwrap_or_default();
        let Some((said, left)) = next_answers(cx, left, questions.len())? else {
            return Ok(Turned::Wants(Next::Calls(questions)));
        };
        let cleared = checks.cleared(cx, Way::Results, &subjects, said, &mut self.seen)?;
        let failed: Vec<bool> = told.into_iter().map(|(_, failed)| failed).collect();
        self.tell(answer, turns, cleared.into_iter().zip(failed));
        Ok(Turned::Told(left))
    }

    /// Writes what the model said and what its tools answered into the conversation.
    fn tell(
        &mut self,
        answer: &ChatAnswer,
        turns: Vec<Turn<'a>>,
        mut results: impl Iterator<Item = (Result<Cleared, String>, bool)>,
    ) {
        let tool_calls = turns.iter().zip(&answer.tool_calls).map(|(turn, call)| ToolCall {
            id: turn.id.clone(),
            name: call.name.clone(),
            arguments: turn.as_written(call),
        });
        self.messages.push(ChatMessage::Assistant { content: answer.text.clone(), tool_calls: tool_calls.collect() });
        for turn in turns {
            let (arguments, content, is_error) = match turn.run {
                Ok((_, arguments)) => match results.next() {
                    Some((Ok(cleared), is_error)) => {
                        (arguments.json().clone(), self.cut(text(cleared.json())), is_error)
                    }
                    Some((Err(why), _)) => (arguments.json().clone(), format!("error: {why}"), true),
                    None => (arguments.json().clone(), "error: no answer".to_owned(), true),
                },
                Err(why) => (Json::Null, format!("error: {why}"), true),
            };
            self.called.push(json!({ "name": turn.name, "arguments": arguments, "ok": !is_error }));
            self.messages.push(ChatMessage::Tool { call_id: turn.id, name: turn.name, content, is_error });
        }
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

/// One tool call whose arguments have been screened.
struct Turn<'t> {
    id: String,
    name: String,
    run: Result<(&'t Tool, Cleared), String>,
    /// The checks changed or withheld the arguments: the model's own spelling is not repeated.
    changed: bool,
}

impl<'t> Turn<'t> {
    /// `cleared` holds a verdict for each call that was in order.
    fn new(asked: Asked<'t>, cleared: &mut impl Iterator<Item = Result<Cleared, String>>) -> Self {
        let Asked { id, name, what } = asked;
        let (tool, written) = match what {
            Ok(what) => what,
            Err(why) => return Self { id, name, run: Err(why), changed: false },
        };
        let verdict = cleared.next().unwrap_or_else(|| Err("not screened".to_owned()));
        match verdict {
            Ok(cleared) if *cleared.json() == written => Self { id, name, run: Ok((tool, cleared)), changed: false },
            Ok(cleared) => {
                // What was taken out may leave something that the tool cannot use.
                let run = fitting(tool, cleared.json()).map(|()| (tool, cleared));
                Self { id, name, run, changed: true }
            }
            Err(why) => Self { id, name, run: Err(why), changed: true },
        }
    }
    fn child(&self) -> Option<Child> {
        let (tool, arguments) = self.run.as_ref().ok()?;
        let arguments = arguments.json().clone();
        Some(match &tool.workflow {
            Some(workflow) => Child::Workflow { workflow: workflow.clone(), input: arguments },
            None => Child::Tool { name: tool.name.clone(), arguments },
        })
    }
    fn as_written(&self, call: &ToolCall) -> String {
        match &self.run {
            Ok((_, arguments)) if self.changed => arguments.json().to_string(),
            Err(_) if self.changed => "{}".to_owned(),
            _ => call.arguments.clone(),
        }
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
    fitting(tool, &arguments)?;
    Ok((tool, arguments))
}

fn fitting(tool: &Tool, arguments: &Json) -> Result<(), String> {
    let wrong = tool.compiled()?.errors(arguments, MOST_ERRORS);
    if wrong.is_empty() { Ok(()) } else { Err(format!("the arguments do not fit: {}", wrong.join("; "))) }
}
