//! Filters that minijinja lacks, and bounded ones in place of those that could fill the memory.

use domain::{Json, Timestamp};
use minijinja::{Environment, Error, ErrorKind, Value, value::Rest};

use super::convert::{from_json, to_json, too_large};
use crate::limits;

pub(super) fn install(env: &mut Environment<'static>) {
    // they pad to any width, or print the whole scope
    for name in ["format", "indent", "batch", "slice", "pprint", "safe", "escape", "e"] {
        env.remove_filter(name);
    }
    for name in ["debug", "dict", "namespace"] {
        env.remove_global(name);
    }
    env.add_filter("tojson", |value: Value| -> Result<String, Error> { Ok(to_json(&value)?.to_string()) });
    env.add_filter("fromjson", |text: &str| -> Result<Value, Error> {
        let json: Json = serde_json::from_str(text).map_err(|e| wrong(format!("this text is not JSON: {e}")))?;
        Ok(from_json(&json))
    });
    env.add_filter("replace", |text: &str, from: &str, to: &str| -> Result<String, Error> {
        if from.is_empty() {
            return Err(wrong("replace needs something to look for"));
        }
        let hits = text.matches(from).count();
        bounded(text.len().saturating_add(hits.saturating_mul(to.len())))?;
        Ok(text.replace(from, to))
    });
    env.add_filter("join", |items: Value, between: Option<&str>| -> Result<String, Error> {
        let between = between.unwrap_or_default();
        let mut text = String::new();
        for (i, item) in items.try_iter()?.enumerate() {
            if i > 0 {
                text.push_str(between);
            }
            match item.as_str() {
                Some(word) => text.push_str(word),
                None if item.is_undefined() => return Err(wrong("an item to join is not defined")),
                None => text.push_str(&item.to_string()),
            }
            bounded(text.len())?;
        }
        Ok(text)
    });
    env.add_filter("urlencode", |text: &str| -> String {
        let plain = |b: &u8| b.is_ascii_alphanumeric() || b"-._~".contains(b);
        text.bytes().map(|b| if plain(&b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
    });
    env.add_filter("date", date);
    env.add_filter("coalesce", |value: Value, others: Rest<Value>| -> Value {
        let empty = |value: &Value| value.is_none() || value.is_undefined();
        if empty(&value) { others.iter().find(|v| !empty(v)).cloned().unwrap_or(value) } else { value }
    });
}

/// `"2026-11-21T20:00:00Z" | date("%Y-%m-%d")`, in UTC. There is no filter that knows the present time.
fn date(text: &str, pattern: Option<&str>) -> Result<String, Error> {
    let at = Timestamp::parse(text).ok_or_else(|| wrong("date needs a time such as 2026-11-21T20:00:00Z"))?;
    let at = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.micros()) * 1000)
        .map_err(|_| wrong("this time is out of range"))?;
    let mut out = String::new();
    let mut chars = pattern.unwrap_or("%Y-%m-%d").chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('Y') => out.push_str(&format!("{:04}", at.year())),
            Some('m') => out.push_str(&format!("{:02}", u8::from(at.month()))),
            Some('d') => out.push_str(&format!("{:02}", at.day())),
            Some('H') => out.push_str(&format!("{:02}", at.hour())),
            Some('M') => out.push_str(&format!("{:02}", at.minute())),
            Some('S') => out.push_str(&format!("{:02}", at.second())),
            Some('f') => out.push_str(&format!("{:06}", at.microsecond())),
            Some('j') => out.push_str(&format!("{:03}", at.ordinal())),
            Some('s') => out.push_str(&at.unix_timestamp().to_string()),
            Some('A') => out.push_str(&at.weekday().to_string()),
            Some('a') => out.push_str(&at.weekday().to_string()[..3]),
            Some('B') => out.push_str(&at.month().to_string()),
            Some('b') => out.push_str(&at.month().to_string()[..3]),
            Some('%') => out.push('%'),
            _ => return Err(wrong("date knows %Y %m %d %H %M %S %f %j %s %A %a %B %b and %%")),
        }
    }
    Ok(out)
}

fn bounded(bytes: usize) -> Result<(), Error> {
    if bytes > limits::EXPRESSION_BYTES { Err(too_large()) } else { Ok(()) }
}

fn wrong(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}
