//! How often a schema looks at one and the same value: alternatives whose alternatives refer on double at every step,
//! and a validator walks them all.

use std::collections::HashMap;

use domain::Json;

/// Looks at one value; more is a bomb.
pub(super) const MOST_LOOKS: u64 = 10_000;

/// Keywords whose schemas look at the same value as the schema that they stand in.
const SAME_VALUE: &[&str] =
    &["allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "dependencies"];

/// The most looks that any part of `schema` takes at one value. References in circles count once: the validator knows
/// that it has been there.
pub(super) fn looks(schema: &Json) -> u64 {
    let mut all = Vec::new();
    let mut open = vec![schema];
    while let Some(json) = open.pop() {
        if json.is_object() {
            all.push(json);
        }
        match json {
            Json::Object(members) => open.extend(members.values()),
            Json::Array(items) => open.extend(items),
            _ => {}
        }
    }
    let named = |one: &&&Json, name: &str| {
        ["$anchor", "$dynamicAnchor"].iter().any(|key| one.get(key).and_then(Json::as_str) == Some(name))
            || one.get("$id").and_then(Json::as_str).and_then(|id| id.strip_prefix('#')) == Some(name)
    };
    let roots: Vec<&Json> =
        std::iter::once(schema).chain(all.iter().copied().filter(|one| one.get("$id").is_some())).collect();
    let targets = |reference: &str| -> Vec<&Json> {
        match reference.strip_prefix('#') {
            Some("") => roots.clone(),
            Some(pointer) if pointer.starts_with('/') => {
                roots.iter().filter_map(|root| root.pointer(&unescaped(pointer))).collect()
            }
            Some(name) => all.iter().filter(|one| named(one, name)).copied().collect(),
            None => Vec::new(),
        }
    };
    let mut known: HashMap<usize, Option<u64>> = HashMap::new();
    let key = |json: &Json| std::ptr::from_ref(json) as usize;
    let mut most = 0;
    // Depth first without recursion: a chain of references may be as long as the schema.
    for one in &all {
        let mut stack = vec![(*one, None::<Vec<&Json>>)];
        while let Some((json, below)) = stack.pop() {
            let Some(below) = below else {
                if known.contains_key(&key(json)) {
                    continue;
                }
                known.insert(key(json), None);
                let below = same_value(json, &targets);
                stack.push((json, Some(below.clone())));
                stack.extend(below.into_iter().map(|next| (next, None)));
                continue;
            };
            let sum = below
                .iter()
                .map(|next| known.get(&key(next)).copied().flatten().unwrap_or(0))
                .fold(1_u64, u64::saturating_add);
            known.insert(key(json), Some(sum));
            most = most.max(sum);
        }
    }
    most
}

/// The schemas that look at the value that `json` looks at.
fn same_value<'j>(json: &'j Json, targets: &dyn Fn(&str) -> Vec<&'j Json>) -> Vec<&'j Json> {
    let mut below = Vec::new();
    for word in SAME_VALUE {
        match json.get(word) {
            Some(Json::Array(items)) => below.extend(items),
            Some(Json::Object(members)) if word.starts_with("depend") => below.extend(members.values()),
            Some(one @ Json::Object(_)) => below.push(one),
            _ => {}
        }
    }
    for word in ["$ref", "$dynamicRef", "$recursiveRef"] {
        if let Some(reference) = json.get(word).and_then(Json::as_str) {
            below.extend(targets(reference));
        }
    }
    below.retain(|one| one.is_object());
    below
}

/// `%24defs` as `$defs`; what is no escape stays.
fn unescaped(pointer: &str) -> String {
    let mut out = Vec::with_capacity(pointer.len());
    let bytes = pointer.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        let escape = (bytes[i] == b'%')
            .then(|| pointer.get(i + 1..i + 3))
            .flatten()
            .and_then(|d| u8::from_str_radix(d, 16).ok());
        out.push(escape.unwrap_or(bytes[i]));
        i += if escape.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}
