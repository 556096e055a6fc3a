//! Every row's label, signature score and learned shares, as tab-separated lines, for choosing thresholds:
//! `scores prompt_injection|content user|data MODEL|- FILE…`, or every pair's distance: `scores distance - MODEL|- TEXT…`.

use std::path::Path;

use guardrails::{Channel, Learned, checks::prompt_injection, eval};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [what, channel, model, files @ ..] = args.as_slice() else { return eprintln!("see the source") };
    let learned = if model == "-" { Learned::shipped() } else { Learned::from_file(model) };
    let channel = if channel == "data" { Channel::Data } else { Channel::User };
    if what == "distance" {
        for (index, one) in files.iter().enumerate() {
            for other in &files[index + 1..] {
                println!("{:?}\t{one}\t{other}", guardrails::checks::similarity::distance(one, other, &learned));
            }
        }
        return;
    }
    for file in files {
        let rows = match eval::read(Path::new(file)) {
            Ok(rows) => rows,
            Err(error) => return eprintln!("{error}"),
        };
        for row in rows {
            let signature = match what.as_str() {
                "content" => {
                    guardrails::checks::content::scores(&row.text).iter().map(|hit| hit.score).fold(0.0, f32::max)
                }
                _ => {
                    prompt_injection::signals(&row.text, channel).iter().map(|signal| signal.score).fold(0.0, f32::max)
                }
            };
            let shares = match learned.shares(&row.text) {
                Ok(shares) => shares,
                Err(why) => return eprintln!("{why}"),
            };
            let shares: Vec<String> = shares.iter().map(|(name, share)| format!("{name}={share:.5}")).collect();
            let text: String = row.text.chars().take(160).filter(|c| !matches!(c, '\n' | '\t' | '\r')).collect();
            println!("{file}\t{}\t{signature:.3}\t{}\t{text}", u8::from(row.label == Some(true)), shares.join(" "));
        }
    }
}
