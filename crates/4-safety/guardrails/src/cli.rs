//! `nodeloom guard check …` and `nodeloom guard eval …`: the same checks in a shell or a CI job. No network.

use std::{io::Read, path::Path};

use domain::{Channel, Finding};
use pii::{Detector, Kind};
use serde_json::json;

use crate::{
    Learned,
    checks::{content, pii as pii_check, prompt_injection, sql},
    eval::{self, Interval, Options, What},
};

const USAGE: &str = "usage:
  nodeloom guard check [--check NAME]… [--channel user|data] [--threshold 0..1] [--sql-mode fragment|statement]
                       [--names] [--model FILE] [--json] [TEXT | FILE | -]
  nodeloom guard eval --check NAME [--channel user|data] [--sql-mode fragment|statement] [--names]
                      [--model FILE] [--json] FILE…
NAME is one of prompt_injection, pii, secrets, content, sql. `check` runs prompt_injection, pii and content when none is
named; `--names` looks for names of people and places with pii; it reads standard input for `-` or without a text, and a file where a file of that name exists.
Exit: 0 nothing found, 1 something found, 2 error.";

/// The longest input that `check` reads.
const MOST_BYTES: u64 = 16 << 20;

/// Runs with the arguments behind `guard`; answers the exit code.
pub fn main(args: Vec<String>) -> i32 {
    match run(&args) {
        Ok(code) => code,
        Err(message) => {
            eprintln!("{message}");
            2
        }
    }
}

#[derive(Default)]
struct Given {
    checks: Vec<What>,
    channel: Channel,
    threshold: Option<f32>,
    sql_mode: Option<sql::Mode>,
    json: bool,
    names: bool,
    model: Option<String>,
    rest: Vec<String>,
}

fn run(args: &[String]) -> Result<i32, String> {
    let Some((verb, rest)) = args.split_first() else { return Err(USAGE.to_owned()) };
    if matches!(verb.as_str(), "help" | "--help" | "-h") || rest.iter().any(|arg| arg == "--help" || arg == "-h") {
        println!("{USAGE}");
        return Ok(0);
    }
    let given = read_args(rest)?;
    match verb.as_str() {
        "check" => check(&given),
        "eval" => evaluate(&given),
        other => Err(format!("`{other}` is not known\n{USAGE}")),
    }
}

fn read_args(args: &[String]) -> Result<Given, String> {
    let mut given = Given::default();
    let mut args = args.iter();
    let mut plain = false;
    while let Some(arg) = args.next() {
        let (flag, inline) = match arg.split_once('=') {
            Some((flag, value)) if flag.starts_with("--") => (flag, Some(value.to_owned())),
            _ => (arg.as_str(), None),
        };
        let mut value = || inline.clone().or_else(|| args.next().cloned()).ok_or(format!("{flag} needs a value"));
        match flag {
            _ if plain || !flag.starts_with("--") => given.rest.push(arg.clone()),
            "--" => plain = true,
            "--json" => given.json = true,
            "--names" => given.names = true,
            "--check" => {
                for name in value()?.split(',') {
                    given.checks.push(what(name)?);
                }
            }
            "--channel" => {
                given.channel = match value()?.as_str() {
                    "user" => Channel::User,
                    "data" => Channel::Data,
                    other => return Err(format!("--channel is user or data, not {other}")),
                }
            }
            "--sql-mode" => {
                given.sql_mode = Some(match value()?.as_str() {
                    "fragment" => sql::Mode::Fragment,
                    "statement" => sql::Mode::Statement,
                    other => return Err(format!("--sql-mode is fragment or statement, not {other}")),
                });
            }
            "--model" => given.model = Some(value()?),
            "--threshold" => {
                let share = value()?.parse::<f32>().ok().filter(|n| (0.0..=1.0).contains(n));
                given.threshold = Some(share.ok_or("--threshold is a number from 0 to 1")?);
            }
            other => return Err(format!("`{other}` is not known\n{USAGE}")),
        }
    }
    Ok(given)
}

fn learned(given: &Given) -> Learned {
    given.model.as_ref().map_or_else(Learned::shipped, Learned::from_file)
}

fn what(name: &str) -> Result<What, String> {
    Ok(match name.to_ascii_lowercase().as_str() {
        "prompt_injection" => What::PromptInjection,
        "pii" | "pii_redaction" => What::Pii,
        "secrets" => What::Secrets,
        "content" | "content_filter" => What::Content,
        "sql" | "sql_injection" => What::Sql,
        other => return Err(format!("--check is prompt_injection, pii, secrets, content or sql, not {other}")),
    })
}

fn input(given: &Given) -> Result<String, String> {
    let read = |mut from: Box<dyn Read>, name: &str| {
        let mut bytes = Vec::new();
        from.by_ref()
            .take(MOST_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| format!("cannot read {name}: {error}"))?;
        if bytes.len() as u64 > MOST_BYTES {
            return Err(format!("{name} is longer than {MOST_BYTES} bytes"));
        }
        String::from_utf8(bytes).map_err(|_| format!("{name} is not UTF-8 text"))
    };
    match given.rest.as_slice() {
        [] => read(Box::new(std::io::stdin()), "standard input"),
        [one] if one == "-" => read(Box::new(std::io::stdin()), "standard input"),
        [one] if Path::new(one).is_file() => {
            let file = std::fs::File::open(one).map_err(|error| format!("cannot read {one}: {error}"))?;
            read(Box::new(file), one)
        }
        words => Ok(words.join(" ")),
    }
}

fn check(given: &Given) -> Result<i32, String> {
    let text = input(given)?;
    let checks = if given.checks.is_empty() {
        vec![What::PromptInjection, What::Pii, What::Content]
    } else {
        given.checks.clone()
    };
    let learned = learned(given);
    let mut found: Vec<Finding> = Vec::new();
    for what in checks {
        found.extend(match what {
            What::PromptInjection => {
                let said = prompt_injection::judge(&text, given.channel, given.threshold, &learned, None);
                let said = said.map_err(|why| format!("prompt_injection was not evaluated: {why}"))?;
                if let Some(unread) = &said.unread {
                    eprintln!("note: {unread}");
                }
                said.findings
            }
            What::Pii if given.names => pii_check::check_text(&text, &Detector::with_names()),
            What::Pii => pii_check::check_text(&text, &Detector::standard()),
            What::Secrets => pii_check::check_text(&text, &Detector::only([Kind::ApiKey, Kind::Jwt])),
            What::Content => {
                let options = content::ContentOptions { threshold: given.threshold, ..Default::default() };
                content::local(&text, &options, &learned, None)
                    .map_err(|why| format!("content was not evaluated: {why}"))?
            }
            What::Sql => {
                let rules = sql::SqlRules { mode: given.sql_mode, ..Default::default() };
                rules.check(&text).map_err(|error| format!("sql was not evaluated: {error}"))?
            }
        });
    }
    if given.json {
        println!("{}", json!({ "flagged": !found.is_empty(), "findings": found }));
    } else if found.is_empty() {
        println!("nothing found");
    } else {
        for one in &found {
            let place = one.span.map_or(String::new(), |span| format!(" at {}..{}", span.start, span.end));
            println!(
                "{:<8} {} {} (score {:.2}){place}: {} [{}]",
                one.severity, one.check, one.family, one.score, one.why, one.by
            );
        }
    }
    Ok(i32::from(!found.is_empty()))
}

fn evaluate(given: &Given) -> Result<i32, String> {
    let [what] = given.checks.as_slice() else { return Err(format!("eval needs one --check\n{USAGE}")) };
    if given.rest.is_empty() {
        return Err(format!("eval needs at least one file\n{USAGE}"));
    }
    let options = Options {
        what: *what,
        channel: given.channel,
        sql_mode: given.sql_mode.unwrap_or(sql::Mode::Fragment),
        names: given.names,
        learned: learned(given),
    };
    let mut failed = false;
    for file in &given.rest {
        let measured = match eval::measure(Path::new(file), &options) {
            Ok(measured) => measured,
            Err(error) => {
                let cause = std::error::Error::source(&error).map_or(String::new(), |source| format!(": {source}"));
                eprintln!("{error}{cause}");
                failed = true;
                continue;
            }
        };
        if given.json {
            println!("{}", serde_json::to_string(&measured).map_err(|error| error.to_string())?);
            continue;
        }
        println!("{}: n {}, positives {}", measured.file, measured.n, measured.positives);
        if let Some(scores) = &measured.intervals {
            let named = [
                ("recall", scores.recall),
                ("fpr", scores.fpr),
                ("precision", scores.precision),
                ("f1", scores.f1),
                ("auc", scores.auc),
            ];
            for (name, Interval { value, low, high }) in named {
                if let Some(value) = value {
                    println!("  {name:<9} {value:.3}  [{low:.3}, {high:.3}]");
                }
            }
        }
        for (name, of_type) in measured.types.iter().flatten() {
            let shown = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.3}"));
            println!(
                "  {name:<24} n {:<5} recall {} precision {}",
                of_type.n,
                shown(of_type.recall),
                shown(of_type.precision)
            );
        }
        println!("  ms a text p50 {:.3} p95 {:.3} p99 {:.3}", measured.p50_ms, measured.p95_ms, measured.p99_ms);
    }
    Ok(if failed { 2 } else { 0 })
}
