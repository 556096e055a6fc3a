//! OpenAI's chat completions, embeddings and moderation, as OpenAI, vLLM, llama.cpp and LM Studio speak them.
//!
//! Servers differ in which optional fields they know. Each is asked the strict way first (do not store, R109; count the
//! tokens of a stream), and a server that refuses a field by its name is asked again without it.

use domain::Json;
use serde_json::json;

use super::{check, count, decimal, put, text, vector, written};
use crate::{
    AnswerFormat, Arguments, ChatRequest, ChatResponse, Deltas, EmbedRequest, EmbedResponse, Error, Finish, Message,
    Moderation, ModerationRequest, ModerationResponse, Provider, TokenCount, ToolCall, ToolChoice,
    stream::{Events, Outlet, Parsed, ToolCalls, number},
    transport::{Answer, Call, Reported, Transport, classify, is_json},
};

const PROVIDER: Provider = Provider::OpenAi;

pub(crate) async fn chat(
    transport: &Transport,
    request: &ChatRequest,
    deltas: Option<Deltas>,
) -> Result<ChatResponse, Error> {
    check(request, PROVIDER)?;
    let deadline = transport.deadline();
    let streamed = deltas.is_some();
    let mut dialect =
        Dialect { store: true, stream_options: streamed, max_completion_tokens: transport.is_providers_own() };
    let mut attempts = 0;
    let answer = loop {
        let call = Call {
            path: "chat/completions",
            model: &request.model,
            body: body(request, streamed, &dialect),
            streamed,
            idempotency_key: request.idempotency_key.as_deref(),
        };
        match transport.post(&call, deadline, attempts).await {
            Err(Error::Rejected { message, .. }) if dialect.give_up_on(&message) => attempts += 1,
            answer => break answer?,
        }
    };
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

/// Which optional fields this server is sent.
struct Dialect {
    store: bool,
    stream_options: bool,
    max_completion_tokens: bool,
}

impl Dialect {
    /// Drops the field that a refusal names; `false` when it names none that was sent.
    fn give_up_on(&mut self, message: &str) -> bool {
        let names = |word: &str| message.split(|c: char| !c.is_alphanumeric() && c != '_').any(|part| part == word);
        if self.store && names("store") {
            self.store = false;
        } else if self.stream_options && (names("stream_options") || names("include_usage")) {
            self.stream_options = false;
        } else if !self.max_completion_tokens && names("max_completion_tokens") {
            self.max_completion_tokens = true;
        } else if self.max_completion_tokens && names("max_completion_tokens") {
            self.max_completion_tokens = false;
        } else {
            return false;
        }
        true
    }
}

fn body(request: &ChatRequest, streamed: bool, dialect: &Dialect) -> Json {
    let mut body = json!({
        "model": request.model,
        "messages": request.messages.iter().map(message).collect::<Vec<_>>(),
    });
    if dialect.store {
        body["store"] = Json::Bool(false);
    }
    if streamed {
        body["stream"] = Json::Bool(true);
        put(&mut body, "stream_options", dialect.stream_options.then(|| json!({"include_usage": true})));
    }
    put(&mut body, "temperature", request.temperature.map(decimal));
    put(&mut body, "top_p", request.top_p.map(decimal));
    put(&mut body, "seed", request.seed);
    put(&mut body, "stop", (!request.stop.is_empty()).then(|| request.stop.clone()));
    let limit = if dialect.max_completion_tokens { "max_completion_tokens" } else { "max_tokens" };
    put(&mut body, limit, request.max_tokens);
    match &request.format {
        AnswerFormat::Text => {}
        AnswerFormat::Json => body["response_format"] = json!({"type": "json_object"}),
        AnswerFormat::Schema { name, schema } => {
            body["response_format"] = json!({"type": "json_schema", "json_schema": {"name": name, "schema": schema}});
        }
    }
    if !request.tools.is_empty() {
        let tool = |tool: &crate::Tool| {
            let function = json!({"name": tool.name, "description": tool.description, "parameters": tool.parameters});
            json!({"type": "function", "function": function})
        };
        body["tools"] = request.tools.iter().map(tool).collect();
        put(
            &mut body,
            "tool_choice",
            match &request.tool_choice {
                ToolChoice::Auto => None,
                ToolChoice::None => Some(json!("none")),
                ToolChoice::Required => Some(json!("required")),
                ToolChoice::Named(name) => Some(json!({"type": "function", "function": {"name": name}})),
            },
        );
    }
    body
}

fn message(message: &Message) -> Json {
    match message {
        Message::System { text } => json!({"role": "system", "content": text}),
        Message::User { text } => json!({"role": "user", "content": text}),
        Message::Assistant { text, tool_calls } if tool_calls.is_empty() => {
            json!({"role": "assistant", "content": text})
        }
        Message::Assistant { text, tool_calls } => {
            let call = |call: &ToolCall| {
                let function = json!({"name": call.name, "arguments": call.arguments.to_text()});
                json!({"id": call.id, "type": "function", "function": function})
            };
            let content = if text.is_empty() { Json::Null } else { json!(text) };
            json!({"role": "assistant", "content": content, "tool_calls": tool_calls.iter().map(call).collect::<Vec<_>>()})
        }
        Message::Tool { call_id, text, .. } => json!({"role": "tool", "tool_call_id": call_id, "content": text}),
    }
}

fn read(json: &Json, request: &ChatRequest, attempts: u32) -> Result<ChatResponse, Error> {
    let garbage = |what| Error::Garbage { provider: PROVIDER, what };
    let choice = json["choices"].get(0).ok_or(garbage("the answer holds no choice"))?;
    let said = choice["message"].as_object().ok_or(garbage("the choice holds no message"))?;
    let refusal = said.get("refusal").and_then(Json::as_str);
    let text = match (said.get("content"), refusal) {
        (_, Some(refusal)) => refusal.to_owned(),
        (Some(Json::Array(parts)), _) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        (Some(Json::String(text)), _) => text.clone(),
        (Some(Json::Null) | None, _) => String::new(),
        (Some(_), _) => return Err(garbage("the content is neither text nor parts")),
    };
    let mut tool_calls: Vec<ToolCall> =
        said.get("tool_calls").and_then(Json::as_array).into_iter().flatten().map(tool_call).collect();
    number(&mut tool_calls);
    let finish = match refusal {
        Some(_) => Finish::ContentFilter,
        None => finish(choice["finish_reason"].as_str(), !tool_calls.is_empty()),
    };
    Ok(ChatResponse {
        model: model(json, request),
        usage: count(request, &written(&text, &tool_calls), usage(&json["usage"])),
        provider_id: json["id"].as_str().map(str::to_owned),
        text,
        tool_calls,
        finish,
        attempts,
    })
}

fn model(json: &Json, request: &ChatRequest) -> String {
    json["model"].as_str().unwrap_or(&request.model).to_owned()
}

fn tool_call(json: &Json) -> ToolCall {
    let function = &json["function"];
    let arguments = match &function["arguments"] {
        Json::String(written) => Arguments::parse(written),
        // Some servers give the object itself.
        Json::Null => Arguments::parse(""),
        other => Arguments::Json(other.clone()),
    };
    ToolCall { id: text(&json["id"]), name: text(&function["name"]), arguments }
}

fn finish(reason: Option<&str>, calls: bool) -> Finish {
    match reason {
        _ if calls => Finish::ToolCalls,
        Some("stop") | None => Finish::Stop,
        Some("length") => Finish::Length,
        Some("tool_calls" | "function_call") => Finish::ToolCalls,
        Some("content_filter") => Finish::ContentFilter,
        Some(_) => Finish::Other,
    }
}

fn usage(json: &Json) -> Option<(u64, u64, u64)> {
    let input = json["prompt_tokens"].as_u64()?;
    let cached = json["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap_or(0);
    Some((input, json["completion_tokens"].as_u64().unwrap_or(0), cached))
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
    let (mut calls, mut given, mut reason) = (ToolCalls::default(), None, None);
    let (mut model_name, mut id, mut refused, mut done) = (None, None, false, false);
    while let Some(data) = events.next().await? {
        if data.trim() == "[DONE]" {
            done = true;
            break;
        }
        let chunk: Json =
            serde_json::from_str(&data).map_err(|_| garbage("a piece of the stream is not valid JSON"))?;
        if !chunk["error"].is_null() {
            let key = transport.connection.api_key.as_ref().map(|key| key.expose().as_str());
            return Err(classify(PROVIDER, 200, &Reported::of(&chunk).scrubbed(key), &request.model, None));
        }
        given = usage(&chunk["usage"]).or(given);
        model_name = model_name.or_else(|| chunk["model"].as_str().map(str::to_owned));
        id = id.or_else(|| chunk["id"].as_str().map(str::to_owned));
        let Some(choice) = chunk["choices"].get(0) else { continue };
        reason = choice["finish_reason"].as_str().map(str::to_owned).or(reason);
        let delta = &choice["delta"];
        outlet.push(delta["content"].as_str().unwrap_or_default()).await?;
        if let Some(refusal) = delta["refusal"].as_str() {
            refused = true;
            outlet.push(refusal).await?;
        }
        for piece in delta["tool_calls"].as_array().into_iter().flatten() {
            let function = &piece["function"];
            let index = piece["index"].as_u64().unwrap_or_else(|| calls.next_index());
            let whole = function["arguments"].is_object().then(|| function["arguments"].to_string());
            let arguments = whole.as_deref().or(function["arguments"].as_str()).unwrap_or_default();
            calls.push(index, &text(&piece["id"]), &text(&function["name"]), arguments).map_err(garbage)?;
        }
    }
    // Some servers end without "[DONE]"; without a reason to stop the answer is cut off.
    if !done && reason.is_none() {
        return Err(Error::CutOff { provider: PROVIDER });
    }
    let tool_calls = calls.finish();
    let finish = if refused { Finish::ContentFilter } else { finish(reason.as_deref(), !tool_calls.is_empty()) };
    let usage = count(request, &written(&outlet.text, &tool_calls), given);
    let model = model_name.unwrap_or_else(|| request.model.clone());
    Ok(ChatResponse { model, text: outlet.text, tool_calls, finish, usage, provider_id: id, attempts })
}

pub(crate) async fn embed(transport: &Transport, request: &EmbedRequest) -> Result<EmbedResponse, Error> {
    let garbage = |what| Error::Garbage { provider: PROVIDER, what };
    let mut body = json!({"model": request.model, "input": request.texts, "encoding_format": "float"});
    put(&mut body, "dimensions", request.dimensions);
    let call = Call {
        path: "embeddings",
        model: &request.model,
        body,
        streamed: false,
        idempotency_key: request.idempotency_key.as_deref(),
    };
    let answer = transport.post(&call, transport.deadline(), 0).await?;
    let (json, attempts) = transport.json(answer).await?;
    let mut vectors: Vec<Option<Vec<f32>>> = vec![None; request.texts.len()];
    for (position, item) in json["data"].as_array().into_iter().flatten().enumerate() {
        let index = item["index"].as_u64().map_or(position, |index| usize::try_from(index).unwrap_or(usize::MAX));
        let slot = vectors.get_mut(index).ok_or(garbage("there are more vectors than texts"))?;
        *slot = vector(&item["embedding"]);
    }
    let vectors: Option<Vec<_>> = vectors.into_iter().collect();
    let input = json["usage"]["prompt_tokens"].as_u64();
    Ok(EmbedResponse {
        model: json["model"].as_str().unwrap_or(&request.model).to_owned(),
        vectors: vectors.ok_or(garbage("a text has no vector"))?,
        usage: embedded(input, &request.texts),
        attempts,
    })
}

/// The token use of an embedding call.
pub(super) fn embedded(input: Option<u64>, texts: &[String]) -> TokenCount {
    let estimate = || texts.iter().map(|text| crate::estimate_tokens(text)).sum();
    let usage = domain::Usage { input_tokens: input.unwrap_or_else(estimate), output_tokens: 0 };
    TokenCount { usage, cached_input_tokens: 0, estimated: input.is_none() }
}

pub(crate) async fn moderate(transport: &Transport, request: &ModerationRequest) -> Result<ModerationResponse, Error> {
    let garbage = |what| Error::Garbage { provider: PROVIDER, what };
    let model = request.model.as_deref().unwrap_or("omni-moderation-latest");
    let body = json!({"model": model, "input": request.texts});
    let call = Call { path: "moderations", model, body, streamed: false, idempotency_key: None };
    let answer = transport.post(&call, transport.deadline(), 0).await?;
    let (json, attempts) = transport.json(answer).await?;
    let judged = |json: &Json| {
        let categories = json["categories"].as_object()?.iter();
        let scores = json["category_scores"].as_object()?.iter();
        Some(Moderation {
            flagged: json["flagged"].as_bool()?,
            categories: categories.filter_map(|(name, value)| Some((name.clone(), value.as_bool()?))).collect(),
            scores: scores.filter_map(|(name, value)| Some((name.clone(), value.as_f64()?))).collect(),
        })
    };
    let results: Option<Vec<_>> = json["results"].as_array().into_iter().flatten().map(judged).collect();
    let results = results.ok_or(garbage("a judgement is not complete"))?;
    if results.len() != request.texts.len() {
        return Err(garbage("there are not as many judgements as texts"));
    }
    Ok(ModerationResponse { model: json["model"].as_str().unwrap_or(model).to_owned(), results, attempts })
}
