//! Reading the `policies` object of a workflow definition; all mistakes at once.

use std::{collections::BTreeSet, time::Duration};

use domain::Json;

use crate::{Defect, DomainPattern, HttpDomains, Policies, SqlScope};

impl Policies {
    /// From `{"allowed_nodes", "sql_scope", "http": {"allow", "block"}, "credentials", "rate": {"max_runs",
    /// "window_seconds"}}`; `null` limits nothing. An unknown key is a mistake: a misspelt limit is no limit.
    pub fn parse(json: &Json) -> Result<Self, Vec<Defect>> {
        let mut policies = Self::default();
        let mut defects = Vec::new();
        let Json::Object(members) = json else {
            return if json.is_null() {
                Ok(policies)
            } else {
                Err(vec![Defect { path: String::new(), message: "expected an object".to_owned() }])
            };
        };
        for (key, value) in members {
            let path = format!("/{key}");
            match key.as_str() {
                _ if value.is_null() => {}
                "allowed_nodes" => policies.tools = names(value, &path, &mut defects),
                "credentials" => policies.credentials = names(value, &path, &mut defects),
                "sql_scope" => match value.as_str().and_then(SqlScope::named) {
                    Some(scope) => policies.sql = Some(scope),
                    None => defects.push(defect(&path, "expected read_only, read_write or full")),
                },
                "http" => policies.http = http(value, &path, &mut defects),
                "rate" => policies.rate = rate(value, &path, &mut defects),
                _ => defects
                    .push(defect(&path, "unknown key; known here: allowed_nodes, sql_scope, http, credentials, rate")),
            }
        }
        if defects.is_empty() { Ok(policies) } else { Err(defects) }
    }
}

fn defect(path: &str, message: &str) -> Defect {
    Defect { path: path.to_owned(), message: message.to_owned() }
}

fn names(value: &Json, path: &str, defects: &mut Vec<Defect>) -> Option<BTreeSet<String>> {
    let list: Option<BTreeSet<String>> =
        value.as_array().and_then(|items| items.iter().map(|item| item.as_str().map(str::to_owned)).collect());
    if list.is_none() {
        defects.push(defect(path, "expected a list of texts"));
    }
    list
}

fn http(value: &Json, path: &str, defects: &mut Vec<Defect>) -> HttpDomains {
    let mut http = HttpDomains::default();
    let Json::Object(members) = value else {
        defects.push(defect(path, "expected an object with `allow` or `block`"));
        return http;
    };
    for (key, value) in members {
        let path = format!("{path}/{key}");
        let Some(list) = (match key.as_str() {
            "allow" | "block" => names(value, &path, defects),
            _ => {
                defects.push(defect(&path, "unknown key; known here: allow, block"));
                None
            }
        }) else {
            continue;
        };
        let mut patterns = Vec::new();
        for text in &list {
            match DomainPattern::parse(text) {
                Some(pattern) => patterns.push(pattern),
                None => defects.push(defect(&path, &format!("{text:?} is no domain, no *.domain and no IP address"))),
            }
        }
        match key.as_str() {
            "allow" => http.allow = Some(patterns),
            _ => http.block = patterns,
        }
    }
    http
}

fn rate(value: &Json, path: &str, defects: &mut Vec<Defect>) -> Option<(u64, Duration)> {
    let number = |key: &str| value.get(key).and_then(Json::as_u64).filter(|n| (1..=1_000_000_000).contains(n));
    let unknown = value
        .as_object()
        .is_none_or(|members| members.keys().any(|key| !["max_runs", "window_seconds"].contains(&key.as_str())));
    match (number("max_runs"), number("window_seconds"), unknown) {
        (Some(runs), Some(seconds), false) => Some((runs, Duration::from_secs(seconds))),
        _ => {
            defects.push(defect(path, "expected {\"max_runs\": N, \"window_seconds\": S}, both whole and at least 1"));
            None
        }
    }
}
