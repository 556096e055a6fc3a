//! The customer's own rules (R164–R167).

mod judge;
mod keyword;

use std::time::Duration;

use aho_corasick::AhoCorasick;
use domain::{CheckKind, Json, Severity};
use regex::{Regex, RegexBuilder};

use super::{Checked, Found, Unchecked, each, finding};
use crate::{
    Ports, Script,
    config::{Reach, Reader},
    framework::Texts,
};

/// Compiled size of one pattern.
const PATTERN_BYTES: usize = 1 << 20;
const MOST_HITS: usize = 100;
/// Examples that stand beside a rule, and bytes of one.
const MOST_EXAMPLES: usize = 50;
const MOST_EXAMPLE_BYTES: usize = 8 * 1024;

/// A custom rule.
#[derive(Debug)]
pub struct Rule {
    name: String,
    severity: Severity,
    body: Body,
}

#[derive(Debug)]
enum Body {
    /// `must_match`: a text that does not match is the finding.
    Regex {
        pattern: Regex,
        must_match: bool,
    },
    Keywords {
        automaton: AhoCorasick,
        count: usize,
        /// Bytes of the longest one, with room for the disguises that folding undoes.
        longest: usize,
    },
    Script {
        source: String,
    },
    Prompt {
        rule: String,
        threshold: f32,
        model: Option<String>,
    },
}

/// Reads a rule from its members; `tagged` when `type` says CUSTOM_RULE and `rule` says which.
pub(crate) fn parse(r: &mut Reader<'_, '_>, tagged: bool) -> Option<Rule> {
    let word =
        if tagged { r.text(&["rule", "ruleType", "rule_type"]) } else { r.text(&["type", "ruleType", "rule_type"]) };
    let name = r.text(&["name"]).unwrap_or("CUSTOM_RULE").to_owned();
    let severity = match r.text(&["violation_severity", "violationSeverity"]) {
        None => Severity::Medium,
        Some(word) => match Severity::ALL.into_iter().find(|s| s.as_str().eq_ignore_ascii_case(word)) {
            Some(severity) => severity,
            None => {
                r.error("violation_severity", "bad_value", "expected low, medium, high or critical");
                return None;
            }
        },
    };
    let body = match word {
        Some("REGEX") => regex(r)?,
        Some("KEYWORD_LIST") => keywords(r)?,
        Some("JAVASCRIPT") => {
            let Some(source) = r.text(&["script", "code", "source"]) else {
                r.error("script", "missing", "JAVASCRIPT needs `script`: the body of a function of `input`");
                return None;
            };
            Body::Script { source: source.to_owned() }
        }
        Some("LLM_PROMPT") => {
            let Some(rule) = r.text(&["prompt"]).filter(|text| !text.trim().is_empty()) else {
                r.error("prompt", "missing", "LLM_PROMPT needs `prompt`: the rule in plain language");
                return None;
            };
            let threshold = r.share(&["threshold"]).unwrap_or(0.7);
            Body::Prompt { rule: rule.to_owned(), threshold, model: r.text(&["model"]).map(str::to_owned) }
        }
        _ => {
            r.error("type", "bad_value", "expected REGEX, KEYWORD_LIST, JAVASCRIPT or LLM_PROMPT");
            return None;
        }
    };
    examples(r);
    Some(Rule { name, severity, body })
}

/// `tests` stand beside the rule for whoever edits it: `[{"text": …, "finds": true}]`. A screening never looks at them.
fn examples(r: &mut Reader<'_, '_>) {
    let Some((name, items)) = r.list(&["tests"]) else { return };
    let reads = |item: &Json| {
        item.as_object().is_some_and(|item| {
            item.len() == 2
                && item.get("text").and_then(Json::as_str).is_some_and(|text| text.len() <= MOST_EXAMPLE_BYTES)
                && item.get("finds").is_some_and(Json::is_boolean)
        })
    };
    if items.len() > MOST_EXAMPLES || !items.iter().all(reads) {
        r.error(
            name,
            "bad_value",
            "expected up to 50 examples such as {\"text\": \"…\", \"finds\": true}, of 8 KiB each",
        );
    }
}

fn regex(r: &mut Reader<'_, '_>) -> Option<Body> {
    let Some(pattern) = r.text(&["pattern", "regex"]) else {
        r.error("pattern", "missing", "REGEX needs `pattern`");
        return None;
    };
    let ignore_case = r.bool(&["ignore_case", "ignoreCase"]).unwrap_or(false);
    let must_match = r.bool(&["must_match", "mustMatch"]).unwrap_or(false);
    // Linear in the text whatever the pattern is; the limit bounds what compiling it may cost.
    match RegexBuilder::new(pattern).case_insensitive(ignore_case).size_limit(PATTERN_BYTES).nest_limit(64).build() {
        Ok(pattern) => Some(Body::Regex { pattern, must_match }),
        Err(error) => {
            r.error("pattern", "bad_value", format!("this pattern cannot be used: {error}"));
            None
        }
    }
}

fn keywords(r: &mut Reader<'_, '_>) -> Option<Body> {
    let Some(words) = r.texts(&["keywords", "words"]) else {
        r.error("keywords", "missing", "KEYWORD_LIST needs `keywords`");
        return None;
    };
    let folded: Vec<String> = words.iter().map(|word| keyword::fold(word)).filter(|word| !word.is_empty()).collect();
    if folded.is_empty() || folded.len() != words.len() {
        r.error("keywords", "bad_value", "keywords must hold letters or digits");
        return None;
    }
    match AhoCorasick::new(&folded) {
        Ok(automaton) => {
            let longest = folded.iter().map(String::len).max().unwrap_or(0) * 8 + 64;
            Some(Body::Keywords { automaton, count: folded.len(), longest })
        }
        Err(_) => {
            r.error("keywords", "too_large", "too many keywords");
            None
        }
    }
}

impl Rule {
    pub(crate) fn asks_a_port(&self) -> bool {
        matches!(self.body, Body::Script { .. } | Body::Prompt { .. })
    }

    pub(crate) fn reach(&self) -> Reach {
        match &self.body {
            Body::Keywords { longest, .. } => Reach::Window(*longest),
            _ => Reach::Whole,
        }
    }

    /// Rules that need nobody else.
    pub(crate) fn check_local(&self, texts: &Texts<'_>) -> Result<Checked, Unchecked> {
        match &self.body {
            Body::Regex { pattern, must_match: true } => Ok(each(texts, |text| {
                let missing = !pattern.is_match(text);
                missing
                    .then(|| self.finding(None, "regex", "the text does not match the required pattern"))
                    .into_iter()
                    .collect()
            })
            .into()),
            Body::Regex { pattern, .. } => Ok(each(texts, |text| {
                pattern
                    .find_iter(text)
                    .take(MOST_HITS)
                    .map(|hit| self.finding(Some((hit.start(), hit.end())), "regex", "the text matches the pattern"))
                    .collect()
            })
            .into()),
            Body::Keywords { automaton, count, .. } => Ok(each(texts, |text| {
                keyword::find(automaton, text)
                    .take(MOST_HITS)
                    .map(|span| {
                        self.finding(
                            Some(span),
                            "keyword",
                            &format!("the text holds one of the {count} listed keywords"),
                        )
                    })
                    .collect()
            })
            .into()),
            _ => Err(Unchecked::new("nothing is configured that could answer")),
        }
    }

    fn finding(&self, span: Option<(usize, usize)>, rule: &str, why: &str) -> domain::Finding {
        finding(CheckKind::CustomRule, self.name.clone(), self.severity, 1.0, span, &format!("custom/{rule}"), why)
    }

    /// Rules that ask somebody.
    pub(crate) async fn check(
        &self,
        json: &Json,
        texts: &Texts<'_>,
        ports: &Ports,
        timeout: Duration,
    ) -> Result<Checked, Unchecked> {
        match &self.body {
            Body::Script { source } => {
                let runner = ports
                    .script
                    .as_ref()
                    .ok_or_else(|| Unchecked::new("no sandbox is configured to run the script"))?;
                let script = Script { source: source.clone(), input: json.clone(), timeout };
                let answer = runner.run(script).await.map_err(|error| Unchecked::new(error.to_string()))?;
                let (pass, reason) = script_verdict(&answer)?;
                let found = (!pass).then(|| Found {
                    finding: self.finding(None, "javascript", &reason),
                    pointer: String::new(),
                    in_key: false,
                    visit: None,
                });
                Ok(found.into_iter().collect::<Vec<_>>().into())
            }
            Body::Prompt { rule, threshold, model } => {
                let judge =
                    ports.judge.as_ref().ok_or_else(|| Unchecked::new("no model is configured to judge the text"))?;
                let questions = judge::questions(rule, texts, model.as_deref(), timeout)
                    .ok_or_else(|| Unchecked::new("the text is longer than a model is asked to judge"))?;
                let mark = judge::mark(rule, texts);
                let mut found = Vec::new();
                for question in questions {
                    let answer = judge.ask(question).await.map_err(|error| Unchecked::new(error.to_string()))?;
                    let verdict = judge::verdict(&answer, &mark)
                        .ok_or_else(|| Unchecked::new("the model did not answer with a verdict in the asked form"))?;
                    if verdict.violates && verdict.confidence >= *threshold {
                        let mut one = self.finding(None, "llm", "the model judged that the text violates the rule");
                        one.score = verdict.confidence;
                        found.push(Found { finding: one, pointer: String::new(), in_key: false, visit: None });
                        break;
                    }
                }
                Ok(found.into())
            }
            _ => self.check_local(texts),
        }
    }
}

/// `true`/`false`, or `{pass, reason}`; anything else is no verdict.
fn script_verdict(answer: &Json) -> Result<(bool, String), Unchecked> {
    let default = "the script says that the text does not pass";
    match answer {
        Json::Bool(pass) => Ok((*pass, default.to_owned())),
        Json::Object(members) => {
            let pass = members.get("pass").and_then(Json::as_bool);
            let pass = pass.ok_or_else(|| Unchecked::new("the script returned an object without `pass`"))?;
            // The reason is the customer's text about the customer's data: it is kept short and screened.
            let reason = members.get("reason").and_then(Json::as_str).unwrap_or(default);
            let short: String = reason.chars().take(200).collect();
            Ok((pass, pii::redact(&short).into_owned()))
        }
        _ => Err(Unchecked::new("the script returned neither true nor false nor an object with `pass`")),
    }
}
