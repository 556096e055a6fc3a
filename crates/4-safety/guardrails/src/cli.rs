//! `nodeloom guard check …` and `nodeloom guard eval …`: the same checks in a shell or a CI job. No network.

use std::{
    io::{Read, Write},
    path::Path,
};

use domain::{Channel, Finding};
use pii::{Detector, Kind};
use serde_json::json;

use crate::{
    Learned,
    checks::{content, pii as pii_check, prompt_injection, sql},
    eval::{self, Interval, Measured, Options, What},
};

const USAGE: &str = "usage:
  nodeloom guard check [--check NAME]… [--channel user|data] [--threshold 0..1] [--sql-mode fragment|statement]
                       [--names] [--model FILE] [--json] [TEXT | FILE… | -]
  nodeloom guard eval --check NAME [--channel user|data] [--sql-mode fragment|statement] [--names]
                      [--model FILE] [--json] FILE…
NAME is one of prompt_injection, pii, secrets, content, sql. `check` runs prompt_injection, pii and content when none is
named; `--names` looks for names of people and places with pii. `check` reads standard input for `-` or without a text,
and files where files of those names exist. Spans count bytes of UTF-8.
`eval` reads JSON lines, gzipped or not: {\"text\": …, \"label\": 0 or 1}; for pii {\"text\": …, \"spans\": [[type, start, end]]}
in characters, with Presidio's names of types.
Exit: 0 nothing found, 1 something found, 2 a check could not run or another error.";

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
        say(USAGE)?;
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
    // `-j` is a slip, `-1 OR 1=1` a text.
    let slip = |word: &&String| matches!(word.as_bytes(), [b'-', letter] if letter.is_ascii_alphabetic());
    match given.rest.iter().find(slip) {
        Some(slip) if !plain => Err(format!("`{slip}` is not known\n{USAGE}")),
        _ => Ok(given),
    }
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

/// A text and the file it was read from, where it was.
type Input = (Option<String>, String);

/// What is checked: standard input, one text, or any number of files.
fn inputs(given: &Given) -> Result<Vec<Input>, String> {
    let files = given.rest.iter().filter(|word| Path::new(word).is_file()).count();
    match given.rest.as_slice() {
        [] => Ok(vec![(None, read(std::io::stdin(), "standard input")?)]),
        [one] if one == "-" => Ok(vec![(None, read(std::io::stdin(), "standard input")?)]),
        words if files == words.len() => words.iter().map(read_file).collect(),
        // A file that is not there must not be taken for a harmless text.
        [one] if looks_like_a_file(one) => Err(format!("there is no file {one}{ELSE}")),
        [one] => Ok(vec![(None, one.clone())]),
        words if files > 0 => {
            let missing = words.iter().find(|word| !Path::new(word).is_file()).map_or("", String::as_str);
            Err(format!("there is no file {missing}{ELSE}"))
        }
        words => Ok(vec![(None, words.join(" "))]),
    }
}

/// What to do with a text that was taken for a file.
const ELSE: &str = "; a text that looks like files goes through standard input";

/// A path, or a name with the ending of a file of text.
fn looks_like_a_file(word: &str) -> bool {
    const ENDINGS: [&str; 22] = [
        "txt", "md", "json", "jsonl", "csv", "tsv", "log", "html", "htm", "xml", "yaml", "yml", "toml", "eml", "sql",
        "py", "js", "ts", "rs", "gz", "pdf", "docx",
    ];
    let path = ["/", "./", "../", "~/"].iter().any(|start| word.starts_with(start));
    let ending = word.rsplit_once('.').is_some_and(|(_, ending)| ENDINGS.contains(&ending));
    !word.contains(char::is_whitespace) && !word.contains("://") && (path || ending)
}

fn read_file(name: &String) -> Result<Input, String> {
    let file = std::fs::File::open(name).map_err(|error| format!("cannot read {name}: {error}"))?;
    Ok((Some(name.clone()), read(file, name)?))
}

fn read(from: impl Read, name: &str) -> Result<String, String> {
    let mut bytes = Vec::new();
    from.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|error| format!("cannot read {name}: {error}"))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(format!("{name} is longer than {MOST_BYTES} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| format!("{name} is not UTF-8 text"))
}

/// A line of the answer. Who stops listening, such as `head`, has heard enough: that is no error.
fn say(line: &str) -> Result<(), String> {
    match writeln!(std::io::stdout().lock(), "{line}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(format!("cannot write: {error}")),
        _ => Ok(()),
    }
}

fn check(given: &Given) -> Result<i32, String> {
    let standard = [What::PromptInjection, What::Pii, What::Content];
    let checks = if given.checks.is_empty() { &standard[..] } else { &given.checks };
    let learned = learned(given);
    let inputs = inputs(given)?;
    let several = inputs.len() > 1;
    let mut code = 0;
    for (file, text) in &inputs {
        let mut found: Vec<Finding> = Vec::new();
        let mut missing = Vec::new();
        for what in checks {
            match findings(*what, text, given, &learned) {
                Ok(said) => found.extend(said),
                // The other checks still run; that one did not is the exit code.
                Err(why) => missing.push((what.name(), why)),
            }
        }
        let of = file.as_ref().filter(|_| several).map_or(String::new(), |file| format!("{file}: "));
        for (name, why) in &missing {
            eprintln!("{of}{name} was not evaluated: {why}");
        }
        if given.json {
            let missing: Vec<_> = missing.iter().map(|(check, why)| json!({ "check": check, "why": why })).collect();
            let mut answer = json!({ "flagged": !found.is_empty(), "findings": found, "not_evaluated": missing });
            if let Some(file) = file {
                answer["file"] = json!(file);
            }
            say(&answer.to_string())?;
        } else if found.is_empty() && missing.is_empty() {
            say(&format!("{of}nothing found"))?;
        }
        for one in found.iter().filter(|_| !given.json) {
            let place = one.span.map_or(String::new(), |span| format!(" at {}..{}", span.start, span.end));
            say(&format!(
                "{of}{:<8} {} {} (score {:.2}){place}: {} [{}]",
                one.severity, one.check, one.family, one.score, one.why, one.by
            ))?;
        }
        code = code.max(if missing.is_empty() { i32::from(!found.is_empty()) } else { 2 });
    }
    Ok(code)
}

fn findings(what: What, text: &str, given: &Given, learned: &Learned) -> Result<Vec<Finding>, String> {
    Ok(match what {
        What::PromptInjection => {
            let said = prompt_injection::judge(text, given.channel, given.threshold, learned, None)?;
            if let Some(unread) = &said.unread {
                eprintln!("note: {unread}");
            }
            said.findings
        }
        What::Pii if given.names => pii_check::check_text(text, &Detector::with_names()),
        What::Pii => pii_check::check_text(text, &Detector::standard()),
        What::Secrets => pii_check::check_text(text, &Detector::only([Kind::ApiKey, Kind::Jwt])),
        What::Content => {
            let options = content::ContentOptions { threshold: given.threshold, ..Default::default() };
            content::local(text, &options, learned, None)?
        }
        What::Sql => {
            let rules = sql::SqlRules { mode: given.sql_mode, ..Default::default() };
            rules.check(text).map_err(|error| error.to_string())?
        }
    })
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
            say(&serde_json::to_string(&measured).map_err(|error| error.to_string())?)?;
            continue;
        }
        say(&format!("{}: n {}, positives {}", measured.file, measured.n, measured.positives))?;
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
                    say(&format!("  {name:<9} {value:.3}  [{low:.3}, {high:.3}]"))?;
                }
            }
        }
        for (name, of_type) in measured.types.iter().flatten() {
            let shown = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.3}"));
            let (recall, precision) = (shown(of_type.recall), shown(of_type.precision));
            say(&format!("  {name:<24} n {:<5} recall {recall} precision {precision}", of_type.n))?;
        }
        for (name, n) in &measured.left_out {
            say(&format!("  {name:<24} n {n:<5} not looked for, and not counted"))?;
        }
        let Measured { p50_ms, p95_ms, p99_ms, .. } = measured;
        say(&format!("  ms a text p50 {p50_ms:.3} p95 {p95_ms:.3} p99 {p99_ms:.3}"))?;
    }
    Ok(if failed { 2 } else { 0 })
}
