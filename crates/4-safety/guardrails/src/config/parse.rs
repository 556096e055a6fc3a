//! The node's parameters as a list of checks.

use std::{sync::Arc, time::Duration};

use domain::{Channel, CheckKind, Enforcement, Json};
use serde_json::Map;

use super::{CheckConfig, ConfigError, GuardrailConfig, WhenNotEvaluated, reader::Reader, specs};
use crate::allow::Exception;

/// What checks take from the node when they say nothing themselves.
struct Defaults {
    enforcement: Enforcement,
    shadow: bool,
    timeout: Duration,
    when_not_evaluated: WhenNotEvaluated,
    exceptions: Vec<Exception>,
    threshold: Option<f32>,
}

/// Sections of the node that hold options of one check, when that check is named by its word alone.
pub(super) const SECTIONS: [(CheckKind, &[&str]); 5] = [
    (CheckKind::PromptInjection, &["prompt_injection", "promptInjection"]),
    (CheckKind::PiiRedaction, &["pii"]),
    (CheckKind::ContentFilter, &["content"]),
    (CheckKind::SqlInjection, &["sql"]),
    (CheckKind::SemanticSimilarity, &["similarity"]),
];

pub(super) fn parse(parameters: &Json) -> Result<GuardrailConfig, Vec<ConfigError>> {
    let mut errors = Vec::new();
    let Json::Object(members) = parameters else {
        return Err(vec![ConfigError {
            path: String::new(),
            code: "wrong_type",
            message: "expected an object with `checks`".to_owned(),
        }]);
    };
    let mut r = Reader::new(members, "", &mut errors);
    for ours in [&["input"], &["name"], &["description"]] {
        r.get(ours);
    }
    let defaults = Defaults {
        enforcement: enforcement(&mut r).unwrap_or(Enforcement::Block),
        shadow: r.bool(&["shadow"]).unwrap_or(false),
        timeout: timeout(&mut r).unwrap_or(Duration::from_secs(10)),
        when_not_evaluated: when_not_evaluated(&mut r).unwrap_or(WhenNotEvaluated::FailClosed),
        exceptions: exceptions(&mut r),
        threshold: r.share(&["threshold"]),
    };
    let channel = match r.text(&["channel"]) {
        None => None,
        Some("user") => Some(Channel::User),
        Some("data") => Some(Channel::Data),
        Some(_) => {
            r.error("channel", "bad_value", "expected \"user\" or \"data\"");
            None
        }
    };
    let mut checks = Vec::new();
    let empty = Map::new();
    if let Some((name, items)) = r.list(&["checks"]) {
        for (index, item) in items.iter().enumerate() {
            let key = format!("{name}/{index}");
            let (word, own) = match item {
                Json::String(word) => (Some(word.as_str()), None),
                Json::Object(own) => {
                    (["type", "check"].iter().find_map(|k| own.get(*k)).and_then(Json::as_str), Some(own))
                }
                _ => (None, None),
            };
            let Some(kind) = word.and_then(kind_of) else {
                let known: Vec<&str> = CheckKind::ALL.iter().map(|kind| kind.as_str()).collect();
                let path = format!("{}/{key}", r.path);
                r.errors().push(ConfigError {
                    path,
                    code: "bad_value",
                    message: format!("expected one of {}, alone or as `type` of an object", known.join(", ")),
                });
                continue;
            };
            match own {
                Some(own) => one(&mut r, kind, own, &key, true, &defaults, &mut checks),
                // Named by its word: the options stand in the node's own section, if anywhere.
                None if kind == CheckKind::SchemaValidation || kind == CheckKind::CustomRule => {}
                None => {
                    let section = SECTIONS.iter().find(|(k, _)| *k == kind).and_then(|(_, names)| r.object(names));
                    let (path, own) = section.map_or((key, &empty), |(name, own)| (name.to_owned(), own));
                    one(&mut r, kind, own, &path, false, &defaults, &mut checks);
                }
            }
        }
    }
    let named = |word: CheckKind| {
        members
            .get("checks")
            .and_then(Json::as_array)
            .is_some_and(|items| items.iter().any(|item| item.as_str().and_then(kind_of) == Some(word)))
    };
    for (kind, names) in SECTIONS {
        let names: &'static [&'static str] = names;
        if let Some((name, _)) = r.get(names)
            && !named(kind)
        {
            r.error(name, "bad_value", format!("options of {kind}, which is not named in `checks`"));
        }
    }
    if let Some((name, schema)) = r.get(&["schemaValidation", "schema_validation"]) {
        specs::schema(&mut r, name, schema)
            .into_iter()
            .for_each(|spec| checks.push(defaults.check(CheckKind::SchemaValidation, spec)));
    } else if named(CheckKind::SchemaValidation) {
        r.error("schemaValidation", "missing", "SCHEMA_VALIDATION needs a JSON Schema in `schemaValidation`");
    }
    let rules = r.list(&["rules", "customRules", "custom_rules"]);
    if let Some((name, items)) = rules {
        for (index, item) in items.iter().enumerate() {
            let key = format!("{name}/{index}");
            match item {
                Json::Object(own) => one(&mut r, CheckKind::CustomRule, own, &key, false, &defaults, &mut checks),
                _ => r.error(name, "wrong_type", format!("entry {index} must be an object with `type`")),
            }
        }
    } else if named(CheckKind::CustomRule) {
        r.error("rules", "missing", "CUSTOM_RULE needs at least one entry in `rules`");
    }
    if checks.is_empty() && r.errors().is_empty() {
        r.error("checks", "missing", "a guardrail needs at least one check");
    }
    r.finish();
    if !errors.is_empty() {
        return Err(errors);
    }
    checks.sort_by_key(|check: &CheckConfig| (check.spec.may_ask_a_port(), check.kind != CheckKind::SchemaValidation));
    Ok(GuardrailConfig { checks: Arc::new(checks), channel })
}

impl Defaults {
    fn check(&self, kind: CheckKind, spec: super::CheckSpec) -> CheckConfig {
        CheckConfig {
            kind,
            name: kind.as_str().to_owned(),
            enforcement: self.enforcement,
            shadow: self.shadow,
            timeout: self.timeout,
            when_not_evaluated: self.when_not_evaluated,
            exceptions: self.exceptions.clone(),
            spec,
        }
    }
}

/// Reads one check from `own`; `tagged` when the object itself says which check it is.
fn one(
    outer: &mut Reader<'_, '_>,
    kind: CheckKind,
    own: &Map<String, Json>,
    key: &str,
    tagged: bool,
    defaults: &Defaults,
    checks: &mut Vec<CheckConfig>,
) {
    let path = format!("{}/{key}", outer.path);
    let mut r = Reader::new(own, path, outer.errors());
    if tagged {
        r.get(&["type", "check"]);
        // A custom rule in `checks` says its own type in `rule`.
    }
    let enforcement = enforcement(&mut r).unwrap_or(defaults.enforcement);
    let shadow = r.bool(&["shadow"]).unwrap_or(defaults.shadow);
    let timeout = timeout(&mut r).unwrap_or(defaults.timeout);
    let when_not_evaluated = when_not_evaluated(&mut r).unwrap_or(defaults.when_not_evaluated);
    let mut all = defaults.exceptions.clone();
    all.extend(exceptions(&mut r));
    let name = r.text(&["name"]).map(str::to_owned);
    r.get(&["description"]);
    let spec = specs::spec(&mut r, kind, tagged, defaults.threshold);
    r.finish();
    if let Some(spec) = spec {
        checks.push(CheckConfig {
            kind,
            name: name.unwrap_or_else(|| kind.as_str().to_owned()),
            enforcement,
            shadow,
            timeout,
            when_not_evaluated,
            exceptions: all,
            spec,
        });
    }
}

pub(crate) fn kind_of(word: &str) -> Option<CheckKind> {
    match word {
        "PII" => Some(CheckKind::PiiRedaction),
        "CUSTOM_RULES" => Some(CheckKind::CustomRule),
        "CONTENT_FILTERING" => Some(CheckKind::ContentFilter),
        "SQL_INJECTION_PREVENTION" => Some(CheckKind::SqlInjection),
        _ => CheckKind::ALL.into_iter().find(|kind| kind.as_str() == word),
    }
}

/// `severity` as the page spells it, or `action`.
fn enforcement(r: &mut Reader<'_, '_>) -> Option<Enforcement> {
    let (name, value) = r.get(&["severity", "action"])?;
    match serde_json::from_value::<Enforcement>(value.clone()) {
        Ok(enforcement) => Some(enforcement),
        Err(_) => {
            r.error(name, "bad_value", "expected LOG, WARNING, FLAG, REDACT or BLOCK");
            None
        }
    }
}

fn timeout(r: &mut Reader<'_, '_>) -> Option<Duration> {
    r.whole(&["timeout_ms", "timeoutMs"], 1..=120_000).map(Duration::from_millis)
}

fn when_not_evaluated(r: &mut Reader<'_, '_>) -> Option<WhenNotEvaluated> {
    match r.text(&["when_not_evaluated", "whenNotEvaluated"])? {
        "fail_closed" | "block" => Some(WhenNotEvaluated::FailClosed),
        "continue" => Some(WhenNotEvaluated::Continue),
        _ => {
            r.error("when_not_evaluated", "bad_value", "expected \"fail_closed\" or \"continue\"");
            None
        }
    }
}

fn exceptions(r: &mut Reader<'_, '_>) -> Vec<Exception> {
    let Some((name, items)) = r.list(&["allow"]) else { return Vec::new() };
    let mut out = Vec::new();
    for (index, item) in items.iter().enumerate() {
        match Exception::parse(item) {
            Ok(exception) => out.push(exception),
            Err(message) => r.error(name, "bad_value", format!("entry {index}: {message}")),
        }
    }
    out
}
