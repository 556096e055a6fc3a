//! Ollama. It runs on the operator's own machines and neither stores nor trains.

use domain::Json;
use serde_json::json;

use super::{check, count, decimal, openai::embedded, put, text, vector, written};
use crate::{
    AnswerFormat, Arguments, ChatRequest, ChatResponse, Deltas, EmbedRequest, EmbedResponse, Error, Finish, Message,
    Provider, ToolCall, ToolChoice,
    stream::{Lines, Outlet, Parsed, number},
    transport::{Call, Reported, Transport, classify, is_json},
};

const PROVIDER: Provider = Provider::Ollama;

pub(crate) async fn chat(
    transport: &Transport,
    request: &ChatRequest,
    deltas: Option<Deltas>,
) -> Result<ChatResponse, Error> {
    check(request, PROVIDER)?;
    let garbage = |what| Error::Garbage { provider: PROVIDER, what };
    let deadline = transport.deadline();
    let streamed = deltas.is_some();
    let call = Call {
        path: "api/chat",
        model: &request.model,
        body: body(request, streamed),
        streamed,
        idempotency_key: request.idempotency_key.as_deref(),
    };
    let answer = transport.post(&call, deadline, 0).await?;
    if !is_json(&answer.content_type) && !answer.content_type.starts_with("application/x-ndjson") {
        return Err(garbage("the content type is neither JSON nor lines of JSON"));
    }
    // A whole answer is a stream of one line.
    let attempts = answer.attempts;
    let mut outlet = Outlet::new(deltas, deadline, PROVIDER);
    let mut lines = Parsed::new(answer.reader, Lines::default());
    let mut tool_calls = Vec::new();
    while let Some(line) = lines.next().await? {
        if line.trim().is_empty() {
            continue;
        }
        let json: Json = serde_json::from_str(&line).map_err(|_| garbage("a line is not valid JSON"))?;
        if !json["error"].is_null() {
            return Err(classify(PROVIDER, 200, &Reported::of(&json).scrubbed(None), &request.model, None));
        }
        match &json["message"]["content"] {
            Json::String(text) => outlet.push(text).await?,
            Json::Null => {}
            _ => return Err(garbage("the content is no text")),
        }
        tool_calls.extend(json["message"]["tool_calls"].as_array().into_iter().flatten().map(tool_call));
        if tool_calls.len() > 128 {
            return Err(garbage("the answer holds more than 128 tool calls"));
        }
        if json["done"] == true {
            number(&mut tool_calls);
            let given = json["eval_count"].as_u64().map(|output| {
                // The count of the prompt is absent when all of it was cached.
                let read = json["prompt_eval_count"].as_u64();
                (read.unwrap_or_else(|| crate::estimate::of_request(request)), output, 0)
            });
            return Ok(ChatResponse {
                model: json["model"].as_str().unwrap_or(&request.model).to_owned(),
                usage: count(request, &written(&outlet.text, &tool_calls), given),
                finish: finish(json["done_reason"].as_str(), !tool_calls.is_empty()),
                text: outlet.text,
                tool_calls,
                provider_id: None,
                attempts,
            });
        }
    }
    Err(Error::CutOff { provider: PROVIDER })
}

fn body(request: &ChatRequest, streamed: bool) -> Json {
    let mut options = json!({});
    put(&mut options, "temperature", request.temperature.map(decimal));
    put(&mut options, "top_p", request.top_p.map(decimal));
    put(&mut options, "num_predict", request.max_tokens);
    put(&mut options, "seed", request.seed);
    put(&mut options, "stop", (!request.stop.is_empty()).then(|| request.stop.clone()));
    let mut body = json!({
        "model": request.model,
        "messages": request.messages.iter().map(message).collect::<Vec<_>>(),
        "stream": streamed,
        "options": options,
    });
    match &request.format {
        AnswerFormat::Text => {}
        AnswerFormat::Json => body["format"] = json!("json"),
        AnswerFormat::Schema { schema, .. } => body["format"] = schema.clone(),
    }
    // It cannot be told which tool to take; one that must not be taken is not shown.
    if request.tool_choice != ToolChoice::None && !request.tools.is_empty() {
        let tool = |tool: &crate::Tool| {
            let function = json!({"name": tool.name, "description": tool.description, "parameters": tool.parameters});
            json!({"type": "function", "function": function})
        };
        body["tools"] = request.tools.iter().map(tool).collect();
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
                let arguments = match &call.arguments {
                    Arguments::Json(object @ Json::Object(_)) => object.clone(),
                    other => json!({"invalid_json": other.to_text()}),
                };
                json!({"function": {"name": call.name, "arguments": arguments}})
            };
            json!({"role": "assistant", "content": text, "tool_calls": tool_calls.iter().map(call).collect::<Vec<_>>()})
        }
        Message::Tool { name, text, .. } => json!({"role": "tool", "content": text, "tool_name": name}),
    }
}

fn tool_call(json: &Json) -> ToolCall {
    let function = &json["function"];
    let arguments = match &function["arguments"] {
        Json::String(written) => Arguments::parse(written),
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
        Some(_) => Finish::Other,
    }
}

pub(crate) async fn embed(transport: &Transport, request: &EmbedRequest) -> Result<EmbedResponse, Error> {
    let garbage = |what| Error::Garbage { provider: PROVIDER, what };
    let mut body = json!({"model": request.model, "input": request.texts, "truncate": false});
    put(&mut body, "dimensions", request.dimensions);
    let call = Call {
        path: "api/embed",
        model: &request.model,
        body,
        streamed: false,
        idempotency_key: request.idempotency_key.as_deref(),
    };
    let answer = transport.post(&call, transport.deadline(), 0).await?;
    let (json, attempts) = transport.json(answer).await?;
    let vectors: Option<Vec<_>> = json["embeddings"].as_array().into_iter().flatten().map(vector).collect();
    let vectors = vectors.ok_or(garbage("a vector is not made of numbers"))?;
    if vectors.len() != request.texts.len() {
        return Err(garbage("there are not as many vectors as texts"));
    }
    Ok(EmbedResponse {
        model: json["model"].as_str().unwrap_or(&request.model).to_owned(),
        vectors,
        usage: embedded(json["prompt_eval_count"].as_u64(), &request.texts),
        attempts,
    })
}
