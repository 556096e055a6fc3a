//! OpenAI-compatible servers: what is sent, what is read, whole and in pieces.
#![allow(clippy::unwrap_used, reason = "a helper that cannot do its work fails its test")]

mod double;

use double::{Double, fails, json, question, sse, streamed};
use models::{
    AnswerFormat, Arguments, EmbedRequest, Error, Finish, Message, ModerationRequest, Provider, Tool, ToolCall,
    ToolChoice,
};
use serde_json::{Value, json};

fn answer(message: Value, reason: &str) -> Value {
    json!({"id": "c1", "model": "m-1", "choices": [{"index": 0, "message": message, "finish_reason": reason}],
           "usage": {"prompt_tokens": 10, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 4}}})
}

fn chunk(delta: Value, reason: Option<&str>) -> Value {
    json!({"id": "c1", "model": "m-1", "choices": [{"index": 0, "delta": delta, "finish_reason": reason}], "usage": null})
}

/// R109: the provider is asked not to keep the conversation.
#[tokio::test]
async fn a_question_is_asked_and_answered() {
    let server = Double::new([json(answer(json!({"role": "assistant", "content": "Hi."}), "stop"))]).await;
    let mut request = question();
    request.temperature = Some(0.7);
    request.max_tokens = Some(50);
    request.seed = Some(7);
    request.stop = vec!["END".into()];
    request.format = AnswerFormat::Json;
    request.idempotency_key = Some("step-1".into());
    let response = server.client(Provider::OpenAi).chat(&request, None).await.unwrap();
    assert_eq!((response.text.as_str(), response.finish, response.model.as_str()), ("Hi.", Finish::Stop, "m-1"));
    assert_eq!((response.usage.usage.input_tokens, response.usage.usage.output_tokens), (10, 3));
    assert_eq!((response.usage.cached_input_tokens, response.usage.estimated, response.attempts), (4, false, 1));
    let head = &server.heads()[0];
    assert!(head.starts_with("post /base/chat/completions "), "{head}");
    assert!(head.contains("idempotency-key: step-1") && head.contains("authorization: bearer sk-hidden"), "{head}");
    assert_eq!(
        server.bodies()[0],
        json!({"model": "m", "store": false, "temperature": 0.7, "max_tokens": 50, "seed": 7, "stop": ["END"],
               "response_format": {"type": "json_object"},
               "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello?"}]})
    );
}

#[tokio::test]
async fn a_stream_is_put_together() {
    let server = Double::new([sse(&[
        chunk(json!({"role": "assistant", "content": ""}), None),
        chunk(json!({"content": "Grüß"}), None),
        chunk(json!({"content": " dich."}), Some("stop")),
        json!({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2}}),
    ])])
    .await;
    let (response, pieces) = streamed(&server.client(Provider::OpenAi), &question()).await;
    let response = response.unwrap();
    assert_eq!((pieces, response.text.as_str()), (vec!["Grüß".to_owned(), " dich.".to_owned()], "Grüß dich."));
    assert_eq!((response.usage.usage.input_tokens, response.usage.estimated), (9, false));
    assert_eq!(server.bodies()[0]["stream_options"], json!({"include_usage": true}));
}

#[tokio::test]
async fn tool_calls_are_read_whole_and_in_pieces() {
    let call = |id: &str, arguments: &str| json!({"id": id, "type": "function", "function": {"name": "weather", "arguments": arguments}});
    let message = json!({"content": null, "tool_calls": [call("a", "{\"city\":\"Bern\"}"), call("b", "{\"city\":")]});
    let pieces = sse(&[
        chunk(json!({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "weather", "arguments": ""}}]}), None),
        chunk(
            json!({"tool_calls": [{"index": 1, "id": "b", "function": {"name": "weather", "arguments": "{\"ci"}}]}),
            None,
        ),
        chunk(json!({"tool_calls": [{"index": 0, "function": {"arguments": "{\"city\":\"Bern\"}"}}]}), None),
        chunk(json!({"tool_calls": [{"index": 1, "function": {"arguments": "ty\":"}}]}), Some("tool_calls")),
    ]);
    let last = json(answer(json!({"content": "Sunny."}), "stop"));
    let server = Double::new([json(answer(message, "tool_calls")), pieces, last]).await;
    let client = server.client(Provider::OpenAi);
    let mut request = question();
    let parameters = json!({"type": "object"});
    request.tools =
        vec![Tool { name: "weather".into(), description: "Weather".into(), parameters: parameters.clone() }];
    request.tool_choice = ToolChoice::Named("weather".into());
    let whole = client.chat(&request, None).await.unwrap();
    let (pieced, _) = streamed(&client, &request).await;
    let expected = [
        ToolCall { id: "a".into(), name: "weather".into(), arguments: Arguments::Json(json!({"city": "Bern"})) },
        ToolCall { id: "b".into(), name: "weather".into(), arguments: Arguments::Invalid("{\"city\":".into()) },
    ];
    assert_eq!((whole.tool_calls.as_slice(), whole.finish), (expected.as_slice(), Finish::ToolCalls));
    assert_eq!(pieced.unwrap().tool_calls, expected);
    let function = json!({"name": "weather", "description": "Weather", "parameters": parameters});
    assert_eq!(server.bodies()[0]["tools"], json!([{"type": "function", "function": function}]));
    assert_eq!(server.bodies()[0]["tool_choice"], json!({"type": "function", "function": {"name": "weather"}}));

    // What was answered goes back as it came, with what the tools said.
    request.messages.push(whole.to_message());
    for (id, text) in [("a", "sunny"), ("b", "your arguments were not JSON")] {
        let (call_id, text) = (id.to_owned(), text.to_owned());
        request.messages.push(Message::Tool { call_id, name: "weather".into(), text, is_error: id == "b" });
    }
    client.chat(&request, None).await.unwrap();
    let messages = &server.bodies()[2]["messages"];
    assert_eq!(messages[2]["content"], Value::Null);
    assert_eq!(messages[2]["tool_calls"][1]["function"]["arguments"], "{\"city\":");
    assert_eq!(messages[4], json!({"role": "tool", "tool_call_id": "b", "content": "your arguments were not JSON"}));
}

#[tokio::test]
async fn a_server_without_counts_gets_an_estimate_that_says_so() {
    let mut body = answer(json!({"content": "Hello there, friend."}), "stop");
    body["usage"] = Value::Null;
    let server = Double::new([json(body)]).await;
    let usage = server.client(Provider::OpenAi).chat(&question(), None).await.unwrap().usage;
    assert!(usage.estimated && usage.usage.input_tokens >= 8 && usage.usage.output_tokens == 5, "{usage:?}");
}

/// A server that does not know a field is asked again without it; one that fails for another reason is not.
#[tokio::test]
async fn unknown_fields_are_given_up() {
    let refuse =
        |what: &str| fails(400, "", json!({"error": {"message": format!("property '{what}' is unsupported")}}));
    let good = sse(&[chunk(json!({"content": "ok"}), Some("stop"))]);
    let server = Double::new([refuse("store"), refuse("stream_options"), good]).await;
    let response = streamed(&server.client(Provider::OpenAi), &question()).await.0.unwrap();
    assert_eq!((response.text.as_str(), response.attempts), ("ok", 3));
    let bodies = server.bodies();
    assert!(
        bodies[0]["store"] == false && bodies[1].get("store").is_none() && bodies[2].get("stream_options").is_none()
    );

    let server = Double::new([refuse("max_tokens"), refuse("elephants")]).await;
    let refused = server.client(Provider::OpenAi).chat(&question(), None).await;
    assert!(matches!(refused, Err(Error::Rejected { status: 400, .. })), "{refused:?}");
    assert_eq!(server.bodies().len(), 1);
}

#[tokio::test]
async fn a_server_that_does_not_stream_is_read_whole() {
    let server = Double::new([json(answer(json!({"content": "Hi."}), "length"))]).await;
    let (response, pieces) = streamed(&server.client(Provider::OpenAi), &question()).await;
    assert_eq!((pieces, response.unwrap().finish), (vec!["Hi.".to_owned()], Finish::Length));
}

#[tokio::test]
async fn a_refusal_is_told_apart() {
    let server = Double::new([json(answer(json!({"content": null, "refusal": "I cannot."}), "stop"))]).await;
    let response = server.client(Provider::OpenAi).chat(&question(), None).await.unwrap();
    assert_eq!((response.text.as_str(), response.finish), ("I cannot.", Finish::ContentFilter));
}

#[tokio::test]
async fn texts_are_embedded_in_their_order() {
    let data = json!([{"index": 1, "embedding": [0.5, 1.0]}, {"index": 0, "embedding": [0.25, -1.0]}]);
    let good = json!({"model": "e-1", "data": data, "usage": {"prompt_tokens": 6, "total_tokens": 6}});
    let short = json!({"data": [{"index": 0, "embedding": [1.0]}]});
    let server = Double::new([json(good), json(short)]).await;
    let request = EmbedRequest { model: "e".into(), texts: vec!["a".into(), "b".into()], ..EmbedRequest::default() };
    let response = server.client(Provider::OpenAi).embed(&request).await.unwrap();
    assert_eq!(response.vectors, [vec![0.25, -1.0], vec![0.5, 1.0]]);
    assert_eq!(response.usage.usage.input_tokens, 6);
    let missing = server.client(Provider::OpenAi).embed(&request).await;
    assert!(matches!(missing, Err(Error::Garbage { .. })), "{missing:?}");
}

/// R153: categories that were not judged are absent, not clean.
#[tokio::test]
async fn texts_are_moderated() {
    let result = json!({"flagged": true, "categories": {"hate/threatening": true, "illicit": null},
                        "category_scores": {"hate/threatening": 0.9, "illicit": null}});
    let server = Double::new([json(json!({"id": "x", "model": "omni", "results": [result]}))]).await;
    let client = server.client(Provider::OpenAi);
    let ask = |texts: &[&str]| ModerationRequest { model: None, texts: texts.iter().map(|&t| t.to_owned()).collect() };
    let response = client.moderate(&ask(&["a"])).await.unwrap();
    assert!(response.results[0].flagged && response.results[0].categories["hate/threatening"]);
    assert_eq!((response.results[0].categories.len(), response.results[0].scores["hate/threatening"]), (1, 0.9));
    assert_eq!(server.bodies()[0], json!({"model": "omni-moderation-latest", "input": ["a"]}));
    // R155: fewer judgements than texts is a failure, never a silent pass.
    assert!(matches!(client.moderate(&ask(&["a", "b"])).await, Err(Error::Garbage { .. })));
    let server = Double::new([json(json!({"results": [{}]}))]).await;
    let empty = server.client(Provider::OpenAi).moderate(&ask(&["a"])).await;
    assert!(matches!(empty, Err(Error::Garbage { .. })), "{empty:?}");
}
