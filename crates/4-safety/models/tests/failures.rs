//! What providers do wrong, and what becomes of it. Issue 2: a model that hangs, streams garbage or breaks off.
#![allow(clippy::unwrap_used, reason = "a helper that cannot do its work fails its test")]

mod double;

use std::time::{Duration, Instant};

use double::{Act, Double, fails, json, key, limits, question, sse, streamed};
use egress::{Egress, Policy};
use models::{ChatRequest, Connection, Error, Limits, Message, Models, Phase, Provider};
use serde_json::json;

fn good() -> Act {
    json(json!({"choices": [{"message": {"content": "ok"}, "finish_reason": "stop"}]}))
}

async fn ask(acts: impl IntoIterator<Item = Act>) -> (Result<String, Error>, usize) {
    let server = Double::new(acts).await;
    let result = server.client(Provider::OpenAi).chat(&question(), None).await.map(|response| response.text);
    (result, server.bodies().len())
}

async fn ask_streamed(act: Act) -> Error {
    let server = Double::new([act]).await;
    streamed(&server.client(Provider::OpenAi), &question()).await.0.unwrap_err()
}

#[tokio::test]
async fn busy_providers_are_asked_again_when_they_say() {
    let busy = |headers| fails(429, headers, json!({"error": {"message": "slow down"}}));
    let begun = Instant::now();
    assert!(matches!(ask([busy("retry-after: 1\r\n"), good()]).await, (Ok(text), 2) if text == "ok"));
    assert!(begun.elapsed() >= Duration::from_secs(1));
    assert!(matches!(ask([busy("retry-after-ms: 20\r\n"), good()]).await, (Ok(_), 2)));
    assert!(matches!(ask([busy("retry-after: Sat, 21 Nov 2026 10:00:00 GMT\r\n"), good()]).await, (Ok(_), 2)));
    for status in [500, 502, 503, 529] {
        let result = ask([fails(status, "retry-after-ms: 1\r\n", json!({})), good()]).await;
        assert!(matches!(result, (Ok(_), 2)), "{status} {result:?}");
    }
}

#[tokio::test]
async fn no_one_is_asked_again_for_ever_or_in_vain() {
    let busy = |headers| fails(429, headers, json!({}));
    let (limited, calls) = ask([busy("retry-after: 3600\r\n")]).await;
    let hour = Some(Duration::from_secs(3600));
    assert!(matches!(limited, Err(Error::RateLimited { retry_after, .. }) if retry_after == hour), "{limited:?}");
    assert_eq!(calls, 1, "an hour is longer than the call may last");
    assert_eq!(ask([busy("retry-after-ms: 1\r\n")]).await.1, 3);
    assert_eq!(ask([fails(500, "x-should-retry: false\r\n", json!({})), good()]).await.1, 1);
    for status in [400, 401, 403, 404, 413, 422] {
        let (result, calls) = ask([fails(status, "", json!({"error": {"message": "model"}})), good()]).await;
        assert!(result.is_err() && calls == 1, "{status}");
    }
    let quota = fails(429, "retry-after-ms: 1\r\n", json!({"error": {"code": "insufficient_quota"}}));
    assert!(matches!(ask([quota, good()]).await, (Err(Error::NoCredit { .. }), 1)));
}

#[tokio::test]
async fn silence_ends() {
    let quick = |total| Limits { total: Duration::from_millis(total), max_attempts: 1, ..limits() };
    let server = Double::new([Act::Hang]).await;
    let begun = Instant::now();
    let hung = server.client_with(Provider::OpenAi, quick(300)).chat(&question(), None).await;
    assert!(matches!(hung, Err(Error::TimedOut { phase: Phase::Total, .. })), "{hung:?}");
    let hung = streamed(&server.client_with(Provider::OpenAi, quick(5000)), &question()).await.0;
    assert!(matches!(hung, Err(Error::TimedOut { phase: Phase::FirstByte, .. })), "{hung:?}");
    assert!(begun.elapsed() < Duration::from_secs(2));

    let piece = r#"data: {"choices":[{"delta":{"content":"half"}}]}"#;
    let server = Double::new([Act::Trail("text/event-stream", format!("{piece}\n\n"))]).await;
    let (result, pieces) = streamed(&server.client(Provider::OpenAi), &question()).await;
    assert!(matches!(result, Err(Error::TimedOut { phase: Phase::Total, .. })), "{result:?}");
    assert_eq!((pieces.concat().as_str(), server.bodies().len()), ("half", 1), "what was begun is not begun again");
}

#[tokio::test]
async fn garbage_has_names() {
    let plain = |kind, body: &str| Act::Say(200, "", kind, body.to_owned());
    let garbage = [
        plain("text/html", "<html>login</html>"),
        plain("application/json", "{\"choices\":[{\"mess"),
        plain("application/json", "{}"),
        plain("application/json", "{\"choices\":[{}]}"),
        plain("application/json", "[]"),
    ];
    for act in garbage {
        let (result, calls) = ask([act]).await;
        assert!(matches!(result, Err(Error::Garbage { .. })) && calls == 1, "{result:?}");
    }
    let stream = |text: &str| Act::Stream("text/event-stream", text.to_owned(), 5);
    assert!(matches!(ask_streamed(stream("data: {not json}\n\n")).await, Error::Garbage { .. }));
    assert!(matches!(ask_streamed(stream("<html>\n")).await, Error::Garbage { .. }));
    assert!(matches!(ask_streamed(stream("")).await, Error::CutOff { .. }));
    assert!(matches!(ask_streamed(Act::Stream("text/plain", "hi".into(), 2)).await, Error::Garbage { .. }));
    let cut = r#"data: {"choices":[{"delta":{"content":"a"}}]}"#;
    assert!(matches!(ask_streamed(stream(&format!("{cut}\n\n"))).await, Error::CutOff { .. }));
    let refused = r#"data: {"error":{"type":"server_error","message":"x"}}"#;
    assert!(matches!(ask_streamed(stream(&format!("{refused}\n\n"))).await, Error::Unavailable { .. }));
    let endless = Act::Stream("text/event-stream", format!("data: {}", "x".repeat(2 << 20)), 64 << 10);
    assert!(matches!(ask_streamed(endless).await, Error::Garbage { .. }));
}

#[tokio::test]
async fn large_answers_are_cut_off() {
    let small = Limits { max_response_bytes: 1000, ..limits() };
    let server = Double::new([Act::Say(200, "", "application/json", "x".repeat(2000))]).await;
    let large = server.client_with(Provider::OpenAi, small.clone()).chat(&question(), None).await;
    assert!(matches!(large, Err(Error::TooLarge { limit: 1000, .. })), "{large:?}");
    let piece = json!({"choices": [{"delta": {"content": "x".repeat(300)}}]});
    let server = Double::new([sse(&[piece.clone(), piece.clone(), piece.clone(), piece])]).await;
    let large = streamed(&server.client_with(Provider::OpenAi, small), &question()).await.0;
    assert!(matches!(large, Err(Error::TooLarge { .. })), "{large:?}");
}

/// R093: the key is in the header of the call and nowhere else, even when the provider repeats it.
#[tokio::test]
async fn the_key_is_in_no_error_and_no_debug_output() {
    let echo = json!({"error": {"message": format!("key {} is bad for Bearer {}", key(), key())}});
    for status in [400, 401, 403, 404, 422, 429, 500] {
        let server = Double::new([fails(status, "retry-after: 99\r\n", echo.clone())]).await;
        for provider in [Provider::OpenAi, Provider::Anthropic, Provider::Ollama] {
            let error = server.client(provider).chat(&question(), None).await.unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hidden"), "{status} {error:?}");
        }
        assert!(server.heads()[0].contains("hidden"), "the control: the key was sent");
    }
    let mut connection = Connection::new(Provider::OpenAi);
    connection.api_key = Some(domain::Secret::new(key()));
    assert!(!format!("{connection:?}").contains("hidden"));
}

#[tokio::test]
async fn what_cannot_be_asked_is_not_sent() {
    let server = Double::new([good()]).await;
    let client = server.client(Provider::OpenAi);
    assert!(client.chat(&ChatRequest::new("m", vec![]), None).await.is_err());
    assert!(client.chat(&ChatRequest::new(" ", vec![Message::user("a")]), None).await.is_err());
    let mut request = question();
    request.tools = vec![models::Tool { name: "bad name!".into(), description: String::new(), parameters: json!({}) }];
    assert!(matches!(client.chat(&request, None).await, Err(Error::Rejected { .. })));
    assert!(server.bodies().is_empty());

    let egress = Egress::new(Policy::default()).unwrap();
    let models = Models::new(egress, domain::Clock::new(|| domain::Timestamp::from_micros(0)), None);
    let keyless = models.connect(Connection::new(Provider::OpenAi)).unwrap().chat(&question(), None).await;
    assert!(matches!(keyless, Err(Error::Misconfigured { .. })), "{keyless:?}");
    assert!(matches!(models.connect(Connection::new(Provider::Local)), Err(Error::Misconfigured { .. })));
    // The operator has not allowed loopback, so Ollama's own address is refused, and the refusal says so.
    let refused = models.connect(Connection::new(Provider::Ollama)).unwrap().chat(&question(), None).await;
    assert!(matches!(&refused, Err(error) if error.is_refusal() && !error.may_retry()), "{refused:?}");
    let unsupported = server.client(Provider::Anthropic).embed(&Default::default()).await;
    assert!(matches!(unsupported, Err(Error::Unsupported { .. })), "{unsupported:?}");
}
