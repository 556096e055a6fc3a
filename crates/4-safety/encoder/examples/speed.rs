//! How long one window takes, and how near the vectors are to reference ones:
//! `cargo run --release -p encoder --example speed -- WEIGHTS VOCABULARY [GOLDEN]`.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a program for measuring")]

use std::time::Instant;

use encoder::{Encoder, cosine, kernel::Path, unit};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let weights = std::fs::read(&args[0]).unwrap();
    let vocabulary = std::fs::read_to_string(&args[1]).unwrap();
    for path in Path::available() {
        let begun = Instant::now();
        let encoder = Encoder::load_for(&weights, &vocabulary, path).unwrap();
        println!("{path:?}: loaded in {:.0} ms", begun.elapsed().as_secs_f64() * 1e3);
        if let Some(golden) = args.get(2) {
            let rows: Vec<serde_json::Value> = serde_json::from_slice(&std::fs::read(golden).unwrap()).unwrap();
            for row in rows {
                let text = row["text"].as_str().unwrap();
                let tokens = encoder.tokens(text);
                let ids: Vec<u64> = row["ids"].as_array().unwrap().iter().map(|id| id.as_u64().unwrap()).collect();
                let ours: Vec<u64> = tokens.iter().map(|token| u64::from(token.id)).collect();
                let same = ids.len() >= 2 && ids[1..ids.len() - 1] == ours[..ours.len().min(ids.len() - 2)];
                let window = &tokens[..tokens.len().min(126)];
                let mut vector = encoder.encode(&[window]).unwrap().remove(0);
                let mut right: Vec<f32> =
                    row["pooled"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect();
                unit(&mut vector);
                unit(&mut right);
                let shown: String = text.chars().take(30).collect();
                println!("  tokens {same}, cosine {:.5}: {shown}", cosine(&vector, &right));
            }
        }
        let text = "The quick brown fox jumps over the lazy dog and says hello to the world. ".repeat(60);
        let tokens = encoder.tokens(&text);
        for (length, windows) in [(16, 1), (32, 1), (64, 1), (128, 1), (256, 1), (128, 4)] {
            let window = &tokens[..length - 2];
            let all = vec![window; windows];
            let mut millis: Vec<f64> = (0..30)
                .map(|_| {
                    let begun = Instant::now();
                    encoder.encode(&all).unwrap();
                    begun.elapsed().as_secs_f64() * 1e3
                })
                .collect();
            millis.sort_by(f64::total_cmp);
            println!("  {windows} x {length} tokens: p50 {:.2} ms, p95 {:.2} ms", millis[15], millis[28]);
        }
        let begun = Instant::now();
        let count = encoder.tokens(&text.repeat(200)).len();
        println!("  {count} tokens cut in {:.1} ms", begun.elapsed().as_secs_f64() * 1e3);
    }
}
