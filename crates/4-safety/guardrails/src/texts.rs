//! Every string of a JSON value, with the pointer that leads to it.

use domain::Json;
use pii::pointer_token;

/// One string to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TextAt<'t> {
    pub pointer: String,
    pub in_key: bool,
    pub text: &'t str,
}

/// All strings and all member names of `json`, in order.
pub(crate) fn texts(json: &Json) -> Vec<TextAt<'_>> {
    let mut out = Vec::new();
    walk(json, &mut String::new(), &mut out);
    out
}

fn walk<'t>(json: &'t Json, pointer: &mut String, out: &mut Vec<TextAt<'t>>) {
    match json {
        Json::String(text) => out.push(TextAt { pointer: pointer.clone(), in_key: false, text }),
        Json::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let length = pointer.len();
                pointer.push('/');
                pointer.push_str(&index.to_string());
                walk(item, pointer, out);
                pointer.truncate(length);
            }
        }
        Json::Object(members) => {
            for (name, value) in members {
                // A name with room for a sentence can carry an attack.
                if name.len() >= 12 {
                    out.push(TextAt { pointer: pointer.clone(), in_key: true, text: name });
                }
                let length = pointer.len();
                pointer.push('/');
                pointer.push_str(&pointer_token(name));
                walk(value, pointer, out);
                pointer.truncate(length);
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}
