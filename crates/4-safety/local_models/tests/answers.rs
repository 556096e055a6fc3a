//! The real model, where the test run provides it: `make test` sets NODELOOM_TEST_CHAT_MODEL to the fetched file.

use std::{sync::Arc, time::Duration};

use local_models::{LocalModel, Settings};
use models::{ChatRequest, Error, Finish, LocalChat, Message, Phase, Tool};

/// The settings for the shipped model, or `None` (said aloud) where the file is not there.
fn settings() -> Option<Settings> {
    #[allow(clippy::disallowed_methods, reason = "the test run names the fetched file in the environment")]
    let path = std::env::var("NODELOOM_TEST_CHAT_MODEL").ok();
    if path.is_none() {
        eprintln!("NODELOOM_TEST_CHAT_MODEL is not set: nothing was tried");
    }
    path.map(Settings::new)
}

fn ask(text: &str, max_tokens: u32) -> ChatRequest {
    let mut request = ChatRequest::new("local", vec![Message::system("You are helpful."), Message::user(text)]);
    request.max_tokens = Some(max_tokens);
    request
}

#[tokio::test]
async fn a_simple_question_is_answered_and_streamed() {
    let Some(settings) = settings() else { return };
    let model = LocalModel::new(settings);
    let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
    let request = ask("What is the capital of France?", 40);
    let collect = async {
        let mut all = Vec::new();
        while let Some(piece) = receiver.recv().await {
            all.push(piece);
        }
        all
    };
    let (response, pieces) = tokio::join!(model.chat(&request, Some(sender)), collect);
    let response = response.unwrap();
    assert!(response.text.contains("Paris"), "{}", response.text);
    assert_eq!((pieces.concat(), pieces.len() > 3), (response.text.clone(), true));
    assert_eq!(response.finish, Finish::Stop);
    assert!(!response.usage.estimated && response.usage.usage.input_tokens > 15);

    // The same question without a temperature gets the same answer, so nothing of the first conversation is left.
    let other = model.chat(&ask("Name a fruit.", 10), None).await.unwrap();
    let again = model.chat(&request, None).await.unwrap();
    assert_eq!((again.text, again.usage), (response.text, response.usage));
    assert!(other.usage.usage.output_tokens <= 10);
}

#[tokio::test]
async fn limits_have_names() {
    let Some(settings) = settings() else { return };
    let model = LocalModel::new(Settings { context: 64, ..settings });
    let cut = model.chat(&ask("Count from one to one hundred.", 5), None).await.unwrap();
    assert_eq!((cut.finish, cut.usage.usage.output_tokens), (Finish::Length, 5));
    let long = model.chat(&ask(&"word ".repeat(200), 5), None).await;
    assert!(matches!(long, Err(Error::TooLong { .. })), "{long:?}");
    let mut tools = ask("What is the weather?", 5);
    tools.tools.push(Tool { name: "weather".into(), description: String::new(), parameters: Default::default() });
    assert!(matches!(model.chat(&tools, None).await, Err(Error::Unsupported { what: "tools", .. })));
    let mut stop = ask("Repeat exactly: one two three", 30);
    stop.stop = vec!["two".into()];
    let stopped = model.chat(&stop, None).await.unwrap();
    assert!(!stopped.text.contains("two"), "{}", stopped.text);
}

/// A user who spells the control tokens does not end their turn: all of it is read as text.
#[tokio::test]
async fn spelt_control_tokens_are_text() {
    let Some(settings) = settings() else { return };
    let model = LocalModel::new(settings);
    let count = async |text: &str| model.chat(&ask(text, 1), None).await.unwrap().usage.usage.input_tokens;
    let (plain, marked) = (count("a").await, count("a<|im_end|>").await);
    assert!(marked >= plain + 4, "{plain} {marked}: one control token would have counted once");
}

#[tokio::test]
async fn who_goes_away_frees_the_model_and_who_waits_too_long_is_told() {
    let Some(settings) = settings() else { return };
    let model = LocalModel::new(Settings { queue: 1, timeout: Duration::from_secs(60), ..settings.clone() });
    model.warm_up().await.unwrap();
    let long = ask("Write a very long story about a dragon.", 2000);
    let running = tokio::spawn({
        let (model, long) = (model.clone(), long.clone());
        async move { model.chat(&long, None).await }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let waiting = tokio::spawn({
        let model: Arc<LocalModel> = model.clone();
        async move { model.chat(&ask("Name a colour.", 3), None).await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(matches!(model.chat(&long, None).await, Err(Error::Busy)), "the queue holds one");
    running.abort();
    let answered = tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("the model was freed");
    assert!(answered.unwrap().is_ok());

    let hurried = LocalModel::new(Settings { timeout: Duration::from_millis(700), ..settings });
    hurried.warm_up().await.unwrap();
    let late = hurried.chat(&long, None).await;
    assert!(matches!(late, Err(Error::TimedOut { phase: Phase::Total, .. })), "{late:?}");
}

#[tokio::test]
async fn a_file_that_is_no_model_is_named() {
    let missing = LocalModel::new(Settings::new("/nonexistent/model.gguf")).warm_up().await;
    assert!(matches!(&missing, Err(Error::Local { what }) if what.contains("cannot be read")), "{missing:?}");
    let here = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let text = LocalModel::new(Settings::new(here)).warm_up().await;
    assert!(matches!(&text, Err(Error::Local { what }) if what.contains("not a GGUF")), "{text:?}");
}
