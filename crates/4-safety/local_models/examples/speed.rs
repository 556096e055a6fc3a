//! How fast the local chat model is on this machine: `cargo run --release -p local_models --example speed -- MODEL`.

use std::time::Instant;

use local_models::{LocalModel, Settings};
use models::{ChatRequest, LocalChat, Message};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: speed MODEL.gguf")?;
    let model = LocalModel::new(Settings::new(path));
    let begun = Instant::now();
    model.warm_up().await?;
    println!("load                 {:>7.3} s", begun.elapsed().as_secs_f64());
    let (mut firsts, mut wholes, mut rates) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..5 {
        let question =
            "Tell me in a few sentences why the sea often looks so very blue on a warm and sunny day in summer.";
        let mut request = ChatRequest::new("local", vec![Message::system("You are helpful."), Message::user(question)]);
        request.max_tokens = Some(120);
        let (sender, mut receiver) = tokio::sync::mpsc::channel(256);
        let begun = Instant::now();
        let chat = model.chat(&request, Some(sender));
        let watch = async {
            let first = receiver.recv().await.map(|_| begun.elapsed());
            while receiver.recv().await.is_some() {}
            first
        };
        let (response, first) = tokio::join!(chat, watch);
        let (response, first) = (response?, first.ok_or("no token came")?);
        let all = begun.elapsed();
        let rate = (response.usage.usage.output_tokens - 1) as f64 / (all - first).as_secs_f64();
        if round == 0 {
            println!("prompt               {:>7} tokens", response.usage.usage.input_tokens);
            println!("answer               {:>7} tokens: {}", response.usage.usage.output_tokens, response.text);
        }
        firsts.push(first.as_secs_f64());
        wholes.push(all.as_secs_f64());
        rates.push(rate);
    }
    firsts.sort_by(f64::total_cmp);
    wholes.sort_by(f64::total_cmp);
    rates.sort_by(f64::total_cmp);
    println!("time to first token  {:>7.3} s (median of 5; {:.3} to {:.3})", firsts[2], firsts[0], firsts[4]);
    println!("whole answer         {:>7.3} s (median of 5)", wholes[2]);
    println!("tokens a second      {:>7.1} (median of 5; {:.1} to {:.1})", rates[2], rates[0], rates[4]);
    Ok(())
}
