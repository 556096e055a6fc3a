//! Ollama.
#![allow(clippy::unwrap_used, reason = "a helper that cannot do its work fails its test")]

mod double;

use double::{Act, Double, json, question, streamed};
use models::{AnswerFormat, Arguments, EmbedRequest, Error, Finish, Provider, ToolCall};
use serde_json::{Value, json};

fn lines(lines: &[Value]) -> Act {
    Act::Stream("application/x-ndjson", lines.iter().map(|line| format!("{line}\n")).collect(), 9)
}

#[tokio::test]
async fn a_question_is_asked_and_answered() {
    let body = json!({"model": "m", "message": {"role": "assistant", "content": "Hi."}, "done": true, "done_reason": "stop",
                      "prompt_eval_count": 11, "eval_count": 2});
    let server = Double::new([json(body)]).await;
    let mut request = question();
    request.max_tokens = Some(9);
    request.format = AnswerFormat::Schema { name: "n".into(), schema: json!({"type": "object"}) };
    let response = server.client(Provider::Ollama).chat(&request, None).await.unwrap();
    assert_eq!((response.text.as_str(), response.finish), ("Hi.", Finish::Stop));
    assert_eq!(response.usage.usage, domain::Usage { input_tokens: 11, output_tokens: 2 });
    assert!(server.heads()[0].starts_with("post /base/api/chat "));
    let body = &server.bodies()[0];
    assert_eq!((&body["stream"], &body["options"]), (&json!(false), &json!({"num_predict": 9})));
    assert_eq!(body["format"], json!({"type": "object"}));
}

#[tokio::test]
async fn a_stream_of_lines_is_put_together() {
    let call = json!({"function": {"name": "f", "arguments": {"a": 1}}});
    let server = Double::new([lines(&[
        json!({"message": {"content": "one "}, "done": false}),
        json!({"message": {"content": "two", "tool_calls": [call]}, "done": false}),
        json!({"message": {"content": ""}, "done": true, "done_reason": "stop", "eval_count": 5}),
    ])])
    .await;
    let (response, pieces) = streamed(&server.client(Provider::Ollama), &question()).await;
    let response = response.unwrap();
    assert_eq!((pieces.concat(), response.finish), ("one two".to_owned(), Finish::ToolCalls));
    let call = ToolCall { id: "call_0".into(), name: "f".into(), arguments: Arguments::Json(json!({"a": 1})) };
    assert_eq!(response.tool_calls, [call]);
}

#[tokio::test]
async fn failures_in_the_stream_are_named() {
    let ask = async |act: Act| {
        let server = Double::new([act]).await;
        streamed(&server.client(Provider::Ollama), &question()).await.0.unwrap_err()
    };
    let failed = ask(lines(&[json!({"message": {"content": "a"}}), json!({"error": "internal error"})])).await;
    assert!(matches!(failed, Error::Unavailable { .. }), "{failed:?}");
    let cut = ask(lines(&[json!({"message": {"content": "a"}, "done": false})])).await;
    assert!(matches!(cut, Error::CutOff { .. }), "{cut:?}");
    let garbage = ask(Act::Stream("application/x-ndjson", "not json\n".into(), 4)).await;
    assert!(matches!(garbage, Error::Garbage { .. }), "{garbage:?}");
}

#[tokio::test]
async fn texts_are_embedded() {
    let server = Double::new([json(json!({"model": "e", "embeddings": [[0.5], [1.5]], "prompt_eval_count": 4}))]).await;
    let request = EmbedRequest { model: "e".into(), texts: vec!["a".into(), "b".into()], ..EmbedRequest::default() };
    let response = server.client(Provider::Ollama).embed(&request).await.unwrap();
    assert_eq!((response.vectors, response.usage.usage.input_tokens), (vec![vec![0.5], vec![1.5]], 4));
    assert!(server.heads()[0].starts_with("post /base/api/embed "));
}
