//! Anthropic's Messages.
#![allow(clippy::unwrap_used, reason = "a helper that cannot do its work fails its test")]

mod double;

use double::{Act, Double, json, question, streamed};
use models::{Arguments, Error, Finish, Message, Provider, Tool, ToolCall, ToolChoice};
use serde_json::{Value, json};

fn events(events: &[Value]) -> String {
    events.iter().map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or(""))).collect()
}

fn beginning() -> Vec<Value> {
    vec![
        json!({"type": "message_start", "message": {"id": "m1", "model": "claude-x",
               "usage": {"input_tokens": 5, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 7, "output_tokens": 1}}}),
        json!({"type": "ping"}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Let me "}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "look."}}),
        json!({"type": "content_block_stop", "index": 0}),
    ]
}

#[tokio::test]
async fn a_question_is_asked_and_answered() {
    let content = json!([{"type": "thinking", "thinking": "…"}, {"type": "text", "text": "Hi."}]);
    let usage = json!({"input_tokens": 8, "output_tokens": 2});
    let body = json!({"id": "m1", "model": "claude-x", "content": content, "stop_reason": "end_turn", "usage": usage});
    let server = Double::new([json(body)]).await;
    let response = server.client(Provider::Anthropic).chat(&question(), None).await.unwrap();
    assert_eq!((response.text.as_str(), response.finish), ("Hi.", Finish::Stop));
    assert_eq!(response.usage.usage, domain::Usage { input_tokens: 8, output_tokens: 2 });
    let head = &server.heads()[0];
    assert!(head.starts_with("post /base/v1/messages ") && head.contains("anthropic-version: 2023-06-01"), "{head}");
    assert!(head.contains("x-api-key: sk-hidden") && !head.contains("authorization"), "{head}");
    let turn = json!({"role": "user", "content": [{"type": "text", "text": "Hello?"}]});
    assert_eq!(
        server.bodies()[0],
        json!({"model": "m", "max_tokens": 4096, "system": "Be brief.", "messages": [turn]})
    );
}

/// Cached input counts as input, because it was read and is paid for.
#[tokio::test]
async fn a_stream_with_a_tool_is_put_together() {
    let mut all = beginning();
    all.extend([
        json!({"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "id": "t1", "name": "f", "input": {}}}),
        json!({"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": "{\"a\""}}),
        json!({"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": ":1}"}}),
        json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 20}}),
        json!({"type": "message_stop"}),
    ]);
    let server = Double::new([Act::Stream("text/event-stream", events(&all), 11)]).await;
    let (response, pieces) = streamed(&server.client(Provider::Anthropic), &question()).await;
    let response = response.unwrap();
    assert_eq!((pieces.concat(), response.finish), ("Let me look.".to_owned(), Finish::ToolCalls));
    let call = ToolCall { id: "t1".into(), name: "f".into(), arguments: Arguments::Json(json!({"a": 1})) };
    assert_eq!(response.tool_calls, [call]);
    assert_eq!(response.usage.usage, domain::Usage { input_tokens: 112, output_tokens: 20 });
    assert_eq!(response.usage.cached_input_tokens, 100);
}

#[tokio::test]
async fn tools_and_their_results_take_the_form_that_is_asked_for() {
    let server = Double::new([json(json!({"content": [], "stop_reason": "end_turn"}))]).await;
    let mut request = question();
    request.tools = vec![Tool { name: "f".into(), description: "d".into(), parameters: json!({"type": "object"}) }];
    request.tool_choice = ToolChoice::Required;
    let call = |id: &str, arguments| ToolCall { id: id.into(), name: "f".into(), arguments };
    let calls = vec![call("1", Arguments::Json(json!({"a": 1}))), call("2", Arguments::Invalid("{".into()))];
    request.messages.push(Message::Assistant { text: String::new(), tool_calls: calls });
    for (id, is_error) in [("1", false), ("2", true)] {
        request.messages.push(Message::Tool { call_id: id.into(), name: "f".into(), text: "r".into(), is_error });
    }
    server.client(Provider::Anthropic).chat(&request, None).await.unwrap();
    let body = &server.bodies()[0];
    assert_eq!(body["tools"], json!([{"name": "f", "description": "d", "input_schema": {"type": "object"}}]));
    assert_eq!(body["tool_choice"], json!({"type": "any"}));
    assert_eq!(body["messages"][1]["content"][1]["input"], json!({"invalid_json": "{"}));
    let result = |id: &str, is_error: bool| json!({"type": "tool_result", "tool_use_id": id, "content": "r", "is_error": is_error});
    assert_eq!(body["messages"][2], json!({"role": "user", "content": [result("1", false), result("2", true)]}));
}

#[tokio::test]
async fn an_error_in_the_middle_of_a_stream_is_named() {
    let mut all = beginning();
    all.push(json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}));
    let server = Double::new([Act::Stream("text/event-stream", events(&all), 64)]).await;
    let (response, pieces) = streamed(&server.client(Provider::Anthropic), &question()).await;
    assert!(matches!(response, Err(Error::Unavailable { status: 529, .. })), "{response:?}");
    assert_eq!((pieces.concat().as_str(), server.bodies().len()), ("Let me look.", 1));
    let server = Double::new([Act::Stream("text/event-stream", events(&beginning()), 64)]).await;
    let cut = streamed(&server.client(Provider::Anthropic), &question()).await.0;
    assert!(matches!(cut, Err(Error::CutOff { .. })), "{cut:?}");
}
