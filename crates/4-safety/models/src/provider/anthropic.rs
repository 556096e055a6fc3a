//! Anthropic's Messages. The API has no field that asks not to store or train; nothing that names a person is sent.

use domain::Json;
use serde_json::json;

use super::{check, count, decimal, put, text, written};
use crate::{
    Arguments, ChatRequest, ChatResponse, Deltas, Error, Finish, Message, Provider, ToolCall, ToolChoice,
    stream::{Events, Outlet, Parsed, ToolCalls, number},
    transport::{Answer, Call, Reported, Transport, classify, is_json},
};

const PROVIDER: Provider = Provider::Anthropic;

/// The API must be told a limit; this is told when the request names none.
const DEFAULT_MAX_TOKENS: u32 = 4096;

pub(crate) async fn chat(
    transport: &Transport,
    request: &ChatRequest,
    deltas: Option<Deltas>,
) -> Result<ChatResponse, Error> {
    check(request, PROVIDER)?;
    let deadline = transport.deadline();
    let streamed = deltas.is_some();
    let path = if transport.base.path().trim_end_matches('/').ends_with("/v1") { "messages" } else { "v1/messages" };
    let call = Call {
        path,
        model: &request.model,
        body: body(request, streamed),
        streamed,
        idempotency_key: request.idempotency_key.as_deref(),
    };
    let answer = transport.post(&call, deadline, 0).await?;
    let mut outlet = Outlet::new(deltas, deadline, PROVIDER);
    if streamed && !is_json(&answer.content_type) {
        return read_stream(answer, request, outlet, transport).await;
    }
    let (json, attempts) = transport.json(answer).await?;
    let mut response = read(&json, request, attempts)?;
    outlet.push(&response.text).await?;
    response.text = outlet.text;
    Ok(response)
}

fn body(request: &ChatRequest, streamed: bool) -> Json {
    let system: Vec<&str> = request
        .messages
        .iter()
        .filter_map(|message| match message {
            Message::System { text } if !text.is_empty() => Some(text.as_str()),
            _ => None,
        })
        .collect();
    let mut body = json!({
        "model": request.model,
        "max_tokens": request.max_tokens.unwrap_or(DEFAULT_MAX_TOKENS),
        "messages": turns(&request.messages),
    });
    put(&mut body, "system", (!system.is_empty()).then(|| system.join("\n\n")));
    put(&mut body, "stream", streamed.then_some(true));
    put(&mut body, "temperature", request.temperature.map(|value| decimal(value.clamp(0.0, 1.0))));
    put(&mut body, "top_p", request.top_p.map(decimal));
    put(&mut body, "stop_sequences", (!request.stop.is_empty()).then(|| request.stop.clone()));
    if !request.tools.is_empty() {
        let tool = |tool: &crate::Tool| json!({"name": tool.name, "description": tool.description, "input_schema": tool.parameters});
        body["tools"] = request.tools.iter().map(tool).collect();
        put(
            &mut body,
            "tool_choice",
            match &request.tool_choice {
                ToolChoice::Auto => None,
                ToolChoice::None => Some(json!({"type": "none"})),
                ToolChoice::Required => Some(json!({"type": "any"})),
                ToolChoice::Named(name) => Some(json!({"type": "tool", "name": name})),
            },
        );
    }
    body
}

/// The turns as blocks; neighbours of the same role become one turn, as tool results must.
fn turns(messages: &[Message]) -> Vec<Json> {
    let mut turns: Vec<(&str, Vec<Json>)> = Vec::new();
    for message in messages {
        let (role, blocks) = match message {
            Message::System { .. } => continue,
            Message::User { text } => ("user", said(text)),
            Message::Assistant { text, tool_calls } => {
                ("assistant", said(text).into_iter().chain(tool_calls.iter().map(asked)).collect())
            }
            Message::Tool { call_id, text, is_error, .. } => {
                let result =
                    json!({"type": "tool_result", "tool_use_id": call_id, "content": text, "is_error": is_error});
                ("user", vec![result])
            }
        };
        match turns.last_mut() {
            Some((last, all)) if *last == role => all.extend(blocks),
            _ => turns.push((role, blocks)),
        }
    }
    // The API refuses empty turns.
    let turns = turns.into_iter().filter(|(_, blocks)| !blocks.is_empty());
    turns.map(|(role, blocks)| json!({"role": role, "content": blocks})).collect()
}

fn said(text: &str) -> Vec<Json> {
    if text.is_empty() { Vec::new() } else { vec![json!({"type": "text", "text": text})] }
}

fn asked(call: &ToolCall) -> Json {
    // The input must be an object, whatever the model wrote then.
    let input = match &call.arguments {
        Arguments::Json(object @ Json::Object(_)) => object.clone(),
        Arguments::Json(other) => json!({"value": other}),
        Arguments::Invalid(written) => json!({"invalid_json": written}),
    };
    json!({"type": "tool_use", "id": call.id, "name": call.name, "input": input})
}

fn read(json: &Json, request: &ChatRequest, attempts: u32) -> Result<ChatResponse, Error> {
    let blocks =
        json["content"].as_array().ok_or(Error::Garbage { provider: PROVIDER, what: "the answer holds no content" })?;
    let said: String = blocks.iter().filter(|b| b["type"] == "text").filter_map(|b| b["text"].as_str()).collect();
    let mut tool_calls: Vec<ToolCall> = blocks
        .iter()
        .filter(|block| block["type"] == "tool_use")
        .map(|block| ToolCall {
            id: text(&block["id"]),
            name: text(&block["name"]),
            arguments: Arguments::Json(block["input"].clone()),
        })
        .collect();
    number(&mut tool_calls);
    Ok(ChatResponse {
        model: json["model"].as_str().unwrap_or(&request.model).to_owned(),
        usage: count(request, &written(&said, &tool_calls), Tally::default().with(&json["usage"]).given()),
        finish: finish(json["stop_reason"].as_str(), !tool_calls.is_empty()),
        provider_id: json["id"].as_str().map(str::to_owned),
        text: said,
        tool_calls,
        attempts,
    })
}

fn finish(reason: Option<&str>, calls: bool) -> Finish {
    match reason {
        Some("tool_use") => Finish::ToolCalls,
        Some("max_tokens" | "model_context_window_exceeded") => Finish::Length,
        Some("refusal") => Finish::ContentFilter,
        _ if calls => Finish::ToolCalls,
        Some("end_turn" | "stop_sequence") | None => Finish::Stop,
        Some(_) => Finish::Other,
    }
}

/// Token counts as they come: the input at the start of a stream, the output at its end. What the cache gave or took is
/// not in `input_tokens`, so it is added.
#[derive(Default)]
struct Tally {
    input: Option<u64>,
    cached: u64,
    written: u64,
    output: Option<u64>,
}

impl Tally {
    fn with(mut self, usage: &Json) -> Self {
        self.input = usage["input_tokens"].as_u64().or(self.input);
        self.cached = usage["cache_read_input_tokens"].as_u64().unwrap_or(self.cached);
        self.written = usage["cache_creation_input_tokens"].as_u64().unwrap_or(self.written);
        self.output = usage["output_tokens"].as_u64().or(self.output);
        self
    }
    fn given(&self) -> Option<(u64, u64, u64)> {
        Some((self.input? + self.cached + self.written, self.output.unwrap_or(0), self.cached))
    }
}

async fn read_stream(
    answer: Answer,
    request: &ChatRequest,
    mut outlet: Outlet,
    transport: &Transport,
) -> Result<ChatResponse, Error> {
    let garbage = |what| Error::Garbage { provider: PROVIDER, what };
    if !answer.content_type.starts_with("text/event-stream") {
        return Err(garbage("the content type is neither JSON nor a stream of events"));
    }
    let attempts = answer.attempts;
    let mut events = Parsed::new(answer.reader, Events::default());
    let (mut calls, mut tally) = (ToolCalls::default(), Tally::default());
    let (mut model, mut id, mut reason, mut done) = (request.model.clone(), None, None, false);
    while let Some(data) = events.next().await? {
        let event: Json =
            serde_json::from_str(&data).map_err(|_| garbage("a piece of the stream is not valid JSON"))?;
        let index = event["index"].as_u64().unwrap_or(0);
        match event["type"].as_str().unwrap_or_default() {
            "message_start" => {
                let message = &event["message"];
                model = message["model"].as_str().map_or(model, str::to_owned);
                id = message["id"].as_str().map(str::to_owned);
                tally = tally.with(&message["usage"]);
            }
            "content_block_start" => {
                let block = &event["content_block"];
                match block["type"].as_str().unwrap_or_default() {
                    "tool_use" => {
                        calls.push(index, &text(&block["id"]), &text(&block["name"]), "").map_err(garbage)?;
                    }
                    "text" => outlet.push(block["text"].as_str().unwrap_or_default()).await?,
                    _ => {}
                }
            }
            "content_block_delta" => match event["delta"]["type"].as_str().unwrap_or_default() {
                "text_delta" => outlet.push(event["delta"]["text"].as_str().unwrap_or_default()).await?,
                "input_json_delta" => {
                    let piece = event["delta"]["partial_json"].as_str().unwrap_or_default();
                    calls.push(index, "", "", piece).map_err(garbage)?;
                }
                _ => {}
            },
            "message_delta" => {
                reason = event["delta"]["stop_reason"].as_str().map(str::to_owned).or(reason);
                tally = tally.with(&event["usage"]);
            }
            "message_stop" => {
                done = true;
                break;
            }
            "error" => {
                let key = transport.connection.api_key.as_ref().map(|key| key.expose().as_str());
                return Err(classify(PROVIDER, 200, &Reported::of(&event).scrubbed(key), &request.model, None));
            }
            // "ping", "content_block_stop" and what is not invented yet
            _ => {}
        }
    }
    if !done {
        return Err(Error::CutOff { provider: PROVIDER });
    }
    let tool_calls = calls.finish();
    let usage = count(request, &written(&outlet.text, &tool_calls), tally.given());
    let finish = finish(reason.as_deref(), !tool_calls.is_empty());
    Ok(ChatResponse { model, text: outlet.text, tool_calls, finish, usage, provider_id: id, attempts })
}
